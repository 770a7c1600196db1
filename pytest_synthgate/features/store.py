"""What was found out once and holds for good, in one SQLite file that any number of processes may share.

Third station of the flow (images -> features -> scores). Everything in it is keyed by content, so it may be
deleted at any time: that costs the time to find it out again, nothing else.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_synthgate.errors import StoreError
from pytest_synthgate.features.database import Database
from pytest_synthgate.files.stamps import FileStamp

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILE = "store.sqlite"
SCHEMA_VERSION = 2
MOST_NOTED = 256 << 20
"""Letters of all notes of one kind; beyond it those go that were not used for longest."""
_READ_AT_ONCE = 4096
"""Vectors that are read together."""

_SCHEMA = """
CREATE TABLE files (path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, hash TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE pixels (hash TEXT, decoder TEXT, digest TEXT, reason TEXT, PRIMARY KEY (hash, decoder)) WITHOUT ROWID;
CREATE TABLE features (digest TEXT, key TEXT, vector BLOB NOT NULL, PRIMARY KEY (digest, key));
"""
# The size stands beside the text, and both behind what is asked for: a long text is then not read to be counted.
_NOTES = """
CREATE TABLE notes (kind TEXT, key TEXT, used INTEGER, size INTEGER, text TEXT NOT NULL, PRIMARY KEY (kind, key));
DROP TABLE IF EXISTS weights;
DROP TABLE IF EXISTS hardware;
DROP TABLE IF EXISTS measurements;
"""
_FORGET = """
DELETE FROM notes WHERE kind = ?1 AND key IN (
    SELECT key FROM (SELECT key, sum(size) OVER (ORDER BY used DESC, rowid DESC) AS total FROM notes WHERE kind = ?1)
    WHERE total > ?3 AND key <> ?2
)
"""


@dataclass(frozen=True, slots=True)
class Pixels:
    """What decoding a file gave: the digest of its pixels, or the reason why there is none."""

    digest: str | None
    reason: str | None = None


class Store(Database):
    """The store in one directory.

    Every `add_` is one transaction. Adding what is there already changes nothing but the row of a changed file.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, FILE, SCHEMA_VERSION, {0: _SCHEMA + _NOTES, 1: _NOTES})

    def once(self, kind: str, key: str, work: Callable[[], str]) -> str:
        """Give what was noted, or do the work and note it; another process that wants the same waits meanwhile."""
        text = self.note(kind, key)
        if text is None:
            with self.lock_for(kind, key):
                text = self.note(kind, key)
                if text is None:
                    text = work()
                    self.add_note(kind, key, text)
        return text

    def file_hashes(self, stamps: Iterable[FileStamp]) -> dict[str, str]:
        """Give path -> sha256 of the content, for the files whose size and time are as when they were read."""
        wanted = {stamp.path: stamp for stamp in stamps}
        rows = self._select("SELECT path, size, mtime_ns, hash FROM files WHERE path IN ({})", wanted)
        return {row[0]: row[3] for row in rows if wanted[row[0]] == FileStamp(*row[:3])}

    def pixels(self, hashes: Iterable[str], decoder: str) -> dict[str, Pixels]:
        """Give file hash -> what that decoder made of the file, for those that it has seen."""
        rows = self._select(
            "SELECT hash, digest, reason FROM pixels WHERE hash IN ({}) AND decoder = ?", hashes, decoder
        )
        return {row[0]: Pixels(row[1], row[2]) for row in rows}

    def embedded(self, digests: Iterable[str], key: str) -> set[str]:
        """Give those of the digests whose features under that key are there."""
        rows = self._select("SELECT digest FROM features WHERE digest IN ({}) AND key = ?", digests, key)
        return {row[0] for row in rows}

    def features(self, digests: Iterable[str], key: str) -> dict[str, NDArray[np.float32]]:
        """Give digest -> float32 (d,), for those that are there under that key."""
        import numpy as np

        rows = self._select("SELECT digest, vector FROM features WHERE digest IN ({}) AND key = ?", digests, key)
        return {row[0]: np.frombuffer(row[1], dtype="<f4").astype(np.float32, copy=False) for row in rows}

    def matrix(self, digests: Sequence[str], key: str, width: int) -> NDArray[np.float32]:
        """Give the features of all of the digests under that key, float32 (n, width), in their order.

        A few are read at a time, so that memory holds the matrix and little else.

        Raises:
            StoreError: They are not all there.
        """
        import numpy as np

        found = np.empty((len(digests), width), dtype=np.float32)
        for start in range(0, len(digests), _READ_AT_ONCE):
            some = digests[start : start + _READ_AT_ONCE]
            rows = dict(self._select("SELECT digest, vector FROM features WHERE digest IN ({}) AND key = ?", some, key))
            lacking = len({*some} - rows.keys())
            if lacking:
                raise StoreError(
                    f"{self.file} has lost the features of {lacking:,} images; run again, they will be remade"
                )
            vectors = np.frombuffer(b"".join(rows[digest] for digest in some), dtype="<f4")
            found[start : start + len(some)] = vectors.reshape(-1, width)
        return found

    def add_features(self, key: str, features: Mapping[str, NDArray[np.float32]]) -> None:
        """Add digest -> float32 (d,) under a key that names all that shaped them; what is there stays."""
        rows = [(digest, key, vector.astype("<f4").tobytes()) for digest, vector in features.items()]
        with self._transaction():
            self._connection.executemany("INSERT OR IGNORE INTO features VALUES (?, ?, ?)", rows)

    def add_files(self, decoder: str, files: Iterable[tuple[FileStamp, str]], pixels: Mapping[str, Pixels]) -> None:
        """Add the sha256 of the content of files, by stamps that stand for it, and what a decoder made of it."""
        stamps = [(stamp.path, stamp.size, stamp.mtime_ns, content) for stamp, content in files]
        decoded = [(content, decoder, each.digest, each.reason) for content, each in pixels.items()]
        with self._transaction():
            self._connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", stamps)
            self._connection.executemany("INSERT OR IGNORE INTO pixels VALUES (?, ?, ?, ?)", decoded)

    def note(self, kind: str, key: str) -> str | None:
        """Give what was noted of that kind under that key."""
        with self._guard, self._explained():
            row = self._connection.execute("SELECT text FROM notes WHERE kind = ? AND key = ?", (kind, key)).fetchone()
            if row is None:
                return None
            # A disk that is full, or a folder that may only be read, costs the note its place in the order of use.
            with suppress(sqlite3.OperationalError):
                self._connection.execute(
                    "UPDATE notes SET used = ? WHERE kind = ? AND key = ?", (time.time_ns(), kind, key)
                )
        return str(row[0])

    def add_note(self, kind: str, key: str, text: str) -> None:
        """Note something in place of what was: of "weights", "hardware", "specs", a "measurement", by its key."""
        with self._transaction():
            row = (kind, key, time.time_ns(), len(text), text)
            self._connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?, ?)", row)
            self._connection.execute(_FORGET, (kind, key, MOST_NOTED))
