"""One pass over all pairs of two sets, block by block: candidates for the nearest, and the pairs that are near.

Fourth station of the flow (features -> scores), below `neighbourhood`, which asks. Products of blocks are float32, and
float64 decides what lies on the threshold.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from pytest_synthgate.features.matrix import Features, Indices
from pytest_synthgate.scores.bound import Bound
from pytest_synthgate.scores.candidates import BAND, Best, Candidates
from pytest_synthgate.scores.pairs import RowPairs, apart, thinned

ROWS, COLUMNS = 512, 1024
"""Pairs that one product is about: it stays in the cache, and no N x N array ever comes about."""
_FEW = 128
"""One pair in so many is computed by itself, more are one product."""


@dataclass(frozen=True, slots=True)
class _Strip:
    """What one strip of rows gave: candidates for the nearest, pairs that join all near ones, and their number."""

    of_a: Candidates
    of_b: Candidates
    pairs: RowPairs
    near: int


@dataclass(frozen=True, slots=True)
class Search:
    """One run over all pairs, strip by strip; strips may be worked on at the same time.

    Attributes:
        a: float32 (n, d), rows of one set.
        b: float32 (m, d), those of the other one.
        same: Both are one set: each pair is met once, and no row meets itself.
        of_a: Takes candidates for the nearest of each row of a.
        of_b: Takes those of each row of b; the same one within a set.
        reach: Distance below which a pair is near; negative where no pairs are asked for.
        weights: Images that each row of a stands for.
        bound: Rules pairs out before they are computed, if it pays.
    """

    a: Features
    b: Features
    same: bool
    of_a: Best
    of_b: Best
    reach: float = -1.0
    weights: Indices | None = None
    bound: Bound | None = None

    def run(self, threads: Executor) -> tuple[RowPairs, int]:
        """Go over all pairs; give those that join all near ones, and the number of these."""
        joining, near = RowPairs.none(), 0
        for strip in threads.map(self._strip, range(0, len(self.a), ROWS)):
            self.of_a.offer(strip.of_a)
            self.of_b.offer(strip.of_b)
            joining, near = thinned(joining, strip.pairs), near + strip.near
        return joining, near

    @property
    def offset(self) -> int:
        """What sets the numbers of the rows of b apart from those of a in pairs."""
        return 0 if self.same else len(self.a)

    @property
    def _near(self) -> np.float32:
        """Similarity that every near pair has."""
        return np.float32(1 - self.reach - BAND)

    def _strip(self, start: int) -> _Strip:
        """Compare some rows of a with all of b, or with those after them."""
        of_a, of_b, joining, near = list[Candidates](), list[Candidates](), RowPairs.none(), 0
        for left in range(start if self.same else 0, len(self.b), COLUMNS):
            found = self._worth_a_look(start, left)
            of_a.append(self.of_a.accepted(found))
            of_b.append(self.of_b.accepted(found.turned()))
            pairs = self._near_pairs(found)
            near += len(pairs.a) if self.weights is None else int(self.weights[pairs.a] @ self.weights[pairs.b])
            joining = thinned(joining, pairs)
        return _Strip(Candidates.together(of_a), Candidates.together(of_b), joining, near)

    def _worth_a_look(self, start: int, left: int) -> Candidates:
        """Compute a block of similarities and list those that may be near, or among the nearest of either row."""
        rows, columns = self.a[start : start + ROWS], self.b[left : left + COLUMNS]
        of_rows = np.minimum(self.of_a.floor[start : start + ROWS], self._near)[:, None]
        of_columns = np.minimum(self.of_b.floor[left : left + COLUMNS], self._near)
        if self.bound is not None:
            most = self._block(self.bound.a, self.bound.b, start, left)
            at = np.flatnonzero((most >= of_rows) | (most >= of_columns))
            if len(at) * _FEW < most.size:
                i, j = np.divmod(at, len(columns))
                return Candidates(i + start, j + left, np.einsum("nd,nd->n", rows[i], columns[j]))
        similarity = self._block(self.a, self.b, start, left)
        at = np.flatnonzero((similarity >= of_rows) | (similarity >= of_columns))
        i, j = np.divmod(at, len(columns))
        return Candidates(i + start, j + left, similarity.ravel()[at])

    def _block(self, a: Features, b: Features, start: int, left: int) -> Features:
        block: Features = a[start : start + ROWS] @ b[left : left + COLUMNS].T
        if self.same and left == start:
            block[np.tri(*block.shape, dtype=np.bool_)] = np.nan  # reaches nothing
        return block

    def _near_pairs(self, found: Candidates) -> RowPairs:
        """Pick the near pairs; float64 decides about those on the threshold."""
        at = np.flatnonzero(found.similarity >= self._near)
        i, j = found.row[at], found.partner[at]
        close = 1 - found.similarity[at].astype(np.float64) < self.reach - BAND
        unsure = np.flatnonzero(~close)
        close[unsure] = apart(self.a, self.b, i[unsure], j[unsure]) < self.reach
        return RowPairs(i[close], j[close] + self.offset)
