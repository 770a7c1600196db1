"""The table of all specs: a row each, then what two halves of the real set give, which is their yardstick."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pytest_synthgate.gating.gates import Verdict
from pytest_synthgate.kinds import COPIED
from pytest_synthgate.reports.html.bars import Bar, Scale, bar, scale_of
from pytest_synthgate.reports.html.findings import cut
from pytest_synthgate.reports.marks import Mark, gravest, mark
from pytest_synthgate.reports.table import COLUMNS, without_column, yardsticks
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.scores.score import Score, number
from pytest_synthgate.spec.limits import Limit
from pytest_synthgate.text.printable import visible

Results = Mapping[str, SpecResult]
_NONE = "–"  # noqa: RUF001 (a dash)


@dataclass(frozen=True, slots=True)
class Cell:
    """One score of one spec; None for what there is none of.

    Attributes:
        value: The score.
        interval: Its interval.
        bar: Both as a drawing.
        bounds: Its limit, its baseline, and how many findings waivers leave out of the verdict.
        mark: The gravest verdict on it.
    """

    value: str | None
    interval: str | None
    bar: Bar | None = None
    bounds: tuple[str, ...] = ()
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One spec of the table, or the yardstick, which has no anchor.

    Attributes:
        name: Of the spec.
        anchor: Id of its section.
        images: How many images of each set.
        rung: Images of a side that the realism scores learned from.
        cells: A cell a score; none for a spec of which nothing was measured.
        marks: What has no column: an error, and gates on other scores that did not pass, by name.
        reason: The error in words.
    """

    name: str
    anchor: str | None
    images: str
    rung: str
    cells: tuple[Cell, ...]
    marks: tuple[tuple[str, Mark], ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """The table.

    Attributes:
        columns: Name of every score and the axis of its bars.
        rows: A row a spec, in the order of the results, and the yardsticks.
    """

    columns: tuple[tuple[str, Scale], ...]
    rows: tuple[Row, ...]


def score_table(results: Results, anchors: Mapping[str, str]) -> ScoreTable:
    """Lay out the table.

    Args:
        results: Result by spec name.
        anchors: Id of the section of each spec.
    """
    scales = {score: _scale(score, results) for score in COLUMNS}
    rows = [_row(name, anchors[name], result, scales) for name, result in results.items()]
    return ScoreTable(tuple(scales.items()), (*rows, *_yardsticks(results)))


def _scale(score: str, results: Results) -> Scale:
    values: list[float | None] = []
    for result in results.values():
        for each in (result.measurement.scores.get(score), result.measurement.yardstick.get(score)):
            values += [] if each is None else [each.low, each.value, each.high]
        mine = [verdict for verdict in result.verdicts if verdict.score == score]
        values += [each for verdict in mine for each in (verdict.limit.max, verdict.baseline)]
    return scale_of(score, (each for each in values if each is not None))


def _row(name: str, anchor: str, result: SpecResult, scales: Mapping[str, Scale]) -> Row:
    measurement = result.measurement
    measured = bool(measurement.n_synthetic or measurement.n_real)
    return Row(
        visible(name),
        anchor,
        f"{measurement.n_synthetic:,} / {measurement.n_real:,}" if measured else _NONE,
        f"{measurement.rung:,}" if measurement.rung else _NONE,
        tuple(_cell(score, result, scale) for score, scale in scales.items()) if measured else (),
        tuple(without_column(result)),
        None if result.error is None else cut(result.error),
    )


def _cell(score: str, result: SpecResult, scale: Scale) -> Cell:
    verdicts = [verdict for verdict in result.verdicts if verdict.score == score]
    whole = next((verdict for verdict in verdicts if verdict.group is None), None)
    measured = result.measurement.scores.get(score, Score(None))
    value, interval = _texts(measured)
    drawn = None
    if (ends := measured.interval) is not None:
        drawn = bar(
            scale,
            ends,
            limit=None if whole is None else whole.limit.max,
            baseline=None if whole is None else whole.baseline,
            yardstick=result.measurement.yardstick.get(score, Score(None)).value,
        )
    return Cell(value, interval, drawn, _bounds(verdicts), gravest([mark(result, verdict) for verdict in verdicts]))


def _texts(measured: Score) -> tuple[str | None, str | None]:
    """Write a score and its interval."""
    if (ends := measured.interval) is None:
        return None, None
    return f"{ends[1]:.3f}", f"{ends[0]:.3f} to {ends[2]:.3f}"


def _bounds(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Say what a score is held against, once however many classes are, and how many findings are waived."""
    found = (text for each in verdicts for text in _bound(each.limit, each.group, each.baseline))
    waived = sum(len(each.waived) for each in verdicts)
    return (*dict.fromkeys(found), *([f"{waived:,} waived"] if waived else []))


def _bound(limit: Limit, group: str | None, baseline: float | None) -> Iterable[str]:
    if limit.max is not None:
        yield f"limit {limit.max:g}{'' if group is None else ' a class'}"
    if baseline is not None and group is None:
        yield f"baseline {number(baseline)}"


def _yardsticks(results: Results) -> list[Row]:
    """Give a row for each yardstick; where no spec has realism scores, with the copies among real images alone."""
    scored = any(each.measurement.rung for each in results.values())
    return [
        _yardstick(each, each.yardstick_rung, COLUMNS) if scored else _yardstick(each, None, COPIED)
        for each in yardsticks(results)
    ]


def _yardstick(measurement: Measurement, rung: int | None, scores: Collection[str]) -> Row:
    known = (measurement.yardstick.get(score, Score(None)) if score in scores else Score(None) for score in COLUMNS)
    return Row(
        name="real against real",
        anchor=None,
        images=f"halves of {measurement.n_real:,}",
        rung=f"{rung:,}" if rung else _NONE,
        cells=tuple(Cell(*_texts(each)) for each in known),
    )
