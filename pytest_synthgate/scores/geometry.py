"""Whether a picture is an edited copy of another one: points of both agree on a transform, and so do the pictures.

Part of the fourth station of the flow (features -> scores). Pure: points in, a match or nothing out. Points are paired
by the ratio of distances (Lowe 2004), pairs agree on a transform, and by it the pictures are laid on one another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pytest_synthgate.features.local import LocalFeatures
from pytest_synthgate.scores.finding import WHOLE
from pytest_synthgate.scores.laid import agreement
from pytest_synthgate.scores.placing import INLIERS, Floats, Pairs, Placed, Side, each_once, linear, placed

Quadrilateral = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]

GEOMETRY_REVISION = 1
"""Raised when the same points would give another match."""
RATIO = 0.8
"""The nearest point has to be nearer than this share of the distance to the second nearest."""
FEWEST, MOST = 12, 0.5
"""As few are enough where they are that share of all points there are: a blurred picture has no more."""
SHARE = 0.1
"""Least share of the points where the pictures overlap that agree; windows of one program have fewer.

It is for pictures of one scale, and falls with its square: what is found in a detail is not found in the whole.
"""
AGREEMENT = 0.62
"""Least agreement of the pictures where they overlap; half a page that is the same as in another one has less.

So have two portraits that a model made from one seed, at 0.61. Photos of one scene taken twice have 0.66 and more.
"""


@dataclass(frozen=True, slots=True)
class Match:
    """How one picture lies on another.

    Attributes:
        inliers: Pairs of points that agree on the transform.
        agreement: Correlation of the two pictures where they overlap, mean of small windows, from -1 to 1.
        of_copy: Share of the copy's area that lies on the original, from 0 to 1.
        of_original: Share of the original's area that the copy covers, from 0 to 1.
        transform: Two rows of three numbers that take a place (x, y, 1) of the copy to one of the original, both as
            shares of width and height.
        mirrored: Whether one shows the mirror image of the other.
        degrees: How far the original is turned in the copy, clockwise, after it is mirrored; from -180 to 180.
    """

    inliers: int
    agreement: float
    of_copy: float
    of_original: float
    transform: tuple[tuple[float, float, float], tuple[float, float, float]]
    mirrored: bool
    degrees: float

    @property
    def frame(self) -> Quadrilateral:
        """Corners of the copy on the original, clockwise in the copy from its upper left, as shares of its sides."""
        (a, b, c), (d, e, f) = self.transform
        first, second, third, fourth = (
            (a * x + b * y + c, d * x + e * y + f) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))
        )
        return first, second, third, fourth

    def turned(self) -> Match:
        """Say how the original lies on the copy."""
        (a, b, c), (d, e, f) = np.linalg.inv(np.array([*self.transform, (0.0, 0.0, 1.0)]))[:2].tolist()
        return replace(
            self,
            of_copy=self.of_original,
            of_original=self.of_copy,
            transform=((a, b, c), (d, e, f)),
            degrees=self.degrees if self.mirrored else -self.degrees,
        )


def in_words(match: Match) -> str:
    """Say what was done to the original: "mirrored, cropped to 61%, rotated 10 degrees"; shares are of its sides."""
    said = ["mirrored"] if match.mirrored else []
    if (kept := round(100 * match.of_original**0.5)) < 98:
        said.append(f"cropped to {kept}%")
    if degrees := abs(round(match.degrees)):
        said.append(f"rotated {degrees} degree{'s' if degrees > 1 else ''}")
    if (filled := round(100 * match.of_copy)) < 95:
        said.append(f"in {filled}% of the picture")
    return ", ".join(said) or WHOLE


def compared(copy: LocalFeatures, original: LocalFeatures) -> Match | None:
    """Find how a picture lies on one that it may be an edited copy of; None where it is not.

    Args:
        copy: Points of the picture that may be a copy; it is tried mirrored too, if it has the points for that.
        original: Points of the other one.
    """
    if min(len(copy), len(original)) < FEWEST:
        return None
    there = Side.of(original)
    found = [
        each
        for mirrored, pairs in _paired(copy, original)
        if (each := _match(copy, original, placed(Side.of(copy, mirrored=mirrored), there, pairs), mirrored=mirrored))
    ]
    return max(found, key=lambda match: match.inliers, default=None)


def _paired(copy: LocalFeatures, original: LocalFeatures) -> list[tuple[bool, Pairs]]:
    """Pair points that look alike, the most alike first: as they are, and those of the mirrored copy."""
    sides = [copy.descriptors] if copy.mirrored is None else [copy.descriptors, copy.mirrored]
    distances, nearest = _two_nearest(np.concatenate(sides), original.descriptors)
    pairs = []
    for number in range(len(sides)):
        rows = slice(number * len(copy), (number + 1) * len(copy))
        near, far = distances[rows].T
        kept = np.flatnonzero(near < RATIO * far)
        kept = kept[np.argsort(near[kept], kind="stable")]
        pairs.append((bool(number), each_once(np.stack([kept, nearest[rows][kept, 0]], axis=1))))
    return pairs


def _two_nearest(queries: NDArray[np.uint8], targets: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Find the two rows nearest to each query by the number of bits that differ."""
    import faiss

    index = faiss.IndexBinaryFlat(8 * targets.shape[1])
    index.add(targets)
    found: tuple[NDArray[np.int32], NDArray[np.int64]] = index.search(queries, 2)
    return found


