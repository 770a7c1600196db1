"""Neighbours, near pairs and components are those of a float64 search over all pairs."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_synthgate.scores.neighbourhood import Components, distances, near_pairs, nearest

Features = NDArray[np.float32]


def _unit(rows: NDArray[np.float64]) -> Features:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _features(seed: int, n: int, d: int, distinct: int, jitter: float) -> Features:
    """Give n rows of at most `distinct` directions: with jitter 0 rows repeat and distances tie."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(distinct, d)) + 1e-3
    return _unit(base[rng.integers(distinct, size=n)] + jitter * rng.normal(size=(n, d)))


@st.composite
def _sets(draw: st.DrawFn) -> tuple[Features, Features]:
    """Two sets that share directions, so that rows of one repeat in the other."""
    d, distinct = draw(st.integers(1, 9)), draw(st.integers(1, 40))
    jitter = draw(st.sampled_from([0.0, 1e-7, 1e-4, 0.1]))
    seed, n, m = draw(st.integers(0, 2**32)), draw(st.integers(0, 60)), draw(st.integers(0, 60))
    both = _features(seed, n + m, d, distinct, jitter)
    return both[:n], both[n:]


def _all_distances(a: Features, b: Features) -> NDArray[np.float64]:
    difference = a[:, None, :].astype(np.float64) - b[None, :, :].astype(np.float64)
    return np.asarray((difference**2).sum(axis=2) / 2)


def _reference(queries: Features, targets: Features, k: int, *, same: bool) -> list[list[int]]:
    table = distances(queries[:, None, :], targets[None, :, :])
    assert np.allclose(table, _all_distances(queries, targets), rtol=1e-12, atol=0)
    return [
        sorted((j for j in range(len(targets)) if not (same and i == j)), key=lambda j: (table[i, j], j))[:k]
        for i in range(len(queries))
    ]


@settings(deadline=None)
@given(_sets(), st.integers(1, 70))
def test_nearest_are_those_of_a_search_over_all_pairs(sets: tuple[Features, Features], k: int) -> None:
    queries, targets = sets
    found = nearest(queries, targets, k)
    assert found.distance.shape == found.index.shape == (len(queries), k)
    for i, expected in enumerate(_reference(queries, targets, k, same=False)):
        missing = k - len(expected)
        assert found.index[i].tolist() == [*expected, *[-1] * missing]
        assert found.distance[i, : len(expected)].tolist() == distances(queries[i], targets[expected]).tolist()
        assert np.isinf(found.distance[i, len(expected) :]).all()


@settings(deadline=None)
@given(_sets(), st.integers(1, 70))
def test_within_one_set_no_row_is_its_own_neighbour(sets: tuple[Features, Features], k: int) -> None:
    features = np.concatenate(sets)
    found = nearest(features, features, k, same=True)
    expected = [each + [-1] * (k - len(each)) for each in _reference(features, features, k, same=True)]
    assert found.index.tolist() == expected


@pytest.mark.parametrize("jitter", [0.0, 1e-6, 1e-4])
def test_ties_go_to_the_lowest_index_among_more_equal_rows_than_candidates(jitter: float) -> None:
    features = _features(0, 700, 8, distinct=3, jitter=jitter)
    found = nearest(features, features, 2, same=True)
    assert found.index.tolist() == _reference(features, features, 2, same=True)


def test_equal_rows_are_at_distance_zero() -> None:
    features = _features(1, 5, 1280, distinct=1, jitter=0)
    assert nearest(features, features, 1, same=True).distance.tolist() == [[0.0]] * 5


def test_distances_are_cosine_distances() -> None:
    rng = np.random.default_rng(0)
    a, b = _unit(rng.normal(size=(50, 7))), _unit(rng.normal(size=(50, 7)))
    assert distances(a, b) == pytest.approx(1 - (a.astype(np.float64) * b).sum(axis=1), abs=1e-6)
    assert distances(a, -a) == pytest.approx(2)


