"""Where a score changed for good: seldom where nothing did, mostly where something did, by simulation.

And what of a history can be compared: one fingerprint, one rung.
"""

import functools
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm

from pytest_synthgate.errors import HistoryError
from pytest_synthgate.scores.score import Score
from pytest_synthgate.scores.uncertainty import clopper_pearson
from pytest_synthgate.tracking.changes import LASTING, Change, Point, ScoreTrend, find_changes, trends
from pytest_synthgate.tracking.row import HistoryRow

from .conftest import row

Array = NDArray[np.float64]
ROW = row()
Z95 = 1.959964
SEQUENCES = 500


def points(values: Sequence[float] | Array, error: Any = 0.0, again: Sequence[bool] | None = None) -> list[Point]:
    """Make a series of values with their standard errors."""
    n = len(values)
    reach = Z95 * np.broadcast_to(np.asarray(error, dtype=np.float64), n)
    repeated = [False] * n if again is None else again
    return [
        Point(ROW, Score(float(value), float(value - r), float(value + r)), a)
        for value, r, a in zip(values, reach, repeated, strict=True)
    ]


def places(found: tuple[Change, ...]) -> list[int]:
    return [change.index for change in found]


def alarms(sequences: Sequence[list[Point]]) -> float:
    """Share of sequences in which a change is found."""
    return float(np.mean([bool(find_changes(each)) for each in sequences]))


# False alarms


@pytest.mark.parametrize("length", [10, 30, 100])
def test_a_score_that_stays_the_same_seldom_changes(length: int) -> None:
    noise = np.random.default_rng(length).normal(0.5, 0.02, (SEQUENCES, length))
    assert alarms([points(each, 0.02) for each in noise]) <= 0.05


@pytest.mark.parametrize("length", [10, 30, 100])
def test_sets_that_differ_in_size_make_no_change(length: int) -> None:
    random = np.random.default_rng(length)
    errors = random.choice([0.01, 0.05], (SEQUENCES, length))
    sequences = [points(random.normal(0.5, each), each) for each in errors]
    growing = np.where(np.arange(length) < length / 2, 0.05, 0.01)
    sequences += [points(random.normal(0.5, growing), growing) for _ in range(SEQUENCES)]
    assert alarms(sequences) <= 0.05


@functools.cache
def interval(count: int, n: int) -> tuple[float, float]:
    return clopper_pearson(count, n)


def shares(counts: NDArray[np.int64], n: int) -> list[Point]:
    """Make a series of shares with their exact intervals."""
    return [Point(ROW, Score(count / n, *interval(int(count), n)), again=False) for count in counts]


@pytest.mark.parametrize("length", [10, 30, 100])
@pytest.mark.parametrize(("n", "share"), [(1000, 0.0005), (1000, 0.003), (1000, 0.02), (200, 0.1), (100, 0.98)])
def test_a_share_that_stays_the_same_seldom_changes(n: int, share: float, length: int) -> None:
    counts = np.random.default_rng(length).binomial(n, share, (SEQUENCES, length))
    assert alarms([shares(each, n) for each in counts]) <= 0.05


@pytest.mark.parametrize("length", [10, 30, 100])
@pytest.mark.parametrize("few", [0.3, 3])
def test_a_score_at_its_ceiling_seldom_changes(few: float, length: int) -> None:
    """Of 1,000 images some few are not sure to be fake; the interval shrinks with them, to nothing without any."""
    random = np.random.default_rng(length)
    doubts = random.uniform(size=(SEQUENCES, length, 20)) * (
        np.arange(20) < random.poisson(few, (SEQUENCES, length, 1))
    )
    values, errors = 1 - doubts.sum(axis=2) / 1000, np.sqrt((doubts**2).sum(axis=2)) / 1000
    assert alarms([points(*each) for each in zip(values, errors, strict=True)]) <= 0.05


@pytest.mark.parametrize("times", [3, 10])
def test_the_same_images_measured_again_and_again_are_no_evidence(times: int) -> None:
    random = np.random.default_rng(times)
    again = [number % times > 0 for number in range(10 * times)]
    values = np.repeat(random.normal(0.5, 0.02, (SEQUENCES, 10)), times, axis=1)
    assert alarms([points(each, 0.02, again) for each in values]) <= 0.05
    # Taken for evidence, the repeats would change what nothing changed.
    assert alarms([points(each, 0.02) for each in values]) > 0.25


