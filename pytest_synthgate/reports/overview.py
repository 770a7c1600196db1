"""The article's table, one row a spec, and what a verdict looks like in it and in every other report.

Rows of cells, which a terminal aligns and colours and Markdown puts between bars. A verdict is a word, signs and a
tone, so that colour alone says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pytest_synthgate.gating.gates import Verdict
from pytest_synthgate.kinds import COLUMNS
from pytest_synthgate.reports import Results
from pytest_synthgate.reports.explain import judged_value
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.measurement import Measurement, short_fingerprint
from pytest_synthgate.scores.score import Score
from pytest_synthgate.text.printable import visible

Tone = Literal["fail", "warn", "ok", "plain"]
"""What to think of it: "fail" only where the build failed."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A verdict as it is shown.

    Attributes:
        word: The verdict, as everywhere else.
        short: The same in a few letters, for a table of plain text.
        sign: A character that stands before the word.
        tone: Colour, and class of the stylesheet.
    """

    word: str
    short: str
    sign: str
    tone: Tone


_ORDER = ("not judged", "not all judged", "FAIL", "FAIL?", "xfail", "?", "warn", "new", "ok")


def mark(result: SpecResult, verdict: Verdict) -> Mark:
    """Choose the mark of a verdict of a spec."""
    if verdict.verdict == "failed" and verdict.score in result.expected:
        return Mark("failed as expected", "xfail", "–", "warn")  # noqa: RUF001 (a dash)
    if result.fails(verdict):
        return Mark(verdict.verdict, "FAIL?" if verdict.undecided else "FAIL", "✕", "fail")
    if verdict.undecided:
        return Mark(verdict.verdict, "?", "?", "warn")
    if verdict.verdict == "warned":
        return Mark("warned", "warn", "!", "warn")
    if verdict.verdict == "no baseline yet":
        return Mark("no baseline yet", "new", "+", "plain")
    return Mark("passed", "ok", "✓", "ok")


def mark_of_error(result: SpecResult) -> Mark:
    """Choose the mark of a spec that an error kept from being judged, or some of its gates."""
    word = "not all judged" if result.measurement.n_synthetic else "not judged"
    return Mark(word, word, "✕", "fail")


def gravest(marks: Iterable[Mark]) -> Mark | None:
    """Pick the mark that matters most, the first among equals; None of none."""
    return min(marks, key=lambda each: _ORDER.index(each.short), default=None)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell and what to think of it."""

    text: str
    tone: Tone = "plain"


def table_rows(results: Results) -> list[list[Cell]]:
    """Give the heading, one row a spec, and the yardstick: two halves of the real set.

    A last column stands there only when something failed, or is in doubt, that has none.
    """
    heading = [Cell(text) for text in ("spec", "images / real", "n0", *COLUMNS)]
    specs = [_row(visible(name), result) for name, result in results.items()]
    table = [heading, *specs, *map(_yardstick_row, yardsticks(results))]
    others = [_others(result) for result in results.values()]
    if not any(cell.text for cell in others):
        return table
    column = [Cell("other gates"), *others]
    return [[*row, column[number] if number < len(column) else Cell("")] for number, row in enumerate(table)]


def notes(results: Results) -> list[str]:
    """Repeat the warnings of the measurements, each once."""
    return list(dict.fromkeys(warning for each in results.values() for warning in each.measurement.warnings))


def without_column(result: SpecResult) -> list[tuple[str, Mark]]:
    """List what a spec is marked for that has no column: an error, and gates on other scores that did not pass."""
    marks = [("", mark_of_error(result))] if result.error else []
    others = ((verdict.score, mark(result, verdict)) for verdict in result.verdicts if verdict.score not in COLUMNS)
    return marks + [(score, found) for score, found in others if found.tone != "ok"]


def _row(name: str, result: SpecResult) -> list[Cell]:
    measurement = result.measurement
    cells = [_judged(score, result) for score in COLUMNS]
    counts = (f"{measurement.n_synthetic:,} / {measurement.n_real:,}", str(measurement.rung or "-"))
    return [Cell(name), *(Cell(count) for count in counts), *cells]


def _others(result: SpecResult) -> Cell:
    marks = without_column(result)
    found = gravest(each for _, each in marks)
    text = ", ".join(f"{score} {each.short}".strip() for score, each in marks)
    return Cell(text) if found is None else Cell(text, found.tone)


def _judged(score: str, result: SpecResult) -> Cell:
    verdicts = [verdict for verdict in result.verdicts if verdict.score == score]
    measured = result.measurement.scores.get(score, Score(None))
    return _cell(measured, gravest(mark(result, each) for each in verdicts), _waived(verdicts, result.measurement))


def _waived(verdicts: Sequence[Verdict], measurement: Measurement) -> str:
    """Say what was judged where waivers left findings out of the number that stands before it."""
    count = sum(len(each.waived) for each in verdicts)
    whole = next((each for each in verdicts if each.waived and each.group is None), None)
    judged = None if whole is None else judged_value(whole, measurement)
    of = "" if judged is None else f"{judged:.3f} with "
    return f" ({of}{count:,} waived)" if count else ""


def _cell(score: Score, found: Mark | None = None, remark: str = "") -> Cell:
    text = "-" if score.value is None else f"{score.value:.3f} {_brackets(score)}{remark}"
    return Cell(text) if found is None else Cell(f"{text} {found.short}", found.tone)


def _brackets(score: Score) -> str:
    """Write an interval as `[.497 .503]`."""
    ends = (f"{end:.3f}".removeprefix("0") for end in (score.low or 0.0, score.high or 0.0))
    return f"[{' '.join(ends)}]"


def yardsticks(results: Results) -> list[Measurement]:
    """Pick a measurement for each distinct yardstick, told apart by the real set, the rung and how they were made.

    The largest rung comes first, and of specs without realism scores none, unless no spec has any.
    """
    measurements = [result.measurement for result in results.values()]
    found: dict[tuple[object, ...], Measurement] = {}
    for each in [each for each in measurements if each.rung] or measurements:
        if each.yardstick:
            real = each.n_real if each.contents is None else each.contents.real
            found.setdefault((real, each.yardstick_rung, short_fingerprint(each.fingerprint)), each)
    return sorted(found.values(), key=lambda each: -(each.yardstick_rung or 0))


def _yardstick_row(measurement: Measurement) -> list[Cell]:
    counts = (f"halves of {measurement.n_real:,}", str(measurement.yardstick_rung or "-"))
    scores = (_cell(measurement.yardstick.get(score, Score(None))) for score in COLUMNS)
    return [Cell("real against real"), *map(Cell, counts), *scores]


def aligned_rows(results: Results) -> list[list[Cell]]:
    """Give the same rows with their cells padded, so that the columns are aligned in a terminal."""
    bare = table_rows(results)
    widths = [max(len(cell.text) for cell in column) + 2 for column in zip(*bare, strict=True)]
    return [_aligned(row, widths) for row in bare]


def _aligned(row: Sequence[Cell], widths: Sequence[int]) -> list[Cell]:
    cells = [replace(cell, text=cell.text.ljust(width)) for cell, width in zip(row, widths, strict=True)]
    while not cells[-1].text.strip():
        del cells[-1]
    return [*cells[:-1], replace(cells[-1], text=cells[-1].text.rstrip())]
