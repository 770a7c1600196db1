"""Both sets in two dimensions: the picture of the features that reports draw, and a fair sample of each set.

Part of the measurement because it needs the features, which reports do not have; no score depends on it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

import numpy as np

from pytest_synthgate.features.matrix import FeatureMatrix, Floats, Indices
from pytest_synthgate.scores.measurement import Projection
from pytest_synthgate.scores.threads import computing

DRAWN_AT_RANDOM = 1_000
"""Images of each set that are drawn, flagged ones aside."""


def projected(
    real: FeatureMatrix, synthetic: FeatureMatrix, flagged: Iterable[tuple[str, str]], most: int = DRAWN_AT_RANDOM
) -> Projection:
    """Project both sets on the two principal components of equally large samples of them.

    Equal samples, so that the plane does not turn with the ratio of the sets; the sign of an axis is such that its
    largest loading is positive. The same images give the same plane in any order. `flagged` names set ("synthetic" or
    "real") and id of images that are placed whether the sample has them or not; `most` is what the sample of a set may
    have.
    """
    orders = {"synthetic": _shuffled(synthetic), "real": _shuffled(real)}
    matrices = {"synthetic": synthetic, "real": real}
    equal = min(most, len(real), len(synthetic))
    sample = np.concatenate([matrices[side].features[order[:equal]] for side, order in orders.items()])
    centre, axes, variance = _plane(sample.astype(np.float64))
    wanted = list(flagged)
    points: dict[str, dict[str, tuple[float, float]]] = {}
    for side, matrix in matrices.items():
        row_of = {image: row for row, image in enumerate(matrix.ids)}
        rows = list(
            dict.fromkeys([*orders[side][:most].tolist(), *(row_of[image] for of, image in wanted if of == side)])
        )
        places = (matrix.features[rows].astype(np.float64) - centre) @ axes
        points[side] = {matrix.ids[row]: (float(x), float(y)) for row, (x, y) in zip(rows, places, strict=True)}
    return Projection(variance, points["synthetic"], points["real"])


def _shuffled(matrix: FeatureMatrix) -> Indices:
    """Order by a hash of the digest: random, and the same for any order of rows and whatever the names.

    Each copy of a picture is hashed with its number, or all copies would come in a row.
    """
    seen: Counter[str] = Counter()
    keys = []
    for row, digest in enumerate(matrix.digests):
        keys.append((hashlib.sha256(f"map{seen[digest]}:{digest}".encode()).digest(), row))
        seen[digest] += 1
    return np.array([row for _, row in sorted(keys)], dtype=np.int64)


def _plane(sample: Floats) -> tuple[Floats, Floats, tuple[float, float]]:
    """Give the mean (d,), the two leading axes (d, 2) and their shares of the variance."""
    centre = sample.mean(axis=0)
    with computing():
        _, strengths, rows = np.linalg.svd(sample - centre, full_matrices=False)
    rows, strengths = rows[:2], strengths**2
    total = float(strengths.sum()) or 1.0
    largest = np.abs(rows).argmax(axis=1)
    signs = np.where(rows[np.arange(len(rows)), largest] < 0, -1.0, 1.0)
    axes = np.zeros((sample.shape[1], 2))
    axes[:, : len(rows)] = (rows * signs[:, None]).T
    first, second = (*(float(each) / total for each in strengths[:2]), 0.0, 0.0)[:2]
    return centre, axes, (first, second)
