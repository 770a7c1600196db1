"""A verdict in words: the number, the worst findings, what would help, and assertions that say so."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_synthgate import Finding, Limit, Limits, Measurement, Score, assert_scores
from pytest_synthgate.gating.verdict import Verdict, gate
from pytest_synthgate.reports.explain import (
    drops_needed,
    explain,
    failures,
    guilty,
    help_lines,
    in_plain_words,
    with_interval,
)
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
        "  0.png, 1.png, 2.png and 2 more (synthetic): truncated",
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


def _judged(measurement: Measurement, **limits: Any) -> Verdict:
    (verdict,) = gate(measurement, Limits(**limits))
    return verdict


def _plainly(measurement: Measurement, **limits: Any) -> str:
    return in_plain_words(_judged(measurement, **limits), measurement)


def test_a_share_is_said_as_a_count_of_images() -> None:
    assert _plainly(shared(0.08), unvaried=0.05) == (
        "8 of 100 synthetic images have a near-duplicate in the set, a share of 0.08; the limit is 0.05"
    )
    assert _plainly(shared(0.93), obviously_fake=Limit(max=0.95, when_unsure="fail")) == (
        "93 of 100 synthetic images are told from real images with at least 90% certainty, a share of 0.930; "
        "the limit is 0.950, and the whole interval must keep it"
    )


def test_a_share_of_a_class_is_said_of_its_images() -> None:
    breakdown = {"class": {"apple": {"unvaried": Score(0.05, 0.02, 0.15, 60)}}}
    measurement = shared(0.06, breakdown=breakdown)
    assert _plainly(measurement, unvaried={"max": 0.04, "per_class": True}) == (
        "3 of 60 synthetic images of class 'apple' have a near-duplicate in the set, a share of 0.05; the limit is 0.04"
    )


def test_waived_images_are_no_part_of_what_was_judged() -> None:
    findings = twins([4, 4])
    measurement = shared(0.08, findings)
    verdict = replace(_judged(measurement, unvaried=0.05), waived=tuple(each.id for each in findings[:4]))
    assert in_plain_words(verdict, measurement) == (
        "4 of 100 synthetic images have a near-duplicate in the set and are not waived (4 are), a share of 0.04; "
        "the limit is 0.05"
    )


def test_realism_is_said_beside_chance_and_the_halves_of_the_real_set() -> None:
    measurement = shared(0.93, yardstick={"unrealistic": Score(0.51)})
    assert _plainly(measurement, unrealistic={"max": 0.95, "warn": 0.9}) == (
        "synthetic images are told from real ones with 0.930 certainty on average (chance is 0.5, between halves of "
        "the real set 0.510); the limit is 0.950; a warning comes above 0.900"
    )


def test_other_scores_have_sentences_of_their_own() -> None:
    broken = (Unreadable("a.png", "synthetic", "truncated"),)
    assert _plainly(shared(0.0, unreadable=broken), unreadable=0) == "1 file cannot be read; the limit is 0"
    rate = shared(0.0, scores={"collision_rate": Score(0.002, 0.001, 0.003, HUNDRED, HUNDRED)})
    assert _plainly(rate, collision_rate=0.001) == (
        "0.002 of all pairs of synthetic images are near-duplicates; the limit is 0.001"
    )
    assert _plainly(shared(0.0, scores={}), unvaried=0.1) == "unvaried could not be computed; the limit is 0.100"


def _risen(value: float, was: float, **bounds: Any) -> tuple[Verdict, Measurement]:
    limit = Limit(**bounds)
    measurement = shared(value, twins([int(value * HUNDRED)]))
    verdict = replace(_judged(measurement, unvaried=limit), verdict="failed", baseline=was)
    return verdict, measurement


def test_a_regression_is_accepted_and_not_dropped() -> None:
    verdict, measurement = _risen(0.08, 0.02, max=0.1, regression=0.01)
    assert in_plain_words(verdict, measurement).endswith(
        "the limit is 0.100; the baseline is 0.02, and 0.01 more is allowed"
    )
    assert help_lines(verdict, measurement) == [
        "if the change is meant, `pytest --synth-update-baseline --synth-accept-failing` accepts it"
    ]


def test_nothing_is_to_drop_where_an_expired_waiver_failed_a_score_below_its_limit() -> None:
    measurement = shared(0.04, twins([4]))
    verdict = replace(_judged(measurement, unvaried=0.05), verdict="failed", reason="waiver of x expired")
    assert help_lines(verdict, measurement) == []


def test_what_waivers_leave_is_what_is_to_drop() -> None:
    findings = twins([2] * 6, "unoriginal")
    measurement = shared(0.12, findings)
    waived = tuple(each.id for each in findings[:4])
    verdict = replace(_judged(measurement, unoriginal=0.05), waived=waived)
    assert help_lines(verdict, measurement)[0] == "dropping 4 of the 8 flagged images would pass"


@pytest.mark.parametrize(
    ("distinct", "n", "line"),
    [
        ((24, 300), (24, 300), "about 6 more synthetic images would let it decide"),
        ((20, 300), (30, 300), "about 15 more synthetic images would let it decide"),
        (
            (12, 300),
            (200, 300),
            "only 12 of 200 synthetic images are distinct: more of the same kind would hardly help",
        ),
        ((200, 29), (200, 29), "about 1 more real image would let it decide"),
        ((0, 300), (1, 300), "only 0 of 1 synthetic images are distinct: more of the same kind would hardly help"),
    ],
)
def test_what_is_inconclusive_says_what_would_decide(distinct: tuple[int, int], n: tuple[int, int], line: str) -> None:
    representatives = dict(zip(("synthetic", "real"), distinct, strict=True))
    measurement = shared(0.0, representatives=representatives, n_synthetic=n[0], n_real=n[1])
    assert help_lines(_judged(measurement, unvaried=0.05), measurement) == [line]


def test_a_small_class_says_how_many_it_lacks() -> None:
    breakdown = {"class": {"apple": {"unvaried": Score(0.0, 0.0, 0.5, 12)}}}
    measurement = shared(0.0, breakdown=breakdown)
    verdict = _judged(measurement, unvaried={"max": 0.04, "per_class": True})
    assert help_lines(verdict, measurement) == ["add 18 synthetic images of class 'apple'"]


def test_what_did_not_pass_says_what_would_help_where_the_reason_does_not() -> None:
    measurement = shared(0.04)
    assert help_lines(_judged(measurement, unvaried=0.05), measurement) == []
    assert help_lines(_judged(measurement, unvaried={"max": 0.05, "warn": 0.01}), measurement) == []
    assert "--synth-update-baseline" in help_lines(_judged(measurement, unvaried={"regression": 0.1}), measurement)[0]
    known = replace(_judged(measurement, unvaried=0.05), verdict="not comparable")
    assert help_lines(known, measurement) == []  # the reason has the remedy
    confounded = shared(0.9, audit={"confounded": "the files explain it"})
    assert help_lines(_judged(confounded, unrealistic=0.95), confounded)[0].startswith("save the synthetic images as")


def _fewest_by_hand(sizes: Sequence[int], n: int, most: float, *, keep_one: bool) -> int:
    """Try every choice of images to drop, smallest first."""
    images = [cluster for cluster, size in enumerate(sizes) for _ in range(size)]
    for dropped in range(len(images) + 1):
        for gone in combinations(range(len(images)), dropped):
            left = [cluster for i, cluster in enumerate(images) if i not in gone]
            flagged = sum(left.count(cluster) > 1 for cluster in left) if keep_one else len(left)
            if flagged == 0 or flagged / (n - dropped) <= most:
                return dropped
    raise AssertionError


@settings(deadline=None)
@given(
    st.lists(st.integers(2, 5), min_size=1, max_size=4).filter(lambda sizes: sum(sizes) <= 10),
    st.integers(0, 20),
    st.floats(0, 1),
)
def test_the_fewest_drops_of_twins_are_those_of_trying_all(sizes: list[int], others: int, most: float) -> None:
    n = sum(sizes) + others
    expected = _fewest_by_hand(sizes, n, most, keep_one=True)
    assert drops_needed(twins(sizes), n, most) == expected


@settings(deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.integers(0, 20), st.floats(0, 1))
def test_the_fewest_drops_of_copies_are_those_of_trying_all(sizes: list[int], others: int, most: float) -> None:
    n = sum(sizes) + others
    expected = _fewest_by_hand(sizes, n, most, keep_one=False)
    assert drops_needed(twins(sizes, "unoriginal"), n, most) == expected


def test_more_findings_than_images_as_a_foreign_file_may_have_are_dropped_to_the_last() -> None:
    assert drops_needed(twins([3], "unoriginal"), 2, 0.5) == 3


@pytest.mark.parametrize(
    ("sizes", "n", "most", "dropped"),
    [
        ([2] * 5, 100, 0.05, 3),  # seven left would be too many of 97, four of 97 are few enough
        ([50], 100, 0.45, 10),  # 40 left of 90
        ([50], 100, 0.0, 49),
        ([29], 100, 0.29, 0),  # 0.29 * 100 is below 29 in floating point
        ([4], 4, 0.0, 3),
        ([2, 30], 100, 0.3, 2),  # the pair costs one drop for two flags, then 29 of 98
    ],
)
def test_drops_by_hand(sizes: list[int], n: int, most: float, dropped: int) -> None:
    assert drops_needed(twins(sizes), n, most) == dropped


@pytest.mark.parametrize(
    ("shares", "blamed"),
    [
        ({"a": (0.5, 10), "b": (0.0, 90)}, "class 'a' makes 100% of them, with 10% of the images"),
        ({"a": (0.1, 50), "b": (0.1, 50)}, None),
        ({"a": (0.14, 50), "b": (0.06, 50)}, None),
        ({"a": (0.0, 50), "b": (0.0, 50)}, None),
        ({"a": (0.5, 100)}, None),
        ({"pooled": (0.5, 10), "b": (0.0, 90)}, None),
    ],
)
def test_a_group_is_blamed_when_it_makes_far_more_than_its_part(
    shares: dict[str, tuple[float, int]], blamed: str | None
) -> None:
    groups = {name: {"unvaried": Score(value, 0, 1, n)} for name, (value, n) in shares.items()}
    assert guilty("unvaried", shared(0.1, breakdown={"class": groups})) == blamed


def test_the_axis_that_tells_most_is_blamed() -> None:
    def axis(part: float, of: int) -> dict[str, dict[str, Score]]:
        rest = {"unvaried": Score((10 - part) / (100 - of), 0, 1, 100 - of)}
        return {"worst": {"unvaried": Score(part / of, 0, 1, of)}, "rest": rest}

    found = guilty("unvaried", shared(0.1, breakdown={"class": axis(5, 20), "context": axis(9, 20)}))
    assert found == "context 'worst' makes 90% of them, with 20% of the images"
