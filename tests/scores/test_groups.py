"""Scores by group: those of the group's images, worst first, with intervals for many looks."""

import numpy as np
import pytest
from scipy.stats import t

from pytest_synthgate.features.matrix import feature_matrix
from pytest_synthgate.scores.fit import Probabilities
from pytest_synthgate.scores.groups import Axis, breakdown
from pytest_synthgate.scores.links import NearDuplicates
from pytest_synthgate.scores.score import Score
from pytest_synthgate.scores.uncertainty import share

SYNTHETIC = feature_matrix(np.eye(8)[:6], list("abcdef"), list("012345"))
REAL = feature_matrix(np.eye(8)[:4], list("wxyz"), list("0123"))
COPIES = NearDuplicates(
    unvaried=np.array([True, True, False, False, True, False]),
    unoriginal=np.array([False, True, False, False, False, True]),
    synthetic=np.array([0, 0, 1, 2, 0, 3]),
    real=np.arange(4),
    joint=np.array([0, 0, 1, 2, 0, 3, 4, 5, 6, 7]),
    pairs=3,
)
FIT = Probabilities(np.array([[0.9, 0.8, 0.5, 0.6, 0.95, 0.1]]), np.array([[0.2, 0.4, 0.6, 0.9]]), (6, 4))
CONTEXT = Axis(dict(zip("abcdef", ["bowl", "bowl", "bag", "bag", "bag", "bag"], strict=True)))
CLASS = Axis({"a": "apple", "b": "apple", "c": "pear", "d": "pear"}, {"w": "apple", "x": "apple", "y": "plum"})


def test_a_group_has_the_share_of_its_images_with_a_corrected_interval() -> None:
    found = breakdown({"context": CONTEXT}, SYNTHETIC, REAL, COPIES, FIT)["context"]
    level = 1 - 0.05 / 2
    assert found["bowl"]["unvaried"] == share(np.array([True, True]), np.array([0, 0]), level)
    assert found["bag"]["unvaried"] == share(COPIES.unvaried[2:], COPIES.joint[2:6], level)
    assert found["bag"]["obviously_fake"].value == 0.25
    assert found["bowl"]["unrealistic"].value == pytest.approx(0.85)
    assert "unrepresentative" not in found["bag"]


def test_a_group_flags_an_image_whose_twin_is_in_another_group() -> None:
    found = breakdown({"context": CONTEXT}, SYNTHETIC, REAL, COPIES, FIT)["context"]
    assert found["bag"]["unvaried"].value == 0.25


def test_groups_come_worst_first_whatever_their_names() -> None:
    names = dict(zip("abcdef", ["z", "z", "m", "m", "a", "a"], strict=True))
    found = breakdown({"context": Axis(names)}, SYNTHETIC, REAL, COPIES, FIT)["context"]
    assert [(name, scores["unvaried"].value) for name, scores in found.items()] == [("z", 1), ("a", 0.5), ("m", 0)]


def test_images_without_a_group_count_in_none() -> None:
    found = breakdown({"class": CLASS}, SYNTHETIC, REAL, COPIES, FIT)["class"]
    assert {name: scores["unvaried"].n for name, scores in found.items()} == {"apple": 2, "pear": 2}


def test_real_images_of_the_same_class_give_unrepresentative() -> None:
    found = breakdown({"class": CLASS}, SYNTHETIC, REAL, COPIES, FIT)["class"]
    assert found["apple"]["unrepresentative"].value == pytest.approx((0.8 + 0.6) / 2)
    assert "unrepresentative" not in found["pear"]


def test_without_a_fit_only_copies_are_broken_down() -> None:
    found = breakdown({"class": CLASS}, SYNTHETIC, REAL, COPIES, None)["class"]
    assert set(found["apple"]) == {"unvaried", "unoriginal"}


def test_one_image_of_a_group_says_nothing_about_its_mean() -> None:
    found = breakdown({"of": Axis({"f": "alone"})}, SYNTHETIC, REAL, COPIES, FIT)["of"]["alone"]
    assert found["unrealistic"] == Score(0.1, 0.0, 1.0, 1, 1.0)
    assert found["unoriginal"].low == pytest.approx(0.025)


def test_two_images_that_agree_are_as_unsure_as_the_spread_of_their_set() -> None:
    every = [0.45, 0.55, 0.5, 0.5, 0.48, 0.52]
    fit = Probabilities(np.array([every]), FIT.real, FIT.learned_from)
    found = breakdown({"of": Axis({"c": "pair", "d": "pair"})}, SYNTHETIC, REAL, COPIES, fit)["of"]["pair"][
        "unrealistic"
    ]
    expected = t(df=1, loc=0.5, scale=np.std(every, ddof=1) / 2**0.5).interval(0.95)
    assert (found.low, found.high) == pytest.approx(expected)


def test_no_axes_and_empty_axes_give_no_groups() -> None:
    assert breakdown({}, SYNTHETIC, REAL, COPIES, FIT) == {}
    assert breakdown({"class": Axis({})}, SYNTHETIC, REAL, COPIES, FIT) == {"class": {}}
