"""Whether a picture is an edited copy of another one: points of both agree on a transform, and so do the pictures.

Part of the fourth station of the flow (features -> scores). Pure: points in, a match or nothing out. Points are paired
by the ratio of distances (Lowe 2004), and pairs that turn alike vote for a similarity (RANSAC, Fischler and Bolles
1981), which is refined to an affine transform. By it the pictures are laid on one another and correlated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pytest_synthgate.features.local import LEVEL, LocalFeatures

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]
Quadrilateral = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]

RATIO = 0.8
"""The nearest point has to be nearer than this share of the distance to the second nearest."""
INLIERS = 20
"""Fewest pairs of points that agree on a transform."""
AGREEMENT = 0.5
"""Least correlation of the pictures where they overlap."""
SCALES = (0.4, 2.5)
"""Least and largest scale of the transform, both pictures brought to a shorter side of 256 pixels."""
_SKEW = 1.6
"""Largest ratio of the two scales of the transform."""
_NEAR = 3.0
"""Pixels within which a transformed point has to lie from its partner."""
_TURN = 16
"""256ths of a full turn by which the turn of a pair may differ from that of most."""
_HYPOTHESES, _AT_ONCE = 512, 64
_APART = 10.0
"""Pixels between two points that a hypothesis is made from."""
_SURE = 1e-3
"""Chance to miss a transform, below which no more hypotheses are tried."""

_drawn = np.random.default_rng(0).random((_HYPOTHESES, 2))
"""The pairs that hypotheses are made from, as shares of their number: the same ones in every comparison."""


@dataclass(frozen=True, slots=True)
class Match:
    """How one picture lies on another.

    Attributes:
        inliers: Pairs of points that agree on the transform.
        agreement: Correlation of the two pictures where they overlap, from -1 to 1.
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


def in_words(match: Match) -> str:
    """Say what was done to the original: "mirrored, cropped to 61%, rotated 10 degrees"; shares are of its sides."""
    said = ["mirrored"] if match.mirrored else []
    if (kept := round(100 * match.of_original**0.5)) < 98:
        said.append(f"cropped to {kept}%")
    if degrees := abs(round(match.degrees)):
        said.append(f"rotated {degrees} degree{'s' if degrees > 1 else ''}")
    if (filled := round(100 * match.of_copy)) < 95:
        said.append(f"in {filled}% of the picture")
    return ", ".join(said) or "whole"


def compared(copy: LocalFeatures, original: LocalFeatures) -> Match | None:
    """Find how a picture lies on one that it may be an edited copy of; None where it is not.

    Args:
        copy: Points of the picture that may be a copy; it is tried mirrored too, if it has the points for that.
        original: Points of the other one.
    """
    if min(len(copy), len(original)) < INLIERS:
        return None
    found = [
        each
        for mirrored, pairs in _paired(copy, original)
        if (each := _placed(copy, original, pairs, mirrored=mirrored)) is not None
    ]
    return max(found, key=lambda match: match.inliers, default=None)


def _paired(copy: LocalFeatures, original: LocalFeatures) -> list[tuple[bool, NDArray[np.intp]]]:
    """Pair points that look alike, (k, 2) numbers of points in both pictures, best first, each point of them once."""
    sides = [copy.descriptors] if copy.mirrored is None else [copy.descriptors, copy.mirrored]
    distances, nearest = _two_nearest(np.concatenate(sides), original.descriptors)
    pairs = []
    for number in range(len(sides)):
        rows = slice(number * len(copy), (number + 1) * len(copy))
        near, far = distances[rows].T
        kept = np.flatnonzero(near < RATIO * far)
        kept = kept[np.argsort(near[kept], kind="stable")]
        targets = nearest[rows][kept, 0]
        _, first = np.unique(targets, return_index=True)
        first.sort()
        pairs.append((bool(number), np.stack([kept[first], targets[first]], axis=1)))
    return pairs


