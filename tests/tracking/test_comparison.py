"""Two runs side by side: what became worse, by more than noise and by more than is acceptable."""

from dataclasses import replace
from math import comb
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm

from pytest_synthgate import Limits, Measurement, Score, evaluate
from pytest_synthgate.reports.side_by_side import comparison_lines, comparison_markdown, conclusion
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.uncertainty import share_of
from pytest_synthgate.tracking.comparison import Compared, Comparison, compare_results, holm

RANDOM = np.random.default_rng(0)
REAL = RANDOM.normal(size=(200, 8))
HONEST = RANDOM.normal(size=(120, 8))
AGAIN = RANDOM.normal(size=(120, 8))
COLLAPSED = np.concatenate([HONEST[:40], np.repeat(HONEST[40:60], 4, axis=0)])


def result(synthetic: Any, **limits: Any) -> SpecResult:
    return SpecResult(evaluate(REAL, synthetic), limits=Limits(**limits))


@pytest.fixture(scope="module")
def honest() -> SpecResult:
    return result(HONEST)


@pytest.fixture(scope="module")
def collapsed() -> SpecResult:
    return result(COLLAPSED, unvaried={"max": 1.0, "regression": 0.01})


def of(score: str, found: tuple[Compared, ...]) -> Compared:
    return next(each for each in found if each.score == score)


def test_a_run_is_no_worse_than_itself(honest: SpecResult) -> None:
    found = compare_results({"a": honest}, {"a": honest})
    assert {(each.course, each.chance) for each in found.scores} == {("unchanged", None)}
    assert (found.of("worse"), found.remarks) == ((), ())
    assert comparison_lines(found) == [
        "a: the same images, the same scores",
        f"none of {len(found.scores)} scores became worse by more than noise",
    ]


def test_the_same_images_take_no_power_from_others(honest: SpecResult, collapsed: SpecResult) -> None:
    was = {"a": honest, **dict.fromkeys("bcdefg", honest)}
    found = compare_results(was, {**was, "a": collapsed})
    assert of("unvaried", found.scores) == of("unvaried", compare_results({"a": honest}, {"a": collapsed}).scores)
    lines = comparison_lines(found)
    assert "g: the same images, the same scores" in lines
    assert {line.split()[0] for line in lines[1 : lines.index("")]} == {"a"}


def test_an_honest_set_of_the_same_law_is_noise(honest: SpecResult) -> None:
    assert compare_results({"a": honest}, {"a": result(AGAIN)}).of("worse") == ()


def test_a_collapsed_set_is_worse_and_the_way_back_is_better(honest: SpecResult, collapsed: SpecResult) -> None:
    found = compare_results({"a": honest}, {"a": collapsed})
    unvaried = of("unvaried", found.scores)
    assert unvaried.course == "worse"
    assert unvaried.difference is not None
    assert unvaried.difference.value == pytest.approx(80 / 120)
    worse = found.of("worse")
    assert unvaried in worse
    assert conclusion(found).startswith(f"{len(worse)} of {len(found.scores)} scores became worse: a unvaried")
    back = compare_results({"a": collapsed}, {"a": honest})
    assert of("unvaried", back.scores).course == "better"
    assert back.of("worse") == ()


def test_a_declared_regression_is_acceptable_and_said_to_be(honest: SpecResult) -> None:
    allowed = result(COLLAPSED, unvaried={"regression": 0.9}, collision_rate={"regression": 0.9})
    found = compare_results({"a": honest}, {"a": allowed})
    assert of("unvaried", found.scores).course == "within its limit"
    assert "unvaried" not in {each.score for each in found.of("worse")}
    within = Comparison(tuple(each for each in found.scores if each.course != "worse"), ())
    assert conclusion(within).startswith(f"none of {len(within.scores)} scores became worse by more than noise or its")
    assert "; worse within the declared regression: a unvaried, a collision_rate" in conclusion(within)


