"""The bytes of one image file -> the RGB picture a viewer shows, or the reason why there is none.

Second station of the flow (images -> features). Every image of both sets takes this road. Files are
untrusted: only the known formats are tried, sizes are checked before pixels, and whatever a damaged file
does to a decoder comes out as `UnreadableError`. Any number of threads may decode at once, within one
`without_pillow_warnings`.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from pytest_synthgate.errors import SynthgateError, in_a_line
from pytest_synthgate.images.formats import REDUCIBLE, exif_of, format_of, impostor
from pytest_synthgate.text.printable import printable

PIXEL_LIMIT = "SYNTHGATE_MAX_PIXELS"
"""Environment variable: the most pixels of a picture; where it is not set, `PIL.Image.MAX_IMAGE_PIXELS` is."""

_LARGEST_WHOLE = 89_478_485
"""Pixels above which a JPEG is decoded at a half, a quarter or an eighth of its edges, whatever the limit is."""
_LARGEST_REDUCED = 4
"""How many times the limit a JPEG may have before it is reduced: its coefficients may be in memory whole."""
_LARGEST_FILE = 1 << 30
"""Bytes of one file, for it is read whole."""
_BLOCK = 1 << 20
"""Pixels that are scaled, or hashed, at a time, for they take up to eight bytes each meanwhile."""


class UnreadableError(SynthgateError):
    """One image cannot be decoded; the text is the short reason that a report shows.

    Attributes:
        lasting: Whether its bytes alone are the reason, and finding out took work: what memory, a limit, a codec or a
            disk had a part in may be otherwise the next time.
    """

    def __init__(self, reason: str, *, lasting: bool = False) -> None:
        super().__init__(reason)
        self.lasting = lasting


def read_bytes(path: Path) -> bytes:
    """Read one image file whole.

    Raises:
        UnreadableError: There is no such file, it is not a plain file, it is too large, or it may not be read.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe or a device would never end
            raise UnreadableError("not a plain file")
        if status.st_size > _LARGEST_FILE:
            raise UnreadableError(f"{status.st_size:,} bytes, over the limit of {_LARGEST_FILE:,} in one file")
        return path.read_bytes()
    except FileNotFoundError:
        raise UnreadableError("the file is missing") from None
    except OSError as error:
        raise UnreadableError(f"the file cannot be read ({error.strerror})") from None
    except ValueError:
        raise UnreadableError("the path is not one") from None
    except MemoryError:
        raise UnreadableError("not enough memory to read the file") from None


def decode(data: bytes, *, edge: int | None = None) -> Image.Image:
    """Decode one image file to what a viewer shows, an 8-bit RGB picture that is free of metadata.

    EXIF orientation applied, the first frame of an animation, transparency on white, CMYK and other colour
    models converted, 16-bit values reduced to their high byte, grey without a nominal range (32-bit integers
    and floats) by the smallest range of 1 (floats), 255 or 65,535 that holds it, else stretched. Embedded
    colour profiles are not applied. A JPEG of more than 89 million pixels comes out at a half, a quarter or an
    eighth of its edges; where a format can leave out pixels while decoding, either edge keeps at least `edge`.

    Raises:
        UnreadableError: Empty, no image, damaged, truncated, without pixels, or more pixels than allowed
            (`PIXEL_LIMIT`), or than fit into the memory.
    """
    if not data:
        raise UnreadableError("the file is empty")
    if (form := format_of(data[:16])) is None:
        raise UnreadableError(impostor(data) or "not an image in a known format")
    opened = False
    try:
        picture = form.open(data)
        opened = True
        return _decode(picture, edge)
    except UnreadableError:
        raise
    except MemoryError:
        raise UnreadableError(f"not enough memory to decode the {form.name} file") from None
    except Exception as error:  # noqa: BLE001  decoders raise anything at all on damaged bytes
        detail = in_a_line(error)
        # A decoder may call it a broken stream when it got no memory, but a head is read without, and so is an end.
        lasting = "truncated" in detail or not (opened or form.whole)
        raise UnreadableError(f"damaged {form.name} file ({detail})", lasting=lasting) from None