def _two_nearest(queries: NDArray[np.uint8], targets: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Find the two rows nearest to each query by the number of bits that differ."""
    import faiss

    index = faiss.IndexBinaryFlat(8 * targets.shape[1])
    index.add(targets)
    found: tuple[NDArray[np.int32], NDArray[np.int64]] = index.search(queries, 2)
    return found


def _placed(copy: LocalFeatures, original: LocalFeatures, pairs: NDArray[np.intp], *, mirrored: bool) -> Match | None:
    """Find the transform that most pairs agree on, and see whether the pictures agree too."""
    turns = original.turns[pairs[:, 1]] - (128 - copy.turns if mirrored else copy.turns)[pairs[:, 0]]
    pairs = pairs[_alike(turns)]
    if len(pairs) < INLIERS:
        return None
    here = _complex(copy.places[pairs[:, 0]])
    if mirrored:
        here = (copy.size[0] - 1) - here.conj()
    there = _complex(original.places[pairs[:, 1]])
    similarity = _voted(here, there)
    if similarity is None:
        return None
    coarse = np.stack([copy.levels[pairs[:, 0]], original.levels[pairs[:, 1]]]).max(axis=0)
    affine, inliers = _refined(here, there, similarity, LEVEL ** -coarse.astype(np.float64))
    if inliers < INLIERS:
        return None
    if mirrored:
        affine = np.stack([-affine[:, 0], affine[:, 1], affine[:, 2] + (copy.size[0] - 1) * affine[:, 0]], axis=1)
    relative = _between(affine, copy.size, original.size)
    agreement = _agreement(copy.grey, original.grey, relative)
    if agreement < AGREEMENT:
        return None
    across = -affine[:, 0] if mirrored else affine[:, 0]
    (a, b, c), (d, e, f) = relative.tolist()
    match = Match(
        inliers=inliers,
        agreement=agreement,
        of_copy=0,
        of_original=0,
        transform=((a, b, c), (d, e, f)),
        mirrored=mirrored,
        degrees=float(np.degrees(np.arctan2(across[1], across[0]))) * (1 if mirrored else -1),
    )
    of_original = _overlap(match.frame)
    whole = abs(float(np.linalg.det(relative[:, :2])))
    return replace(match, of_original=of_original, of_copy=min(1.0, of_original / whole))


def _overlap(frame: Quadrilateral) -> float:
    """Find how much of the original a frame covers."""
    import cv2

    original = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    area, _ = cv2.intersectConvexConvex(np.array(frame, np.float32), original)
    return min(1.0, float(area))


def _between(affine: Floats, copy: tuple[int, int], original: tuple[int, int]) -> Floats:
    """Express a transform between pixels of two pictures, by their centres, in shares of width and height."""
    into, out = np.diag([*copy, 1.0]), np.diag([1 / original[0], 1 / original[1]])
    into[:2, 2] = -0.5
    moved = affine @ into
    moved[:, 2] += 0.5
    shares: Floats = out @ moved
    return shares


def _complex(places: NDArray[np.float32]) -> Complex:
    return places[:, 0].astype(np.float64) + 1j * places[:, 1]


def _alike(turns: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Pick the pairs of points that turn as most do."""
    counts = np.bincount(turns, minlength=256)
    around = np.concatenate([counts[-_TURN:], counts, counts[:_TURN]])
    most = int(np.convolve(around, np.ones(2 * _TURN + 1, np.int64), "valid").argmax())
    off = (turns.astype(np.int64) - most + 128) % 256 - 128
    return np.flatnonzero(np.abs(off) <= _TURN)


def _voted(here: Complex, there: Complex) -> tuple[complex, complex] | None:
    """Find the similarity w = a z + b that most points agree on, from hypotheses of two pairs each."""
    count = len(here)
    first = (_drawn[:, 0] ** 1.5 * count).astype(np.intp)
    second = (first + 1 + (_drawn[:, 1] * (count - 1)).astype(np.intp)) % count
    apart, across = here[second] - here[first], there[second] - there[first]
    usable = np.minimum(np.abs(apart), np.abs(across)) >= _APART
    a = np.divide(across, apart, out=np.zeros_like(across), where=usable)
    size = np.abs(a)
    tried = np.flatnonzero(usable & (size >= SCALES[0]) & (size <= SCALES[1]))
    b = there[first] - a * here[first]
    best, most = None, 0
    for start in range(0, len(tried), _AT_ONCE):
        some = tried[start : start + _AT_ONCE]
        off = np.abs(a[some, None] * here + b[some, None] - there)
        votes = (off <= _NEAR * np.maximum(1, size[some, None])).sum(axis=1)
        top = int(votes.argmax())
        if votes[top] > most:
            most, best = int(votes[top]), some[top]
        if most >= INLIERS and (1 - (most / count) ** 2) ** (start + len(some)) < _SURE:
            break
    return None if best is None else (complex(a[best]), complex(b[best]))


def _refined(here: Complex, there: Complex, similarity: tuple[complex, complex], sharp: Floats) -> tuple[Floats, int]:
    """Fit an affine transform to the points that agree with a similarity; give it, (2, 3), and how many agree.

    A point that was found in a smaller picture is that much less sharp, and counts for less.
    """
    a, b = similarity
    affine = np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])
    known = np.stack([here.real, here.imag, np.ones(len(here))], axis=1)
    wanted = np.stack([there.real, there.imag], axis=1)
    agree = _agreeing(known, wanted, affine, 2 * _NEAR)
    best, most = affine, int(_agreeing(known, wanted, affine, _NEAR).sum())
    for _ in range(4):
        if agree.sum() < 6:
            break
        weight = sharp[agree, None]
        solved, *_ = np.linalg.lstsq(weight * known[agree], weight * wanted[agree], rcond=None)
        affine = np.asarray(solved.T, np.float64)
        large, less = np.linalg.svd(affine[:, :2], compute_uv=False)
        if large > SCALES[1] or less < SCALES[0] or large > _SKEW * less or np.linalg.det(affine[:, :2]) < 0:
            break
        agree = _agreeing(known, wanted, affine, _NEAR)
        if (count := int(agree.sum())) >= most:
            best, most = affine, count
    return best, most


