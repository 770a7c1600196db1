"""What a run says in words: the verdict in a sentence, and the lines below the table."""

from typing import Any

import pytest

from pytest_synthgate import Limits, Measurement, Score, gate
from pytest_synthgate.reports.reading import headline, reading
from pytest_synthgate.results.result import SpecResult

from .conftest import judged, measured


def realistic(value: float, reach: float = 0.01, rung: str = "100", **changes: Any) -> SpecResult:
    score = Score(value, value - reach, value + reach, 200, 200)
    scores = {**measured().scores, "unrealistic": score}
    return SpecResult(measured(scores=scores, rungs={"unrealistic": {rung: score}}, findings=(), **changes))


def line(label: str, **results: SpecResult) -> str | None:
    found = [text for name, text in reading(results) if name == label]
    assert len(found) <= 1
    return found[0] if found else None


# The headline


def test_the_headline_counts_the_gates_that_failed_and_says_what_is_wrong() -> None:
    results = {"a": judged(unvaried=0.05, unoriginal=0.1), "b": judged(unrealistic=0.5)}
    assert headline(results) == "2 of 3 gates failed: a repeats itself, b does not look real"


def test_the_headline_names_three_complaints_and_counts_the_rest() -> None:
    results = {name: judged(unvaried=0.05) for name in "abcde"}
    assert headline(results).endswith(
        "5 of 5 gates failed: a repeats itself, b repeats itself, c repeats itself, 2 more"
    )


def test_the_same_complaint_about_several_classes_is_told_once() -> None:
    assert headline({"a": judged(unvaried={"max": 0.01, "per_class": True})}) == "2 of 2 gates failed: a repeats itself"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "No gate of 1 failed the build: 1 could not be decided"),
        ({"strict": True}, "1 of 1 gate failed: a is undecided"),
        ({"strict": True, "expected": {"unvaried": "known"}}, "No gate of 1 failed the build: 1 could not be decided"),
    ],
)
def test_what_stays_undecided_fails_a_strict_run_alone(changes: dict[str, Any], text: str) -> None:
    few = judged(measured(representatives={"real": 300, "synthetic": 12}), unvaried=0.5)
    assert headline({"a": SpecResult(few.measurement, few.verdicts, **changes)}) == text


def test_a_headline_without_failures_says_what_there_is_to_know() -> None:
    result = judged(unvaried=0.05, unoriginal={"max": 0.1, "warn": 0.001}, unrealistic=0.9)
    expected = SpecResult(result.measurement, result.verdicts, expected={"unvaried": "known"})
    assert headline({"a": expected}) == "No gate of 3 failed the build: 1 failed as expected, 1 passed with a warning"
    assert headline({"a": judged(unrealistic=0.9)}) == "The only gate passed"
    assert headline({"a": judged(unrealistic=0.9), "b": judged(unoriginal=0.1)}) == "All 2 gates passed"
    assert headline({"a": judged()}) == "Measured, and nothing was gated"


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


def test_where_no_number_of_images_settles_it_none_is_asked_for() -> None:
    on_the_limit = judged(unvaried=0.1)
    assert "no reasonable number of images would settle it" in on_the_limit.verdicts[0].reason
    assert line("next", a=on_the_limit) is None


def test_there_are_no_empty_lines() -> None:
    assert all(text.strip() for _, text in reading({"a": judged(unvaried=0.05), "b": judged()}))


def test_nothing_of_a_foreign_file_acts_on_a_terminal() -> None:
    measurement: Measurement = measured(audit={"confounded": "\x1b[2J"})
    result = SpecResult(measurement, tuple(gate(measurement, Limits(unrealistic=0.1, unvaried=0.05))))
    assert "\x1b" not in "".join(text for _, text in reading({"\x1b": result}))
