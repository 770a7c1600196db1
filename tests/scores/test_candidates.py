"""The best partners of each row are kept, whatever the order and the parcels they come in."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_synthgate.scores import candidates
from pytest_synthgate.scores.blocks import Everything
from pytest_synthgate.scores.candidates import BAND, Best, Candidates, places


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 30), st.integers(1, 5), st.integers(1, 6))
def test_the_most_similar_of_each_row_are_kept(seed: int, n: int, m: int, width: int, parcels: int) -> None:
    rng = np.random.default_rng(seed)
    similarity = rng.uniform(-1, 1, size=(n, m)).astype(np.float32)
    row, partner = (each.ravel() for each in np.meshgrid(np.arange(n), np.arange(m), indexing="ij"))
    order = rng.permutation(n * m)
    best = Best.above(n, width, -np.inf)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "_PENDING", 7)
        for some in np.array_split(order, parcels):
            best.offer(best.accepted(Candidates(row, partner, similarity.ravel()).picked(some)))
        found = best.settled()
    expected = np.sort(similarity, axis=1)[:, ::-1][:, :width]
    assert found.similarity.reshape(n, -1) == pytest.approx(expected, abs=1e-6)
    assert (similarity[found.row, found.partner] == found.similarity).all()
    if m >= width:
        assert best.floor == pytest.approx(expected[:, -1] - BAND, abs=1e-6)


def test_a_sample_never_sets_a_floor_above_what_is_kept() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(300, 8))
    unit = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    table = unit @ unit.T
    np.fill_diagonal(table, -np.inf)
    best = Best.sampled(unit, unit, 3, Everything(300, 300, same=True), same=True)
    assert np.isfinite(best.floor).all()
    assert (best.floor <= np.sort(table, axis=1)[:, -3]).all()


def test_places_count_within_runs() -> None:
    assert places(np.array([3, 3, 4, 7, 7, 7])).tolist() == [0, 1, 0, 0, 1, 2]
    assert places(np.array([], dtype=np.int64)).tolist() == []
