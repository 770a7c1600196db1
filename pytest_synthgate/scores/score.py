"""One number with its interval, and what its error is made of.

Fourth station of the flow: the smallest part of a measurement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pytest_synthgate.files.forms import Count, Number, rounded, told


@dataclass(frozen=True, slots=True)
class Score:
    """One number with its 95% interval; lower is better for every score that can carry a limit.

    Attributes:
        value: The score, or None where it cannot be computed.
        low: Lower end of the interval, None without a value.
        high: Upper end of the interval, None without a value.
        n: Images the score is a share or a mean of.
        effective: Independent images they are worth, n / deff.
    """

    value: Number | None
    low: Number | None = None
    high: Number | None = None
    n: Count = 0
    effective: Number = 0.0

    @property
    def interval(self) -> tuple[float, float, float] | None:
        """Low, value and high, or None where one is missing or not finite."""
        low, value, high = (math.nan if each is None else each for each in (self.low, self.value, self.high))
        return (low, value, high) if all(map(math.isfinite, (low, value, high))) else None

    def rounded(self) -> Score:
        """Give the score with the digits that a file keeps."""
        low, value, high = map(rounded, (self.low, self.value, self.high))
        return Score(value, low, high, self.n, rounded(self.effective) or 0.0)


def _whole(raw: object) -> object:
    if isinstance(raw, dict):
        for key in _CORE:
            if key not in raw:
                raise ValueError(f"{key} is missing")
    return raw


def _known(score: Score) -> Score:
    if score.value is None:
        raise ValueError("has no value")
    return score


_CORE = ("value", "low", "high")
WrittenScore: TypeAlias = Annotated[
    Score, told(BeforeValidator={"func": _whole}, Field={"json_schema_extra": {"required": [*_CORE]}})
]
"""A score in a file, where its interval stands beside it even if there is none."""
KnownScore: TypeAlias = Annotated[
    Score,
    told(
        BeforeValidator={"func": _whole},
        AfterValidator={"func": _known},
        Field={"json_schema_extra": {"required": [*_CORE], "properties": {"value": {"type": "number"}}}},
    ),
]
"""A score that could be computed, in a file that holds no other."""


@dataclass(frozen=True, slots=True)
class Errors:
    """Standard errors of a realism score by their cause; squared they add up.

    Two measurements against the same real set have most of `real` in common.

    Attributes:
        synthetic: What other synthetic images of the same kind would change.
        real: What other real images of the same kind would change.
        classifier: What other draws of images to learn from would change.
    """

    synthetic: Number
    real: Number
    classifier: Number


def number(value: float) -> str:
    """Write a score with at most three significant digits, and what they cannot tell from a whole number as that."""
    if value % 1 == 0 or abs(value) >= 999.5:
        return f"{value:,.0f}"
    return f"{value:.3f}" if 0.0995 <= abs(value) < 0.9995 else f"{value:.3g}"
