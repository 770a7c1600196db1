"""One number with its interval, and what its error is made of.

Fourth station of the flow: the smallest part of a measurement.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DECIMALS = 6
"""Digits kept in JSON: beyond them lies the noise of float32 features."""


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

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    effective: float = 0.0

    @property
    def interval(self) -> tuple[float, float, float] | None:
        """Low, value and high, or None where one is missing or not finite."""
        low, value, high = (math.nan if each is None else each for each in (self.low, self.value, self.high))
        return (low, value, high) if all(map(math.isfinite, (low, value, high))) else None

    def to_json(self) -> dict[str, Any]:
        """Give the plain JSON form."""
        return {
            "value": rounded(self.value),
            "low": rounded(self.low),
            "high": rounded(self.high),
            "n": self.n,
            "effective": rounded(self.effective),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Score:
        """Read the plain JSON form; only `value`, `low` and `high` must be there."""
        return cls(raw["value"], raw["low"], raw["high"], int(raw.get("n", 0)), float(raw.get("effective", 0.0)))


@dataclass(frozen=True, slots=True)
class Errors:
    """Standard errors of a realism score by their cause; squared they add up.

    Two measurements against the same real set have most of `real` in common.

    Attributes:
        synthetic: What other synthetic images of the same kind would change.
        real: What other real images of the same kind would change.
        classifier: What other draws of images to learn from would change.
    """

    synthetic: float
    real: float
    classifier: float

    def to_json(self) -> dict[str, Any]:
        """Give the plain JSON form."""
        parts = {"synthetic": self.synthetic, "real": self.real, "classifier": self.classifier}
        return {cause: rounded(error) for cause, error in parts.items()}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Errors:
        """Read the plain JSON form."""
        return cls(raw["synthetic"], raw["real"], raw["classifier"])


def rounded(value: float | None) -> float | None:
    """Round a number to the digits that JSON keeps; what is not finite is nothing."""
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), DECIMALS) + 0.0


def number(value: float) -> str:
    """Write a score with at most three significant digits, and what they cannot tell from a whole number as that."""
    if value % 1 == 0 or abs(value) >= 999.5:
        return f"{value:,.0f}"
    return f"{value:.3f}" if 0.0995 <= abs(value) < 0.9995 else f"{value:.3g}"
