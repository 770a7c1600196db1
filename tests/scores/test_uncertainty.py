"""Intervals and design effects agree with closed forms and with scipy."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2, norm

from pytest_synthgate.scores.score import Score
from pytest_synthgate.scores.uncertainty import (
    clopper_pearson,
    effective_size,
    influence_errors,
    normal_interval,
    normal_reach,
    rate_of_pairs,
    share,
    share_of,
    shared_level,
    variance,
)

SIZES = st.lists(st.integers(1, 20), min_size=1, max_size=30)


def _labels(sizes: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.repeat(np.arange(len(sizes)), sizes)


@settings(deadline=None)
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.sampled_from([0.9, 0.95]))
def test_whole_counts_have_the_exact_interval_of_scipy(counts: tuple[int, int], level: float) -> None:
    expected = binomtest(*counts).proportion_ci(level, method="exact")
    assert clopper_pearson(*counts, level=level) == pytest.approx((expected.low, expected.high), abs=1e-9)


@settings(deadline=None)
@given(st.integers(2, 200).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))), st.floats(0.01, 0.99))
def test_fractional_counts_lie_between_their_neighbours(counts: tuple[int, int], part: float) -> None:
    successes, n = counts
    below, above = clopper_pearson(successes, n), clopper_pearson(successes + 1, n)
    low, high = clopper_pearson(successes + part, n)
    assert below[0] <= low <= above[0]
    assert below[1] <= high <= above[1]


def test_none_and_all_have_the_closed_form() -> None:
    assert clopper_pearson(0, 100) == pytest.approx((0, 1 - 0.025 ** (1 / 100)))
    assert clopper_pearson(100, 100) == pytest.approx((0.025 ** (1 / 100), 1))


@given(st.integers(1, 50), st.integers(1, 50))
def test_clusters_of_one_size_count_once_each(clusters: int, size: int) -> None:
    assert effective_size(_labels([size] * clusters)) == pytest.approx(clusters)


@given(SIZES)
def test_effective_size_is_between_one_and_the_number_of_clusters(sizes: list[int]) -> None:
    expected = sum(sizes) / (sum(size**2 for size in sizes) / sum(sizes))
    found = effective_size(_labels(sizes))
    assert found == pytest.approx(expected)
    assert 1 - 1e-9 <= found <= len(sizes) + 1e-9


def test_no_images_are_worth_none() -> None:
    assert effective_size(np.array([], dtype=np.int64)) == 0.0


def test_a_share_of_images_on_their_own_is_binomial() -> None:
    found = share(np.arange(50) < 7, np.arange(50))
    expected = binomtest(7, 50).proportion_ci(method="exact")
    assert (found.value, found.n, found.effective) == (0.14, 50, 50)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@given(st.integers(1, 10), st.integers(1, 10), st.integers(0, 100))
def test_flagged_clusters_of_one_size_count_once_each(clusters: int, size: int, others: int) -> None:
    flagged = clusters * size
    labels = _labels([size] * clusters + [1] * others)
    found = share(np.arange(len(labels)) < flagged, labels)
    assert found.value == pytest.approx(flagged / len(labels))
    assert found.effective == pytest.approx(len(labels) / size)
    assert (found.low, found.high) == pytest.approx(clopper_pearson(clusters, len(labels) / size))


@given(st.lists(st.integers(0, 8), max_size=40), st.integers(1, 20))
def test_the_sizes_of_the_flagged_clusters_are_all_that_a_share_needs(flagged: list[int], others: int) -> None:
    labels = np.array([*flagged, *range(others)])
    flags = np.arange(len(labels)) < len(flagged)
    sizes = np.array([*Counter(flagged).values()], dtype=np.int64)
    assert share_of(sizes, len(labels), 0.9) == share(flags, labels, 0.9)


@pytest.mark.parametrize(("looks", "level"), [(0, 0.95), (1, 0.95), (2, 0.975), (50, 0.999)])
def test_intervals_that_share_their_error_cover_more(looks: int, level: float) -> None:
    assert shared_level(looks) == pytest.approx(level)


def test_a_collapse_onto_one_image_is_worth_one_observation() -> None:
    found = share(np.ones(40, dtype=np.bool_), np.zeros(40, dtype=np.int64))
    assert (found.value, found.low, found.high) == pytest.approx((1, 0.025, 1))


def test_a_share_of_nothing_has_no_value() -> None:
    assert share(np.array([], dtype=np.bool_), np.array([], dtype=np.int64)) == Score(None)


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=60))
def test_the_interval_of_a_share_holds_it(images: list[tuple[int, bool]]) -> None:
    labels, flags = np.array([label for label, _ in images]), np.array([flag for _, flag in images])
    found = share(flags, labels)
    assert found.low is not None
    assert found.value is not None
    assert found.high is not None
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_a_higher_level_is_wider() -> None:
    flags, labels = np.arange(50) < 7, np.arange(50)
    narrow, wide = share(flags, labels), share(flags, labels, 0.99)
    assert (wide.low or 0) < (narrow.low or 0) < (narrow.high or 0) < (wide.high or 0)


@pytest.mark.parametrize("pairs", [1, 7, 60])
def test_twins_collide_at_a_poisson_rate(pairs: int) -> None:
    """Every cluster a pair: the count is Poisson, with Garwood's interval."""
    n = 200
    found = rate_of_pairs(_labels([2] * pairs + [1] * (n - 2 * pairs)), pairs)
    possible = n * (n - 1) / 2
    assert found.value == pytest.approx(pairs / possible)
    assert (found.low, found.high) == pytest.approx(
        (chi2.ppf(0.025, 2 * pairs) / 2 / possible, chi2.ppf(0.975, 2 * pairs + 2) / 2 / possible)
    )


