"""Neighbours, near pairs and components are those of a float64 search over all pairs."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_synthgate.scores import blocks, bound, pairs, search
from pytest_synthgate.scores.links import FEATURES, Links
from pytest_synthgate.scores.neighbourhood import compared, listed_pairs, nearest_rows
from pytest_synthgate.scores.pairs import RowPairs, distances

Features = NDArray[np.float32]
Indices = NDArray[np.int64]


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


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_sets(), st.integers(1, 70))
def test_nearest_are_those_of_a_search_over_all_pairs(sets: tuple[Features, Features], k: int) -> None:
    queries, targets = sets
    found = nearest_rows(queries, targets, k)
    assert found.distance.shape == found.index.shape == (len(queries), k)
    for i, expected in enumerate(_reference(queries, targets, k, same=False)):
        missing = k - len(expected)
        assert found.index[i].tolist() == [*expected, *[-1] * missing]
        assert found.distance[i, : len(expected)].tolist() == distances(queries[i], targets[expected]).tolist()
        assert np.isinf(found.distance[i, len(expected) :]).all()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_sets(), st.integers(1, 70))
def test_within_one_set_no_row_is_its_own_neighbour(sets: tuple[Features, Features], k: int) -> None:
    features = np.concatenate(sets)
    found = nearest_rows(features, features, k, same=True)
    expected = [each + [-1] * (k - len(each)) for each in _reference(features, features, k, same=True)]
    assert found.index.tolist() == expected


@pytest.mark.parametrize("jitter", [0.0, 1e-6, 1e-4])
def test_ties_go_to_the_lowest_index_among_more_equal_rows_than_candidates(jitter: float) -> None:
    features = _features(0, 700, 8, distinct=3, jitter=jitter)
    found = nearest_rows(features, features, 2, same=True)
    assert found.index.tolist() == _reference(features, features, 2, same=True)


def test_equal_rows_are_at_distance_zero() -> None:
    features = _features(1, 5, 1280, distinct=1, jitter=0)
    assert nearest_rows(features, features, 1, same=True).distance.tolist() == [[0.0]] * 5


def test_distances_are_cosine_distances() -> None:
    rng = np.random.default_rng(0)
    a, b = _unit(rng.normal(size=(50, 7))), _unit(rng.normal(size=(50, 7)))
    assert distances(a, b) == pytest.approx(1 - (a.astype(np.float64) * b).sum(axis=1), abs=1e-6)
    assert distances(a, -a) == pytest.approx(2)


def _clusters(n: int, a: Indices, b: Indices) -> list[int]:
    return [int(label) for label in Links.of(a, b, 0.0, FEATURES).clusters(n)]


def _by_table(table: NDArray[np.float64]) -> tuple[list[float], list[int]]:
    """The nearest of each row of a table of distances, ties by index."""
    if not table.shape[1]:
        return [np.inf] * len(table), [-1] * len(table)
    index = np.where(np.isinf(table).all(axis=1), -1, table.argmin(axis=1))
    return table.min(axis=1).tolist(), index.tolist()


REACHES = st.sampled_from([1e-9, 1e-7, 1e-4, 0.01, 0.5, 1.5, 2.5])


@pytest.fixture(autouse=True, params=["every pair", "bounded"])
def small_blocks(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Several strips and columns of blocks for sets that are small, with a bound or without."""
    monkeypatch.setattr(blocks, "ROWS", 16)
    monkeypatch.setattr(blocks, "COLUMNS", 24)
    if request.param == "bounded":
        monkeypatch.setattr(bound, "_FEWEST", 2)
        monkeypatch.setattr(bound, "_AXES", (1, 2, 5))
        monkeypatch.setattr(bound, "_WORTH", 9.0)
        monkeypatch.setattr(search, "ONE_PAIR", 8)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_sets(), REACHES)
