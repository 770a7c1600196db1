"""One SQLite file of the cache, shared by any number of threads and processes, whose troubles come out in one line.

Third station of the flow (images -> features -> scores), below what is kept in such files.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Self

from pytest_synthgate.errors import StoreError, first_line
from pytest_synthgate.text.printable import shown

BUSY_SECONDS = 60


class Database:
    """A file of the cache; threads may share an object, processes open their own.

    Every transaction is there whole after a crash, or not at all.

    Args:
        directory: Made when absent, with marks that keep it out of version control and backups.
        name: Of the file.
        version: Of its schema.
        steps: By older version, 0 for a new file, the statements that bring it to this one.

    Raises:
        StoreError: The directory cannot be written, or the file is damaged or of a newer version.
    """

    def __init__(self, directory: Path, name: str, version: int, steps: Mapping[int, str]) -> None:
        self.directory = directory
        self.file = directory / name
        self._guard = threading.RLock()
        _prepare(directory)
        with self._explained():
            # In auto-commit mode, so that a transaction begins and ends exactly where the code says so.
            self._connection = sqlite3.connect(
                self.file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                if self._version() != version:
                    with self.lock("schema"):
                        self._connection.execute("PRAGMA journal_mode = WAL")
                        self._bring_to(version, steps)
                self._connection.execute("PRAGMA synchronous = NORMAL")
            except BaseException:
                self._connection.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the object is of no use afterwards."""
        with self._guard:
            self._connection.close()

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock of that name against every other process and thread: work is done once, not twice.

        Raises:
            StoreError: The directory cannot be written.
        """
        from filelock import FileLock

        try:
            held = FileLock(self.directory / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.lock").acquire()
        except OSError as error:
            raise _not_writable(self.directory, error) from None
        except NotImplementedError:
            raise StoreError(
                f"{shown(self.directory)} is on a file system without locks; name another with --synth-cache=DIR"
            ) from None
        with held:
            yield

    def lock_for(self, kind: str, key: str) -> AbstractContextManager[None]:
        """Hold the lock of one piece of work of a kind, or one of 256, so that a folder never fills with locks."""
        return self.lock(f"{kind} {hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:2]}")

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    def _bring_to(self, version: int, steps: Mapping[int, str]) -> None:
        if (found := self._version()) == version:
            return
        if found not in steps:
            raise StoreError(
                f"{self.file} has version {found}, this pytest-synthgate writes {version}; "
                "delete it, it is a cache and will be made anew"
            )
        with self._transaction():
            for statement in filter(str.strip, steps[found].split(";")):
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {version}")

    def _select(self, query: str, wanted: Iterable[str], *further: str | int) -> list[tuple[Any, ...]]:
        """Run a query whose `{}` stands for the wanted values; there may be more than SQLite has variables."""
        values = json.dumps(list(wanted))
        with self._guard, self._explained():
            return self._connection.execute(
                query.format("SELECT value FROM json_each(?)"), (values, *further)
            ).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._guard, self._explained(), self._connection:
            # Immediate: a transaction that starts by reading cannot wait when another one writes first.
            self._connection.execute("BEGIN IMMEDIATE")
            yield

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StoreError(
                f"{self.file} cannot be used ({error}); name another directory with --synth-cache=DIR"
            ) from None
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:  # its subclasses tell of a wrong use, not of the file
                raise
            raise StoreError(
                f"{self.file} is damaged ({error}); delete it, it is a cache and will be made anew"
            ) from None


def _prepare(directory: Path) -> None:
    marks = {
        ".gitignore": "*\n",
        "CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n# A cache of pytest-synthgate.\n",
    }
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in marks.items():
            if not (directory / name).exists():
                (directory / name).write_text(text)
    except OSError as error:
        raise _not_writable(directory, error) from None


def _not_writable(directory: Path, error: OSError) -> StoreError:
    reason = error.strerror or first_line(error)
    return StoreError(f"{shown(directory)} cannot be written ({reason}); name another directory with --synth-cache=DIR")
