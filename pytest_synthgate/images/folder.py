"""A folder of image files -> a set; its sub-folders are the classes.

Second station of the flow: a source lists, it does not decode. It asks the file system for names, and looks into a
file only where its name does not tell what it is.
"""

from __future__ import annotations

import heapq
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pytest_synthgate.errors import SourceError
from pytest_synthgate.images.formats import SUFFIXES, format_of
from pytest_synthgate.images.sets import ImageRecord, ImageSet
from pytest_synthgate.images.tree import OUTPUT_MARK
from pytest_synthgate.text.printable import printable, shown

SPLITS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
"""Folder names that divide a set for training and are no classes, where a folder holds nothing else."""

_CACHE_MARK = "CACHEDIR.TAG"
_CACHE_SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55"
_JUNK = frozenset({"__macosx", "@eadir", "$recycle.bin", "thumbs.db", "desktop.ini"})


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What lies beside images and is none, whatever it begins with; and what is not there whole.
_COMPANIONS = _words(
    """txt caption json jsonl ndjson csv tsv xml yaml yml toml ini cfg names data md rst html htm css js py ipynb log
    npy npz pkl pt pth ckpt safetensors onnx parquet arrow h5 mat db sqlite zip tar gz tgz xz 7z rar pdf doc docx
    xls xlsx mp4 avi mov mkv webm wav mp3 lock tmp temp part partial crdownload download bak old orig swp"""
)
# Raw photos pose as TIFF files, and hold a preview.
_RAW = _words("dng cr2 cr3 nef nrw arw orf rw2 pef srw raf raw")
_NOT_READ = _RAW | _words(
    """tga heic heif hif avif jp2 j2k jxl jxr webp svg psd xcf eps ps ai pcx ppm pgm pbm pnm pfm ico icns cur dds exr
    hdr qoi sgi fits"""
)


def open_folder(root: Path) -> ImageSet:
    """List the images of a folder and of everything below it.

    `root/apple/green/1.jpg` is of class apple and `root/1.jpg` of none; where the first level is nothing but
    train, val and test, the classes are one level deeper.

    Returns:
        The set, empty when there is no image; ids are paths below root, composed (NFC) and printable.

    Raises:
        SourceError: The folder cannot be listed.
    """
    files, notes = walk(root)
    parts = [file.split("/") for file in files]
    tops = {folders[0].casefold() for *folders, _ in parts if folders}
    depth = 1 if tops and tops <= SPLITS else 0
    records = [
        ImageRecord(name, root / file, printable(folders[depth]) if len(folders) > depth else None)
        for name, file, (*folders, _) in zip(unique_ids(files), files, parts, strict=True)
    ]
    return ImageSet(root, tuple(sorted(records, key=lambda record: record.id)), notes=notes)


def walk(root: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """List the image files below a folder.

    Hidden entries, the leftovers of operating systems and folders that a run or a cache wrote are left out, and every
    folder is listed once: under its own name, or else under the first link to it, so that no loop of links goes on
    for ever. What cannot be looked at costs no more than itself.

    Returns:
        Their sorted relative paths with `/`; and what was left out or taken by its content, a line each.

    Raises:
        SourceError: The folder itself cannot be listed.
    """
    walk = _Walk(root)
    seen: set[tuple[int, int]] = set()
    while walk.folders or walk.links:
        folder = walk.folders.pop() if walk.folders else heapq.heappop(walk.links)
        try:
            status = (root / folder).stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(root / folder) as entries:
                kept = list(entries)
        except OSError as error:
            if not folder:
                raise SourceError(
                    f"{shown(root)}: cannot be listed ({error.strerror}); make it readable or move it"
                ) from None
            walk.lost.append(f"{folder}: {error.strerror}")
            continue
        if folder and _is_written(root / folder, {entry.name for entry in kept}):
            walk.written.append(folder)
            continue
        for entry in kept:
            if not entry.name.startswith(".") and entry.name.casefold() not in _JUNK:
                walk.take(entry, f"{folder}/{entry.name}" if folder else entry.name)
    return tuple(sorted(walk.found)), tuple(walk.notes())


@dataclass(slots=True)
class _Walk:
    """What one walk has found so far, and the folders and links it has yet to enter."""

    root: Path
    folders: list[str] = field(default_factory=lambda: [""])
    links: list[str] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    not_read: Counter[str] = field(default_factory=Counter)
    by_content: Counter[str] = field(default_factory=Counter)

    def take(self, entry: os.DirEntry[str], name: str) -> None:
        """Sort one entry of a folder by what it is."""
        suffix = entry.name.rpartition(".")[2].lower() if "." in entry.name else ""
        try:
            if entry.is_dir(follow_symlinks=False):
                self.folders.append(name)
            elif entry.is_symlink() and entry.is_dir():
                heapq.heappush(self.links, name)
            elif suffix in SUFFIXES:
                if entry.is_symlink() or entry.is_file():
                    self.found.append(name)
            elif suffix not in _COMPANIONS and entry.is_file():
                if suffix not in _RAW and format_of(_first_bytes(self.root / name, 16)):
                    self.found.append(name)
                    self.by_content[suffix] += 1
                elif suffix in _NOT_READ:
                    self.not_read[suffix] += 1
        except OSError as error:  # a link that leads in a circle, a disk that does not answer
            self.lost.append(f"{name}: {error.strerror}")

    def notes(self) -> Iterator[str]:
        """Say what was passed over, and what was not taken by its name."""
        for what, found, detail in (
            ("left out what cannot be looked at", len(self.lost), _one_of(self.lost)),
            ("left out folders that a run or a cache wrote", len(self.written), _one_of(self.written)),
            ("left out images in formats that are not read here", self.not_read.total(), _counted(self.not_read)),
            ("taken for images by their content, not their names", self.by_content.total(), _counted(self.by_content)),
        ):
            if found:
                yield f"{shown(self.root)}: {what}: {found:,} ({printable(detail)})"


def unique_ids(paths: Iterable[str]) -> list[str]:
    """Name each path, with `/`, so that no two ids are equal, though two may look the same once composed."""
    used: Counter[str] = Counter()
    ids = []
    for path in paths:
        name = printable(path)
        used[name] += 1
        # No listed file ends like this, so the longer name is free.
        ids.append(name if used[name] == 1 else f"{name}~{used[name]}")
    return ids


def _one_of(names: Collection[str]) -> str:
    return f"{min(names, default='')}, for one"


def _counted(suffixes: Counter[str]) -> str:
    most = sorted(suffixes.items(), key=lambda each: (-each[1], each[0]))[:9]
    return ", ".join(f"{f'.{suffix}' if suffix else 'no ending'} {count:,}" for suffix, count in most)


def _is_written(folder: Path, names: Collection[str]) -> bool:
    """Tell whether a run or a cache has marked a folder as its own."""
    with suppress(OSError):
        if _CACHE_MARK in names and _first_bytes(folder / _CACHE_MARK, len(_CACHE_SIGNATURE)) == _CACHE_SIGNATURE:
            return True
    return OUTPUT_MARK in names


def _first_bytes(path: Path, count: int) -> bytes:
    with path.open("rb") as stream:
        return stream.read(count)
