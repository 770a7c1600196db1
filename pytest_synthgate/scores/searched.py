"""A synthetic and a real set searched once: the near pairs, and at any distance the pairs that deserve a closer look.

Fourth station of the flow (features -> scores), between the search and the links.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pytest_synthgate.features.matrix import Distinct, FeatureMatrix
from pytest_synthgate.scores.blocks import Recall
from pytest_synthgate.scores.neighbourhood import Nearness, Neighbours, compared
from pytest_synthgate.scores.pairs import RowPairs

_EXACT = 1e-9
"""Reach that finds equal features even where tau is 0."""


@dataclass(frozen=True, slots=True)
class PairsOfSets:
    """Pairs within the synthetic set, the lower row first, and pairs of a synthetic and a real row."""

    within: RowPairs
    between: RowPairs


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search of S to S and of S to R found, so that synthetic twins never hide a real one.

    Attributes:
        synthetic: The synthetic set.
        real: The real set.
        reach: Cosine distance below which two images are near.
        made: The distinct features of the synthetic set; what was found is numbered by them.
        photos: Those of the real set.
        within: Synthetic ones against one another.
        between: Synthetic ones against real ones.
    """

    synthetic: FeatureMatrix
    real: FeatureMatrix
    reach: float
    made: Distinct
    photos: Distinct
    within: Nearness
    between: Nearness

    @property
    def recall(self) -> Recall | None:
        """What the search found of all; None where it was exact."""
        return Recall.least(self.within.recall, self.between.recall)

    def candidates(self) -> PairsOfSets:
        """Pair each synthetic image with those of its listed neighbours that are not near.

        Exact copies are one picture, the first of them, on either side.
        """
        within, between = (self._listed(each.forth) for each in (self.within, self.between))
        ends = self.made.rows[self.made.group[within.a]], self.made.rows[within.b]
        low, high = np.minimum(*ends), np.maximum(*ends)
        pairs = np.unique(np.stack([low, high], axis=1), axis=0)
        return PairsOfSets(RowPairs(pairs[:, 0], pairs[:, 1]), RowPairs(between.a, self.photos.rows[between.b]))

    def _listed(self, nearest: Neighbours) -> RowPairs:
        """Pair the first copy of each synthetic picture with the distinct features listed for it, near ones aside."""
        rows = np.unique(self.synthetic.first_copies())
        own = self.made.group[rows]
        at, place = np.nonzero((nearest.index[own] >= 0) & (nearest.distance[own] >= self.reach))
        return RowPairs(rows[at], nearest.index[own[at], place])


def searched(synthetic: FeatureMatrix, real: FeatureMatrix, tau: float, listed: int = 0) -> Searched:
    """Search two sets in canonical order for what is nearer than tau, and list the nearest at any distance.

    `listed` is how many of them, among the images of different features.
    """
    reach = reach_of(tau)
    made, photos = synthetic.distinct(), real.distinct()
    rows, targets = made.of(synthetic.features), photos.of(real.features)
    return Searched(
        synthetic,
        real,
        reach,
        made,
        photos,
        within=compared(rows, reach=reach, weights=made.counts, listed=listed),
        between=compared(rows, targets, reach=reach, listed=listed),
    )


def reach_of(tau: float) -> float:
    """Widen tau so that equal features are near whatever it is."""
    return max(tau, _EXACT)
