"""Points of two pictures -> the transform that takes many of the one to points of the other that look alike.

Part of the fourth station of the flow (features -> scores), below the geometry. Pairs that turn alike vote for a
similarity (RANSAC, Fischler and Bolles 1981). It is refined to an affine transform, and to a projective one where that
fits more points, by all points that lie where it says: many of them look like several others, and had no partner.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_synthgate.features.local import LEVEL, LocalFeatures

Floats = NDArray[np.float64]
Pairs = NDArray[np.intp]

INLIERS = 20
"""Fewest pairs of points that agree on a transform."""
SCALES = (0.4, 2.5)
"""Least and largest scale of the transform, both pictures brought to a shorter side of 256 pixels."""
_SEEDS = 10
"""Fewest pairs that vote for the similarity at first, each the only one of its look."""
_SKEW, _BENT = 1.6, 0.5
"""Largest ratio of the two scales of the transform, and largest change of it from the middle to 256 pixels away."""
_NEAR, _FAR = 3.0, 6.0
"""Pixels from its partner within which a transformed point agrees, and within which it is fitted to it."""
_ALIKE = 64
"""Bits of 256 in which points that are fitted may differ."""
_TURN = 16
"""256ths of a full turn by which the turn of a pair may differ from that of most."""
_HYPOTHESES, _AT_ONCE = 512, 64
_APART = 10.0
"""Pixels between the two points that a hypothesis is made from."""
_SURE = 1e-3
"""Chance to miss a transform, below which no more hypotheses are tried."""
_MIDDLE, _UNIT = 128.0, 256.0
"""Pixels by which places are moved and divided, so that a fit is well conditioned."""

_drawn = np.random.default_rng(0).random((_HYPOTHESES, 2))
"""The pairs that hypotheses are made from, as shares of their number: the same ones in every comparison."""


@dataclass(frozen=True, slots=True)
class Side:
    """Points of one picture, as the geometry looks at them.

    Attributes:
        size: Width and height of the picture, in pixels.
        places: float64 (k, 2), in pixels.
        turns: uint8 (k,), in 256ths of a full turn.
        blur: float64 (k,), pixels of the picture in one of that in which the point was found.
        bits: uint64 (k, 4).
    """

    size: tuple[int, int]
    places: Floats
    turns: NDArray[np.uint8]
    blur: Floats
    bits: NDArray[np.uint64]

    @classmethod
    def of(cls, features: LocalFeatures, *, mirrored: bool = False) -> Side:
        """Take the points of a picture, or of its mirror image."""
        places, turns, bits = features.places.astype(np.float64), features.turns, features.descriptors
        if mirrored and features.mirrored is not None:
            places = places * [-1, 1] + [features.size[0] - 1, 0]
            turns, bits = 128 - turns, features.mirrored
        blur = LEVEL ** features.levels.astype(np.float64)
        return cls(features.size, places, turns, blur, np.ascontiguousarray(bits).view(np.uint64))


@dataclass(frozen=True, slots=True)
class Placed:
    """How one picture lies on another.

    Attributes:
        plane: float64 (3, 3), the transform from places of the copy to places of the original, in pixels.
        inliers: Pairs of points that agree on it.
        share: That number as a share of the points that either picture has where they overlap, the fewer of both.
        scale: How much larger the copy is on the original.
    """

    plane: Floats
    inliers: int
    share: float
    scale: float


def placed(copy: Side, original: Side, pairs: Pairs) -> Placed | None:
    """Find the transform that most pairs of points agree on, and how many points agree with it in all.

    Args:
        copy: Points of one picture.
        original: Points of the other one.
        pairs: Numbers of points in both that look alike, (k, 2), the most alike first, each point of the original once.
    """
    pairs = pairs[_turning_alike(copy, original, pairs)]
    if len(pairs) < _SEEDS:
        return None
    similarity = _voted(copy.places[pairs[:, 0]], original.places[pairs[:, 1]])
    if similarity is None:
        return None
    seeds = pairs[_off(similarity, copy, original, pairs) <= _NEAR]
    if len(seeds) < _SEEDS:
        return None
    plane, inliers = _refined(copy, original, similarity, seeds)
    there = min(_within(plane, copy, original), _within(np.linalg.inv(plane).astype(np.float64), original, copy))
    return Placed(plane, inliers, inliers / max(there, inliers), _scale(plane))


def moved(plane: Floats, places: Floats) -> Floats:
    """Apply a transform, (3, 3), to places, (k, 2)."""
    taken = places @ plane[:, :2].T + plane[:, 2]
    found: Floats = taken[:, :2] / taken[:, 2:]
    return found


def linear(plane: Floats, place: tuple[float, float]) -> Floats:
    """Give the affine transform, (2, 3), that is like a projective one around a place."""
    taken = plane @ [*place, 1.0]
    there = taken[:2] / taken[2]
    slopes = (plane[:2, :2] - np.outer(there, plane[2, :2])) / taken[2]
    return np.column_stack([slopes, there - slopes @ place])


def _within(plane: Floats, points: Side, other: Side) -> int:
    """Count the points that lie on the other picture."""
    there = moved(plane, points.places)
    return int(((there >= 0) & (there <= other.size)).all(axis=1).sum())


def _turning_alike(copy: Side, original: Side, pairs: Pairs) -> Pairs:
    """Pick the pairs of points that turn as most do."""
    turns = original.turns[pairs[:, 1]] - copy.turns[pairs[:, 0]]
    counts = np.bincount(turns, minlength=256)
    around = np.concatenate([counts[-_TURN:], counts, counts[:_TURN]])
    most = int(np.convolve(around, np.ones(2 * _TURN + 1, np.int64), "valid").argmax())
    return np.flatnonzero(_turn_between(turns, most) <= _TURN)


def _turn_between(turns: NDArray[np.uint8], other: int) -> NDArray[np.int64]:
    between: NDArray[np.int64] = np.abs((turns.astype(np.int64) - other + 128) % 256 - 128)
    return between


def _voted(places: Floats, others: Floats) -> Floats | None:
    """Find the similarity w = a z + b that most points agree on, from hypotheses of two pairs each."""
    here, there = (each[:, 0] + 1j * each[:, 1] for each in (places, others))
    count = len(here)
    first = (_drawn[:, 0] ** 1.5 * count).astype(np.intp)  # the most alike more often
    second = (first + 1 + (_drawn[:, 1] * (count - 1)).astype(np.intp)) % count
    apart, across = here[second] - here[first], there[second] - there[first]
    usable = np.minimum(np.abs(apart), np.abs(across)) >= _APART
    a = np.divide(across, apart, out=np.zeros_like(across), where=usable)
    size = np.abs(a)
    b = there[first] - a * here[first]
    tried = np.flatnonzero(usable & (size >= SCALES[0]) & (size <= SCALES[1]))
    best, most = None, 0
    for start in range(0, len(tried), _AT_ONCE):
        some = tried[start : start + _AT_ONCE]
        off = np.abs(a[some, None] * here + b[some, None] - there)
        votes = (off <= _NEAR * np.maximum(1, size[some, None])).sum(axis=1)
        top = int(votes.argmax())
        if votes[top] > most:
            most, best = int(votes[top]), some[top]
        if most >= _SEEDS and (1 - (most / count) ** 2) ** (start + len(some)) < _SURE:
            break
    if best is None:
        return None
    real, imaginary, right, down = a[best].real, a[best].imag, b[best].real, b[best].imag
    return np.array([[real, -imaginary, right], [imaginary, real, down], [0, 0, 1]])


def _refined(copy: Side, original: Side, plane: Floats, pairs: Pairs) -> tuple[Floats, int]:
    """Fit affine transforms and then projective ones, each to all points that lie where the one before says."""
    best, most = plane, len(pairs)
    for projective in (False, False, True, True):
        if len(pairs) < (4 * INLIERS if projective else _SEEDS):
            break
        plane = _fitted(copy, original, pairs, projective=projective)
        if not _sound(plane):
            break
        pairs = _around(copy, original, plane)
        count = int((_off(plane, copy, original, pairs) <= _NEAR).sum())
        if count >= (1.1 * most if projective else most):  # three more numbers fit a few points more by chance
            best, most = plane, count
    return best, most


def _fitted(copy: Side, original: Side, pairs: Pairs, *, projective: bool) -> Floats:
    """Fit a transform to pairs of points by least squares, those found in smaller pictures counting for less."""
    one, other = ((side.places[pairs[:, end]] - _MIDDLE) / _UNIT for end, side in enumerate((copy, original)))
    weight = 1 / np.maximum(copy.blur[pairs[:, 0]], original.blur[pairs[:, 1]])
    rows = np.zeros((len(pairs), 2, 8 if projective else 6))
    for axis in (0, 1):
        rows[:, axis, 3 * axis : 3 * axis + 2] = one
        rows[:, axis, 3 * axis + 2] = 1
    if projective:
        rows[:, :, 6:] = -other[:, :, None] * one[:, None, :]
    rows *= weight[:, None, None]
    solved, *_ = np.linalg.lstsq(rows.reshape(-1, rows.shape[2]), (other * weight[:, None]).ravel(), rcond=None)
    plane = np.append(solved, [1.0] if projective else [0.0, 0.0, 1.0]).reshape(3, 3)
    into = np.array([[1, 0, -_MIDDLE], [0, 1, -_MIDDLE], [0, 0, _UNIT]]) / _UNIT
    out = np.array([[_UNIT, 0, _MIDDLE], [0, _UNIT, _MIDDLE], [0, 0, 1]])
    found: Floats = out @ plane @ into
    return found


def _sound(plane: Floats) -> bool:
    """Say whether a transform is one that an edit may be: no mirror, of no extreme scale, skew or bend."""
    slopes = linear(plane, (_MIDDLE, _MIDDLE))[:, :2]
    large, less = np.linalg.svd(slopes, compute_uv=False)
    middle = abs(plane[2] @ [_MIDDLE, _MIDDLE, 1])
    bent = float(np.abs(plane[2, :2]).max()) * _UNIT
    return bool(
        np.linalg.det(slopes) > 0
        and large <= SCALES[1]
        and less >= SCALES[0]
        and large <= _SKEW * less
        and bent <= _BENT * middle
    )


def _off(plane: Floats, copy: Side, original: Side, pairs: Pairs) -> Floats:
    """Give how far points are from their partners, in pixels of the coarser picture."""
    off = moved(plane, copy.places[pairs[:, 0]]) - original.places[pairs[:, 1]]
    return np.hypot(off[:, 0], off[:, 1]) / max(1.0, _scale(plane))


def _scale(plane: Floats) -> float:
    return math.sqrt(abs(float(np.linalg.det(linear(plane, (_MIDDLE, _MIDDLE))[:, :2]))))


def _around(copy: Side, original: Side, plane: Floats) -> Pairs:
    """Pair all points that lie near where a transform takes them, turn as it does and look alike, each of them once."""
    slopes = linear(plane, (_MIDDLE, _MIDDLE))
    there, near = moved(plane, copy.places), _FAR * max(1.0, _scale(plane))
    order = np.argsort(original.places[:, 0], kind="stable")
    right = original.places[order, 0]
    start, end = np.searchsorted(right, there[:, 0] - near), np.searchsorted(right, there[:, 0] + near, side="right")
    here = np.repeat(np.arange(len(there)), end - start)
    partner = order[np.arange(len(here)) + np.repeat(end - np.cumsum(end - start), end - start)]
    close = np.abs(there[here, 1] - original.places[partner, 1]) <= near
    here, partner = here[close], partner[close]
    turn = round(float(np.arctan2(slopes[1, 0] - slopes[0, 1], slopes[0, 0] + slopes[1, 1])) * 128 / np.pi)
    alike = np.flatnonzero(_turn_between(original.turns[partner] - copy.turns[here], turn) <= _TURN)
    here, partner = here[alike], partner[alike]
    differing = np.bitwise_count(copy.bits[here] ^ original.bits[partner]).sum(axis=1)
    order = np.argsort(differing, kind="stable")[: int((differing <= _ALIKE).sum())]
    return each_once(np.stack([here[order], partner[order]], axis=1))


def each_once(pairs: Pairs) -> Pairs:
    """Keep of pairs in an order the first of each point of either side."""
    for end in (0, 1):
        _, first = np.unique(pairs[:, end], return_index=True)
        pairs = pairs[np.sort(first)]
    return pairs