def pixel_digest(image: Image.Image) -> str:
    """Hash size and RGB values, `sha256:...`; equal for any two files that show the same pixels."""
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    digest = hashlib.sha256(f"{rgb.width}x{rgb.height}:".encode())
    # In strips: whole, the values of a large picture are copied twice, into memory that has to be found first.
    rows = max(1, _BLOCK // rgb.width)
    for top in range(0, rgb.height, rows):
        strip = (0, top, rgb.width, min(top + rows, rgb.height))
        digest.update((rgb if rows >= rgb.height else rgb.crop(strip)).tobytes())
    return f"sha256:{digest.hexdigest()}"


def _decode(picture: Image.Image, edge: int | None) -> Image.Image:
    width, height = picture.size
    if width < 1 or height < 1:
        raise UnreadableError(f"{width} x {height} pixels: nothing to see", lasting=True)
    limit = _pixel_limit()
    reduced = 1
    if isinstance(picture, REDUCIBLE):
        reduced = next(each for each in (1, 2, 4, 8) if width * height <= _LARGEST_WHOLE * each**2 or each == 8)
        limit *= min(reduced**2, _LARGEST_REDUCED)
    if width * height > limit:
        raise UnreadableError(
            f"{width} x {height} pixels, over the limit of {limit} in total; "
            f"set {PIXEL_LIMIT}={width * height} to read it all the same"
        )
    size = width // reduced, height // reduced
    if edge is not None:
        size = min(edge, size[0]), min(edge, size[1])
    if size != (width, height):
        picture.draft(None, size)
    picture.load()
    rgb = _as_rgb(picture)
    rgb.info = {}
    # Pillow turns TIFF files upright by itself; their EXIF never reaches `info`.
    if orientation := exif_of(picture).get(ExifTags.Base.Orientation):
        rgb.getexif()[ExifTags.Base.Orientation] = orientation
        ImageOps.exif_transpose(rgb, in_place=True)
    return rgb


def _pixel_limit() -> float:
    given = os.environ.get(PIXEL_LIMIT, "")
    if given and not given.isdecimal():
        raise UnreadableError(f"{PIXEL_LIMIT} is {printable(given)!r}; set it to a number of pixels")
    return int(given) if given else Image.MAX_IMAGE_PIXELS or float("inf")


def _as_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I;16") or picture.mode in {"I", "F"}:
        values = np.asarray(picture)
        grey = _to_8_bits(values, sixteen=picture.mode.startswith("I;16"))
        transparent = picture.info.get("transparency")
        if isinstance(transparent, int):
            grey[values == transparent] = 255
        return Image.fromarray(grey).convert("RGB")
    if not picture.has_transparency_data:
        # `convert` would copy what is in this mode already, which takes half as long as decoding a large JPEG.
        return Image.Image()._new(picture.im) if picture.mode == "RGB" else picture.convert("RGB")
    layer = picture.convert("LA") if picture.mode == "La" else picture
    rgba = layer.convert("RGBA")
    page = Image.new("RGB", rgba.size, "white")
    page.paste(rgba, mask=rgba.getchannel("A"))
    return page


def _to_8_bits(values: NDArray[np.generic], *, sixteen: bool) -> NDArray[np.uint8]:
    if sixteen:  # the high byte, as colour pictures of 16 bits are reduced
        return (values.astype(np.uint16) >> 8).astype(np.uint8)
    step = max(1, _BLOCK // values.shape[1])
    blocks = [values[row : row + step] for row in range(0, len(values), step)]
    ends = [(numbers.min(), numbers.max()) for numbers in map(_finite, blocks)]
    low, high = float(min(each for each, _ in ends)), float(max(each for _, each in ends))
    ranges = (1.0, 255.0, 65535.0) if values.dtype.kind == "f" else (255.0, 65535.0)
    top, shift = next((each for each in ranges if low >= 0 and high <= each), None), 0.0
    if top is None:
        top, shift = (high - low) or 1.0, low
    grey = np.empty(values.shape, dtype=np.uint8)
    for number, block in enumerate(blocks):
        grey[number * step : (number + 1) * step] = np.rint((_finite(block) - shift) * (255.0 / top))
    return grey


def _finite(values: NDArray[np.generic]) -> NDArray[np.float64]:
    return np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
