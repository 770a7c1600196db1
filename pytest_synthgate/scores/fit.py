"""How surely a classifier calls each image synthetic: out-of-fold probabilities.

Definition `balanced`: both sides are drawn to one size n0, one image per near-duplicate cluster, and twins
never straddle folds, so that a perfect generator scores 0.5 at any ratio of the sizes. Definition `studio`
fits on all images as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pytest_synthgate.features.matrix import FeatureMatrix, Features, Floats, Indices
from pytest_synthgate.scores.threads import computing

RUNGS = (30, 50, 100, 200, 500, 1000, 2000)
"""Sizes a side that scores are compared at; a score grows with n0, so it only means something at a rung."""
FOLDS = 5
STRENGTHS = tuple(0.3 * 10 ** (step / 3) for step in range(10))
"""Inverse regularisation strengths, 0.3 to 300, to choose from by out-of-fold log-loss.

Whole decades are too coarse: the choice then jumps from sample to sample and the scores jump with it (standard
deviation 0.030 instead of 0.019 at n0 = 200 on Gaussians one deviation apart, a 95% interval covering 56%).
"""
_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Examples:
    """One set as the classifier sees it.

    Attributes:
        features: float32 (n, d), unit norm.
        digests: n content digests.
        clusters: Near-duplicate cluster within the set, per image.
        marks: uint64 hash of the smallest digest in each image's joint cluster, the same for all of a cluster.
    """

    features: Features
    digests: tuple[str, ...]
    clusters: Indices
    marks: NDArray[np.uint64]
    _orders: dict[int, Indices] = field(default_factory=dict, repr=False, compare=False)

    def order(self, draw: int) -> Indices:
        """Shuffle the near-duplicate clusters: one row of each, the same for every number that is drawn.

        A cluster is ranked by the hash of its smallest digest, whatever its size; its image by the hash of its own.
        """
        if draw not in self._orders:
            image: dict[int, tuple[int, int]] = {}
            rank: dict[int, str] = {}
            for row, (label, digest) in enumerate(zip(self.clusters.tolist(), self.digests, strict=True)):
                rank[label] = min(digest, rank.get(label, digest))
                image[label] = min((_hash(f"image{draw}", digest), row), image.get(label, (1 << 64, row)))
            ranked = sorted(rank, key=lambda label: _hash(f"draw{draw}", rank[label]))
            self._orders[draw] = np.array([image[label][1] for label in ranked], dtype=np.int64)
        return self._orders[draw]

    def folds(self, draw: int) -> Indices:
        """Deal the joint clusters into folds, independently for each draw: one digit of the mark to base 5."""
        return (self.marks // np.uint64(FOLDS**draw) % np.uint64(FOLDS)).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Probabilities:
    """Out-of-fold P(synthetic) of every image of both sets, drawn or not.

    Attributes:
        synthetic: float64 (draws, n_synthetic).
        real: float64 (draws, n_real).
        learned_from: Near-duplicate clusters a side that any draw learned from, synthetic and real, but for the
            fifth that each model leaves out as its fold.
    """

    synthetic: Floats
    real: Floats
    learned_from: tuple[float, float]


def sides(
    synthetic: FeatureMatrix, real: FeatureMatrix, within: tuple[Indices, Indices], joint: Indices
) -> tuple[Examples, Examples]:
    """Mark the images of both sets by the smallest digest of their joint near-duplicate cluster.

    Twins so share a fold, the order of the images never matters, and a new image moves no other cluster. `within` holds
    the cluster labels within either set, `joint` those over both, synthetic images first.
    """
    digests = synthetic.digests + real.digests
    smallest: dict[int, str] = {}
    for label, digest in zip(joint.tolist(), digests, strict=True):
        smallest[label] = min(digest, smallest.get(label, digest))
    mark_of = {label: _hash("fold", digest) for label, digest in smallest.items()}
    marks = np.array([mark_of[label] for label in joint.tolist()], dtype=np.uint64)
    n = len(synthetic)
    return (
        Examples(synthetic.features, synthetic.digests, within[0], marks[:n]),
        Examples(real.features, real.digests, within[1], marks[n:]),
    )


def representatives(side: Examples, draw: int, size: int) -> Indices:
    """Draw `size` near-duplicate clusters without replacement, and one image of each.

    Returns:
        Rows of the side, in order, at most one per cluster.
    """
    return np.sort(side.order(draw)[:size])


def balanced_probabilities(synthetic: Examples, real: Examples, size: int) -> Probabilities | None:
    """Fit on `size` representatives a side, several draws, and predict every image out of fold.

    `size` is n0, at most the clusters of either side.

    Returns:
        One row of probabilities per draw, or None when the joint clusters leave a fold without both kinds to
        learn from. Draws differ in their images, where there are more than `size`, and in their folds.
    """
    draws = max(2, min(5, 2500 // size))
    drawn = [(representatives(synthetic, draw, size), representatives(real, draw, size)) for draw in range(draws)]
    return _out_of_fold(synthetic, real, drawn)


def raw_probabilities(synthetic: Examples, real: Examples) -> Probabilities | None:
    """Fit on all images as they are (definition `studio`), and predict each out of fold."""
    return _out_of_fold(synthetic, real, [(np.arange(len(synthetic.marks)), np.arange(len(real.marks)))], weight=None)


def _out_of_fold(
    synthetic: Examples, real: Examples, drawn: Sequence[tuple[Indices, Indices]], weight: str | None = "balanced"
) -> Probabilities | None:
    """Predict every image by the model of its fold, one row per draw; each draw chooses its own strength."""
    with computing() as pool:
        samples = [_Sample.of(synthetic, real, rows, draw, weight) for draw, rows in enumerate(drawn)]
        if not all(sample.can_be_learned() for sample in samples):
            return None
        fitted, step = [], 0
        for sample in samples:
            step, models = _climb(sample, pool, step)
            fitted.append(models)
        return Probabilities(
            np.stack([_predict(synthetic.features, synthetic.folds(draw), each) for draw, each in enumerate(fitted)]),
            np.stack([_predict(real.features, real.folds(draw), each) for draw, each in enumerate(fitted)]),
            (_learned_from(synthetic, [rows for rows, _ in drawn]), _learned_from(real, [rows for _, rows in drawn])),
        )


def _learned_from(side: Examples, drawn: Sequence[Indices]) -> float:
    return len(np.unique(side.clusters[np.concatenate(drawn)])) * (FOLDS - 1) / FOLDS


def _climb(sample: _Sample, pool: ThreadPoolExecutor, start: int) -> tuple[int, list[Model]]:
    """Walk along the strengths from `start` as long as the out-of-fold log-loss falls, first up, then down."""

    def fit(step: int) -> tuple[float, list[Model]]:
        models = list(pool.map(lambda fold: sample.fit(fold, STRENGTHS[step]), range(FOLDS)))
        return sample.log_loss(models), models

    best, (loss, models) = start, fit(start)
    for way in (1, -1):
        while 0 <= best + way < len(STRENGTHS):
            next_loss, tried = fit(best + way)
            if next_loss >= loss:
                break
            best, loss, models = best + way, next_loss, tried
        if best != start:
            break
    return best, models


Model = tuple[Floats, float]
"""Weights (d,) and intercept of one fold's classifier; its logit is that of P(synthetic)."""


