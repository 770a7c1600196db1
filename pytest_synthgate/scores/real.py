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
from pytest_synthgate.features.matrix import FeatureMatrix, Indices
from pytest_synthgate.scores.blocks import Recall
from pytest_synthgate.scores.links import Links, links_within, near_duplicates
from pytest_synthgate.scores.neighbourhood import compared, listed_pairs, nearest_rows
from pytest_synthgate.scores.realism import realism
from pytest_synthgate.scores.score import Score
from pytest_synthgate.scores.searched import reach_of, searched
from pytest_synthgate.scores.threshold import Threshold, threshold_of
from pytest_synthgate.spec.model import Definition

Once = Callable[[str, Callable[[], Any]], Any]
"""Gives the JSON of a part by its name, made by that work when nobody has it."""

_LISTED = 6
"""Neighbours listed per real image before a further search is needed."""


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
        copies = near_duplicates(searched(*halves, self.threshold.tau), definition=definition)
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
    threshold = threshold_of(real, same, features, listed)
    reach, recall = reach_of(threshold.tau), listed.recall
    if recall is None:
        pairs = listed_pairs(features, listed, reach)
    else:  # lists with gaps do not tell where they end
        again = compared(features, reach=reach)
        pairs, recall = again.pairs, Recall.least(recall, again.recall)
    links = links_within(real, same, pairs)
    return {"threshold": asdict(threshold), "links": links.to_json(), "recall": recall and asdict(recall)}


def _halves(digests: tuple[str, ...]) -> tuple[Indices, Indices]:
    """Split by digest, so that order and names do not matter; exact copies may part."""
    seen: Counter[str] = Counter()
    left = np.zeros(len(digests), dtype=np.bool_)
    for row, digest in enumerate(digests):
        left[row] = hashlib.sha256(f"half{seen[digest]}:{digest}".encode()).digest()[0] % 2
        seen[digest] += 1
    return np.flatnonzero(left), np.flatnonzero(~left)
