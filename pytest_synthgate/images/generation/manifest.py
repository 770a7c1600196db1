"""The images in a directory and what is known of them: a line of JSON for each, written once the file is in place.

Second station of the flow (spec -> images), between `plan`, which reads, and `generate`, which writes. Lines are
only ever appended, each by one write; whatever is no whole line is passed over, and its image made again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Self

from PIL.Image import Image
from PIL.PngImagePlugin import PngInfo

from pytest_synthgate.errors import GenerationError
from pytest_synthgate.files.replacing import put_in_place
from pytest_synthgate.images.generation.pipeline import Sample
from pytest_synthgate.images.generation.seeds import Wanted
from pytest_synthgate.text.printable import shown

SETTINGS = "settings.json"


@dataclass(frozen=True, slots=True)
class ManifestEntry:
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


def read_entries(directory: Path) -> dict[str, ManifestEntry]:
    """Read the last entry of every image, by file.

    Raises:
        GenerationError: A manifest is there and cannot be read.
    """
    entries: dict[str, ManifestEntry] = {}
    for manifest in sorted(directory.glob("manifest*.jsonl")):
        try:
            content = manifest.read_bytes()
        except OSError as error:
            raise GenerationError(f"{shown(manifest)}: cannot be read ({error.strerror})") from None
        for line in content.split(b"\n"):
            entry = _entry(line)
            if entry is not None:
                entries[entry.file] = entry
    return entries


def _entry(line: bytes) -> ManifestEntry | None:
    try:
        cells = json.loads(line)
        entry = ManifestEntry(**cells) if "file" in cells else None
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
        self._file = (directory / name).open("a+b", buffering=0)
        # After a torn line the next one would be lost with it.
        if self._file.seek(0, os.SEEK_END) and self._file.seek(-1, os.SEEK_END) >= 0 and self._file.read(1) != b"\n":
            self._write(b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, entry: ManifestEntry) -> None:
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

    def _write_json(self, value: Mapping[str, Any]) -> None:
        self._write(json.dumps(value, sort_keys=True).encode() + b"\n")

    def _write(self, line: bytes) -> None:
        if (self._file.write(line) or 0) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@dataclass(slots=True)
class Writer:
    """Saves images in the order they come; entering starts its thread, leaving waits for the last image.

    Attributes:
        directory: Where the files belong.
        manifest: Where each is noted when it is in place.
        note: What the PNG text says beside prompt and seed: `Steps: 20, Model: x`.
        limit: Images that may wait; more would only fill the memory.
    """

    directory: Path
    manifest: Manifest
    note: str
    limit: int
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "synthgate-writer"))
    _waiting: deque[Future[None]] = field(default_factory=deque)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        failed = any(each.done() and each.exception() for each in self._waiting)
        # What was sampled before an interruption is worth keeping; what follows a full disk is not.
        self._thread.shutdown(wait=True, cancel_futures=failed)
        if kind is None:
            self._settle(0)

    def put(self, batch: Sequence[Wanted], samples: Sequence[Sample], seconds: float) -> None:
        """Queue a batch.

        Args:
            batch: What was wanted.
            samples: What came out, in the same order.
            seconds: What the batch took.

        Raises:
            OSError: An earlier image could not be saved.
        """
        for wanted, sample in zip(batch, samples, strict=True):
            self._waiting.append(self._thread.submit(self._save, wanted, sample, seconds / len(batch)))
        self._settle(self.limit)

    def _settle(self, limit: int) -> None:
        while self._waiting and (len(self._waiting) > limit or self._waiting[0].done()):
            self._waiting.popleft().result()

    def _save(self, wanted: Wanted, sample: Sample, seconds: float) -> None:
        content = None if sample.blacked_out else png(sample.image, wanted, self.note)
        if content is not None:
            _put_in_place(self.directory / wanted.file, content)
        self.manifest.add(
            ManifestEntry(
                file=wanted.file,
                sha256=None if content is None else hashlib.sha256(content).hexdigest(),
                size=0 if content is None else len(content),
                prompt=wanted.prompt.text,
                template=wanted.prompt.template,
                class_name=wanted.prompt.class_name,
                axes=dict(wanted.prompt.axes),
                seed=wanted.seed,
                index=wanted.index,
                seconds=round(seconds, 6),
                blacked_out=sample.blacked_out,
            )
        )


def png(image: Image, wanted: Wanted, note: str) -> bytes:
    """Encode an image as PNG, with prompt and seed in its text the way AUTOMATIC1111 writes them."""
    text = PngInfo()
    text.add_itxt("parameters", f"{wanted.prompt.text}\nSteps: {note}, Seed: {wanted.seed}")
    buffer = BytesIO()
    image.save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


def _put_in_place(file: Path, content: bytes) -> None:
    """Write a file beside its place, then move it there: under its name it is whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    # One name for each image: the next run overwrites what a killed one left.
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_bytes(content)
        part.replace(file)
    except OSError:
        part.unlink(missing_ok=True)
        raise


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
