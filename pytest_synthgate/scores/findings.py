"""Which images are flagged, by what, and which twin shows it: from links and probabilities.

Nothing is searched but what stands beside the images that a classifier gives away: none, where sets are honest.
Findings come worst first within each score; ties by digest, then id.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest

import numpy as np

from pytest_synthgate.features.matrix import FeatureMatrix, Floats, Indices
from pytest_synthgate.files.forms import ImageSide
from pytest_synthgate.scores.finding import Finding, Geometry
from pytest_synthgate.scores.fit import Probabilities
from pytest_synthgate.scores.geometry import in_words
from pytest_synthgate.scores.links import BY, GEOMETRY, NearDuplicates
from pytest_synthgate.scores.neighbourhood import nearest_rows
from pytest_synthgate.scores.realism import OBVIOUS
from pytest_synthgate.scores.verified import Verified

WITH_TWIN = 1_000
"""Images of a set that are shown beside the nearest of the other one; more are in no report."""


def copy_findings(synthetic: FeatureMatrix, real: FeatureMatrix, copies: NearDuplicates) -> tuple[Finding, ...]:
    """Show every unvaried and unoriginal image beside the twin that its flag stands on."""
    found = []
    for score, flags, others, twin_set in (
        ("unvaried", copies.unvaried, synthetic, "synthetic"),
        ("unoriginal", copies.unoriginal, real, "real"),
    ):
        twins = copies.twins[score]
        for row in np.flatnonzero(flags).tolist():
            twin = int(twins.row[row])
            digests = synthetic.digests[row], others.digests[twin]
            found.append(
                Finding(
                    image=synthetic.ids[row],
                    digest=digests[0],
                    image_set="synthetic",
                    score=score,
                    by=BY[twins.by[row]],
                    value=float(twins.distance[row]),
                    twin=others.ids[twin],
                    twin_set=twin_set,
                    twin_digest=digests[1],
                    cluster=int(copies.synthetic[row]),
                    joint_cluster=int(copies.joint[row]),
                    geometry=_geometry(copies.verified, *digests) if twins.by[row] == GEOMETRY else None,
                )
            )
    return tuple(sorted(found, key=lambda each: (each.score != "unvaried", each.value, each.digest, each.image)))


def _geometry(verified: Verified, picture: str, twin: str) -> Geometry | None:
    match = verified.how(picture, twin)
    return None if match is None else Geometry(match.inliers, match.agreement, in_words(match), match.frame)


def realism_findings(
    synthetic: FeatureMatrix, real: FeatureMatrix, copies: NearDuplicates, probabilities: Probabilities
) -> tuple[Finding, ...]:
    """Show the images that the classifier gives away, the worst 1,000 each beside the nearest of the other set.

    These are the synthetic images with P(synthetic) >= 0.9 (obviously fake) and the real ones with
    P(real) >= 0.9 (told from synthetic ones).
    """
    fake, missed = probabilities.synthetic.mean(axis=0), 1 - probabilities.real.mean(axis=0)
    sets = {"synthetic": synthetic, "real": real}
    return (
        *_given_away("unrealistic", fake, copies.synthetic, sets, "synthetic", "real"),
        *_given_away("unrepresentative", missed, copies.real, sets, "real", "synthetic"),
    )


def _given_away(
    score: str,
    confidence: Floats,
    clusters: Indices,
    sets: Mapping[str, FeatureMatrix],
    image_set: ImageSide,
    twin_set: ImageSide,
) -> list[Finding]:
    images, others = sets[image_set], sets[twin_set]
    rows = np.flatnonzero(confidence >= OBVIOUS)
    rows = rows[np.argsort(-confidence[rows], kind="stable")]  # rows of one confidence are in order already
    beside = nearest_rows(images.features[rows[:WITH_TWIN]], others.features).index[:, 0]
    return [
        Finding(
            image=images.ids[row],
            digest=images.digests[row],
            image_set=image_set,
            score=score,
            by="classifier",
            value=float(confidence[row]),
            twin=None if twin is None else others.ids[twin],
            twin_set=None if twin is None else twin_set,
            twin_digest=None if twin is None else others.digests[twin],
            cluster=int(clusters[row]),
        )
        for row, twin in zip_longest(rows.tolist(), beside.tolist())
    ]