def _pairs(a: Features, b: Features, tau: float) -> list[tuple[int, int]]:
    return [
        (i, j) for rows, targets in near_pairs(a, b, tau) for i, j in zip(rows.tolist(), targets.tolist(), strict=True)
    ]


@settings(deadline=None)
@given(_sets(), st.sampled_from([0.0, 1e-9, 1e-7, 1e-4, 0.01, 0.5, 1.5, 2.5]))
def test_near_pairs_are_those_of_a_search_over_all_pairs(sets: tuple[Features, Features], tau: float) -> None:
    a, b = sets
    found = _pairs(a, b, tau)
    close = distances(a[:, None, :], b[None, :, :]) < tau if len(a) and len(b) else np.zeros((0, 0), dtype=np.bool_)
    assert len(found) == len(set(found))
    assert sorted(found) == [(int(i), int(j)) for i, j in np.argwhere(close)]


@pytest.mark.parametrize("dimensions", [8, 1280])
def test_pairs_on_the_threshold_are_decided_in_float64(dimensions: int) -> None:
    """Pairs within 1e-7 of tau: float32 similarities alone would get many of them wrong."""
    rng = np.random.default_rng(0)
    tau = 0.05
    a = _unit(rng.normal(size=(300, dimensions)))
    across = rng.normal(size=a.shape)
    upright = _unit(across - (across * a).sum(axis=1, keepdims=True) * a)
    cosine = 1 - tau + rng.uniform(-1e-7, 1e-7, size=(300, 1))
    b = (a * cosine + upright * np.sqrt(1 - cosine**2)).astype(np.float32)
    close = distances(a, b) < tau
    wrong_in_float32 = (1 - np.einsum("nd,nd->n", a, b) < np.float32(tau)) != close
    assert 50 < close.sum() < 250
    assert wrong_in_float32.sum() > 10
    own = {i for i, j in _pairs(a, b, tau) if i == j}
    assert own == set(np.flatnonzero(close).tolist())


def test_a_distance_of_exactly_tau_is_not_near() -> None:
    a, b = np.array([[1, 0]], dtype=np.float32), np.array([[0, 1]], dtype=np.float32)
    assert _pairs(a, b, 1.0) == []
    assert _pairs(a, b, np.nextafter(1.0, 2.0)) == [(0, 0)]


def test_near_pairs_come_in_blocks_of_rows() -> None:
    features = _features(0, 600, 4, distinct=600, jitter=0)
    assert len(list(near_pairs(features, features, 1e-3))) == 3


LINKS = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.lists(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=20), max_size=4),
    )
)


@settings(deadline=None)
@given(LINKS)
def test_components_are_those_of_a_search_by_hand(case: tuple[int, list[list[tuple[int, int]]]]) -> None:
    n, batches = case
    components = Components(n)
    for batch in batches:
        components.link(
            np.array([a for a, _ in batch], dtype=np.int64), np.array([b for _, b in batch], dtype=np.int64)
        )
    near: dict[int, set[int]] = {i: set() for i in range(n)}
    for a, b in (link for batch in batches for link in batch):
        near[a].add(b)
        near[b].add(a)
    expected, label = [-1] * n, 0
    for start in range(n):
        if expected[start] >= 0:
            continue
        todo = [start]
        while todo:
            each = todo.pop()
            if expected[each] < 0:
                expected[each] = label
                todo += near[each]
        label += 1
    assert components.labels().tolist() == expected


def test_components_follow_chains_that_arrive_in_any_order() -> None:
    links = list(pairwise(range(1000)))
    components = Components(1001)
    for start in range(0, len(links), 7):
        batch = links[::-1][start : start + 7]
        components.link(np.array([a for a, _ in batch]), np.array([b for _, b in batch]))
    assert components.labels().tolist() == [0] * 1000 + [1]
