"""Waivers: dated, owned, reasoned exceptions for one image or pair, named by content.

First station of the flow (declare); applied at the fifth, where the gate counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias

from pytest_synthgate.text.wording import quoted

LONGEST = timedelta(days=365)
"""How far ahead a waiver may expire: every one is looked at again within a year."""

Subject: TypeAlias = tuple[str, frozenset[str]]
"""A score, and the digest of an image or those of a pair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """An exception for the findings on one image, or on one pair of twins, in one score.

    Attributes:
        digests: Content digest of the image, or the two of the pair.
        score: The score that leaves the findings out.
        reason: Why they are acceptable.
        owner: Who answers for it.
        expires: The last day it holds.
    """

    digests: frozenset[str]
    score: str
    reason: str
    owner: str
    expires: date

    @property
    def subject(self) -> Subject:
        """What is waived, whatever the reason."""
        return self.score, self.digests

    @property
    def name(self) -> str:
        """Name it in a message: `waiver of sha256:0123456789ab for unvaried ('known twins', 'Ann')`."""
        images = " and ".join(sorted(digest[:19] for digest in self.digests))
        return f"waiver of {images} for {self.score} ({quoted(self.reason)}, {quoted(self.owner)})"


def utc_today() -> date:
    """Give the day that waivers expire by: the same everywhere at one moment."""
    return datetime.now(UTC).date()
