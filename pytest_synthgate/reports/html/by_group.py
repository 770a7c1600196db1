"""Scores by prompt, axis value or class on the page: which group is to blame, and of how many images it speaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pytest_synthgate.kinds import COLUMNS, KINDS
from pytest_synthgate.reports.explain import with_interval
from pytest_synthgate.scores.score import Score, number

GROUPS_SHOWN = 20
"""Groups of an axis that are shown without asking."""
FEWEST = 5
"""Images of a group that has a row of its own."""

_NONE = "–"  # noqa: RUF001 (a dash)

ByScore = Mapping[str, Score]


@dataclass(frozen=True, slots=True)
class GroupCell:
    """One score of a group; `worse` when its whole interval is above the score of the whole set."""

    text: str
    worse: bool = False


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group, or the small ones together, which is `pooled`; `real` is None where real images have no such group."""

    name: str
    images: int
    real: int | None
    cells: tuple[GroupCell, ...]
    pooled: bool = False


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
        return any(cell.worse for row in (*self.rows, *self.more) for cell in row.cells)


def group_table(axis: str, found: Mapping[str, ByScore], whole: ByScore) -> GroupTable:
    """Lay out the groups of an axis, which are given worst first, beside the scores of the whole set."""
    scores = tuple(score for score in COLUMNS if any(score in each for each in found.values()))
    small = {name: each for name, each in found.items() if _images(each) < FEWEST and not _worse(each, whole)}
    small = small if len(small) > 1 else {}
    rows = [_row(name, each, scores, whole) for name, each in found.items() if name not in small]
    last = (_pooled(small, scores),) if small else ()
    return GroupTable(axis, scores, (*rows[:GROUPS_SHOWN], *last), tuple(rows[GROUPS_SHOWN:]))


def _row(name: str, measured: ByScore, scores: Iterable[str], whole: ByScore) -> GroupRow:
    worse = _worse(measured, whole)
    texts = {score: with_interval(each) for score, each in measured.items()}
    cells = tuple(GroupCell(texts.get(score, _NONE), score in worse) for score in scores)
    return GroupRow(name, _images(measured), _real(measured), cells)


def _pooled(small: Mapping[str, ByScore], scores: Iterable[str]) -> GroupRow:
    """Add up groups that are too small to tell anything alone; their mean has no interval that could be known here."""
    real = [each for each in map(_real, small.values()) if each is not None]
    return GroupRow(
        name=f"{len(small):,} groups under {FEWEST} images",
        images=sum(map(_images, small.values())),
        real=sum(real) if real else None,
        cells=tuple(_mean([each[score] for each in small.values() if score in each]) for score in scores),
        pooled=True,
    )


def _mean(found: Iterable[Score]) -> GroupCell:
    known = [(each.value, each.n) for each in found if each.value is not None]
    images = sum(n for _, n in known)
    return GroupCell(number(sum(value * n for value, n in known) / images) if images else _NONE)


def _worse(measured: ByScore, whole: ByScore) -> set[str]:
    """Name the scores of a group that are above those of the whole set by more than noise."""
    pairs = ((score, each.low, whole.get(score, Score(None)).value) for score, each in measured.items())
    return {score for score, low, value in pairs if low is not None and value is not None and low > value}


def _images(measured: ByScore) -> int:
    return max((each.n for score, each in measured.items() if not _of_real(score)), default=0)


def _real(measured: ByScore) -> int | None:
    return next((each.n for score, each in measured.items() if _of_real(score)), None)


def _of_real(score: str) -> bool:
    """Tell whether a score counts real images; all others of a group count synthetic ones."""
    return score in KINDS and KINDS[score].side == "real"
