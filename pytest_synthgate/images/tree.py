"""What is below a folder by names, sizes and times: whether the set in it is still the one that was listed.

Second station of the flow (spec -> images), beside `folder`, which lists. Light: nothing is opened here.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from pytest_synthgate.files.stamps import RACY_NS

OUTPUT_MARK = ".synthgate-output"
"""An empty file of this name in a folder says that a run wrote its pictures: they are part of no set."""


@dataclass(frozen=True, slots=True)
class Tree:
    """What the directory entries below a folder say, all together.

    Attributes:
        digest: sha256 of their names, sizes and times; equal while nothing is added, removed or written.
        changed_ns: The latest time of a change, nanoseconds since the epoch.
    """

    digest: str
    changed_ns: int

    def settled(self, now_ns: int) -> bool:
        """Say whether all of it has been at rest long enough for the digest to stand for the content."""
        return now_ns - self.changed_ns >= RACY_NS


def tree_of(root: Path) -> Tree | None:
    """Ask the file system about all that a walk for images would look at; None where it cannot tell.

    Of a folder that is marked as written by a run, only the mark counts.
    """
    digest, changed = hashlib.sha256(), 0
    seen: set[tuple[int, int]] = set()
    folders = [os.fspath(root)]
    try:
        while folders:
            folder = folders.pop()
            status = os.stat(folder)  # noqa: PTH116  asked about many files, where Path is slow
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                here = {entry.name: entry for entry in entries}
            names = _looked_at(here, top=len(seen) == 1)
            lines = [folder[len(os.fspath(root)) :]]
            for name in names:
                found = here[name].stat()
                if here[name].is_symlink():
                    lines.append(os.readlink(here[name].path))  # noqa: PTH115
                if stat.S_ISDIR(found.st_mode):
                    folders.append(here[name].path)
                    lines.append(name)
                else:
                    lines.append(f"{name}\0{found.st_size}\0{found.st_mtime_ns}")
                    changed = max(changed, found.st_mtime_ns)
            digest.update("\0\0".join(lines).encode("utf-8", "surrogatepass"))
            digest.update(b"\0\0\0")
    except OSError:  # listing will tell why
        return None
    return Tree(digest.hexdigest(), changed)


def _looked_at(names: Collection[str], *, top: bool) -> list[str]:
    if OUTPUT_MARK in names and not top:
        return [OUTPUT_MARK]
    return sorted(name for name in names if not name.startswith("."))
