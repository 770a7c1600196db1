"""What a closer look at pairs of pictures found: which show one picture, edited, and how one lies on the other.

Fourth station of the flow (features -> scores), between the search, whose candidates were looked at, and the links.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_synthgate.scores.geometry import Match
from pytest_synthgate.scores.pairs import RowPairs
from pytest_synthgate.scores.searched import Searched

CANDIDATES = 5
"""How many of the nearest images, in either set, each synthetic one is compared with."""

_FEW = "have too few points to be laid on another one"


@dataclass(frozen=True, slots=True)
class Verified:
    """Pairs of pictures that are near-duplicates by their geometry, and what was looked at to find them.

    Rows are those of the first copy of each picture.

    Attributes:
        within: Pairs of synthetic images, the lower row first.
        between: Pairs of a synthetic and a real image.
        matches: How one picture of each pair lies on the other, by the digests of both.
        looked_at: Number of pairs that were looked at.
        pictures: Pictures in those pairs, by set.
        few_points: Those of them that have too few points to be compared, by set.
        lost: Those that could not be read any more, by set.
    """

    within: RowPairs = field(default_factory=RowPairs.none)
    between: RowPairs = field(default_factory=RowPairs.none)
    matches: Mapping[tuple[str, str], Match] = field(default_factory=dict)
    looked_at: int = 0
    pictures: Mapping[str, int] = field(default_factory=dict)
    few_points: Mapping[str, int] = field(default_factory=dict)
    lost: Mapping[str, int] = field(default_factory=dict)

    def how(self, picture: str, twin: str) -> Match | None:
        """Say how a picture lies on another one, by their digests, whichever of them was taken for the copy."""
        if (found := self.matches.get((picture, twin))) is not None:
            return found
        found = self.matches.get((twin, picture))
        return None if found is None else found.turned()

    def counts(self) -> dict[str, Any]:
        """Count what was looked at and found, in plain JSON types."""
        return {
            "pairs": self.looked_at,
            "copies": len(self.matches),
            **{name: dict(getattr(self, name)) for name in ("pictures", "few_points", "lost")},
        }

    @property
    def sees_most(self) -> bool:
        """Whether most pictures of either side had points enough."""
        return all(2 * self.few_points.get(side, 0) <= count for side, count in self.pictures.items())

    def warnings(self) -> tuple[str, ...]:
        """Say what a reader of the shares of copies should know, a line each."""
        if self.pictures and self.few_points == self.pictures:
            return (
                "edited copies: no picture has points enough to be laid on another one; features alone were judged",
            )
        found: list[str] = []
        for counts, trouble in ((self.few_points, _FEW), (self.lost, "could not be read again")):
            parts = [f"{count:,} of {self.pictures[side]:,} {side} images" for side, count in counts.items() if count]
            if parts:
                found.append(f"edited copies: {' and '.join(parts)} {trouble}; their features alone were judged")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Look:
    """A closer look at what a search found.

    Attributes:
        verify: Looks at pairs of pictures.
        listed: How many of the nearest images the search has to list for that, at any distance.
    """

    verify: Callable[[Searched], Verified]
    listed: int
