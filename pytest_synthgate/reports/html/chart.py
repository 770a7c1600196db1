"""How a score went from run to run, as SVG geometry: its values, the band of their intervals, and lasting changes.

Geometry of the HTML report; the values come from the history, the template draws them. Runs stand at equal distances,
whenever they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_synthgate.gating.gates import Verdict
from pytest_synthgate.reports.trend import ScoreTrend, SpecTrend
from pytest_synthgate.scores.score import number
from pytest_synthgate.text.printable import visible
from pytest_synthgate.tracking.changes import Change

CHART_WIDTH, CHART_HEIGHT = 300, 130
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 10, 22
"""Room around the runs: for the values at the left, for the dates below."""
_LEAST = 0.01
"""Smallest span of the vertical axis, so that noise is not drawn as mountains."""
_NEAR, _ROOM = 4, 0.12
"""Spans of the values that a level may be off and still be drawn; part of the axis left free at its ends."""
_APART = 12
"""Least distance between two labels of the axis, in units of the drawing."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line across the chart: "limit" or "baseline" at a height, a lasting change, "better" or "worse", at a width."""

    kind: str
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One score, run by run: paths through the values and around their intervals, and what stands beside them.

    `levels` are limit and baseline of the latest run where they are within the chart, and `beyond` says those that are
    not; `turns` are the lasting changes, `ticks` the height and the text of each label of the axis.
    """

    title: str
    said: str
    line: str
    band: str
    last: tuple[float, float]
    ticks: tuple[tuple[float, str], ...]
    days: tuple[str, str]
    levels: tuple[Line, ...]
    beyond: tuple[str, ...]
    turns: tuple[Line, ...]


def charts(trend: SpecTrend, verdicts: Iterable[Verdict] = ()) -> tuple[Chart, ...]:
    """Draw every score of a spec that has two runs or more, with limits and baselines of the latest run's verdicts."""
    whole = {each.score: each for each in verdicts if each.group is None}
    return tuple(_chart(each, whole.get(each.score)) for each in trend.scores if len(each.points) > 1)


def _chart(trend: ScoreTrend, verdict: Verdict | None) -> Chart:
    scores = [point.score for point in trend.points]
    values = [score.value or 0.0 for score in scores]
    lows, highs = (
        [value if end is None else end for end, value in zip(ends, values, strict=True)]
        for ends in ([score.low for score in scores], [score.high for score in scores])
    )
    bounds = () if verdict is None else (("limit", verdict.limit.max), ("baseline", verdict.baseline))
    levels = {kind: level for kind, level in bounds if level is not None}
    bottom, top = _extent(lows, highs, levels.values())

    def across(index: float) -> float:
        return round(LEFT + index / (len(values) - 1) * (CHART_WIDTH - LEFT - RIGHT), 1)

    def up(value: float) -> float:
        return round(CHART_HEIGHT - BOTTOM - (value - bottom) / (top - bottom) * (CHART_HEIGHT - TOP - BOTTOM), 1)

    def path(heights: Sequence[float]) -> list[str]:
        return [f"{across(index)} {up(height)}" for index, height in enumerate(heights)]

    marked = (values[-1], max(values), min(values), values[0], max(highs), min(lows))
    texts = {kind: f"{kind} {number(level)}" for kind, level in levels.items()}
    within = {kind: level for kind, level in levels.items() if bottom <= level <= top}
    return Chart(
        title=trend.score if trend.rung is None else f"{trend.score} at n0 = {trend.rung:,}",
        said=f"{number(values[0])} to {number(values[-1])} in {len(values):,} runs",
        line=f"M{'L'.join(path(values))}",
        band=f"M{'L'.join([*path(highs), *reversed(path(lows))])}z",
        last=(across(len(values) - 1), up(values[-1])),
        ticks=_apart([(up(value), number(value)) for value in marked]),
        days=_days(trend),
        levels=tuple(Line(kind, up(level), texts[kind]) for kind, level in within.items()),
        beyond=tuple(f"{text}, beyond the chart" for kind, text in texts.items() if kind not in within),
        turns=tuple(_turn(trend, change, across(change.index - 0.5)) for change in trend.changes),
    )


def _extent(lows: Sequence[float], highs: Sequence[float], levels: Iterable[float]) -> tuple[float, float]:
    """Choose the axis: all intervals, levels that are so near that they do not flatten them, and some room."""
    bottom, top = min(lows), max(highs)
    span = max(top - bottom, _LEAST)
    near = [level for level in levels if bottom - _NEAR * span <= level <= top + _NEAR * span]
    bottom, top = min([bottom, *near]), max([top, *near])
    room = max(_ROOM * (top - bottom), (_LEAST - (top - bottom)) / 2)
    lowest = max(0.0, bottom - room) if bottom >= 0 else bottom - room
    return lowest, max(top + room, lowest + _LEAST)


def _apart(labels: Iterable[tuple[float, str]]) -> tuple[tuple[float, str], ...]:
    """Keep the labels that do not touch one before them, and sort them from the top."""
    kept: list[tuple[float, str]] = []
    for at, text in labels:
        if all(abs(at - other) >= _APART for other, _ in kept):
            kept.append((at, text))
    return tuple(sorted(kept))


def _days(trend: ScoreTrend) -> tuple[str, str]:
    """Date the first and the last run, to the minute when they were on one day."""
    first, last = (trend.points[index].row.time for index in (0, -1))
    form = "%Y-%m-%d %H:%M" if first.date() == last.date() else "%Y-%m-%d"
    return first.strftime(form), last.strftime(form)


def _turn(trend: ScoreTrend, change: Change, at: float) -> Line:
    row = trend.points[change.index].row
    commit = f" with {visible(row.provenance.commit[:10])}" if row.provenance.commit else ""
    course = "better" if change.after < change.before else "worse"
    before, after = number(change.before), number(change.after)
    return Line(course, at, f"{course} for good since {row.time.date().isoformat()}{commit}: {before} to {after}")
