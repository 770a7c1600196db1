"""Scores by prompt, axis value or class on the page: which group is to blame, and of how many images it speaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from pytest_synthgate.kinds import COLUMNS, KINDS
from pytest_synthgate.reports.conclusions import clear_rise
from pytest_synthgate.scores.score import Score

GROUPS_SHOWN = 20
"""Groups of an axis that are shown without asking."""
FEWEST = 5
"""Images of a group that has a row of its own."""

ByScore = Mapping[str, Score]


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group, and which scores of it are `worse` than the whole set's; or the small ones together, `pooled`."""

    name: str
    scores: ByScore
    worse: Set[str] = frozenset()
    pooled: bool = False

    @property
    def images(self) -> int:
        """How many synthetic images it has."""
        return max((each.n for score, each in self.scores.items() if not _of_real(score)), default=0)

    @property
    def real(self) -> int | None:
        """How many real images it has; None where these have no such group."""
        return next((each.n for score, each in self.scores.items() if _of_real(score)), None)


@dataclass(frozen=True, slots=True)
class GroupTable:
    """The scores by the groups of one axis, worst first, small ones last; `more` stand behind the first ones."""

    axis: str
    scores: tuple[str, ...]
    rows: tuple[GroupRow, ...]
    more: tuple[GroupRow, ...]

    @property
    def has_real(self) -> bool:
        """Whether real images have these groups too."""
        return any(row.real is not None for row in (*self.rows, *self.more))

    @property
    def has_worse(self) -> bool:
        """Whether a group is worse than the whole set by more than noise."""
        return any(row.worse & {*self.scores} for row in (*self.rows, *self.more))


def group_table(axis: str, found: Mapping[str, ByScore], whole: ByScore) -> GroupTable:
    """Lay out the groups of an axis, which are given worst first, beside the scores of the whole set."""
    rows = [
        GroupRow(
            name, scores, {each for each, mine in scores.items() if clear_rise(mine, whole.get(each, Score(None)))}
        )
        for name, scores in found.items()
    ]
    columns = tuple(score for score in COLUMNS if any(score in each for each in found.values()))
    small = [row for row in rows if row.images < FEWEST and not row.worse]
    last: tuple[GroupRow, ...] = ()
    if len(small) > 1:
        rows, last = [row for row in rows if row.images >= FEWEST or row.worse], (_pooled(small, columns),)
    return GroupTable(axis, columns, (*rows[:GROUPS_SHOWN], *last), tuple(rows[GROUPS_SHOWN:]))


def _pooled(small: Sequence[GroupRow], columns: Iterable[str]) -> GroupRow:
    """Add up groups that are too small to tell anything alone; their mean has no interval that could be known here."""
    means = {score: _mean(row.scores[score] for row in small if score in row.scores) for score in columns}
    found = {score: each for score, each in means.items() if each.n}
    return GroupRow(f"{len(small):,} groups under {FEWEST} images", found, pooled=True)


def _mean(found: Iterable[Score]) -> Score:
    known = [(each.value, each.n) for each in found if each.value is not None]
    images = sum(n for _, n in known)
    return Score(sum(value * n for value, n in known) / max(1, images), n=images)


def _of_real(score: str) -> bool:
    """Tell whether a score counts real images; all others of a group count synthetic ones."""
    return score in KINDS and KINDS[score].side == "real"
