"""What a run says, in words: the verdict in one sentence, and the lines that are read below the table.

Plain text that every report shares; names are made visible, and nothing is coloured or escaped yet.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import product

from pytest_synthgate.gating.verdict import Verdict
from pytest_synthgate.kinds import COLUMNS, KINDS, MEANS, SURELY
from pytest_synthgate.reports import Results
from pytest_synthgate.reports.evidence import nothing_read
from pytest_synthgate.reports.explain import guilty, help_lines, judged_value
from pytest_synthgate.reports.overview import measured_alike
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.measurement import POOLED, Measurement
from pytest_synthgate.scores.score import Score, number
from pytest_synthgate.text.printable import visible
from pytest_synthgate.text.wording import counted

_NAMED = 3
"""Complaints that a headline names, and lines of one kind."""
_LEAST = 0.01
"""Stands for a bound of nothing, of which no number is a multiple."""
_TOLD = {KINDS[name].side: name for name in MEANS}
"""The score that says how surely the images of a set are told from those of the other, by set."""


def failed_gates(results: Results) -> list[tuple[str, Verdict]]:
    """List the gates that the build failed on, undecided ones last, the one first that is furthest over its limit."""
    failed = [(name, each) for name, result in results.items() for each in result.verdicts if result.fails(each)]
    return sorted(failed, key=lambda each: _rank(each[1], results[each[0]].measurement))


def headline(results: Results) -> str:
    """Say the verdict in one sentence: `2 of 12 gates failed: 'subject' repeats itself`."""
    errors = [f"'{visible(name)}'" for name, result in results.items() if result.error is not None]
    failed = failed_gates(results)
    said = []
    if errors:
        said.append(f"{len(errors):,} of {counted(len(results), 'spec')} could not be judged: {_named(errors)}")
    if failed:
        total = counted(sum(len(result.verdicts) for result in results.values()), "gate")
        complaints = list(dict.fromkeys(f"'{visible(name)}' {complaint(verdict)}" for name, verdict in failed))
        said.append(f"{len(failed):,} of {total} failed: {_named(complaints)}")
    return "; ".join(said) or _nothing_failed([verdict for each in results.values() for verdict in each.verdicts])


def _nothing_failed(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return "Measured, and nothing was gated"
    if all(verdict.verdict == "passed" for verdict in verdicts):
        return f"All {len(verdicts):,} gates passed" if len(verdicts) > 1 else "The only gate passed"
    counts = Counter("undecided" if verdict.undecided else verdict.verdict for verdict in verdicts)
    remarks = {
        "failed": "failed as expected",
        "warned": "passed with a warning",
        "undecided": "could not be decided",
        "no baseline yet": "without a baseline yet",
    }
    said = ", ".join(f"{counts[found]:,} {text}" for found, text in remarks.items() if counts[found])
    return f"No gate of {len(verdicts):,} failed the build: {said}"


def _named(texts: Sequence[str]) -> str:
    more = [f"{len(texts) - _NAMED:,} more"] if len(texts) > _NAMED else []
    return ", ".join([*texts[:_NAMED], *more])


def complaint(verdict: Verdict) -> str:
    """Say in plain words what a failed gate holds against a spec: `repeats itself`."""
    if verdict.undecided:
        return "is undecided"
    return KINDS[verdict.score].complaint or f"has too high a score: {verdict.score}"


def reading(results: Results) -> list[tuple[str, str]]:
    """Say what could not be judged, which spec is best, what hurts, where it is worst, what is missing and comes next.

    Returns:
        Label and text of each line; "best" and "missing" once for each real set, up to three.
    """
    unjudged = [(visible(name), result) for name, result in results.items() if result.error]
    alike = _comparable(results)[:_NAMED]
    lines = {
        "error": [f"{name}: {visible(result.error or '')}" for name, result in unjudged],
        "unreadable": [f"{name}: {text}" for name, result in unjudged for text in nothing_read(result.measurement)],
        "best": map(_best, alike),
        "hurts": [_hurts(results)],
        "worst": _worst_groups(results),
        "missing": map(_missing, alike),
        "next": [_next(results)],
    }
    return [(label, text) for label, texts in lines.items() for text in texts if text]


def _comparable(results: Results) -> list[dict[str, SpecResult]]:
    """Sort specs into those that can be compared: of one real set, measured in one way; the most specs first."""
    found: dict[object, dict[str, SpecResult]] = {}
    for name, result in results.items():
        found.setdefault(measured_alike(result.measurement), {})[name] = result
    return sorted(found.values(), key=len, reverse=True)


def _best(results: Results) -> str | None:
    """Name the most realistic of the specs that pass, at the largest rung that all have, and how clearly it is that."""
    score = _TOLD["synthetic"]
    rungs = {name: each.measurement.rungs.get(score, {}) for name, each in results.items()}
    known = [name for name, scores in rungs.items() if scores]
    passing = [name for name in known if not _failures(results[name])]
    compared = passing or known
    common = set.intersection(*(set(rungs[name]) for name in compared)) if len(known) > 1 else set()
    if not common:
        return None
    rung = max(common, key=int)
    scores = {name: rungs[name][rung] for name in compared}
    values = {name: each.value or 0.0 for name, each in scores.items()}
    best, *others = sorted(values, key=lambda name: (values[name], name))
    value = f"{score} {number(values[best])}"
    if not others:
        return f"{visible(best)}, the only one of {len(known)} that passes ({value} at n0 = {rung})"
    which = "" if not passing or len(passing) == len(known) else f" of the {len(passing)} that pass"
    clear = values[others[0]] - values[best] > math.hypot(_reach(scores[best]), _reach(scores[others[0]]))
    beside = f"{value}; {visible(others[0])} {number(values[others[0]])}"
    text = f"{visible(best)}, the most realistic{which} at n0 = {rung} ({beside})"
    text += ", by more than noise" if clear else ", within noise"
    return text if passing else f"{text}, but fails {', '.join(_failures(results[best])[:_NAMED])}"


def _failures(result: SpecResult) -> list[str]:
    """Name the gates that failed, known or not; an error is one too."""
    failed = [visible(each.name) for each in result.verdicts if each.verdict == "failed" or result.fails(each)]
    return failed or (["to be judged"] if result.error else [])


def _reach(score: Score) -> float:
    return ((score.high or 0.0) - (score.low or 0.0)) / 2


def _hurts(results: Results) -> str | None:
    failed = failed_gates(results)
    if not failed:
        return None
    name, verdict = failed[0]
    text = f"{visible(name)}, {visible(verdict.name)} {visible(verdict.reason)}"
    if blamed := guilty(verdict.score, results[name].measurement):
        text += f"; {blamed}"
    return text if len(failed) == 1 else f"{text} (and {len(failed) - 1} more)"


def _rank(verdict: Verdict, measurement: Measurement) -> tuple[bool, float]:
    """Order failed gates: what is decided first, then by how many times over its bound a score is.

    A regression is measured by the rise that is allowed; a count of files is no share of anything, and comes last.
    """
    value, limit = judged_value(verdict, measurement), verdict.limit
    if value is None or math.isnan(value):
        return verdict.undecided, -math.inf
    if KINDS[verdict.score].shape == "count":
        return verdict.undecided, 0.0
    excess = 0.0 if limit.max is None else value / (limit.max or _LEAST)
    if limit.regression is not None and verdict.baseline is not None and verdict.measured.value is not None:
        excess = max(excess, (verdict.measured.value - verdict.baseline) / (limit.regression or _LEAST))
    return verdict.undecided, -excess


def _worst_groups(results: Results) -> list[str]:
    """Name the three prompts, axis values or classes that are too bad, and clearly worse than their whole set."""
    found: dict[tuple[float, str, str, int], str] = {}
    columns = [score for score in COLUMNS if KINDS[score].side == "synthetic"]
    for name, result in results.items():
        whole = result.measurement.scores
        for axis, groups in result.measurement.breakdown.items():
            for (group, scores), score in product(groups.items(), columns):
                mine = scores.get(score, Score(None))
                if (rise := clear_rise(mine, whole.get(score, Score(None)))) and _too_bad(mine, score, result):
                    text = f"{visible(name)}, {visible(axis)} '{visible(group)}'"
                    at = f"{score} {number(mine.value or 0.0)}, {number(whole[score].value or 0.0)} in the whole set"
                    # A class and its only prompt are the same images; once is enough.
                    found.setdefault((-rise, name, score, mine.n), f"{text} ({at})")
    return [text for _, text in sorted(found.items())[:_NAMED]]


def clear_rise(mine: Score, whole: Score) -> float:
    """Measure how far the interval of a group is above the score of its whole set; 0 where the group is in it."""
    return 0.0 if mine.low is None or whole.value is None else max(0.0, mine.low - whole.value)


def _too_bad(mine: Score, score: str, result: SpecResult) -> bool:
    """Tell whether the score of a group is a problem: above the limit, or clear of what two real halves give."""
    bounds = [each.limit for each in result.verdicts if each.score == score]
    limits = [each for limit in bounds for each in (limit.warn, limit.max) if each is not None]
    if not limits and (default := KINDS[score].default) is not None:
        limits = [default]
    if limits:
        return mine.value is not None and mine.value > min(limits)
    ends = [each.high for each in (result.measurement.scores[score], result.measurement.yardstick.get(score)) if each]
    return mine.low is not None and all(mine.low > end for end in ends if end is not None)


def _missing(results: Results) -> str | None:
    """Name the spec from which fewest real images are told for sure, and the class that is told most surely."""
    score = _TOLD["real"]
    told = {
        name: sum(finding.score == score for finding in result.measurement.findings)
        for name, result in results.items()
        if result.measurement.rung
    }
    if not told:
        return None
    name = min(told, key=lambda each: (told[each] / results[each].measurement.n_real, each))
    measurement = results[name].measurement
    if not told[name]:
        return None
    text = f"{told[name]:,} of {measurement.n_real:,} real images are told from those of '{visible(name)}' {SURELY}"
    if len(told) > 1:
        text += ", the fewest of any spec"
    if (group := _least_covered(measurement)) is not None:
        text += f"; most surely class '{visible(group)}'"
    return text


def _least_covered(measurement: Measurement) -> str | None:
    """Name the class whose real images are told from synthetic ones most surely, where more than chance makes it so."""
    whole, groups = measurement.scores.get(_TOLD["real"], Score(None)), measurement.breakdown.get("class", {})
    found = {group: scores[_TOLD["real"]] for group, scores in groups.items() if _TOLD["real"] in scores}
    clear = {group: each.value or 0.0 for group, each in found.items() if group != POOLED and clear_rise(each, whole)}
    return max(clear, key=lambda group: (clear[group], group), default=None)


def _next(results: Results) -> str | None:
    """Say what would let an undecided gate decide, else what would settle one that noise could turn."""
    gates = [(name, verdict) for name, result in results.items() for verdict in result.verdicts]
    for outcome in ("inconclusive", "not comparable", "within noise", "no baseline yet"):
        for name, verdict in gates:
            if outcome == "within noise" and verdict.more is not None:
                return f"more images for {visible(name)}, {visible(verdict.name)} {visible(verdict.reason)}"
            if verdict.verdict == outcome == "not comparable":
                return f"{visible(name)}, {visible(verdict.name)} {visible(verdict.reason)}"
            if verdict.verdict == outcome and (helps := help_lines(verdict, results[name].measurement)):
                return f"{visible(name)}, {visible(verdict.name)}: {helps[0]}"
    return None
