"""The points of one picture: what the geometric check for edited copies compares.

Third station of the flow (images -> features -> scores). ORB (Rublee et al. 2011) finds corners and says in 256 bits
how each looks. The points of the mirrored picture are the same ones, so only their bits are computed a second time.
"""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pytest_synthgate.errors import require

LOCAL_REVISION = 1
"""Raised when the points of a picture would come out different, or are written in another way."""

SHORT_SIDE = 256
"""Pixels of the shorter side of the picture in which points are found."""
LEVEL = 1.2
"""How much smaller each level of a picture is than the one before."""
_LONGEST = 4
"""Largest ratio of the sides for which the shorter one is as long as that; it bounds memory for thin pictures."""
_POINTS, _FAST_THRESHOLD = 1_000, 7
_SMALL = 64
"""Pixels of the shorter side of the picture that is laid on another one."""
_PLACES = 32
"""Steps of a pixel to which places are rounded, so that what is stored equals what was found."""
_TURNS = 256
"""Steps of a full turn."""
_HEAD = struct.Struct("<BIIHHHB")


@dataclass(frozen=True, slots=True, eq=False)
class LocalFeatures:
    """Points of a picture.

    Attributes:
        size: Width and height of the picture in which they were found, in pixels: its shorter side is 256.
        places: float32 (k, 2), x and y of each point in pixels of that size, from the upper left corner.
        turns: uint8 (k,), the direction of each point, in 256ths of a full turn.
        levels: uint8 (k,), how often the picture was made smaller by 1.2 before the point was found in it.
        descriptors: uint8 (k, 32), 256 bits that say how the surroundings of each point look.
        mirrored: The same of the mirrored picture, in the order of the points; None where it was not asked for.
        grey: uint8 (h, w), the picture in grey, its shorter side 64 pixels.
    """

    size: tuple[int, int]
    places: NDArray[np.float32]
    turns: NDArray[np.uint8]
    levels: NDArray[np.uint8]
    descriptors: NDArray[np.uint8]
    mirrored: NDArray[np.uint8] | None
    grey: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.places)

    def to_bytes(self) -> bytes:
        """Write all of it; the bits of the points do not get smaller by compression, the rest does."""
        height, width = self.grey.shape
        head = _HEAD.pack(LOCAL_REVISION, *self.size, len(self), width, height, self.mirrored is not None)
        places = np.rint(self.places * _PLACES).astype("<u2")
        rest = zlib.compress(places.tobytes() + self.turns.tobytes() + self.levels.tobytes() + self.grey.tobytes(), 1)
        bits = self.descriptors.tobytes() + (b"" if self.mirrored is None else self.mirrored.tobytes())
        return head + bits + rest

    @classmethod
    def from_bytes(cls, written: bytes) -> LocalFeatures:
        """Read what `to_bytes` wrote.

        Raises:
            ValueError: It was written by another revision, or is damaged.
        """
        if written[:1] != bytes([LOCAL_REVISION]):
            raise ValueError(f"points of another revision than {LOCAL_REVISION}")
        try:
            _, width, height, count, *small, has_mirrored = _HEAD.unpack_from(written)
            end = _HEAD.size + 32 * count * (1 + has_mirrored)
            bits = np.frombuffer(written, np.uint8, end - _HEAD.size, _HEAD.size).reshape(1 + has_mirrored, count, 32)
            rest = np.frombuffer(zlib.decompress(written[end:]), np.uint8)
            places, turns, levels, grey = np.split(rest, [4 * count, 5 * count, 6 * count])
            return cls(
                size=(width, height),
                places=places.view("<u2").reshape(count, 2).astype(np.float32) / np.float32(_PLACES),
                turns=turns,
                levels=levels,
                descriptors=bits[0],
                mirrored=bits[1] if has_mirrored else None,
                grey=grey.reshape(small[::-1]),
            )
        except (struct.error, zlib.error, ValueError) as error:
            raise ValueError(f"damaged points of a picture: {error}") from None


def local_features(image: Image.Image, *, mirrored: bool = True) -> LocalFeatures:
    """Find the points of a picture; the same ones whatever the number of threads.

    Args:
        image: RGB, of any size: it is brought to a shorter side of 256 pixels, and to a longer one of at most 1,024.
            One with fewer than 64 pixels across has no points.
        mirrored: Whether to describe the points in the mirrored picture too, which the copy of a pair needs.

    Raises:
        MissingExtraError: OpenCV is not installed.
    """
    require("finding edited copies", "measure", "cv2")
    import cv2

    grey = _grey(image)
    height, width = grey.shape
    small = _within((width, height), _SMALL)
    with _one_thread(cv2):
        orb = cv2.ORB_create(nfeatures=_POINTS, scaleFactor=LEVEL, fastThreshold=_FAST_THRESHOLD)
        # Blown up, a tiny picture is all smooth blobs, which look alike in any two of its kind.
        enough = min(*image.size, *grey.shape) >= _SMALL
        points, descriptors = orb.detectAndCompute(grey, None) if enough else ((), None)
        if descriptors is None:
            descriptors = np.zeros((0, 32), np.uint8)
        places = np.array([point.pt for point in points], np.float32).reshape(-1, 2)
        angles = np.array([point.angle for point in points], np.float32)
        levels = np.array([point.octave for point in points], np.uint8)
        flipped = _mirrored(cv2, orb, grey, points) if mirrored else None
        picture = cv2.resize(grey, small, interpolation=cv2.INTER_AREA)
    # ORB takes pixels for points when it goes from a level to the whole picture: the middle of a large one is further.
    places += (LEVEL ** levels[:, None].astype(np.float32) - 1) / 2
    return LocalFeatures(
        size=(width, height),
        places=np.rint(places * _PLACES).astype(np.float32) / np.float32(_PLACES),
        turns=np.rint(angles * (_TURNS / 360)).astype(np.uint16).astype(np.uint8),
        levels=levels,
        descriptors=descriptors,
        mirrored=flipped,
        grey=picture,
    )


def _mirrored(cv2: Any, orb: Any, grey: NDArray[np.uint8], points: Any) -> NDArray[np.uint8]:
    """Describe points as they look in the mirrored picture."""
    width = grey.shape[1]
    for number, point in enumerate(points):
        x, y = point.pt
        scale = LEVEL**point.octave
        point.pt = (round(width / scale) - 1) * scale - x, y
        point.angle = (540 - point.angle) % 360
        point.class_id = number
    kept, descriptors = orb.compute(np.ascontiguousarray(grey[:, ::-1]), points)
    found = np.zeros((len(points), 32), np.uint8)
    if kept:
        found[[point.class_id for point in kept]] = descriptors
    return found


def _grey(image: Image.Image) -> NDArray[np.uint8]:
    """Bring a picture to grey and to the size in which points are found."""
    size = _within(image.size, SHORT_SIDE)
    return np.asarray(image.convert("L").resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0))


def _within(size: tuple[int, int], short: int) -> tuple[int, int]:
    """Give the shorter side its length, unless the longer one would be more than four times as long."""
    scale = min(short / min(size), _LONGEST * short / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


_lock = threading.Lock()
_inside, _threads = 0, 0


@contextmanager
def _one_thread(cv2: Any) -> Iterator[None]:
    """Hold OpenCV to the thread that calls it, as long as anyone is inside: pictures are worked on side by side."""
    global _inside, _threads  # noqa: PLW0603  the number of threads of OpenCV is global
    with _lock:
        if not _inside:
            _threads = cv2.getNumThreads()
            cv2.setNumThreads(1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                cv2.setNumThreads(_threads)
