"""The table: what its rows hold and how verdicts are marked."""

import pytest

from pytest_synthgate import Score
from pytest_synthgate.reports.table import notes, rows
from pytest_synthgate.results.result import SpecResult

from .conftest import judged, measured


def texts(**results: SpecResult) -> list[list[str]]:
    return [[cell.text for cell in row] for row in rows(results)]


def test_a_row_has_counts_the_rung_and_four_scores_with_intervals_and_marks() -> None:
    found = texts(subject=judged(unrealistic=0.9, unvaried=0.05))
    assert found == [
        ["spec", "images / real", "n0", "unrealistic", "unrepresentative", "unvaried", "unoriginal"],
        [
            *("subject", "200 / 300", "100", "0.600 [.580 .620] ok"),
            *("0.550 [.530 .570]", "0.100 [.060 .150] FAIL", "0.005 [.000 .030]"),
        ],
        [*("real against real", "halves of 300", "100", "0.500 [.490 .510]", "0.500 [.490 .510]"), "-", "-"],
    ]


@pytest.mark.parametrize(
    ("limit", "mark", "tone"),
    [
        ({"max": 0.2}, "ok", "passed"),
        ({"max": 0.2, "warn": 0.05}, "warn", "warned"),
        ({"max": 0.05}, "FAIL", "failed"),
        ({"regression": 0.05}, "new", "no baseline yet"),
    ],
)
def test_a_mark_says_what_the_gate_concluded(limit: dict[str, float], mark: str, tone: str) -> None:
    cell = rows({"a": judged(unvaried=limit)})[1][5]
    assert cell.text.split()[-1] == mark
    assert cell.tone == tone


def test_an_undecided_gate_is_marked_with_a_question() -> None:
    few = measured(representatives={"real": 300, "synthetic": 12})
    cell = rows({"a": judged(few, unvaried=0.5)})[1][5]
    assert (cell.text.split()[-1], cell.tone) == ("?", "undecided")


def test_an_expected_failure_is_no_alarm() -> None:
    result = judged(unvaried=0.05)
    cell = rows({"a": SpecResult(result.measurement, result.verdicts, expected={"unvaried": "known"})})[1][5]
    assert (cell.text.split()[-1], cell.tone) == ("xfail", "undecided")


def test_of_several_classes_the_gravest_is_marked() -> None:
    assert texts(a=judged(unvaried={"max": 0.1, "per_class": True}))[1][5].endswith("FAIL")


def test_a_score_that_could_not_be_computed_is_a_dash() -> None:
    few = measured(scores={"unvaried": Score(0.1, 0.0, 0.2, 12)}, rung=None, yardstick={})
    assert texts(a=SpecResult(few))[1][2:] == ["-", "-", "-", "0.100 [.000 .200]", "-"]


def test_each_real_set_has_one_yardstick() -> None:
    other = judged(measured(n_real=500))
    found = texts(a=judged(), b=judged(), c=other)
    assert [row[1] for row in found if row[0] == "real against real"] == ["halves of 300", "halves of 500"]


def test_names_are_shown_escaped() -> None:
    assert texts(**{"a\x1b[31m": judged()})[1][0] == "a\\u001b[31m"


def test_notes_are_told_once() -> None:
    assert notes({"a": judged(), "b": judged()}) == ["tau is wide"]
