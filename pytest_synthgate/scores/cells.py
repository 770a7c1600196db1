"""Very large sets: each row is compared with those in the cells nearest to it, and what that finds is measured.

Fourth station of the flow (features -> scores), between the search and `neighbourhood`, which asks. Cells are those of
an inverted file (Sivic and Zisserman 2003): a pair is met when the one row lies in a cell that the other one looks
into.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_synthgate.features.matrix import Features, Flags, Indices
from pytest_synthgate.scores.blocks import COLUMNS, ROWS, SAMPLED, WANTED, Block, Blocks, Everything, Recall
from pytest_synthgate.scores.bound import bound_for
from pytest_synthgate.scores.candidates import NEVER, Best
from pytest_synthgate.scores.search import Search

EXACT_UP_TO = 200_000
"""Rows a side up to which every pair is looked at; as many pairs are when one side is larger and the other smaller."""
WANTED_NEAREST = 0.95
"""The same for nearest rows, which give a median and twins to show: one missed is replaced by the next."""
_ASKED, _ASKED_NEAR = 1024, 12_000
"""Rows of which all is found out: whose nearest row is asked for, or only rows that are near, which few have."""
_FEWEST, _MOST = 12, 64
"""Cells that a row looks into."""
_ROUNDS, _PER_CELL = 8, 64
"""Rounds of k-means, and rows a cell that it learns from."""
_TYPICAL_CELLS, _TYPICAL_ROWS = 16, 64

CellNumbers = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _ByCell:
    """Rows by cell: those of a cell lie between where it begins and where the next one does, ascending."""

    rows: CellNumbers
    begins: CellNumbers

    @classmethod
    def of(cls, cells_of: CellNumbers, count: int) -> _ByCell:
        """Sort rows that are in several cells each, (n, p), into `count` cells."""
        from scipy.sparse import csr_array

        n, p = cells_of.shape
        there = np.ones(n * p, dtype=np.bool_)
        turned = csr_array((there, cells_of.ravel(), np.arange(0, n * p + 1, p)), shape=(n, count)).tocsc()
        return cls(turned.indices, turned.indptr)

    def of_cell(self, cell: int) -> Indices:
        """Give the rows of one cell."""
        return self.rows[self.begins[cell] : self.begins[cell + 1]].astype(np.int64)


@dataclass(frozen=True, slots=True)
class Cells:
    """Pairs of rows of which the second lies in a cell that the first one looks into.

    Attributes:
        probes: int32 (n, p), the cells that each row of the first set looks into, the nearest first.
        cell: int32 (m,), the cell of each row of the second one.
        recall: What this finds.
        looking: Rows of the first set by the cells that they look into.
        members: Rows of the second one by their cell.
    """

    probes: CellNumbers
    cell: CellNumbers
    recall: Recall
    looking: _ByCell
    members: _ByCell

    @classmethod
    def of(cls, probes: CellNumbers, cell: CellNumbers, recall: Recall) -> Cells:
        """Sort the rows of both sets by cell."""
        count = int(max(probes.max(), cell.max())) + 1
        return cls(probes, cell, recall, _ByCell.of(probes, count), _ByCell.of(cell[:, None], count))

    @property
    def strips(self) -> int:
        """Count the cells: a strip each."""
        return len(self.members.begins) - 1

    def strip(self, number: int) -> Iterator[Block]:
        """Take all that look into a cell, with all that is in it."""
        rows, columns = self.looking.of_cell(number), self.members.of_cell(number)
        for start in range(0, len(rows), ROWS):
            for left in range(0, len(columns), COLUMNS):
                yield rows[start : start + ROWS], columns[left : left + COLUMNS]

    def first_met(self, rows: Indices, columns: Indices) -> Flags:
        """Take a pair from its lower row, unless only the higher one looks into the cell of the other."""
        one_way = ~(self.probes[columns] == self.cell[rows][:, None]).any(axis=1)
        met: Flags = (rows < columns) | (one_way & (rows != columns))
        return met

    def first_looks(self) -> Iterator[Block]:
        """Take of the cell that is nearest to a row, where its nearest rows are likely to be."""
        nearest = _ByCell.of(np.ascontiguousarray(self.probes[:, :1]), self.strips)
        for cell in range(self.strips):
            rows, columns = nearest.of_cell(cell), self.members.of_cell(cell)
            for start in range(0, len(rows), ROWS):
                yield rows[start : start + ROWS], columns[:: max(1, -(-len(columns) // SAMPLED))]

    def typical(self) -> Iterator[Block]:
        """Take a few rows of a few cells."""
        for cell in range(0, self.strips, max(1, self.strips // _TYPICAL_CELLS)):
            both = self.looking.of_cell(cell), self.members.of_cell(cell)
            rows, columns = (each[:: max(1, len(each) // _TYPICAL_ROWS)] for each in both)
            yield rows, columns


def blocks_for(a: Features, b: Features, reach: float = 0.0, *, same: bool, threads: Executor) -> Blocks:
    """Look at every pair of float32 (n, d) and (m, d) of unit norm, or, in very large sets, into cells.

    As many cells are looked into as find the near pairs (distance below `reach`) of a sample, or without a reach the
    nearest rows of one.
    """
    if len(a) * len(b) <= EXACT_UP_TO**2 or max(len(a), len(b)) <= EXACT_UP_TO:
        return Everything(len(a), len(b), same)
    centres = _centres(a, b)
    probes = _closest(a, centres, min(_MOST, len(centres)), threads)
    cell = np.ascontiguousarray(probes[:, 0]) if same else _closest(b, centres, 1, threads)[:, 0]
    i, j = _partners(a, b, reach, same, threads)
    ranks = _rank(probes[i], cell[j])
    if same:
        ranks = np.minimum(ranks, _rank(probes[j], cell[i]))
    # One half of the sample chooses, the other one tells.
    choosing, telling = ranks[::2], ranks[1::2]
    probed = max(_FEWEST, 1 + int(np.quantile(choosing, WANTED if reach else WANTED_NEAREST)) if len(choosing) else 0)
    probes = np.ascontiguousarray(probes[:, :probed])
    found = float((telling < probes.shape[1]).mean()) if len(telling) else None
    return Cells.of(probes, cell, Recall(None, found) if reach else Recall(found, None))


def _centres(a: Features, b: Features) -> Features:
    import faiss

    faiss.omp_set_num_threads(1)
    cells = int(np.sqrt(max(len(a), len(b))))
    both = [each[:: max(1, len(each) // (cells * _PER_CELL // 2))] for each in (a, b)]
    means = faiss.Kmeans(a.shape[1], cells, niter=_ROUNDS, spherical=True, seed=0, min_points_per_centroid=1)
    means.train(np.ascontiguousarray(np.concatenate(both)))
    return np.asarray(means.centroids, dtype=np.float32)


def _closest(rows: Features, centres: Features, count: int, threads: Executor) -> CellNumbers:
    """Give the `count` most similar centres of each row, the most similar first."""
    found = np.empty((len(rows), count), dtype=np.int32)

    def strip(start: int) -> None:
        similarity = rows[start : start + ROWS] @ centres.T
        if count == 1:
            found[start : start + ROWS, 0] = similarity.argmax(axis=1)
            return
        some = np.argpartition(similarity, -count, axis=1)[:, -count:] if count < len(centres) else None
        most = similarity if some is None else np.take_along_axis(similarity, some, axis=1)
        order = np.argsort(-most, axis=1, kind="stable")
        found[start : start + ROWS] = order if some is None else np.take_along_axis(some, order, axis=1)

    list(threads.map(strip, range(0, len(rows), ROWS)))
    return found


def _partners(a: Features, b: Features, reach: float, same: bool, threads: Executor) -> tuple[Indices, Indices]:
    """Find for a sample of a, by all pairs, the nearest row of b, or the few nearest of those that are near."""
    rows = np.arange(0, len(a), -(-len(a) // (_ASKED_NEAR if reach else _ASKED)))
    sample, blocks = a[rows], Everything(len(rows), len(b), same=False)
    width = 4 if reach else 1 + same  # a row of the same set finds itself
    best = Best.above(len(rows), width, 1 - reach) if reach else Best.sampled(sample, b, width, blocks, same=False)
    others = Best.above(len(b), 1, NEVER)
    Search(sample, b, False, blocks, best, others, bound=bound_for(sample, b, best.floor, others.floor, blocks)).run(
        threads
    )
    kept = best.settled()
    i, j = rows[kept.row], kept.partner
    other = np.flatnonzero(i != j) if same else np.arange(len(i))
    i, j = i[other], j[other]
    first = np.flatnonzero(np.diff(i, prepend=-1) != 0)
    return (i, j) if reach else (i[first], j[first])


def _rank(probes: CellNumbers, cell: CellNumbers) -> Indices:
    """Count the cells that rows look into before one; more than there are where they never do."""
    there = probes == cell[:, None]
    ranks: Indices = np.where(there.any(axis=1), there.argmax(axis=1), probes.shape[1])
    return ranks
