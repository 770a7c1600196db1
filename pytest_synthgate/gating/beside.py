"""What a score is beside its baseline, in one word and in a few.

Part of the gate (difference -> gate). Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pytest_synthgate.gating.difference import REPEATED, change_of_real_set, difference, obstacle, same_images
from pytest_synthgate.kinds import KINDS
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.scores.score import Score, number
from pytest_synthgate.spec.limits import Limit

if TYPE_CHECKING:
    from pytest_synthgate.gating.entry import Entry

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
    measurement: Measurement, name: str, score: Score, limit: Limit, group: str | None, baseline: Entry | None
) -> Beside:
    """Compare a score with the accepted one, as far as its limit asks for that.

    Args:
        measurement: What was measured.
        name: Name of the score.
        score: The score as measured, nothing waived.
        limit: Its limit.
        group: A class, or None for the whole set.
        baseline: What was accepted of the same spec.
    """
    if (regression := limit.regression) is None:
        return Beside("passed", "")
    if baseline is not None and (found := obstacle(measurement, baseline, name, group)):
        return Beside("not comparable", f"not comparable with the baseline: {found}; {_remedy(measurement, baseline)}")
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


def _edited(measurement: Measurement, baseline: Entry, risen: float, regression: float) -> bool:
    """Tell whether a score of the whole set is too high in the baseline to be measured.

    The same images, measured alike, give the same score; only files that cannot be read, and which class an image is
    in, are not part of what is known about the images.
    """
    return -risen > max(regression, REPEATED) and same_images(measurement, baseline, "real", "synthetic")


def _remedy(measurement: Measurement, baseline: Entry) -> str:
    """Say how the two become comparable: of the same images, the accepted scores need not be given up."""
    if same_images(measurement, baseline, "synthetic"):
        return "`synthgate rebaseline` measures the accepted images that way too"
    return "--synth-update-baseline accepts what is measured now"
