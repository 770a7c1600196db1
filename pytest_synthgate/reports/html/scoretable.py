"""The table of all specs: a row each, then what two halves of the real set give, which is their yardstick.

A cell is a number and a bar: where value, interval, limit, baseline and yardstick lie on the axis of the score. The
template draws it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_synthgate.gating.gates import Verdict
from pytest_synthgate.kinds import COLUMNS, KINDS
from pytest_synthgate.reports import Results
from pytest_synthgate.reports.overview import Mark, gravest, mark, without_column, yardsticks
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.scores.score import Score, number

BAR, BAR_MARGIN = 132.0, 6.0
"""Units of the drawing: its inner width, and the room on either side for marks at the ends."""
_NONE = "–"  # noqa: RUF001 (a dash)


@dataclass(frozen=True, slots=True)
class Scale:
    """The axis of one score, the same in every row.

    By the square root (`root`) a limit of 0.01 stands clear of 0 beside a score of 0.5.
    """

    low: float
    high: float
    root: bool = False

    def at(self, value: float) -> float:
        """Place a value, at an end when it lies beyond it."""
        part = min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))
        return round(BAR_MARGIN + BAR * (math.sqrt(part) if self.root else part), 1)

    @property
    def text(self) -> str:
        """Name its ends: `axis 0 to 0.25`."""
        return f"axis {self.low:g} to {self.high:g}{', square root' if self.root else ''}"


@dataclass(frozen=True, slots=True)
class ScoreCell:
    """One score of one spec: low, value and high, the gravest verdict on it, and the axis of its bar if it has one.

    `marks` are drawn beside it, by "limit", "baseline" and "real against real"; `bounds` say what it is held against.
    """

    interval: tuple[float, float, float] | None
    marks: Mapping[str, float] = field(default_factory=dict)
    bounds: tuple[str, ...] = ()
    mark: Mark | None = None
    scale: Scale | None = None

    @property
    def said(self) -> str:
        """What the bar shows, in words."""
        known = "".join(f", {name} {number(each)}" for name, each in self.marks.items())
        return "{1}, interval {0} to {2}{3}".format(*map(number, self.interval or ()), known)


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One spec of the table, or the yardstick, which has no anchor; no cells where nothing was measured, for a reason.

    `marks` are those that have no column, by name: an error, and gates on other scores that did not pass.
    """

    name: str
    anchor: str | None
    images: str
    rung: str
    cells: tuple[ScoreCell, ...]
    marks: tuple[tuple[str, Mark], ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """The axis of every score, and a row a spec, in the order of the results, before the yardsticks."""

    scales: Mapping[str, Scale]
    rows: tuple[ScoreRow, ...]


def score_table(results: Results, anchors: Mapping[str, str]) -> ScoreTable:
    """Lay out the table, in which a spec leads to the section that has its anchor."""
    scales = {score: _scale(score, results) for score in COLUMNS}
    rows = [_row(name, anchors[name], result, scales) for name, result in results.items()]
    # Where no spec has realism scores, the yardstick is the copies among real images alone.
    scored = any(each.measurement.rung for each in results.values())
    shown = [score for score in COLUMNS if scored or KINDS[score].source == "copies"]
    halves = [_halves(each, each.yardstick_rung if scored else None, shown) for each in yardsticks(results)]
    return ScoreTable(scales, (*rows, *halves))


def _scale(score: str, results: Results) -> Scale:
    values: list[float | None] = []
    for result in results.values():
        for each in (result.measurement.scores.get(score), result.measurement.yardstick.get(score)):
            values += [] if each is None else [each.low, each.value, each.high]
        mine = [verdict for verdict in result.verdicts if verdict.score == score]
        values += [each for verdict in mine for each in (verdict.limit.max, verdict.baseline)]
    return scale_of(score, (each for each in values if each is not None))


def scale_of(score: str, values: Iterable[float]) -> Scale:
    """Choose an axis that holds all that is drawn of a score: from under chance to one, or roots from nothing."""
    drawn, null = [*values], KINDS[score].null
    if null > 0:
        least = null - 0.1
        return Scale(min(least, math.floor(min(drawn, default=least) * 10) / 10), 1.0)
    most = max(drawn, default=0.0)
    return Scale(0.0, next((end for end in (0.02, 0.05, 0.1, 0.25, 0.5) if most <= end), 1.0), root=True)


def _row(name: str, anchor: str, result: SpecResult, scales: Mapping[str, Scale]) -> ScoreRow:
    measurement = result.measurement
    measured = bool(measurement.n_synthetic or measurement.n_real)
    return ScoreRow(
        name,
        anchor,
        f"{measurement.n_synthetic:,} / {measurement.n_real:,}" if measured else _NONE,
        f"{measurement.rung:,}" if measurement.rung else _NONE,
        tuple(_cell(score, result, scale) for score, scale in scales.items()) if measured else (),
        tuple(without_column(result)),
        result.error,
    )


def _cell(score: str, result: SpecResult, scale: Scale) -> ScoreCell:
    verdicts = [verdict for verdict in result.verdicts if verdict.score == score]
    whole = next(((each.limit.max, each.baseline) for each in verdicts if each.group is None), (None, None))
    half = result.measurement.yardstick.get(score, Score(None)).value
    marks = dict(zip(("limit", "baseline", "real against real"), (*whole, half), strict=True))
    return ScoreCell(
        result.measurement.scores.get(score, Score(None)).interval,
        {name: each for name, each in marks.items() if each is not None},
        _bounds(verdicts),
        gravest([mark(result, verdict) for verdict in verdicts]),
        scale,
    )


def _bounds(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Say what a score is held against, once however many classes are, and how many findings are waived."""
    found = (text for each in verdicts for text in _bound(each))
    waived = sum(len(each.waived) for each in verdicts)
    return (*dict.fromkeys(found), *([f"{waived:,} waived"] if waived else []))


def _bound(verdict: Verdict) -> Iterable[str]:
    if verdict.limit.max is not None:
        yield f"limit {verdict.limit.max:g}{'' if verdict.group is None else ' a class'}"
    if verdict.baseline is not None and verdict.group is None:
        yield f"baseline {number(verdict.baseline)}"


def _halves(measurement: Measurement, rung: int | None, shown: Sequence[str]) -> ScoreRow:
    known = (measurement.yardstick.get(score, Score(None)) if score in shown else Score(None) for score in COLUMNS)
    cells = tuple(ScoreCell(each.interval) for each in known)
    images, learned = f"halves of {measurement.n_real:,}", f"{rung:,}" if rung else _NONE
    return ScoreRow("real against real", None, images, learned, cells)