def shifted(value: float, n: int = 1000) -> SpecResult:
    """Give one share with a normal interval of 0.02 to either side."""
    score = Score(value, value - 0.02, value + 0.02, n, n)
    return SpecResult(Measurement(500, n, {"real": 500, "synthetic": n}, {"unrealistic": score}))


def test_many_looks_need_a_larger_difference() -> None:
    """Half-widths of 0.02 join to 0.0283, so that 0.035 has p = 0.015: a change alone, perhaps one among four."""
    was, now = shifted(0.5), shifted(0.535)
    alone = compare_results({"a": was}, {"a": now})
    assert [each.chance for each in alone.of("worse")] == [pytest.approx(2 * norm.sf(0.035 / 0.0283 * 1.96), rel=0.01)]
    many = compare_results(dict.fromkeys("abcd", was), dict.fromkeys("abcd", now))
    # A count of unreadable files is no look.
    assert any("p is adjusted for 4 looks (Holm)" in line for line in comparison_lines(many))
    assert many.of("worse") == ()
    assert {each.course for each in many.scores} == {"perhaps worse", "unchanged"}
    assert conclusion(many) == (
        "none of 8 scores became worse by more than noise; "
        "perhaps worse: a unrealistic, b unrealistic, c unrealistic, d unrealistic"
    )
    (line,) = (line for line in comparison_lines(many) if line.startswith("a     unrealistic"))
    assert line.split("  ")[-2:] == ["0.061", "perhaps worse"]


def test_a_score_that_chance_cannot_explain_makes_room_for_the_next() -> None:
    """Holm: beside one with p = 0 the other is judged as if it were alone."""
    was = {"a": shifted(0.2), "b": shifted(0.5)}
    found = compare_results(was, {"a": shifted(0.6), "b": shifted(0.535)})
    assert [each.spec for each in found.of("worse")] == ["a", "b"]


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1), st.floats(0.001, 1))
def test_a_call_is_false_only_where_the_smallest_honest_p_is_below_its_share(
    drawn: list[tuple[float, bool]], level: float
) -> None:
    """That has a chance of no more than the level, by Boole: some of k numbers in [0, 1] is below level / k."""
    adjusted = holm([chance for chance, _ in drawn])
    honest = [chance for chance, nothing_changed in drawn if nothing_changed]
    called = [each < level for each, (_, nothing_changed) in zip(adjusted, drawn, strict=True) if nothing_changed]
    assert not any(called) or min(honest) <= level / len(honest)
    order = np.argsort([chance for chance, _ in drawn], kind="stable")
    assert np.all(np.diff(np.take(adjusted, order)) >= 0)
    assert all(chance <= each <= 1 for each, (chance, _) in zip(adjusted, drawn, strict=True))


def of_share(flagged: int, n: int) -> SpecResult:
    share = share_of(np.ones(flagged, dtype=np.int64), n)
    return SpecResult(Measurement(500, n, {"real": 500, "synthetic": n}, {"unvaried": share}))


def test_shares_of_one_law_are_called_changed_once_in_twenty_comparisons_at_most() -> None:
    """Every pair of counts of 60 images, with its binomial chance: shares of nothing on either side are not counted."""
    n, most = 60, 26
    alone = np.array(
        [
            [
                of("unvaried", compare_results({"a": of_share(was, n)}, {"a": of_share(now, n)}).scores).chance or 1.0
                for now in range(most)
            ]
            for was in range(most)
        ]
    )
    assert alone[0, 0] == 1
    for share in (0.005, 0.02, 0.05, 0.2):
        once = binom.pmf(range(most), n, share)
        pairs = np.outer(once, once)
        nothing = pairs[0, 0]
        for looks in (1, 2, 3, 6, 20):
            silent = sum(
                comb(looks, counted)
                * nothing ** (looks - counted)
                * (pairs[alone > 0.05 / max(counted, 1)].sum() - nothing) ** counted
                for counted in range(looks + 1)
            )
            assert 1 - silent < 0.05


