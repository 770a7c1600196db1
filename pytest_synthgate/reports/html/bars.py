"""An interval as a bar: where value, interval, limit, baseline and yardstick lie on the axis of a score.

Geometry of the HTML report's table; the template draws it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from pytest_synthgate.kinds import MEANS
from pytest_synthgate.scores.score import number

WIDTH, MARGIN = 132.0, 6.0
"""Units of the drawing: its inner width, and the room on either side for marks at the ends."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The axis of one score, the same in every row.

    Attributes:
        low: Its left end.
        high: Its right end.
        root: Whether places go by the square root, so that a limit of 0.01 stands clear of 0 beside a score of 0.5.
    """

    low: float
    high: float
    root: bool = False

    def at(self, value: float) -> float:
        """Place a value, at an end when it lies beyond it."""
        part = min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))
        return round(MARGIN + WIDTH * (math.sqrt(part) if self.root else part), 1)

    @property
    def text(self) -> str:
        """Name its ends: `axis 0 to 0.25`."""
        return f"axis {self.low:g} to {self.high:g}{', square root' if self.root else ''}"


@dataclass(frozen=True, slots=True)
class Bar:
    """Places on the axis; None for a mark that there is none of.

    Attributes:
        value: Of the score.
        low: Of the lower end of its interval.
        high: Of the upper end of its interval.
        limit: Of the limit.
        baseline: Of the accepted value.
        yardstick: Of what two halves of the real set give.
        said: All of it in words.
    """

    value: float
    low: float
    high: float
    limit: float | None
    baseline: float | None
    yardstick: float | None
    said: str


def scale_of(score: str, values: Iterable[float]) -> Scale:
    """Choose an axis that holds all values of a score: half to one for realism, roots from nothing for shares.

    Args:
        score: Name of the score.
        values: Everything that will be drawn: values, ends of intervals, limits, baselines, yardsticks.
    """
    drawn = [*values]
    if score in MEANS:
        return Scale(min(0.4, math.floor(min(drawn, default=0.4) * 10) / 10), 1.0)
    most = max(drawn, default=0.0)
    return Scale(0.0, next((end for end in (0.02, 0.05, 0.1, 0.25, 0.5) if most <= end), 1.0), root=True)


def bar(
    scale: Scale,
    interval: tuple[float, float, float],
    *,
    limit: float | None = None,
    baseline: float | None = None,
    yardstick: float | None = None,
) -> Bar:
    """Place a score and its marks on an axis.

    Args:
        scale: The axis.
        interval: Low, value and high.
        limit: Highest acceptable value.
        baseline: Accepted value.
        yardstick: What two halves of the real set give.
    """
    low, value, high = interval
    marks = {"limit": limit, "baseline": baseline, "real against real": yardstick}
    known = "".join(f", {name} {number(mark)}" for name, mark in marks.items() if mark is not None)
    return Bar(
        value=scale.at(value),
        low=scale.at(low),
        high=scale.at(high),
        limit=None if limit is None else scale.at(limit),
        baseline=None if baseline is None else scale.at(baseline),
        yardstick=None if yardstick is None else scale.at(yardstick),
        said=f"{number(value)}, interval {number(low)} to {number(high)}{known}",
    )
