"""All folds at once give what LogisticRegression gives one by one: the objective, its minimum, with any start."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from pytest_synthgate.scores import logistic
from pytest_synthgate.scores.fit import STRENGTHS
from pytest_synthgate.scores.logistic import Regressions

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
FOLDS = 5


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _apart(n: int, d: int, shift: float, seed: int = 0, of_other: int | None = None) -> tuple[Floats, Indices, Indices]:
    """n rows of one class and as many (or `of_other`) of the other, `shift` apart, dealt into five folds by turns."""
    rng = np.random.default_rng(seed)
    m = n if of_other is None else of_other
    rows = _unit(np.concatenate([rng.normal(size=(n, d)) + shift * np.eye(d)[0], rng.normal(size=(m, d))]))
    return rows, np.repeat([1, 0], [n, m]), np.concatenate([np.arange(n), np.arange(m)]) % FOLDS


def _regressions(coordinates: Floats, labels: Indices, folds: Indices, weight: str | None) -> Regressions:
    rows = np.column_stack([coordinates, np.ones(len(coordinates))])
    return Regressions.leaving_out(rows, labels, folds, FOLDS, weight)


def _one_by_one(coordinates: Floats, labels: Indices, folds: Indices, weight: str | None, strength: float) -> Floats:
    found = []
    for fold in range(FOLDS):
        train = folds != fold
        model = LogisticRegression(
            C=strength, class_weight=weight, solver="newton-cholesky", tol=1e-10, max_iter=1000
        ).fit(coordinates[train], labels[train])
        found.append(np.append(model.coef_[0], model.intercept_))
    return np.stack(found)


def _gradients(regressions: Regressions, strength: float, found: Floats) -> Floats:
    """Gradient of the objective of every fold, written out."""
    residuals = regressions.weights * (expit(found @ regressions.rows.T) - regressions.labels)
    penalty = np.column_stack([found[:, :-1], np.zeros(FOLDS)])
    return np.asarray(strength * residuals @ regressions.rows + penalty)


def _logits(coordinates: Floats, found: Floats) -> Floats:
    return np.asarray(coordinates @ found[:, :-1].T + found[:, -1])


@pytest.mark.filterwarnings("ignore:Line search of Newton solver")
@pytest.mark.parametrize("weight", ["balanced", None])
@pytest.mark.parametrize("strength", [STRENGTHS[0], STRENGTHS[4], STRENGTHS[-1]])
@pytest.mark.parametrize(
    ("n", "d", "shift", "of_other"),
    [
        pytest.param(200, 16, 1, None, id="overlapping"),
        pytest.param(200, 16, 0, None, id="one law"),
        pytest.param(150, 8, 40, None, id="separable"),
        pytest.param(30, 20, 1, None, id="thirty a side"),
        pytest.param(30, 200, 1, None, id="more coordinates than rows"),
        pytest.param(300, 8, 1, 3, id="one class nearly absent"),
    ],
)
def test_the_coefficients_are_those_of_scikit_learn(
    n: int, d: int, shift: float, of_other: int | None, strength: float, weight: str | None
) -> None:
    coordinates, labels, folds = _apart(n, d, shift, of_other=of_other)
    regressions = _regressions(coordinates, labels, folds, weight)
    found = regressions.fit(strength)
    expected = _one_by_one(coordinates, labels, folds, weight, strength)
    assert np.abs(_logits(coordinates, found) - _logits(coordinates, expected)).max() < 1e-6
    assert np.abs(found - expected).max() < 1e-6
    assert np.abs(_gradients(regressions, strength, found)).max() < 1e-6


SETS = st.integers(1, 6).flatmap(
    lambda d: st.lists(
        st.tuples(st.lists(st.integers(-3, 3), min_size=d, max_size=d), st.integers(0, 1), st.integers(0, FOLDS - 1)),
        min_size=1,
        max_size=40,
    )
)


@settings(deadline=None, max_examples=150)
@given(SETS, st.sampled_from(STRENGTHS), st.sampled_from(["balanced", None]), st.integers(0, 2**32 - 1))
def test_the_gradient_vanishes_from_any_start(
    drawn: list[tuple[list[int], int, int]], strength: float, weight: str | None, seed: int
) -> None:
    """Small sets with ties, repeated rows and constant columns; two rows of each class stand outside every fold."""
    d = len(drawn[0][0])
    always = [([0] * d, label, fold) for label in (0, 1) for fold in range(3)]
    coordinates = np.array([row for row, _, _ in drawn + always], dtype=np.float64) / 3
    labels, folds = (np.array([each[part] for each in drawn + always]) for part in (1, 2))
    regressions = _regressions(coordinates, labels, folds, weight)
    start = np.random.default_rng(seed).normal(size=(FOLDS, d + 1)) * 10
    for found in (regressions.fit(strength), regressions.fit(strength, start)):
        assert np.abs(_gradients(regressions, strength, found)).max() < 1e-6


def test_the_fold_left_out_has_no_say() -> None:
    coordinates, labels, folds = _apart(60, 6, 1)
    found = _regressions(coordinates, labels, folds, "balanced").fit(3.0)
    for fold in range(FOLDS):
        other = np.where((folds == fold)[:, None], np.random.default_rng(1).normal(size=coordinates.shape), coordinates)
        flipped = np.where(folds == fold, 1 - labels, labels)
        again = _regressions(other, flipped, folds, "balanced").fit(3.0)
        assert again[fold] == pytest.approx(found[fold], abs=1e-7)
        assert np.abs(again - found).max() > 0.01


@pytest.mark.parametrize("strength", [STRENGTHS[0], STRENGTHS[-1]])
@pytest.mark.parametrize("shift", [0, 2, 40])
def test_a_start_that_is_far_off_leads_to_the_same_place(
    monkeypatch: pytest.MonkeyPatch, shift: float, strength: float
) -> None:
    """Chances are next to 0 or 1 there, and without curvature a whole Newton step would leap."""
    monkeypatch.delattr(Regressions, "_newton")
    coordinates, labels, folds = _apart(80, 10, shift)
    regressions = _regressions(coordinates, labels, folds, None)
    start = np.random.default_rng(0).normal(size=(FOLDS, 11)) * 30
    assert regressions.fit(strength, start) == pytest.approx(regressions.fit(strength), abs=1e-6)


@pytest.mark.parametrize("weight", ["balanced", None])
def test_what_does_not_converge_is_left_to_scikit_learn(monkeypatch: pytest.MonkeyPatch, weight: str | None) -> None:
    coordinates, labels, folds = _apart(40, 5, 2, of_other=25)
    regressions = _regressions(coordinates, labels, folds, weight)
    found = regressions.fit(3.0)
    asked: list[object] = []
    newton = Regressions._newton

    def watched(self: Regressions, strength: float) -> Floats:
        asked.append(strength)
        return newton(self, strength)

    monkeypatch.setattr(Regressions, "_newton", watched)
    assert regressions.fit(3.0).tolist() == found.tolist()
    assert asked == []
    monkeypatch.setattr(logistic, "_STEPS", 1)
    monkeypatch.setattr(logistic, "_WALKS", 1)
    assert regressions.fit(3.0) == pytest.approx(found, abs=1e-5)
    monkeypatch.undo()
    monkeypatch.setattr(Regressions, "_newton", watched)
    monkeypatch.setattr(logistic, "_solver", lambda *_: None)
    assert regressions.fit(3.0) == pytest.approx(found, abs=1e-5)
    assert asked == [3.0, 3.0]
