"""Trends: what is drawn, what is said, and nothing raw."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate.reports.trend import (
    ASCII,
    BLOCKS,
    WIDEST,
    marks_for,
    measured_in,
    sparkline,
    trend_lines,
)
from pytest_synthgate.scores.score import Score
from pytest_synthgate.text.printable import visible
from pytest_synthgate.tracking.changes import Point, SpecTrend, trends
from pytest_synthgate.tracking.history import history_rows
from pytest_synthgate.tracking.provenance import Provenance
from pytest_synthgate.tracking.row import HistoryRow

from .conftest import judged, measured


def at(value: float, reach: float = 0.01) -> Score:
    return Score(value, value - reach, value + reach, 200, 200.0)


def run(day: int, unvaried: float = 0.1, **changes: Any) -> HistoryRow:
    """Make the row of a run so many days after the first of March."""
    known: dict[str, Any] = {
        "time": datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(days=day),
        "spec": "subject",
        "commit": f"{day:02d}abcdef0123456789",
        "branch": "main",
        "run": None,
        "fingerprint": "abc",
        "parts": {"encoder": "e1"},
        "n_real": 300,
        "n_synthetic": 200,
        # Like those of a classifier, the scores of other images are never the same to the last digit.
        "scores": {"unvaried": at(unvaried), "c2st_auc": at(0.9 + day / 1e6)},
    }
    return HistoryRow(**{**known, **changes})


def jump(**changes: Any) -> list[HistoryRow]:
    """Twelve runs whose score jumps on the seventh of March."""
    return [run(day, 0.1 if day < 6 else 0.3, **(changes if day >= 6 else {})) for day in range(12)]


def points(*values: float, reach: float = 0.01) -> list[Point]:
    return [Point(run(0), at(value, reach), again=False) for value in values]


def test_a_result_is_dated_by_the_last_run_that_has_its_numbers() -> None:
    result = judged(measured(rungs={}))
    times = [datetime(2026, 3, day, 14, 5, tzinfo=UTC) for day in (1, 2, 3)]
    same = [history_rows({"a": result}, Provenance("3f2a1b0c9d8e7f", "main"), time)[0] for time in times[:2]]
    other = replace(same[0], time=times[2], scores={"unvaried": at(0.7)})
    (trend,) = trends([*same, other])
    assert measured_in(trend, result) == "2026-03-02 14:05 UTC, commit 3f2a1b0c9d on main"
    assert measured_in(trends([other])[0], result) is None


# Sparklines


def test_the_lowest_value_is_at_the_bottom_and_the_highest_at_the_top() -> None:
    assert sparkline(points(0.0, 0.5, 1.0)) == "▁▅█"
    assert sparkline(points(*(step / 7 for step in range(8)), reach=0)) == BLOCKS


def test_equal_values_are_level() -> None:
    assert sparkline(points(0.1, 0.1, 0.1)) == "▅▅▅"
    assert sparkline(points(0.1, 0.1, 0.1, reach=0)) == "▅▅▅"


def test_noise_is_not_blown_up() -> None:
    noisy = sparkline(points(0.5, 0.502, 0.498, 0.501, reach=0.05))
    assert set(noisy) <= set("▄▅")


def test_a_long_history_is_averaged_to_a_fixed_width() -> None:
    drawn = sparkline(points(*[0.1] * 500, *[0.9] * 500))
    assert drawn == "▁" * (WIDEST // 2) + "█" * (WIDEST // 2)
    assert len(sparkline(points(*[0.1] * (WIDEST + 1)))) <= WIDEST


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=90), st.floats(0, 1e9))
def test_any_values_can_be_drawn(values: list[float], reach: float) -> None:
    drawn = sparkline(points(*values, reach=reach))
    assert 1 <= len(drawn) <= WIDEST
    assert set(drawn) <= set(BLOCKS)


def test_a_stream_gets_the_marks_it_can_write() -> None:
    assert marks_for("utf-8") == BLOCKS
    assert marks_for("cp1252") == ASCII
    assert marks_for(None) == ASCII
    assert marks_for("no such encoding") == ASCII
    assert len(ASCII) == len(BLOCKS)
    assert ASCII.isascii()


# Lines


def test_lines_say_from_what_to_what_and_where_it_changed() -> None:
    assert trend_lines(trends(jump())) == [
        "subject: 12 runs, 2026-03-01 to 2026-03-12",
        "  unvaried         ▁▁▁▁▁▁██████  0.100 -> 0.300",
        "    changed for good on 2026-03-07 with 06abcdef01 on main: 0.100 -> 0.300",
    ]


def test_lines_can_be_plain_ascii() -> None:
    lines = trend_lines(trends(jump()), ASCII)
    assert lines[1] == "  unvaried         ......@@@@@@  0.100 -> 0.300"
    assert "".join(lines).isascii()


def test_a_change_names_sets_that_changed_their_size_with_it() -> None:
    (line,) = [line for line in trend_lines(trends(jump(n_synthetic=4800, n_real=310))) if "changed" in line]
    assert line.endswith(": 0.100 -> 0.300; 200 -> 4,800 images; 300 -> 310 real images")


def test_a_change_of_unknown_provenance_is_dated() -> None:
    (line,) = [line for line in trend_lines(trends(jump(commit=None, branch=None, run=None))) if "changed" in line]
    assert line == "    changed for good on 2026-03-07: 0.100 -> 0.300"


def test_the_rung_is_said() -> None:
    rungs = {"unrealistic": {"1000": at(0.9)}}
    rows = [run(day, scores={"unrealistic": at(0.9)}, rungs=rungs) for day in range(2)]
    assert trend_lines(trends(rows))[1] == "  unrealistic      ▅▅  0.900 -> 0.900 at n0 = 1,000"


def test_runs_that_cannot_be_compared_are_counted_with_the_reason() -> None:
    old = run(0, fingerprint="x", parts={"encoder": "e0", "road": "1"})
    assert trend_lines(trends([old, run(1)]))[-1] == (
        "  1 run left out, not comparable with the latest: other encoder, road"
    )
    unknown = [run(day, fingerprint="x") for day in (0, 1)]
    assert trend_lines(trends([*unknown, run(2)]))[-1] == "  2 runs left out, not comparable with the latest"


def test_the_values_of_a_spec_stand_below_each_other() -> None:
    half = [run(day, scores={"unvaried": at(0.1), **({"unoriginal": at(0.2)} if day % 2 else {})}) for day in range(4)]
    _, unvaried, unoriginal = trend_lines(trends(half))
    assert unvaried.index("0.100") == unoriginal.index("0.200")


def test_an_empty_history_says_so() -> None:
    assert trend_lines([]) == ["the history has no runs yet"]


NASTY = "a\x1b[31m\u202e\n\ud800"


def test_nothing_is_shown_raw() -> None:
    nasty: dict[str, Any] = {"spec": NASTY, "commit": NASTY, "branch": NASTY, "run": NASTY}
    old = run(0, **nasty, fingerprint="x", parts={NASTY: "1"})
    rows = [old, *(run(day, 0.1 if day < 6 else 0.3, **nasty) for day in range(12))]
    lines = trend_lines(trends(rows))
    assert len(lines) == 4
    assert [line for line in lines if visible(line) != line] == []


def test_specs_without_scores_have_a_heading_alone() -> None:
    (trend,) = trends([run(0, scores={})])
    assert isinstance(trend, SpecTrend)
    assert trend_lines([trend]) == ["subject: 1 run, 2026-03-01 to 2026-03-01"]