# Power


@pytest.mark.parametrize(
    ("length", "at", "errors", "power"),
    [(10, 5, 3, 0.95), (30, 15, 1.5, 0.85), (30, 7, 2, 0.9), (100, 50, 1, 0.95), (100, 25, 1, 0.85)],
)
@pytest.mark.parametrize("direction", [1, -1])
def test_a_score_that_changes_is_found_to(length: int, at: int, errors: float, power: float, direction: int) -> None:
    values = np.random.default_rng(length).normal(0.5, 0.02, (SEQUENCES, length))
    values[:, at:] += direction * errors * 0.02
    found = [find_changes(points(each, 0.02)) for each in values]
    assert np.mean([bool(each) for each in found]) >= power
    first = [each[0] for each in found if each]
    assert np.median([abs(each.index - at) for each in first]) <= 2
    assert np.median([each.after - each.before for each in first]) == pytest.approx(direction * errors * 0.02, rel=0.2)


def test_a_share_that_doubles_is_found_to() -> None:
    random = np.random.default_rng(0)
    counts = np.hstack([random.binomial(1000, share, (SEQUENCES, 10)) for share in (0.02, 0.04)])
    assert alarms([shares(each, 1000) for each in counts]) >= 0.95


def test_changes_there_and_back_are_all_found() -> None:
    random = np.random.default_rng(0)
    levels = np.repeat([0.2, 0.5, 0.2, 0.8], 10)
    found = [places(find_changes(points(random.normal(levels, 0.02), 0.02))) for _ in range(100)]
    assert np.mean([each == [10, 20, 30] for each in found]) >= 0.8


# Exactly


