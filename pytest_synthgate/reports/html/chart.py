"""How a score went from run to run, as SVG geometry: its values, the band of their intervals, and lasting changes.

Geometry of the HTML report; the values come from the history, the template draws them.
"""

from __future__ import annotations

from dataclasses import dataclass

from pytest_synthgate.reports.trend import ScoreTrend, SpecTrend
from pytest_synthgate.scores.score import number
from pytest_synthgate.text.printable import visible

WIDTH, HEIGHT, MARGIN = 300, 90, 8
_LEAST = 0.01
"""Smallest span of the vertical axis, so that noise is not drawn as mountains."""


@dataclass(frozen=True, slots=True)
class Chart:
    """One score, run by run.

    Attributes:
        title: Name of the score, and its n0.
        said: First and last value, in words.
        line: Path through the values.
        band: Path around the intervals.
        last: Place of the latest value.
        changes: Horizontal place of every lasting change, and what it was.
    """

    title: str
    said: str
    line: str
    band: str
    last: tuple[float, float]
    changes: tuple[tuple[float, str], ...]


def charts(trend: SpecTrend) -> tuple[Chart, ...]:
    """Draw every score of a spec that has two runs or more."""
    return tuple(_chart(each) for each in trend.scores if len(each.points) > 1)


def _chart(trend: ScoreTrend) -> Chart:
    values = [point.score.value or 0.0 for point in trend.points]
    lows = [
        value if point.score.low is None else point.score.low for point, value in zip(trend.points, values, strict=True)
    ]
    highs = [
        value if point.score.high is None else point.score.high
        for point, value in zip(trend.points, values, strict=True)
    ]
    bottom, top = min(lows), max(highs)
    span = max(top - bottom, _LEAST)

    def across(index: float) -> float:
        return round(MARGIN + index / (len(values) - 1) * (WIDTH - 2 * MARGIN), 1)

    def up(value: float) -> float:
        return round(HEIGHT - MARGIN - (value - bottom) / span * (HEIGHT - 2 * MARGIN), 1)

    line = [f"{across(index)} {up(value)}" for index, value in enumerate(values)]
    over = [f"{across(index)} {up(high)}" for index, high in enumerate(highs)]
    under = [f"{across(index)} {up(low)}" for index, low in enumerate(lows)]
    return Chart(
        title=trend.score if trend.rung is None else f"{trend.score} at n0 = {trend.rung:,}",
        said=f"{number(values[0])} to {number(values[-1])} in {len(values):,} runs",
        line=f"M{'L'.join(line)}",
        band=f"M{'L'.join([*over, *reversed(under)])}z",
        last=(across(len(values) - 1), up(values[-1])),
        changes=tuple(
            (across(change.index - 0.5), _change(trend, change.index, change.before, change.after))
            for change in trend.changes
        ),
    )


def _change(trend: ScoreTrend, index: int, before: float, after: float) -> str:
    row = trend.points[index].row
    commit = f" with {visible(row.provenance.commit[:10])}" if row.provenance.commit else ""
    return f"changed for good on {row.time.date().isoformat()}{commit}: {number(before)} to {number(after)}"
