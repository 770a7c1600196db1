"""What a run says in words: the verdict in a sentence, and the lines below the table."""

from dataclasses import replace
from typing import Any

import pytest

from pytest_synthgate import Limit, Limits, Measurement, Score, gate
from pytest_synthgate.gating.verdict import Verdict
from pytest_synthgate.reports.conclusions import failed_gates, headline, reading
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.measurement import Contents

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
    assert headline(results) == "2 of 3 gates failed: 'a' repeats itself, 'b' does not look real"


def test_the_headline_names_three_complaints_and_counts_the_rest() -> None:
    results = {name: judged(unvaried=0.05) for name in "abcde"}
    assert headline(results).endswith(
        "5 of 5 gates failed: 'a' repeats itself, 'b' repeats itself, 'c' repeats itself, 2 more"
    )


def test_the_headline_names_the_worst_first_and_what_is_undecided_last() -> None:
    few = replace(judged(measured(representatives={"real": 300, "synthetic": 12}), unvaried=0.5), strict=True)
    results = {"few": few, "mild": judged(unvaried=0.09), "copies": shares(0.19, 0.01)}
    assert headline(results).endswith("'copies' copies real images, 'mild' repeats itself, 'few' is undecided")


def test_the_same_complaint_about_several_classes_is_told_once() -> None:
    result = judged(unvaried={"max": 0.01, "per_class": True})
    assert headline({"a": result}) == "2 of 2 gates failed: 'a' repeats itself"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "No gate of 1 failed the build: 1 could not be decided"),
        ({"strict": True}, "1 of 1 gate failed: 'a' is undecided"),
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


def passing(value: float, *, copies: float = 0.0) -> SpecResult:
    """A spec of this realism with a share of near-duplicates, gated at 0.05."""
    share = Score(copies, copies, copies, 200, 200)
    realism = realistic(value).measurement
    return judged(replace(realism, scores={**realism.scores, "unvaried": share}), unvaried=0.05)


def test_the_best_passes_its_gates_however_realistic_another_is() -> None:
    copies, good, bad = passing(0.5, copies=0.46), passing(0.6), passing(0.7)
    assert line("best", copies=copies, good=good, bad=bad) == (
        "good, the most realistic of the 2 that pass at n0 = 100 (unrealistic 0.600; bad 0.700), by more than noise"
    )
    small = replace(copies, measurement=realistic(0.5, rung="30").measurement)
    assert line("best", copies=small, good=good, bad=bad) == line("best", copies=copies, good=good, bad=bad)
    assert line("best", copies=copies, good=good) == (
        "good, the only one of 2 that passes (unrealistic 0.600 at n0 = 100)"
    )


def test_where_none_passes_the_best_says_what_it_fails() -> None:
    copies, more = passing(0.5, copies=0.46), passing(0.505, copies=0.2)
    assert line("best", copies=copies, more=more) == (
        "copies, the most realistic at n0 = 100 (unrealistic 0.500; more 0.505), within noise, but fails unvaried"
    )
    known = replace(passing(0.5, copies=0.46), expected={"unvaried": "known"})
    assert str(line("best", known=known, more=more)).endswith("but fails unvaried")


def test_specs_of_different_real_sets_or_encoders_are_not_compared() -> None:
    contents = [Contents(real, "sha256:s") for real in ("sha256:1", "sha256:2")]
    one, other = (realistic(value, contents=each) for value, each in zip((0.6, 0.7), contents, strict=True))
    assert line("best", a=one, b=other) is None
    assert line("best", a=one, b=realistic(0.7, contents=contents[0], fingerprint={"encoder": "other"})) is None
    both = [text for label, text in reading({"a": one, "b": other, "c": one, "d": other}) if label == "best"]
    assert [text[0] for text in both] == ["a", "b"]


def regressed(value: float, was: float, **bounds: Any) -> SpecResult:
    score = Score(value, value, value, 200, 200)
    measurement = measured(scores={"unvaried": score}, breakdown={}, findings=())
    verdict = Verdict("unvaried", "failed", f"{value}, risen", Limit(**bounds), score, baseline=was)
    return SpecResult(measurement, (verdict,))


def shares(value: float, limit: float) -> SpecResult:
    score = Score(value, value, value, 200, 200)
    return judged(measured(scores={"unoriginal": score}, breakdown={}, findings=()), unoriginal=limit)


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        (shares(0.19, 0.01), judged(unreadable=0)),
        (shares(0.19, 0.0), judged(unreadable=0)),
        (shares(0.2, 0.01), regressed(0.1, 0.05, regression=0.01)),
        (regressed(0.1, 0.05, regression=0.01), shares(0.02, 0.01)),
        (regressed(0.04, 0.01, max=0.05, regression=0.01), shares(0.02, 0.01)),
        (shares(0.011, 0.01), replace(judged(measured(representatives={}), unvaried=0.5), strict=True)),
    ],
    ids=["files", "files beside a limit of 0", "regression", "steep regression", "both bounds", "undecided"],
)
def test_what_hurts_more_comes_first(worse: SpecResult, better: SpecResult) -> None:
    assert [name for name, _ in failed_gates({"better": better, "worse": worse})] == ["worse", "better"]


