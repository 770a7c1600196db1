"""Pairs of rows of features: their distances, which float64 decides, and as few of them as join what all join.

Fourth station of the flow (features -> scores). Distances are cosine distances of unit vectors, computed as
|a - b|^2 / 2: exactly 0 for equal rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pytest_synthgate.features.matrix import Features, Floats, Indices

_AT_ONCE = 1024
"""Pairs that are computed one by one at a time; they stay in the cache."""

ONE_PAIR = 40
"""What a pair that is computed by itself costs, in pairs of a product of blocks; about the same for all widths."""


@dataclass(frozen=True, slots=True)
class RowPairs:
    """Pairs as columns: row a[i] of one set, and row b[i] of the same or another one."""

    a: Indices
    b: Indices

    @classmethod
    def none(cls) -> RowPairs:
        """Begin without a pair."""
        return cls(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))

    def and_also(self, other: RowPairs) -> RowPairs:
        """Add other pairs."""
        return RowPairs(np.concatenate([self.a, other.a]), np.concatenate([self.b, other.b]))


def distances(a: Features, b: Features) -> Floats:
    """Cosine distances of matching rows of two (..., d) arrays, in float64."""
    difference = a.astype(np.float64) - b
    return np.asarray(np.einsum("...d,...d->...", difference, difference) / 2)


def apart(a: Features, b: Features, i: Indices, j: Indices) -> Floats:
    """Distances of rows a[i] and b[j], a few at a time."""
    found = np.empty(len(i))
    for start in range(0, len(i), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        found[some] = distances(a[i[some]], b[j[some]])
    return found


def similarities(a: Features, b: Features, i: Indices, j: Indices) -> Features:
    """Similarities of rows a[i] and b[j] in float32, a few at a time."""
    found = np.empty(len(i), dtype=np.float32)
    for start in range(0, len(i), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        found[some] = np.einsum("nd,nd->n", a[i[some]], b[j[some]])
    return found


def thinned(*several: RowPairs) -> RowPairs:
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
