"""tau, below which two images are near-duplicates, found from the real set alone.

Fourth station of the flow (features -> scores), between the search of neighbours and the links.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pytest_synthgate.features.matrix import Distinct, FeatureMatrix, Features, Flags, Floats, Indices
from pytest_synthgate.scores.neighbourhood import Neighbours, nearest_rows
from pytest_synthgate.scores.pairs import apart

FACTOR = 0.13
"""Share of the median nearest-neighbour distance that counts as near: cleanlab's constant."""
TAU_RULE = "0.13 x median nearest-neighbour distance among real images, near-duplicates aside"
MOST_FALSE_ALARMS = 0.02
"""Share of real photos within tau of another above which tau is called too wide."""
LEAST_RECOGNISED = 0.5
"""Share of lightly edited real photos within tau of their original below which tau is called too narrow."""


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

    def warnings(self, recognised: Mapping[str, float]) -> tuple[str, ...]:
        """Say what a reader of tau should know, a line each.

        `recognised` is the share of lightly edited real photos within tau of their original, by edit.
        """
        found = [
            f"tau recognises only {share:.0%} of real photos after a light edit ({edit}): edited copies may pass"
            for edit, share in recognised.items()
            if share < LEAST_RECOGNISED
        ]
        if self.false_alarms > MOST_FALSE_ALARMS:
            found.insert(
                0,
                f"{self.false_alarms:.1%} of the distinct real images lie within tau of another: the real set repeats "
                "itself, or the encoder cannot tell its images apart",
            )
        return tuple(found)


def threshold_of(real: FeatureMatrix, same: Distinct, features: Features, listed: Neighbours) -> Threshold:
    """Find tau = 0.13 x the median nearest-neighbour distance among real images, near-duplicates set aside.

    tau decides what is set aside and what is set aside decides tau, so it descends from a value that is surely
    too large (0.13 x the largest distance among random pairs) until it no longer changes: the largest
    consistent tau, also when most of the real set shows one picture. Equal features are set aside first; with fewer
    than two distinct images tau is 0.
    """
    if len(features) < 2:
        return Threshold(0.0, 0.0, len(features), 0.0)
    rows = np.arange(len(features))
    tau = FACTOR * float(apart(features, features, rows, np.roll(rows, len(features) // 2)).max())
    while True:
        kept, distance = _set_aside(features, listed, tau)
        median = float(np.median(distance)) if len(distance) > 1 else 0.0
        if FACTOR * median >= tau:
            break
        tau = FACTOR * median or tau / 2
    # Two pictures that the encoder cannot tell apart are a false alarm, two files of one picture are not.
    pictures = same.group[np.unique(real.first_copies())]
    alone = np.bincount(pictures)[pictures] == 1
    return Threshold(
        tau, median, int(kept.sum()), float((np.where(alone, listed.distance[pictures, 0], 0.0) < tau).mean())
    )


def _set_aside(features: Features, listed: Neighbours, tau: float) -> tuple[Flags, Floats]:
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


def _nearest_kept(features: Features, listed: Neighbours, kept: Flags) -> tuple[Floats, Indices]:
    """Find each kept image's nearest kept neighbour: from its list, or by a search where the list ran out."""
    rows = np.flatnonzero(kept)
    usable = (listed.index[rows] >= 0) & kept[listed.index[rows]]
    position = usable.argmax(axis=1)
    distance, index = listed.distance[rows, position], listed.index[rows, position]
    exhausted = np.flatnonzero(~usable.any(axis=1))
    if len(exhausted):
        found = nearest_rows(features[rows[exhausted]], features[rows], 2)
        own = found.index[:, 0] == exhausted
        distance[exhausted] = np.where(own, found.distance[:, 1], found.distance[:, 0])
        index[exhausted] = rows[np.where(own, found.index[:, 1], found.index[:, 0])]
    return distance, index
