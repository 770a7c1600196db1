"""The file formats that can be read: how files of each begin, how they are called, what opens them.

Second station of the flow, below `decode`. What opens a file reads its head and no pixels; it is a class and not
`Image.open`, which has limits and guesses of its own.
"""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO

from PIL import ExifTags, Image, JpegImagePlugin, TiffImagePlugin, features

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf"})

# What stands where an image should be, by how it begins.
_IMPOSTORS = (
    ((b"version https://git-lfs",), "Git LFS pointer instead of an image; run git lfs pull"),
    ((b"<!doctype html", b"<html"), "HTML page instead of an image; fetch it again"),
    ((b"<?xml", b"<svg"), "not an image in a known format but XML"),
)


REDUCIBLE = JpegImagePlugin.JpegImageFile
"""What can be decoded at a half, a quarter or an eighth of its edges."""


@contextmanager
def without_pillow_warnings() -> Iterator[None]:
    """Keep Pillow from warning of damaged tags and the like: what is wrong with a picture, its reader says.

    Which warnings are shown is a state of the whole process, so the one who starts threads that decode enters this, and
    none of them does. Two who enter it at once, in threads of one process, would undo one another's.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


class _Tiff(TiffImagePlugin.TiffImageFile):
    def getexif(self) -> Image.Exif:
        """Give the orientation alone: Pillow looks into directories below this one, and fails when one is damaged."""
        exif = Image.Exif()
        if (orientation := self.tag_v2.get(ExifTags.Base.Orientation)) is not None:
            exif[ExifTags.Base.Orientation] = orientation
        return exif


def png_with(chunks: frozenset[bytes], data: bytes) -> bytes:
    """Copy a PNG file without its other chunks: Pillow refuses long profiles and texts, and odd animations."""
    kept, at = [_PNG_SIGNATURE], len(_PNG_SIGNATURE)
    while at + 8 <= len(data):
        end, name = at + 12 + int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        if name in chunks:
            kept.append(data[at:end])
        at = len(data) if name == b"IEND" else end
    return b"".join(kept)


@dataclass(frozen=True, slots=True)
class Format:
    """One file format.

    Attributes:
        name: As reports call it.
        suffixes: The endings of its files.
        head: What its files begin with, a pattern.
        open: Makes a picture of a file, without pixels yet.
        whole: Whether its decoder takes memory for the pixels as soon as a file is opened.
    """

    name: str
    suffixes: tuple[str, ...]
    head: bytes
    open: Callable[[bytes], Image.Image]
    whole: bool = False


def _plugin(name: str) -> Callable[[bytes], Image.Image]:
    reader = getattr(import_module(f"PIL.{name}ImagePlugin"), f"{name}ImageFile")
    return lambda data: reader(BytesIO(data))


def _available_formats() -> Iterator[Format]:
    png = _plugin("Png")
    yield Format("JPEG", ("jpg", "jpeg", "jpe", "jfif"), rb"\xff\xd8\xff", _plugin("Jpeg"))
    yield Format("PNG", ("png",), re.escape(_PNG_SIGNATURE), lambda data: png(png_with(_PNG_PIXELS, data)))
    yield Format("BMP", ("bmp",), rb"BM", _plugin("Bmp"))
    yield Format("GIF", ("gif",), rb"GIF8[79]a", _plugin("Gif"))
    yield Format("TIFF", ("tif", "tiff"), rb"II[*+]\0|MM\0[*+]", lambda data: _Tiff(BytesIO(data)))
    if features.check_module("webp"):
        yield Format("WebP", ("webp",), rb"RIFF....WEBP", _plugin("WebP"), whole=True)
    if features.check_codec("jpg_2000"):
        head = rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"
        yield Format("JPEG 2000", ("jp2", "j2k"), head, _plugin("Jpeg2K"))
    if "avif" in features.modules and features.check_module("avif"):
        yield Format("AVIF", ("avif",), rb"....ftyp(avi[fs]|m[is]f1)", _plugin("Avif"), whole=True)


FORMATS = tuple(_available_formats())
"""The formats that can be read here, each once."""

SUFFIXES: frozenset[str] = frozenset(suffix for each in FORMATS for suffix in each.suffixes)
"""The file name endings of the formats that can be read here, in lower case and without a dot."""


def format_of(head: bytes) -> Format | None:
    """Tell by its first sixteen bytes in which format a file is, of those that can be read here."""
    return next((each for each in FORMATS if re.match(each.head, head, re.DOTALL)), None)


def exif_of(picture: Image.Image) -> Image.Exif:
    """Give the EXIF block that goes with a picture as far as it is sound, empty where there is none."""
    exif = Image.Exif()
    block = picture.info.get("exif")
    with suppress(SyntaxError, struct.error):  # no block, whatever it calls itself
        exif.load(block if isinstance(block, bytes) else b"")
    return exif


def impostor(data: bytes) -> str | None:
    """Say what a file is that stands where an image should be, and what to do about it."""
    start = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return next((name for heads, name in _IMPOSTORS if start.startswith(heads)), None)
