"""The realism scores are the means, shares and areas they are said to be, and 0.5 for two sets of one law."""

import math

import numpy as np
import pytest
from cleanlab.rank import get_label_quality_scores
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from pytest_synthgate.features.matrix import feature_matrix
from pytest_synthgate.kinds import CLASSIFIED
from pytest_synthgate.scores.evaluate import score_sets
from pytest_synthgate.scores.fit import Examples, Probabilities
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.scores.real import reference
from pytest_synthgate.scores.realism import (
    area_under_curve,
    realism_errors,
    realism_scores,
    rungs_within,
    self_confidence,
)

Floats = NDArray[np.float64]
D = 16
LARGEST = 2000


def _rows(n: int, seed: int, shift: float = 0.0) -> Floats:
    return np.asarray(np.random.default_rng(seed).normal(size=(n, D)) + shift * np.eye(D)[0])


def _copies(originals: Floats, times: int, seed: int = 7) -> Floats:
    copies = np.repeat(originals, times, axis=0)
    return copies + 0.02 * np.random.default_rng(seed).normal(size=copies.shape)


def _measure(synthetic: Floats, real: Floats, at_most: int = LARGEST) -> Measurement:
    against = reference(feature_matrix(real))
    return score_sets(against, feature_matrix(synthetic), yardstick=False, at_most=at_most)


def _value(measurement: Measurement, score: str) -> float:
    value = measurement.scores[score].value
    assert value is not None
    return value


def _side(n: int) -> Examples:
    digests = tuple(map(str, range(n)))
    return Examples(np.zeros((n, 1), dtype=np.float32), digests, np.arange(n), np.zeros(n, dtype=np.uint64))


PROBABILITIES = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0]), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("size", "rungs"),
    [(0, ()), (29, ()), (30, (30,)), (199, (30, 50, 100)), (10**6, (30, 50, 100, 200, 500, 1000, 2000))],
)
def test_rungs_are_those_that_both_sides_reach(size: int, rungs: tuple[int, ...]) -> None:
    assert rungs_within(size) == rungs


@settings(deadline=None)
@given(PROBABILITIES, PROBABILITIES)
def test_quality_is_cleanlabs_label_quality_score(of_synthetic: list[float], of_real: list[float]) -> None:
    synthetic, real = np.array(of_synthetic), np.array(of_real)
    found = np.concatenate(self_confidence(synthetic, real))
    both = np.concatenate([synthetic, real])
    labels = np.repeat([1, 0], [len(synthetic), len(real)])
    assert found.tolist() == get_label_quality_scores(labels, np.column_stack([1 - both, both])).tolist()
    assert found == pytest.approx(np.concatenate([synthetic, 1 - real]))


@settings(deadline=None)
@given(PROBABILITIES, PROBABILITIES)
def test_the_area_is_that_of_scikit_learn(of_synthetic: list[float], of_real: list[float]) -> None:
    synthetic, real = np.array(of_synthetic), np.array(of_real)
    found = area_under_curve(Probabilities(synthetic[None], real[None], (1, 1)), len(synthetic), len(real))
    labels = np.repeat([1, 0], [len(synthetic), len(real)])
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert found.value == pytest.approx(roc_auc_score(labels, np.concatenate([synthetic, real])))
    assert found.low <= found.value <= found.high


def test_the_error_of_the_area_is_delongs() -> None:
    """By hand: placements 1, 1/2 and 1, 3/4, 1/2, 3/4 of 2 synthetic and 4 real images."""
    synthetic, real = np.array([0.9, 0.5]), np.array([0.1, 0.8, 0.6, 0.2])
    found = area_under_curve(Probabilities(synthetic[None], real[None], (2, 4)), 2, 4)
    error = np.sqrt(np.var([1, 0.5], ddof=1) / 2 + np.var([1, 0.5, 0.5, 1], ddof=1) / 4)
    assert found.value == 0.75
    assert (found.low, found.high) == pytest.approx((0.75 - 1.959964 * error, 1))


def test_scores_are_means_and_shares_over_images_of_the_mean_over_draws() -> None:
    synthetic = np.array([[0.95, 0.90, 0.20], [0.95, 0.92, 0.40]])
    real = np.array([[0.10, 0.50], [0.30, 0.50]])
    found = realism_scores(Probabilities(synthetic, real, (3, 2)), _side(3), _side(2))
    assert tuple(found) == CLASSIFIED
    assert found["unrealistic"].value == pytest.approx(np.mean([0.95, 0.91, 0.30]))
    assert found["unrepresentative"].value == pytest.approx(np.mean([0.80, 0.50]))
    assert found["obviously_fake"].value == pytest.approx(2 / 3)
    assert found["c2st_auc"].value == pytest.approx(5 / 6)


