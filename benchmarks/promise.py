"""A promise of speed or memory, and what was measured of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Attributes:
        what: What was measured, with its size.
        promised: The promise, in words.
        measured: What came out.
        kept: Whether that keeps it; None where it was measured too small to tell, or where there is no peer.
    """

    what: str
    promised: str
    measured: str
    kept: bool | None

    @property
    def verdict(self) -> str:
        """The last column."""
        return {True: "kept", False: "falls short", None: "-"}[self.kept]


@dataclass(frozen=True, slots=True)
class Promise:
    """One benchmark.

    Attributes:
        name: What it is called on the command line.
        measure: Yields its figures; given whether to be quick, which tries that it works and tells nothing of speed.
    """

    name: str
    measure: Callable[[bool], Iterator[Figure]]
