"""The bytes of one image file -> the RGB picture a viewer shows, or the reason why there is none.

Second station of the flow (images -> features). Every image of both sets takes this road. Files are
untrusted: only the formats below are tried, sizes are checked before pixels, and whatever a damaged file
does to a decoder comes out as `UnreadableError`. Nothing here changes the state of the process, so any number of
threads may decode at once.
"""

from __future__ import annotations

import hashlib
import importlib
import stat
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    features,
)

from pytest_synthgate.errors import SynthgateError
from pytest_synthgate.images import png, tiff
from pytest_synthgate.text.printable import printable


class UnreadableError(SynthgateError):
    """One image cannot be decoded; the text is the short reason a report shows."""


@dataclass(frozen=True, slots=True)
class _Format:
    """One file format: how its files start, how they are called, and what opens them without decoding."""

    name: str
    suffixes: tuple[str, ...]
    starts: Callable[[bytes], bool]
    open: Callable[[bytes], Image.Image]


class _Jpeg(JpegImagePlugin.JpegImageFile):
    def getexif(self) -> Image.Exif:
        """Give an empty block: Pillow looks for a resolution in it, and warns when it is damaged."""
        return Image.Exif()


def _open_png(data: bytes) -> Image.Image:
    # Pillow warns about such a header and shows a still picture; whether it may is not for us to decide.
    if b"acTL" in data:
        frames = [int.from_bytes(chunk[:4]) for _, chunk in png.chunks(BytesIO(data), frozenset({b"acTL"}))]
        if len(frames) > 1 or not all(0 < each <= 0x80000000 for each in frames):
            raise ValueError("invalid animation header")
    return PngImagePlugin.PngImageFile(BytesIO(data))


def _plugin(module: str, reader: str) -> Callable[[bytes], Image.Image]:
    # Opening by class and not by Image.open: that one warns about sizes, odd files and damaged EXIF.
    factory = getattr(importlib.import_module(f"PIL.{module}"), reader)
    return lambda data: factory(BytesIO(data))