def test_draws_that_disagree_widen_every_interval() -> None:
    rng = np.random.default_rng(0)
    synthetic, real = rng.uniform(0.6, 1, 200), rng.uniform(0, 0.4, 200)
    tilt = np.array([[-0.05], [0.05]])
    agreed = Probabilities(np.stack([synthetic] * 2), np.stack([real] * 2), (200, 200))
    split = Probabilities(np.clip(synthetic + tilt, 0, 1), np.clip(real - tilt, 0, 1), (200, 200))
    one, other = (realism_scores(each, _side(200), _side(200)) for each in (agreed, split))
    for name in ("unrealistic", "unrepresentative", "obviously_fake"):
        assert (one[name].high or 0) - (one[name].low or 0) < (other[name].high or 0) - (other[name].low or 0)


@pytest.mark.parametrize("ratio", [1, 2, 5])
def test_a_perfect_generator_scores_one_half_at_any_ratio(ratio: int) -> None:
    found = _measure(_rows(300, 1), _rows(300 * ratio, 2))
    assert found.rung == 200
    for score in ("unrealistic", "unrepresentative"):
        assert _value(found, score) == pytest.approx(0.5, abs=0.02)


def test_without_balancing_the_ratio_decides() -> None:
    against = reference(feature_matrix(_rows(1500, 2)))
    found = score_sets(against, feature_matrix(_rows(300, 1)), definition="studio", yardstick=False)
    assert _value(found, "unrealistic") == pytest.approx(1 / 6, abs=0.02)
    assert _value(found, "unrepresentative") == pytest.approx(5 / 6, abs=0.02)
    assert (found.rung, found.rungs) == (None, {})


def test_near_copies_of_one_law_score_one_half() -> None:
    """Five near-copies of each draw; with copies across folds this would score 0.85."""
    found = _measure(_copies(_rows(120, 1), 5), _rows(600, 2))
    assert found.representatives == {"real": 600, "synthetic": 120}
    assert _value(found, "unrealistic") == pytest.approx(0.5, abs=0.04)
    assert _value(found, "unrepresentative") == pytest.approx(0.5, abs=0.04)


def test_copies_of_real_images_do_not_look_unreal() -> None:
    """Half of the set is copied from the real set, so a copy and its original must never straddle folds."""
    real = _rows(400, 2)
    found = _measure(np.concatenate([_copies(real[:200], 1), _rows(200, 1)]), real)
    assert _value(found, "unoriginal") == 0.5
    assert _value(found, "unrealistic") == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("shift", [0.0, 1.5])
def test_swapping_the_sets_swaps_the_two_scores(shift: float) -> None:
    one, other = _rows(200, 1, shift), _rows(300, 2)
    there, back = _measure(one, other), _measure(other, one)
    assert _value(there, "unrealistic") == pytest.approx(_value(back, "unrepresentative"), abs=1e-9)
    assert _value(there, "unrepresentative") == pytest.approx(_value(back, "unrealistic"), abs=1e-9)
    assert _value(there, "c2st_auc") == pytest.approx(_value(back, "c2st_auc"), abs=1e-9)


def test_a_clearer_difference_scores_higher_on_every_score() -> None:
    found = [_measure(_rows(300, 1, shift), _rows(300, 2)) for shift in (0.0, 1.0, 2.0, 4.0)]
    for score in ("unrealistic", "unrepresentative", "c2st_auc"):
        values = [_value(each, score) for each in found]
        assert values == sorted(values)
        assert values[-1] > 0.9


def test_the_score_grows_with_the_rung_so_each_rung_is_kept() -> None:
    against = reference(feature_matrix(_rows(1000, 2)))
    found = score_sets(against, feature_matrix(_rows(1000, 1, shift=1)), yardstick=False)
    by_rung = found.rungs["unrealistic"]
    assert list(by_rung) == ["30", "50", "100", "200", "500", "1000"]
    assert by_rung["1000"] == found.scores["unrealistic"]
    assert (by_rung["30"].value or 0) < (by_rung["1000"].value or 0)


def test_at_most_fits_the_next_smaller_rung_alone() -> None:
    found = _measure(_rows(300, 1), _rows(300, 2), at_most=150)
    assert found.rung == 100
    assert list(found.rungs["unrealistic"]) == ["100"]


def test_the_errors_of_every_rung_make_its_interval_but_for_the_draws() -> None:
    """The interval allows for the spread of one draw; the error of the mean over draws is smaller by their root."""
    against = reference(feature_matrix(_rows(150, 2)))
    found = score_sets(against, feature_matrix(_rows(120, 1, shift=1)), yardstick=False)
    for score in ("unrealistic", "unrepresentative"):
        assert list(found.errors[score]) == list(found.rungs[score]) == ["30", "50", "100"]
        for rung, errors in found.errors[score].items():
            whole = found.rungs[score][rung]
            assert whole.value is not None
            assert whole.high is not None
            spread = math.sqrt(5) * errors.classifier
            error = math.hypot(errors.synthetic, errors.real, spread)
            assert whole.high - whole.value == pytest.approx(1.959964 * error, rel=1e-6)


def test_one_draw_says_nothing_of_the_error_of_the_classifier() -> None:
    probabilities = Probabilities(np.array([[0.9, 0.6]]), np.array([[0.1, 0.3]]), (2, 2))
    errors = realism_errors(probabilities, _side(2), _side(2))
    assert [each.classifier for each in errors.values()] == [0, 0]
