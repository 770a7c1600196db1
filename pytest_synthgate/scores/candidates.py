"""The most similar partners of each row, gathered while blocks of similarities come by.

Fourth station of the flow (features -> scores), below the search: it says from which similarity on a pair is worth
looking at, so that most of a block is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pytest_synthgate.features.matrix import Features, Indices
from pytest_synthgate.scores.blocks import Blocks

BAND = 1e-5
"""Float32 similarities this close to what decides are computed again in float64."""
NEVER = 3.0
"""More than any similarity: a floor that nothing reaches."""
_PENDING = 1 << 18
"""Candidates, at least, that wait before they are sorted in."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs with their similarity, as columns: a row, the row of the other set, float32."""

    row: Indices
    partner: Indices
    similarity: Features

    @classmethod
    def none(cls) -> Candidates:
        """Begin without a pair."""
        return cls(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))

    @classmethod
    def together(cls, several: list[Candidates]) -> Candidates:
        """Put several one after another."""
        if not several:
            return cls.none()
        columns = zip(*((each.row, each.partner, each.similarity) for each in several), strict=True)
        return cls(*map(np.concatenate, columns))

    def turned(self) -> Candidates:
        """Have each pair from its other end."""
        return Candidates(self.partner, self.row, self.similarity)

    def picked(self, which: Indices) -> Candidates:
        """Keep some, in this order."""
        return Candidates(self.row[which], self.partner[which], self.similarity[which])

    def most_similar(self, width: int) -> tuple[Candidates, Indices]:
        """Keep the `width` most similar of each row, row by row and these in order, and say at which place each is."""
        # One key for row and falling similarity: the bits of a positive float order as whole numbers do.
        found = self.picked(np.argsort(self.row << 32 | (np.float32(2) - self.similarity).view(np.int32)))
        place = places(found.row)
        kept = np.flatnonzero(place < width)
        return found.picked(kept), place[kept]


def places(rows: Indices) -> Indices:
    """Count from 0 within each run of equal numbers."""
    begins = np.flatnonzero(np.diff(rows, prepend=-1))
    return np.arange(len(rows)) - np.repeat(begins, np.diff(begins, append=len(rows)))


@dataclass(slots=True)
class Best:
    """The `width` most similar partners of each of some rows, of those that are offered.

    Attributes:
        width: Partners kept of each.
        floor: float32 (n,), what a similarity has to reach to be offered; it rises as better ones are known.
    """

    width: int
    floor: Features
    _kept: list[Candidates] = field(default_factory=list)
    _waiting: int = 0
    _limit: int = _PENDING

    @classmethod
    def above(cls, rows: int, width: int, floor: float) -> Best:
        """Take what reaches one floor."""
        return cls(width, np.full(rows, floor, dtype=np.float32))

    @classmethod
    def sampled(cls, rows: Features, targets: Features, width: int, blocks: Blocks, *, same: bool) -> Best:
        """Begin with floors that the similarities to a few of the targets give: the nearest of all are no less near."""
        best, numbers = cls.above(len(rows), width, -np.inf), np.arange(max(len(rows), len(targets)))
        for some, others in blocks.first_looks():
            similarity = rows[some] @ targets[others].T
            if same:
                similarity[numbers[some][:, None] == numbers[others]] = -np.inf
            if similarity.shape[1] >= width:
                best.floor[some] = np.partition(similarity, -width)[:, -width] - np.float32(BAND)
        return best

    def accepted(self, offered: Candidates) -> Candidates:
        """Pick the candidates that reach the floor, no more than could be kept; changes nothing."""
        found = offered.picked(np.flatnonzero(offered.similarity >= self.floor[offered.row]))
        return found if len(found.row) < _PENDING else found.most_similar(self.width)[0]

    def offer(self, candidates: Candidates) -> None:
        """Take candidates."""
        self._kept.append(candidates)
        self._waiting += len(candidates.row)
        if self._waiting > self._limit:
            kept = self.settled()
            self._limit = max(_PENDING, len(kept.row))

    def settled(self) -> Candidates:
        """Give what was found, row by row and the most similar first, and raise the floors."""
        found, place = Candidates.together(self._kept).most_similar(self.width)
        last = np.flatnonzero(place == self.width - 1)
        rows, least = found.row[last], found.similarity[last] - np.float32(BAND)
        self.floor[rows] = np.maximum(self.floor[rows], least)
        self._kept, self._waiting = [found], 0
        return found