def _available_formats() -> tuple[_Format, ...]:
    found = [
        _Format(
            "JPEG",
            ("jpg", "jpeg"),
            lambda head: head.startswith(b"\xff\xd8\xff"),
            lambda data: _Jpeg(BytesIO(data)),
        ),
        _Format("PNG", ("png",), lambda head: head.startswith(png.SIGNATURE), _open_png),
        _Format(
            "BMP",
            ("bmp",),
            lambda head: head.startswith(b"BM"),
            lambda data: BmpImagePlugin.BmpImageFile(BytesIO(data)),
        ),
        _Format(
            "GIF",
            ("gif",),
            lambda head: head.startswith((b"GIF87a", b"GIF89a")),
            lambda data: GifImagePlugin.GifImageFile(BytesIO(data)),
        ),
        _Format(
            "TIFF",
            ("tif", "tiff"),
            lambda head: head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
            lambda data: TiffImagePlugin.TiffImageFile(BytesIO(tiff.without_damaged_tags(data))),
        ),
    ]
    if features.check_module("webp"):
        found.append(
            _Format(
                "WebP",
                ("webp",),
                lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP",
                _plugin("WebPImagePlugin", "WebPImageFile"),
            )
        )
    if features.check_codec("jpg_2000"):
        found.append(
            _Format(
                "JPEG 2000",
                ("jp2", "j2k"),
                lambda head: head.startswith((b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")),
                _plugin("Jpeg2KImagePlugin", "Jpeg2KImageFile"),
            )
        )
    # An AVIF file with a damaged EXIF block is the one that still warns: Pillow reads it while opening.
    if "avif" in features.modules and features.check_module("avif"):
        found.append(
            _Format(
                "AVIF",
                ("avif",),
                lambda head: head[4:8] == b"ftyp" and head[8:12] in {b"avif", b"avis", b"mif1", b"msf1"},
                _plugin("AvifImagePlugin", "AvifImageFile"),
            )
        )
    return tuple(found)


_FORMATS = _available_formats()

SUFFIXES: frozenset[str] = frozenset(suffix for each in _FORMATS for suffix in each.suffixes)
"""The file name endings of the formats that can be read here, in lower case and without a dot."""


def read_bytes(path: Path) -> bytes:
    """Read one image file whole.

    Raises:
        UnreadableError: There is no such file, it is not a plain file, or it may not be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe or a device would never end
            raise UnreadableError("not a plain file")
        return path.read_bytes()
    except FileNotFoundError:
        raise UnreadableError("the file is missing") from None
    except OSError as error:
        raise UnreadableError(f"the file cannot be read ({error.strerror})") from None
    except ValueError:
        raise UnreadableError("the path is not one") from None


def decode(data: bytes, *, edge: int | None = None) -> Image.Image:
    """Decode one image file to what a viewer shows.

    EXIF orientation applied, the first frame of an animation, transparency on white, CMYK and other colour
    models converted, 16-bit values reduced to their high byte, grey without a nominal range (32-bit integers
    and floats) by the smallest range of 1 (floats), 255 or 65,535 that holds it, else stretched. Embedded
    colour profiles are not applied.

    Args:
        data: The whole file.
        edge: Pixels that either edge should keep at least, where a format can leave out the others while decoding.

    Returns:
        An 8-bit RGB picture, free of metadata.

    Raises:
        UnreadableError: Empty, no image, damaged, truncated, without pixels, or more pixels than
            `PIL.Image.MAX_IMAGE_PIXELS`.
    """
    if not data:
        raise UnreadableError("the file is empty")
    form = next((each for each in _FORMATS if each.starts(data[:16])), None)
    if form is None:
        raise UnreadableError("not an image in a known format")
    try:
        return _decode(form, data, edge)
    except UnreadableError:
        raise
    except Exception as error:  # noqa: BLE001  decoders raise anything at all on damaged bytes
        detail = printable(str(error)) or type(error).__name__
        raise UnreadableError(f"damaged {form.name} file ({detail[:200]})") from None


def pixel_digest(image: Image.Image) -> str:
    """Hash size and RGB values, `sha256:...`; equal for any two files that show the same pixels."""
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    digest = hashlib.sha256(f"{rgb.width}x{rgb.height}:".encode())
    digest.update(rgb.tobytes())
    return f"sha256:{digest.hexdigest()}"


def _decode(form: _Format, data: bytes, edge: int | None) -> Image.Image:
    picture = form.open(data)
    width, height = picture.size
    if width < 1 or height < 1:
        raise UnreadableError(f"{width} x {height} pixels: nothing to see")
    if Image.MAX_IMAGE_PIXELS is not None and width * height > Image.MAX_IMAGE_PIXELS:
        raise UnreadableError(f"{width} x {height} pixels, over the limit of {Image.MAX_IMAGE_PIXELS} in total")
    if edge is not None:
        picture.draft(None, (edge, edge))
    picture.load()
    exif = picture.info.get("exif", b"")
    rgb = _as_rgb(picture)
    # Pillow turns TIFF files upright by itself; their EXIF never reaches `info`.
    method = _TRANSPOSE.get(tiff.orientation(exif)) if isinstance(exif, bytes) else None
    if method is not None:
        rgb = rgb.transpose(method)
    rgb.info = {}
    return rgb


_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _as_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I;16") or picture.mode in {"I", "F"}:
        values = np.asarray(picture)
        grey = _to_8_bits(values, sixteen=picture.mode.startswith("I;16"))
        transparent = picture.info.get("transparency")
        if isinstance(transparent, int):
            grey[values == transparent] = 255
        return Image.fromarray(grey).convert("RGB")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("LA") if picture.mode == "La" else picture
    rgba = layer.convert("RGBA")
    page = Image.new("RGB", rgba.size, "white")
    page.paste(rgba, mask=rgba.getchannel("A"))
    return page


def _to_8_bits(values: NDArray[np.generic], *, sixteen: bool) -> NDArray[np.uint8]:
    if sixteen:  # the high byte, as colour pictures of 16 bits are reduced
        return (values.astype(np.uint16) >> 8).astype(np.uint8)
    numbers = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(numbers.min()), float(numbers.max())
    ranges = (1.0, 255.0, 65535.0) if values.dtype.kind == "f" else (255.0, 65535.0)
    top = next((each for each in ranges if low >= 0 and high <= each), None)
    if top is None:
        numbers, top = numbers - low, (high - low) or 1.0
    return np.rint(numbers * (255.0 / top)).astype(np.uint8)
