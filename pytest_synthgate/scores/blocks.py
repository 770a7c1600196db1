"""Which blocks of all pairs a search looks at: every one, or those that something else picks.

Fourth station of the flow (features -> scores), below the search. `cells` picks in very large sets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from pytest_synthgate.features.matrix import Flags, Indices

ROWS, COLUMNS = 512, 1024
"""Pairs that one block is about: it stays in the cache, and no N x N array ever comes about."""
SAMPLED = 1024
"""Rows or columns, at most, that stand for all where a sample is enough."""
WANTED = 0.999
"""Share of what is asked for that is to be found, by a sample, where not all pairs are looked at."""

RowNumbers = slice | Indices
Block = tuple[RowNumbers, RowNumbers]


class Blocks(Protocol):
    """Says which blocks there are, in strips that may be worked on at the same time."""

    @property
    def recall(self) -> Recall | None:
        """What is found of all; None where it is all."""

    @property
    def strips(self) -> int:
        """Count the strips."""

    def strip(self, number: int) -> Iterator[Block]:
        """Give the rows of both sets that each block of a strip is about."""

    def first_met(self, rows: Indices, columns: Indices) -> Flags:
        """Say which pairs are met here and not in another block too, if both sets are one."""

    def first_looks(self) -> Iterator[Block]:
        """Give every row of the first set once, with a few of the columns that it meets."""

    def typical(self) -> Iterator[Block]:
        """Give a few pairs that are like all that are met, not those of the first rows."""


@dataclass(frozen=True, slots=True)
class Recall:
    """What a search that looks at few of all pairs finds, measured on a sample.

    Attributes:
        nearest: Share of rows whose nearest row of the other set is found; None where only near ones were asked for.
        near: Share of near pairs that are found; None where the sample has none, or none were asked for.
    """

    nearest: float | None
    near: float | None

    @classmethod
    def least(cls, *several: Recall | None) -> Recall | None:
        """Give the least of what several searches found; None where all were exact."""
        found = [each for each in several if each is not None]
        if not found:
            return None
        nearest = min((each.nearest for each in found if each.nearest is not None), default=None)
        return cls(nearest, min((each.near for each in found if each.near is not None), default=None))

    def __str__(self) -> str:
        """Say what this means for a reader of the scores."""
        shares = [
            f"{share:.{digits}%} of the {what}"
            for share, digits, what in ((self.near, 2, "near-duplicates"), (self.nearest, 1, "nearest images"))
            if share is not None
        ]
        told = ["few of all pairs of so many images were looked at"]
        if shares:
            told.append(f"on a sample that found {' and '.join(shares)}")
        if self.near is None:
            told.append("no near-duplicate is in the sample")
        elif self.near < WANTED:
            told.append("some go unseen")
        return "; ".join(told)


@dataclass(frozen=True, slots=True)
class Everything:
    """All pairs of n and m rows, within one set each once."""

    n: int
    m: int
    same: bool
    recall: None = None

    @property
    def strips(self) -> int:
        """Count strips of so many rows."""
        return -(-self.n // ROWS)

    def strip(self, number: int) -> Iterator[Block]:
        """Take all columns, or those from the strip on."""
        start = number * ROWS
        for left in range(start if self.same else 0, self.m, COLUMNS):
            yield slice(start, start + ROWS), slice(left, left + COLUMNS)

    def first_met(self, rows: Indices, columns: Indices) -> Flags:
        """Only blocks on the diagonal have a pair twice."""
        return rows < columns

    def first_looks(self) -> Iterator[Block]:
        """Take columns from all over, few of them."""
        columns = slice(None, None, max(16, -(-self.m // SAMPLED)))
        for start in range(0, self.n, ROWS):
            yield slice(start, start + ROWS), columns

    def typical(self) -> Iterator[Block]:
        """Take rows and columns from all over."""
        rows, columns = (slice(1, None, max(2, size // SAMPLED)) for size in (self.n, self.m))
        yield rows, columns
