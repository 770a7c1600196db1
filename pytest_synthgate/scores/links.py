"""Near-duplicates: the distance that counts as near, the pairs below it, the clusters they form.

A pair is near when its digests are equal (equal digests have equal features), or its cosine distance is below
tau. A geometric check of further candidates would add its pairs to the same links.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_synthgate.features.matrix import FeatureMatrix
from pytest_synthgate.scores.neighbourhood import Components, Neighbours, distances, near_pairs, nearest

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]

FACTOR = 0.13
"""Share of the median nearest-neighbour distance that counts as near: cleanlab's constant."""
TAU_RULE = "0.13 x median nearest-neighbour distance among real images, near-duplicates aside"
_LISTED = 16
"""Neighbours listed per real image before a further search is needed."""
_EXACT = 1e-9
"""Reach that finds equal features even where tau is 0."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """What counts as near on this real set.

    Attributes:
        tau: Cosine distance below which two images are near-duplicates, 0 to 2.
        median: Median nearest-neighbour distance that tau was derived from.
        kept: Real images it was taken over, near-duplicates set aside.
        false_alarms: Share of distinct real images with another within tau, 0 to 1.
    """

    tau: float
    median: float
    kept: int
    false_alarms: float


def duplicate_threshold(real: FeatureMatrix) -> Threshold:
    """Find tau = 0.13 x the median nearest-neighbour distance among real images, near-duplicates set aside.

    tau decides what is set aside and what is set aside decides tau, so it descends from a value that is surely
    too large (0.13 x the largest distance among random pairs) until it no longer changes: the largest
    consistent tau, also when most of the real set shows one picture. Exact copies are set aside first.

    Args:
        real: The real set; with fewer than two distinct images tau is 0.
    """
    first = [row for row in range(len(real)) if row == 0 or real.digests[row] != real.digests[row - 1]]
    features = real.features[first]
    if len(features) < 2:
        return Threshold(0.0, 0.0, len(features), 0.0)
    listed = nearest(features, features, _LISTED, same=True)
    tau = FACTOR * float(distances(features, np.roll(features, len(features) // 2, axis=0)).max())
    while True:
        kept, distance = _set_aside(features, listed, tau)
        median = float(np.median(distance)) if len(distance) > 1 else 0.0
        if FACTOR * median >= tau:
            break
        tau = FACTOR * median or tau / 2
    return Threshold(tau, median, int(kept.sum()), float((listed.distance[:, 0] < tau).mean()))


def _set_aside(features: NDArray[np.float32], listed: Neighbours, tau: float) -> tuple[Flags, NDArray[np.float64]]:
    """Drop images within tau of a kept one, round by round, until no kept pair is near.

    Returns:
        Which images are kept, and the distance of each kept one to its nearest kept neighbour.
    """
    kept = np.ones(len(features), dtype=np.bool_)
    while True:
        distance, index = _nearest_kept(features, listed, kept)
        rows = np.flatnonzero(kept)
        dropped = rows[(distance < tau) & (index < rows)]
        if len(dropped) == 0:
            return kept, distance
        kept[dropped] = False


def _nearest_kept(
    features: NDArray[np.float32], listed: Neighbours, kept: Flags
) -> tuple[NDArray[np.float64], Indices]:
    """Find each kept image's nearest kept neighbour: from its list, or by a search where the list ran out."""
    rows = np.flatnonzero(kept)
    usable = (listed.index[rows] >= 0) & kept[listed.index[rows]]
    position = usable.argmax(axis=1)
    distance, index = listed.distance[rows, position], listed.index[rows, position]
    exhausted = np.flatnonzero(~usable.any(axis=1))
    if len(exhausted):
        found = nearest(features[rows[exhausted]], features[rows], 2)
        own = found.index[:, 0] == exhausted
        distance[exhausted] = np.where(own, found.distance[:, 1], found.distance[:, 0])
        index[exhausted] = rows[np.where(own, found.index[:, 1], found.index[:, 0])]
    return distance, index


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Near-duplicates within and between a synthetic and a real set.

    Attributes:
        unvaried: bool (n_synthetic,), has a near-duplicate among the synthetic images.
        unoriginal: bool (n_synthetic,), has one among the real images.
        synthetic: Cluster label within the synthetic set, per image.
        real: Cluster label within the real set, per image.
        joint: Cluster label over both sets, synthetic images first.
        pairs: Near pairs of two synthetic images.
    """

    unvaried: Flags
    unoriginal: Flags
    synthetic: Indices
    real: Indices
    joint: Indices
    pairs: int


def near_duplicates(synthetic: FeatureMatrix, real: FeatureMatrix, tau: float) -> NearDuplicates:
    """Link all near pairs: S to S, S to R, R to R, so that synthetic twins never hide a real one.

    Args:
        synthetic: The synthetic set, in canonical order.
        real: The real set, in canonical order.
        tau: Cosine distance below which two images are near.
    """
    n = len(synthetic)
    within_synthetic, within_real, joint = Components(n), Components(len(real)), Components(n + len(real))
    unvaried, unoriginal = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    pairs = 0
    reach = max(tau, _EXACT)
    for a, b in near_pairs(synthetic.features, synthetic.features, reach):
        apart = a != b
        unvaried[a[apart]] = True
        unvaried[b[apart]] = True
        pairs += int((a < b).sum())
        within_synthetic.link(a, b)
        joint.link(a, b)
    for a, b in near_pairs(real.features, real.features, reach):
        within_real.link(a, b)
        joint.link(a + n, b + n)
    for a, b in near_pairs(synthetic.features, real.features, reach):
        unoriginal[a] = True
        joint.link(a, b + n)
    return NearDuplicates(unvaried, unoriginal, within_synthetic.labels(), within_real.labels(), joint.labels(), pairs)
