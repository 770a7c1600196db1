"""Who is drawn, who learns from whom, and what the probabilities are worth."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import chisquare
from sklearn.linear_model import LogisticRegression

from pytest_synthgate.features.matrix import FeatureMatrix, Flags, feature_matrix
from pytest_synthgate.scores import fit as fitting
from pytest_synthgate.scores.fit import (
    FOLDS,
    STRENGTHS,
    Examples,
    balanced_probabilities,
    raw_probabilities,
    representatives,
    sides,
)
from pytest_synthgate.scores.links import near_duplicates
from pytest_synthgate.scores.logistic import ROUGH, Regressions
from pytest_synthgate.scores.searched import searched

Floats = NDArray[np.float64]
D = 8


def _rows(n: int, seed: int, shift: float = 0.0) -> Floats:
    return np.asarray(np.random.default_rng(seed).normal(size=(n, D)) + shift * np.eye(D)[0])


def _twins(rows: Floats, times: int) -> Floats:
    copies = np.repeat(rows, times, axis=0)
    return copies + 1e-3 * np.random.default_rng(5).normal(size=copies.shape)


def _pair(synthetic: Floats, real: Floats) -> tuple[Examples, Examples]:
    one, other = feature_matrix(synthetic), feature_matrix(real)
    copies = near_duplicates(searched(one, other, 1e-3))
    return sides(one, other, (copies.synthetic, copies.real), copies.joint)


def _side(sizes: list[int]) -> Examples:
    n = sum(sizes)
    digests = tuple(f"{row:05d}" for row in range(n))
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return Examples(np.zeros((n, 1), dtype=np.float32), digests, labels, np.zeros(n, dtype=np.uint64))


def test_a_large_cluster_is_drawn_as_often_as_a_single_image() -> None:
    """400 draws of 10 out of 20 clusters, one of them of 50 images: each is expected 200 times."""
    side = _side([50] + [1] * 19)
    drawn = Counter(int(side.clusters[row]) for draw in range(400) for row in representatives(side, draw, 10))
    counts = [drawn[label] for label in range(20)]
    assert sum(counts) == 4000
    # Without replacement counts vary less than the chi-square law allows; both ends are checked.
    assert abs(counts[0] - 200) < 3 * np.sqrt(400 * 0.5 * 0.5)
    assert chisquare(counts).pvalue > 0.01


def test_each_image_of_a_cluster_stands_for_it_equally_often() -> None:
    side = _side([10] + [1] * 5)
    drawn = Counter(int(row) for draw in range(2000) for row in representatives(side, draw, 6) if row < 10)
    assert sum(drawn.values()) == 2000
    assert chisquare([drawn[row] for row in range(10)]).pvalue > 0.01


@given(st.lists(st.integers(1, 6), min_size=1, max_size=20), st.integers(0, 5), st.integers(0, 20))
def test_a_draw_takes_one_image_of_each_of_as_many_clusters_as_asked_for(sizes: list[int], draw: int, n: int) -> None:
    side = _side(sizes)
    rows = representatives(side, draw, n)
    assert len(rows) == min(n, len(sizes)) == len(set(side.clusters[rows].tolist()))
    assert rows.tolist() == sorted(rows.tolist())


def test_a_draw_depends_on_the_content_and_not_on_the_rest_of_the_set() -> None:
    """Leaving out clusters that were not drawn draws the same ones: rank by hash, not by place."""
    side = _side([1] * 30)
    rows = representatives(side, 3, 10)
    kept = np.unique(np.concatenate([rows, np.arange(0, 30, 3)]))
    less = Examples(
        side.features[kept], tuple(side.digests[row] for row in kept), side.clusters[kept], side.marks[kept]
    )
    again = [less.digests[row] for row in representatives(less, 3, 10)]
    assert again == [side.digests[row] for row in rows]


def test_twins_share_a_fold_in_every_draw_also_across_the_sets() -> None:
    originals = _rows(40, 0)
    synthetic, real = _pair(_twins(originals, 3), np.concatenate([_twins(originals[:20], 2), _rows(30, 1)]))
    one = feature_matrix(_twins(originals, 3))
    other = feature_matrix(np.concatenate([_twins(originals[:20], 2), _rows(30, 1)]))
    joint = near_duplicates(searched(one, other, 1e-3)).joint
    for draw in range(5):
        folds = np.concatenate([synthetic.folds(draw), real.folds(draw)])
        assert len(set(zip(joint.tolist(), folds.tolist(), strict=True))) == len(set(joint.tolist())) == 70
        assert set(folds.tolist()) == set(range(FOLDS))


def test_folds_differ_from_draw_to_draw_and_are_of_about_one_size() -> None:
    _, real = _pair(_rows(5, 0), _rows(3000, 1))
    for draw in range(5):
        assert chisquare(np.bincount(real.folds(draw), minlength=FOLDS)).pvalue > 0.001
    together = np.bincount(real.folds(0) * FOLDS + real.folds(1), minlength=FOLDS**2)
    assert chisquare(together).pvalue > 0.001


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32))
def test_one_more_image_moves_no_other_cluster(seed: int) -> None:
    rng = np.random.default_rng(seed)
    real, synthetic = _twins(_rows(10, 1), 2), _twins(_rows(10, 2), 2)
    before = feature_matrix(synthetic, [str(row) for row in range(20)])
    stranger = rng.normal(size=(1, D))
    after = feature_matrix(np.concatenate([synthetic, stranger]), [str(row) for row in range(21)])
    against = feature_matrix(real)

    def folds(matrix: FeatureMatrix) -> dict[str, int]:
        copies = near_duplicates(searched(matrix, against, 1e-3))
        side, _ = sides(matrix, against, (copies.synthetic, copies.real), copies.joint)
        return dict(zip(matrix.ids, side.folds(0).tolist(), strict=True))

    grown = folds(after)
    grown.pop("20")
    assert grown == folds(before)


@pytest.mark.parametrize("kept", ["synthetic", "real"])
@pytest.mark.parametrize("copy", [0, 1])
def test_no_image_is_predicted_by_a_model_that_saw_a_twin_of_it(
    monkeypatch: pytest.MonkeyPatch, kept: str, copy: int
) -> None:
    """Whatever becomes of its twins, and of all other images of its fold, an image keeps its probability.

    Pictures come twice, some in both sets; two rows are twins when their cosine is above 0.999. In each fold of each
    draw one copy of those in one set is kept, and the rest replaced by noise, with all twins wherever they are. The
    strength is fixed, since all folds choose it together.
    """
    monkeypatch.setattr(fitting, "STRENGTHS", STRENGTHS[2:3])
    originals, rng = _rows(120, 0), np.random.default_rng(2)
    one, other = _pair(_twins(originals[:80], 2), np.concatenate([_twins(originals[60:], 2), _rows(40, 1)]))
    watched = {"synthetic": one, "real": other}[kept]
    found = balanced_probabilities(one, other, [80])[80]
    assert found.synthetic.shape == (5, len(one.marks))
    for draw, fold in np.ndindex(5, FOLDS):
        stays = (watched.folds(draw) == fold) & (np.arange(len(watched.marks)) % 2 == copy)

        def replaced(side: Examples, draw: int = draw, fold: int = fold, stays: Flags = stays) -> Examples:
            twins = (side.features @ watched.features[stays].T > 0.999).any(axis=1)
            gone = (twins | (side.folds(draw) == fold)) & ~(stays if side is watched else False)
            noise = feature_matrix(rng.normal(size=side.features.shape)).features
            return replace(side, features=np.where(gone[:, None], noise, side.features))

        again = balanced_probabilities(replaced(one), replaced(other), [80])[80]
        change = np.abs(getattr(again, kept)[draw] - getattr(found, kept)[draw])
        assert change[stays].max() < 1e-7
        assert change[watched.folds(draw) != fold].max() > 0.01


def test_probabilities_are_those_of_logistic_regression_on_the_other_folds() -> None:
    synthetic, real = _pair(_rows(60, 0, shift=1), _rows(90, 1))
    found = raw_probabilities(synthetic, real)
    assert found is not None
    features = np.concatenate([synthetic.features, real.features]).astype(np.float64)
    labels, folds = np.repeat([1, 0], [60, 90]), np.concatenate([synthetic.folds(0), real.folds(0)])

    def out_of_fold(strength: float) -> Floats:
        predicted = np.empty(150)
        for fold in range(FOLDS):
            model = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-10)
            model.fit(features[folds != fold], labels[folds != fold])
            predicted[folds == fold] = model.predict_proba(features[folds == fold])[:, 1]
        return predicted

    by_strength = [out_of_fold(strength) for strength in STRENGTHS]
    losses = [-np.log(np.where(labels == 1, each, 1 - each)).sum() for each in by_strength]
    best = by_strength[int(np.argmin(losses))]
    assert np.concatenate([found.synthetic[0], found.real[0]]) == pytest.approx(best, abs=1e-7)
    assert found.learned_from == (48, 72)


def test_fewer_images_than_dimensions_are_fitted_in_their_own_span() -> None:
    """The same probabilities as in the full space, where the fit has 300 coefficients for 80 images."""
    rng = np.random.default_rng(0)
    pair = _pair(rng.normal(size=(40, 300)) + np.eye(300)[0] * 5, rng.normal(size=(40, 300)))
    features = np.concatenate([side.features for side in pair]).astype(np.float64)
    labels, folds = np.repeat([1, 0], 40), np.concatenate([side.folds(0) for side in pair])
    model = LogisticRegression(C=STRENGTHS[0], tol=1e-10, max_iter=10_000)
    predicted = [
        model.fit(features[folds != fold], labels[folds != fold]).predict_proba(features[[row]])[0, 1]
        for row, fold in enumerate(folds.tolist())
    ]
    sample = fitting._Sample.of(*pair, (np.arange(40), np.arange(40)), 0, None)
    assert sample.regressions.rows.shape == (80, 81)
    weakest = sample.in_features(sample.regressions.fit(STRENGTHS[0]))
    logits = (features @ weakest[:, :-1].T + weakest[:, -1])[np.arange(80), folds]
    assert expit(logits) == pytest.approx(predicted, abs=1e-7)


@pytest.mark.parametrize(("shift", "d"), [(0.0, 8), (1.0, 8), (1.0, 200), (3.0, 30)])
def test_the_strength_is_the_one_that_scikit_learn_would_lead_to(shift: float, d: int) -> None:
    """From each start: up as long as the out-of-fold log-loss falls, else down."""
    rng = np.random.default_rng(3)
    pair = _pair(rng.normal(size=(60, d)) + shift * np.eye(d)[0], rng.normal(size=(60, d)))
    sample = fitting._Sample.of(*pair, (np.arange(60), np.arange(60)), 0, "balanced")
    features = np.concatenate([side.features for side in pair]).astype(np.float64)
    labels, losses = np.repeat([1, 0], 60), []
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-10, class_weight="balanced")
        chances = np.empty(120)
        for fold in range(FOLDS):
            train = sample.folds != fold
            chances[~train] = model.fit(features[train], labels[train]).predict_proba(features[~train])[:, 1]
        losses.append(float(-np.log(np.where(labels == 1, chances, 1 - chances)).sum()))
    for start in range(len(STRENGTHS)):
        best = start
        while best + 1 < len(losses) and losses[best + 1] < losses[best]:
            best += 1
        while best <= start and best > 0 and losses[best - 1] < losses[best]:
            best -= 1
        chosen, models = fitting._climb(sample, start)
        assert chosen == best
        assert sample.log_loss(models) == pytest.approx(losses[best], abs=1e-6)


def test_probabilities_are_calibrated() -> None:
    """Among images called synthetic with about 70%, about 70% are."""
    pair = _pair(_rows(1000, 0, shift=1), _rows(1000, 1))
    found = balanced_probabilities(*pair, [1000])[1000]
    called = np.concatenate([found.synthetic.mean(axis=0), found.real.mean(axis=0)])
    truth = np.repeat([1, 0], 1000)
    for low in (0.2, 0.3, 0.4, 0.5, 0.6, 0.7):
        inside = (called >= low) & (called < low + 0.1)
        assert truth[inside].mean() == pytest.approx(called[inside].mean(), abs=0.06)


def test_every_image_gets_a_probability_in_every_draw() -> None:
    pair = _pair(_rows(300, 0), _rows(70, 1))
    found = balanced_probabilities(*pair, [50])[50]
    assert (found.synthetic.shape, found.real.shape) == ((5, 300), (5, 70))
    for part in (found.synthetic, found.real):
        assert ((part > 0) & (part < 1)).all()
        assert part.std(axis=0).max() > 0


def test_what_was_learned_from_is_every_cluster_drawn_but_for_a_fifth() -> None:
    pair = _pair(_twins(_rows(40, 0), 3), _rows(100, 1))
    found = balanced_probabilities(*pair, [30])[30]
    for side, learned_from in zip(pair, found.learned_from, strict=True):
        drawn = {int(side.clusters[row]) for draw in range(5) for row in representatives(side, draw, 30)}
        assert learned_from == pytest.approx(0.8 * len(drawn))
    assert 30 < found.learned_from[0] / 0.8 <= 40 < found.learned_from[1] / 0.8 <= 100


@pytest.mark.parametrize(("size", "draws"), [(30, 5), (500, 5), (700, 3), (1000, 2)])
def test_large_draws_are_fewer(size: int, draws: int) -> None:
    pair = _pair(_rows(size, 0), _rows(size, 1))
    found = balanced_probabilities(*pair, [size])[size]
    assert len(found.synthetic) == draws


def test_sets_that_are_one_joint_cluster_cannot_be_told_apart() -> None:
    """All images share one fold, so nothing is left to learn from."""
    pair = _pair(_twins(_rows(1, 0), 40), _twins(_rows(1, 0), 40))
    assert balanced_probabilities(*pair, [1]) == {}
    assert raw_probabilities(*pair) is None


def test_whatever_rough_fits_err_by_the_strength_and_the_models_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nearly one law, where the losses of strengths differ least, and errors as large as they may be."""
    rng = np.random.default_rng(4)
    pair = _pair(rng.normal(size=(200, 5)) + 0.2 * np.eye(5)[0], rng.normal(size=(200, 5)))
    exact, err = Regressions.fit, [0.0]

    def fit(self: Regressions, strength: float, start: Floats | None = None, *, roughly: bool = False) -> Floats:
        found = exact(self, strength, start)
        found[:, -1] += roughly * err[0] * ROUGH * rng.choice((-1, 1), size=FOLDS)
        return found

    monkeypatch.setattr(Regressions, "fit", fit)
    for draw in range(3):
        for start in range(len(STRENGTHS)):
            err[0] = 0.0
            sample = fitting._Sample.of(*pair, (np.arange(200), np.arange(200)), draw, None)
            best, models = fitting._climb(sample, start)
            err[0] = 1.0
            again, same = fitting._climb(sample, start)
            assert again == best
            assert same == pytest.approx(models, abs=1e-7)
