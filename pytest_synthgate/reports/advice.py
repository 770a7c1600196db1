"""A verdict in plain words, and what to do about it: the same for every report.

Plain text; names are made visible.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate

from pytest_synthgate.gating.gates import Verdict
from pytest_synthgate.reports.evidence import MEANING, flagged
from pytest_synthgate.scores.finding import Finding
from pytest_synthgate.scores.measurement import ENOUGH, POOLED, Measurement
from pytest_synthgate.scores.score import number
from pytest_synthgate.text.printable import visible
from pytest_synthgate.text.wording import counted

_COMPARE = (
    "Compare images of both sets: what all synthetic ones share and no real one has is what the prompt, the guidance "
    "or the model should change."
)
ADVICE = {
    "unvaried": "Vary what the prompts say, add an axis to them, or lower the guidance, and look whether seeds repeat; "
    "an export keeps one image of each group.",
    "unoriginal": "Look at the pairs: a model gives back photos that it was trained on, or photos got into the set. "
    "Change the prompt or the model; an export with --without-findings leaves them out.",
    "unrealistic": _COMPARE,
    "obviously_fake": _COMPARE,
    "unrepresentative": "Look at the real images that are told from synthetic ones; add prompts for what they show.",
    "collision_rate": "Vary what the prompts say, or add an axis to them: too many pairs of images look alike.",
    "unreadable": "Make the files that are listed again, or take them out.",
}
"""What to do about a score that is too high."""

_SHARES = ("unvaried", "unoriginal", "obviously_fake")


def plainly(verdict: Verdict, measurement: Measurement) -> str:
    """Say what a gate looked at in a sentence: `20 of 200 synthetic images have ...; the limit is 0.05`.

    Args:
        verdict: What the gate concluded.
        measurement: What was measured.
    """
    bounds = [f"the limit is {number(verdict.limit.max)}"] if verdict.limit.max is not None else []
    if verdict.limit.max is not None and verdict.limit.when_unsure == "fail":
        bounds[0] += ", and the whole interval must keep it"
    if verdict.verdict == "warned" and verdict.limit.warn is not None:
        bounds.append(f"a warning comes above {number(verdict.limit.warn)}")
    if verdict.limit.regression is not None and verdict.baseline is not None:
        allowed = number(verdict.limit.regression)
        bounds.append(f"the baseline is {number(verdict.baseline)}, and {allowed} more is allowed")
    return "; ".join([_measured(verdict, measurement), *bounds])


def _measured(verdict: Verdict, measurement: Measurement) -> str:
    value, score = judged_value(verdict, measurement), verdict.score
    of = "" if verdict.group is None else f" of {_class(verdict.group)}"
    if value is None or not math.isfinite(value):
        return f"{score}{of} could not be computed"
    if score == "unreadable":
        return f"{counted(int(value), 'file')} cannot be read"
    if score == "collision_rate":
        return f"{number(value)} of all pairs of synthetic images are near-duplicates"
    if score in _SHARES:
        n = verdict.measured.n or measurement.n_synthetic
        waived = f" and are not waived ({len(verdict.waived):,} are)" if verdict.waived else ""
        text = f"{round(value * n):,} of {n:,} synthetic images{of} {MEANING[score]}{waived}"
        return f"{text}, a share of {number(value)}"
    one, other = ("real", "synthetic") if score == "unrepresentative" else ("synthetic", "real")
    known = measurement.yardstick.get(score)
    half = "" if known is None or known.value is None else f", between halves of the real set {number(known.value)}"
    certainty = f"{number(value)} certainty on average (chance is 0.5{half})"
    return f"{one} images{of} are told from {other} ones with {certainty}"


def _class(group: str) -> str:
    return "the small classes together" if group == POOLED else f"class '{visible(group)}'"


def judged_value(verdict: Verdict, measurement: Measurement) -> float | None:
    """Give the number that the limit was applied to: the score, or the share that waivers leave of it."""
    if not verdict.waived or verdict.measured.value is None:
        return verdict.measured.value
    return len(flagged(verdict, measurement)) / max(1, verdict.measured.n or measurement.n_synthetic)


def help_lines(verdict: Verdict, measurement: Measurement) -> list[str]:
    """Say what is particular to a gate that did not pass: what to drop or add, which group is to blame, what to run.

    A gate that is not comparable says in its reason how it would be.
    """
    match verdict.verdict:
        case "failed" | "warned":
            return _cures(verdict, measurement)
        case "inconclusive":
            return _shortage(verdict, measurement)
        case "confounded":
            return [
                "save the synthetic images as the real photos are saved (format, size, compression), so that the files "
                "give nothing away"
            ]
        case "no baseline yet":
            return ["`pytest --synth-update-baseline` accepts what is measured now; commit the file that it writes"]
        case _:
            return []


def _cures(verdict: Verdict, measurement: Measurement) -> list[str]:
    lines = []
    most, value = verdict.limit.max, judged_value(verdict, measurement)
    above = most is not None and value is not None and value > most
    counts_alone = verdict.group is None and verdict.limit.when_unsure == "score"
    if most is not None and above and counts_alone and verdict.score in ("unvaried", "unoriginal"):
        found = flagged(verdict, measurement)
        if dropped := drops_needed(found, measurement.n_synthetic, most, keep_one=verdict.score == "unvaried"):
            lines.append(f"dropping {dropped:,} of the {len(found):,} flagged images would pass")
    if blamed := guilty(verdict.score, measurement):
        lines.append(blamed)
    if verdict.verdict == "failed" and not above and _risen(verdict):
        lines.append("if the change is meant, `pytest --synth-update-baseline --synth-accept-failing` accepts it")
    return lines


def _risen(verdict: Verdict) -> bool:
    value, was, allowed = verdict.measured.value, verdict.baseline, verdict.limit.regression
    return value is not None and was is not None and allowed is not None and value - was > allowed


def _shortage(verdict: Verdict, measurement: Measurement) -> list[str]:
    """Say how many images would let a gate decide."""
    if verdict.group is not None and verdict.measured.n < ENOUGH:
        kind = "real" if verdict.score == "unrepresentative" else "synthetic"
        return [f"add {counted(ENOUGH - verdict.measured.n, f'{kind} image')} of {_class(verdict.group)}"]
    for side, n in (("synthetic", measurement.n_synthetic), ("real", measurement.n_real)):
        distinct = measurement.representatives.get(side, 0)
        if distinct >= ENOUGH:
            continue
        if 2 * distinct < n:
            return [f"only {distinct:,} of {n:,} {side} images are distinct: more of the same kind would hardly help"]
        more = math.ceil((ENOUGH - distinct) * n / max(1, distinct))
        return [f"about {counted(more, f'more {side} image')} would let it decide"]
    return []


def drops_needed(flagged: Sequence[Finding], n: int, most: float, *, keep_one: bool) -> int:
    """Count the fewest flagged images to drop until the share is at most `most`.

    Args:
        flagged: The findings of one score.
        n: Images in the set.
        most: The limit.
        keep_one: One image of each cluster may stay, and is then no longer flagged.
    """
    clusters = Counter(each.cluster for each in flagged if each.cluster is not None)
    # The drop that leaves one image of a group clears that one too; small groups come there soonest.
    clearing = set(accumulate(size - 1 for size in sorted(clusters.values()) if size > 1)) if keep_one else set()
    left, dropped = len(flagged), 0
    while left > 0 and (dropped >= n or left / (n - dropped) > most):
        dropped += 1
        left -= 2 if dropped in clearing else 1
    return dropped


def guilty(score: str, measurement: Measurement) -> str | None:
    """Name the prompt, axis value or class that holds far more than its part of the flagged images, if one does."""
    worst: tuple[float, str] | None = None
    for axis, groups in measurement.breakdown.items():
        flagged = {
            name: (scores[score].value or 0.0) * scores[score].n for name, scores in groups.items() if score in scores
        }
        total, images = sum(flagged.values()), sum(scores[score].n for scores in groups.values() if score in scores)
        for name, count in flagged.items():
            if total == 0 or len(flagged) < 2 or name == POOLED:
                continue
            part, expected = count / total, groups[name][score].n / images
            if part >= 0.25 and part >= 1.5 * expected and (worst is None or part / expected > worst[0]):
                text = f"{visible(axis)} '{visible(name)}' makes {part:.0%} of them, with {expected:.0%} of the images"
                worst = (part / expected, text)
    return worst[1] if worst else None
