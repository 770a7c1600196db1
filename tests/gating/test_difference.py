"""The noise of a difference follows its formulas, and what cannot be compared says why."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate.gating.accepted import Accepted
from pytest_synthgate.gating.difference import (
    COMMON,
    REPEATED,
    Difference,
    change_of_real_set,
    difference,
    obstacle,
)
from pytest_synthgate.scores.measurement import Contents, Measurement
from pytest_synthgate.scores.score import Errors, Score
from pytest_synthgate.scores.uncertainty import clopper_pearson, normal_interval

REAL = [f"r{number}" for number in range(800)]
Z = 1.959964


def share(flagged: int, n: int, deff: float = 1.0) -> Score:
    return Score(flagged / n, *clopper_pearson(flagged / deff, n / deff), n, n / deff)


def mean(value: float, errors: Errors | None = None) -> Score:
    error = math.hypot(errors.synthetic, errors.real, 3 * errors.classifier) if errors else 0.02
    return Score(value, *normal_interval(value, error), 500, 400.0)


def measured(synthetic: str = "s", real: list[str] = REAL, **changes: Any) -> Measurement:
    known: dict[str, Any] = {
        "n_real": len(real),
        "n_synthetic": 500,
        "representatives": {"real": len(real), "synthetic": 500},
        "scores": {},
        "rung": 200,
        "contents": Contents.of(real, [synthetic]),
        "fingerprint": {"encoder": "sha256:a", "normalise": {"size": 224, "jpeg": 90}},
    }
    return Measurement(**{**known, **changes})


def compared(now: Measurement, was: Measurement, name: str) -> Difference:
    found = difference(now, now.scores.get(name, Score(None)), Accepted.of(was), name)
    assert found is not None
    return found


def by_rung(value: float, errors: Errors, rungs: tuple[int, ...] = (200,), **changes: Any) -> Measurement:
    """Measure unrealistic at some rungs, a thousandth more at each."""
    scores = {str(rung): mean(value + place / 1000, errors) for place, rung in enumerate(rungs)}
    return measured(
        **{
            "scores": {"unrealistic": scores[str(rungs[-1])]},
            "rung": rungs[-1],
            "rungs": {"unrealistic": scores},
            "errors": {"unrealistic": dict.fromkeys(scores, errors)},
            **changes,
        }
    )


NOW, WAS = Errors(0.016, 0.012, 0.003), Errors(0.02, 0.01, 0.004)


@pytest.mark.parametrize(("real", "common"), [(REAL, COMMON), (REAL[1:], 0.0)], ids=["same", "other"])
def test_the_errors_of_a_common_real_set_cancel_in_part(real: list[str], common: float) -> None:
    found = compared(by_rung(0.66, NOW, synthetic="t"), by_rung(0.6, WAS, real=real), "unrealistic")
    squares = sum(each**2 for one in (NOW, WAS) for each in (one.synthetic, one.real, one.classifier))
    assert (found.now, found.was, found.rung) == (0.66, 0.6, None)
    assert found.noise == pytest.approx(Z * math.sqrt(squares - 2 * common * NOW.real * WAS.real), rel=1e-5)
    assert found.high - found.value == pytest.approx(found.noise)


def test_where_the_causes_are_not_known_the_intervals_are_joined() -> None:
    now, was = (
        measured(synthetic=name, scores={"unrealistic": mean(value)}) for name, value in (("t", 0.66), ("s", 0.6))
    )
    assert compared(now, was, "unrealistic").noise == pytest.approx(Z * math.hypot(0.02, 0.02), rel=1e-5)


@pytest.mark.parametrize(("flagged", "before"), [(26, 13), (5, 0), (0, 5), (0, 0), (500, 490)])
def test_shares_of_single_images_are_joined_by_the_arms_of_their_intervals(flagged: int, before: int) -> None:
    """The hybrid score interval of Newcombe (1998), method 10, with exact intervals in the place of Wilson's."""
    now, was = share(flagged, 500), share(before, 500)
    found = compared(measured("t", scores={"unvaried": now}), measured(scores={"unvaried": was}), "unvaried")
    assert now.interval is not None
    assert was.interval is not None
    (low, value, high), (low_before, value_before, high_before) = now.interval, was.interval
    assert found.value == pytest.approx(value - value_before)
    assert found.low == pytest.approx(found.value - math.hypot(value - low, high_before - value_before), abs=1e-6)
    assert found.high == pytest.approx(found.value + math.hypot(high - value, value_before - low_before), abs=1e-6)


