"""A verdict in a few lines: the number, the worst findings beside their twins, and what would help.

Plain text for terminals and test failures; every name is made visible first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_synthgate.gating.gates import Verdict, gate
from pytest_synthgate.kinds import KINDS
from pytest_synthgate.reports.advice import help_lines
from pytest_synthgate.reports.evidence import MEANING, describe, flagged, group_sizes, worst
from pytest_synthgate.scores.finding import Finding
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.scores.score import Score, number
from pytest_synthgate.spec.limits import Limit, Limits
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
        sizes = group_sizes(findings)
        lines += [_worst(each, sizes.get(each.cluster, 1), verdict, measurement) for each in worst(findings, SHOWN)]
    lines += help_lines(verdict, measurement)
    return _indented(lines)


def _worst(finding: Finding, size: int, verdict: Verdict, measurement: Measurement) -> str:
    """Describe a finding, the group it stands for, and the id by which `synthgate waive` would leave it out."""
    group = f", one of {size:,} alike" if size > 2 else ""
    counts = verdict.limit.max is not None or verdict.limit.warn is not None  # a regression counts waived ones too
    known = f" [{finding.id}]" if counts and KINDS[verdict.score].waivable else ""
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
    return [
        line
        for verdict in gate(measurement, limits)
        if verdict.fails()
        for line in explain("scores", verdict, measurement)
    ]


def _indented(lines: Sequence[str]) -> list[str]:
    return [lines[0], *("  " + line for line in lines[1:])]
