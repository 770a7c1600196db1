"""The table of scores: a number, a bar and a mark in every cell, and a row for what has none."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate import Score
from pytest_synthgate.kinds import COLUMNS
from pytest_synthgate.reports.html.page import write_html
from pytest_synthgate.reports.html.scoretable import (
    BAR,
    BAR_MARGIN,
    axes,
    bounds,
    drawn_rows,
    in_words,
    levels,
    scale_of,
)
from pytest_synthgate.reports.overview import ScoreRow
from pytest_synthgate.results.result import SpecResult

from ..conftest import judged, measured


def rows(**results: SpecResult) -> list[ScoreRow]:
    return drawn_rows(results)


def test_a_cell_has_the_number_the_gravest_verdict_and_what_is_drawn_beside_it() -> None:
    row = rows(a=judged(unvaried={"max": 0.1, "per_class": True}, unrealistic=0.9))[0]
    assert tuple(row.cells) == COLUMNS
    unvaried, unrealistic, free = row.cells["unvaried"], row.cells["unrealistic"], row.cells["unoriginal"]
    assert unvaried.score.interval == (0.06, 0.1, 0.15)
    assert unvaried.mark is not None
    assert (unvaried.mark.word, unvaried.mark.tone) == ("failed", "fail")
    assert "limit" not in levels(row, "unvaried")  # a limit for each class is none for the whole
    assert levels(row, "unrealistic") == {"limit": 0.9, "real against real": 0.5}
    assert free.mark is None
    assert [bounds(each) for each in (unvaried, unrealistic, free)] == [["limit 0.1 a class"], ["limit 0.9"], []]


def test_the_baseline_is_marked_and_said() -> None:
    judged_by = judged(unvaried=0.2)
    verdict = replace(judged_by.verdicts[0], baseline=0.3)
    found = rows(a=replace(judged_by, verdicts=(verdict,)))
    cell, beside = found[0].cells["unvaried"], levels(found[0], "unvaried")
    assert beside["baseline"] == 0.3
    assert in_words(cell.score, beside).endswith("limit 0.200, baseline 0.300")
    assert bounds(cell) == ["limit 0.2", "baseline 0.300"]
    assert axes(found)["unvaried"].high >= 0.3


def test_what_is_waived_is_counted_beside_the_score() -> None:
    judged_by = judged(unvaried=0.2)
    verdict = replace(judged_by.verdicts[0], waived=("x", "y"))
    row = rows(a=replace(judged_by, verdicts=(verdict,)))[0]
    assert bounds(row.cells["unvaried"]) == ["limit 0.2", "2 waived"]


def test_the_yardstick_is_a_row_of_no_spec() -> None:
    found = rows(a=judged(), b=judged())
    assert [(row.name, row.result is None) for row in found] == [
        ("a", False),
        ("b", False),
        ("real against real", True),
    ]


def test_without_realism_scores_the_yardstick_is_of_copies_alone() -> None:
    yardstick = {"unrealistic": Score(0.5, 0.4, 0.6), "unvaried": Score(0.003, 0.0, 0.01)}
    few = judged(measured(rung=None, yardstick=yardstick, yardstick_rung=1000))
    row = rows(a=few)[-1]
    assert (row.name, row.rung) == ("real against real", None)
    assert [cell.score.interval for cell in row.cells.values()] == [None, None, (0.0, 0.003, 0.01), None]


def test_a_spec_that_was_not_judged_says_so_with_the_reason(tmp_path: Path) -> None:
    nothing = measured(n_real=0, n_synthetic=0, scores={}, rung=None, yardstick={}, findings=())
    results = {"a": judged(), "b": SpecResult(nothing, error="out/b: no such folder")}
    assert [(name, mark.word) for name, mark in rows(**results)[1].others] == [("", "not judged")]
    write_html(tmp_path / "page.html", results)
    text = (tmp_path / "page.html").read_text("utf-8")
    reason = '<td class="score" colspan="4">out/b: no such folder</td>\n<td class="sizes">–</td>\n<td>–</td>'  # noqa: RUF001 (a dash)
    assert reason in text


def test_a_failed_gate_without_a_column_stands_beside_the_name() -> None:
    row = rows(a=judged(unreadable=0, collision_rate=0.5))[0]
    assert [(name, mark.word) for name, mark in row.others] == [("unreadable", "failed")]


def test_a_score_that_could_not_be_computed_and_a_yardstick_have_no_bar(tmp_path: Path) -> None:
    lost = SpecResult(measured(scores={"unvaried": Score(None)}, rung=None, yardstick={}))
    assert rows(a=lost)[0].cells["unvaried"].score.interval is None
    for results, bars in (({"a": lost}, 0), ({"a": judged()}, len(COLUMNS))):
        write_html(tmp_path / "page.html", results)
        assert (tmp_path / "page.html").read_text("utf-8").count('class="bar" viewBox') == bars


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
    axis = scale_of(score, values)
    assert (axis.low, axis.high) == ends


@given(score=st.sampled_from(["unvaried", "unrealistic"]), values=st.lists(SHARE, min_size=1))
def test_no_value_lies_beyond_its_axis(score: str, values: list[float]) -> None:
    axis = scale_of(score, values)
    assert all(axis.low <= value <= axis.high for value in values)


def test_the_ends_of_the_axis_are_the_ends_of_the_drawing() -> None:
    axis = scale_of("unrealistic", [0.97])
    assert (axis.at(0.4), axis.at(1.0)) == (BAR_MARGIN, BAR_MARGIN + BAR)
    assert axis.at(0.7) == pytest.approx(BAR_MARGIN + BAR / 2)


def test_shares_stand_by_their_square_root_so_that_small_limits_are_clear_of_nothing(tmp_path: Path) -> None:
    axis = scale_of("unoriginal", [0.9])
    assert axis.at(0.01) == pytest.approx(BAR_MARGIN + BAR / 10, abs=0.1)
    assert axis.at(0.0) == BAR_MARGIN
    write_html(tmp_path / "page.html", {"a": judged(unoriginal=0.9)})
    text = (tmp_path / "page.html").read_text("utf-8")
    assert 'unoriginal <span class="axis">axis 0 to 1, square root<' in text
    assert 'unrealistic <span class="axis">axis 0.4 to 1<' in text


def test_a_bar_says_in_words_what_it_shows() -> None:
    said = in_words(Score(0.02, 0.01, 0.04), {"limit": 0.05, "real against real": 0.004})
    assert said == "0.02, interval 0.01 to 0.04, limit 0.05, real against real 0.004"
