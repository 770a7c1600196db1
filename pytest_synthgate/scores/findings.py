"""Which images are flagged, by what, and which twin shows it.

Findings come worst first within each score; ties by digest, then id.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pytest_synthgate.features.matrix import FeatureMatrix
from pytest_synthgate.scores.finding import Finding
from pytest_synthgate.scores.fit import Probabilities
from pytest_synthgate.scores.links import NearDuplicates
from pytest_synthgate.scores.neighbourhood import nearest
from pytest_synthgate.scores.realism import OBVIOUS

Flags = NDArray[np.bool_]
Indices = NDArray[np.int64]


def copy_findings(synthetic: FeatureMatrix, real: FeatureMatrix, copies: NearDuplicates) -> tuple[Finding, ...]:
    """Show every unvaried and unoriginal image beside its nearest twin."""
    return (
        *_beside_twins("unvaried", copies.unvaried, copies, synthetic, synthetic, "synthetic"),
        *_beside_twins("unoriginal", copies.unoriginal, copies, synthetic, real, "real"),
    )


def _beside_twins(
    score: str, flags: Flags, copies: NearDuplicates, images: FeatureMatrix, others: FeatureMatrix, twin_set: str
) -> list[Finding]:
    rows = np.flatnonzero(flags)
    found = nearest(images.features[rows], others.features, 2)
    itself = (images is others) & (found.index[:, 0] == rows)
    distance = np.where(itself, found.distance[:, 1], found.distance[:, 0])
    twin = np.where(itself, found.index[:, 1], found.index[:, 0])
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
            twin_digest=others.digests[twin[i]],
            cluster=int(copies.synthetic[row]),
            joint_cluster=int(copies.joint[row]),
        )
        for i, row in enumerate(rows.tolist())
    ]
    return sorted(findings, key=lambda each: (each.value, each.digest, each.image))


def realism_findings(
    synthetic: FeatureMatrix, real: FeatureMatrix, copies: NearDuplicates, probabilities: Probabilities
) -> tuple[Finding, ...]:
    """Show the images that the classifier gives away, each beside its nearest image of the other set.

    These are the synthetic images with P(synthetic) >= 0.9 (obviously fake) and the real ones with
    P(real) >= 0.9 (told from synthetic ones).
    """
    fake, missed = probabilities.synthetic.mean(axis=0), 1 - probabilities.real.mean(axis=0)
    return (
        *_given_away("unrealistic", fake, copies.synthetic, synthetic, "synthetic", real, "real"),
        *_given_away("unrepresentative", missed, copies.real, real, "real", synthetic, "synthetic"),
    )


def _given_away(
    score: str,
    confidence: NDArray[np.float64],
    clusters: Indices,
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
            twin_digest=others.digests[twin[i]],
            cluster=int(clusters[row]),
        )
        for i, row in enumerate(rows.tolist())
    ]
    return sorted(findings, key=lambda each: (-each.value, each.digest, each.image))
