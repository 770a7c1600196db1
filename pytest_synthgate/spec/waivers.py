"""Waivers: dated, owned, reasoned exceptions for one image or pair, named by content; how they are read and added.

First station of the flow (declare); applied at the fifth, where the gate counts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from typing import Any, TypeAlias

from pytest_synthgate.errors import SpecError
from pytest_synthgate.files.replacing import put_in_place
from pytest_synthgate.files.texts import decoded, encoded_like
from pytest_synthgate.kinds import LIMITED, WAIVABLE
from pytest_synthgate.spec.files import content_of, read_specs
from pytest_synthgate.text.wording import meant, quoted, where, written

LONGEST = timedelta(days=365)
"""How far ahead a waiver may expire: every one is looked at again within a year."""

Subject: TypeAlias = tuple[str, frozenset[str]]
"""A score, and the digest of an image or those of a pair."""

_PATIENCE = 60
"""Seconds to wait for other processes that write the same file."""

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

    Its day is compared to `today`.

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


def append_waiver(file: Path, table: Mapping[str, Any], today: date) -> Waiver:
    """Append a `[[waiver]]` table to a spec file in one step, and leave every other byte of it alone.

    The path is absolute; where it is a link, what it leads to is written. The table holds the keys of the waiver, and
    its day of expiry is compared to `today`.

    Returns:
        The waiver, as it is read from the file.

    Raises:
        SpecError: The file cannot be read or written, or the waiver is not valid, has expired or is there already.
    """
    waiver = as_waiver(table, today)
    if waiver.expires < today:
        raise SpecError(f"expires = {waiver.expires} is past; give a day from {today} on")
    try:
        with _alone(file):
            _append(file, waiver, table, today)
    except OSError as error:
        reason = error.strerror or "another process writes it"
        raise SpecError(f"{where(file)} cannot be written ({reason}); check its rights") from None
    return waiver


def _append(file: Path, waiver: Waiver, table: Mapping[str, Any], today: date) -> None:
    content = content_of(file)
    for same in read_specs(content, file, today)[0].waivers:
        if same.subject == waiver.subject:
            raise SpecError(f"{where(file)} has that already, the {same.name} until {same.expires}; change its table")
    try:
        longer = content + encoded_like(content, _written(table, decoded(content)))
    except UnicodeEncodeError:
        raise SpecError(f"{where(file)} cannot hold all letters of the waiver; save it as UTF-8") from None
    try:
        read_specs(longer, file, today)
    except SpecError:
        raise SpecError(f"{where(file)} holds its waivers in one array; write each as a [[waiver]] table") from None
    put_in_place(file, longer)


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Keep other processes of this user from changing a file; the lock is no litter beside it."""
    from filelock import FileLock

    owned = f"{os.path.realpath(file)}\0{os.path.expanduser('~')}".encode(errors="surrogateescape")  # noqa: PTH111
    with FileLock(Path(gettempdir()) / f"synthgate-{sha256(owned).hexdigest()[:16]}.lock", timeout=_PATIENCE):
        yield


def _written(table: Mapping[str, Any], content: str) -> str:
    """Write a table as it follows on a content, below an empty line and with the same ends of lines."""
    import tomlkit

    text = "\n" if content.endswith("\n") else "\n\n"
    text += tomlkit.dumps({"waiver": [dict(table)]})
    return text.replace("\n", "\r\n" if "\r\n" in content else "\n")
