"""The article's table and four lines of reading below it, as text for a terminal.

Rows and cells are values; the plugin writes and colours them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_synthgate.gates import Verdict, number
from pytest_synthgate.images.names import visible
from pytest_synthgate.reports.explain import guilty
from pytest_synthgate.reports.results import SpecResult
from pytest_synthgate.scores.breakdown import POOLED
from pytest_synthgate.scores.measurement import Measurement, Score

COLUMNS = ("unrealistic", "unrepresentative", "unvaried", "unoriginal")
"""The article's four scores, in its order but for the two realism scores side by side."""

_MARKS = {
    "passed": "ok",
    "warned": "warn",
    "failed": "FAIL",
    "inconclusive": "?",
    "confounded": "?",
    "not comparable": "?",
    "no baseline yet": "new",
}
_GRAVEST = ("failed", "confounded", "not comparable", "inconclusive", "warned", "no baseline yet", "passed")


@dataclass(frozen=True, slots=True)
class Cell:
    """One padded cell and what it means: "failed", "warned", "undecided", "passed" or "plain"."""

    text: str
    tone: str = "plain"


def table(results: Mapping[str, SpecResult]) -> list[list[Cell]]:
    """Lay out one row a spec, and the yardstick: two halves of the real set.

    Args:
        results: Result by spec name.
    """
    rows = [[Cell(text) for text in ("spec", "images / real", "n0", *COLUMNS)]]
    for name, result in results.items():
        rows.append(_row(visible(name), result))
    for (n_real, rung), yardstick in _yardsticks(results).items():
        cells = [_cell(yardstick.get(score, Score(None)), None) for score in COLUMNS]
        rows.append([Cell("real against real"), Cell(f"halves of {n_real:,}"), Cell(rung), *cells])
    widths = [max(len(row[column].text) for row in rows) + 2 for column in range(len(rows[0]))]
    widths[-1] = 0
    return [[Cell(cell.text.ljust(width), cell.tone) for cell, width in zip(row, widths, strict=True)] for row in rows]


def _row(name: str, result: SpecResult) -> list[Cell]:
    measurement = result.measurement
    cells = []
    for score in COLUMNS:
        mine = [verdict for verdict in result.verdicts if verdict.score == score]
        gravest = min(mine, key=lambda verdict: _GRAVEST.index(verdict.verdict), default=None)
        expected = gravest is not None and gravest.verdict == "failed" and score in result.expected
        cells.append(_cell(measurement.scores.get(score, Score(None)), gravest, expected=expected))
    counts = (f"{measurement.n_synthetic:,} / {measurement.n_real:,}", str(measurement.rung or "-"))
    return [Cell(name), *(Cell(count) for count in counts), *cells]


def _cell(score: Score, verdict: Verdict | None, *, expected: bool = False) -> Cell:
    text = "-" if score.value is None else f"{score.value:.3f} {_brackets(score)}"
    if verdict is None:
        return Cell(text)
    if expected:
        return Cell(f"{text} xfail", "undecided")
    tone = "undecided" if _MARKS[verdict.verdict] == "?" else verdict.verdict
    return Cell(f"{text} {_MARKS[verdict.verdict]}", tone)


def _brackets(score: Score) -> str:
    """Write an interval as `[.497 .503]`."""
    ends = (f"{end:.3f}".removeprefix("0") for end in (score.low or 0.0, score.high or 0.0))
    return f"[{' '.join(ends)}]"


def _yardsticks(results: Mapping[str, SpecResult]) -> dict[tuple[int, str], Mapping[str, Score]]:
    """List the distinct yardsticks, by the size of the real set and the rung they were measured at."""
    measurements = (result.measurement for result in results.values())
    return {(each.n_real, str(each.yardstick_rung or "-")): each.yardstick for each in measurements if each.yardstick}


def reading(results: Mapping[str, SpecResult]) -> list[str]:
    """Say which spec is best, what hurts and where it is worst, what is missing and what to run next, a line each."""
    lines = [("best", _best(results)), ("hurts", _hurts(results))]
    lines += [("worst", text) for text in _worst_groups(results)]
    lines += [("missing", _missing(results)), ("next", _next(results))]
    return [f"{label}: {text}" for label, text in lines if text]


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
    failed = [
        (name, verdict, result.measurement)
        for name, result in results.items()
        for verdict in result.verdicts
        if verdict.verdict == "failed" and verdict.score not in result.expected
    ]
    if not failed:
        return None
    name, verdict, measurement = max(failed, key=lambda each: _excess(each[1]))
    text = f"{visible(name)}, {visible(verdict.name)} {visible(verdict.reason)}"
    if blamed := guilty(verdict.score, measurement):
        text += f"; {blamed}"
    return text if len(failed) == 1 else f"{text} (and {len(failed) - 1} more)"


def _excess(verdict: Verdict) -> float:
    """How many times over its limit a score is."""
    if verdict.measured.value is None:
        return float("inf")
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
            if "would settle it" in verdict.reason:
                return f"more images for {visible(name)}, {visible(verdict.name)} {visible(verdict.reason)}"
    return None


def notes(results: Mapping[str, SpecResult]) -> list[str]:
    """Repeat the warnings of the measurements, each once."""
    return list(dict.fromkeys(warning for each in results.values() for warning in each.measurement.warnings))