def grouped(score: str, whole: Score, group: Score, **limits: Any) -> str | None:
    scores = {**measured().scores, score: whole}
    groups = {"class": {"apple": {score: group}, "kiwi": {score: Score(0.0, 0.0, 0.1, 50)}}}
    return line("worst", a=judged(measured(scores=scores, breakdown=groups), **limits))


@pytest.mark.parametrize(
    ("score", "whole", "group", "limits", "named"),
    [
        ("unrealistic", Score(0.5, 0.48, 0.52), Score(0.52, 0.505, 0.535, 50), {}, False),
        ("unrealistic", Score(0.5, 0.49, 0.505), Score(0.52, 0.507, 0.535, 50), {}, False),  # as real halves may be
        ("unrealistic", Score(0.6, 0.58, 0.62), Score(0.7, 0.65, 0.75, 50), {}, True),
        ("unrealistic", Score(0.6, 0.58, 0.62), Score(0.7, 0.65, 0.75, 50), {"unrealistic": 0.9}, False),
        ("unrealistic", Score(0.6, 0.58, 0.62), Score(0.92, 0.85, 0.97, 50), {"unrealistic": 0.9}, True),
        ("unvaried", Score(0.001, 0.0, 0.01), Score(0.04, 0.01, 0.1, 50), {}, False),  # below the default limit
        ("unvaried", Score(0.001, 0.0, 0.01), Score(0.04, 0.01, 0.1, 50), {"unvaried": 0.03}, True),
        ("unvaried", Score(0.1, 0.05, 0.2), Score(0.2, 0.06, 0.3, 50), {}, False),
    ],
)
def test_a_group_is_named_only_where_it_is_a_problem(
    score: str, whole: Score, group: Score, limits: dict[str, float], named: bool
) -> None:
    assert (grouped(score, whole, group, **limits) is not None) == named


def test_what_hurts_is_the_gate_that_is_furthest_over_its_limit() -> None:
    assert line("hurts", a=judged(unvaried=0.05), b=judged(unvaried=0.01)) == (
        "b, unvaried 0.100 > 0.01; class 'hot dog' makes 90% of them, with 50% of the images (and 1 more)"
    )
    assert line("hurts", a=judged(unvaried=0.5)) is None


def test_an_expected_failure_hurts_nobody() -> None:
    result = judged(unvaried=0.05)
    assert line("hurts", a=SpecResult(result.measurement, result.verdicts, expected={"unvaried": "known"})) is None


def test_what_is_missing_are_the_real_images_that_a_classifier_is_sure_of() -> None:
    assert line("missing", a=judged()) == (
        "1 of 300 real images are told from those of 'a' with at least 90% certainty; most surely class 'hot dog'"
    )
    both = line("missing", a=judged(), b=judged())
    assert both is not None
    assert ", the fewest of any spec; " in both
    assert line("missing", a=realistic(0.5)) is None


def test_what_to_run_next_are_the_images_that_an_undecided_gate_needs() -> None:
    few = measured(representatives={"real": 300, "synthetic": 12})
    assert line("next", a=judged(few, unvaried=0.5)) == (
        "a, unvaried: only 12 of 200 synthetic images are distinct: more of the same kind would hardly help"
    )
    real = measured(representatives={"real": 20, "synthetic": 200}, n_real=20)
    assert line("next", a=judged(real, unvaried=0.5)) == "a, unvaried: about 10 more real images would let it decide"
    assert line("next", a=judged(unvaried=0.12)) == (
        "more images for a, unvaried 0.100 <= 0.120, within noise: about 1,200 more images would settle it"
    )
    assert line("next", a=judged(unvaried=0.5)) is None


def test_where_no_number_of_images_settles_it_none_is_asked_for() -> None:
    on_the_limit = judged(unvaried=0.1)
    assert "no reasonable number of images would settle it" in on_the_limit.verdicts[0].reason
    assert line("next", a=on_the_limit) is None


def test_what_to_run_next_is_what_makes_a_gate_comparable() -> None:
    result = regressed(0.1, 0.05, regression=0.01)
    verdict = replace(result.verdicts[0], verdict="not comparable", reason="not comparable with the baseline: do this")
    known = replace(result, verdicts=(verdict,))
    assert line("next", a=known) == "a, unvaried not comparable with the baseline: do this"


def test_there_are_no_empty_lines() -> None:
    assert all(text.strip() for _, text in reading({"a": judged(unvaried=0.05), "b": judged()}))


def test_nothing_of_a_foreign_file_acts_on_a_terminal() -> None:
    measurement: Measurement = measured(audit={"confounded": "\x1b[2J"})
    result = SpecResult(measurement, tuple(gate(measurement, Limits(unrealistic=0.1, unvaried=0.05))))
    assert "\x1b" not in "".join(text for _, text in reading({"\x1b": result}))
