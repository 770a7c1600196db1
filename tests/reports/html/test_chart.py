"""The course of a score: every point within the frame, and every lasting change said in words."""

import re
from datetime import UTC, datetime, timedelta

from pytest_synthgate import Score
from pytest_synthgate.reports.html.chart import HEIGHT, WIDTH, charts
from pytest_synthgate.reports.trend import SpecTrend, trends
from pytest_synthgate.tracking.provenance import Provenance
from pytest_synthgate.tracking.row import Row

START = datetime(2026, 1, 1, tzinfo=UTC)


def trend(*values: float) -> SpecTrend:
    """Give a history of one run a day, with intervals of two hundredths."""
    rows = [
        Row(
            time=START + timedelta(days=day),
            spec="a",
            provenance=Provenance(f"{day:040}", "main", None),
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
    (chart,) = charts(trend(0.02, 0.05, 0.01, 0.03))
    assert len(places(chart.line)) == 4
    assert len(places(chart.band)) == 8
    for x, y in (*places(chart.line), *places(chart.band), chart.last):
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT
    assert chart.said == "0.02 to 0.03 in 4 runs"


def test_worse_is_higher() -> None:
    (chart,) = charts(trend(0.02, 0.05))
    (_, before), (_, after) = places(chart.line)
    assert after < before


def test_a_lasting_change_is_marked_between_two_runs() -> None:
    (chart,) = charts(trend(*[0.02] * 5, *[0.2] * 5))
    ((place, text),) = chart.changes
    ends = [x for x, _ in places(chart.line)]
    assert ends[4] < place < ends[5]
    assert text == "changed for good on 2026-01-06 with 0000000000: 0.02 to 0.200"


def test_one_run_is_no_course() -> None:
    assert charts(trend(0.02)) == ()


def test_equal_values_are_a_level_line() -> None:
    (chart,) = charts(trend(0.02, 0.02, 0.02))
    assert len({y for _, y in places(chart.line)}) == 1
