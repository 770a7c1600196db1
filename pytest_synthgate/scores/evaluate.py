"""Two sets of features in, one measurement out: the library's central call.

The real set's own part (threshold, yardstick) is a value that several synthetic sets can share.
"""

from __future__ import annotations

import hashlib
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib import metadata
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from pytest_synthgate.errors import SourceError, require
from pytest_synthgate.features.matrix import FeatureMatrix, feature_matrix
from pytest_synthgate.kinds import CLASSIFIED, MEANS
from pytest_synthgate.scores.contents import Contents
from pytest_synthgate.scores.finding import Finding, Origin, Unreadable, with_origins
from pytest_synthgate.scores.findings import copy_findings, realism_findings
from pytest_synthgate.scores.fit import (
    Probabilities,
    Side,
    balanced_probabilities,
    raw_probabilities,
    sides,
)
from pytest_synthgate.scores.groups import Axis, breakdown
from pytest_synthgate.scores.links import TAU_RULE, Threshold, duplicate_threshold, near_duplicates
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.scores.projection import project
from pytest_synthgate.scores.realism import realism_errors, realism_scores, rungs_within
from pytest_synthgate.scores.score import Score
from pytest_synthgate.scores.studio import studio_flags
from pytest_synthgate.scores.uncertainty import rate_of_pairs, share

REVISION = 1
"""Raised whenever the same features would get other scores."""

DRAWN = 200
"""Findings of every score that the map shows for certain."""

LIBRARIES = ("torch", "open_clip_torch", "timm", "numpy", "scipy", "scikit-learn", "faiss-cpu", "cleanlab", "pillow")
"""Distributions that a number may depend on in its last digits; their versions are recorded."""

