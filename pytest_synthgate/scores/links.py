"""Near-duplicates as links: what joins two images, and the clusters, flags and twins that follow.

Fourth station of the flow (features -> scores), between the search and all that is said about copies: nothing behind
it searches. Exact copies are one item to the search, and pairs of pictures that were verified are links like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_synthgate.features.matrix import Distinct, FeatureMatrix, Flags, Floats, Indices
from pytest_synthgate.scores.blocks import Recall
from pytest_synthgate.scores.neighbourhood import compared
from pytest_synthgate.scores.pairs import RowPairs, apart
from pytest_synthgate.scores.score import Score
from pytest_synthgate.scores.searched import Searched
from pytest_synthgate.scores.uncertainty import rate_of_pairs, share
from pytest_synthgate.scores.verified import Verified
from pytest_synthgate.spec.model import Definition

EXACT, FEATURES, GEOMETRY, CHAIN = range(4)
BY = ("exact", "features", "geometry", "chain")
"""What found a twin, by number: equal pixels, near features, the places in both pictures, links through others."""


_NONE = Verified()


@dataclass(frozen=True, slots=True)
class Links:
    """Links between numbered images, as columns: the nearest of each image, and all that it takes to join clusters.

    Attributes:
        a: One image of each link.
        b: The other one.
        distance: Their cosine distance.
        by: What found it, a number of `BY`.
    """

    a: Indices
    b: Indices
    distance: Floats
    by: NDArray[np.int8]

    @classmethod
    def of(cls, a: Indices, b: Indices, distance: Floats | float, by: int) -> Links:
        """Make links of what was found the same way."""
        return cls(a, b, np.full(len(a), distance), np.full(len(a), by, dtype=np.int8))

    @classmethod
    def together(cls, *several: Links) -> Links:
        """Put links together, each once, from the lower number to the higher one, in order."""
        every = cls.in_a_row(*several)
        a, b = np.minimum(every.a, every.b), np.maximum(every.a, every.b)
        order = np.lexsort((every.by, b, a))
        order = order[(np.diff(a[order], prepend=-1) > 0) | (np.diff(b[order], prepend=-1) != 0)]
        return cls(a[order], b[order], every.distance[order], every.by[order])

    @classmethod
    def in_a_row(cls, *several: Links) -> Links:
        """Put links one after another."""
        columns = zip(*((each.a, each.b, each.distance, each.by) for each in several), strict=True)
        return cls(*map(np.concatenate, columns))

    def both_ways(self) -> Links:
        """Have each link from either end."""
        return Links.in_a_row(self, Links(self.b, self.a, self.distance, self.by))

    def renumbered(self, a: Indices, b: Indices) -> Links:
        """Give other numbers to both ends."""
        return Links(a[self.a], b[self.b], self.distance, self.by)

    def clusters(self, n: int) -> Indices:
        """Label the connected components of n images 0, 1, ... by their first member."""
        from scipy.sparse.csgraph import connected_components

        labels: Indices = connected_components(self._graph(n), directed=False)[1].astype(np.int64)
        return labels

    def sources(self, n: int, first: int) -> Indices:
        """Give for each of n images that of the images from `first` on which the fewest links lead to."""
        from scipy.sparse.csgraph import dijkstra

        ends = np.arange(first, n)
        *_, found = dijkstra(self._graph(n), directed=False, indices=ends, min_only=True, return_predecessors=True)
        sources: Indices = found.astype(np.int64)
        return sources

    def _graph(self, n: int) -> Any:
        from scipy.sparse import coo_array

        return coo_array((1 + self.distance, (self.a, self.b)), shape=(n, n))

    def to_json(self) -> dict[str, Any]:
        """Give the plain JSON form, which loses nothing."""
        return {name: getattr(self, name).tolist() for name in ("a", "b", "distance", "by")}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Links:
        """Read the plain JSON form."""
        a, b = (np.array(raw[name], dtype=np.int64) for name in ("a", "b"))
        return cls(a, b, np.array(raw["distance"], dtype=np.float64), np.array(raw["by"], dtype=np.int8))


def links_within(matrix: FeatureMatrix, same: Distinct, pairs: RowPairs) -> Links:
    """Link the images of one set: copies to the first of them, and the first of each kind as a search found it.

    `same` are the distinct images of the set, `pairs` near pairs among those.
    """
    copy_of, leader, rows = matrix.first_copies(), same.rows[same.group], np.arange(len(matrix))
    exact, equal = np.flatnonzero(copy_of != rows), np.flatnonzero((copy_of == rows) & (leader != rows))
    return Links.together(
        Links.of(copy_of[exact], exact, 0.0, EXACT),
        Links.of(leader[equal], equal, 0.0, FEATURES),
        _linked(matrix, matrix, RowPairs(same.rows[pairs.a], same.rows[pairs.b]), FEATURES),
    )


def _linked(one: FeatureMatrix, other: FeatureMatrix, pairs: RowPairs, by: int) -> Links:
    return Links.of(pairs.a, pairs.b, apart(one.features, other.features, pairs.a, pairs.b), by)


@dataclass(frozen=True, slots=True)
class Twins:
    """The nearest linked image of each synthetic one.

    Attributes:
        row: Its row in its set, -1 for none.
        distance: Cosine distance to it.
        by: What found it, a number of `BY`.
    """

    row: Indices
    distance: Floats
    by: NDArray[np.int8]

    @classmethod
    def of(cls, links: Links, n: int) -> Twins:
        """Take for each of n images at the first end of links the nearest one at the other end, exact copies first."""
        order = np.lexsort((links.b, links.by, links.distance, links.a))
        order = order[np.diff(links.a[order], prepend=-1) > 0]
        found = cls(np.full(n, -1, dtype=np.int64), np.full(n, np.inf), np.zeros(n, dtype=np.int8))
        at = links.a[order]
        found.row[at], found.distance[at], found.by[at] = links.b[order], links.distance[order], links.by[order]
        return found


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
        twins: Per score the image beside each flagged one that its flag stands on.
        verified: What a closer look at pairs of pictures found.
        recall: What the search found of all; None where it was exact.
    """

    unvaried: Flags
    unoriginal: Flags
    synthetic: Indices
    real: Indices
    joint: Indices
    pairs: int
    twins: Mapping[str, Twins] = field(default_factory=dict)
    verified: Verified = _NONE
    recall: Recall | None = None

    def representatives(self) -> dict[str, int]:
        """Count the images that are left of each set when near-duplicates count once."""
        return {"real": int(self.real.max()) + 1, "synthetic": int(self.synthetic.max()) + 1}

    def scores(self) -> dict[str, Score]:
        """Give the shares of flagged images, and that of near pairs."""
        clusters = self.joint[: len(self.synthetic)]
        return {
            "unvaried": share(self.unvaried, clusters),
            "unoriginal": share(self.unoriginal, clusters),
            "collision_rate": rate_of_pairs(self.synthetic, self.pairs),
        }


