"""What a score is beside its baseline: how far above it, and how far chance alone could have taken it there.

Part of the gate (scores -> gate). Pure statistics on what two measurements keep.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Literal

from pytest_synthgate.files.forms import DECIMALS
from pytest_synthgate.gating.accepted import Accepted
from pytest_synthgate.kinds import KINDS
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.scores.score import Errors, Score, number
from pytest_synthgate.scores.uncertainty import clopper_pearson, normal_reach
from pytest_synthgate.spec.limits import Limit
from pytest_synthgate.text.printable import visible
from pytest_synthgate.text.wording import counted, differences

COMMON = 0.8
"""Correlation between what the same real set brings into the errors of two measurements.

It is 0.9 where both synthetic sets are of one law, and nothing where they differ from the real set in unrelated ways.
In simulations 0.8 calls 3% of the honest pairs of one law a regression, 5% of unrelated laws of equal score, and finds
a change of three standard deviations five times in six; with 0 it is two times in three.
"""

REPEATED = 2 * 10**-DECIMALS
"""How far a score of the very same images may move when they are embedded again."""

Interval = tuple[float, float, float]
"""Low, value and high."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One score beside what it was.

    Attributes:
        now: The score.
        was: What it is compared with.
        low: Lower end of the 95% interval of now - was.
        high: Upper end of it.
        rung: n0 that both were fitted on, where one of them reached more.
    """

    now: float
    was: float
    low: float
    high: float
    rung: int | None = None

    @property
    def value(self) -> float:
        """How much worse the score became; negative when it became better."""
        return self.now - self.was

    @property
    def noise(self) -> float:
        """How much worse chance alone could have made it."""
        return self.value - self.low

    def exceeds(self, regression: float) -> bool:
        """Tell whether it became worse by more than that, and by more than the noise."""
        return self.value > regression and self.low > 0


def difference(
    measurement: Measurement, score: Score, baseline: Accepted, name: str, group: str | None = None
) -> Difference | None:
    """Compare a score with its baseline, at the largest rung that both have.

    The 95% intervals of both are joined by the squares of their arms (MOVER: Zou and Donner 2008). Those of shares are
    first made on n / deff with deff over the flagged clusters of both sides, for clusters that came on one side could
    have come on the other. Where errors are known by their cause, the real set's are correlated when it is the same:
    SE^2 = sum of all squares - 2 r SE_R SE_R', r = 0.8. The very same images have no noise. `score` is not as measured
    where findings were waived; `baseline` may be another measurement; `group` is a class, or None for the whole set.

    Returns:
        The difference with its 95% interval, or None where there is nothing to compare with.
    """
    common = measurement.rungs.get(name, {}).keys() & baseline.rungs.get(name, {}).keys()
    rung = max(common, key=int, default=None) if group is None else None
    if rung is None:
        now, was = score, (baseline.scores if group is None else baseline.classes.get(group, {})).get(name, Score(None))
    else:
        now = score if int(rung) == measurement.rung else measurement.rungs[name][rung]
        was = baseline.rungs[name][rung]
    mine, theirs = now.interval, was.interval
    if mine is None or theirs is None:
        return None
    errors = (measurement.errors.get(name, {}).get(rung or ""), baseline.errors(name, rung))
    if same_images(measurement, baseline, "real", "synthetic"):
        below = above = REPEATED
    elif errors[0] is not None and errors[1] is not None:
        correlation = COMMON if same_images(measurement, baseline, "real") else 0.0
        below = above = normal_reach(_error(errors[0], errors[1], correlation))
    else:
        deff = _design_effect(name, now, was) if KINDS[name].counted else None
        below, above = _arms(_widest(name, mine, now.n, deff), _widest(name, theirs, was.n, deff))
    value, before = mine[1], theirs[1]
    shown = None if rung is None or int(rung) == measurement.rung == baseline.rung else int(rung)
    return Difference(value, before, value - before - below, value - before + above, shown)


def obstacle(measurement: Measurement, baseline: Accepted, name: str, group: str | None = None) -> str | None:
    """Say why a score cannot be compared with its baseline: what differs, and what it was and is; None where it can.

    `group` is a class, or None for the whole set.
    """
    if KINDS[name].source == "files":
        return None
    # The baseline has been through JSON, which knows no tuples.
    found = list(differences(baseline.fingerprint, json.loads(json.dumps(dict(measurement.fingerprint)))))
    if found:
        return visible(found[0]) + (f" (and {len(found) - 1} more)" if len(found) > 1 else "")
    if group is not None and KINDS[name].confoundable and measurement.rung != baseline.rung:
        return f"classes were scored at n0 = {baseline.rung} and are at {measurement.rung} now"
    return None


def change_of_real_set(measured: Measurement | Accepted, baseline: Accepted) -> str | None:
    """Say how many photos the real set had and has; None where it is the same."""
    now, was = measured.contents, baseline.contents
    if now is None or was is None:
        return "whether the real set is the same is not known"
    if now.real == was.real:
        return None
    if measured.n_real == baseline.n_real:
        return f"the real set changed: {counted(measured.n_real, 'photo')} then and now, not the same"
    return f"the real set changed: {counted(baseline.n_real, 'photo')} then, {measured.n_real:,} now"


def same_images(measurement: Measurement, baseline: Accepted, *sides: str) -> bool:
    """Tell whether the "real" sets, the "synthetic" ones or both are known to hold the same images."""
    now, was = measurement.contents, baseline.contents
    return now is not None and was is not None and all(getattr(now, side) == getattr(was, side) for side in sides)


def _error(now: Errors, was: Errors, common: float) -> float:
    """Standard error of the difference of two scores whose errors from the real set have a correlation."""
    parts = (now.synthetic, now.classifier, now.real, was.synthetic, was.classifier, was.real)
    return math.sqrt(sum(each**2 for each in parts) - 2 * common * now.real * was.real)


def _arms(now: Interval, was: Interval) -> tuple[float, float]:
    """Give the arms of the interval of a difference, below and above."""
    (low, value, high), (low_before, before, high_before) = now, was
    return math.hypot(value - low, high_before - before), math.hypot(high - value, before - low_before)


def _design_effect(name: str, now: Score, was: Score) -> float:
    """Give sum(m^2) / sum(m) over the flagged clusters of both sides, from that of either."""
    effects = [each.n / each.effective if each.effective > 0 else 1.0 for each in (now, was)]
    flagged = [(each.value or 0.0) * _trials(name, each.n) for each in (now, was)]
    if sum(flagged) <= 0:
        return 1.0
    return sum(effect * count for effect, count in zip(effects, flagged, strict=True)) / sum(flagged)


def _widest(name: str, interval: Interval, n: int, design_effect: float | None) -> Interval:
    """Widen an interval to the one that its share of n has at another design effect, if one is given."""
    if design_effect is None:
        return interval
    low, value, high = interval
    trials = _trials(name, n) / design_effect
    least, most = clopper_pearson(value * trials, trials)
    return min(low, least), value, max(high, most)


def _trials(name: str, n: int) -> float:
    """Count what a score is a share of: images, or pairs of them."""
    return n * (n - 1) / 2 if KINDS[name].shape == "pairs" else n


Outcome = Literal["passed", "warned", "failed", "inconclusive", "confounded", "not comparable", "no baseline yet"]


@dataclass(frozen=True, slots=True)
class Beside:
    """What a score is beside its baseline.

    Attributes:
        outcome: The verdict if nothing else decides.
        words: Why, without the number.
        was: The accepted score that it was compared with, if it was.
    """

    outcome: Outcome
    words: str
    was: float | None = None


def beside_baseline(
    measurement: Measurement, name: str, score: Score, limit: Limit, group: str | None, baseline: Accepted | None
) -> Beside:
    """Compare a score with the accepted one, as far as its limit asks for that.

    `score` is as measured, nothing waived, of a class (`group`) or of the whole set; the baseline is that of the same
    spec.
    """
    if (regression := limit.regression) is None:
        return Beside("passed", "")
    if baseline is not None and (found := obstacle(measurement, baseline, name, group)):
        remedy = "--synth-update-baseline accepts what is measured now"
        if same_images(measurement, baseline, "synthetic"):  # then the accepted scores need not be given up
            remedy = "`synthgate rebaseline` measures the accepted images that way too"
        return Beside("not comparable", f"not comparable with the baseline: {found}; {remedy}")
    risen = None if baseline is None else difference(measurement, score, baseline, name, group)
    if baseline is None or risen is None:
        return Beside("no baseline yet", "nothing to compare it with yet")
    if KINDS[name].source != "files" and group is None and _edited(measurement, baseline, risen.value, regression):
        text = f"not comparable with the baseline: it has {number(risen.was)} for the very same images"
        remedy = "so it was edited; restore it, or accept anew with --synth-update-baseline"
        return Beside("not comparable", f"{text}, {remedy}", risen.was)
    side = "above" if risen.value > 0 else "below"
    words = f"{number(abs(risen.value))} {side} the baseline of {number(risen.was)}"
    if abs(risen.value) <= REPEATED:
        words = "as in the baseline"
    if risen.rung is not None:
        words += f" at n0 = {risen.rung:,} ({number(risen.now)} now)"
    if risen.exceeds(regression):
        words += f", more than the {number(regression)} allowed and the noise of {number(risen.noise)}"
    elif risen.value > regression:
        words += f", within the noise of {number(risen.noise)}"
    elif risen.value > REPEATED:
        words += f", up to {number(regression)} is allowed"
    if change := change_of_real_set(measurement, baseline):
        words += f"; {change}"
    return Beside("failed" if risen.exceeds(regression) else "passed", words, risen.was)


def _edited(measurement: Measurement, baseline: Accepted, risen: float, regression: float) -> bool:
    """Tell whether a score of the whole set is too high in the baseline to be measured.

    The same images, measured alike, give the same score; only files that cannot be read, and which class an image is
    in, are not part of what is known about the images.
    """
    return -risen > max(regression, REPEATED) and same_images(measurement, baseline, "real", "synthetic")
