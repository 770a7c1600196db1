"""Points of pictures and what comparing them gave, in a file of their own: it is the largest, and may be pruned.

Third station of the flow (images -> features -> scores), beside the store. Everything is keyed by content and by the
revision of what found it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from pytest_synthgate.errors import StoreError
from pytest_synthgate.features.database import Database
from pytest_synthgate.features.local import LOCAL_REVISION, LocalFeatures, local_features

FILE = "copies.sqlite"
_VERSION = 1
_SCHEMA = """
CREATE TABLE points (
    digest TEXT, revision INTEGER, mirrored INTEGER, count INTEGER, points BLOB NOT NULL, PRIMARY KEY (digest, revision)
);
CREATE TABLE pairs (copy TEXT, original TEXT, revision TEXT, match TEXT, PRIMARY KEY (copy, original, revision))
WITHOUT ROWID;
"""


class Points(Database):
    """The points of the pictures that were compared, and the matches of their pairs."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, FILE, _VERSION, {0: _SCHEMA})

    def counts(self, digests: Iterable[str], *, mirrored: bool = False) -> dict[str, int]:
        """Give digest -> number of points, for pictures whose points are there, the mirrored ones too if asked for."""
        rows = self._select(
            "SELECT digest, count FROM points WHERE digest IN ({}) AND revision = ? AND mirrored >= ?",
            digests,
            LOCAL_REVISION,
            mirrored,
        )
        return dict(rows)

    def points(self, digests: Iterable[str]) -> dict[str, LocalFeatures]:
        """Give digest -> points, for those that are there."""
        rows = self._select(
            "SELECT digest, points FROM points WHERE digest IN ({}) AND revision = ?", digests, LOCAL_REVISION
        )
        try:
            return {digest: LocalFeatures.from_bytes(written) for digest, written in rows}
        except ValueError as error:
            raise StoreError(f"{self.file} is damaged ({error}); run synthgate cache prune") from None

    def add_points(self, found: Mapping[str, LocalFeatures]) -> None:
        """Add digest -> points in one transaction, in place of what was there."""
        rows = [
            (digest, LOCAL_REVISION, each.mirrored is not None, len(each), each.to_bytes())
            for digest, each in found.items()
        ]
        with self._transaction():
            self._connection.executemany("INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?, ?)", rows)

    def matches(self, copies: Iterable[str], revision: str) -> dict[tuple[str, str], str | None]:
        """Give (copy, original) -> what comparing them gave, for all originals that these copies were compared with."""
        rows = self._select(
            "SELECT copy, original, match FROM pairs WHERE copy IN ({}) AND revision = ?", copies, revision
        )
        return {(copy, original): match for copy, original, match in rows}

    def add_matches(self, found: Mapping[tuple[str, str], str | None], revision: str) -> None:
        """Add what comparing pictures gave, in one transaction; None where they are no copies."""
        rows = [(*pair, revision, match) for pair, match in found.items()]
        with self._transaction():
            self._connection.executemany("INSERT OR REPLACE INTO pairs VALUES (?, ?, ?, ?)", rows)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Points that are wanted of every picture that is decoded.

    Attributes:
        store: Where they are kept.
        mirrored: Whether those of the mirrored picture are wanted too.
    """

    store: Points
    mirrored: bool

    def found(self, image: Image.Image, digest: str) -> LocalFeatures | None:
        """Find the points of a picture whose points are not known."""
        if self.store.counts([digest], mirrored=self.mirrored):
            return None
        return local_features(image, mirrored=self.mirrored)


def prune(directory: Path) -> int:
    """Remove the points and matches of a cache, and give the bytes that this frees.

    Raises:
        StoreError: The file cannot be removed, or another process is using it.
    """
    file = directory / FILE
    files = [each for each in (file, *(file.with_name(f"{FILE}-{end}") for end in ("wal", "shm"))) if each.exists()]
    size = sum(each.stat().st_size for each in files)
    if file not in files:
        return 0
    try:
        with closing(sqlite3.connect(file, timeout=1, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")  # refused while anybody else has it open
        file.unlink()
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{file} cannot be removed ({error}); end what uses it and try again") from None
    return size