def _agreeing(known: Floats, wanted: Floats, affine: Floats, near: float) -> NDArray[np.bool_]:
    scale = max(1.0, abs(float(np.linalg.det(affine[:, :2]))) ** 0.5)
    agreeing: NDArray[np.bool_] = np.linalg.norm(known @ affine.T - wanted, axis=1) <= near * scale
    return agreeing


def _agreement(copy: NDArray[np.uint8], original: NDArray[np.uint8], relative: Floats) -> float:
    """Lay small pictures on one another and correlate them where they overlap.

    The finer picture is laid on the coarser, blurred as much as it gets smaller.
    """
    import cv2

    fine, coarse = copy, original
    width, height = original.shape[::-1]
    small = np.diag([width, height]) @ relative @ np.diag([1 / copy.shape[1], 1 / copy.shape[0], 1.0])
    small[:, 2] += 0.5 * small[:, 0] + 0.5 * small[:, 1] - 0.5
    scale = abs(float(np.linalg.det(small[:, :2]))) ** 0.5
    if scale > 1:
        fine, coarse, scale = original, copy, 1 / scale
        small = cv2.invertAffineTransform(small)
    if scale < 0.9:
        fine = cv2.GaussianBlur(fine, (0, 0), 0.5 * (1 / scale**2 - 1) ** 0.5)
    size = coarse.shape[::-1]
    laid = cv2.warpAffine(fine, small, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.full_like(fine, 255), small, size, flags=cv2.INTER_LINEAR) > 250
    if inside.sum() < 64:
        return 0.0
    one, other = laid[inside].astype(np.float64), coarse[inside].astype(np.float64)
    one -= one.mean()
    other -= other.mean()
    power = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / power if power else 0.0
