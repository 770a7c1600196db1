"""A folder of image files -> a set; its sub-folders are the classes.

Second station of the flow: a source lists, it does not decode, and asks the file system for names only.
"""

from __future__ import annotations

import heapq
import os
from collections import Counter
from pathlib import Path, PurePosixPath

from pytest_synthgate.errors import SourceError
from pytest_synthgate.images.formats import SUFFIXES
from pytest_synthgate.images.sets import ImageRecord, ImageSet
from pytest_synthgate.text.printable import printable, shown

SPLITS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
"""Folder names that divide a set for training and are no classes, where a folder holds nothing else."""

_JUNK = frozenset({"__macosx", "@eadir", "$recycle.bin", "thumbs.db"})


def open_folder(root: Path) -> ImageSet:
    """List the images of a folder and of everything below it.

    `root/apple/green/1.jpg` is of class apple and `root/1.jpg` of none; where the first level is nothing but
    train, val and test, the classes are one level deeper.

    Args:
        root: The folder.

    Returns:
        The set, empty when there is no image; ids are paths below root, composed (NFC) and printable.

    Raises:
        SourceError: A folder cannot be listed.
    """
    paths = [PurePosixPath(name) for name in image_files(root)]
    tops = {path.parts[0].casefold() for path in paths if len(path.parts) > 1}
    depth = 1 if tops and tops <= SPLITS else 0
    records = [
        ImageRecord(id=name, path=root / path, class_name=_class_name(path, depth))
        for name, path in zip(unique_ids(paths), paths, strict=True)
    ]
    return ImageSet(root, tuple(sorted(records, key=lambda record: record.id)))


def image_files(root: Path) -> list[str]:
    """List the image files below a folder as sorted relative paths with `/`.

    Hidden entries and the leftovers of operating systems are left out, and every folder is listed once:
    under its own name, or else under the first link to it, so that no loop of links goes on for ever.

    Raises:
        SourceError: A folder cannot be listed.
    """
    found: list[str] = []
    seen: set[tuple[int, int]] = set()
    folders, links = [""], list[str]()
    while folders or links:
        folder = folders.pop() if folders else heapq.heappop(links)
        try:
            status = (root / folder).stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(root / folder) as entries:
                kept = [entry for entry in entries if _is_wanted(entry.name)]
            for entry in kept:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    folders.append(name)
                elif entry.is_symlink() and entry.is_dir():
                    heapq.heappush(links, name)
                elif _has_image_suffix(entry.name) and (entry.is_symlink() or entry.is_file()):
                    found.append(name)
        except OSError as error:
            raise SourceError(
                f"{shown(root / folder)}: cannot be listed ({error.strerror}); make it readable or move it"
            ) from None
    return sorted(found)


def unique_ids(paths: list[PurePosixPath]) -> list[str]:
    """Name each path so that no two ids are equal, though two paths may look the same once composed."""
    used: Counter[str] = Counter()
    ids = []
    for path in paths:
        name = printable(path.as_posix())
        used[name] += 1
        # No listed file ends like this, so the longer name is free.
        ids.append(name if used[name] == 1 else f"{name}~{used[name]}")
    return ids


def _class_name(path: PurePosixPath, depth: int) -> str | None:
    return printable(path.parts[depth]) if len(path.parts) > depth + 1 else None


def _is_wanted(name: str) -> bool:
    return not name.startswith(".") and name.casefold() not in _JUNK


def _has_image_suffix(name: str) -> bool:
    _, dot, suffix = name.rpartition(".")
    return bool(dot) and suffix.lower() in SUFFIXES
