"""When what is known of a file still holds: while its size and its time of change are what they were."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

RACY_NS = 2_000_000_000
"""A file may change again within its file system's clock tick, and keep size and time: git's racy rule."""


class FileStamp(NamedTuple):
    """What a file's directory entry says of it.

    Attributes:
        path: Absolute path, bytes that are no UTF-8 spelt out.
        size: Bytes.
        mtime_ns: Time of the last change, nanoseconds since the epoch.
    """

    path: str
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> FileStamp:
        """Ask the file system.

        Raises:
            OSError: There is no such file, or it may not be looked at.
            ValueError: The path holds a null character.
        """
        found = os.stat(str(path))  # noqa: PTH116  asked about many files, where Path is slow
        return cls(spelt(path), found.st_size, found.st_mtime_ns)

    def settled(self, now_ns: int) -> bool:
        """Say whether the file has been at rest long enough for this stamp to stand for its content."""
        return now_ns - self.mtime_ns >= RACY_NS


def spelt(path: Path) -> str:
    """Write an absolute path as it is stored, bytes that are no UTF-8 spelt out."""
    name = str(path.absolute())
    return name if name.isascii() else name.encode(errors="backslashreplace").decode()
