"""The article's table: rows of cells, which a terminal aligns and colours and Markdown puts between bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_synthgate.gating.gates import Verdict
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.score import Score
from pytest_synthgate.text.printable import visible

COLUMNS = ("unrealistic", "unrepresentative", "unvaried", "unoriginal")
"""The article's four scores, in its order but for the two realism scores side by side."""

_MARKS = {
    "passed": "ok",
    "warned": "warn",
    "failed": "FAIL",
    "inconclusive": "?",
    "confounded": "?",
    "not comparable": "?",
    "no baseline yet": "new",
}
_GRAVEST = ("failed", "confounded", "not comparable", "inconclusive", "warned", "no baseline yet", "passed")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell and what it means: "failed", "warned", "undecided", "no baseline yet", "passed" or "plain"."""

    text: str
    tone: str = "plain"


def rows(results: Mapping[str, SpecResult]) -> list[list[Cell]]:
    """Give the heading, one row a spec, and the yardstick: two halves of the real set.

    Args:
        results: Result by spec name.
    """
    heading = [Cell(text) for text in ("spec", "images / real", "n0", *COLUMNS)]
    specs = [_row(visible(name), result) for name, result in results.items()]
    return [heading, *specs, *_yardstick_rows(results)]


def notes(results: Mapping[str, SpecResult]) -> list[str]:
    """Repeat the warnings of the measurements, each once."""
    return list(dict.fromkeys(warning for each in results.values() for warning in each.measurement.warnings))


def _row(name: str, result: SpecResult) -> list[Cell]:
    measurement = result.measurement
    cells = []
    for score in COLUMNS:
        mine = [verdict for verdict in result.verdicts if verdict.score == score]
        gravest = min(mine, key=lambda verdict: _GRAVEST.index(verdict.verdict), default=None)
        expected = gravest is not None and gravest.verdict == "failed" and score in result.expected
        cells.append(_cell(measurement.scores.get(score, Score(None)), gravest, expected=expected))
    counts = (f"{measurement.n_synthetic:,} / {measurement.n_real:,}", str(measurement.rung or "-"))
    return [Cell(name), *(Cell(count) for count in counts), *cells]


def _cell(score: Score, verdict: Verdict | None, *, expected: bool = False) -> Cell:
    text = "-" if score.value is None else f"{score.value:.3f} {_brackets(score)}"
    if verdict is None:
        return Cell(text)
    if expected:
        return Cell(f"{text} xfail", "undecided")
    tone = "undecided" if _MARKS[verdict.verdict] == "?" else verdict.verdict
    return Cell(f"{text} {_MARKS[verdict.verdict]}", tone)


def _brackets(score: Score) -> str:
    """Write an interval as `[.497 .503]`."""
    ends = (f"{end:.3f}".removeprefix("0") for end in (score.low or 0.0, score.high or 0.0))
    return f"[{' '.join(ends)}]"


def _yardstick_rows(results: Mapping[str, SpecResult]) -> list[list[Cell]]:
    """List the distinct yardsticks, by the size of the real set and the rung they were measured at."""
    measurements = (result.measurement for result in results.values())
    distinct = {
        (each.n_real, str(each.yardstick_rung or "-")): each.yardstick for each in measurements if each.yardstick
    }
    return [
        [
            *(Cell("real against real"), Cell(f"halves of {n_real:,}"), Cell(rung)),
            *(_cell(yardstick.get(score, Score(None)), None) for score in COLUMNS),
        ]
        for (n_real, rung), yardstick in distinct.items()
    ]
