"""What a run says, in words: the verdict in one sentence, and the lines that are read below the table.

Plain text that every report shares; names are made visible, and nothing is coloured or escaped yet.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from pytest_synthgate.gating.gates import Verdict
from pytest_synthgate.reports.explain import guilty
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.breakdown import POOLED
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.scores.score import Score, number
from pytest_synthgate.text.printable import visible
from pytest_synthgate.text.wording import counted

_NAMED = 3
"""Complaints that a headline names."""

_COMPLAINTS = {
    "unrealistic": "does not look real",
    "unrepresentative": "misses real images",
    "unvaried": "repeats itself",
    "unoriginal": "copies real images",
    "obviously_fake": "does not look real",
    "collision_rate": "repeats itself",
    "unreadable": "has unreadable files",
}


def failed_gates(results: Mapping[str, SpecResult]) -> list[tuple[str, Verdict]]:
    """List the gates that the build failed on, as spec name and verdict."""
    return [(name, verdict) for name, result in results.items() for verdict in result.verdicts if result.fails(verdict)]


def worst_gates(results: Mapping[str, SpecResult]) -> list[tuple[str, Verdict]]:
    """List them with the one first that is furthest over its limit."""
    return sorted(failed_gates(results), key=lambda each: -_excess(each[1]))


def headline(results: Mapping[str, SpecResult]) -> str:
    """Say the verdict in one sentence: `2 of 12 gates failed: subject repeats itself`."""
    errors = [visible(name) for name, result in results.items() if result.error is not None]
    failed = failed_gates(results)
    said = []
    if errors:
        said.append(f"{len(errors):,} of {counted(len(results), 'spec')} could not be judged: {_named(errors)}")
    if failed:
        total = counted(sum(len(result.verdicts) for result in results.values()), "gate")
        complaints = list(dict.fromkeys(f"{visible(name)} {complaint(verdict)}" for name, verdict in failed))
        said.append(f"{len(failed):,} of {total} failed: {_named(complaints)}")
    return "; ".join(said) or _nothing_failed([verdict for each in results.values() for verdict in each.verdicts])


def _nothing_failed(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return "Measured, and nothing was gated"
    if all(verdict.verdict == "passed" for verdict in verdicts):
        return f"All {len(verdicts):,} gates passed" if len(verdicts) > 1 else "The only gate passed"
    remarks = (
        (sum(verdict.verdict == "failed" for verdict in verdicts), "failed as expected"),
        (sum(verdict.verdict == "warned" for verdict in verdicts), "passed with a warning"),
        (sum(verdict.undecided for verdict in verdicts), "could not be decided"),
        (sum(verdict.verdict == "no baseline yet" for verdict in verdicts), "without a baseline yet"),
    )
    said = ", ".join(f"{count:,} {text}" for count, text in remarks if count)
    return f"No gate of {len(verdicts):,} failed the build: {said}"


def _named(texts: Sequence[str]) -> str:
    more = [f"{len(texts) - _NAMED:,} more"] if len(texts) > _NAMED else []
    return ", ".join([*texts[:_NAMED], *more])


def complaint(verdict: Verdict) -> str:
    """Say in plain words what a failed gate holds against a spec: `repeats itself`."""
    return "is undecided" if verdict.undecided else _COMPLAINTS[verdict.score]


def reading(results: Mapping[str, SpecResult]) -> list[tuple[str, str]]:
    """Say which spec is best, what hurts and where it is worst, what is missing and what to run next.

    Args:
        results: Result by spec name.

    Returns:
        Label and text of each line: "error" for what could not be judged, "best", "hurts", up to three "worst",
        "missing", "next".
    """
    lines: list[tuple[str, str | None]] = [
        ("error", f"{visible(name)}: {visible(result.error)}") for name, result in results.items() if result.error
    ]
    lines += [("best", _best(results)), ("hurts", _hurts(results))]
    lines += [("worst", text) for text in _worst_groups(results)]
    lines += [("missing", _missing(results)), ("next", _next(results))]
    return [(label, text) for label, text in lines if text]


def _best(results: Mapping[str, SpecResult]) -> str | None:
    """Compare the two most realistic specs at their largest common rung."""
    rungs = {name: each.measurement.rungs.get("unrealistic", {}) for name, each in results.items()}
    rungs = {name: scores for name, scores in rungs.items() if scores}
    if len(rungs) < 2:
        return None
    common = set.intersection(*map(set, rungs.values()))
    if not common:
        return None
    rung = max(common, key=int)
    ranked = sorted((scores[rung].value or 0.0, name) for name, scores in rungs.items())
    (first, best), (second, next_best) = ranked[:2]
    noise = (_reach(rungs[best][rung]) ** 2 + _reach(rungs[next_best][rung]) ** 2) ** 0.5
    clear = "by more than noise" if second - first > noise else "within noise"
    compared = f"unrealistic {number(first)}; {visible(next_best)} {number(second)}"
    return f"{visible(best)}, the most realistic at n0 = {rung} ({compared}), {clear}"


def _reach(score: Score) -> float:
    return ((score.high or 0.0) - (score.low or 0.0)) / 2


def _hurts(results: Mapping[str, SpecResult]) -> str | None:
    failed = worst_gates(results)
    if not failed:
        return None
    name, verdict = failed[0]
    text = f"{visible(name)}, {visible(verdict.name)} {visible(verdict.reason)}"
    if blamed := guilty(verdict.score, results[name].measurement):
        text += f"; {blamed}"
    return text if len(failed) == 1 else f"{text} (and {len(failed) - 1} more)"


def _excess(verdict: Verdict) -> float:
    """How many times over its limit a score is."""
    if verdict.measured.value is None or math.isnan(verdict.measured.value):
        return math.inf
    return verdict.measured.value / max(verdict.limit.max or 0.0, 1e-3)


def _worst_groups(results: Mapping[str, SpecResult]) -> list[str]:
    """Name the three prompts, axis values or classes that are worse than their whole set by more than noise."""
    found: dict[tuple[float, str, str, int], str] = {}
    for name, result in results.items():
        whole = result.measurement.scores
        for axis, groups in result.measurement.breakdown.items():
            for group, scores in groups.items():
                for score in ("unvaried", "unoriginal", "unrealistic"):
                    mine, value = scores.get(score, Score(None)), whole.get(score, Score(None)).value
                    if mine.value is not None and mine.low is not None and value is not None and mine.low > value:
                        text = f"{visible(name)}, {visible(axis)} '{visible(group)}'"
                        at = f"{score} {number(mine.value)}, {number(value)} in the whole set"
                        # A class and its only prompt are the same images; once is enough.
                        found.setdefault((value - mine.low, name, score, mine.n), f"{text} ({at})")
    return [text for _, text in sorted(found.items())[:3]]


def _missing(results: Mapping[str, SpecResult]) -> str | None:
    """Name the spec that leaves fewest real images without a counterpart, and the class it misses most."""
    uncovered = {
        name: sum(finding.score == "unrepresentative" for finding in result.measurement.findings)
        for name, result in results.items()
        if result.measurement.rung
    }
    if not uncovered:
        return None
    name = min(uncovered, key=lambda each: (uncovered[each] / results[each].measurement.n_real, each))
    measurement = results[name].measurement
    if not uncovered[name]:
        return None
    text = f"{uncovered[name]:,} of {measurement.n_real:,} real images look like nothing in {visible(name)}"
    if len(uncovered) > 1:
        text += ", which misses fewest"
    if (group := _least_covered(measurement)) is not None:
        text += f"; least like it is class '{visible(group)}'"
    return text


def _least_covered(measurement: Measurement) -> str | None:
    values = {
        name: scores["unrepresentative"].value or 0.0
        for name, scores in measurement.breakdown.get("class", {}).items()
        if "unrepresentative" in scores and name != POOLED
    }
    return max(values, key=lambda name: (values[name], name)) if len(values) > 1 else None


def _next(results: Mapping[str, SpecResult]) -> str | None:
    for name, result in results.items():
        short = [verdict for verdict in result.verdicts if verdict.verdict == "inconclusive"]
        if short:
            return f"more images for {visible(name)}: {visible(short[0].reason)}"
    for name, result in results.items():
        for verdict in result.verdicts:
            if verdict.more is not None:
                return f"more images for {visible(name)}, {visible(verdict.name)} {visible(verdict.reason)}"
    return None