def near_duplicates(
    found: Searched,
    within_real: Links | None = None,
    definition: Definition = "balanced",
    verified: Verified = _NONE,
) -> NearDuplicates:
    """Link all near pairs, S to S, S to R and R to R, and those that a closer look verified.

    `within_real` are the links among the real images, where they are known; `studio_flags` tells what "studio" flags.
    """
    synthetic, real, made, photos = found.synthetic, found.real, found.made, found.photos
    n, edited = len(synthetic), verified.within
    within = Links.together(
        links_within(synthetic, made, found.within.pairs), _linked(synthetic, synthetic, edited, GEOMETRY)
    )
    if within_real is None:
        within_real = links_within(real, photos, compared(photos.of(real.features), reach=found.reach).pairs)
    between = Links.in_a_row(
        _nearest_between(found), _linked(synthetic, real, _with_copies(verified.between, synthetic), GEOMETRY)
    )
    joining = found.between.pairs
    numbers = np.arange(n + len(real))
    joint = Links.together(
        within,
        between.renumbered(numbers, numbers[n:]),
        _linked(synthetic, real, RowPairs(made.rows[joining.a], photos.rows[joining.b]), FEATURES).renumbered(
            numbers, numbers[n:]
        ),
        within_real.renumbered(numbers[n:], numbers[n:]),
    )
    clusters = joint.clusters(len(numbers))
    twins = {"unvaried": Twins.of(within.both_ways(), n), "unoriginal": Twins.of(between, n)}
    flags = {name: each.row >= 0 for name, each in twins.items()}
    if definition == "studio":
        flags = dict(zip(flags, studio_flags(clusters, numbers < n), strict=True))
        chained = np.flatnonzero(flags["unoriginal"] & (twins["unoriginal"].row < 0))
        ends = joint.sources(len(numbers), n)[chained] - n
        distance = apart(synthetic.features, real.features, chained, ends)
        twins["unoriginal"] = Twins.of(Links.in_a_row(between, Links.of(chained, ends, distance, CHAIN)), n)
    counts = made.counts
    return NearDuplicates(
        **flags,
        synthetic=within.clusters(n),
        real=within_real.clusters(len(real)),
        joint=clusters,
        pairs=found.within.near
        + int((counts * (counts - 1) // 2).sum() + counts[made.group[edited.a]] @ counts[made.group[edited.b]]),
        twins=twins,
        verified=verified,
        recall=found.recall,
    )


def _nearest_between(found: Searched) -> Links:
    """Link each synthetic image to the first exact copy of it and to the nearest image in the real set."""
    synthetic, real, group = found.synthetic, found.real, found.made.group
    nearest, distance = (each[group, 0] for each in (found.between.forth.index, found.between.forth.distance))
    first = {digest: row for row, digest in reversed([*enumerate(real.digests)])}
    copies = [(row, first[digest]) for row, digest in enumerate(synthetic.digests) if digest in first]
    a, b = np.array(copies, dtype=np.int64).reshape(-1, 2).T
    near = np.flatnonzero(distance < found.reach)
    exact = Links.of(a, b, 0.0, EXACT)
    return Links.in_a_row(exact, Links.of(near, found.photos.rows[nearest[near]], distance[near], FEATURES))


def _with_copies(pairs: RowPairs, matrix: FeatureMatrix) -> RowPairs:
    """Have each pair of a first copy from every copy of it."""
    if not len(pairs.a):
        return pairs
    copies: dict[int, list[int]] = {}
    for row, first in enumerate(matrix.first_copies().tolist()):
        copies.setdefault(first, []).append(row)
    every = [(row, b) for a, b in zip(pairs.a.tolist(), pairs.b.tolist(), strict=True) for row in copies[a]]
    a, b = np.array(every, dtype=np.int64).T
    return RowPairs(a, b)


def studio_flags(components: Indices, is_synthetic: Flags) -> tuple[Flags, Flags]:
    """Flag the synthetic images by what else is in their component, as Cleanlab Studio does.

    A component that holds a real image makes all its synthetic members unoriginal and none unvaried, also
    those that reach the real image only through other synthetic ones. Agrees with `score_synthetic_dataset` of
    cleanlab-studio 2.5.21.

    Args:
        components: int64 (n,), one label per image of both sets, equal for the images of one near-duplicate
            component; an image without a near-duplicate is alone under its label.
        is_synthetic: bool (n,), which of the images are synthetic.

    Returns:
        Which synthetic images are unvaried and which are unoriginal, in their order, none both; the means are the
        scores.
    """
    _, component = np.unique(components, return_inverse=True)
    size = np.bincount(component)
    holds_real = np.bincount(component[~is_synthetic], minlength=len(size)) > 0
    of_synthetic = component[is_synthetic]
    unoriginal = holds_real[of_synthetic]
    return ~unoriginal & (size[of_synthetic] > 1), unoriginal
