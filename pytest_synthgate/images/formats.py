"""The file formats that can be read: how files of each begin, how they are called, what opens them.

Second station of the flow, below `decode`. What opens a file reads its head and no pixels, says nothing about damage
that changes no pixel, and leaves the state of the process alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    features,
)

from pytest_synthgate.images.tiff import ORIENTATION, with_single_values

OPENED_WHOLE = frozenset({"WebP", "AVIF"})
"""Formats whose decoders take memory for the pixels as soon as they are opened."""

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf"})

# What stands where an image should be, by how it begins.
_IMPOSTORS = (
    ((b"version https://git-lfs",), "a Git LFS pointer, not the image: run git lfs pull"),
    ((b"<!doctype html", b"<html"), "not an image in a known format but an HTML page: fetch the image again"),
    ((b"<?xml", b"<svg"), "not an image in a known format but an XML text"),
)


@dataclass(frozen=True, slots=True)
class Format:
    """One file format: how its files start, how they are called, and what opens them without decoding."""

    name: str
    suffixes: tuple[str, ...]
    starts: Callable[[bytes], bool]
    open: Callable[[bytes], Image.Image]


class _Jpeg(JpegImagePlugin.JpegImageFile):
    def getexif(self) -> Image.Exif:
        """Give an empty block: Pillow looks for a resolution in it, and warns when it is damaged."""
        return Image.Exif()


class _Tiff(TiffImagePlugin.TiffImageFile):
    def getexif(self) -> Image.Exif:
        """Give the orientation alone: Pillow looks into directories below this one, and warns when one is damaged."""
        exif = Image.Exif()
        if ORIENTATION in self.tag_v2:
            exif[ORIENTATION] = self.tag_v2[ORIENTATION]
        return exif


REDUCIBLE = _Jpeg
"""What can be decoded at a half, a quarter or an eighth of its edges."""


def png_with(chunks: frozenset[bytes], data: bytes) -> bytes:
    """Copy a PNG file without its other chunks: Pillow refuses long profiles and texts, and odd animations."""
    kept, at = [_PNG], len(_PNG)
    while at + 8 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])
        name = data[at + 4 : at + 8]
        if name in chunks:
            kept.append(data[at:end])
        at = len(data) if name == b"IEND" else end
    return b"".join(kept)


def _plugin(module: str, reader: str) -> Callable[[bytes], Image.Image]:
    # Opening by class and not by Image.open: that one warns about sizes, odd files and damaged EXIF.
    factory = getattr(importlib.import_module(f"PIL.{module}"), reader)
    return lambda data: factory(BytesIO(data))


def _available_formats() -> tuple[Format, ...]:
    found = [
        Format(
            "JPEG",
            ("jpg", "jpeg", "jpe", "jfif"),
            lambda head: head.startswith(b"\xff\xd8\xff"),
            lambda data: _Jpeg(BytesIO(data)),
        ),
        Format(
            "PNG",
            ("png",),
            lambda head: head.startswith(_PNG),
            lambda data: PngImagePlugin.PngImageFile(BytesIO(png_with(_PNG_PIXELS, data))),
        ),
        Format(
            "BMP",
            ("bmp",),
            lambda head: head.startswith(b"BM"),
            lambda data: BmpImagePlugin.BmpImageFile(BytesIO(data)),
        ),
        Format(
            "GIF",
            ("gif",),
            lambda head: head.startswith((b"GIF87a", b"GIF89a")),
            lambda data: GifImagePlugin.GifImageFile(BytesIO(data)),
        ),
        Format(
            "TIFF",
            ("tif", "tiff"),
            lambda head: head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
            lambda data: _Tiff(BytesIO(with_single_values(data))),
        ),
    ]
    if features.check_module("webp"):
        found.append(
            Format(
                "WebP",
                ("webp",),
                lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP",
                _plugin("WebPImagePlugin", "WebPImageFile"),
            )
        )
    if features.check_codec("jpg_2000"):
        found.append(
            Format(
                "JPEG 2000",
                ("jp2", "j2k"),
                lambda head: head.startswith((b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")),
                _plugin("Jpeg2KImagePlugin", "Jpeg2KImageFile"),
            )
        )
    # An AVIF file with a damaged EXIF block is the one that still warns: Pillow reads it while opening.
    if "avif" in features.modules and features.check_module("avif"):
        found.append(
            Format(
                "AVIF",
                ("avif",),
                lambda head: head[4:8] == b"ftyp" and head[8:12] in {b"avif", b"avis", b"mif1", b"msf1"},
                _plugin("AvifImagePlugin", "AvifImageFile"),
            )
        )
    return tuple(found)


FORMATS = _available_formats()
"""The formats that can be read here, each once."""

SUFFIXES: frozenset[str] = frozenset(suffix for each in FORMATS for suffix in each.suffixes)
"""The file name endings of the formats that can be read here, in lower case and without a dot."""


def begins_like_an_image(path: Path) -> bool:
    """Tell by its first bytes whether a file is in a format that can be read here.

    Raises:
        OSError: It cannot be opened.
    """
    with path.open("rb") as stream:
        head = stream.read(16)
    return any(each.starts(head) for each in FORMATS)


def impostor(data: bytes) -> str | None:
    """Say what a file is that stands where an image should be, and what to do about it."""
    start = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return next((name for heads, name in _IMPOSTORS if start.startswith(heads)), None)
