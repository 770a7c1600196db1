"""The images in a directory and what is known of them: a line of JSON for each, written once the file is in place.

Second station of the flow (spec -> images), between `plan`, which reads, and `generate`, which writes. Lines are
only ever appended, each by one write; whatever is no whole line is passed over, and its image made again.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Self

from PIL.Image import Image
from PIL.PngImagePlugin import PngInfo
from pydantic import TypeAdapter, ValidationError

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


_ENTRY = TypeAdapter(ManifestEntry)


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
            with suppress(ValidationError):
                entry = _ENTRY.validate_json(line, strict=True)
                entries[entry.file] = entry
    return entries


class Manifest:
    """The images of one shard and, under a name in their directory, their manifest, open; one process holds it.

    All that is added to it raises an OSError when the disk is full, or fails.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._file = (directory / name).open("a+b", buffering=0)
        # After a torn line the next one would be lost with it.
        if self._file.seek(0, os.SEEK_END) and self._file.seek(-1, os.SEEK_END) >= 0 and self._file.read(1) != b"\n":
            self._append("")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, entry: ManifestEntry) -> None:
        """Append one image."""
        self._append(json.dumps(asdict(entry), sort_keys=True))

    def add_making(self, making: Mapping[str, Any]) -> None:
        """Append a note on what makes the images that follow: device, number format, library versions."""
        self._append(json.dumps({"making": making}, sort_keys=True))

    def save(self, batch: Sequence[Wanted], samples: Sequence[Sample], note: str, seconds: float) -> None:
        """Put the images of a batch in their places, and add each once it is there.

        Their PNG text notes steps and model too, such as `20, Model: x`. Each took some seconds to make.
        """
        for wanted, sample in zip(batch, samples, strict=True):
            content = b"" if sample.blacked_out else png(sample.image, wanted, note)
            if content:
                _put_in_place(self._directory / wanted.file, content)
            self.add(
                ManifestEntry(
                    file=wanted.file,
                    sha256=hashlib.sha256(content).hexdigest() if content else None,
                    size=len(content),
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

    def _append(self, line: str) -> None:
        content = f"{line}\n".encode()
        if (self._file.write(content) or 0) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


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
