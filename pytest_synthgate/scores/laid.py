"""One picture laid on another: how much of what there is to see looks the same in both.

Part of the fourth station of the flow (features -> scores), below the geometry. Correlations within small windows are
averaged (Lewis 1995), so that a frame, a banner or a dark half does not decide for all the rest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_WINDOW = 9
"""Pixels of a window's side; the shorter side of the pictures has 64."""
_FLAT = 3.0
"""Deviation of grey levels below which a window shows nothing."""
_FEWEST = 32
"""Windows below which nothing can be said."""

Floats = NDArray[np.float64]
_Grey = NDArray[np.float32]


def agreement(copy: NDArray[np.uint8], original: NDArray[np.uint8], plane: Floats) -> float:
    """Correlate two small grey pictures where they overlap, from -1 to 1, by the transform that lays one on the other.

    The finer picture is laid on the coarser, blurred as much as it gets smaller. Windows count in which either picture
    shows anything; one in which only one of them does counts as 0.

    Args:
        copy: uint8 (h, w).
        original: uint8 (h, w), of any other size.
        plane: float64 (3, 3), from places of the copy to places of the original, both as shares of width and height.
    """
    import cv2

    fine, coarse = copy, original
    small = _to_pixels(plane, copy.shape, original.shape)
    scale = _scale(small, fine.shape)
    if scale > 1:
        fine, coarse, small, scale = original, copy, np.linalg.inv(small).astype(np.float64), 1 / scale
    if scale < 0.9:
        fine = cv2.GaussianBlur(fine, (0, 0), 0.5 * (1 / scale**2 - 1) ** 0.5)
    size = coarse.shape[::-1]
    laid = cv2.warpPerspective(fine, small, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpPerspective(np.full_like(fine, 255), small, size, flags=cv2.INTER_LINEAR) > 250
    return _correlation(laid.astype(np.float32), coarse.astype(np.float32), inside)


def _correlation(one: _Grey, other: _Grey, inside: NDArray[np.bool_]) -> float:
    import cv2

    there = inside.astype(np.float32)

    def summed(values: _Grey) -> _Grey:
        sums: _Grey = cv2.boxFilter(values * there, -1, (_WINDOW, _WINDOW), None, (-1, -1), False, cv2.BORDER_CONSTANT)
        return sums

    count = np.maximum(summed(np.ones_like(one)), 1)
    mean, other_mean = summed(one) / count, summed(other) / count
    variance = np.maximum(summed(one * one) / count - mean**2, 0)
    other_variance = np.maximum(summed(other * other) / count - other_mean**2, 0)
    together = summed(one * other) / count - mean * other_mean
    shown = inside & (np.maximum(variance, other_variance) > _FLAT**2)
    if shown.sum() < _FEWEST:
        return 0.0
    windows = together[shown] / np.sqrt(variance[shown] * other_variance[shown] + _FLAT**2)
    return float(windows.mean(dtype=np.float64))


def _to_pixels(plane: Floats, copy: tuple[int, ...], original: tuple[int, ...]) -> Floats:
    """Express a transform between shares of sides in pixels, by their centres."""
    into = np.array([[1 / copy[1], 0, 0.5 / copy[1]], [0, 1 / copy[0], 0.5 / copy[0]], [0, 0, 1]])
    out = np.array([[original[1], 0, -0.5], [0, original[0], -0.5], [0, 0, 1]])
    pixels: Floats = out @ plane @ into
    return pixels


def _scale(plane: Floats, shape: tuple[int, ...]) -> float:
    """Give by how much a transform makes things larger in the middle of a picture of a shape."""
    x, y, z = plane @ [shape[1] / 2, shape[0] / 2, 1.0]
    slopes = (plane[:2, :2] - np.outer([x / z, y / z], plane[2, :2])) / z
    return float(abs(np.linalg.det(slopes)) ** 0.5)