def test_clusters_that_came_on_one_side_could_have_come_on_the_other() -> None:
    """Two scenes shown five times each are two events against none, ten single images are ten."""
    none = measured(scores={"unvaried": share(0, 300), "collision_rate": Score(0.0, 0.0, 8e-5, 300, 300.0)})
    scenes = measured("t", scores={"unvaried": share(10, 300, 5.0)})
    singles = measured("t", scores={"unvaried": share(10, 300)})
    assert not compared(scenes, none, "unvaried").exceeds(0.0)
    assert compared(singles, none, "unvaried").exceeds(0.0)


def test_the_pairs_of_one_scene_are_one_event() -> None:
    """Ten images of one scene make 45 pairs at once, of 44,850."""
    none = measured(scores={"collision_rate": Score(0.0, 0.0, 8e-5, 300, 300.0)})
    scene = measured("t", scores={"collision_rate": Score(45 / 44850, 0.025 * 45 / 44850, 0.0056, 300, 300 / 45)})
    assert not compared(scene, none, "collision_rate").exceeds(0.0)


def test_files_are_counted_without_noise() -> None:
    broken, whole = (Score(count, count, count, 1300) for count in (2.0, 0.0))
    found = difference(
        measured("t"), broken, replace(Accepted.of(measured()), scores={"unreadable": whole}), "unreadable"
    )
    assert found is not None
    assert (found.value, found.noise) == (2.0, 0.0)
    assert found.exceeds(1)
    assert not found.exceeds(2)


def test_the_same_images_have_no_noise_but_that_of_embedding_them_again() -> None:
    was = by_rung(0.6, WAS)
    again = compared(by_rung(0.6 + REPEATED / 2, WAS), was, "unrealistic")
    assert not again.exceeds(0.0)
    other = compared(by_rung(0.6001, WAS), was, "unrealistic")
    assert other.noise == pytest.approx(REPEATED)
    assert other.exceeds(0.0)
    assert not other.exceeds(0.0002)


@pytest.mark.parametrize(
    ("now", "was", "rung", "value"),
    [
        ((30, 50, 100, 200), (30, 50, 100), 100, 0.602),
        ((30, 50), (30, 50, 100), 50, 0.601),
        ((100,), (30, 50, 100, 200), 100, 0.6),
        ((30, 50, 100), (30, 50, 100), None, 0.602),
    ],
)
def test_means_are_compared_at_the_largest_rung_that_both_have(
    now: tuple[int, ...], was: tuple[int, ...], rung: int | None, value: float
) -> None:
    found = compared(by_rung(0.6, NOW, now), by_rung(0.6, WAS, was), "unrealistic")
    assert (found.rung, found.now) == (rung, value)


def test_without_a_common_rung_or_a_number_there_is_nothing_to_compare() -> None:
    was = Accepted.of(by_rung(0.6, WAS, (50,)))
    assert difference(by_rung(0.6, NOW, (30,)), mean(0.6), was, "unrealistic") is None
    assert difference(measured(), Score(None), was, "unvaried") is None
    assert difference(measured(), share(1, 10), was, "unvaried") is None
    assert difference(measured(), share(1, 10), was, "unvaried", "apple") is None


def test_a_score_without_its_waived_findings_is_compared_in_place_of_the_measured_one() -> None:
    measurement, was = by_rung(0.6, NOW, (100, 200)), Accepted.of(by_rung(0.6, WAS, (100, 200)))
    found = difference(measurement, mean(0.55), was, "unrealistic")
    assert found is not None
    assert found.now == 0.55


