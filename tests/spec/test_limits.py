"""Limits: what they may be, and which hold when none is declared."""

import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_synthgate.errors import SpecError
from pytest_synthgate.kinds import LIMITED
from pytest_synthgate.spec.limits import DEFAULT_LIMITS, Limit, Limits, as_limit, with_defaults

SHARES = [score for score in LIMITED if score != "unreadable"]


def test_a_number_is_the_highest_value() -> None:
    assert Limits(unvaried=0.05)["unvaried"] == Limit(max=0.05)


def test_a_table_and_a_limit_mean_the_same() -> None:
    table = {"max": 0.05, "warn": 0.03, "regression": 0.01, "when_unsure": "fail", "per_class": True}
    limit = Limit(max=0.05, warn=0.03, regression=0.01, when_unsure="fail", per_class=True)

    assert Limits(unvaried=table) == Limits(unvaried=limit) == {"unvaried": limit}


def test_limits_come_in_the_order_of_the_table() -> None:
    assert list(Limits(unreadable=0, unvaried=0.1, unrealistic=0.9)) == ["unrealistic", "unvaried", "unreadable"]


def test_limits_are_frozen_hashable_and_survive_pickling() -> None:
    limits = Limits(unvaried=0.05, unoriginal={"regression": 0.01})

    assert pickle.loads(pickle.dumps(limits)) == limits
    assert hash(limits) == hash(Limits(unoriginal={"regression": 0.01}, unvaried=0.05))
    with pytest.raises(TypeError):
        limits["unvaried"] = Limit(max=1)  # type: ignore[index]
    with pytest.raises(AttributeError):
        limits.other = 1  # type: ignore[attr-defined]


def test_the_repr_is_the_call() -> None:
    limits = Limits(unrealistic=0.9, unvaried={"max": 0.05, "when_unsure": "pass"}, unreadable=0)

    assert repr(limits) == "Limits(unrealistic=0.9, unvaried=Limit(max=0.05, when_unsure='pass'), unreadable=0)"
    assert eval(repr(limits)) == limits


def test_numpy_numbers_become_plain_ones() -> None:
    limits = Limits(unvaried=np.float32(0.5), unreadable=np.int64(3))  # type: ignore[arg-type]

    assert [type(limit.max) for limit in limits.values()] == [float, int]


@pytest.mark.parametrize(
    ("score", "declared", "message"),
    [
        ("unvared", 0.05, "unknown score 'unvared'; did you mean 'unvaried'?"),
        ("UNVARIED", 0.05, "unknown score 'UNVARIED'; did you mean 'unvaried'?"),
        ("kid", 0.05, f"unknown score 'kid'; give one of {', '.join(LIMITED)}"),
        ("unvaried", 5, "unvaried: max = 5 is out of range; give a number from 0 to 1"),
        ("unvaried", 1.001, "unvaried: max = 1.001 is out of range; give a number from 0 to 1"),
        ("unvaried", -0.1, "unvaried: max = -0.1 is out of range; give a number from 0 up"),
        ("unvaried", math.nan, "unvaried: max = nan is out of range; give a number from 0 up"),
        ("unvaried", math.inf, "unvaried: max = inf is out of range; give a number from 0 up"),
        ("unvaried", True, "unvaried: max = true is not valid; give a number"),
        ("unvaried", "0.05", "unvaried: max = '0.05' is not valid; give a number"),
        ("unvaried", [0.05], "unvaried: max = [...] is not valid; give a number"),
        ("unvaried", None, "unvaried: the limit has no bound; give max, warn or regression"),
        ("unvaried", {}, "unvaried: the limit has no bound; give max, warn or regression"),
        ("unvaried", {"per_class": True}, "unvaried: the limit has no bound; give max, warn or regression"),
        ("unvaried", {"maxx": 0.05}, "unvaried: unknown key 'maxx'; did you mean 'max'?"),
        (
            "unvaried",
            {"max": 0.05, "warn": 0.05},
            "unvaried: warn = 0.05 is not below max = 0.05; a warning comes before a failure",
        ),
        ("unvaried", {"max": 0.05, "warn": -1}, "unvaried: warn = -1 is out of range; give a number from 0 up"),
        ("unvaried", {"regression": 1.5}, "unvaried: regression = 1.5 is out of range; give a number from 0 to 1"),
        (
            "unvaried",
            {"max": 0.05, "when_unsure": "skip"},
            "unvaried: when_unsure = 'skip' is not valid; give 'score', 'pass' or 'fail'",
        ),
        (
            "unvaried",
            {"regression": 0.05, "when_unsure": "pass"},
            "unvaried: when_unsure = 'pass' has no max to apply to; give one or remove it",
        ),
        ("unvaried", {"max": 0.05, "per_class": 1}, "unvaried: per_class = 1 is not valid; give true or false"),
        ("unreadable", 0.5, "unreadable: max = 0.5 is not a count of files; give a whole number"),
        ("unreadable", -1, "unreadable: max = -1 is out of range; give a number from 0 up"),
        (
            "unreadable",
            {"max": 3, "per_class": True},
            "unreadable: per_class is not possible for this score; remove it",
        ),
        (
            "collision_rate",
            {"max": 0.1, "per_class": True},
            "collision_rate: per_class is not possible for this score; remove it",
        ),
        (
            "unreadable",
            {"max": 3, "when_unsure": "fail"},
            "unreadable: a count has no interval to be unsure about; remove when_unsure",
        ),
    ],
)
def test_a_limit_that_cannot_be_says_why(score: str, declared: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        Limits(**{score: declared})

    assert str(caught.value) == message


@settings(deadline=None)
@given(st.sampled_from(SHARES), st.floats(0, 1))
def test_every_share_takes_every_number_from_0_to_1(score: str, value: float) -> None:
    assert as_limit(score, value).max == value


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_a_warning_is_accepted_exactly_below_the_limit(warn: float, highest: float) -> None:
    if warn < highest:
        assert Limit(max=highest, warn=warn).warn == warn
    else:
        with pytest.raises(SpecError, match="is not below max"):
            Limit(max=highest, warn=warn)


def test_unreadable_counts_beyond_one() -> None:
    assert Limits(unreadable=25)["unreadable"].max == 25


def test_without_declared_limits_the_defaults_hold() -> None:
    assert with_defaults({}) == DEFAULT_LIMITS == Limits(unvaried=0.05, unoriginal=0.01, unreadable=0)


def test_a_declared_limit_ends_the_defaults_but_for_unreadable_files() -> None:
    assert with_defaults({"unrealistic": Limit(max=0.9)}) == Limits(unrealistic=0.9, unreadable=0)


def test_declaring_unreadable_alone_leaves_the_default_scores() -> None:
    assert with_defaults({"unreadable": Limit(max=3)}) == Limits(unvaried=0.05, unoriginal=0.01, unreadable=3)


def test_a_limit_switched_off_takes_no_other_with_it() -> None:
    assert with_defaults({"unvaried": None}) == Limits(unoriginal=0.01, unreadable=0)
    assert with_defaults({"unreadable": None, "unvaried": Limit(max=0.1)}) == Limits(unvaried=0.1)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(LIMITED), st.one_of(st.none(), st.just(Limit(regression=0)))))
def test_a_declared_limit_always_stands_and_one_switched_off_never_does(declared: dict[str, Limit | None]) -> None:
    limits = with_defaults(declared)

    for score, limit in declared.items():
        assert limits.get(score) == limit
    assert "unreadable" in {*limits, *declared}
