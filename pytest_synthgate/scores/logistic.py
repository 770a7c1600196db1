"""Logistic regressions that each leave out one fold of the same rows, solved side by side.

Conjugate gradients with one Newton step along each direction (Minka 2003, "A comparison of numerical optimizers for
logistic regression"), preconditioned by the Hessian that the folds have on average, in float32. All else is float64,
so that only the number of steps depends on the preconditioner. A step is kept short of the lowest point of its line by
the bound of Bach (2010, "Self-concordant analysis for logistic regression", proposition 1): the objective always falls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_synthgate.features.matrix import Floats, Indices

_NEGLIGIBLE = 1e-16
"""Squared length of the gradient, measured by the preconditioner, at which logits are right to about 1e-8."""
_RENEWED_AFTER = 16
"""Steps after which a preconditioner is out of date, where the first guess was far off."""
_PRECONDITIONERS = 20
_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, slots=True)
class Regressions:
    """One ridge-penalised logistic regression a fold, on the rows of all other folds.

    Minimises C sum_i s_i log(1 + exp(-y_i (w x_i + b))) + |w|^2 / 2, the objective of scikit-learn's
    LogisticRegression, with weights s_i that are 0 in the fold left out.

    Attributes:
        rows: float64 (n, d + 1), coordinates and a one for the intercept.
        labels: float64 (n,), 1 or 0.
        weights: float64 (folds, n).
    """

    rows: Floats
    labels: Floats
    weights: Floats

    @classmethod
    def leaving_out(cls, rows: Floats, labels: Indices, folds: Indices, count: int, weight: str | None) -> Regressions:
        """Set up one regression for each of `count` folds; `weight` is scikit-learn's `class_weight`."""
        trained = (folds != np.arange(count)[:, None]).astype(np.float64)
        if weight == "balanced":
            positive, all_rows = trained @ labels, trained.sum(axis=1)
            of_class = np.stack([all_rows - positive, positive], axis=1)
            trained *= (all_rows[:, None] / (2 * of_class))[:, labels]
        return cls(rows, labels.astype(np.float64), trained)

    def fit(self, strength: float, start: Floats | None = None) -> Floats:
        """Find weights and intercept of every fold, (folds, d + 1), at the inverse regularisation C = `strength`.

        `start` holds coefficients to begin from; they change the cost and not the result.
        """
        found = self._conjugate_gradients(
            strength, np.zeros((len(self.weights), self.rows.shape[1])) if start is None else start
        )
        return self._newton(strength) if found is None else found

    def _conjugate_gradients(self, strength: float, found: Floats) -> Floats | None:
        """Give the coefficients, or None where they do not converge."""
        from scipy.special import expit

        rows, ridge = self.rows, np.append(np.ones(self.rows.shape[1] - 1), 0.0)
        weights = strength * self.weights
        logits = found @ rows.T
        chance = expit(logits)
        gradient = (weights * (chance - self.labels)) @ rows + ridge * found
        for _ in range(_PRECONDITIONERS):
            solve = _preconditioner(rows, (weights * chance * (1 - chance)).mean(axis=0), ridge)
            if solve is None:
                return None
            solved = solve(gradient)
            direction, left = -solved, _dots(gradient, solved)
            for _ in range(_RENEWED_AFTER):
                if left.max() <= _NEGLIGIBLE:
                    return found
                along = direction @ rows.T
                curvature = _dots(weights * chance * (1 - chance), along**2) + _dots(ridge * direction, direction)
                newton = -_dots(gradient, direction) / np.maximum(curvature, _TINY)
                widest = np.maximum(np.abs(along).max(axis=1, where=weights > 0, initial=0), _TINY)
                step = (np.log1p(newton * widest) / widest)[:, None]
                found, logits = found + step * direction, logits + step * along
                chance, before = expit(logits), gradient
                gradient = (weights * (chance - self.labels)) @ rows + ridge * found
                solved = solve(gradient)
                # Polak and Ribiere's, never negative: every direction leads down.
                keep = np.maximum(_dots(gradient - before, solved) / np.maximum(left, _TINY), 0)
                direction, left = keep[:, None] * direction - solved, _dots(gradient, solved)
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


def _preconditioner(rows: Floats, curvatures: Floats, ridge: Floats) -> Callable[[Floats], Floats] | None:
    """Factor the Hessian of these curvatures, (n,), for division; None where float32 does not hold it."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    scaled: NDArray[np.float32] = np.multiply(rows, np.sqrt(curvatures)[:, None], dtype=np.float32)
    hessian = scaled.T @ scaled
    rounding = np.finfo(np.float32).eps * np.trace(hessian)
    hessian[np.diag_indices_from(hessian)] += (ridge + rounding).astype(np.float32)
    try:
        factor = cho_factor(hessian.T, lower=True, overwrite_a=True, check_finite=False)
    except LinAlgError:
        return None
    return lambda gradients: cho_solve(factor, gradients.T.astype(np.float32), check_finite=False).T.astype(np.float64)


def _dots(left: Floats, right: Floats) -> Floats:
    return np.asarray(np.einsum("ij,ij->i", left, right))
