"""The bound is never below a similarity, and is used where it rules most pairs out."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_synthgate.scores import bound
from pytest_synthgate.scores.blocks import Everything
from pytest_synthgate.scores.bound import bound_for

Features = NDArray[np.float32]


def _unit(rows: NDArray[np.float64]) -> Features:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.integers(2, 40), st.integers(2, 40), st.integers(3, 70), st.integers(1, 8))
def test_no_similarity_is_above_the_bound(seed: int, n: int, m: int, d: int, rank: int) -> None:
    """Also where the axes see nearly all of a row, and rounding most of the rest."""
    rng = np.random.default_rng(seed)
    basis = rng.normal(size=(rank, d))
    a, b = (_unit(rng.normal(size=(size, rank)) @ basis + 1e-3 * rng.normal(size=(size, d))) for size in (n, m))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bound, "_FEWEST", 2)
        patch.setattr(bound, "_AXES", (1, 2, rank))
        patch.setattr(bound, "_WORTH", 9.0)
        found = bound_for(
            a, b, np.full(n, 0.9, dtype=np.float32), np.full(m, 0.9, dtype=np.float32), Everything(n, m, same=False)
        )
    assert found is not None
    exact = a.astype(np.float64) @ b.astype(np.float64).T
    assert (found.a @ found.b.T - exact).min() > -1e-6


def test_it_is_left_out_where_it_would_not_pay() -> None:
    rng = np.random.default_rng(0)
    rows = _unit(rng.normal(size=(9000, 64)))
    for wanted in (0.0, 0.95):
        floor = np.full(9000, wanted, dtype=np.float32)
        found = bound_for(rows, rows, floor, floor, Everything(9000, 9000, same=True))
        assert (found is not None) == (wanted == 0.95)
    few, floor = rows[:100], np.full(100, 0.95, dtype=np.float32)
    assert bound_for(few, few, floor, floor, Everything(100, 100, same=True)) is None
