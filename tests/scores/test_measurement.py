"""A measurement survives the way through JSON, and JSON never holds NaN."""

import json
import math
import operator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate.errors import ResultsError, SpecError
from pytest_synthgate.files.forms import Form
from pytest_synthgate.scores.finding import Finding, Origin, Unreadable, with_origins
from pytest_synthgate.scores.measurement import Contents, Measurement, grouped, set_digest
from pytest_synthgate.scores.score import Errors, Score
from pytest_synthgate.spec.limits import Limits

ANY_NUMBER = st.none() | st.floats()
SCORES = st.builds(Score, ANY_NUMBER, ANY_NUMBER, ANY_NUMBER, st.integers(0, 10**6), st.floats(0, 1e6))
ERRORS = st.builds(Errors, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
BY_NAME = st.dictionaries(st.sampled_from(["unvaried", "unoriginal", "unrealistic"]), SCORES)
DIGESTS = st.sampled_from([f"sha256:{letter * 64}" for letter in "01ab"])
FINDINGS = st.builds(
    Finding,
    image=st.text(max_size=8),
    digest=DIGESTS,
    image_set=st.sampled_from(["synthetic", "real"]),
    score=st.sampled_from(["unvaried", "unoriginal"]),
    by=st.sampled_from(["exact", "features", "classifier"]),
    value=st.floats(0, 2),
    twin=st.none() | st.text(max_size=8),
    twin_set=st.none() | st.sampled_from(["synthetic", "real"]),
    cluster=st.none() | st.integers(0, 10**6),
    joint_cluster=st.none() | st.integers(0, 10**6),
    prompt=st.none() | st.text(max_size=8),
    seed=st.none() | st.integers(),
)
MEASUREMENTS = st.builds(
    Measurement,
    n_real=st.integers(0, 10**6),
    n_synthetic=st.integers(0, 10**6),
    representatives=st.dictionaries(st.sampled_from(["real", "synthetic"]), st.integers(0, 10**6)),
    scores=BY_NAME,
    rung=st.none() | st.sampled_from([30, 2000]),
    rungs=st.dictionaries(st.just("unrealistic"), st.dictionaries(st.just("30"), SCORES)),
    errors=st.dictionaries(st.just("unrealistic"), st.dictionaries(st.just("30"), ERRORS)),
    yardstick=BY_NAME,
    yardstick_rung=st.none() | st.just(30),
    threshold=st.dictionaries(st.text(max_size=4), st.floats() | st.text(max_size=4)),
    breakdown=st.dictionaries(st.text(max_size=4), st.dictionaries(st.text(max_size=4), BY_NAME)),
    findings=st.lists(FINDINGS, max_size=3).map(tuple),
    unreadable=st.lists(st.builds(Unreadable, st.text(max_size=4), st.just("real"), st.text(max_size=4))).map(tuple),
    contents=st.none() | st.builds(Contents, DIGESTS, DIGESTS),
    audit=st.dictionaries(st.text(max_size=4), st.floats() | st.lists(st.floats(), max_size=2)),
    fingerprint=st.dictionaries(st.text(max_size=4), st.text(max_size=4)),
    recorded=st.dictionaries(st.text(max_size=4), st.text(max_size=4)),
    warnings=st.lists(st.text(max_size=4), max_size=2).map(tuple),
)

MINIMAL: dict[str, Any] = Measurement(1, 1, {}, {"unvaried": Score(0.0, 0.0, 0.9)}).to_json()


@given(MEASUREMENTS)
def test_a_measurement_survives_the_way_through_json(measurement: Measurement) -> None:
    text = measurement.to_text()
    back = Measurement.from_json(json.loads(text))
    assert back.to_text() == text
    assert Measurement.from_json(back.to_json()) == back


@given(MEASUREMENTS)
def test_json_never_holds_nan(measurement: Measurement) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(measurement.to_text(), parse_constant=refuse)


def test_numbers_are_rounded_to_six_digits_and_zero_has_no_sign() -> None:
    score = Form(Score).plain(Score(0.12345649, -1e-9, math.inf, 3, 2.5))
    assert score == {"value": 0.123456, "low": 0.0, "high": None, "n": 3, "effective": 2.5}
    assert math.copysign(1, score["low"]) == 1


def test_the_worst_group_stays_first_in_the_text() -> None:
    groups = {"pear": {"unvaried": Score(0.2)}, "apple": {"unvaried": Score(0.1)}}
    measurement = Measurement(1, 1, {"real": 1, "synthetic": 1}, {}, breakdown={"class": groups})
    read = Measurement.from_json(json.loads(measurement.to_text()))
    assert list(read.breakdown["class"]) == ["pear", "apple"]


@pytest.mark.parametrize(
    "broken",
    [
        {"n_real": "many"},
        {"scores": []},
        {"scores": {"unvaried": {"value": 0.1}}},
        {"scores": {"unvaried": 0.1}},
        {"findings": [{"image": "x"}]},
        {"findings": 3},
        {"unreadable": [{"image": "x"}]},
        {"fingerprint": None},
    ],
    ids=str,
)
def test_a_wrong_shape_is_one_line(broken: dict[str, Any]) -> None:
    with pytest.raises(ResultsError, match=r"not a measurement: .*; measure again") as caught:
        Measurement.from_json({**MINIMAL, **broken})
    assert "\n" not in str(caught.value)


def test_keys_beyond_the_stable_core_may_be_missing_or_added() -> None:
    core = ("n_real", "n_synthetic", "scores", "rungs", "breakdown", "findings", "unreadable", "audit", "fingerprint")
    raw = {name: MINIMAL[name] for name in core}
    raw["scores"] = {"unvaried": {"value": 0.0, "low": 0.0, "high": 0.9}}
    found = Measurement.from_json({**raw, "of the future": 1})
    assert found.scores["unvaried"] == Score(0.0, 0.0, 0.9)


FINDING = Finding("a.png", "sha256:1", "synthetic", "unvaried", "features", 0.01, "b.png", "synthetic", cluster=0)


def changed(**changes: Any) -> Finding:
    return replace(FINDING, **changes, id="")


def test_the_id_of_a_finding_depends_on_score_and_image_alone() -> None:
    assert FINDING.id == changed(value=0.02, twin="c.png", cluster=7, prompt="x").id
    others = (changed(image="b.png"), changed(digest="2"), changed(score="unoriginal"))
    assert len({FINDING.id, *(each.id for each in others)}) == 4
    assert FINDING.id.startswith("unvaried-")


def test_ids_have_64_bits_and_one_that_is_read_stays_as_it_was_stored() -> None:
    assert len(FINDING.id.removeprefix("unvaried-")) == 16
    raw = {**Form(Finding).plain(replace(FINDING, digest="sha256:" + "0" * 64)), "id": "unvaried-0123abcd"}
    assert Form(Finding).read(raw).id == "unvaried-0123abcd"


def test_a_name_that_is_not_unicode_has_an_id() -> None:
    assert changed(image="\udcff.png").id != FINDING.id


def test_origins_are_added_by_set_and_image() -> None:
    real = replace(FINDING, image_set="real")
    stranger = replace(FINDING, image="z.png")
    origins = {("synthetic", "a.png"): Origin("apple", "an apple", 7), ("real", "a.png"): Origin("pear")}
    found = with_origins((FINDING, real, stranger), origins)
    made = replace(FINDING, class_name="apple", prompt="an apple", seed=7)
    assert found == (made, replace(real, class_name="pear"), stranger)


def test_a_measurement_is_compared_with_limits() -> None:
    measurement = Measurement(100, 100, {"real": 99, "synthetic": 99}, {"unvaried": Score(0.04, 0.03, 0.05, 100, 99)})
    assert measurement <= Limits(unvaried=0.04)
    assert not measurement <= Limits(unvaried=0.03)
    assert not measurement <= Limits(unoriginal=0.5)


@pytest.mark.parametrize("missing", [None, math.nan, math.inf])
def test_an_interval_is_whole_or_none(missing: float | None) -> None:
    assert Score(0.2, 0.1, 0.3).interval == (0.1, 0.2, 0.3)
    for score in (Score(missing, 0.1, 0.3), Score(0.2, missing, 0.3), Score(0.2, 0.1, missing)):
        assert score.interval is None


def test_limits_compare_with_nothing_but_a_measurement() -> None:
    with pytest.raises(TypeError, match="'<=' not supported"):
        operator.le(0.04, Limits(unvaried=0.04))


def test_classes_under_thirty_real_images_are_pooled_those_with_none_too() -> None:
    counts = {"apple": 30, "pear": 29, "plum": 1}
    found = grouped(["apple", "pear", "plum", "kiwi"], counts)
    assert found == {"apple": "apple", "pear": "pooled", "plum": "pooled", "kiwi": "pooled"}


def test_no_class_is_pooled_where_no_real_image_has_one() -> None:
    assert grouped(["apple", "pear"], {}) == {"apple": "apple", "pear": "pear"}


NAMES = st.sampled_from(["apple", "pooled", "class:pooled", "class:class:pooled", "class:apple", "pooled]", "Pooled"])


@given(st.sets(NAMES), st.sets(NAMES))
def test_no_two_classes_share_a_group_but_the_small_ones(big: set[str], small: set[str]) -> None:
    found = grouped(big | small, {**dict.fromkeys(small, 29), **dict.fromkeys(big, 30)})
    assert {each for each, group in found.items() if group == "pooled"} == small - big
    assert len({found[each] for each in big} - {"pooled"}) == len(big)


def test_the_findings_of_a_class_called_pooled_are_not_those_of_the_small_ones() -> None:
    classes = {"p": "pooled", "s": "small", "b": "big", "n": None}
    found = tuple(replace(FINDING, score="unvaried", image=image, class_name=name) for image, name in classes.items())
    groups: dict[str, dict[str, Score]] = {"pooled": {}, "class:pooled": {}, "big": {}}
    measurement = Measurement(9, 9, {}, {}, findings=found, breakdown={"class": groups})
    by_group = {group: [each.image for each in measurement.flagged("unvaried", group)] for group in measurement.classes}
    assert by_group == {"big": ["b"], "class:pooled": ["p"], "pooled": ["s"]}


@pytest.mark.parametrize("ask", [Measurement.score, Measurement.flagged])
def test_a_score_that_there_is_not_is_an_error_and_not_nothing(ask: Any) -> None:
    with pytest.raises(SpecError, match="unknown score 'unvared'; did you mean 'unvaried'"):
        ask(Measurement(1, 1, {}, {}), "unvared")


SETS = st.lists(st.sampled_from("abcdefgh"), max_size=12)


@given(SETS, SETS)
def test_sets_have_one_digest_when_they_hold_the_same_as_often(one: list[str], other: list[str]) -> None:
    assert (set_digest(one) == set_digest(other)) == (sorted(one) == sorted(other))


def test_contents_survive_the_way_through_json_and_a_sketch_of_old_is_left_alone() -> None:
    contents = Contents.of(["a", "b"], ["c"])
    assert Form(Contents).read({**Form(Contents).plain(contents), "real_sketch": "AA=="}) == contents
    assert contents.real == set_digest(["b", "a"])
    assert contents.synthetic == set_digest(["c"])


@pytest.mark.parametrize("word", ["Real", "reel", "", "both"])
def test_a_set_that_there_is_not_has_no_images(word: str) -> None:
    with pytest.raises(SpecError, match=f"unknown set '{word}'"):
        Measurement(1, 1, {}, {}).images_of(word)
