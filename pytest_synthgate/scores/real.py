"""What depends on the real set alone: what counts as near on it, links among its images, and the yardstick.

Fourth station of the flow (features -> scores). Computed once for a real set and an encoder, and shared by all
synthetic sets that are judged against it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pytest_synthgate.errors import require
from pytest_synthgate.features.matrix import Distinct, FeatureMatrix, Features, Flags, Floats, Indices
from pytest_synthgate.scores.blocks import Recall
from pytest_synthgate.scores.links import Links, links_within, near_duplicates, reach_of
from pytest_synthgate.scores.neighbourhood import Neighbours, listed_pairs, nearest_rows
from pytest_synthgate.scores.pairs import distances
from pytest_synthgate.scores.realism import realism
from pytest_synthgate.scores.score import Score
from pytest_synthgate.spec.model import Definition

Once = Callable[[str, Callable[[], Any]], Any]
"""Gives the JSON of a part by its name, made by that work when nobody has it."""

FACTOR = 0.13
"""Share of the median nearest-neighbour distance that counts as near: cleanlab's constant."""
TAU_RULE = "0.13 x median nearest-neighbour distance among real images, near-duplicates aside"
MOST_FALSE_ALARMS = 0.02
"""Share of real photos within tau of another above which tau is called too wide."""
LEAST_RECOGNISED = 0.5
"""Share of lightly edited real photos within tau of their original below which tau is called too narrow."""
_LISTED = 6
"""Neighbours listed per real image before a further search is needed."""


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


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What one half of the real set scores against the other, and the rung that was reached."""

    scores: Mapping[str, Score]
    rung: int | None


@dataclass(frozen=True, slots=True)
class Reference:
    """A real set and what depends on it alone.

    Attributes:
        real: The real set.
        threshold: What counts as near on it.
        links: Near pairs among its images.
        once: Remembers the yardsticks.
        recall: What the search for them found of all; None where it was exact.
    """

    real: FeatureMatrix
    threshold: Threshold
    links: Links
    once: Once
    recall: Recall | None = None

    def yardstick(self, rung: int | None, definition: Definition) -> Yardstick:
        """Score one half of the real set against the other, at a rung or the largest below it that they reach."""
        found = self.once(f"yardstick {definition} {rung}", lambda: self._yardstick(rung, definition))
        return Yardstick({name: Score(*each) for name, each in found["scores"].items()}, found["rung"])

    def _yardstick(self, rung: int | None, definition: Definition) -> dict[str, Any]:
        left, right = _halves(self.real.digests)
        if not len(left) or not len(right):
            return {"scores": {}, "rung": None}
        halves = self.real.subset(left), self.real.subset(right)
        copies = near_duplicates(*halves, self.threshold.tau, definition=definition)
        told = realism(*halves, copies, definition, at_most=rung)
        scores = {**told.scores, **copies.scores()}
        return {
            "scores": {
                name: [each.value, each.low, each.high, each.n, each.effective] for name, each in scores.items()
            },
            "rung": told.rung,
        }


def reference(real: FeatureMatrix, once: Once | None = None) -> Reference:
    """Prepare a real set for comparisons.

    `once` keeps what depends on it alone beyond this process.

    Raises:
        MissingExtraError: What measures is not installed.
    """
    require("measuring", "measure", "sklearn", "cleanlab", "faiss")
    once = once or remembering()
    found = once("links", lambda: _prepared(real))
    recall = Recall(**found["recall"]) if found.get("recall") else None
    return Reference(real, Threshold(**found["threshold"]), Links.from_json(found["links"]), once, recall)


def remembering() -> Once:
    """Keep parts as long as this process lives."""
    known: dict[str, Any] = {}

    def once(part: str, work: Callable[[], Any]) -> Any:
        if part not in known:
            known[part] = work()
        return known[part]

    return once


def _prepared(real: FeatureMatrix) -> dict[str, Any]:
    same = real.distinct()
    features = same.of(real.features)
    listed = nearest_rows(features, features, _LISTED, same=True)
    threshold = _threshold(real, same, features, listed)
    links = links_within(real, same, listed_pairs(features, listed, reach_of(threshold.tau)))
    recall = listed.recall and asdict(listed.recall)
    return {"threshold": asdict(threshold), "links": links.to_json(), "recall": recall}


def _threshold(real: FeatureMatrix, same: Distinct, features: Features, listed: Neighbours) -> Threshold:
    """Find tau = 0.13 x the median nearest-neighbour distance among real images, near-duplicates set aside.

    tau decides what is set aside and what is set aside decides tau, so it descends from a value that is surely
    too large (0.13 x the largest distance among random pairs) until it no longer changes: the largest
    consistent tau, also when most of the real set shows one picture. Equal features are set aside first; with fewer
    than two distinct images tau is 0.
    """
    if len(features) < 2:
        return Threshold(0.0, 0.0, len(features), 0.0)
    tau = FACTOR * float(distances(features, np.roll(features, len(features) // 2, axis=0)).max())
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


def _halves(digests: tuple[str, ...]) -> tuple[Indices, Indices]:
    """Split by digest, so that order and names do not matter; exact copies may part."""
    seen: Counter[str] = Counter()
    left = np.zeros(len(digests), dtype=np.bool_)
    for row, digest in enumerate(digests):
        left[row] = hashlib.sha256(f"half{seen[digest]}:{digest}".encode()).digest()[0] % 2
        seen[digest] += 1
    return np.flatnonzero(left), np.flatnonzero(~left)