def test_two_sets_are_compared_as_a_table_of_all_pairs_says(sets: tuple[Features, Features], reach: float) -> None:
    a, b = sets
    table = distances(a[:, None, :], b[None, :, :]) if len(a) and len(b) else np.empty((len(a), len(b)))
    found = compared(a, b, reach=reach)
    near = np.where(table < reach, table, np.inf)
    assert (found.forth.distance[:, 0].tolist(), found.forth.index[:, 0].tolist()) == _by_table(near)
    rows, columns = np.nonzero(table < reach)
    assert found.near == len(rows)
    n = len(a) + len(b)
    assert _clusters(n, found.pairs.a, len(a) + found.pairs.b) == _clusters(n, rows, len(a) + columns)
    assert (table[found.pairs.a, found.pairs.b] < reach).all()
    assert len(found.pairs.a) < 2 * n + 1


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_sets(), REACHES, st.integers(1, 5))
def test_a_set_is_compared_with_itself_as_a_table_of_all_pairs_says(
    sets: tuple[Features, Features], reach: float, weight: int
) -> None:
    features = np.concatenate(sets)
    n = len(features)
    table = distances(features[:, None, :], features[None, :, :]) if n else np.empty((0, 0))
    np.fill_diagonal(table, np.inf)
    found = compared(features, reach=reach, weights=np.full(n, weight))
    told = np.where(table < reach, table, np.inf)
    assert (found.forth.distance[:, 0].tolist(), found.forth.index[:, 0].tolist()) == _by_table(told)
    rows, columns = np.nonzero(table < reach)
    assert found.near == weight**2 * len(rows) // 2
    assert _clusters(n, found.pairs.a, found.pairs.b) == _clusters(n, rows, columns)
    listed = listed_pairs(features, nearest_rows(features, features, 3, same=True), reach)
    assert _clusters(n, listed.a, listed.b) == _clusters(n, rows, columns)
    assert (table[listed.a, listed.b] < reach).all()


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
    found = compared(a, b, reach=tau)
    table = distances(a[:, None, :], b[None, :, :]) < tau if dimensions == 8 else np.diag(close)
    assert found.near == table.sum()
    assert {*found.pairs.a[found.pairs.a == found.pairs.b].tolist()} <= {*np.flatnonzero(close).tolist()}
    assert {*found.pairs.a.tolist()} == {*np.flatnonzero(table.any(axis=1)).tolist()}


def test_a_distance_of_exactly_tau_is_not_near() -> None:
    a, b = np.array([[1, 0]], dtype=np.float32), np.array([[0, 1]], dtype=np.float32)
    assert compared(a, b, reach=1.0).near == 0
    assert compared(a, b, reach=float(np.nextafter(1.0, 2.0))).near == 1


def test_a_cluster_of_any_size_is_joined_by_few_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two million near pairs, of which no list is made: each strip keeps what joins its rows."""
    monkeypatch.undo()
    features = _features(0, 2000, 16, distinct=1, jitter=1e-3)
    kept: list[int] = []

    def thin(*several: RowPairs) -> RowPairs:
        found = thinned(*several)
        kept.append(len(found.a))
        return found

    monkeypatch.setattr(search, "thinned", thin)
    found = compared(features, reach=0.01)
    assert found.near == 2000 * 1999 // 2
    assert len(found.pairs.a) < 2 * 2000
    assert max(kept) < 2000


thinned = pairs.thinned

PAIRS = st.integers(1, 30).flatmap(
    lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=60))
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PAIRS)
def test_clusters_are_those_of_a_search_by_hand(case: tuple[int, list[tuple[int, int]]]) -> None:
    n, pairs = case
    near: dict[int, set[int]] = {i: set() for i in range(n)}
    for a, b in pairs:
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
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    assert _clusters(n, *ends) == expected


def test_clusters_follow_chains_that_arrive_in_any_order() -> None:
    a = np.arange(1000)[::-1].copy()
    assert _clusters(1001, a, a + 1) == [0] * 1001
    assert _clusters(1002, a, a + 1) == [0] * 1001 + [1]