def test_other_fingerprints_are_not_compared_and_the_reason_is_told_once(honest: SpecResult) -> None:
    fingerprint = {**honest.measurement.fingerprint, "encoder": f"sha256:{'1' * 64}"}
    was = replace(honest, measurement=replace(honest.measurement, fingerprint=fingerprint))
    fingerprint = {**fingerprint, "encoder": f"sha256:{'0' * 64}"}
    now = replace(honest, measurement=replace(honest.measurement, fingerprint=fingerprint))
    found = compare_results({"a": was, "b": honest}, {"a": now, "b": honest})
    assert {each.course for each in found.scores if each.spec == "a" and each.score != "unreadable"} == {
        "not comparable"
    }
    assert comparison_lines(found) == [
        'a: not comparable, `encoder` was "sha256:111111111111" and is "sha256:000000000000" now',
        "b: the same images, the same scores",
        "none of 8 scores became worse by more than noise; 6 could not be compared",
    ]
    assert found.nothing is None
    alone = compare_results({"a": was}, {"a": now})
    assert alone.nothing == 'a: `encoder` was "sha256:111111111111" and is "sha256:000000000000" now'


def test_a_spec_that_was_not_measured_is_not_compared(honest: SpecResult) -> None:
    found = compare_results({"a": honest}, {"a": SpecResult(Measurement(0, 0, {}, {}))})
    assert (found.nothing, found.compared) == ("a: not measured in the later file", ())


def test_a_score_that_lost_its_value_is_told(honest: SpecResult) -> None:
    lost = {**honest.measurement.scores, "unvaried": Score(None), "unoriginal": Score(None)}
    later = replace(honest, measurement=replace(honest.measurement, scores=lost))
    found = compare_results({"a": honest}, {"a": later})
    assert comparison_lines(found) == [
        "a unvaried, unoriginal: not comparable, no value in the later file",
        "none of 5 scores became worse by more than noise; 2 could not be compared",
    ]


def test_specs_of_one_file_only_are_told(honest: SpecResult) -> None:
    found = compare_results({"a": honest, "old": honest}, {"new": honest, "a": honest})
    assert found.remarks == ("only in the earlier file: old", "only in the later file: new")
    apart = compare_results({"a": honest}, {"b": honest})
    assert apart.nothing == "only in the earlier file: a; only in the later file: b"
    assert compare_results({}, {}).nothing == "they hold no spec"
    unscored = {"a": SpecResult(Measurement(9, 9, {}, {}))}
    assert compare_results(unscored, unscored).nothing == "no score has a value"


def test_a_small_difference_keeps_its_digits(honest: SpecResult) -> None:
    (line,) = (
        line
        for line in comparison_lines(compare_results({"a": honest}, {"a": result(AGAIN)}))
        if " collision_rate " in line
    )
    assert "+0.00000 [-0.0005" in line


def test_the_lines_are_aligned_and_say_difference_and_chance(honest: SpecResult, collapsed: SpecResult) -> None:
    lines = comparison_lines(compare_results({"a": honest}, {"a": collapsed}))
    assert lines[0].split() == ["spec", "score", "earlier", "later", "difference", "p"]
    (line,) = (each for each in lines if " unvaried " in each)
    assert line.startswith("a     unvaried")
    assert "+0.667 [+0." in line
    assert line.endswith("<0.001  worse")
    assert "p is adjusted for" in lines[-2]


def test_nothing_of_a_name_acts_in_markdown_or_on_a_terminal(honest: SpecResult) -> None:
    evil = "<b>|\x1b[2J\u202e[x](y)"
    found = compare_results({evil: honest}, {evil: result(AGAIN), "|" + evil: honest})
    assert all(each.isprintable() for each in comparison_lines(found))
    text = comparison_markdown(found)
    assert "<b>" not in text.replace("\\<b\\>", "")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {row.replace("\\|", "").count("|") for row in rows} == {8}
