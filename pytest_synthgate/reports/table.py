"""The article's table: rows of cells, which a terminal aligns and colours and Markdown puts between bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_synthgate.gating.gates import Verdict
from pytest_synthgate.reports.advice import judged_value
from pytest_synthgate.reports.marks import NOT_ALL_JUDGED, NOT_JUDGED, Mark, Tone, gravest, mark
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.measurement import Measurement, short_fingerprint
from pytest_synthgate.scores.score import Score
from pytest_synthgate.text.printable import visible

COLUMNS = ("unrealistic", "unrepresentative", "unvaried", "unoriginal")
"""The article's four scores, in its order but for the two realism scores side by side."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell and what to think of it."""

    text: str
    tone: Tone = "plain"


def rows(results: Mapping[str, SpecResult]) -> list[list[Cell]]:
    """Give the heading, one row a spec, and the yardstick: two halves of the real set.

    A last column stands there only when something failed, or is in doubt, that has none.

    Args:
        results: Result by spec name.
    """
    heading = [Cell(text) for text in ("spec", "images / real", "n0", *COLUMNS)]
    specs = [_row(visible(name), result) for name, result in results.items()]
    table = [heading, *specs, *map(_yardstick_row, yardsticks(results))]
    others = [_others(result) for result in results.values()]
    if not any(cell.text for cell in others):
        return table
    column = [Cell("other gates"), *others]
    return [[*row, column[number] if number < len(column) else Cell("")] for number, row in enumerate(table)]


def notes(results: Mapping[str, SpecResult]) -> list[str]:
    """Repeat the warnings of the measurements, each once."""
    return list(dict.fromkeys(warning for each in results.values() for warning in each.measurement.warnings))


def without_column(result: SpecResult) -> list[tuple[str, Mark]]:
    """List what a spec is marked for that has no column: an error, and gates on other scores that did not pass."""
    marks = [("", NOT_JUDGED if not result.measurement.n_synthetic else NOT_ALL_JUDGED)] if result.error else []
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


def yardsticks(results: Mapping[str, SpecResult]) -> list[Measurement]:
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
