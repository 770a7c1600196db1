"""What a finding says, in the same words in every report."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate import Finding
from pytest_synthgate.reports.evidence import against, describe, in_turns, unread, worst
from pytest_synthgate.scores.finding import Unreadable

TAU = 0.0455
PAIR = Finding("a.png", "sha256:1", "synthetic", "unvaried", "features", 0.01, "b.png", "synthetic")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"by": "exact", "value": 0.0}, "the same pixels"),
        ({}, "a near-copy, distance 0.01 < 0.0455"),
        ({"by": "geometry", "value": 0.21}, "an edited copy, distance 0.210"),
        ({"by": "chain", "value": 0.51}, "in a chain of near-copies, distance 0.510"),
        ({"by": "classifier", "value": 0.987}, "told from real images with 98.7% certainty"),
        ({"by": "classifier", "value": 0.99991}, "told from real images with over 99.9% certainty"),
        ({"by": "classifier", "value": 0.9, "image_set": "real"}, "told from synthetic images with 90.0% certainty"),
    ],
)
def test_the_evidence_says_how_it_was_found(changes: dict[str, Any], words: str) -> None:
    assert against(replace(PAIR, **changes), {"tau": TAU}) == words


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"by": "exact", "prompt": "an apple", "seed": 7},
            'a.png = synthetic b.png (the same pixels); "an apple", seed 7',
        ),
        ({"by": "geometry", "value": 0.21}, "a.png ~ synthetic b.png (an edited copy, distance 0.210)"),
        ({"twin": None}, "a.png ~ an unknown image (a near-copy, distance 0.01 < 0.0455)"),
    ],
)
def test_a_line_names_both_images_and_how_the_first_was_made(changes: dict[str, Any], text: str) -> None:
    assert describe(replace(PAIR, **changes), {"tau": TAU}) == text


def clusters(*sizes: int, score: str = "unvaried") -> list[Finding]:
    """Clusters of so many images, the first of them the closest: `cluster-number`."""
    return [
        replace(PAIR, image=f"{cluster}-{number}", twin=f"{cluster}-x", score=score, cluster=cluster)
        for cluster, size in enumerate(sizes)
        for number in range(size)
    ]


@pytest.mark.parametrize("score", ["unvaried", "unoriginal"])
def test_the_largest_cluster_is_the_worst_however_close_the_pairs_are(score: str) -> None:
    shown = worst(clusters(*[2] * 15, 14, 3, score=score), 12)
    assert [each.cluster for each in shown] == [15, 16, *range(10)]


def test_every_cluster_has_its_turn_before_the_second_of_any() -> None:
    assert [each.image for each in in_turns(clusters(2, 3, 2))] == ["1-0", "0-0", "2-0", "1-1", "0-1", "2-1", "1-2"]


def test_what_a_classifier_gave_away_stays_in_order_whatever_its_cluster() -> None:
    found = clusters(1, 1, 3, score="unrealistic")
    assert in_turns(found) == found


@pytest.mark.parametrize(
    ("value", "tau", "words"),
    [
        (0.51, 0.077, "in a chain of near-copies, distance 0.510"),
        (0.077, 0.077, "in a chain of near-copies, distance 0.077"),
        (0.07699999, 0.077, "a near-copy, distance just below 0.077"),
        (0.01, 0.0, "a near-copy, distance 0.01"),
        (0.0, 0.077, "a near-copy, distance 0 < 0.077"),
    ],
)
def test_no_distance_is_said_to_be_below_what_it_is_not(value: float, tau: float, words: str) -> None:
    assert against(replace(PAIR, value=value), {"tau": tau}) == words


@given(st.floats(0, 2), st.floats(0, 1))
def test_whatever_the_distance_what_is_said_of_it_is_true(value: float, tau: float) -> None:
    found = re.search(r"(\S+) < (\S+)$", against(replace(PAIR, value=value), {"tau": tau}))
    assert found is None or float(found[1]) < float(found[2])


def test_files_that_cannot_be_read_stand_together_by_their_reason_the_commonest_first() -> None:
    few = [Unreadable("b.png", "real", "empty"), *(Unreadable(f"{n}.png", "synthetic", "truncated") for n in range(5))]
    lines = ["0.png, 1.png, 2.png and 2 more (synthetic): truncated", "b.png (real): empty"]
    assert unread(few) == lines
    rare = [Unreadable("x", "real", reason) for reason in ("odd", "torn", "cut")]
    assert unread([*few, *rare]) == [*lines, "x (real): odd", "2 more for other reasons"]
