"""The table of scores: a number, a bar and a mark in every cell, and a row for what has none."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate import Score
from pytest_synthgate.kinds import COLUMNS
from pytest_synthgate.reports.html.scoretable import (
    BAR,
    BAR_MARGIN,
    Scale,
    ScoreCell,
    ScoreTable,
    scale_of,
    score_table,
)
from pytest_synthgate.results.result import SpecResult

from ..conftest import judged, measured


def table(**results: SpecResult) -> ScoreTable:
    return score_table(results, {name: f"spec-{number}" for number, name in enumerate(results, 1)})


def test_a_cell_has_the_number_the_bar_and_the_gravest_verdict() -> None:
    row = table(a=judged(unvaried={"max": 0.1, "per_class": True}, unrealistic=0.9)).rows[0]
    by_score = dict(zip(COLUMNS, row.cells, strict=True))
    unvaried, unrealistic, free = by_score["unvaried"], by_score["unrealistic"], by_score["unoriginal"]
    assert unvaried.interval == (0.06, 0.1, 0.15)
    assert unvaried.mark is not None
    assert (unvaried.mark.word, unvaried.mark.tone) == ("failed", "fail")
    assert unvaried.scale is not None
    assert "limit" not in unvaried.marks  # a limit for each class is none for the whole
    assert unrealistic.marks == {"limit": 0.9, "real against real": 0.5}
    assert free.mark is None
    assert (unvaried.bounds, unrealistic.bounds, free.bounds) == (("limit 0.1 a class",), ("limit 0.9",), ())


def test_the_baseline_is_marked_and_said() -> None:
    judged_by = judged(unvaried=0.2)
    verdict = replace(judged_by.verdicts[0], baseline=0.3)
    found = table(a=replace(judged_by, verdicts=(verdict,)))
    cell = found.rows[0].cells[COLUMNS.index("unvaried")]
    assert cell.marks["baseline"] == 0.3
    assert cell.said.endswith("limit 0.200, baseline 0.300")
    assert cell.bounds == ("limit 0.2", "baseline 0.300")
    assert found.scales["unvaried"].high >= 0.3


def test_what_is_waived_is_counted_beside_the_score() -> None:
    judged_by = judged(unvaried=0.2)
    verdict = replace(judged_by.verdicts[0], waived=("x", "y"))
    row = table(a=replace(judged_by, verdicts=(verdict,))).rows[0]
    assert row.cells[COLUMNS.index("unvaried")].bounds == ("limit 0.2", "2 waived")


def test_the_yardstick_is_a_row_without_a_link() -> None:
    rows = table(a=judged(), b=judged()).rows
    assert [(row.name, row.anchor) for row in rows] == [("a", "spec-1"), ("b", "spec-2"), ("real against real", None)]


def test_without_realism_scores_the_yardstick_is_of_copies_alone() -> None:
    yardstick = {"unrealistic": Score(0.5, 0.4, 0.6), "unvaried": Score(0.003, 0.0, 0.01)}
    few = judged(measured(rung=None, yardstick=yardstick, yardstick_rung=1000))
    row = table(a=few).rows[-1]
    assert (row.name, row.rung) == ("real against real", "–")  # noqa: RUF001 (a dash)
    assert [cell.interval for cell in row.cells] == [None, None, (0.0, 0.003, 0.01), None]
    assert [cell.scale for cell in row.cells] == [None] * 4


def test_a_spec_that_was_not_judged_says_so_with_the_reason() -> None:
    nothing = measured(n_real=0, n_synthetic=0, scores={}, rung=None, yardstick={}, findings=())
    row = table(a=judged(), b=SpecResult(nothing, error="out/b: no such folder")).rows[1]
    assert [(name, mark.word) for name, mark in row.marks] == [("", "not judged")]
    assert (row.cells, row.reason, row.images) == ((), "out/b: no such folder", "–")  # noqa: RUF001 (a dash)


def test_a_failed_gate_without_a_column_stands_beside_the_name() -> None:
    row = table(a=judged(unreadable=0, collision_rate=0.5)).rows[0]
    assert [(name, mark.word) for name, mark in row.marks] == [("unreadable", "failed")]


def test_a_score_that_could_not_be_computed_has_no_bar() -> None:
    cell = table(a=SpecResult(measured(scores={"unvaried": Score(None)}, rung=None, yardstick={}))).rows[0].cells[0]
    assert cell.interval is None


SHARE = st.floats(0, 1)


@pytest.mark.parametrize(
    ("score", "values", "ends"),
    [
        ("unvaried", [], (0.0, 0.02)),
        ("unvaried", [0.019, 0.001], (0.0, 0.02)),
        ("unvaried", [0.03], (0.0, 0.05)),
        ("unoriginal", [0.6], (0.0, 1.0)),
        ("unrealistic", [0.97, 0.5], (0.4, 1.0)),
        ("unrealistic", [0.31], (0.3, 1.0)),
        ("obviously_fake", [0.9], (0.0, 1.0)),
    ],
)
def test_an_axis_holds_all_its_values(score: str, values: list[float], ends: tuple[float, float]) -> None:
    scale = scale_of(score, values)
    assert (scale.low, scale.high) == ends


@given(score=st.sampled_from(["unvaried", "unrealistic"]), values=st.lists(SHARE, min_size=1))
def test_no_value_lies_beyond_its_axis(score: str, values: list[float]) -> None:
    scale = scale_of(score, values)
    assert all(scale.low <= value <= scale.high for value in values)


def test_the_ends_of_the_axis_are_the_ends_of_the_drawing() -> None:
    scale = Scale(0.4, 1.0)
    assert (scale.at(0.4), scale.at(1.0)) == (BAR_MARGIN, BAR_MARGIN + BAR)
    assert (scale.at(0.0), scale.at(3.0)) == (BAR_MARGIN, BAR_MARGIN + BAR)
    assert scale.at(0.7) == pytest.approx(BAR_MARGIN + BAR / 2)


def test_shares_stand_by_their_square_root_so_that_small_limits_are_clear_of_nothing() -> None:
    scale = scale_of("unoriginal", [0.9])
    assert scale.at(0.01) == pytest.approx(BAR_MARGIN + BAR / 10, abs=0.1)
    assert scale.at(0.0) == BAR_MARGIN
    assert scale.text == "axis 0 to 1, square root"
    assert scale_of("unrealistic", [0.9]).text == "axis 0.4 to 1"


def test_a_bar_says_in_words_what_it_shows() -> None:
    found = ScoreCell((0.01, 0.02, 0.04), {"limit": 0.05, "real against real": 0.004})
    assert found.said == "0.02, interval 0.01 to 0.04, limit 0.05, real against real 0.004"
