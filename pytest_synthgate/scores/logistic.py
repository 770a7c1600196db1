"""Logistic regressions that each leave out one fold of the same rows, solved side by side.

Conjugate gradients with one Newton step along each direction (Minka 2003, "A comparison of numerical optimizers for
logistic regression"), preconditioned by the Hessian that the folds have on average where it was last made. A step is
kept short of the lowest point of its line by the bound of Bach (2010, "Self-concordant analysis for logistic
regression", proposition 1): the objective always falls. Logits and gradients are made in float64 where a walk begins;
from there products of float32 add what changes, until that is too little and the next walk begins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from pytest_synthgate.features.matrix import Features, Floats, Indices

_NEGLIGIBLE = 1e-16
"""Squared length of the gradient, measured by the preconditioner, at which logits are right to about 1e-8."""
ROUGH = 1e-4
"""How near logits of rows of length 1 come to the right ones where that is enough."""
_STEPS = 12
"""Steps after which a preconditioner is out of date."""
_WALKS = 30
_TRUSTED = 1e-11
"""Share of the squared length of its first gradient that a walk in float32 may leave."""
_TINY = float(np.finfo(np.float64).tiny)


@dataclass(slots=True)
class Regressions:
    """One ridge-penalised logistic regression a fold, on the rows of all other folds.

    Minimises C sum_i s_i log(1 + exp(-y_i (w x_i + b))) + |w|^2 / 2, the objective of scikit-learn's
    LogisticRegression, with weights s_i that are 0 in the fold left out.

    Attributes:
        rows: float64 (n, d + 1), coordinates and a one for the intercept.
        labels: float64 (n,), 1 or 0.
        weights: float64 (folds, n).
        coarse: The rows in float32.
    """

    rows: Floats
    labels: Floats
    weights: Floats
    coarse: Features
    _gram: Features | None = field(default=None, repr=False, compare=False)

    @classmethod
    def leaving_out(cls, rows: Floats, labels: Indices, folds: Indices, count: int, weight: str | None) -> Regressions:
        """Set up one regression for each of `count` folds; `weight` is scikit-learn's `class_weight`."""
        trained = (folds != np.arange(count)[:, None]).astype(np.float64)
        if weight == "balanced":
            positive, all_rows = trained @ labels, trained.sum(axis=1)
            of_class = np.stack([all_rows - positive, positive], axis=1)
            trained *= (all_rows[:, None] / (2 * of_class))[:, labels]
        return cls(rows, labels.astype(np.float64), trained, rows.astype(np.float32))

    def fit(self, strength: float, start: Floats | None = None, *, roughly: bool = False) -> Floats:
        """Find weights and intercept of every fold, (folds, d + 1), at the inverse regularisation C = `strength`.

        `start` holds coefficients to begin from; they change the cost and not the result. Roughly is right to `ROUGH`
        in the logit of a row of length 1.
        """
        enough = ROUGH**2 if roughly else _NEGLIGIBLE
        begin = np.zeros((len(self.weights), self.rows.shape[1])) if start is None else start
        found = self._conjugate_gradients(strength, begin, enough)
        return self._newton(strength) if found is None else found

    def _conjugate_gradients(self, strength: float, found: Floats, enough: float) -> Floats | None:
        """Give the coefficients, or None where they do not converge."""
        from scipy.special import expit

        ridge, weights = np.append(np.ones(self.rows.shape[1] - 1), 0.0), strength * self.weights
        for _ in range(_WALKS):
            logits = found @ self.rows.T
            chance = expit(logits)
            gradient = (weights * (chance - self.labels)) @ self.rows + ridge * found
            if self._gram is None:
                self._gram = _gram(self.coarse, (self.weights * chance * (1 - chance)).mean(axis=0))
            if (solve := _solver(self._gram, strength, ridge)) is None:
                return None
            solved = solve(gradient)
            direction, left = -solved, _dots(gradient, solved)
            near = np.maximum(_TRUSTED * left, enough)
            for _ in range(_STEPS):
                if np.all(left <= near):
                    break
                along = _product(direction, self.coarse.T)
                curvature = _dots(weights * chance * (1 - chance), along**2) + _dots(ridge * direction, direction)
                newton = -_dots(gradient, direction) / np.maximum(curvature, _TINY)
                widest = np.maximum(np.abs(along).max(axis=1, where=weights > 0, initial=0), _TINY)
                step = (np.log1p(newton * widest) / widest)[:, None]
                found, logits = found + step * direction, logits + step * along
                chance, before = expit(logits), chance
                change = _product(weights * (chance - before), self.coarse) + ridge * step * direction
                gradient = gradient + change
                solved = solve(gradient)
                # Polak and Ribiere's, never negative: every direction leads down.
                keep = np.maximum(_dots(change, solved) / np.maximum(left, _TINY), 0)
                direction, left = keep[:, None] * direction - solved, _dots(gradient, solved)
            if np.any(left > near):
                self._gram = None
            elif np.all(near <= enough):
                return found
        return None

    def _newton(self, strength: float) -> Floats:
        """Find the same by scikit-learn, fold by fold."""
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=strength, solver="newton-cholesky", tol=1e-6, max_iter=200)
        found = []
        for weights in self.weights:
            train = weights > 0
            model.fit(self.rows[train, :-1], self.labels[train], weights[train])
            found.append(np.append(model.coef_[0], model.intercept_))
        return np.stack(found)


def _gram(rows: Features, curvatures: Floats) -> Features:
    """Sum the squares of rows, float32 (n, d + 1), by their curvatures, (n,): the Hessian of a loss at C = 1."""
    scaled = rows * np.sqrt(curvatures).astype(np.float32)[:, None]
    return np.asarray(scaled.T @ scaled)


def _solver(gram: Features, strength: float, ridge: Floats) -> Callable[[Floats], Floats] | None:
    """Factor the Hessian of a strength for division; None where float32 does not hold it."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    hessian = gram * np.float32(strength)
    rounding = np.finfo(np.float32).eps * np.trace(hessian)
    hessian[np.diag_indices_from(hessian)] += (ridge + rounding).astype(np.float32)
    try:
        factor = cho_factor(hessian.T, lower=True, overwrite_a=True, check_finite=False)
    except LinAlgError:
        return None
    return lambda gradients: cho_solve(factor, gradients.T.astype(np.float32), check_finite=False).T.astype(np.float64)


def _product(left: Floats, right: Features) -> Floats:
    """Multiply in float32."""
    return (left.astype(np.float32) @ right).astype(np.float64)


def _dots(left: Floats, right: Floats) -> Floats:
    return np.asarray(np.einsum("ij,ij->i", left, right))
