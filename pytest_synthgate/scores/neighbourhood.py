"""Exact nearest neighbours and near pairs: float32 search by faiss, float64 where it decides.

Distances are cosine distances of unit vectors, computed as |a - b|^2 / 2: exactly 0 for equal rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_SPARE = 8
"""Candidates kept beyond k; where ties or float32 rounding could still hide a neighbour, all are looked at."""
_BLOCK = 256
"""Queries at a time; bounds memory, never an N x N array."""
_BAND = 1e-5
"""Float32 similarities this close to what decides are computed again in float64."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The k nearest targets of each query, nearest first, ties by index.

    Attributes:
        distance: float64 (n, k) cosine distances, 0 to 2; infinite where there are fewer than k targets.
        index: int64 (n, k) rows of the targets; -1 where there are fewer than k.
    """

    distance: Floats
    index: Indices


def distances(a: Features, b: Features) -> Floats:
    """Cosine distances of matching rows of two (..., d) arrays, in float64."""
    difference = a.astype(np.float64) - b
    return np.asarray(np.einsum("...d,...d->...", difference, difference) / 2)


def nearest(queries: Features, targets: Features, k: int = 1, *, same: bool = False) -> Neighbours:
    """Find the k nearest targets of every query, exactly.

    Args:
        queries: float32 (n, d), unit norm.
        targets: float32 (m, d), unit norm.
        k: Neighbours wanted, at least 1.
        same: Queries and targets are the same set: a row is not its own neighbour.
    """
    import faiss

    wanted = k + same
    found = Neighbours(np.full((len(queries), wanted), np.inf), np.full((len(queries), wanted), -1, dtype=np.int64))
    candidates = min(wanted + _SPARE, len(targets))
    if candidates == 0:
        return Neighbours(found.distance[:, :k], found.index[:, :k])
    for start in range(0, len(queries), _BLOCK):
        block = queries[start : start + _BLOCK]
        similarity, index = faiss.knn(block, targets, candidates, metric=faiss.METRIC_INNER_PRODUCT)
        distance, index = _ranked(block[:, None, :], targets, index, wanted)
        found.distance[start : start + len(block), : distance.shape[1]] = distance
        found.index[start : start + len(block), : distance.shape[1]] = index
        if candidates == len(targets):
            continue
        reach = distance[:, -1] + _BAND
        hidden = np.flatnonzero(1 - similarity[:, -1].astype(np.float64) <= reach)
        for i, row in enumerate(hidden):
            # Equal rows come together and have equal answers.
            if i == 0 or not np.array_equal(block[row], block[hidden[i - 1]]):
                close = np.flatnonzero(1 - targets @ block[row] <= reach[row])
                answer = _ranked(block[row], targets, close, wanted)
            found.distance[start + row], found.index[start + row] = answer
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


def near_pairs(a: Features, b: Features, tau: float) -> Iterator[tuple[Indices, Indices]]:
    """Yield every pair (row of a, row of b) closer than tau, block by block of a.

    Distances within 1e-5 of tau are computed again in float64. With `a is b`, a row pairs with itself too.
    """
    import faiss

    if len(a) == 0 or len(b) == 0 or tau <= 0:
        return
    index = faiss.IndexFlatIP(b.shape[1])
    index.add(b)
    for start in range(0, len(a), _BLOCK):
        block = a[start : start + _BLOCK]
        bounds, similarity, targets = index.range_search(block, 1 - tau - _BAND)
        counts = (bounds[1:] - bounds[:-1]).astype(np.int64)
        rows = np.repeat(np.arange(len(block)), counts)
        close = 1 - similarity.astype(np.float64) < tau - _BAND
        unsure = np.flatnonzero(~close)
        close[unsure] = distances(block[rows[unsure]], b[targets[unsure]]) < tau
        yield rows[close] + start, targets[close].astype(np.int64)


class Components:
    """Connected components of n items that grow as links arrive; labels are 0, 1, ... by first member."""

    def __init__(self, n: int) -> None:
        self._label: Indices = np.arange(n, dtype=np.int64)

    def link(self, a: Indices, b: Indices) -> None:
        """Join item a[i] with item b[i] for every i."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        n = len(self._label)
        links = np.unique(self._label[a] * n + self._label[b])
        left, right = links // n, links % n
        apart = left != right
        if not apart.any():
            return
        graph = coo_array((np.ones(apart.sum(), dtype=np.int8), (left[apart], right[apart])), shape=(n, n))
        _, joined = connected_components(graph, directed=False)
        self._label = joined.astype(np.int64)[self._label]

    def labels(self) -> Indices:
        """Give the label of each item."""
        _, first, inverse = np.unique(self._label, return_index=True, return_inverse=True)
        rank = np.empty(len(first), dtype=np.int64)
        rank[np.argsort(first)] = np.arange(len(first))
        return rank[inverse]
