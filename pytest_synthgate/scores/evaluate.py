"""Two sets of features in, one measurement out: the library's central call.

Fourth station of the flow (features -> scores): everything that was found is put together here, once.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import metadata
from typing import Any, get_args

from numpy.typing import ArrayLike

from pytest_synthgate.errors import SourceError, SpecError
from pytest_synthgate.features.matrix import FeatureMatrix, feature_matrix
from pytest_synthgate.scores.blocks import Recall
from pytest_synthgate.scores.finding import Finding, Origin, Unreadable, with_origins
from pytest_synthgate.scores.findings import copy_findings, realism_findings
from pytest_synthgate.scores.groups import Axis, breakdown
from pytest_synthgate.scores.links import NearDuplicates, near_duplicates
from pytest_synthgate.scores.measurement import REVISION, Contents, Measurement
from pytest_synthgate.scores.projection import projected
from pytest_synthgate.scores.real import Reference, Yardstick, reference
from pytest_synthgate.scores.realism import realism
from pytest_synthgate.scores.searched import searched
from pytest_synthgate.scores.threshold import TAU_RULE
from pytest_synthgate.scores.verified import Look, Verified
from pytest_synthgate.spec.model import Definition

DRAWN = 200
"""Findings of every score that the map shows for certain."""

VERSIONED = (
    *("torch", "openvino", "open_clip_torch", "timm", "numpy"),
    *("scipy", "scikit-learn", "faiss-cpu", "cleanlab", "pillow"),
)
"""Distributions that a number may depend on in its last digits; their versions are recorded."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of both sets beside their features; no score depends on it.

    Attributes:
        origins: What the sources know of an image, by set and id.
        unreadable: Files of both sets that could not be decoded.
        recognised: Share of lightly edited real photos within tau of their original, by edit; None without photos.
        fingerprint: What the features were computed by, and edited copies found.
        recorded: What they were computed on.
        warnings: What else a reader of the numbers should know, a line each.
    """

    origins: Mapping[tuple[str, str], Origin] = field(default_factory=dict)
    unreadable: tuple[Unreadable, ...] = ()
    recognised: Mapping[str, float] | None = None
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    recorded: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def evaluate(
    real: ArrayLike,
    synthetic: ArrayLike,
    real_ids: Sequence[str] | None = None,
    synthetic_ids: Sequence[str] | None = None,
    definition: Definition = "balanced",
) -> Measurement:
    """Score synthetic embeddings against real ones, of any modality.

    Args:
        real: (n, d) numbers; rows are normalised to unit length.
        synthetic: (m, d) numbers from the same encoder.
        real_ids: n unique names; row numbers when absent.
        synthetic_ids: m unique names; row numbers when absent.
        definition: "balanced", or "studio" for Cleanlab Studio's numbers.

    Returns:
        Scores with 95% intervals, findings and what they were derived from; the same for any order of rows.

    Raises:
        SourceError: An array is not a matrix of finite, non-zero rows, is empty, or the widths differ.
        SpecError: No such definition.

    Example:
        >>> import numpy as np
        >>> from pytest_synthgate import evaluate
        >>> rng = np.random.default_rng(0)
        >>> measurement = evaluate(rng.normal(size=(200, 16)), rng.normal(size=(100, 16)))
        >>> 0.4 < measurement.scores["unrealistic"].value < 0.6
        True
    """
    return score_sets(
        reference(feature_matrix(real, real_ids, name="real")),
        feature_matrix(synthetic, synthetic_ids, name="synthetic"),
        definition=definition,
    )


def score_sets(
    against: Reference,
    synthetic: FeatureMatrix,
    *,
    definition: Definition = "balanced",
    axes: Mapping[str, Axis] | None = None,
    facts: Facts | None = None,
    look: Look | None = None,
    yardstick: bool = True,
    at_most: int | None = None,
) -> Measurement:
    """Score one synthetic set against a prepared real set.

    Args:
        against: The real set.
        synthetic: The synthetic set, from the same encoder.
        definition: "balanced" or "studio".
        axes: What to break the scores down by.
        facts: What to say of the two sets beside what is computed here.
        look: Looks for edited copies among the nearest pictures; None where only features are compared.
        yardstick: Whether to score the halves of the real set as well, and to draw the map of both sets.
        at_most: Largest rung to fit; only that one, or the next smaller that both sides reach, is fitted then.

    Raises:
        SourceError: A set is empty, or the widths differ.
        SpecError: No such definition.
    """
    facts = facts or Facts()
    real = against.real
    if definition not in get_args(Definition):
        raise SpecError(f"unknown definition {definition!r}; one of {', '.join(get_args(Definition))}")
    for name, each in (("real", real), ("synthetic", synthetic)):
        if len(each) == 0:
            raise SourceError(f"the {name} set holds no readable image; scores need at least one on each side")
    if real.features.shape[1] != synthetic.features.shape[1]:
        raise SourceError(
            f"real vectors have {real.features.shape[1]} numbers and synthetic ones {synthetic.features.shape[1]}; "
            "use one encoder for both"
        )
    copies = copies_among(against, synthetic, definition, look)
    recall = Recall.least(against.recall, copies.recall)
    told = realism(synthetic, real, copies, definition, at_most)
    halves = against.yardstick(told.rung, definition) if yardstick else Yardstick({}, None)
    # What tau misses matters where it is alone.
    alone = {} if look is not None and copies.verified.sees_most else facts.recognised or {}
    findings = (
        *copy_findings(synthetic, real, copies),
        *(realism_findings(synthetic, real, copies, told.fit) if told.fit else ()),
    )
    return Measurement(
        n_real=len(real),
        n_synthetic=len(synthetic),
        representatives=copies.representatives(),
        scores={**told.scores, **copies.scores()},
        rung=told.rung,
        rungs=told.rungs,
        errors=told.errors,
        yardstick=halves.scores,
        yardstick_rung=halves.rung,
        threshold={
            **asdict(against.threshold),
            "rule": TAU_RULE,
            **({} if facts.recognised is None else {"recognised": facts.recognised}),
        },
        breakdown=breakdown(axes or {}, synthetic, real, copies, told.fit),
        findings=with_origins(findings, facts.origins),
        unreadable=facts.unreadable,
        projection=projected(real, synthetic, _worst(findings)) if yardstick else None,
        contents=Contents.of(real.digests, synthetic.digests),
        fingerprint={**facts.fingerprint, "definition": definition, "tau": TAU_RULE, "revision": REVISION},
        recorded={
            **facts.recorded,
            "libraries": dict(libraries()),
            **({} if recall is None else {"recall": asdict(recall)}),
            **({} if look is None else {"edited_copies": copies.verified.counts()}),
        },
        warnings=(
            *(() if recall is None else (str(recall),)),
            *(() if facts.recognised is None else against.threshold.warnings(alone)),
            *copies.verified.warnings(),
            *facts.warnings,
        ),
    )


def copies_among(
    against: Reference, synthetic: FeatureMatrix, definition: Definition = "balanced", look: Look | None = None
) -> NearDuplicates:
    """Find the near-duplicates of a synthetic set within itself and among real images; `look` looks for edited ones."""
    found = searched(synthetic, against.real, against.threshold.tau, listed=look.listed if look else 0)
    return near_duplicates(found, against.links, definition, look.verify(found) if look else Verified())


@cache
def libraries() -> Mapping[str, str]:
    """Give the versions of Python and of the installed libraries, without importing one."""
    versions = {"python": platform.python_version()}
    for name in VERSIONED:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def _worst(findings: Sequence[Finding]) -> Iterator[tuple[str, str]]:
    """Name the worst images of every score by set and id; findings come worst first."""
    seen: Counter[str] = Counter()
    for each in findings:
        if seen[each.score] < DRAWN:
            seen[each.score] += 1
            yield each.image_set, each.image
