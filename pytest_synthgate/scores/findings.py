"""Which images are flagged, by what, and which twin shows it.

Findings come worst first within each score; ties by digest, then id.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pytest_synthgate.features.matrix import FeatureMatrix
from pytest_synthgate.scores.classifier import Probabilities
from pytest_synthgate.scores.copies import NearDuplicates
from pytest_synthgate.scores.measurement import Finding
from pytest_synthgate.scores.neighbours import nearest
from pytest_synthgate.scores.realism import OBVIOUS

Indices = NDArray[np.int64]


def copy_findings(synthetic: FeatureMatrix, real: FeatureMatrix, copies: NearDuplicates) -> tuple[Finding, ...]:
    """Show every unvaried and unoriginal image beside its nearest twin."""
    return (
        *_beside_twins("unvaried", np.flatnonzero(copies.unvaried), synthetic, synthetic, "synthetic"),
        *_beside_twins("unoriginal", np.flatnonzero(copies.unoriginal), synthetic, real, "real"),
    )


def _beside_twins(
    score: str, rows: Indices, images: FeatureMatrix, others: FeatureMatrix, twin_set: str
) -> list[Finding]:
    same = images is others
    found = nearest(images.features[rows], others.features, 2)
    second = same & (found.index[:, 0] == rows)
    pick = second.astype(np.int64)
    each = np.arange(len(rows))
    distance, twin = found.distance[each, pick], found.index[each, pick]
    findings = [
        Finding(
            image=images.ids[row],
            digest=images.digests[row],
            image_set="synthetic",
            score=score,
            by="exact" if images.digests[row] == others.digests[twin[i]] else "features",
            value=float(distance[i]),
            twin=others.ids[twin[i]],
            twin_set=twin_set,
        )
        for i, row in enumerate(rows.tolist())
    ]
    return sorted(findings, key=lambda each: (each.value, each.digest, each.image))


def realism_findings(
    synthetic: FeatureMatrix, real: FeatureMatrix, probabilities: Probabilities
) -> tuple[Finding, ...]:
    """Show the images that the classifier gives away, each beside its nearest image of the other set.

    These are the synthetic images with P(synthetic) >= 0.9 (obviously fake) and the real ones with
    P(real) >= 0.9 (nothing synthetic looks like them).
    """
    return (
        *_given_away("unrealistic", probabilities.synthetic.mean(axis=0), synthetic, "synthetic", real, "real"),
        *_given_away("unrepresentative", 1 - probabilities.real.mean(axis=0), real, "real", synthetic, "synthetic"),
    )


def _given_away(
    score: str,
    confidence: NDArray[np.float64],
    images: FeatureMatrix,
    image_set: str,
    others: FeatureMatrix,
    twin_set: str,
) -> list[Finding]:
    rows = np.flatnonzero(confidence >= OBVIOUS)
    twin = nearest(images.features[rows], others.features).index[:, 0]
    findings = [
        Finding(
            image=images.ids[row],
            digest=images.digests[row],
            image_set=image_set,
            score=score,
            by="classifier",
            value=float(confidence[row]),
            twin=others.ids[twin[i]],
            twin_set=twin_set,
        )
        for i, row in enumerate(rows.tolist())
    ]
    return sorted(findings, key=lambda each: (-each.value, each.digest, each.image))
