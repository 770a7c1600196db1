"""What a failing gate prints: the number, the worst findings beside their twins, and what would help."""

from dataclasses import replace
from typing import Any

import pytest

from pytest_synthgate import Finding, Limit, Limits, Measurement, Score, assert_scores
from pytest_synthgate.gating.gates import gate
from pytest_synthgate.reports.explain import explain, failures, with_interval
from pytest_synthgate.scores.finding import Unreadable

from .conftest import HUNDRED, shared, twins


def _id(image: str) -> str:
    return next(each.id for each in twins([2, 2, 2, 2]) if each.image == image)


def _explained(measurement: Measurement, **limits: Any) -> list[str]:
    (verdict,) = gate(measurement, Limits(**limits))
    return explain("subject", verdict, measurement)


def test_a_failure_shows_number_evidence_and_help_in_a_few_lines() -> None:
    findings = twins([2, 2, 2, 2])
    findings[0] = replace(findings[0], by="exact", value=0.0, prompt="A photo of an apple", seed=7)
    groups = {"in a bag": Score(0.2, 0.1, 0.3, 30), "in a bowl": Score(2 / 70, 0, 0.1, 70)}
    breakdown = {"context": {name: {"unvaried": score} for name, score in groups.items()}}
    lines = _explained(shared(0.08, findings, breakdown=breakdown), unvaried=0.05)
    assert lines == [
        "subject: unvaried 0.08 [0.07, 0.09] failed: 0.08 > 0.05",
        "  8 of 100 synthetic images have a near-duplicate in the set; worst:",
        f'    0-0 = synthetic x (the same pixels); "A photo of an apple", seed 7 [{_id("0-0")}]',
        f"    1-0 ~ synthetic x (a near-copy, distance 0.01 < 0.0455) [{_id('1-0')}]",
        f"    2-0 ~ synthetic x (a near-copy, distance 0.01 < 0.0455) [{_id('2-0')}]",
        "  dropping 2 of the 8 flagged images would pass",
        "  context 'in a bag' makes 75% of them, with 30% of the images",
    ]


def test_a_gate_on_a_class_shows_what_was_found_in_that_class() -> None:
    classes = ["apple", "apple", "kiwi", "plum", None, None]
    findings = [replace(each, class_name=name) for each, name in zip(twins([2, 2, 2]), classes, strict=True)]
    scores = {"apple": Score(0.05, 0.02, 0.15, 60), "pooled": Score(0.06, 0.02, 0.15, 35)}
    breakdown = {"class": {name: {"unvaried": score} for name, score in scores.items()}}
    measurement = shared(0.06, findings, breakdown=breakdown)
    apple, pooled = (
        explain("subject", verdict, measurement)[1:4]
        for verdict in gate(measurement, Limits(unvaried={"max": 0.04, "per_class": True}))
    )
    assert apple == [
        "  2 of 60 synthetic images have a near-duplicate in the set; worst:",
        f"    0-0 ~ synthetic x (a near-copy, distance 0.01 < 0.0455) [{_id('0-0')}]",
        f"    0-1 ~ synthetic x (a near-copy, distance 0.01 < 0.0455) [{_id('0-1')}]",
    ]
    assert pooled == [
        "  2 of 35 synthetic images have a near-duplicate in the set; worst:",
        f"    1-0 ~ synthetic x (a near-copy, distance 0.01 < 0.0455) [{_id('1-0')}]",
        f"    1-1 ~ synthetic x (a near-copy, distance 0.01 < 0.0455) [{_id('1-1')}]",
    ]


def test_a_large_group_is_named_as_one() -> None:
    lines = _explained(shared(0.16, twins([2, 14])), unvaried=0.05)
    assert [line.partition(" ~ ")[0] for line in lines[2:4]] == ["    1-0", "    0-0"]
    assert "(a near-copy, distance 0.01 < 0.0455), one of 14 alike [" in lines[2]
    assert "alike" not in lines[3]


def test_no_id_is_given_where_a_waiver_would_leave_nothing_out() -> None:
    lines = _explained(shared(0.16, twins([2])), unvaried={"regression": 0.1})
    assert lines[2] == "    0-0 ~ synthetic x (a near-copy, distance 0.01 < 0.0455)"