@pytest.mark.parametrize("value", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("error", [0.0, 0.02])
def test_equal_values_never_change(value: float, error: float) -> None:
    assert find_changes(points([value] * 100, error)) == ()


@pytest.mark.parametrize("again", [True, False])
@pytest.mark.parametrize("error", [0.0, 0.02])
def test_equal_values_that_jump_are_a_change(error: float, again: bool) -> None:
    repeated = [again and number not in (0, 12) for number in range(20)]
    found = find_changes(points([0.25] * 12 + [0.5] * 8, error, repeated))
    assert found == (Change(12, 0.25, 0.5),)


def test_each_set_of_images_may_be_measured_many_times() -> None:
    levels = [0.1, 0.1, 0.11, 0.5, 0.1]
    values = [level for level in levels for _ in range(5)]
    found = find_changes(points(values, 0.02, [number % 5 > 0 for number in range(25)]))
    assert places(found) == [15, 20]
    assert [change.after for change in found] == [0.5, 0.1]


def test_equal_values_jump_by_more_than_the_noise_of_their_images_or_not_at_all() -> None:
    again = [number not in (0, 10) for number in range(20)]
    noise = 0.02 * 2**0.5
    assert find_changes(points([0.5] * 10 + [0.5 + 1.95 * noise] * 10, 0.02, again)) == ()
    assert places(find_changes(points([0.5] * 10 + [0.5 + 1.97 * noise] * 10, 0.02, again))) == [10]


@pytest.mark.parametrize("half", [3, 4, 10])
def test_the_largest_of_several_differences_is_held_against_the_bound_of_bonferroni(half: int) -> None:
    tried = 2 * half - 2 * LASTING + 1
    step = norm.isf(0.025 / tried) * 0.02 * (2 / half) ** 0.5
    assert find_changes(points([0.5] * half + [0.5 + step * 0.99] * half, 0.02)) == ()
    assert places(find_changes(points([0.5] * half + [0.5 + step * 1.01] * half, 0.02))) == [half]


def test_a_level_is_the_mean_of_its_values_by_their_precision() -> None:
    error = [0.01, 0.01, 0.01, 0.01, 0.02, 0.01, 0.01]
    (change,) = find_changes(points([0.1, 0.1, 0.1, 0.5, 0.59, 0.5, 0.5], error))
    assert change.before == pytest.approx(0.1)
    assert change.after == pytest.approx((3 * 0.5 + 0.59 / 4) / 3.25)


@pytest.mark.parametrize("after", [0, 1, 20])
@pytest.mark.parametrize("length", [10, 100])
def test_what_lasts_less_than_three_runs_is_not_for_good(length: int, after: int) -> None:
    usual = [0.1] * length
    assert find_changes(points([*usual, 0.9, 0.9, *usual[:after]], 0.02)) == ()
    assert find_changes(points([*usual[:after], 0.9, 0.9, *usual], 0.02)) == ()
    assert places(find_changes(points([*usual, 0.9, 0.9, 0.9], 0.02))) == [length]


def test_few_runs_never_change() -> None:
    assert find_changes([]) == ()
    assert find_changes(points([0.1, 0.1, 0.9, 0.9, 0.9])) == ()


def test_runs_that_say_next_to_nothing_are_heard_beside_exact_ones() -> None:
    assert find_changes(points([0.1] * 10 + [0.9] * 3, [1e-6] * 10 + [1e8] * 3)) == ()


def test_a_score_without_an_interval_is_as_sure_as_the_others() -> None:
    series = points([0.1] * 10 + [0.12] * 10, 0.05)
    bare = [replace(each, score=Score(each.score.value)) for each in series[:3]]
    assert find_changes([*bare, *series[3:]]) == ()


ANY = st.floats(-1e9, 1e9)  # what a row may hold


UNSURE = [(0.0, 0.0, 502.0, False), (0.0, 0.0, 15926.0, False), (0.0, 0.0, 1864430.0, False)]
SURE = [(1.0, None, None, again) for again in (False, False, True, True)] + [(0.0, None, None, False)] * 3


@example([*UNSURE, *SURE])
@given(st.lists(st.tuples(ANY, ANY | st.none(), ANY | st.none(), st.booleans()), max_size=60))
def test_any_series_has_changes_in_order_that_last(
    values: list[tuple[float, float | None, float | None, bool]],
) -> None:
    series = [
        Point(ROW, Score(value, low, high), again and index > 0)
        for index, (value, low, high, again) in enumerate(values)
    ]
    found = find_changes(series)
    edges = [0, *places(found), len(series)]
    assert not found or min(after - before for before, after in pairwise(edges)) >= LASTING
    assert all(change.before != change.after for change in found)
    assert [one.after for one in found[:-1]] == [two.before for two in found[1:]]


# From run to run


def at(value: float) -> Score:
    return Score(value, value - 0.01, value + 0.01, 200, 200.0)


def realism(**by_rung: float) -> dict[str, Any]:
    """Scores of a run whose `unrealistic` was measured at some rungs: realism(r30=0.5, r100=0.6)."""
    scores = {rung.removeprefix("r"): at(value) for rung, value in by_rung.items()}
    return {"scores": {"unrealistic": list(scores.values())[-1]}, "rungs": {"unrealistic": scores}}


def followed(rows: list[HistoryRow], score: str = "unrealistic") -> ScoreTrend | None:
    (trend,) = trends(rows)
    return next((each for each in trend.scores if each.score == score), None)


def values(rows: list[HistoryRow], score: str = "unrealistic") -> list[float | None]:
    found = followed(rows, score)
    return [] if found is None else [point.score.value for point in found.points]


def rung(rows: list[HistoryRow], score: str = "unrealistic") -> int | None:
    found = followed(rows, score)
    assert found is not None
    return found.rung


def test_a_trend_holds_what_a_report_draws() -> None:
    (trend,) = trends([row(day, scores={"unvaried": at(0.1 if day < 6 else 0.3)}, n_real=day) for day in range(12)])
    assert trend.spec == "subject"
    assert len(trend.rows) == 12
    (unvaried,) = trend.scores
    assert (unvaried.score, unvaried.rung) == ("unvaried", None)
    assert [point.score.value for point in unvaried.points] == [0.1] * 6 + [0.3] * 6
    assert unvaried.points[0].score == at(0.1)
    (change,) = unvaried.changes
    assert change.index == 6
    assert [change.before, change.after] == pytest.approx([0.1, 0.3])


def test_scores_come_in_the_order_of_the_table_and_specs_in_sorted_order() -> None:
    scores = {name: at(0.5) for name in ("collision_rate", "unoriginal", "unvaried", "unrealistic")}
    found = trends([row(0, spec="b", scores=scores), row(1, spec="a", scores={})])
    assert [trend.spec for trend in found] == ["a", "b"]
    assert [each.score for each in found[1].scores] == ["unrealistic", "unvaried", "unoriginal", "collision_rate"]
    assert found[0].scores == ()


def test_only_the_runs_that_compare_with_the_latest_are_drawn() -> None:
    old = [row(day, fingerprint="x", parts={"definition": "d1", "encoder": "e0"}) for day in range(5)]
    (trend,) = trends([*old, row(5), row(6)])
    assert len(trend.scores[0].points) == 2
    assert (trend.left_out, trend.differing) == (5, ("encoder",))


def test_a_realism_score_carries_its_rung() -> None:
    rungs = {"unrealistic": {"30": at(0.5), "100": at(0.6)}}
    (trend,) = trends([row(0, scores={"unrealistic": at(0.6)}, rungs=rungs)])
    assert trend.scores[0].rung == 100


def test_specs_can_be_chosen() -> None:
    rows = [row(0, spec=name) for name in "abc"]
    assert [trend.spec for trend in trends(rows, ("c", "a", "c"))] == ["a", "c"]


def test_a_spec_that_was_never_run_is_an_error() -> None:
    with pytest.raises(HistoryError, match=r"no run of spec 'subjct'; did you mean 'subject'\?"):
        trends([row(0)], ("subjct",))
    with pytest.raises(HistoryError, match="no run of spec 'subject'"):
        trends([], ("subject",))


def test_runs_are_comparable_with_the_latest() -> None:
    old = [row(day, fingerprint="x", parts={"definition": "d1", "encoder": "e0"}) for day in (0, 2)]
    new = [row(day) for day in (1, 3)]
    (found,) = trends([old[0], new[0], old[1], new[1]])
    assert found.rows == tuple(new)
    assert (found.left_out, found.differing) == (2, ("encoder",))


def test_parts_that_came_or_went_differ_too() -> None:
    (found,) = trends([row(0, fingerprint="x", parts={"definition": "d1", "road": "r"}), row(1)])
    assert found.differing == ("encoder", "road")


def test_a_realism_score_is_read_at_the_largest_common_rung() -> None:
    rows = [
        row(0, **realism(r30=0.51, r100=0.61, r200=0.71)),
        row(1, **realism(r30=0.52, r100=0.62)),
        row(2, **realism(r30=0.53, r100=0.63, r200=0.73)),
    ]
    assert rung(rows) == 100
    assert values(rows, "unrealistic") == [0.61, 0.62, 0.63]


def test_rungs_are_compared_as_numbers() -> None:
    assert rung([row(**realism(r1000=0.9, r200=0.8))]) == 1000


def test_a_score_without_rungs_is_read_whole() -> None:
    rows = [row(day, scores={"unvaried": at(0.1 * day)}) for day in range(3)]
    assert rung(rows, "unvaried") is None
    assert values(rows, "unvaried") == [0.0, 0.1, 0.2]


def test_runs_without_the_score_are_passed_over() -> None:
    rows = [row(0, scores={}, rungs={}), row(1, **realism(r30=0.5)), row(2, scores={}, rungs={"unrealistic": {}})]
    assert values(rows, "unrealistic") == [0.5]
    assert followed(rows, "unvaried") is None


def test_runs_without_rungs_are_passed_over_where_others_have_them() -> None:
    rows = [row(0, scores={"unrealistic": at(0.9)}, rungs={}), row(1, **realism(r30=0.5))]
    assert values(rows, "unrealistic") == [0.5]


def test_without_a_common_rung_nothing_can_be_compared() -> None:
    assert followed([row(0, **realism(r30=0.5)), row(1, **realism(r100=0.5))]) is None


def test_a_run_that_measures_the_same_images_again_is_known_by_all_its_numbers() -> None:
    first = row(0)
    rows = [
        first,
        row(1),
        row(2, scores={**first.scores, "unvaried": at(0.2)}),
        row(3, n_real=301),
        replace(first, time=row(4).time),
        row(5, duration=99.0, verdicts={}),
    ]
    found = followed(rows)
    assert found is not None
    assert len({point.score for point in found.points}) == 1
    assert [point.again for point in found.points] == [False, True, False, False, False, True]
