"""Nearest neighbours and near pairs: products of blocks in float32, and float64 where it decides.

Exact up to 200,000 rows; beyond that `cells` looks at few of all pairs, and what that finds is measured each time.

Fourth station of the flow (features -> scores): the only place that compares all images with all others. Distances
are cosine distances of unit vectors, computed as |a - b|^2 / 2: exactly 0 for equal rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pytest_synthgate.features.matrix import Features, Floats, Indices
from pytest_synthgate.scores.blocks import COLUMNS, Recall
from pytest_synthgate.scores.bound import bound_for
from pytest_synthgate.scores.candidates import BAND, NEVER, Best, places
from pytest_synthgate.scores.cells import blocks_for
from pytest_synthgate.scores.pairs import RowPairs, apart
from pytest_synthgate.scores.search import Search
from pytest_synthgate.scores.threads import computing

_SPARE = 2
"""Candidates kept beyond k; where ties or float32 rounding could still hide a neighbour, all are looked at."""
_IN_FULL = 1 << 23
"""Distances in float64 that one block holds, where all are looked at."""
_ROUNDING = 1e-12
"""More than what rounding in float64 does to a distance."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The k nearest targets of each query, nearest first, ties by index.

    Attributes:
        distance: float64 (n, k) cosine distances, 0 to 2; infinite where there are fewer than k targets.
        index: int64 (n, k) rows of the targets; -1 where there are fewer than k.
        recall: What the search found of all; None where it was exact.
    """

    distance: Floats
    index: Indices
    recall: Recall | None = None

    @classmethod
    def none(cls, n: int, k: int = 1) -> Neighbours:
        """Begin with nothing found for n queries."""
        return cls(np.full((n, k), np.inf), np.full((n, k), -1, dtype=np.int64))

    def within(self, reach: float) -> Neighbours:
        """Keep those below a distance."""
        near = self.distance < reach
        return replace(self, distance=np.where(near, self.distance, np.inf), index=np.where(near, self.index, -1))


@dataclass(frozen=True, slots=True)
class Nearness:
    """What comparing two sets, or a set with itself, gave.

    Attributes:
        forth: The nearest near row of the other set, for each row of the first one; or as many of the nearest as were
            to be listed, at any distance.
        pairs: Of the near pairs, the nearest of each row of the first set, and as few more as join all that any join.
        near: Number of near pairs, weighted; within one set each is counted once.
        recall: What the search found of all; None where it was exact.
    """

    forth: Neighbours
    pairs: RowPairs
    near: int
    recall: Recall | None = None


def nearest_rows(queries: Features, targets: Features, k: int = 1, *, same: bool = False) -> Neighbours:
    """Find the k nearest targets of every query.

    Args:
        queries: float32 (n, d), unit norm.
        targets: float32 (m, d), unit norm.
        k: Neighbours wanted, at least 1.
        same: Queries and targets are the same set: a row is not its own neighbour.
    """
    with computing() as threads:
        blocks = blocks_for(queries, targets, same=same, threads=threads)
        best = Best.sampled(queries, targets, k + _SPARE, blocks, same=same)
        others = best if same else Best.above(len(targets), 1, NEVER)
        bound = bound_for(queries, targets, best.floor, others.floor, blocks)
        Search(queries, targets, same, blocks, best, others, bound=bound).run(threads)
        return _neighbours(best, queries, targets, k, same, blocks.recall)


def compared(
    a: Features,
    b: Features | None = None,
    *,
    reach: float,
    weights: Indices | None = None,
    listed: int = 0,
) -> Nearness:
    """Compare every row of one set with every row of another one, or of the same, once, for all that is asked.

    Both are float32, (n, d) and (m, d), of unit norm; without `b` the pairs are those within `a`, each once, no row
    with itself. A pair is near below the cosine distance `reach`. Each row of `a` stands for as many images as
    `weights` says, where the pairs are those within it; else for one. The `listed` nearest of each row of `a` are found
    at any distance.
    """
    same = b is None
    b = a if b is None else b
    near = 1 - reach - BAND
    with computing() as threads:
        blocks = blocks_for(a, b, reach, same=same, threads=threads)
        of_a = (
            Best.sampled(a, b, listed + _SPARE, blocks, same=same) if listed else Best.above(len(a), 1 + _SPARE, near)
        )
        of_b = of_a if same else Best.above(len(b), 1, NEVER)
        bound = bound_for(a, b, of_a.floor, of_b.floor, blocks)
        search = Search(a, b, same, blocks, of_a, of_b, reach, weights, bound)
        joining, count = search.run(threads)
        forth = _neighbours(of_a, a, b, listed or 1, same, blocks.recall)
        forth = forth if listed else forth.within(reach)
    rows = np.flatnonzero(forth.distance[:, 0] < reach)
    nearest = RowPairs(rows, forth.index[rows, 0])
    pairs = nearest.and_also(RowPairs(joining.a, joining.b - search.offset))
    return Nearness(forth, pairs, count, blocks.recall)


def _neighbours(
    best: Best, queries: Features, targets: Features, k: int, same: bool, recall: Recall | None
) -> Neighbours:
    """Order candidates by float64 distance, ties by index; where one that was let go could matter, look at all."""
    kept = best.settled()
    found = _first(kept.row, kept.partner, apart(queries, targets, kept.row, kept.partner), len(queries), k)
    if recall is not None:
        return replace(found, recall=recall)
    last = np.flatnonzero(places(kept.row) == best.width - 1)
    rows, least = kept.row[last], kept.similarity[last].astype(np.float64)
    unsure = rows[1 - least <= found.distance[rows, k - 1] + BAND]
    size = max(1, _IN_FULL // max(1, len(targets)))
    for start in range(0, len(unsure), size):
        some = unsure[start : start + size]
        again = _of_all(queries[some], targets, k, some if same else None)
        found.distance[some], found.index[some] = again.distance, again.index
    return found


def _of_all(queries: Features, targets: Features, k: int, own: Indices | None) -> Neighbours:
    """Find the k nearest targets by a product in float64; `own` are the rows that the queries themselves have there."""
    wide = queries.astype(np.float64)
    table = np.empty((len(queries), len(targets)))
    for left in range(0, len(targets), COLUMNS):
        block = targets[left : left + COLUMNS].astype(np.float64)
        lengths = (wide**2).sum(axis=1)[:, None] + (block**2).sum(axis=1)
        table[:, left : left + COLUMNS] = lengths / 2 - wide @ block.T
    if own is not None:
        table[np.arange(len(own)), own] = np.inf
    reach = np.partition(table, k - 1, axis=1)[:, k - 1]
    i, j = np.divmod(np.flatnonzero(table <= reach[:, None] + _ROUNDING), len(targets))
    return _first(i, j, apart(queries, targets, i, j), len(queries), k)


def _first(rows: Indices, partners: Indices, distance: Floats, n: int, k: int) -> Neighbours:
    """Give the k nearest of the partners of each of n rows."""
    order = np.lexsort((partners, distance, rows))
    place = places(rows[order])
    order, place = order[place < k], place[place < k]
    found = Neighbours.none(n, k)
    found.distance[rows[order], place], found.index[rows[order], place] = distance[order], partners[order]
    return found


def listed_pairs(features: Features, listed: Neighbours, reach: float) -> RowPairs:
    """Give the near pairs within a set whose nearest neighbours are known, as `compared` does.

    `listed` holds the k nearest of each row; a pair is near below the cosine distance `reach`.
    """
    a, place = np.nonzero(listed.distance < reach)
    # A pair that neither list holds is one of two rows whose lists end before the reach does.
    ended = np.flatnonzero(listed.distance[:, -1] < reach)
    rest = compared(features[ended], reach=reach).pairs
    return RowPairs(a, listed.index[a, place]).and_also(RowPairs(ended[rest.a], ended[rest.b]))