def test_a_rate_of_collisions_shows_the_images_that_collide() -> None:
    measurement = shared(0.04, twins([2]), scores={"collision_rate": Score(0.01, 0.005, 0.02, HUNDRED, HUNDRED)})
    assert _explained(measurement, collision_rate=0.001)[1:3] == [
        "  2 of 100 synthetic images have a near-duplicate in the set; worst:",
        "    0-0 ~ synthetic x (a near-copy, distance 0.01 < 0.0455)",
    ]


def test_a_gate_that_asks_for_certainty_promises_nothing_about_drops() -> None:
    limit = Limit(max=0.05, when_unsure="fail")
    assert not any("dropping" in line for line in _explained(shared(0.08, twins([2, 2, 2, 2])), unvaried=limit))


def test_a_gate_that_passes_needs_no_help() -> None:
    lines = _explained(shared(0.04, twins([2, 2])), unvaried=0.05)
    assert lines[0] == "subject: unvaried 0.04 [0.03, 0.05] passed: 0.04 <= 0.05"
    assert not any("dropping" in line for line in lines)


def test_realism_shows_who_was_given_away_beside_the_nearest_of_the_other_set() -> None:
    found = Finding("a.png", "sha256:1", "synthetic", "unrealistic", "classifier", 0.987, "r.jpg", "real")
    for score in ("unrealistic", "obviously_fake"):
        lines = _explained(shared(0.9, [found]), **{score: 0.8})
        assert lines[1:] == [
            "  1 of 100 synthetic images are told from real images with at least 90% certainty; worst:",
            "    a.png (told from real images with 98.7% certainty), nearest is real r.jpg"
            + (f" [{found.id}]" if score == "obviously_fake" else ""),  # the other is no share that could leave it out
        ]


def test_unreadable_files_are_named_with_their_reason() -> None:
    broken = tuple(Unreadable(f"{i}.png", "synthetic", "truncated") for i in range(5))
    lines = _explained(shared(0.0, unreadable=broken), unreadable=0)
    assert lines == [
        "subject: unreadable 5 failed: 5 > 0",
        *(f"  {i}.png (synthetic): truncated" for i in range(3)),
    ]


def test_names_cannot_write_to_the_terminal() -> None:
    evil = "\x1b[31mred\n.png"
    found = Finding(
        evil, "d", "synthetic", "unvaried", "features", 0.01, evil, "synthetic", cluster=0, prompt=evil, seed=1
    )
    broken = (Unreadable(evil, "synthetic", evil),)
    breakdown = {"prompt": {evil: {"unvaried": Score(1, 1, 1, 10)}, "good": {"unvaried": Score(0, 0, 0, 90)}}}
    measurement = shared(0.08, [found], unreadable=broken, breakdown=breakdown)
    for limits in ({"unvaried": 0.05}, {"unreadable": 0}):
        text = "".join(_explained(measurement, **limits))
        assert text.isprintable()
        assert "red" in text


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (Score(0.026, 0.019, 0.034), "0.026 [0.019, 0.034]"),
        (Score(None), "-"),
        (Score(3.0, 3.0, 3.0), "3"),
        (Score(0.99998, 0.0, 1.0), "1 [0, 1]"),
        (Score(0.0, 0.0, 0.99998), "0 [0, 1]"),
        (Score(0.5), "0.500"),
    ],
)
def test_a_score_is_written_with_its_interval(score: Score, text: str) -> None:
    assert with_interval(score) == text


def test_assert_scores_raises_with_the_evidence_of_every_failed_limit() -> None:
    measurement = shared(0.08, twins([2, 2, 2, 2]))
    assert_scores(measurement, unvaried=0.08, unoriginal={"max": 0.1, "warn": 0.01})
    with pytest.raises(AssertionError) as caught:
        assert_scores(measurement, unvaried=0.05, unoriginal=Limit(max=0.01), obviously_fake=0.5)
    lines = str(caught.value).splitlines()
    assert lines[0] == "scores: unvaried 0.08 [0.07, 0.09] failed: 0.08 > 0.05"
    assert "scores: unoriginal 0.08 [0.07, 0.09] failed: 0.08 > 0.01" in lines
    assert not any("obviously_fake" in line for line in lines)


def test_comparing_with_limits_agrees_with_the_failures() -> None:
    measurement = shared(0.08)
    for most in (0.05, 0.08, 0.1):
        limits = Limits(unvaried=most)
        assert (measurement <= limits) == (failures(measurement, limits) == [])