@dataclass(frozen=True, slots=True)
class _Sample:
    """The images of one draw, in coordinates of their own span when they are fewer than the features.

    A rotation changes nothing for a ridge penalty, so the fit is the same and cheaper.
    """

    features: Features
    labels: Indices
    folds: Indices
    centre: Floats
    coordinates: Floats
    basis: Floats | None
    weight: str | None

    @classmethod
    def of(
        cls, synthetic: Examples, real: Examples, rows: tuple[Indices, Indices], draw: int, weight: str | None
    ) -> _Sample:
        features = np.concatenate([synthetic.features[rows[0]], real.features[rows[1]]])
        centre = features.mean(axis=0, dtype=np.float64)
        coordinates, basis = features - centre, None
        if len(features) < features.shape[1]:
            basis, triangle = np.linalg.qr(coordinates.T)
            coordinates = np.ascontiguousarray(triangle.T)
        labels = np.repeat([1, 0], [len(rows[0]), len(rows[1])])
        folds = np.concatenate([synthetic.folds(draw)[rows[0]], real.folds(draw)[rows[1]]])
        return cls(features, labels, folds, centre, coordinates, basis, weight)

    def can_be_learned(self) -> bool:
        """Whether two images of each kind remain outside every fold."""
        return all(np.bincount(self.labels[self.folds != fold], minlength=2).min() >= 2 for fold in range(FOLDS))

    def fit(self, fold: int, strength: float) -> Model:
        from sklearn.linear_model import LogisticRegression

        train = self.folds != fold
        model = LogisticRegression(
            C=strength, solver="newton-cholesky", tol=1e-6, max_iter=200, class_weight=self.weight
        )
        model.fit(self.coordinates[train], self.labels[train])
        weights = model.coef_[0] if self.basis is None else self.basis @ model.coef_[0]
        return weights, float(model.intercept_[0] - self.centre @ weights)

    def log_loss(self, models: Sequence[Model]) -> float:
        found = _predict(self.features, self.folds, models)
        truth = np.where(self.labels == 1, found, 1 - found)
        return float(-np.log(np.maximum(truth, np.finfo(np.float64).tiny)).sum())


def _predict(features: Features, folds: Indices, models: Sequence[Model]) -> Floats:
    from scipy.special import expit

    found = np.empty(len(folds))
    for fold, (weights, intercept) in enumerate(models):
        rows = np.flatnonzero(folds == fold)
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            found[block] = expit(features[block].astype(np.float64) @ weights + intercept)
    return found


def _hash(salt: str, digest: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{salt}:{digest}".encode()).digest()[:8], "big")
