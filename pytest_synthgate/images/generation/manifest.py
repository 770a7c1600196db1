"""What is known of the images in a directory: a line of JSON for each, written once the file is in place.

Second station of the flow (spec -> images), between `plan`, which reads, and `generate`, which writes. Lines are
only ever appended, each by one write; whatever is no whole line is passed over, and its image made again.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pytest_synthgate.files.replacing import put_in_place

SETTINGS = "settings.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One image that was made.

    Attributes:
        file: Its path below the directory, with `/`.
        sha256: Digest of the file; None when the image was blacked out and not kept.
        size: Bytes of the file.
        prompt: What it was made from.
        template: The template of the prompt.
        class_name: The class in the prompt, if any.
        axes: The axis values in the prompt.
        seed: What its noise was made from.
        index: Its number among the images of the prompt.
        seconds: Its share of the time of its batch.
        blacked_out: Why the model made it black, so that it was not kept; None for an image that is there.
    """

    file: str
    sha256: str | None
    size: int
    prompt: str
    template: str
    class_name: str | None
    axes: Mapping[str, str]
    seed: int
    index: int
    seconds: float
    blacked_out: str | None = None


def read_entries(directory: Path) -> dict[str, Entry]:
    """Read the last entry of every image, by file."""
    entries: dict[str, Entry] = {}
    for manifest in sorted(directory.glob("manifest*.jsonl")):
        for line in manifest.read_bytes().split(b"\n"):
            entry = _entry(line)
            if entry is not None:
                entries[entry.file] = entry
    return entries


def _entry(line: bytes) -> Entry | None:
    try:
        cells = json.loads(line)
        entry = Entry(**cells) if "file" in cells else None
    except (ValueError, TypeError, RecursionError):
        return None
    if entry is None or not isinstance(entry.size, int) or not isinstance(entry.seconds, int | float):
        return None
    return entry


class Manifest:
    """The open manifest of one shard; one process at a time holds it.

    Args:
        directory: Where the images are.
        name: File name in it.
    """

    def __init__(self, directory: Path, name: str) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._file = os.open(directory / name, flags, 0o666)
        # After a torn line the next one would be lost with it.
        if os.lseek(self._file, 0, os.SEEK_END) and self._last_byte() != b"\n":
            self._write(b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def add(self, entry: Entry) -> None:
        """Append one image.

        Raises:
            OSError: The disk is full, or fails.
        """
        self._write_json(asdict(entry))

    def add_making(self, making: Mapping[str, Any]) -> None:
        """Append a note on what makes the images that follow: device, number format, library versions.

        Raises:
            OSError: The disk is full, or fails.
        """
        self._write_json({"making": making})

    def _last_byte(self) -> bytes:
        os.lseek(self._file, -1, os.SEEK_END)
        return os.read(self._file, 1)

    def _write_json(self, value: Mapping[str, Any]) -> None:
        self._write(json.dumps(value, sort_keys=True).encode() + b"\n")

    def _write(self, line: bytes) -> None:
        if os.write(self._file, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def write_settings(directory: Path, settings: Mapping[str, Any]) -> None:
    """Write what the images of a directory have in common, unless it is there."""
    file = directory / SETTINGS
    if not file.exists():
        put_in_place(file, (json.dumps(settings, indent=2, sort_keys=True) + "\n").encode())


def read_settings(directory: Path) -> dict[str, Any]:
    """Read what the images of a directory have in common; empty where nothing usable is there."""
    try:
        settings = json.loads((directory / SETTINGS).read_bytes())
    except (OSError, ValueError):
        return {}
    return settings if isinstance(settings, dict) else {}
