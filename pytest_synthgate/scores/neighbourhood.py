"""Exact nearest neighbours by faiss and near pairs by products of blocks, in float32, and float64 where they decide.

Fourth station of the flow (features -> scores): the only place that compares all images with all others. Distances
are cosine distances of unit vectors, computed as |a - b|^2 / 2: exactly 0 for equal rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pytest_synthgate.features.matrix import Features, Floats, Indices
from pytest_synthgate.scores.threads import computing

_SPARE = 8
"""Candidates kept beyond k; where ties or float32 rounding could still hide a neighbour, all are looked at."""
_ROWS, _COLUMNS = 256, 1024
"""Pairs that one product is about: it stays in the cache, and no N x N array ever comes about."""
_PAIRS = 4096
"""Pairs in float64 at a time."""
_BAND = 1e-5
"""Float32 similarities this close to what decides are computed again in float64."""
_NONE = -1.5
"""Less than any similarity."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The k nearest targets of each query, nearest first, ties by index.

    Attributes:
        distance: float64 (n, k) cosine distances, 0 to 2; infinite where there are fewer than k targets.
        index: int64 (n, k) rows of the targets; -1 where there are fewer than k.
    """

    distance: Floats
    index: Indices

    @classmethod
    def none(cls, n: int, k: int = 1) -> Neighbours:
        """Begin with nothing found for n queries."""
        return cls(np.full((n, k), np.inf), np.full((n, k), -1, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class RowPairs:
    """Pairs as columns: row a[i] of one set, and row b[i] of the same or another one."""

    a: Indices
    b: Indices

    def and_also(self, other: RowPairs) -> RowPairs:
        """Add other pairs."""
        return RowPairs(np.concatenate([self.a, other.a]), np.concatenate([self.b, other.b]))


_NOTHING = RowPairs(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Nearness:
    """What comparing two sets, or a set with itself, gave.

    Attributes:
        forth: The nearest row of the other set, for each row of the first one.
        back: The nearest row of the first set, for each row of the other one.
        pairs: Of the near pairs, the nearest of each row of the first set, and as few more as join all that any join.
        near: Number of near pairs, weighted; within one set each is counted once.
    """

    forth: Neighbours
    back: Neighbours
    pairs: RowPairs
    near: int


def distances(a: Features, b: Features) -> Floats:
    """Cosine distances of matching rows of two (..., d) arrays, in float64."""
    difference = a.astype(np.float64) - b
    return np.asarray(np.einsum("...d,...d->...", difference, difference) / 2)


def nearest_rows(queries: Features, targets: Features, k: int = 1, *, same: bool = False) -> Neighbours:
    """Find the k nearest targets of every query, exactly.

    Args:
        queries: float32 (n, d), unit norm.
        targets: float32 (m, d), unit norm.
        k: Neighbours wanted, at least 1.
        same: Queries and targets are the same set: a row is not its own neighbour.
    """
    wanted = k + same
    found = Neighbours.none(len(queries), wanted)
    candidates = min(wanted + _SPARE, len(targets))
    if candidates == 0:
        return Neighbours(found.distance[:, :k], found.index[:, :k])
    import faiss  # ahead of the limit on threads, which holds for libraries that are loaded

    def look(start: int) -> None:
        faiss.omp_set_num_threads(1)  # OpenMP counts by thread
        block = queries[start : start + _ROWS]
        similarity, index = faiss.knn(block, targets, candidates, metric=faiss.METRIC_INNER_PRODUCT)
        distance, ranked = _ranked(block[:, None, :], targets, index, wanted)
        found.distance[start : start + _ROWS, : distance.shape[1]] = distance
        found.index[start : start + _ROWS, : distance.shape[1]] = ranked
        if candidates == len(targets):
            return
        reach = distance[:, -1] + _BAND
        for row in np.flatnonzero(1 - similarity[:, -1].astype(np.float64) <= reach):
            close = np.flatnonzero(1 - (targets @ block[row]).astype(np.float64) <= reach[row])
            found.distance[start + row], found.index[start + row] = _ranked(block[row], targets, close, wanted)

    with computing() as threads:
        list(threads.map(look, range(0, len(queries), _ROWS)))
    return _without_self(found) if same else found


def _ranked(queries: Features, targets: Features, index: Indices, k: int) -> tuple[Floats, Indices]:
    """Order candidates by float64 distance, ties by index, and keep the first k."""
    distance = distances(queries, targets[index])
    order = np.lexsort((index, distance), axis=-1)[..., :k]
    return np.take_along_axis(distance, order, axis=-1), np.take_along_axis(index, order, axis=-1)


def _without_self(found: Neighbours) -> Neighbours:
    """Take each row out of its own neighbours; the last one where enough equal rows come before it."""
    rows, k = found.index.shape[0], found.index.shape[1] - 1
    own = found.index == np.arange(rows)[:, None]
    position = np.where(own.any(axis=1), own.argmax(axis=1), k)
    columns = np.arange(k)
    columns = columns + (columns >= position[:, None])
    return Neighbours(np.take_along_axis(found.distance, columns, 1), np.take_along_axis(found.index, columns, 1))


def compared(a: Features, b: Features | None = None, *, reach: float, weights: Indices | None = None) -> Nearness:
    """Compare every row of one set with every row of another one, or of the same, once, for all that is asked.

    Both are float32, (n, d) and (m, d), of unit norm; without `b` the pairs are those within `a`, each once, no row
    with itself. A pair is near below the cosine distance `reach`. Each row of `a` stands for as many images as
    `weights` says, where the pairs are those within it; else for one.
    """
    comparison = _Comparison(a, a if b is None else b, b is None, reach, weights)
    forth = Neighbours.none(len(a))
    back = forth if b is None else Neighbours.none(len(b))
    joining, near = _NOTHING, 0
    starts = range(0, len(a), _ROWS)
    with computing() as threads:
        for start, strip in zip(starts, threads.map(comparison.strip, starts), strict=True):
            _offer(forth, np.arange(start, start + len(strip.forth.index)), strip.forth)
            _offer(back, np.arange(len(strip.back.index)), strip.back)
            joining, near = _thinned(joining, strip.pairs), near + strip.near
    rows = np.flatnonzero(forth.distance[:, 0] < reach)
    nearest_near = RowPairs(rows, forth.index[rows, 0])
    return Nearness(forth, back, nearest_near.and_also(RowPairs(joining.a, joining.b - comparison.offset)), near)


@dataclass(slots=True)
class _Comparison:
    """One run over all pairs, strip by strip; strips may be worked on at the same time."""

    a: Features
    b: Features
    same: bool
    reach: float
    weights: Indices | None
    most: Features = field(init=False)
    """Largest similarity that any strip has met so far, by row of b: a bound that only saves work."""

    def __post_init__(self) -> None:
        self.most = np.full(len(self.b), _NONE, dtype=np.float32)

    @property
    def offset(self) -> int:
        """What sets the numbers of the rows of b apart from those of a."""
        return 0 if self.same else len(self.a)

    def strip(self, start: int) -> Nearness:
        """Compare some rows of a with all of b, or with those after them."""
        rows = self.a[start : start + _ROWS]
        forth, back = Neighbours.none(len(rows)), Neighbours.none(len(self.b))
        best = np.full(len(rows), _NONE, dtype=np.float32)
        joining, near = _NOTHING, 0
        for left in range(start if self.same else 0, len(self.b), _COLUMNS):
            columns = self.b[left : left + _COLUMNS]
            similarity = rows @ columns.T
            if self.same and left < start + len(rows):
                numbers = np.arange(start, start + len(rows))[:, None], np.arange(left, left + len(columns))
                similarity[numbers[0] >= numbers[1]] = 2 * _NONE
            most = self.most[left : left + _COLUMNS]
            np.maximum(best, similarity.max(axis=1), out=best)
            np.maximum(most, similarity.max(axis=0), out=most)
            i, j = np.nonzero(similarity >= (best - np.float32(_BAND))[:, None])
            _offer(forth, i, Neighbours(apart(rows, columns, i, j)[:, None], j[:, None] + left))
            i, j = np.nonzero(similarity >= most - np.float32(_BAND))
            _offer(back, j + left, Neighbours(apart(rows, columns, i, j)[:, None], i[:, None] + start))
            pairs = self._near(rows, columns, similarity, np.flatnonzero(best >= 1 - self.reach - _BAND))
            pairs = RowPairs(pairs.a + start, pairs.b + left + self.offset)
            near += len(pairs.a) if self.weights is None else int(self.weights[pairs.a] @ self.weights[pairs.b])
            joining = _thinned(joining, pairs)
        return Nearness(forth, back, joining, near)

    def _near(self, rows: Features, columns: Features, similarity: Features, among: Indices) -> RowPairs:
        """Pick the near pairs of some of the rows; float64 decides about those on the threshold."""
        i, j = np.nonzero(similarity[among] >= 1 - self.reach - _BAND)
        i = among[i]
        close = 1 - similarity[i, j].astype(np.float64) < self.reach - _BAND
        unsure = np.flatnonzero(~close)
        close[unsure] = apart(rows, columns, i[unsure], j[unsure]) < self.reach
        return RowPairs(i[close], j[close])


def listed_pairs(features: Features, listed: Neighbours, reach: float) -> RowPairs:
    """Give the near pairs within a set whose nearest neighbours are known, as `compared` does.

    `listed` holds the k nearest of each row; a pair is near below the cosine distance `reach`.
    """
    a, place = np.nonzero(listed.distance < reach)
    # A pair that neither list holds is one of two rows whose lists end before the reach does.
    ended = np.flatnonzero(listed.distance[:, -1] < reach)
    rest = compared(features[ended], reach=reach).pairs
    return RowPairs(a, listed.index[a, place]).and_also(RowPairs(ended[rest.a], ended[rest.b]))


def apart(a: Features, b: Features, i: Indices, j: Indices) -> Floats:
    """Distances of rows a[i] and b[j], a few at a time."""
    found = np.empty(len(i))
    for start in range(0, len(i), _PAIRS):
        some = slice(start, start + _PAIRS)
        found[some] = distances(a[i[some]], b[j[some]])
    return found


def _offer(keep: Neighbours, at: Indices, found: Neighbours) -> None:
    """Take over what is nearer than what is known of the rows that it was found for, ties by index."""
    distance, index = found.distance[:, 0], found.index[:, 0]
    order = np.lexsort((index, distance, at))
    order = order[np.diff(at[order], prepend=-1) > 0]
    at, distance, index = at[order], distance[order], index[order]
    known = keep.distance[at, 0]
    nearer = (distance < known) | ((distance == known) & (index < keep.index[at, 0]))
    keep.distance[at[nearer], 0], keep.index[at[nearer], 0] = distance[nearer], index[nearer]


def _thinned(*several: RowPairs) -> RowPairs:
    """Keep as few pairs as join what all of them join."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    a, b = (np.concatenate([getattr(each, end) for each in several]) for end in ("a", "b"))
    if len(a) < 2:
        return RowPairs(a, b)
    nodes, at = np.unique(np.concatenate([a, b]), return_inverse=True)
    graph = coo_array((np.ones(len(a)), (at[: len(a)], at[len(a) :])), shape=(len(nodes), len(nodes)))
    left, right = minimum_spanning_tree(graph).nonzero()
    return RowPairs(nodes[np.minimum(left, right)], nodes[np.maximum(left, right)])
