"""One pass over all pairs of two sets, block by block: candidates for the nearest, and the pairs that are near.

Fourth station of the flow (features -> scores), below `neighbourhood`, which asks. Products of blocks are float32, and
float64 decides what lies on the threshold.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from pytest_synthgate.features.matrix import Features, Indices
from pytest_synthgate.scores.blocks import Blocks, RowNumbers
from pytest_synthgate.scores.bound import Bound
from pytest_synthgate.scores.candidates import BAND, Best, Candidates
from pytest_synthgate.scores.pairs import ONE_PAIR, RowPairs, apart, similarities, thinned

_JOINING = 1 << 18
"""Pairs, at least, that wait before they are thinned."""


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
        blocks: Says which to look at.
        of_a: Takes candidates for the nearest of each row of a.
        of_b: Takes those of each row of b; the same one within a set.
        reach: Distance below which a pair is near; negative where no pairs are asked for.
        weights: Images that each row of a stands for.
        bound: Rules pairs out before they are computed, if it pays.
    """

    a: Features
    b: Features
    same: bool
    blocks: Blocks
    of_a: Best
    of_b: Best
    reach: float = -1.0
    weights: Indices | None = None
    bound: Bound | None = None

    def run(self, threads: Executor) -> tuple[RowPairs, int]:
        """Go over all blocks; give pairs that join all near ones, and the number of these."""
        joining, waiting, near = RowPairs.none(), list[RowPairs](), 0
        for strip in threads.map(self._strip, range(self.blocks.strips)):
            self.of_a.offer(strip.of_a)
            self.of_b.offer(strip.of_b)
            near += strip.near
            waiting.append(strip.pairs)
            if sum(len(each.a) for each in waiting) > max(_JOINING, len(joining.a)):
                joining, waiting = thinned(joining, *waiting), []
        return thinned(joining, *waiting), near

    @property
    def offset(self) -> int:
        """What sets the numbers of the rows of b apart from those of a in pairs."""
        return 0 if self.same else len(self.a)

    @property
    def _near(self) -> np.float32:
        """Similarity that every near pair has."""
        return np.float32(1 - self.reach - BAND)

    def _strip(self, number: int) -> _Strip:
        of_a, of_b, joining, near = list[Candidates](), list[Candidates](), RowPairs.none(), 0
        for rows, columns in self.blocks.strip(number):
            found = self._worth_a_look(rows, columns)
            of_a.append(self.of_a.accepted(found))
            of_b.append(self.of_b.accepted(found.turned()))
            pairs = self._near_pairs(found)
            near += len(pairs.a) if self.weights is None else int(self.weights[pairs.a] @ self.weights[pairs.b])
            if len(pairs.a):
                joining = thinned(joining, pairs)
        return _Strip(Candidates.together(of_a), Candidates.together(of_b), joining, near)

    def _worth_a_look(self, rows: RowNumbers, columns: RowNumbers) -> Candidates:
        """Compute a block of similarities and list those that may be near, or among the nearest of either row."""
        of_rows = np.minimum(self.of_a.floor[rows], self._near)[:, None]
        of_columns = np.minimum(self.of_b.floor[columns], self._near)
        similarity = None
        if self.bound is not None:
            most = self.bound.a[rows] @ self.bound.b[columns].T
            at = np.flatnonzero((most >= of_rows) | (most >= of_columns))
        if self.bound is None or len(at) * ONE_PAIR > most.size:
            similarity = self.a[rows] @ self.b[columns].T
            at = np.flatnonzero((similarity >= of_rows) | (similarity >= of_columns))
        i, j = np.divmod(at, len(of_columns))
        row, column = _numbers(rows, i), _numbers(columns, j)
        if self.same:
            once = np.flatnonzero(self.blocks.first_met(row, column))
            at, row, column = at[once], row[once], column[once]
        found = similarities(self.a, self.b, row, column) if similarity is None else similarity.ravel()[at]
        return Candidates(row, column, found)

    def _near_pairs(self, found: Candidates) -> RowPairs:
        """Pick the near pairs; float64 decides about those on the threshold."""
        at = np.flatnonzero(found.similarity >= self._near)
        i, j = found.row[at], found.partner[at]
        close = 1 - found.similarity[at].astype(np.float64) < self.reach - BAND
        unsure = np.flatnonzero(~close)
        close[unsure] = apart(self.a, self.b, i[unsure], j[unsure]) < self.reach
        return RowPairs(i[close], j[close] + self.offset)


def _numbers(rows: RowNumbers, at: Indices) -> Indices:
    """Number rows of a block as those of their set."""
    return at + rows.start if isinstance(rows, slice) else rows[at]