def test_a_class_is_compared_with_the_same_class() -> None:
    classes = {"apple": {"unvaried": share(1, 50)}, "pear": {"unvaried": share(30, 50)}}
    was = Accepted.of(measured(breakdown={"class": classes}), [("apple", "unvaried")])
    found = difference(measured("t"), share(20, 50), was, "unvaried", "apple")
    assert found is not None
    assert (found.now, found.was) == (0.4, 0.02)
    assert found.exceeds(0.0)


COUNTS = st.tuples(st.integers(1, 2000), st.floats(0, 1), st.floats(1, 50)).map(
    lambda drawn: share(round(drawn[0] * drawn[1]), drawn[0], min(drawn[2], max(1.0, drawn[0] * drawn[1])))
)


@given(COUNTS, COUNTS, st.sampled_from(["unvaried", "obviously_fake", "collision_rate", "unrealistic"]))
def test_what_is_worse_one_way_is_better_the_other(one: Score, other: Score, name: str) -> None:
    ahead = difference(measured("t"), one, replace(Accepted.of(measured()), scores={name: other}), name)
    back = difference(measured("t"), other, replace(Accepted.of(measured()), scores={name: one}), name)
    assert ahead is not None
    assert back is not None
    assert (ahead.low, ahead.value, ahead.high) == pytest.approx((-back.high, -back.value, -back.low))
    assert ahead.low <= ahead.value <= ahead.high
    assert not (ahead.exceeds(0.0) and back.exceeds(0.0))


def test_a_change_of_the_real_set_is_told_in_photos() -> None:
    was = Accepted.of(measured())
    assert change_of_real_set(measured("t"), was) is None
    assert change_of_real_set(measured(real=[*REAL[2:], "x"]), was) == "the real set changed: 800 photos then, 799 now"
    others = measured(real=[*REAL[1:], "x"])
    assert change_of_real_set(others, was) == "the real set changed: 800 photos then and now, not the same"
    assert (
        change_of_real_set(replace(measured(), contents=None), was) == "whether the real set is the same is not known"
    )


@pytest.mark.parametrize(
    ("fingerprint", "text"),
    [
        ({"encoder": "sha256:b"}, '`encoder` was "sha256:a" and is "sha256:b" now'),
        ({"normalise": {"size": 224, "jpeg": 75}}, "`normalise.jpeg` was 90 and is 75 now"),
        ({"encoder": "b", "normalise": None}, '`encoder` was "sha256:a" and is "b" now (and 1 more)'),
        ({"encoder": "\x1b[2J"}, '`encoder` was "sha256:a" and is "\\u001b[2J" now'),
        ({"normalise": {"jpeg": 90, "size": 224}}, None),
    ],
)
def test_another_fingerprint_says_what_it_was_and_is(fingerprint: dict[str, Any], text: str | None) -> None:
    now = measured()
    now = replace(now, fingerprint={**now.fingerprint, **fingerprint})
    assert obstacle(now, Accepted.of(measured()), "unvaried") == text
    assert obstacle(now, Accepted.of(measured()), "unreadable") is None


def test_tuples_and_lists_are_one_fingerprint() -> None:
    assert (
        obstacle(
            measured(fingerprint={"mean": (0.5, 0.5)}),
            Accepted.of(measured(fingerprint={"mean": [0.5, 0.5]})),
            "unvaried",
        )
        is None
    )


def test_classes_have_realism_scores_at_one_rung_only() -> None:
    now, was = measured(rung=500), Accepted.of(measured(rung=200))
    text = "classes were scored at n0 = 200 and are at 500 now"
    assert obstacle(now, was, "unrealistic", "apple") == text
    assert obstacle(now, was, "unvaried", "apple") is None
    assert obstacle(now, was, "unrealistic") is None