def test_pairs_of_one_cluster_count_once() -> None:
    n, size, clusters = 300, 5, 6
    each = size * (size - 1) / 2
    found = rate_of_pairs(_labels([size] * clusters + [1] * (n - size * clusters)), int(clusters * each))
    possible = n * (n - 1) / 2
    assert found.value == pytest.approx(clusters * each / possible)
    assert (found.low, found.high) == pytest.approx(
        tuple(each * bound / possible for bound in (chi2.ppf(0.025, 12) / 2, chi2.ppf(0.975, 14) / 2))
    )


def test_without_pairs_the_rate_is_zero_with_the_rule_of_three() -> None:
    found = rate_of_pairs(np.arange(100), 0)
    assert (found.value, found.low, found.high) == pytest.approx((0, 0, -math.log(0.025) / 4950))


@pytest.mark.parametrize("n", [0, 1])
def test_a_rate_of_pairs_needs_two_images(n: int) -> None:
    assert rate_of_pairs(np.arange(n), 0) == Score(None)


def test_all_images_equal_collide_always() -> None:
    found = rate_of_pairs(np.zeros(10, dtype=np.int64), 45)
    assert (found.value, found.high) == (1.0, 1.0)


def test_normal_intervals_are_kept_within_zero_and_one() -> None:
    assert normal_reach(0.1, 0.9) == pytest.approx(0.1 * norm.ppf(0.95))
    assert normal_interval(0.5, 0.1) == pytest.approx((0.5 - 0.196, 0.5 + 0.196), abs=1e-4)
    assert normal_interval(0.05, 0.1)[0] == 0.0
    assert normal_interval(0.95, 0.1)[1] == 1.0


def test_a_single_value_has_no_variance() -> None:
    assert (variance(np.array([3.0])), variance(np.array([1.0, 3.0]))) == (0.0, 2.0)


def test_the_errors_of_realism_are_those_of_its_influence_function() -> None:
    synthetic, real = np.array([0.9, 0.5, 0.8]), np.array([0.1, 0.2, 0.6, 0.4])
    of_s, of_r = np.var(1 - (1 - synthetic) ** 2, ddof=1), np.var(real**2, ddof=1)
    assert influence_errors(synthetic, real, 3, 4) == pytest.approx((math.sqrt(of_s / 3), math.sqrt(of_r / 4)))


def test_swapping_the_sets_swaps_the_errors_of_realism() -> None:
    """P(real) takes the place of P(synthetic): the same errors up to the sign."""
    synthetic, real = np.array([0.9, 0.5, 0.8]), np.array([0.1, 0.2, 0.6, 0.4])
    swapped = influence_errors(1 - real, 1 - synthetic, 4, 3)
    assert swapped == pytest.approx(influence_errors(synthetic, real, 3, 4)[::-1])
