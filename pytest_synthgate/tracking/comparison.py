"""Two results files, score by score: what became worse, what became better, and what is noise.

Part of tracking; the baseline compares a run with what was accepted, this compares any two runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pytest_synthgate.gating.difference import Difference, change_of_real_set, difference, obstacle
from pytest_synthgate.gating.entry import Entry
from pytest_synthgate.limits import GATED_SCORES
from pytest_synthgate.scores.breakdown import score_of

if TYPE_CHECKING:
    from pytest_synthgate.results.result import SpecResult

SIGNIFICANT = 0.05
"""Chance, at most, that any of all compared scores is said to have changed where none did."""

Course = Literal["worse", "better", "within noise", "within its limit", "not comparable"]


@dataclass(frozen=True, slots=True)
class Compared:
    """One score of one spec in both files.

    Attributes:
        spec: Name of the spec.
        score: Name of the score.
        difference: How far it moved, with its 95% interval; None where it cannot be compared.
        course: What became of it; "within its limit" for worse by no more than the declared `regression`.
        chance: Chance of such a difference, either way, where nothing changed; None where it cannot be compared.
        obstacle: Why it cannot be compared.
    """

    spec: str
    score: str
    difference: Difference | None
    course: Course
    chance: float | None = None
    obstacle: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two results files side by side.

    Attributes:
        scores: Every score of every spec that both have, in the order of the later file and of the table.
        remarks: What else differs, a line each.
    """

    scores: tuple[Compared, ...]
    remarks: tuple[str, ...]

    @property
    def regressions(self) -> tuple[Compared, ...]:
        """The scores that became worse, by more than noise and by more than is declared to be acceptable."""
        return tuple(each for each in self.scores if each.course == "worse")


def compare_results(was: Mapping[str, SpecResult], now: Mapping[str, SpecResult]) -> Comparison:
    """Compare two files.

    A score has changed where p K < 0.05, K the number of compared scores (Bonferroni), so that a look at twenty of
    them does not find a change by chance alone.

    Args:
        was: The earlier results, by spec name.
        now: The later results.
    """
    shared = [name for name in now if name in was]
    found = [each for name in shared for each in _differences(name, was[name], now[name])]
    looks = sum(each.difference is not None for each in found)
    remarks = [f"{name}: only in the earlier file" for name in was if name not in now]
    remarks += [f"{name}: only in the later file" for name in now if name not in was]
    for name in shared:
        change = change_of_real_set(now[name].measurement, Entry.of(was[name].measurement))
        remarks += [f"{name}: {change}"] if change else []
    return Comparison(tuple(_judged(each, now[each.spec], looks) for each in found), tuple(remarks))


def _differences(name: str, was: SpecResult, now: SpecResult) -> list[Compared]:
    earlier, later = Entry.of(was.measurement), now.measurement
    found = []
    for score in GATED_SCORES:
        if differing := obstacle(later, earlier, score):
            found.append(Compared(name, score, None, "not comparable", obstacle=differing))
        elif moved := difference(later, score_of(later, score), earlier, score):
            found.append(Compared(name, score, moved, "within noise"))
    return found


def _judged(compared: Compared, now: SpecResult, looks: int) -> Compared:
    moved = compared.difference
    if moved is None:
        return compared
    chance = _chance(moved)
    course: Course = "within noise"
    if chance * looks < SIGNIFICANT:
        acceptable = max(
            (each.limit.regression or 0.0 for each in now.verdicts if each.score == compared.score), default=0.0
        )
        course = "better" if moved.value < 0 else "worse" if moved.value > acceptable else "within its limit"
    return Compared(compared.spec, compared.score, moved, course, chance)


def _chance(moved: Difference) -> float:
    """Give the p value, two-sided, of a normal difference with the arm of the interval that points to nothing."""
    from scipy.stats import norm

    if moved.value == 0:
        return 1.0
    arm = moved.value - moved.low if moved.value > 0 else moved.high - moved.value
    if arm <= 0:
        return 0.0
    return float(2 * norm.sf(abs(moved.value) / arm * norm.ppf(0.975)))
