"""The table at the end of a run and the lines below it."""

from typing import Any

import pytest

from pytest_synthgate import Limits, Measurement, Score, gate
from pytest_synthgate.reports.results import SpecResult
from pytest_synthgate.reports.terminal import notes, reading, table

from .conftest import judged, measured


def rows(**results: SpecResult) -> list[list[str]]:
    return [[cell.text.strip() for cell in row] for row in table(results)]


def realistic(value: float, reach: float = 0.01, rung: str = "100", **changes: Any) -> SpecResult:
    score = Score(value, value - reach, value + reach, 200, 200)
    scores = {**measured().scores, "unrealistic": score}
    return SpecResult(measured(scores=scores, rungs={"unrealistic": {rung: score}}, findings=(), **changes))


def line(label: str, **results: SpecResult) -> str | None:
    found = [text.removeprefix(f"{label}: ") for text in reading(results) if text.startswith(f"{label}: ")]
    assert len(found) <= 1
    return found[0] if found else None


# The table


def test_a_row_has_counts_the_rung_and_four_scores_with_intervals_and_marks() -> None:
    found = rows(subject=judged(unrealistic=0.9, unvaried=0.05))
    assert found == [
        ["spec", "images / real", "n0", "unrealistic", "unrepresentative", "unvaried", "unoriginal"],
        [
            *("subject", "200 / 300", "100", "0.600 [.580 .620] ok"),
            *("0.550 [.530 .570]", "0.100 [.060 .150] FAIL", "0.005 [.000 .030]"),
        ],
        [*("real against real", "halves of 300", "100", "0.500 [.490 .510]", "0.500 [.490 .510]"), "-", "-"],
    ]


def test_columns_are_aligned() -> None:
    lines = ["".join(cell.text for cell in row) for row in table({"a": judged(), "a long name": judged()})]
    assert len({text.rindex("[") for text in lines[1:3]}) == 1
    assert [text for text in lines if text != text.rstrip()] == []


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
    cell = table({"a": judged(unvaried=limit)})[1][5]
    assert cell.text.split()[-1] == mark
    assert cell.tone == tone


def test_an_undecided_gate_is_marked_with_a_question() -> None:
    few = measured(representatives={"real": 300, "synthetic": 12})
    cell = table({"a": judged(few, unvaried=0.5)})[1][5]
    assert (cell.text.split()[-1], cell.tone) == ("?", "undecided")


def test_an_expected_failure_is_no_alarm() -> None:
    result = judged(unvaried=0.05)
    cell = table({"a": SpecResult(result.measurement, result.verdicts, expected={"unvaried": "known"})})[1][5]
    assert (cell.text.split()[-1], cell.tone) == ("xfail", "undecided")


def test_of_several_classes_the_gravest_is_marked() -> None:
    assert rows(a=judged(unvaried={"max": 0.1, "per_class": True}))[1][5].endswith("FAIL")


def test_a_score_that_could_not_be_computed_is_a_dash() -> None:
    few = measured(scores={"unvaried": Score(0.1, 0.0, 0.2, 12)}, rung=None, yardstick={})
    assert rows(a=SpecResult(few))[1][2:] == ["-", "-", "-", "0.100 [.000 .200]", "-"]


def test_each_real_set_has_one_yardstick() -> None:
    other = judged(measured(n_real=500))
    found = rows(a=judged(), b=judged(), c=other)
    assert [row[1] for row in found if row[0] == "real against real"] == ["halves of 300", "halves of 500"]


def test_names_are_shown_escaped() -> None:
    assert rows(**{"a\x1b[31m": judged()})[1][0] == "a\\u001b[31m"


# The lines


def test_the_best_is_the_most_realistic_and_says_whether_by_more_than_noise() -> None:
    clear = line("best", good=realistic(0.6), bad=realistic(0.7))
    assert clear == "good, the most realistic at n0 = 100 (unrealistic 0.600; bad 0.700), by more than noise"
    assert str(line("best", bad=realistic(0.61), good=realistic(0.6))).endswith("within noise")


def test_specs_are_compared_at_the_largest_common_rung_only() -> None:
    assert line("best", a=realistic(0.6, rung="100"), b=realistic(0.7, rung="200")) is None
    assert line("best", a=realistic(0.6)) is None


def test_what_hurts_is_the_gate_that_is_furthest_over_its_limit() -> None:
    assert line("hurts", a=judged(unvaried=0.05), b=judged(unvaried=0.01)) == (
        "b, unvaried 0.100 > 0.01; class 'hot dog' makes 90% of them, with 50% of the images (and 1 more)"
    )
    assert line("hurts", a=judged(unvaried=0.5)) is None


def test_an_expected_failure_hurts_nobody() -> None:
    result = judged(unvaried=0.05)
    assert line("hurts", a=SpecResult(result.measurement, result.verdicts, expected={"unvaried": "known"})) is None


def test_what_is_missing_are_the_real_images_that_look_like_nothing_synthetic() -> None:
    assert line("missing", a=judged()) == (
        "1 of 300 real images look like nothing in a; least like it is class 'hot dog'"
    )
    assert line("missing", a=realistic(0.5)) is None


def test_what_to_run_next_are_the_images_that_an_undecided_gate_needs() -> None:
    few = measured(representatives={"real": 300, "synthetic": 12})
    assert line("next", a=judged(few, unvaried=0.5)) == (
        "more images for a: 12 distinct synthetic images; 30 are needed to decide"
    )
    assert line("next", a=judged(unvaried=0.12)) == (
        "more images for a, unvaried 0.100 <= 0.120, within noise: about 1,000 more images would settle it"
    )
    assert line("next", a=judged(unvaried=0.5)) is None


def test_there_are_no_empty_lines() -> None:
    assert all(text.strip() for text in reading({"a": judged(unvaried=0.05), "b": judged()}))


def test_notes_are_told_once() -> None:
    assert notes({"a": judged(), "b": judged()}) == ["tau is wide"]


def test_nothing_of_a_foreign_file_acts_on_a_terminal() -> None:
    measurement: Measurement = measured(audit={"confounded": "\x1b[2J"})
    result = SpecResult(measurement, tuple(gate(measurement, Limits(unrealistic=0.1, unvaried=0.05))))
    assert "\x1b" not in "".join(reading({"\x1b": result}))
