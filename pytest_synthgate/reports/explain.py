"""A verdict in a few lines: the number, the worst findings beside their twins, and what would help.

Plain text for terminals and test failures; every name is made visible first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from pytest_synthgate.gating.gates import Verdict, gate
from pytest_synthgate.limits import Limit, Limits
from pytest_synthgate.reports.evidence import MEANING, describe, flagged, worst
from pytest_synthgate.scores.breakdown import POOLED
from pytest_synthgate.scores.finding import Finding
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.scores.score import Score, number
from pytest_synthgate.text.printable import visible

SHOWN = 3
"""Findings and files listed under a verdict."""


def with_interval(score: Score) -> str:
    """Write a score and its interval: `0.026 [0.019, 0.034]`."""
    if score.value is None:
        return "-"
    if score.low is None or score.high is None or score.low == score.high:
        return number(score.value)
    return f"{number(score.value)} [{number(score.low)}, {number(score.high)}]"


def explain(spec_name: str, verdict: Verdict, measurement: Measurement) -> list[str]:
    """Explain a verdict: a headline, and below it the evidence and what would help.

    Args:
        spec_name: The spec's name.
        verdict: What its gate concluded.
        measurement: What was measured.
    """
    head = f"{visible(spec_name)}: {visible(verdict.name)} {with_interval(verdict.measured)}"
    lines = [f"{head} {verdict.verdict}: {visible(verdict.reason)}"]
    if verdict.score == "unreadable":
        lines += [
            f"{visible(each.image)} ({each.image_set}): {visible(each.reason)}"
            for each in measurement.unreadable[:SHOWN]
        ]
        return _indented(lines)
    findings = flagged(verdict, measurement)
    if findings:
        kind = "real" if verdict.score == "unrepresentative" else "synthetic"
        whole = measurement.n_real if kind == "real" else measurement.n_synthetic
        n = whole if verdict.group is None else verdict.measured.n
        lines.append(f"{len(findings):,} of {n:,} {kind} images {MEANING[verdict.score]}; worst:")
        lines += ["  " + describe(each, measurement.threshold) for each in worst(findings, SHOWN)]
    if verdict.verdict == "failed":
        lines += help_lines(verdict, measurement)
    return _indented(lines)


def help_lines(verdict: Verdict, measurement: Measurement) -> list[str]:
    """Say what would turn a failed gate: how many images to drop, and which group most of them come from."""
    lines = []
    most = verdict.limit.max
    counts_alone = verdict.group is None and verdict.limit.when_unsure == "score"
    if counts_alone and verdict.score in ("unvaried", "unoriginal") and most is not None:
        found = flagged(verdict, measurement)
        dropped = drops_needed(found, measurement.n_synthetic, most, keep_one=verdict.score == "unvaried")
        lines.append(f"dropping {dropped:,} of the {len(found):,} flagged images would pass")
    if blamed := guilty(verdict.score, measurement):
        lines.append(blamed)
    return lines


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
    return [
        line
        for verdict in gate(measurement, limits)
        if verdict.fails()
        for line in explain("scores", verdict, measurement)
    ]


def _indented(lines: Sequence[str]) -> list[str]:
    return [lines[0], *("  " + line for line in lines[1:])]
