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
    """Give the mean (d,), the two leading axes (d, 2) and their shares of the variance.

    The axes are eigenvectors of the smaller of the two Gram matrices. One along which nothing varies is zero.
    """
    from scipy.linalg import eigh

    centre = sample.mean(axis=0)
    moved = sample - centre
    tall = len(moved) >= moved.shape[1]
    size = min(moved.shape)
    axes, shares = np.zeros((moved.shape[1], 2)), [0.0, 0.0]
    with computing():
        gram = moved.T @ moved if tall else moved @ moved.T
        total = float(np.trace(gram))
        powers, vectors = eigh(gram, subset_by_index=(max(0, size - 2), size - 1))
    for place, (power, vector) in enumerate(zip(powers[::-1], vectors.T[::-1], strict=True)):
        if power > total * size * np.finfo(np.float64).eps:
            axis = vector if tall else vector @ moved / np.sqrt(power)
            axes[:, place] = axis if axis[np.abs(axis).argmax()] > 0 else -axis
            shares[place] = float(power) / total
    return centre, axes, (shares[0], shares[1])
