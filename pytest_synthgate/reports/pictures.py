"""The pictures of reports: where each is, what it looks like small, and all those of a page, decoded together.

Decoded as carefully as for a measurement; what may not be shown has no file here, but words in its place. A page knows
its pictures by their path and never by their bytes.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path

from PIL import Image

from pytest_synthgate.images.decode import UnreadableError, decode, read_bytes
from pytest_synthgate.images.formats import without_pillow_warnings
from pytest_synthgate.reports.redaction import REAL
from pytest_synthgate.results.result import SpecResult

NOT_FOUND = "picture not found"
LEFT_OUT = "real photo left out"

EDGE = 176
"""Longest edge of a thumbnail, in pixels."""
PICTURE_BYTES = 3_500_000
"""Bytes that all pictures together should take; more findings than usual get coarser ones."""
_QUALITIES = (70, 45, 20)


def file_of(image: str, side: str, result: SpecResult) -> Path | str:
    """Find the file of an image, or the words that stand in the place of its picture."""
    if side == REAL and result.redacted:
        return LEFT_OUT
    if (files := result.images.get(side)) is None:
        return NOT_FOUND
    if image in files.hidden:
        return "copy of a real photo left out"
    return files.path(image) or NOT_FOUND


def thumbnail(path: Path, edge: int) -> Image.Image | None:
    """Make a small RGB copy of a picture, upright and free of metadata; None where it cannot be read.

    A picture whose longer edge has fewer pixels than `edge` keeps its size.
    """
    try:
        picture = decode(read_bytes(path), edge=edge)
    except UnreadableError:
        return None
    picture.thumbnail((edge, edge), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return picture


@dataclass(frozen=True, slots=True)
class Picture:
    """A place for the picture of an image: its file if it may be shown, and words instead if its set has pictures."""

    image: str
    side: str
    path: Path | None
    instead: str


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small copy of a picture, as WebP without any metadata of the original."""

    content: bytes
    width: int
    height: int

    @property
    def name(self) -> str:
        """File name by content, so that a picture that many findings show is stored once."""
        return f"{hashlib.sha256(self.content).hexdigest()[:20]}.webp"

    def data_uri(self) -> str:
        """Give the picture as text that stands in the page itself."""
        return f"data:image/webp;base64,{base64.b64encode(self.content).decode()}"


@dataclass(slots=True)
class Album:
    """Counts how often a page shows each file; `inline` pictures stand as text in it, as often as they are shown."""

    inline: bool = False
    wanted: Counter[Path] = field(default_factory=Counter)

    def picture(self, image: str, side: str, result: SpecResult) -> Picture:
        """Ask for the picture of an image."""
        file = file_of(image, side, result)
        if isinstance(file, Path):
            self.wanted[file] += 1
            return Picture(image, side, file, NOT_FOUND)
        return Picture(image, side, None, file if side in result.images or file == LEFT_OUT else "")

    @without_pillow_warnings()
    def develop(self) -> dict[Path, Thumbnail]:
        """Make the thumbnails of all pictures that were asked for; files that cannot be shown are left out."""
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            small = pool.map(partial(thumbnail, edge=EDGE), self.wanted)
            pictures = {path: each for path, each in zip(self.wanted, small, strict=True) if each is not None}
            for quality in _QUALITIES:
                made = pool.map(partial(_encoded, quality=quality), pictures.values())
                thumbnails = dict(zip(pictures, made, strict=True))
                if sum(self._size(path, each) for path, each in thumbnails.items()) <= PICTURE_BYTES:
                    break
        return thumbnails

    def _size(self, path: Path, made: Thumbnail) -> float:
        """Count the bytes that a picture adds to the report."""
        return len(made.content) * 4 / 3 * self.wanted[path] if self.inline else len(made.content)


def _encoded(picture: Image.Image, quality: int) -> Thumbnail:
    content = BytesIO()
    picture.save(content, "WEBP", quality=quality, method=2)
    return Thumbnail(content.getvalue(), *picture.size)
