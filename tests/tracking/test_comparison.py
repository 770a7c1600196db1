"""Two runs side by side: what became worse, by more than noise and by more than is acceptable."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from pytest_synthgate import Limits, Measurement, Score, evaluate, gate
from pytest_synthgate.reports.comparison import comparison_lines, comparison_markdown, conclusion
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.tracking.comparison import Compared, compare_results

RANDOM = np.random.default_rng(0)
REAL = RANDOM.normal(size=(200, 8))
HONEST = RANDOM.normal(size=(120, 8))
AGAIN = RANDOM.normal(size=(120, 8))
COLLAPSED = np.concatenate([HONEST[:40], np.repeat(HONEST[40:60], 4, axis=0)])


def result(synthetic: Any, **limits: Any) -> SpecResult:
    measurement = evaluate(REAL, synthetic)
    return SpecResult(measurement, tuple(gate(measurement, Limits(**limits))))


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
    assert {each.course for each in found.scores} == {"within noise"}
    assert min(each.chance or 0.0 for each in found.scores) > 0.5  # a file keeps six digits
    assert (found.regressions, found.remarks) == ((), ())
    assert conclusion(found) == f"none of {len(found.scores)} scores became worse by more than noise"


def test_an_honest_set_of_the_same_law_is_noise(honest: SpecResult) -> None:
    assert compare_results({"a": honest}, {"a": result(AGAIN)}).regressions == ()


def test_a_collapsed_set_is_worse_and_the_way_back_is_better(honest: SpecResult, collapsed: SpecResult) -> None:
    found = compare_results({"a": honest}, {"a": collapsed})
    unvaried = of("unvaried", found.scores)
    assert unvaried.course == "worse"
    assert unvaried.difference is not None
    assert unvaried.difference.value == pytest.approx(80 / 120)
    assert unvaried in found.regressions
    assert conclusion(found).startswith(
        f"{len(found.regressions)} of {len(found.scores)} scores became worse: a unvaried"
    )
    back = compare_results({"a": collapsed}, {"a": honest})
    assert of("unvaried", back.scores).course == "better"
    assert back.regressions == ()


def test_a_declared_regression_is_acceptable(honest: SpecResult) -> None:
    allowed = result(COLLAPSED, unvaried={"regression": 0.9}, collision_rate={"regression": 0.9})
    found = compare_results({"a": honest}, {"a": allowed})
    assert of("unvaried", found.scores).course == "within its limit"
    assert "unvaried" not in {each.score for each in found.regressions}


def shifted(value: float, n: int = 1000) -> SpecResult:
    """Give one share with a normal interval of 0.02 to either side."""
    score = Score(value, value - 0.02, value + 0.02, n, n)
    return SpecResult(Measurement(500, n, {"real": 500, "synthetic": n}, {"unrealistic": score}))


def test_many_looks_need_a_larger_difference() -> None:
    """Half-widths of 0.02 join to 0.0283, so that 0.035 has p = 0.015: a change among two scores, none among eight."""
    was, now = shifted(0.5), shifted(0.535)
    alone = compare_results({"a": was}, {"a": now})
    assert [each.chance for each in alone.regressions] == [pytest.approx(2 * norm.sf(0.035 / 0.0283 * 1.96), rel=0.01)]
    many = compare_results(dict.fromkeys("abcd", was), dict.fromkeys("abcd", now))
    assert len([each for each in many.scores if each.difference is not None]) == 8
    assert many.regressions == ()


def test_other_fingerprints_are_not_compared(honest: SpecResult) -> None:
    other = replace(honest, measurement=replace(honest.measurement, fingerprint={"definition": "studio"}))
    found = compare_results({"a": honest}, {"a": other})
    assert {each.course for each in found.scores if each.score != "unreadable"} == {"not comparable"}
    assert found.regressions == ()
    assert "definition" in (found.scores[0].obstacle or "")


def test_specs_of_one_file_only_are_told(honest: SpecResult) -> None:
    found = compare_results({"a": honest, "old": honest}, {"new": honest, "a": honest})
    assert found.remarks == ("old: only in the earlier file", "new: only in the later file")
    nothing = compare_results({"a": honest}, {"b": honest})
    assert conclusion(nothing) == "there is nothing to compare: the files share no spec"


def test_the_lines_are_aligned_and_say_difference_and_chance(honest: SpecResult, collapsed: SpecResult) -> None:
    lines = comparison_lines(compare_results({"a": honest}, {"a": collapsed}))
    assert lines[0].split() == ["spec", "score", "earlier", "later", "difference", "p"]
    (line,) = (each for each in lines if " unvaried " in each)
    assert line.startswith("a     unvaried")
    assert "+0.667 [+0." in line
    assert line.endswith("<0.001  worse")


def test_nothing_of_a_name_acts_in_markdown_or_on_a_terminal(honest: SpecResult) -> None:
    evil = "<b>|\x1b[2J\u202e[x](y)"
    found = compare_results({evil: honest}, {evil: honest, "|" + evil: honest})
    assert all(each.isprintable() for each in comparison_lines(found))
    text = comparison_markdown(found)
    assert "<b>" not in text.replace("\\<b\\>", "")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {row.replace("\\|", "").count("|") for row in rows} == {8}
