"""The map and the course of a score: every point within the frame, what it leads to, and what is said in words."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate import Score
from pytest_synthgate.reports.html.drawings import (
    BOTTOM,
    CHART_HEIGHT,
    CHART_WIDTH,
    LINKS,
    MAP_HEIGHT,
    MAP_WIDTH,
    TOP,
    Scale,
    draw_charts,
    draw_map,
)
from pytest_synthgate.scores.measurement import Projection
from pytest_synthgate.tracking.changes import SpecTrend, trends
from pytest_synthgate.tracking.row import HistoryRow

from ..conftest import judged


def test_an_axis_ends_where_it_is_to_end() -> None:
    axis = Scale(0.4, 1.0, 6.0, 138.0)
    assert (axis.at(0.4), axis.at(1.0), axis.at(0.7)) == (6.0, 138.0, 72.0)
    assert (axis.at(0.0), axis.at(3.0)) == (6.0, 138.0)
    assert Scale(2.0, 2.0, 6.0, 138.0).at(2.0) == 6.0


# The map

PLACES = st.dictionaries(st.text(max_size=3), st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=9)


@given(synthetic=PLACES, real=PLACES)
def test_every_place_is_within_the_frame(
    synthetic: dict[str, tuple[float, float]], real: dict[str, tuple[float, float]]
) -> None:
    found = draw_map(Projection((0.4, 0.2), synthetic, real), {("real", image): ("a", "b") for image in real}, (99, 99))
    moves = re.findall(r"M(\S+?) (\S+?)(?:h0|l)", found.real + found.synthetic)
    assert len(moves) == len(synthetic) + len(real)
    assert all(0 <= float(x) <= MAP_WIDTH and 0 <= float(y) <= MAP_HEIGHT for x, y in moves)
    assert len(found.flags) == min(len(real), LINKS)


def test_up_is_up() -> None:
    found = draw_map(
        Projection((0.5, 0.5), {"low": (0.0, 0.0), "high": (0.0, 1.0)}, {}),
        {
            ("synthetic", "low"): ("a", "low"),
            ("synthetic", "high"): ("b", "high"),
            ("synthetic", "absent"): ("c", "absent"),
        },
        (0, 3),
    )
    low, high = found.flags
    assert (low.label, high.label) == ("low", "high")
    assert high.place[1] < low.place[1]
    assert found.counts == ("0", "2 of 3")


# The course

START = datetime(2026, 1, 1, tzinfo=UTC)


def trend(*values: float) -> SpecTrend:
    """Give a history of one run a day, with intervals of two hundredths."""
    rows = [
        HistoryRow(
            time=START + timedelta(days=day),
            spec="a",
            commit=f"{day:040}",
            branch="main",
            run=None,
            fingerprint="f",
            parts={},
            n_real=300,
            n_synthetic=200 + day,
            scores={"unvaried": Score(value, max(0.0, value - 0.01), min(1.0, value + 0.01), 200, 200.0)},
        )
        for day, value in enumerate(values)
    ]
    return trends(rows)[0]


def places(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path)]


def test_every_run_has_a_place_within_the_frame() -> None:
    (chart,) = draw_charts(trend(0.02, 0.05, 0.01, 0.03))
    assert len(places(chart.line)) == 4
    assert len(places(chart.band)) == 8
    for x, y in (*places(chart.line), *places(chart.band), chart.last):
        assert 0 <= x <= CHART_WIDTH
        assert 0 <= y <= CHART_HEIGHT
    assert chart.said == "0.02 to 0.03 in 4 runs"


def test_worse_is_higher() -> None:
    (chart,) = draw_charts(trend(0.02, 0.05))
    (_, before), (_, after) = places(chart.line)
    assert after < before


@pytest.mark.parametrize(
    ("values", "kind", "text"),
    [
        ((0.02, 0.2), "worse", "worse for good since 2026-01-06 with 0000000000: 0.02 to 0.200"),
        ((0.2, 0.02), "better", "better for good since 2026-01-06 with 0000000000: 0.200 to 0.02"),
    ],
)
def test_a_lasting_change_is_marked_between_two_runs_as_better_or_worse(
    values: tuple[float, float], kind: str, text: str
) -> None:
    (chart,) = draw_charts(trend(*[values[0]] * 5, *[values[1]] * 5))
    (turn,) = chart.turns
    ends = [x for x, _ in places(chart.line)]
    assert ends[4] < turn.at < ends[5]
    assert (turn.kind, turn.text) == (kind, text)


def test_the_axis_names_values_and_ends_of_intervals_where_they_do_not_touch() -> None:
    (chart,) = draw_charts(trend(0.02, 0.2, 0.1, 0.1))
    assert [text for _, text in chart.ticks] == ["0.200", "0.100", "0.02"]
    (level,) = draw_charts(trend(0.02, 0.02))
    assert [text for _, text in level.ticks] == ["0.03", "0.02", "0.01"]


def test_the_days_of_the_first_and_the_last_run_are_named_to_the_minute_on_one_day() -> None:
    found = trend(0.02, 0.02, 0.02)
    assert draw_charts(found)[0].days == ("2026-01-01", "2026-01-03")
    points = tuple(replace(each, row=replace(each.row, time=START)) for each in found.scores[0].points)
    day = replace(found, scores=(replace(found.scores[0], points=points),))
    assert draw_charts(day)[0].days == ("2026-01-01 00:00", "2026-01-01 00:00")


def test_limit_and_baseline_are_drawn_where_they_do_not_flatten_the_rest() -> None:
    verdict = replace(judged(unvaried=0.05).verdicts[0], baseline=0.9)
    (chart,) = draw_charts(trend(0.02, 0.03), [verdict])
    (limit,) = chart.levels
    assert (limit.kind, limit.text) == ("limit", "limit 0.05")
    assert limit.at < min(y for _, y in places(chart.band))
    assert chart.beyond == ("baseline 0.900, beyond the chart",)


def test_the_band_of_a_score_that_does_not_move_leaves_room() -> None:
    (chart,) = draw_charts(trend(0.0, 0.0, 0.0))
    heights = [y for _, y in places(chart.band)]
    assert min(heights) > TOP
    assert max(heights) == CHART_HEIGHT - BOTTOM


def test_one_run_is_no_course() -> None:
    assert draw_charts(trend(0.02)) == ()


def test_equal_values_are_a_level_line() -> None:
    (chart,) = draw_charts(trend(0.02, 0.02, 0.02))
    assert len({y for _, y in places(chart.line)}) == 1
