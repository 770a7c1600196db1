"""The article's table: rows of cells, which a terminal aligns and colours and Markdown puts between bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_synthgate.reports.marks import Mark, Tone, gravest, mark
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

    Args:
        results: Result by spec name.
    """
    heading = [Cell(text) for text in ("spec", "images / real", "n0", *COLUMNS)]
    specs = [_row(visible(name), result) for name, result in results.items()]
    return [heading, *specs, *map(_yardstick_row, yardsticks(results))]


def notes(results: Mapping[str, SpecResult]) -> list[str]:
    """Repeat the warnings of the measurements, each once."""
    return list(dict.fromkeys(warning for each in results.values() for warning in each.measurement.warnings))


def _row(name: str, result: SpecResult) -> list[Cell]:
    measurement = result.measurement
    cells = [
        _cell(
            measurement.scores.get(score, Score(None)),
            gravest(mark(result, verdict) for verdict in result.verdicts if verdict.score == score),
        )
        for score in COLUMNS
    ]
    counts = (f"{measurement.n_synthetic:,} / {measurement.n_real:,}", str(measurement.rung or "-"))
    return [Cell(name), *(Cell(count) for count in counts), *cells]


def _cell(score: Score, found: Mark | None = None) -> Cell:
    text = "-" if score.value is None else f"{score.value:.3f} {_brackets(score)}"
    return Cell(text) if found is None else Cell(f"{text} {found.short}", found.tone)


def _brackets(score: Score) -> str:
    """Write an interval as `[.497 .503]`."""
    ends = (f"{end:.3f}".removeprefix("0") for end in (score.low or 0.0, score.high or 0.0))
    return f"[{' '.join(ends)}]"


def yardsticks(results: Mapping[str, SpecResult]) -> list[Measurement]:
    """Pick a measurement for each distinct yardstick, told apart by the real set, the rung and how they were made."""
    found: dict[tuple[object, ...], Measurement] = {}
    for each in (result.measurement for result in results.values()):
        if each.yardstick:
            real = each.n_real if each.contents is None else each.contents.real
            found.setdefault((real, each.yardstick_rung, short_fingerprint(each.fingerprint)), each)
    return list(found.values())


def _yardstick_row(measurement: Measurement) -> list[Cell]:
    counts = (f"halves of {measurement.n_real:,}", str(measurement.yardstick_rung or "-"))
    scores = (_cell(measurement.yardstick.get(score, Score(None))) for score in COLUMNS)
    return [Cell("real against real"), *map(Cell, counts), *scores]
