"""How surely a classifier calls each image synthetic: out-of-fold probabilities.

Definition `balanced`: both sides are drawn to one size n0, one image per near-duplicate cluster, and twins
never straddle folds, so that a perfect generator scores 0.5 at any ratio of the sizes. Definition `studio`
fits on all images as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pytest_synthgate.features.matrix import FeatureMatrix, Features, Floats, Indices
from pytest_synthgate.scores.logistic import ROUGH, Regressions
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
    _members: dict[int, list[int]] = field(default_factory=dict, repr=False, compare=False)
    _orders: dict[int, Indices] = field(default_factory=dict, repr=False, compare=False)

    def order(self, draw: int) -> Indices:
        """Shuffle the near-duplicate clusters: one row of each, the same for every number that is drawn.

        A cluster is ranked by the hash of its smallest digest, whatever its size; its image by the hash of its own.
        """
        if draw not in self._orders:
            if not self._members:
                for row, label in enumerate(self.clusters.tolist()):
                    self._members.setdefault(label, []).append(row)
            members = self._members.values()
            ranks = _hashes(f"draw{draw}", (min(map(self.digests.__getitem__, rows)) for rows in members))
            drawn = np.array([self._one_of(rows, draw) for rows in members], dtype=np.int64)
            self._orders[draw] = drawn[np.argsort(ranks, kind="stable")]
        return self._orders[draw]

    def _one_of(self, rows: list[int], draw: int) -> int:
        if len(rows) == 1:
            return rows[0]
        return rows[int(_hashes(f"image{draw}", (self.digests[row] for row in rows)).argmin())]

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
    labels, cluster = np.unique(joint, return_inverse=True)
    marks = _hashes("fold", (smallest[label] for label in labels.tolist()))[cluster]
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


def balanced_probabilities(synthetic: Examples, real: Examples, sizes: Iterable[int]) -> dict[int, Probabilities]:
    """Fit on n0 representatives a side, several draws, and predict every image out of fold; for each n0 of `sizes`.

    None is above the clusters of either side.

    Returns:
        By size, one row of probabilities per draw; no entry where the joint clusters leave a fold without both kinds
        to learn from. Draws differ in their images, where there are more than that, and in their folds.
    """
    return _out_of_fold(
        synthetic,
        real,
        {
            size: [
                (representatives(synthetic, draw, size), representatives(real, draw, size))
                for draw in range(max(2, min(5, 2500 // size)))
            ]
            for size in sizes
        },
        "balanced",
    )


def raw_probabilities(synthetic: Examples, real: Examples) -> Probabilities | None:
    """Fit on all images as they are (definition `studio`), and predict each out of fold."""
    everything = (np.arange(len(synthetic.marks)), np.arange(len(real.marks)))
    return _out_of_fold(synthetic, real, {0: [everything]}, None).get(0)


def _out_of_fold(
    synthetic: Examples, real: Examples, drawn: Mapping[int, Sequence[tuple[Indices, Indices]]], weight: str | None
) -> dict[int, Probabilities]:
    """Predict every image by the model of its fold, one row per draw; sizes are fitted side by side, largest first."""
    learnable = {
        size: draws
        for size, draws in sorted(drawn.items(), reverse=True)
        if all(_can_be_learned(synthetic, real, rows, draw) for draw, rows in enumerate(draws))
    }
    with computing() as pool:
        fitted = pool.map(lambda draws: _models(synthetic, real, draws, weight), learnable.values())
        found = {
            size: Probabilities(
                _predict(synthetic, models, pool),
                _predict(real, models, pool),
                (_learned_from(synthetic, [s for s, _ in draws]), _learned_from(real, [r for _, r in draws])),
            )
            for (size, draws), models in zip(learnable.items(), fitted, strict=True)
        }
    return {size: found[size] for size in drawn if size in found}


def _can_be_learned(synthetic: Examples, real: Examples, rows: tuple[Indices, Indices], draw: int) -> bool:
    """Whether two images of each kind remain outside every fold."""
    return all(
        len(taken) - np.bincount(side.folds(draw)[taken]).max(initial=0) >= 2
        for side, taken in zip((synthetic, real), rows, strict=True)
    )


def _learned_from(side: Examples, drawn: Sequence[Indices]) -> float:
    return len(np.unique(side.clusters[np.concatenate(drawn)])) * (FOLDS - 1) / FOLDS


def _models(
    synthetic: Examples, real: Examples, drawn: Sequence[tuple[Indices, Indices]], weight: str | None
) -> Floats:
    """Fit every draw, (draws, FOLDS, d + 1); each looks for its own strength, from that of the draw before."""
    found, step = [], 0
    for draw, rows in enumerate(drawn):
        sample = _Sample.of(synthetic, real, rows, draw, weight)
        step, models = _climb(sample, step)
        found.append(sample.in_features(models))
    return np.stack(found)


def _climb(sample: _Sample, start: int) -> tuple[int, Floats]:
    """Walk along the strengths from `start` as long as the out-of-fold log-loss falls, first up, then down.

    Rough fits tell which of two losses is lower, unless they are too near; where it ends, the fit is as exact as all.
    """
    fits = sample.regressions
    best, models = start, fits.fit(STRENGTHS[start], roughly=True)
    loss = sample.log_loss(models)
    for way in (1, -1):
        change = np.zeros_like(models)
        while 0 <= best + way < len(STRENGTHS):
            # From one strength to the next, coefficients change about as they did before.
            tried = fits.fit(STRENGTHS[best + way], models + change, roughly=True)
            next_loss = sample.log_loss(tried)
            if abs(next_loss - loss) < ROUGH * len(fits.labels):
                models, tried = fits.fit(STRENGTHS[best], models), fits.fit(STRENGTHS[best + way], tried)
                loss, next_loss = sample.log_loss(models), sample.log_loss(tried)
            if next_loss >= loss:
                break
            best, loss, change, models = best + way, next_loss, tried - models, tried
        if best != start:
            break
    return best, fits.fit(STRENGTHS[best], models)


@dataclass(frozen=True, slots=True)
class _Sample:
    """The images of one draw, in coordinates of their own span when they are few beside the features.

    A rotation changes nothing for a ridge penalty, so the fit is the same and cheaper.
    """

    regressions: Regressions
    folds: Indices
    centre: Floats
    basis: Floats | None

    @classmethod
    def of(
        cls, synthetic: Examples, real: Examples, rows: tuple[Indices, Indices], draw: int, weight: str | None
    ) -> _Sample:
        drawn = np.ones((len(rows[0]) + len(rows[1]), synthetic.features.shape[1] + 1))
        features = drawn[:, :-1]
        features[: len(rows[0])], features[len(rows[0]) :] = synthetic.features[rows[0]], real.features[rows[1]]
        centre, basis = features.mean(axis=0), None
        features -= centre
        if 2 * len(features) < features.shape[1]:
            basis, triangle = np.linalg.qr(features.T)
            drawn = np.column_stack([triangle.T, drawn[:, -1]])
        labels = np.repeat([1, 0], [len(rows[0]), len(rows[1])])
        folds = np.concatenate([synthetic.folds(draw)[rows[0]], real.folds(draw)[rows[1]]])
        return cls(Regressions.leaving_out(drawn, labels, folds, FOLDS, weight), folds, centre, basis)

    def in_features(self, models: Floats) -> Floats:
        """Turn models of the coordinates, (FOLDS, k + 1), into models of the features, (FOLDS, d + 1)."""
        weights = models[:, :-1] if self.basis is None else models[:, :-1] @ self.basis.T
        return np.column_stack([weights, models[:, -1] - weights @ self.centre])

    def log_loss(self, models: Floats) -> float:
        found = _chance((models @ self.regressions.rows.T)[self.folds, np.arange(len(self.folds))])
        truth = np.where(self.regressions.labels == 1, found, 1 - found)
        return float(-np.log(np.maximum(truth, np.finfo(np.float64).tiny)).sum())


def _predict(side: Examples, models: Floats, pool: ThreadPoolExecutor) -> Floats:
    """Give P(synthetic) of every image by the model of its fold, (draws, n), from (draws, FOLDS, d + 1)."""
    draws = len(models)
    folds = np.stack([side.folds(draw) for draw in range(draws)], axis=1)[:, :, None]
    weights, intercepts = models[:, :, :-1].reshape(draws * FOLDS, -1).T, models[:, :, -1]

    def block(start: int) -> Floats:
        rows = slice(start, start + _BLOCK)
        logits = (side.features[rows].astype(np.float64) @ weights).reshape(-1, draws, FOLDS) + intercepts
        return _chance(np.take_along_axis(logits, folds[rows], axis=2)[:, :, 0].T)

    return np.concatenate(list(pool.map(block, range(0, len(folds), _BLOCK))), axis=1)


def _chance(logits: Floats) -> Floats:
    from scipy.special import expit

    return np.asarray(expit(logits))


def _hashes(salt: str, digests: Iterable[str]) -> NDArray[np.uint64]:
    """Give the first 64 bits of the SHA-256 of each digest after a salt."""
    start = f"{salt}:".encode()
    found = b"".join([hashlib.sha256(start + digest.encode()).digest()[:8] for digest in digests])
    return np.frombuffer(found, dtype=">u8").astype(np.uint64)
