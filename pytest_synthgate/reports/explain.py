"""A verdict in words: what was found, the worst findings beside their twins, and what would help.

Plain text that every report shares; every name is made visible.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from pytest_synthgate.gating.verdict import Verdict, gate
from pytest_synthgate.kinds import COPIED, KINDS, Kind
from pytest_synthgate.reports.evidence import SHOWN, describe, flagged, group_sizes, unread, within_its_set, worst
from pytest_synthgate.scores.finding import Finding
from pytest_synthgate.scores.measurement import ENOUGH, POOLED, Measurement
from pytest_synthgate.scores.score import Score, number
from pytest_synthgate.spec.limits import Limit, Limits
from pytest_synthgate.text.printable import visible
from pytest_synthgate.text.wording import counted


def with_interval(score: Score) -> str:
    """Write a score and its interval: `0.026 [0.019, 0.034]`."""
    if score.value is None:
        return "-"
    if score.low is None or score.high is None or score.low == score.high:
        return number(score.value)
    return f"{number(score.value)} [{number(score.low)}, {number(score.high)}]"


def explain(spec_name: str, verdict: Verdict, measurement: Measurement) -> list[str]:
    """Explain a verdict: a headline, and below it the evidence and what would help."""
    head = f"{visible(spec_name)}: {visible(verdict.name)} {with_interval(verdict.measured)}"
    lines = [f"{head} {verdict.verdict}: {visible(verdict.reason)}"]
    kind = KINDS[verdict.score]
    if kind.source == "files":
        lines += unread(measurement.unreadable)
    elif findings := flagged(verdict, measurement):
        n = _size(kind, measurement) if verdict.group is None else verdict.measured.n
        lines.append(f"{len(findings):,} of {n:,} {kind.side} images {_flagged_as(kind)}; worst:")
        sizes = group_sizes(findings)
        lines += [_worst(each, sizes.get(each.cluster, 1), verdict, measurement) for each in worst(findings, SHOWN)]
    lines += help_lines(verdict, measurement)
    return [lines[0], *(f"  {line}" for line in lines[1:])]


def _worst(finding: Finding, size: int, verdict: Verdict, measurement: Measurement) -> str:
    """Describe a finding, the group it stands for, and the id by which `synthgate waive` would leave it out."""
    group = f", one of {size:,} alike" if size > 2 else ""
    # A regression counts waived ones too.
    known = f" [{finding.id}]" if verdict.limit.counts and KINDS[verdict.score].waivable else ""
    return f"  {describe(finding, measurement.threshold)}{group}{known}"


def assert_scores(measurement: Measurement, **limits: Limit | float | Mapping[str, Any]) -> None:
    """Assert that scores keep within limits, with the evidence in the message when they do not.

    Args:
        measurement: What was measured, such as the fixture `synth_scores`.
        limits: By score the highest acceptable value, or a table as in a spec file.

    Raises:
        AssertionError: A score is above its limit or could not be computed; warnings and inconclusive gates pass.
        SpecError: An unknown score, or a limit out of range.

    Example:
        >>> import numpy as np
        >>> from pytest_synthgate import assert_scores, evaluate
        >>> rng = np.random.default_rng(0)
        >>> measurement = evaluate(rng.normal(size=(200, 16)), rng.normal(size=(100, 16)))
        >>> assert_scores(measurement, unvaried=0.05, unoriginal=0.0)
    """
    if lines := failures(measurement, Limits(**limits)):
        raise AssertionError("\n".join(lines))


def failures(measurement: Measurement, limits: Limits) -> list[str]:
    """Explain every limit that a measurement fails; empty when it keeps within all."""
    failed = [verdict for verdict in gate(measurement, limits) if verdict.fails()]
    return [line for verdict in failed for line in explain("scores", verdict, measurement)]


def in_plain_words(verdict: Verdict, measurement: Measurement) -> str:
    """Say what a gate looked at in a sentence: `20 of 200 synthetic images have ...; the limit is 0.05`."""
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
    kind = KINDS[score]
    match kind.shape, kind.source:
        case "count", "files":
            return f"{counted(int(value), 'file')} cannot be read"
        case "pairs", _:
            return f"{number(value)} of all pairs of {kind.side} images are near-duplicates"
        case "share", _:
            n = verdict.measured.n or _size(kind, measurement)
            waived = f" and are not waived ({len(verdict.waived):,} are)" if verdict.waived else ""
            text = f"{round(value * n):,} of {n:,} {kind.side} images{of} {_flagged_as(kind)}{waived}"
            return f"{text}, a share of {number(value)}"
    known = measurement.yardstick.get(score)
    half = "" if known is None or known.value is None else f", between halves of the real set {number(known.value)}"
    if (kind.shape, kind.source) != ("mean", "classifier"):
        return f"{score}{of} is {number(value)}{half}"
    other = "synthetic" if kind.side == "real" else "real"
    certainty = f"{number(value)} certainty on average (chance is {kind.null:g}{half})"
    return f"{kind.side} images{of} are told from {other} ones with {certainty}"


def _size(kind: Kind, measurement: Measurement) -> int:
    """Count the images of the set that a score is about."""
    return measurement.n_real if kind.side == "real" else measurement.n_synthetic


def _flagged_as(kind: Kind) -> str:
    return kind.flagged or f"count as {kind.name}"


def _class(group: str) -> str:
    return "the small classes together" if group == POOLED else f"class '{visible(group)}'"


def judged_value(verdict: Verdict, measurement: Measurement) -> float | None:
    """Give the number that the limit was applied to: the score, or the share that waivers leave of it."""
    if not verdict.waived or verdict.measured.value is None:
        return verdict.measured.value
    return len(flagged(verdict, measurement)) / max(1, verdict.measured.n or _size(KINDS[verdict.score], measurement))


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
    if most is not None and above and counts_alone and verdict.score in COPIED:
        found = flagged(verdict, measurement)
        if dropped := drops_needed(found, measurement.n_synthetic, most):
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
        image = f"{KINDS[verdict.score].side} image"
        return [f"add {counted(ENOUGH - verdict.measured.n, image)} of {_class(verdict.group)}"]
    for side, n in (("synthetic", measurement.n_synthetic), ("real", measurement.n_real)):
        distinct = measurement.representatives.get(side, 0)
        if distinct >= ENOUGH:
            continue
        if 2 * distinct < n:
            return [f"only {distinct:,} of {n:,} {side} images are distinct: more of the same kind would hardly help"]
        more = math.ceil((ENOUGH - distinct) * n / max(1, distinct))
        return [f"about {counted(more, f'more {side} image')} would let it decide"]
    return []


def drops_needed(flagged: Sequence[Finding], n: int, most: float) -> int:
    """Count the fewest flagged images of a set of n to drop until their share is at most `most`.

    One image of a cluster may stay, and is then no longer flagged, unless what it resembles is in the other set.
    """
    clusters = Counter(each.cluster for each in flagged if each.cluster is not None and within_its_set(each))
    # The drop that leaves one image of a group clears that one too; small groups come there soonest.
    clearing = set(accumulate(size - 1 for size in sorted(clusters.values()) if size > 1))
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