def _match(copy: LocalFeatures, original: LocalFeatures, place: Placed | None, *, mirrored: bool) -> Match | None:
    """See whether the pictures agree where a transform lays them on one another, and say how they lie."""
    if place is None or place.inliers < (INLIERS if place.share < MOST else FEWEST):
        return None
    if place.share < SHARE * min(place.scale, 1 / place.scale) ** 2:
        return None
    plane = place.plane
    if mirrored:
        plane = plane @ np.array([[-1, 0, copy.size[0] - 1], [0, 1, 0], [0, 0, 1]])
    plane = _in_shares(plane, copy.size, original.size)
    if (agreed := agreement(copy.grey, original.grey, plane)) < AGREEMENT:
        return None
    affine = linear(plane, (0.5, 0.5))
    (a, b, c), (d, e, f) = affine.tolist()
    right, down = affine[:, 0] * original.size * (-1 if mirrored else 1)
    match = Match(
        inliers=place.inliers,
        agreement=agreed,
        of_copy=0,
        of_original=0,
        transform=((a, b, c), (d, e, f)),
        mirrored=mirrored,
        degrees=float(np.degrees(np.arctan2(down, right))) * (1 if mirrored else -1),
    )
    of_original = _overlap(match.frame)
    whole = abs(float(np.linalg.det(affine[:, :2])))
    return replace(match, of_original=of_original, of_copy=min(1.0, of_original / whole))


def _in_shares(plane: Floats, copy: tuple[int, int], original: tuple[int, int]) -> Floats:
    """Express a transform between pixels, by their centres, in shares of width and height."""
    into = np.array([[copy[0], 0, -0.5], [0, copy[1], -0.5], [0, 0, 1]])
    out = np.array([[1 / original[0], 0, 0.5 / original[0]], [0, 1 / original[1], 0.5 / original[1]], [0, 0, 1]])
    shares: Floats = out @ plane @ into
    return shares


def _overlap(frame: Quadrilateral) -> float:
    """Find how much of the original, a square of side 1, a frame covers: cut it along each side (Sutherland, Hodgman).

    OpenCV's intersection of convex polygons loses a corner where sides coincide, as those of a whole copy do.
    """
    corners = [complex(*corner) for corner in frame]
    for turn in (1, 1j, -1, -1j):
        # Turned about the middle of the square, what lies beyond its left side is cut off.
        places = [(corner - (0.5 + 0.5j)) * turn + 0.5 for corner in corners]
        corners = []
        for here, there in zip(places, places[1:] + places[:1], strict=True):
            if here.real >= 0:
                corners.append(here)
            if (here.real < 0) != (there.real < 0):
                corners.append(here + (there - here) * (here.real / (here.real - there.real)))
        corners = [(corner - 0.5) / turn + (0.5 + 0.5j) for corner in corners]
    area = sum((here.conjugate() * there).imag for here, there in zip(corners, corners[1:] + corners[:1], strict=True))
    return min(1.0, abs(area) / 2)
