"""Two results files, score by score: what became worse, what became better, and what is noise.

Part of tracking; the baseline compares a run with what was accepted, this compares any two runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pytest_synthgate.gating.accepted import Accepted
from pytest_synthgate.gating.difference import REPEATED, Difference, change_of_real_set, difference, obstacle
from pytest_synthgate.kinds import KINDS, LIMITED
from pytest_synthgate.text.wording import counted

if TYPE_CHECKING:
    from pytest_synthgate.results.result import SpecResult
    from pytest_synthgate.scores.measurement import Measurement

SIGNIFICANT = 0.05
"""Chance, at most, that any of all compared scores is said to have changed where none did."""

Course = Literal[
    "worse",
    "better",
    "perhaps worse",
    "perhaps better",
    "within its limit",
    "within noise",
    "unchanged",
    "not comparable",
]

_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")


@dataclass(frozen=True, slots=True)
class Compared:
    """One score of one spec in both files.

    Attributes:
        spec: Name of the spec.
        score: Name of the score.
        difference: How far it moved, with its 95% interval; None where it cannot be compared.
        course: What became of it. "worse" is more than noise, and than the declared `regression`; "perhaps" is more
            than the noise of this score alone, but no more than chance finds among so many; "within its limit" is worse
            by no more than that `regression`; "unchanged" is the score of the very same images, or the same count of
            files.
        chance: Chance of such a difference, either way, among so many scores where nothing changed; None where chance
            has no part in it.
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

    def of(self, *courses: Course) -> tuple[Compared, ...]:
        """List the scores that took one of these courses."""
        return tuple(each for each in self.scores if each.course in courses)

    @property
    def compared(self) -> tuple[Compared, ...]:
        """The scores that could be compared."""
        return tuple(each for each in self.scores if each.difference is not None)

    @property
    def nothing(self) -> str | None:
        """Why nothing can be compared, counts of unreadable files apart; None where something can."""
        if any(KINDS[each.score].source != "files" for each in self.compared):
            return None
        if reasons := dict.fromkeys(f"{each.spec}: {each.obstacle}" for each in self.of("not comparable")):
            first, *others = reasons
            return f"{first}; and {counted(len(others), 'more spec')}" if others else first
        return "no score has a value" if self.scores else "; ".join(self.remarks) or "they hold no spec"


def compare_results(was: Mapping[str, SpecResult], now: Mapping[str, SpecResult]) -> Comparison:
    """Compare the later results with the earlier ones, by spec name.

    A score has changed where its p is below 0.05 when adjusted for the number K of scores (Holm), so that one look at
    twenty of them finds a change by chance alone no more often than a look at one does. K counts the scores that
    chance could have moved: neither those of the very same images, nor shares of which neither side flags an image.
    """
    alone = [each for name in now if name in was for each in _differences(name, was[name], now[name])]
    chances = iter(holm([each.chance for each in alone if each.chance is not None]))
    adjusted = [each if each.chance is None else replace(each, chance=next(chances)) for each in alone]
    found = tuple(replace(each, course=_course(each, now[each.spec])) for each in adjusted)
    remarks = [*_only("earlier", was, now), *_only("later", now, was)]
    for name in dict.fromkeys(each.spec for each in found if each.difference is not None):
        change = change_of_real_set(now[name].measurement, Accepted.of(was[name].measurement))
        remarks += [f"{name}: {change}"] if change else []
    return Comparison(found, tuple(remarks))


def _only(file: str, those: Mapping[str, SpecResult], others: Mapping[str, SpecResult]) -> list[str]:
    names = [name for name in those if name not in others]
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return [f"only in the {file} file: {', '.join(names[:10])}{more}"] if names else []


def holm(chances: Sequence[float]) -> list[float]:
    """Adjust p values for their number: p_i becomes the largest (K - j + 1) p_j of the j-th smallest up to it.

    Where K scores are looked at and nothing changed in some of them, the chance that any of those has an adjusted p
    below a level is no more than that level, however the scores depend on one another (Holm 1979).
    """
    adjusted, most = [0.0] * len(chances), 0.0
    for rank, place in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        most = max(most, min(1.0, (len(chances) - rank) * chances[place]))
        adjusted[place] = most
    return adjusted


def _differences(name: str, was: SpecResult, now: SpecResult) -> Iterator[Compared]:
    """Compare the scores of one spec, each with the chance it has alone."""
    before, later = was.measurement, now.measurement
    earlier = Accepted.of(before)
    same = later.contents is not None and later.contents == before.contents
    for score in LIMITED:
        if all(each.score(score).interval is None for each in (before, later)):
            continue
        hindered = _obstacle(before, later, earlier, score)
        moved = None if hindered else difference(later, later.score(score), earlier, score)
        if moved is None:
            yield Compared(name, score, None, "not comparable", obstacle=hindered or "no n0 in common")
        else:
            nought = KINDS[score].counted and moved.was == moved.now == 0
            by_chance = not (same or nought or KINDS[score].source == "files")
            yield Compared(name, score, moved, "unchanged", _chance(moved) if by_chance else None)


def _obstacle(was: Measurement, now: Measurement, earlier: Accepted, score: str) -> str | None:
    for file, measurement in (("earlier", was), ("later", now)):
        if not measurement.n_synthetic:
            return f"not measured in the {file} file"
    if found := obstacle(now, earlier, score):
        return _DIGEST.sub(r"\1", found)
    for file, measurement in (("earlier", was), ("later", now)):
        if measurement.score(score).interval is None:
            return f"no value in the {file} file"
    return None


def _course(compared: Compared, now: SpecResult) -> Course:
    moved, chance = compared.difference, compared.chance
    if moved is None:
        return "not comparable"
    if abs(moved.value) <= REPEATED and moved.high - moved.low <= 3 * REPEATED:
        return "unchanged"
    if moved.low <= 0 <= moved.high:
        return "within noise"
    limit = now.limits.get(compared.score)
    if limit is not None and 0 < moved.value <= (limit.regression or 0.0):
        return "within its limit"
    if chance is None or chance < SIGNIFICANT:
        return "worse" if moved.value > 0 else "better"
    return "perhaps worse" if moved.value > 0 else "perhaps better"


def _chance(moved: Difference) -> float:
    """Give the p value, two-sided, of a normal difference with the arm of the interval that points to nothing."""
    from scipy.stats import norm

    if moved.value == 0:
        return 1.0
    arm = moved.value - moved.low if moved.value > 0 else moved.high - moved.value
    if arm <= 0:
        return 0.0
    return float(2 * norm.sf(abs(moved.value) / arm * norm.ppf(0.975)))
