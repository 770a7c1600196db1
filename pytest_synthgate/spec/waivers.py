"""Waivers: dated, owned, reasoned exceptions for one image or pair, named by content.

First station of the flow (declare); applied at the fifth, where the gate counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias

from pytest_synthgate.errors import SpecError
from pytest_synthgate.kinds import LIMITED, WAIVABLE
from pytest_synthgate.text.wording import meant, quoted, written

LONGEST = timedelta(days=365)
"""How far ahead a waiver may expire: every one is looked at again within a year."""

Subject: TypeAlias = tuple[str, frozenset[str]]
"""A score, and the digest of an image or those of a pair."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_A_DIGEST = "'sha256:' and 64 lower-case hexadecimal digits, as a finding has"
_MISSING = {
    "score": f"name one of {', '.join(WAIVABLE.values())}",
    "reason": "say why this is acceptable",
    "owner": "say who answers for it",
    "expires": "give the last day it holds, such as 2027-01-31",
}
_KEYS = ("image", "pair", *_MISSING)


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


def as_waiver(declared: Mapping[str, Any], today: date) -> Waiver:
    """Read one `[[waiver]]` table; one that has expired is still a waiver, and fails its gate.

    Args:
        declared: What TOML holds.
        today: What the date of expiry is compared to.

    Raises:
        SpecError: A key is unknown, missing or says what a waiver cannot be.
    """
    for key in declared:
        if key not in _KEYS:
            raise SpecError(f"unknown key {quoted(key)}; {meant(key, _KEYS)}")
    digests = _digests(declared)
    for key, remedy in _MISSING.items():
        if key not in declared:
            raise SpecError(f"has no {key}; {remedy}")
    return Waiver(
        digests=digests,
        score=_score(declared["score"]),
        reason=_text("reason", declared["reason"]),
        owner=_text("owner", declared["owner"]),
        expires=_expires(declared["expires"], today),
    )


def _digests(declared: Mapping[str, Any]) -> frozenset[str]:
    match declared:
        case {"image": _, "pair": _}:
            raise SpecError("has both image and pair; keep one")
        case {"image": image}:
            digests = [image]
        case {"pair": [one, other]}:
            digests = [one, other]
        case {"pair": value}:
            raise SpecError(f"pair = {written(value)} is not valid; give the digests of two images in a list")
        case _:
            raise SpecError("has neither image nor pair; give the digest of an image, or of two twins")
    for digest in digests:
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            key = "image" if "image" in declared else "pair"
            raise SpecError(f"{key} holds {written(digest)}, which is no digest; give {_A_DIGEST}")
    if "pair" in declared and digests[0] == digests[1]:
        raise SpecError("pair names one image twice; write image = ... to waive every finding on it")
    return frozenset(digests)


def _score(value: object) -> str:
    if not isinstance(value, str) or (value in LIMITED and value not in WAIVABLE.values()):
        raise SpecError(f"score = {written(value)} cannot leave an image out; {_MISSING['score']}")
    if value not in WAIVABLE.values():
        raise SpecError(f"unknown score {quoted(value)}; {meant(value, WAIVABLE.values())}")
    return value


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise SpecError(f"{key} = {written(value)} is not valid; {_MISSING[key]}")
    return value


def _expires(value: object, today: date) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise SpecError(f"expires = {written(value)} is not a date; {_MISSING['expires']}")
    if value > today + LONGEST:
        raise SpecError(f"expires = {value} is over {LONGEST.days} days ahead; give a day up to {today + LONGEST}")
    return value
