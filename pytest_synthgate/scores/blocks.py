"""Which blocks of all pairs a search looks at: every one, or in very large sets those of cells that are alike.

Fourth station of the flow (features -> scores), below the search. Cells are those of an inverted file (Sivic and
Zisserman 2003): a pair is met when the one row lies in a cell that the other one looks into.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pytest_synthgate.features.matrix import Features, Flags, Indices

EXACT_UP_TO = 200_000
"""Rows of the larger set up to which every pair is looked at."""
ROWS, COLUMNS = 512, 1024
"""Pairs that one block is about: it stays in the cache, and no N x N array ever comes about."""
_WANTED = 0.999
"""Share of near pairs that is to be met, by the sample."""
_SAMPLED = 1000
"""Rows that tell how many cells to look into, and what that finds."""
_FEWEST, _MOST = 8, 64
"""Cells that a row looks into."""
_ROUNDS, _PER_CELL = 8, 64
"""Rounds of k-means, and rows a cell that it learns from."""

RowNumbers = slice | Indices
Block = tuple[RowNumbers, RowNumbers]


class Blocks(Protocol):
    """Says which blocks there are, in strips that may be worked on at the same time."""

    @property
    def recall(self) -> Recall | None:
        """What is found of all; None where it is all."""

    def strips(self) -> Iterator[list[Block]]:
        """Give the rows of both sets that each block is about."""

    def first_met(self, rows: Indices, columns: Indices) -> Flags:
        """Say which pairs are met here and not in another block too, if both sets are one."""


@dataclass(frozen=True, slots=True)
class Recall:
    """What a search that looks at few of all pairs finds, measured on a sample.

    Attributes:
        nearest: Share of rows whose nearest row of the other set is found.
        near: Share of near pairs that are found; None where the sample has none, or none were asked for.
    """

    nearest: float
    near: float | None

    @classmethod
    def least(cls, *several: Recall | None) -> Recall | None:
        """Give the least of what several searches found; None where all were exact."""
        found = [each for each in several if each is not None]
        if not found:
            return None
        near = min((each.near for each in found if each.near is not None), default=None)
        return cls(min(each.nearest for each in found), near)

    def __str__(self) -> str:
        """Say what this means for a reader of the scores."""
        near = "it has no near-duplicate" if self.near is None else f"{self.near:.2%} of its near-duplicates"
        return (
            f"more than {EXACT_UP_TO:,} images: few of all pairs were looked at; on a sample that found "
            f"{self.nearest:.1%} of the nearest images; {near}"
        )


@dataclass(frozen=True, slots=True)
class Everything:
    """All pairs of n and m rows, within one set each once."""

    n: int
    m: int
    same: bool
    recall: None = None

    def strips(self) -> Iterator[list[Block]]:
        """Give strips of rows, with all columns, or with those from the strip on."""
        for start in range(0, self.n, ROWS):
            columns = range(start if self.same else 0, self.m, COLUMNS)
            yield [(slice(start, start + ROWS), slice(left, left + COLUMNS)) for left in columns]

    def first_met(self, rows: Indices, columns: Indices) -> Flags:
        """Only blocks on the diagonal have a pair twice."""
        return rows < columns


@dataclass(frozen=True, slots=True)
class Cells:
    """Pairs of rows of which the second lies in a cell that the first one looks into.

    Attributes:
        probes: int64 (n, p), the cells that each row of the first set looks into.
        cell: int64 (m,), the cell of each row of the second one.
        recall: What this finds.
    """

    probes: Indices
    cell: Indices
    recall: Recall

    def strips(self) -> Iterator[list[Block]]:
        """Give a strip a cell."""
        width = self.probes.shape[1]
        looking, members = np.argsort(self.probes.ravel(), kind="stable"), np.argsort(self.cell, kind="stable")
        cells = np.arange(self.cell.max() + 2)
        from_row, from_member = (
            np.searchsorted(sorted_, cells) for sorted_ in (self.probes.ravel()[looking], self.cell[members])
        )
        for cell in cells[:-1]:
            rows = np.sort(looking[from_row[cell] : from_row[cell + 1]] // width)
            columns = members[from_member[cell] : from_member[cell + 1]]
            yield [
                (rows[start : start + ROWS], columns[left : left + COLUMNS])
                for start in range(0, len(rows), ROWS)
                for left in range(0, len(columns), COLUMNS)
            ]

    def first_met(self, rows: Indices, columns: Indices) -> Flags:
        """Take a pair from its lower row, unless only the higher one looks into the cell of the other."""
        one_way = ~(self.probes[columns] == self.cell[rows][:, None]).any(axis=1)
        met: Flags = (rows < columns) | (one_way & (rows != columns))
        return met


def blocks_for(a: Features, b: Features, reach: float = 0.0, *, same: bool) -> Blocks:
    """Look at every pair of float32 (n, d) and (m, d) of unit norm, or, in very large sets, into cells.

    As many cells are looked into as find the near pairs (distance below `reach`) and the nearest rows of a sample.
    """
    if max(len(a), len(b)) <= EXACT_UP_TO or min(len(a), len(b)) == 0:
        return Everything(len(a), len(b), same)
    centres = _centres(a, b)
    cell = _closest(b, centres, 1)[:, 0]
    sample = np.arange(0, len(a), -(-len(a) // _SAMPLED))
    near, nearest = _ranks(a, b, sample, reach, centres, cell, same=same)
    # One half of the sample chooses, the other one tells.
    wanted = [np.quantile(ranks[::2], _WANTED) for ranks in (near, nearest) if len(ranks)]
    probed = min(len(centres), max(_FEWEST, min(_MOST, 1 + int(max(wanted, default=0)))))
    found = [ranks[1::2] < probed for ranks in (nearest, near)]
    recall = Recall(float(found[0].mean()), float(found[1].mean()) if len(found[1]) else None)
    return Cells(_closest(a, centres, probed), cell, recall)


def _centres(a: Features, b: Features) -> Features:
    import faiss

    faiss.omp_set_num_threads(1)
    cells = int(np.sqrt(max(len(a), len(b))))
    both = [each[:: max(1, len(each) // (cells * _PER_CELL // 2))] for each in (a, b)]
    means = faiss.Kmeans(a.shape[1], cells, niter=_ROUNDS, spherical=True, seed=0, min_points_per_centroid=1)
    means.train(np.ascontiguousarray(np.concatenate(both)))
    return np.asarray(means.centroids, dtype=np.float32)


def _closest(rows: Features, centres: Features, count: int) -> Indices:
    """Give the `count` most similar centres of each row."""
    found = np.empty((len(rows), count), dtype=np.int64)
    for start in range(0, len(rows), ROWS):
        similarity = rows[start : start + ROWS] @ centres.T
        found[start : start + ROWS] = np.argpartition(-similarity, count - 1, axis=1)[:, :count]
    return found


def _ranks(
    a: Features, b: Features, sample: Indices, reach: float, centres: Features, cell: Indices, *, same: bool
) -> tuple[Indices, Indices]:
    """Count how many cells some rows of a look into before that of a near row, and before that of the nearest one."""
    queries = a[sample]
    best, nearest = np.full(len(sample), -np.inf, dtype=np.float32), np.zeros(len(sample), dtype=np.int64)
    pairs = []
    for left in range(0, len(b), COLUMNS):
        similarity = queries @ b[left : left + COLUMNS].T
        if same:
            own = np.flatnonzero((sample >= left) & (sample < left + COLUMNS))
            similarity[own, sample[own] - left] = -np.inf
        at = similarity.argmax(axis=1)
        most = similarity[np.arange(len(sample)), at]
        nearest, best = np.where(most > best, at + left, nearest), np.maximum(most, best)
        i, j = np.divmod(np.flatnonzero(similarity > 1 - reach), similarity.shape[1])
        pairs.append((i, j + left))
    i, j = (np.concatenate(column) for column in zip(*pairs, strict=True))
    to_centres = queries @ centres.T

    def ranks(i: Indices, j: Indices) -> Indices:
        found = np.empty(len(i), dtype=np.int64)
        for start in range(0, len(i), ROWS):
            rows, cells = i[start : start + ROWS], cell[j[start : start + ROWS]]
            found[start : start + ROWS] = (to_centres[rows] > to_centres[rows, cells][:, None]).sum(axis=1)
        return found

    return ranks(i, j), ranks(np.arange(len(sample)), nearest)
