"""One RGB picture -> the pixels its encoder sees, by the same road for every image of both sets.

Second station of the flow (images -> features): an antialiased resize to the encoder's input, then one JPEG
round trip, so that file format and compression are no evidence for what is real.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

from pytest_synthgate.errors import EncoderError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

JPEG_QUALITY = 90
JPEG_SUBSAMPLING = "4:2:0"

_LONGEST_EDGE = 1 << 16
"""Pixels of an edge that is filtered in one step; the longest that a JPEG can have."""
_LARGEST_SCALED = 1 << 25
"""Pixels of a picture that is scaled whole before its centre is cut out; a thinner one is cropped first."""

_FILTERS = ("bicubic", "bilinear")
_MODES = ("shortest", "longest", "squash")


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What an encoder expects of its input, as its configuration says.

    Attributes:
        size: (height, width) of the input in pixels; one number stands for a square.
        resize_mode: "shortest" covers the input and crops its centre, "longest" fits into it and fills the
            rest, "squash" ignores the aspect ratio.
        interpolation: "bicubic" or "bilinear", both antialiased.
        mean: Per-channel mean that the encoder subtracts, in units of 0 to 1.
        std: Per-channel deviation that the encoder divides by, in units of 0 to 1.
        fill: Grey value, 0 to 255, around a picture of mode "longest".
    """

    size: int | tuple[int, int]
    resize_mode: Literal["shortest", "longest", "squash"] = "shortest"
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    fill: int = 0

    def __post_init__(self) -> None:
        """Refuse a size below 1, and a mode or an interpolation that is none, with an `EncoderError`."""
        if min(self.shape) < 1:
            raise EncoderError(f"an encoder input of {self.size} pixels is not possible; sizes start at 1")
        if self.resize_mode not in _MODES:
            raise EncoderError(f"unknown resize mode {self.resize_mode!r}; one of {', '.join(_MODES)}")
        if self.interpolation not in _FILTERS:
            raise EncoderError(f"unknown interpolation {self.interpolation!r}; one of {', '.join(_FILTERS)}")

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the input."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size

    def to_json(self) -> dict[str, Any]:
        """Give all of it as plain JSON values, for keys and fingerprints."""
        return asdict(self) | {"size": list(self.shape), "mean": list(self.mean), "std": list(self.std)}


def prepare(image: Image.Image, preprocessing: Preprocessing, normalise: bool) -> NDArray[np.uint8]:
    """Bring an RGB picture of any size to an encoder's input, with `normalise` by a JPEG round trip.

    Returns:
        uint8 (height, width, 3); mean and deviation are left to the encoder.
    """
    import numpy as np

    resized = _resize(image, preprocessing)
    return np.array(recompressed(resized, JPEG_QUALITY) if normalise else resized, dtype=np.uint8)


def recompressed(image: Image.Image, quality: int) -> Image.Image:
    """Send an RGB picture through a JPEG file."""
    from PIL import Image

    stream = BytesIO()
    image.save(stream, "JPEG", quality=quality, subsampling=JPEG_SUBSAMPLING)
    return Image.open(stream, formats=["JPEG"])


def _resize(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    from PIL import Image

    height, width = preprocessing.shape
    resample = Image.Resampling[preprocessing.interpolation.upper()]
    # Filtering such an edge in one step would take memory by its length: it is averaged down first.
    gap = 3.0 if max(image.size) > _LONGEST_EDGE else None
    if preprocessing.resize_mode == "squash":
        return image.resize((width, height), resample, reducing_gap=gap)
    ratios = image.height / height, image.width / width
    if preprocessing.resize_mode == "longest":
        scaled = image.resize(_scaled(image, max(ratios)), resample, reducing_gap=gap)
        return _centred(scaled, height, width, preprocessing.fill)
    size = _shortest_is(image, height) if height == width else _scaled(image, min(ratios))
    if size[0] * size[1] > _LARGEST_SCALED:
        return _centre_scaled(image, size, width, height, resample)
    return _centred(image.resize(size, resample), height, width, preprocessing.fill)


def _centre_scaled(
    image: Image.Image, size: tuple[int, int], width: int, height: int, resample: Image.Resampling
) -> Image.Image:
    """Scale the centre of a thin picture alone, as if all of it were scaled to `size` and then cropped."""
    factors = image.width / size[0], image.height / size[1]
    box = [
        round((whole - part) / 2) * factor + end * part * factor
        for end in (0, 1)
        for whole, part, factor in zip(size, (width, height), factors, strict=True)
    ]
    margin = math.ceil(2 * max(1.0, *factors)) + 1  # what the filter sees around it
    left, top = (max(0, math.floor(edge) - margin) for edge in box[:2])
    right, bottom = (min(end, math.ceil(edge) + margin) for end, edge in zip(image.size, box[2:], strict=True))
    part = image.crop((left, top, right, bottom))  # whole pixels first: the box of a resize has 24 bits
    ends = [min(end, edge) for end, edge in zip(part.size, (box[2] - left, box[3] - top), strict=True)]
    return part.resize((width, height), resample, (box[0] - left, box[1] - top, ends[0], ends[1]))


def _shortest_is(image: Image.Image, side: int) -> tuple[int, int]:
    # Cut off, not rounded: the encoders were trained with this size.
    if image.width <= image.height:
        return side, int(side * image.height / image.width)
    return int(side * image.width / image.height), side


def _scaled(image: Image.Image, ratio: float) -> tuple[int, int]:
    return max(1, round(image.width / ratio)), max(1, round(image.height / ratio))


def _centred(image: Image.Image, height: int, width: int, fill: int) -> Image.Image:
    if image.width < width or image.height < height:
        from PIL import Image

        page = Image.new("RGB", (max(width, image.width), max(height, image.height)), (fill, fill, fill))
        page.paste(image, ((page.width - image.width) // 2, (page.height - image.height) // 2))
        image = page
    left, top = round((image.width - width) / 2), round((image.height - height) / 2)
    return image.crop((left, top, left + width, top + height))