Definition = Literal["balanced", "studio"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reference:
    """A real set and what depends on it alone, computed once for all synthetic sets judged against it.

    Attributes:
        real: The real set.
        threshold: What counts as near on it.
        yardsticks: Measurement of one half against the other, by rung and definition, filled as they are asked for.
    """

    real: FeatureMatrix
    threshold: Threshold
    yardsticks: dict[tuple[int | None, Definition], Measurement | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of both sets beside their features; no score depends on it.

    Attributes:
        origins: What the sources know of an image, by set and id.
        unreadable: Files of both sets that could not be decoded.
        recognised: Share of lightly edited real photos within tau of their original, by edit; None without photos.
        fingerprint: What the features were computed by.
        recorded: What they were computed on.
        warnings: What a reader of the numbers should know, one line each.
    """

    origins: Mapping[tuple[str, str], Origin] = field(default_factory=dict)
    unreadable: tuple[Unreadable, ...] = ()
    recognised: Mapping[str, float] | None = None
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    recorded: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def reference(real: FeatureMatrix) -> Reference:
    """Prepare a real set for comparisons.

    Raises:
        MissingExtraError: What measures is not installed.
    """
    require("measuring", "measure", "faiss", "sklearn", "cleanlab")
    return Reference(real, duplicate_threshold(real))


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

    Example:
        >>> import numpy as np
        >>> from pytest_synthgate import evaluate
        >>> rng = np.random.default_rng(0)
        >>> measurement = evaluate(rng.normal(size=(200, 16)), rng.normal(size=(100, 16)))
        >>> 0.4 < measurement.scores["unrealistic"].value < 0.6
        True
    """
    return compare(
        reference(feature_matrix(real, real_ids, name="real")),
        feature_matrix(synthetic, synthetic_ids, name="synthetic"),
        definition=definition,
    )


def compare(
    against: Reference,
    synthetic: FeatureMatrix,
    *,
    definition: Definition = "balanced",
    axes: Mapping[str, Axis] | None = None,
    facts: Facts | None = None,
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
        yardstick: Whether to score the halves of the real set as well, and to draw the map of both sets.
        at_most: Largest rung to fit; only that one, or the next smaller that both sides reach, is fitted then.

    Raises:
        SourceError: A set is empty, or the widths differ.
    """
    facts = facts or Facts()
    real, tau = against.real, against.threshold.tau
    for name, each in (("real", real), ("synthetic", synthetic)):
        if len(each) == 0:
            raise SourceError(f"the {name} set holds no readable image; scores need at least one on each side")
    if real.features.shape[1] != synthetic.features.shape[1]:
        raise SourceError(
            f"real vectors have {real.features.shape[1]} numbers and synthetic ones {synthetic.features.shape[1]}; "
            "use one encoder for both"
        )
    copies = near_duplicates(synthetic, real, tau)
    if definition == "studio":
        flags = studio_flags(copies.joint, np.arange(len(copies.joint)) < len(synthetic))
        copies = replace(copies, unvaried=flags.unvaried, unoriginal=flags.unoriginal)
    pair = sides(synthetic, real, (copies.synthetic, copies.real), copies.joint)
    representatives = {"real": int(copies.real.max()) + 1, "synthetic": int(copies.synthetic.max()) + 1}
    sizes = rungs_within(min(representatives.values()))
    if at_most is not None:
        sizes = tuple(size for size in sizes if size <= at_most)[-1:]
    fits = _fits(pair, sizes, definition)
    rung = max(fits, default=None)
    by_rung = {size: realism_scores(fit, *pair) for size, fit in fits.items()}
    errors = {size: realism_errors(fit, *pair) for size, fit in fits.items()}
    best_fit = fits[rung] if rung is not None else None
    clusters = copies.joint[: len(synthetic)]
    halves = _yardstick(against, rung, definition) if yardstick else None
    findings = (
        *copy_findings(synthetic, real, copies),
        *(realism_findings(synthetic, real, copies, best_fit) if best_fit else ()),
    )
    return Measurement(
        n_real=len(real),
        n_synthetic=len(synthetic),
        representatives=representatives,
        scores={
            **(by_rung[rung] if rung is not None else dict.fromkeys(CLASSIFIED, Score(None))),
            "unvaried": share(copies.unvaried, clusters),
            "unoriginal": share(copies.unoriginal, clusters),
            "collision_rate": rate_of_pairs(copies.synthetic, copies.pairs),
        },
        rung=rung or None,
        rungs={} if definition == "studio" else _by_score(by_rung, CLASSIFIED),
        errors={} if definition == "studio" else _by_score(errors, MEANS),
        yardstick=halves.scores if halves else {},
        yardstick_rung=halves.rung if halves else None,
        threshold={
            **asdict(against.threshold),
            "rule": TAU_RULE,
            **({} if facts.recognised is None else {"recognised": facts.recognised}),
        },
        breakdown=breakdown(axes or {}, synthetic, real, copies, best_fit),
        findings=with_origins(findings, facts.origins),
        unreadable=facts.unreadable,
        projection=project(real, synthetic, _worst(findings)) if yardstick else None,
        contents=Contents.of(real.digests, synthetic.digests),
        fingerprint={**facts.fingerprint, "definition": definition, "tau": TAU_RULE, "revision": REVISION},
        recorded={**facts.recorded, "libraries": dict(libraries())},
        warnings=facts.warnings,
    )


@cache
def libraries() -> Mapping[str, str]:
    """Give the versions of Python and of the installed libraries, without importing one."""
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
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


def _fits(pair: tuple[Side, Side], sizes: Sequence[int], definition: Definition) -> dict[int, Probabilities]:
    """Fit at every rung; the unbalanced definition has one fit, filed under 0."""
    if definition == "studio":
        fits = {0: raw_probabilities(*pair)}
    else:
        fits = {size: balanced_probabilities(*pair, size) for size in sizes}
    return {size: fit for size, fit in fits.items() if fit is not None}


def _by_score(by_rung: Mapping[int, Mapping[str, T]], names: Iterable[str]) -> dict[str, dict[str, T]]:
    return {name: {str(rung): found[name] for rung, found in sorted(by_rung.items())} for name in names}


def _yardstick(against: Reference, rung: int | None, definition: Definition) -> Measurement | None:
    """Score one half of the real set against the other, at the rung asked for or the largest that they reach."""
    if (rung, definition) not in against.yardsticks:
        left, right = _halves(against.real)
        against.yardsticks[rung, definition] = (
            compare(replace(against, real=right), left, definition=definition, yardstick=False, at_most=rung)
            if len(left) and len(right)
            else None
        )
    return against.yardsticks[rung, definition]


def _halves(real: FeatureMatrix) -> tuple[FeatureMatrix, FeatureMatrix]:
    """Split by digest, so that order and names do not matter; exact copies may part."""
    seen: Counter[str] = Counter()
    left = np.zeros(len(real), dtype=np.bool_)
    for row, digest in enumerate(real.digests):
        left[row] = hashlib.sha256(f"half{seen[digest]}:{digest}".encode()).digest()[0] % 2
        seen[digest] += 1
    return real.subset(np.flatnonzero(left)), real.subset(np.flatnonzero(~left))
