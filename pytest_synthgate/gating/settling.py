"""How many more images would settle a gate: from when on the interval that decides lies on one side of the limit.

Part of the gate. The very interval of the score is made again for more images of the same kind, not scaled.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable

from pytest_synthgate.files.forms import rounded
from pytest_synthgate.kinds import KINDS
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.scores.score import Score
from pytest_synthgate.scores.uncertainty import LEVEL, clopper_pearson, normal_reach, shared_level

BEYOND_REASON = 1_000_000
"""Images beyond which nobody would go to settle a gate."""

Arms = tuple[float, float]
"""How far an interval reaches below and above its value."""


def more_images(measurement: Measurement, name: str, score: Score, most: float, group: str | None = None) -> int | None:
    """Count the images that would settle a gate, if the score stayed what it is.

    `score` is the one that is judged, whose interval straddles the limit `most`; `group` is a class, or None for the
    whole set.

    Returns:
        About how many more, two digits of it, rounded up; None where no reasonable number would.
    """
    if score.interval is None or score.n < 1:
        return None
    low, value, high = score.interval
    arms = _arms(measurement, name, score, group)
    now = arms(score.n)
    # What the interval has beyond that, as from the draws of the classifier, stays.
    rest = [math.sqrt(max(0.0, whole**2 - own**2)) for whole, own in zip((value - low, high - value), now, strict=True)]

    def settles(n: int) -> bool:
        below, above = (math.hypot(own, more) for own, more in zip(arms(n), rest, strict=True))
        return value - below > most if value > most else value + above <= most

    settled = bisect_left(range(BEYOND_REASON + 1), True, score.n + 1, key=settles)
    if settled > BEYOND_REASON:
        return None
    unit: int = 10 ** max(0, len(str(settled - score.n)) - 2)
    return math.ceil((settled - score.n) / unit) * unit


def _arms(measurement: Measurement, name: str, score: Score, group: str | None) -> Callable[[int], Arms]:
    """Give the arms that the interval has for a number of images, as far as these decide."""
    # A file may hold what no measurement gives; the numbers of images that others are worth lie between one and all.
    value = min(1.0, max(0.0, rounded(score.value) or 0.0))
    together = min(float(score.n), max(1.0, score.n / score.effective if score.effective > 0 else 1.0))
    level = LEVEL if group is None else shared_level(len(measurement.breakdown.get("class", {})))

    def of_share(n: int) -> Arms:
        low, high = clopper_pearson(value * n / together, n / together, level)
        return value - low, high - value

    def of_pairs(n: int) -> Arms:
        from scipy.special import gammaincinv

        possible, tail = n * (n - 1) / 2 / together, (1 - level) / 2
        low = float(gammaincinv(value * possible, tail)) / possible if value else 0.0
        return value - low, min(1.0, float(gammaincinv(value * possible + 1, 1 - tail)) / possible) - value

    def of_class_mean(n: int) -> Arms:
        from scipy.stats import t

        reach = max(value - (score.low or 0.0), (score.high or 0.0) - value)
        at = (float(t.ppf((1 + level) / 2, max(1.0, each / together - 1))) / math.sqrt(each) for each in (n, score.n))
        arm = reach * next(at) / next(at)
        return arm, arm

    def of_mean(n: int) -> Arms:
        errors = measurement.errors.get(name, {}).get(str(measurement.rung))
        error = 0.0 if errors is None else errors.real if KINDS[name].side == "real" else errors.synthetic
        arm = normal_reach(error) * math.sqrt(score.n / n)
        return arm, arm

    if KINDS[name].shape == "mean":
        return of_mean if group is None else of_class_mean
    return of_pairs if KINDS[name].shape == "pairs" else of_share
