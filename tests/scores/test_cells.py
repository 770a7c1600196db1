"""Very large sets: few of all pairs are looked at, each once, and what that finds is measured."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_synthgate import evaluate
from pytest_synthgate.features.matrix import feature_matrix
from pytest_synthgate.scores import blocks, cells
from pytest_synthgate.scores.blocks import Everything, Recall
from pytest_synthgate.scores.candidates import Best
from pytest_synthgate.scores.cells import Cells, blocks_for
from pytest_synthgate.scores.neighbourhood import compared, nearest_rows
from pytest_synthgate.scores.pairs import distances
from pytest_synthgate.scores.real import reference
from pytest_synthgate.scores.threads import computing

Features = NDArray[np.float32]


def _unit(rows: NDArray[np.float64]) -> Features:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _groups(seed: int, n: int, *, of: int = 12, d: int = 6) -> Features:
    """Rows around a few directions, so that cells have something to find."""
    rng = np.random.default_rng(seed)
    directions = np.random.default_rng(0).normal(size=(of, d))
    return _unit(directions[rng.integers(of, size=n)] + 0.2 * rng.normal(size=(n, d)))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "EXACT_UP_TO", 20)
    for module in (blocks, cells):
        monkeypatch.setattr(module, "ROWS", 16)
        monkeypatch.setattr(module, "COLUMNS", 24)


def test_sets_up_to_the_limit_are_looked_at_in_full() -> None:
    few = _groups(0, 20)
    with computing() as threads:
        assert blocks_for(few, few, 0.1, same=True, threads=threads) == Everything(20, 20, same=True)
    assert nearest_rows(few, few, same=True).recall is None
    assert compared(few, reach=0.1).recall is None


def test_few_rows_are_compared_with_all_of_many() -> None:
    few, many = _groups(0, 4), _groups(1, 100)
    assert nearest_rows(few, many).recall is None
    assert nearest_rows(many, few).recall is None
    assert nearest_rows(_groups(0, 5), many).recall is not None


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32 - 2), st.integers(21, 90), st.integers(21, 90), st.sampled_from([0.01, 0.1, 0.5]))
def test_who_looks_into_every_cell_finds_all(seed: int, n: int, m: int, reach: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "_FEWEST", 1000)
        patch.setattr(cells, "_MOST", 1000)
        a, b = _groups(seed, n), _groups(seed + 1, m)
        table = distances(a[:, None, :], b[None, :, :])
        found = compared(a, b, reach=reach)
        assert found.recall is not None
        assert found.recall in {Recall(None, 1.0), Recall(None, None)}  # the few of the sample may have no near pair
        assert found.near == (table < reach).sum()
        assert found.forth.distance[:, 0].tolist() == np.where(table < reach, table, np.inf).min(axis=1).tolist()
        nearest = nearest_rows(a, b)
        assert nearest.distance[:, 0].tolist() == table.min(axis=1).tolist()
        assert nearest.recall == Recall(1.0, None)
        within = distances(a[:, None, :], a[None, :, :])
        np.fill_diagonal(within, np.inf)
        assert compared(a, reach=reach).near == (within < reach).sum() // 2
        listed = nearest_rows(a, a, 3, same=True)
        assert listed.distance.tolist() == np.sort(within, axis=1)[:, :3].tolist()


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.integers(21, 90), st.integers(1, 4))
def test_a_pair_is_met_once_if_either_looks_into_the_cell_of_the_other(seed: int, n: int, probed: int) -> None:
    rng = np.random.default_rng(seed)
    cell = rng.integers(5, size=n)
    probes = np.argsort(rng.random((n, 5)), axis=1)[:, :probed]
    some = Cells.of(probes.astype(np.int32), cell.astype(np.int32), Recall(1.0, 1.0))
    met: list[tuple[int, int]] = []
    for number in range(some.strips):
        for rows, columns in some.strip(number):
            assert isinstance(rows, np.ndarray)
            assert isinstance(columns, np.ndarray)
            assert len(rows) <= 16
            assert len(columns) <= 24
            i, j = (each.ravel() for each in np.meshgrid(rows, columns, indexing="ij"))
            assert (probes[i] == cell[j][:, None]).any(axis=1).all()
            once = some.first_met(i, j)
            met += [(min(pair), max(pair)) for pair in zip(i[once].tolist(), j[once].tolist(), strict=True)]
    looked = (probes[:, None, :] == cell[None, :, None]).any(axis=2)
    expected = {(i, j) for i in range(n) for j in range(i + 1, n) if looked[i, j] or looked[j, i]}
    assert len(met) == len(set(met))
    assert set(met) == expected


@pytest.mark.parametrize("same", [False, True])
def test_first_looks_are_at_rows_that_are_met(same: bool) -> None:
    a = _groups(7, 200)
    b = a if same else _groups(8, 150)
    with computing() as threads:
        some = blocks_for(a, b, same=same, threads=threads)
    assert isinstance(some, Cells)
    looks = list(some.first_looks())
    rows = np.concatenate([block[0] for block in looks])
    assert sorted(rows.tolist()) == list(range(200))
    for i, j in looks:
        assert (some.probes[i][:, :, None] == some.cell[j]).any(axis=1).all()
    best, table = Best.sampled(a, b, 2, some, same=same), a @ b.T
    if same:
        np.fill_diagonal(table, -np.inf)
    assert np.isfinite(best.floor).mean() > 0.9
    assert (best.floor <= np.sort(table, axis=1)[:, -2]).all()


def test_no_more_is_found_than_the_recall_says() -> None:
    """4,000 rows without any structure, of whose neighbours cells find but a part."""
    rows = _unit(np.random.default_rng(1).normal(size=(4000, 24)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "_FEWEST", 4)
        patch.setattr(cells, "_MOST", 4)
        found = nearest_rows(rows[:2000], rows[2000:])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "EXACT_UP_TO", 2000)
        exact = nearest_rows(rows[:2000], rows[2000:])
    share = float((found.index == exact.index).mean())
    assert found.recall is not None
    assert found.recall.nearest is not None
    assert 0.1 < found.recall.nearest < 0.9
    assert found.recall.nearest == pytest.approx(share, abs=4 * np.sqrt(0.25 / 500))
    assert (found.distance >= exact.distance).all()


def test_near_pairs_are_found_where_chance_alone_joins_nothing_else() -> None:
    rng = np.random.default_rng(2)
    rows = _unit(rng.normal(size=(2000, 64)))
    copies = _unit(rows + 0.02 * rng.normal(size=rows.shape))
    found = compared(copies, rows, reach=0.05)
    assert found.near == 2000 == (1 - copies @ rows.T < 0.05).sum()
    assert found.recall is not None
    assert found.recall.near == 1.0


def test_links_among_the_real_are_searched_with_tau_where_their_lists_have_gaps() -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(400, 64))
    real = feature_matrix(np.concatenate([rows, rows[:60] + 0.02 * rng.normal(size=(60, 64))]))
    found = reference(real)
    assert found.recall is not None
    assert found.recall.near is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "EXACT_UP_TO", 460)
        exact = reference(real)
    assert len(exact.links.a) == 60
    assert exact.recall is None
    assert len(found.links.a) >= 54


def test_nothing_is_said_of_what_the_sample_does_not_show() -> None:
    told = Recall.least(None, Recall(0.9, None), Recall(0.8, 0.99))
    assert told == Recall(0.8, 0.99)
    assert str(told).endswith("found 99.00% of the near-duplicates and 80.0% of the nearest images; some go unseen")
    assert str(Recall(0.9, None)).endswith("found 90.0% of the nearest images; no near-duplicate is in the sample")
    assert str(Recall(None, 0.9995)).endswith("found 99.95% of the near-duplicates")
    assert Recall.least(Recall(0.9, None), Recall(None, 0.99)) == Recall(0.9, 0.99)
    assert Recall.least(None, None) is None


def test_the_same_rows_give_the_same_plan() -> None:
    a, b = _groups(3, 300), _groups(4, 200)
    with computing() as threads:
        first, again = (blocks_for(a, b, 0.1, same=False, threads=threads) for _ in range(2))
    assert isinstance(first, Cells)
    assert isinstance(again, Cells)
    assert np.array_equal(first.probes, again.probes)
    assert np.array_equal(first.cell, again.cell)


def test_a_measurement_of_very_large_sets_says_what_the_search_found() -> None:
    real, synthetic = _groups(5, 300), _groups(6, 100)
    measurement = evaluate(real, synthetic)
    recall = measurement.recorded["recall"]
    assert 0 < recall["nearest"] <= 1
    assert measurement.warnings[0].startswith(
        "few of all pairs of so many images were looked at; on a sample that found"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "EXACT_UP_TO", 300)
        exact = evaluate(real, synthetic)
    assert "recall" not in exact.recorded
    assert exact.warnings == ()
