"""The article's table, one row a spec, and what a verdict looks like in it and in every other report.

Rows of scores with the verdicts on them, which a terminal aligns and colours, Markdown puts between bars, and the page
draws. A verdict is a word, signs and a tone, so that colour alone says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from pytest_synthgate.gating.verdict import Verdict
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
class Judged:
    """A score with the verdicts on it, those of classes too, and the gravest of their marks."""

    score: Score
    verdicts: tuple[Verdict, ...] = ()
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One spec; or the yardstick of a measurement, two halves of its real set, which has no result."""

    name: str
    measurement: Measurement
    result: SpecResult | None = None

    @property
    def images(self) -> str:
        """How many images of which set were compared."""
        found = self.measurement
        return f"halves of {found.n_real:,}" if self.result is None else f"{found.n_synthetic:,} / {found.n_real:,}"

    @property
    def rung(self) -> int | None:
        """The n0 of its realism scores."""
        return self.measurement.yardstick_rung if self.result is None else self.measurement.rung

    @property
    def cells(self) -> dict[str, Judged]:
        """Its scores, in the order of the columns."""
        if (result := self.result) is None:
            return {score: Judged(self.measurement.yardstick.get(score, Score(None))) for score in COLUMNS}
        verdicts = {score: tuple(each for each in result.verdicts if each.score == score) for score in COLUMNS}
        return {
            score: Judged(self.measurement.score(score), found, gravest(mark(result, each) for each in found))
            for score, found in verdicts.items()
        }

    @property
    def others(self) -> list[tuple[str, Mark]]:
        """What it is marked for that has no column: an error, and gates on other scores that did not pass."""
        if (result := self.result) is None:
            return []
        marks = [(each.score, mark(result, each)) for each in result.verdicts if each.score not in COLUMNS]
        error = [("", mark_of_error(result))] if result.error else []
        return error + [(score, found) for score, found in marks if found.tone != "ok"]


def score_table(results: Results) -> list[ScoreRow]:
    """Give a row a spec, in the order of the results, and below them the yardsticks."""
    specs = [ScoreRow(name, each.measurement, each) for name, each in results.items()]
    return [*specs, *(ScoreRow("real against real", each) for each in yardsticks(results))]


def yardsticks(results: Results) -> list[Measurement]:
    """Pick a measurement for each distinct yardstick, told apart by the real set, the rung and how they were made.

    The largest rung comes first, and of specs without realism scores none, unless no spec has any.
    """
    measurements = [result.measurement for result in results.values()]
    found: dict[tuple[object, ...], Measurement] = {}
    for each in [each for each in measurements if each.rung] or measurements:
        if each.yardstick:
            found.setdefault((measured_alike(each), each.yardstick_rung), each)
    return sorted(found.values(), key=lambda each: -(each.yardstick_rung or 0))


def measured_alike(measurement: Measurement) -> tuple[object, str]:
    """Give what measurements that can be compared have in common: the real set, and how it was measured."""
    real = measurement.n_real if measurement.contents is None else measurement.contents.real
    return real, short_fingerprint(measurement.fingerprint)


def notes(results: Results) -> list[str]:
    """Repeat the warnings of the measurements, each once."""
    return list(dict.fromkeys(warning for each in results.values() for warning in each.measurement.warnings))


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as text, and what to think of it."""

    text: str
    tone: Tone = "plain"


def table_rows(results: Results) -> list[list[Cell]]:
    """Write the table as text: the heading, one row a spec, and the yardsticks.

    A last column stands there only when something failed, or is in doubt, that has none.
    """
    rows = score_table(results)
    others = [_others(row) for row in rows]
    heading = map(Cell, ("spec", "images / real", "n0", *COLUMNS, "other gates"))
    table = [[*heading], *([*_cells(row), last] for row, last in zip(rows, others, strict=True))]
    return table if any(cell.text for cell in others) else [row[:-1] for row in table]


def _cells(row: ScoreRow) -> list[Cell]:
    counts = (visible(row.name), row.images, str(row.rung or "-"))
    return [*map(Cell, counts), *(_cell(each, row.measurement) for each in row.cells.values())]


def _cell(judged: Judged, measurement: Measurement) -> Cell:
    """Write a score and its interval as `0.500 [.497 .503]`, and what was made of it."""
    score, found = judged.score, judged.mark
    low, high = (f"{end or 0.0:.3f}".removeprefix("0") for end in (score.low, score.high))
    text = "-" if score.value is None else f"{score.value:.3f} [{low} {high}]{_waived(judged, measurement)}"
    return Cell(text) if found is None else Cell(f"{text} {found.short}", found.tone)


def _others(row: ScoreRow) -> Cell:
    found = gravest(each for _, each in row.others)
    text = ", ".join(f"{score} {each.short}".strip() for score, each in row.others)
    return Cell(text) if found is None else Cell(text, found.tone)


def _waived(judged: Judged, measurement: Measurement) -> str:
    """Say what was judged where waivers left findings out of the number that stands before it."""
    count = sum(len(each.waived) for each in judged.verdicts)
    whole = next((each for each in judged.verdicts if each.waived and each.group is None), None)
    value = None if whole is None else judged_value(whole, measurement)
    of = "" if value is None else f"{value:.3f} with "
    return f" ({of}{count:,} waived)" if count else ""


def aligned_rows(results: Results) -> list[list[Cell]]:
    """Give the same rows with all cells but the last padded, so that the columns are aligned in a terminal."""
    table = table_rows(results)
    widths = [max(len(cell.text) for cell in column) + 2 for column in zip(*table, strict=True)]
    rows = [row if row[-1].text else row[:-1] for row in table]
    return [[*map(_padded, row[:-1], widths), row[-1]] for row in rows]


def _padded(cell: Cell, width: int) -> Cell:
    return replace(cell, text=cell.text.ljust(width))
