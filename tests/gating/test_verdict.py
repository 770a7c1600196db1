"""Each row of the table of verdicts, and what a gate says about its number."""

import json
import math
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate import Finding, Limit, Limits, Measurement, Score, Verdict, evaluate
from pytest_synthgate.errors import SpecError
from pytest_synthgate.files.forms import Form
from pytest_synthgate.gating.accepted import Accepted
from pytest_synthgate.gating.verdict import Gate, gate, judge
from pytest_synthgate.kinds import KINDS
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.finding import Unreadable
from pytest_synthgate.scores.measurement import Contents
from pytest_synthgate.scores.score import Errors, number
from pytest_synthgate.scores.uncertainty import clopper_pearson, share_of
from pytest_synthgate.spec.waivers import Waiver
from pytest_synthgate.tracking.acceptance import updated
from pytest_synthgate.tracking.baseline import Baseline

STRADDLING = Score(0.06, 0.04, 0.08, 500, 500)
SCORES = {
    "unvaried": Score(0.026, 0.019, 0.034, 500, 450),
    "unoriginal": Score(0.02, 0.012, 0.031, 500, 450),
    "unrealistic": Score(0.86, 0.84, 0.88, 500, 500),
    "unrepresentative": Score(0.85, 0.83, 0.87, 800, 800),
    "obviously_fake": Score(0.55, 0.5, 0.6, 500, 500),
    "collision_rate": Score(0.0001, 0.00005, 0.0002, 500, 500),
}


def _measured(**changes: Any) -> Measurement:
    enough = {"real": 800, "synthetic": 500}
    return Measurement(**{"n_real": 800, "n_synthetic": 500, "representatives": enough, "scores": SCORES, **changes})


def _few(**scores: Score) -> Measurement:
    return _measured(n_synthetic=29, representatives={"real": 800, "synthetic": 29}, scores=scores)


def _verdict(limit: Limit | float, score: str = "unvaried", **changes: Any) -> Verdict:
    (verdict,) = gate(_measured(**changes), Limits(**{score: limit}))
    return verdict


def _outcome(limit: Limit | float, score: str = "unvaried", **changes: Any) -> str:
    return _verdict(limit, score, **changes).verdict


@pytest.mark.parametrize("score", SCORES)
def test_a_score_up_to_its_limit_passes_and_beyond_it_fails(score: str) -> None:
    value = SCORES[score].value
    assert value is not None
    assert _outcome(value, score) == "passed"
    assert _outcome(float(np.nextafter(value, 0)), score) == "failed"


def test_between_warn_and_max_it_is_warned() -> None:
    assert _outcome(Limit(max=0.05, warn=0.02)) == "warned"
    assert _outcome(Limit(max=0.05, warn=0.026)) == "passed"
    assert _outcome(Limit(max=0.025, warn=0.02)) == "failed"
    assert _outcome(Limit(warn=0.02)) == "warned"
    assert _outcome(Limit(warn=0.03)) == "passed"


NOT_NUMBERS = [
    Score(None),
    Score(math.nan, math.nan, math.nan),
    Score(math.nan, 0.0, 0.1),
    Score(0.01, math.nan, 0.1),
    Score(math.inf, 0.0, math.inf),
    Score(0.01, None, None),
]


@pytest.mark.parametrize("limit", [Limit(max=0.9), Limit(warn=0.9), Limit(regression=0.9), Limit(max=1, regression=1)])
@pytest.mark.parametrize("score", NOT_NUMBERS)
@pytest.mark.parametrize("when_unsure", ["score", "pass", "fail"])
def test_a_score_that_is_not_a_number_fails_under_any_limit(limit: Limit, score: Score, when_unsure: str) -> None:
    if limit.max is not None:
        limit = Limit(max=limit.max, regression=limit.regression, when_unsure=when_unsure)  # type: ignore[arg-type]
    verdict = _verdict(limit, scores={"unvaried": score})
    assert (verdict.verdict, verdict.reason) == ("failed", "unvaried could not be computed")


def test_a_score_that_was_not_measured_fails() -> None:
    assert _outcome(0.5, scores={}) == "failed"


@pytest.mark.parametrize("side", ["real", "synthetic"])
def test_under_thirty_representatives_on_a_side_is_inconclusive(side: str) -> None:
    counts = {"real": 30, "synthetic": 30}
    assert _outcome(0.05, representatives=counts) == "passed"
    verdict = _verdict(0.05, representatives={**counts, side: 29})
    assert (verdict.verdict, verdict.reason) == ("inconclusive", f"29 distinct {side} images; 30 are needed to decide")


@pytest.mark.parametrize("score", ["unvaried", "unoriginal"])
def test_a_share_whose_whole_interval_is_above_fails_at_any_number_of_images(score: str) -> None:
    above, straddling = Score(1.0, 0.69, 1.0, 10, 10), Score(0.5, 0.05, 0.9, 10, 10)
    limits = Limits(**{score: 0.05})
    assert gate(_few(**{score: above}), limits)[0].verdict == "failed"
    assert gate(_few(**{score: straddling}), limits)[0].verdict == "inconclusive"


@pytest.mark.parametrize("score", [name for name, kind in KINDS.items() if kind.confoundable])
def test_realism_on_few_images_is_inconclusive_whatever_its_interval(score: str) -> None:
    assert gate(_few(**{score: Score(1.0, 0.9, 1.0, 10, 10)}), Limits(**{score: 0.05}))[0].verdict == "inconclusive"
    assert gate(_few(), Limits(**{score: 0.05}))[0].verdict == "inconclusive"


def test_ten_images_out_of_ten_copied_fail() -> None:
    real = np.random.default_rng(0).normal(size=(200, 8))
    verdicts = gate(evaluate(real, real[:10] * 2), Limits(unoriginal=0.01, unrealistic=0.9))
    assert {each.score: each.verdict for each in verdicts} == {"unoriginal": "failed", "unrealistic": "inconclusive"}


def test_two_fakes_out_of_three_are_inconclusive() -> None:
    rng = np.random.default_rng(0)
    synthetic = rng.normal(size=(3, 8))
    synthetic[:2] += 50 * np.eye(8)[0]
    measurement = evaluate(rng.normal(size=(200, 8)), synthetic)
    limits = Limits(unrealistic=0.6, unrepresentative=0.6, obviously_fake=0.1)
    assert {each.verdict for each in gate(measurement, limits)} == {"inconclusive"}


@pytest.mark.parametrize("score", SCORES)
def test_confounded_are_the_realism_gates_alone(score: str) -> None:
    audit = {"confounded": "file format and size explain 40% of it"}
    verdict = _verdict(1e-9, score, audit=audit)
    if KINDS[score].confoundable:
        assert (verdict.verdict, verdict.reason) == ("confounded", audit["confounded"])
    else:
        assert verdict.verdict == "failed"
    assert _outcome(1e-9, score, audit={"share": 0.06}) == "failed"


def test_a_regression_limit_without_a_baseline_says_so() -> None:
    verdict = _verdict(Limit(regression=0.005))
    assert (verdict.verdict, verdict.reason) == ("no baseline yet", "0.026, nothing to compare it with yet")
    assert _outcome(Limit(max=0.05, regression=0.005)) == "no baseline yet"
    assert _outcome(Limit(max=0.01, regression=0.005)) == "failed"
    assert _outcome(Limit(max=0.05, warn=0.02, regression=0.005)) == "warned"


REAL = [f"r{number}" for number in range(800)]


def _shares(flagged: float, synthetic: str = "s", real: list[str] = REAL, **changes: Any) -> Measurement:
    """Measure so many flagged images of 500."""
    score = Score(flagged / 500, *clopper_pearson(flagged, 500), 500, 500.0)
    contents = Contents.of(real, [synthetic])
    return _measured(**{"n_real": len(real), "scores": {"unvaried": score}, "contents": contents, **changes})


def _rungs(value: float, *rungs: int, synthetic: str = "s") -> Measurement:
    """Measure unrealistic, which grows by a hundredth with every rung."""
    scores = {str(rung): Score(value + 0.01 * place, 0.0, 1.0, 500, 500.0) for place, rung in enumerate(rungs)}
    errors = dict.fromkeys(scores, Errors(0.01, 0.01, 0.001))
    return _measured(
        scores={"unrealistic": scores[str(rungs[-1])]},
        rung=rungs[-1],
        rungs={"unrealistic": scores},
        errors={"unrealistic": errors},
        contents=Contents.of(REAL, [synthetic]),
    )


def _beside(now: Measurement, was: Measurement | None, score: str = "unvaried", **limit: Any) -> Verdict:
    limits = {"regression": 0.005, **limit}
    return judge(now, score, Limit(**limits), baseline=None if was is None else Accepted.of(was))


def test_the_life_of_a_baseline() -> None:
    limits = Limits(unvaried={"max": 0.1, "regression": 0.005})
    baseline: Baseline = {}

    def run(measurement: Measurement) -> Verdict:
        (verdict,) = gate(measurement, limits, baseline.get("subject"))
        return verdict

    def accept(measurement: Measurement) -> Baseline:
        return updated(baseline, {"subject": SpecResult(measurement, (run(measurement),))}, date="2026-08-01").baseline

    first = _shares(13)
    assert (run(first).verdict, run(first).baseline) == ("no baseline yet", None)
    baseline = accept(first)
    assert (run(first).verdict, run(first).baseline) == ("passed", 0.026)

    within, beyond = run(_shares(19, "t")), run(_shares(36, "t"))
    assert (within.verdict, beyond.verdict) == ("passed", "failed")
    assert within.reason == "0.038 <= 0.100; 0.012 above the baseline of 0.026, within the noise of 0.0234"
    assert beyond.reason == (
        "0.072, 0.046 above the baseline of 0.026, more than the 0.005 allowed and the noise of 0.0277"
    )

    grown = run(_shares(36, "t", [*REAL[3:], *"abcde"]))
    assert (grown.verdict, grown.reason) == (
        "failed",
        f"{beyond.reason}; the real set changed: 800 photos then, 802 now",
    )
    assert run(_shares(9, "t", [*REAL, "a"])).reason.endswith("; the real set changed: 800 photos then, 801 now")

    other = run(_shares(13, fingerprint={"encoder": "sha256:b"}))
    assert (other.verdict, other.baseline) == ("not comparable", None)

    baseline = accept(_shares(19, "t"))
    assert run(_shares(19, "t")).baseline == 0.038
    assert accept(_shares(36, "u")) == baseline


def test_a_score_above_its_limit_tells_of_its_baseline_too() -> None:
    regressed = _beside(_shares(80, "t"), _shares(13), max=0.1)
    assert (regressed.verdict, regressed.baseline) == ("failed", 0.026)
    assert regressed.reason == (
        "0.160 > 0.100; 0.134 above the baseline of 0.026, more than the 0.005 allowed and the noise of 0.0359"
    )
    passing = _beside(_shares(80, "t"), _shares(79), max=0.1)
    assert passing.reason == "0.160 > 0.100; 0.002 above the baseline of 0.158, up to 0.005 is allowed"
    assert _beside(_shares(80, "t"), None, max=0.1).reason == "0.160 > 0.100"
    stranger = _shares(79, fingerprint={"encoder": "sha256:b"})
    assert _beside(_shares(80, "t"), stranger, max=0.1).reason.startswith("0.160 > 0.100; not comparable with")


@pytest.mark.parametrize(
    ("most", "when_unsure", "reason"),
    [
        (0.07, "score", "0.072 > 0.07; 0.046 above the baseline of 0.026"),
        (0.08, "fail", "0.072 <= 0.08, unsure counts as fail; 0.046 above the baseline of 0.026"),
    ],
)
def test_where_a_score_regressed_no_noise_of_its_limit_is_an_excuse(most: float, when_unsure: Any, reason: str) -> None:
    alone = _beside(_shares(36, "t"), None, max=most, when_unsure=when_unsure)
    assert "within noise" in alone.reason
    assert alone.more is not None
    verdict = _beside(_shares(36, "t"), _shares(13), max=most, when_unsure=when_unsure)
    assert verdict.reason == f"{reason}, more than the 0.005 allowed and the noise of 0.0277"
    assert verdict.more is None


@pytest.mark.parametrize(
    ("flagged", "regression", "reason"),
    [
        (13, 0.0, "0.026, as in the baseline"),
        (10, 0.0, "0.02, 0.006 below the baseline of 0.026"),
        (14, 0.005, "0.028, 0.002 above the baseline of 0.026, up to 0.005 is allowed"),
        (14, 0.0, "0.028, 0.002 above the baseline of 0.026, within the noise of 0.022"),
        (36, 0.05, "0.072, 0.046 above the baseline of 0.026, up to 0.05 is allowed"),
    ],
)
def test_what_is_no_regression_passes_and_says_how_far_it_is(flagged: int, regression: float, reason: str) -> None:
    verdict = _beside(_shares(flagged, "t"), _shares(13), regression=regression)
    assert (verdict.verdict, verdict.reason) == ("passed", reason)


def test_a_baseline_that_was_raised_by_hand_is_no_room_to_grow() -> None:
    """The same images, measured alike, give the same score."""
    raised = _beside(_shares(13), _shares(400))
    assert (raised.verdict, raised.baseline) == ("not comparable", 0.8)
    assert raised.reason == (
        "0.026, not comparable with the baseline: it has 0.800 for the very same images, so it was edited; "
        "restore it, or accept anew with --synth-update-baseline"
    )
    assert _beside(_shares(13), _shares(13)).verdict == "passed"
    assert _beside(_shares(13), _shares(15)).verdict == "passed"
    assert _beside(_shares(13, "t"), _shares(400)).verdict == "passed"


def test_broken_files_that_went_and_classes_that_were_sorted_anew_make_no_edited_baseline() -> None:
    broken = tuple(Unreadable(f"{row}.png", "synthetic", "truncated") for row in range(9))
    assert _beside(_shares(13), _shares(13, unreadable=broken), "unreadable", regression=0).verdict == "passed"
    was, now = (_shares(13, **_by_class(apple=Score(value, value / 2, value * 2, 100, 100.0))) for value in (0.2, 0.01))
    entry = Accepted.of(was, [("apple", "unvaried")])
    limit = Limit(regression=0.005, per_class=True)
    assert judge(now, "unvaried", limit, "apple", baseline=entry).verdict == "passed"


def test_a_regression_is_worse_than_a_warning_and_not_comparable_is_too() -> None:
    assert _beside(_shares(36, "t"), _shares(13), warn=0.05).verdict == "failed"
    assert _beside(_shares(36, "t"), _shares(34), warn=0.05).verdict == "warned"
    stranger = _shares(34, fingerprint={"encoder": "sha256:b"})
    verdict = _beside(_shares(36, "t", fingerprint={"encoder": "sha256:c"}), stranger, warn=0.05)
    assert (verdict.verdict, verdict.reason) == (
        "not comparable",
        '0.072, not comparable with the baseline: `encoder` was "sha256:b" and is "sha256:c" now; '
        "--synth-update-baseline accepts what is measured now",
    )


def test_accepted_images_that_are_still_there_need_not_be_given_up_for_a_new_encoder() -> None:
    now = _beside(_shares(13, fingerprint={"encoder": "sha256:c"}), _shares(13, fingerprint={"encoder": "sha256:b"}))
    assert now.reason == (
        '0.026, not comparable with the baseline: `encoder` was "sha256:b" and is "sha256:c" now; '
        "`synthgate rebaseline` measures the accepted images that way too"
    )


def test_across_a_rung_the_common_one_is_compared_and_named() -> None:
    was = _rungs(0.5, 30, 50, 100)
    fine, worse = (_beside(_rungs(value, 30, 50, 100, 200, synthetic="t"), was, "unrealistic") for value in (0.5, 0.6))
    assert (fine.verdict, fine.reason) == ("passed", "0.530, as in the baseline at n0 = 100 (0.520 now)")
    assert (worse.verdict, worse.baseline) == ("failed", 0.52)
    assert worse.reason == (
        "0.630, 0.100 above the baseline of 0.520 at n0 = 100 (0.620 now), more than the 0.005 allowed and the "
        "noise of 0.0305"
    )
    none = _beside(_rungs(0.5, 30), _rungs(0.5, 50), "unrealistic")
    assert (none.verdict, none.baseline) == ("no baseline yet", None)


def test_what_cannot_be_decided_is_no_regression() -> None:
    was = _rungs(0.5, 100)
    few = replace(_rungs(0.9, 100, synthetic="t"), representatives={"real": 800, "synthetic": 29})
    confounded = replace(_rungs(0.9, 100, synthetic="t"), audit={"confounded": "file format explains 40% of it"})
    assert _beside(few, was, "unrealistic").verdict == "inconclusive"
    assert _beside(confounded, was, "unrealistic").verdict == "confounded"
    assert _beside(_rungs(0.9, 100, synthetic="t"), was, "unrealistic").verdict == "failed"


def test_without_rungs_whole_sets_are_compared() -> None:
    real, synthetic = np.random.default_rng(0).normal(size=(2, 60, 8))
    was, now = (evaluate(real, synthetic + shift * np.eye(8)[0], definition="studio") for shift in (0, 3))
    assert now.rungs == {}
    assert _beside(now, was, "unrealistic").verdict == "failed"
    assert _beside(was, now, "unrealistic").verdict == "passed"


def test_a_class_has_a_baseline_of_its_own() -> None:
    limits = Limits(unvaried={"regression": 0.0, "per_class": True})
    was = _measured(**_by_class(apple=Score(0.1, 0.05, 0.2, 100, 100.0), waffle=Score(0.1, 0.05, 0.2, 100, 100.0)))
    now = _measured(**_by_class(apple=Score(0.4, 0.3, 0.5, 100, 100.0), kiwi=Score(0.1, 0.05, 0.2, 100, 100.0)))
    accepted = updated({}, {"subject": SpecResult(was, tuple(gate(was, limits)))}, date="2026-08-01").baseline
    verdicts = gate(now, limits, accepted["subject"])
    assert [(each.name, each.verdict, each.baseline) for each in verdicts] == [
        ("unvaried[apple]", "failed", 0.1),
        ("unvaried[kiwi]", "no baseline yet", None),
    ]


@given(st.integers(0, 500), st.integers(0, 500), st.floats(0, 1), st.floats(0.001, 1), st.booleans())
def test_a_baseline_only_ever_fails_what_became_worse(
    now: int, was: int, regression: float, most: float, same: bool
) -> None:
    measurement, limit = _shares(now, "s" if same else "t"), Limit(max=most, regression=regression)
    alone = judge(measurement, "unvaried", limit)
    verdict = judge(measurement, "unvaried", limit, baseline=Accepted.of(_shares(was)))
    assert verdict.baseline == pytest.approx(was / 500)
    if alone.verdict == "failed":
        assert verdict.verdict == "failed"
    elif verdict.verdict == "failed":
        assert now - was > 500 * regression


STRICT = {
    "passed": False,
    "warned": False,
    "failed": True,
    "inconclusive": True,
    "confounded": True,
    "not comparable": True,
    "no baseline yet": False,
}


@pytest.mark.parametrize("outcome", STRICT)
def test_what_fails_and_what_warns(outcome: Any) -> None:
    verdict = Verdict("unvaried", outcome, "", Limit(max=0.05), Score(0.01))
    assert verdict.fails() == (outcome == "failed")
    assert verdict.fails(strict=True) == STRICT[outcome]
    assert verdict.warns == (outcome in {"warned", "inconclusive", "confounded", "not comparable"})


@pytest.mark.parametrize(
    ("when_unsure", "score", "outcome"),
    [
        ("score", STRADDLING, "failed"),
        ("pass", STRADDLING, "passed"),
        ("fail", STRADDLING, "failed"),
        ("score", Score(0.04, 0.03, 0.06, 500, 500), "passed"),
        ("pass", Score(0.04, 0.03, 0.06, 500, 500), "passed"),
        ("fail", Score(0.04, 0.03, 0.06, 500, 500), "failed"),
        ("pass", Score(0.07, 0.051, 0.09, 500, 500), "failed"),
        ("fail", Score(0.03, 0.02, 0.05, 500, 500), "passed"),
        ("pass", Score(0.07, 0.05, 0.09, 500, 500), "passed"),
    ],
)
def test_what_decides_when_the_interval_straddles(when_unsure: Any, score: Score, outcome: str) -> None:
    verdict = _verdict(Limit(max=0.05, when_unsure=when_unsure), scores={"unvaried": score})
    assert verdict.verdict == outcome


@pytest.mark.parametrize(("n", "enough"), [(80, 290), (200, 170), (360, 8)])
def test_where_nothing_is_flagged_the_closed_form_says_how_many_more_settle_it(n: int, enough: int) -> None:
    """No flagged image in n is at most 1% as soon as 0.99^n <= 0.025, at n = 368."""
    verdict = _verdict(0.01, scores={"unvaried": share_of(np.zeros(0, np.int64), n)})
    assert verdict.more == enough
    assert n + enough >= math.log(0.025) / math.log(0.99)


@pytest.mark.parametrize("each", [1, 2])
@pytest.mark.parametrize(("flagged", "most"), [(30, 0.05), (30, 0.075), (80, 0.18)])
def test_the_interval_of_so_many_more_images_no_longer_straddles(flagged: int, most: float, each: int) -> None:
    def score(n: int) -> Score:
        return share_of(np.full(round(n * flagged / 500 / each), each), n)

    more = _verdict(most, scores={"unvaried": score(500)}).more
    assert more is not None
    sure, unsure = score(500 + round(1.1 * more)).interval, score(500 + round(0.85 * more)).interval
    assert sure is not None
    assert unsure is not None
    assert not sure[0] <= most < sure[2]
    assert unsure[0] <= most < unsure[2]


def test_more_images_settle_a_mean_only_as_far_as_they_make_it_unsure() -> None:
    errors = {"unrealistic": {"30": Errors(0.04, 0.0, 0.03)}}
    reach = 1.96 * 0.05
    for most, settled in ((0.65, False), (0.67, True)):
        score = Score(0.6, 0.6 - reach, 0.6 + reach, 100, 100)
        found = _verdict(most, score="unrealistic", scores={"unrealistic": score}, errors=errors, rung=30)
        assert (found.more is not None) == settled


def test_limits_in_a_plain_mapping_are_read_and_checked() -> None:
    measurement = Measurement(300, 200, {"real": 300, "synthetic": 200}, {"unvaried": Score(0.1, 0.05, 0.2, 200, 200)})
    assert [each.verdict for each in gate(measurement, {"unvaried": 0.05})] == ["failed"]
    with pytest.raises(SpecError, match="unknown score 'unvared'; did you mean 'unvaried'"):
        gate(measurement, {"unvared": 0.05})


def test_a_straddling_interval_says_how_many_more_images_would_settle_it() -> None:
    verdict = _verdict(0.05, scores={"unvaried": share_of(np.ones(30, np.int64), 500)})
    assert verdict.reason == f"0.06 > 0.05, within noise: about {verdict.more:,} more images would settle it"
    unsure = _verdict(Limit(max=0.05, when_unsure="pass"), scores={"unvaried": STRADDLING})
    assert "0.06 > 0.05, unsure counts as pass, within noise" in unsure.reason
    on_the_limit = _verdict(0.05, scores={"unvaried": Score(0.05, 0.04, 0.06, 500, 500)})
    assert on_the_limit.reason.endswith("no reasonable number of images would settle it")
    assert on_the_limit.more is None


def test_a_clear_score_says_its_comparison_alone() -> None:
    assert _verdict(0.05).reason == "0.026 <= 0.05"
    assert _verdict(0.01).reason == "0.026 > 0.01"
    assert _verdict(0.01).more is None


@given(st.floats(0, 1), st.floats(0, 0.2), st.floats(0, 0.2), st.floats(0.001, 1), st.integers(1, 10**5))
def test_unsure_as_pass_is_the_most_lenient_and_as_fail_the_strictest(
    value: float, below: float, above: float, most: float, n: int
) -> None:
    score = Score(value, max(0.0, value - below), min(1.0, value + above), n, n)
    fails = [
        _verdict(Limit(max=most, when_unsure=way), scores={"unvaried": score}).fails()
        for way in ("pass", "score", "fail")
    ]
    assert fails == sorted(fails)
    assert fails[1] == (value > most)


def test_unreadable_files_are_counted_whatever_else_could_be_measured() -> None:
    broken = tuple(Unreadable(f"{i}.png", "synthetic", "truncated") for i in range(3))
    nothing = {"representatives": {"real": 0, "synthetic": 0}, "scores": {}, "unreadable": broken}
    assert _outcome(3, "unreadable", **nothing) == "passed"
    verdict = _verdict(2, "unreadable", **nothing)
    assert (verdict.verdict, verdict.reason, verdict.measured.value) == ("failed", "3 > 2", 3)


def _by_class(**groups: Score) -> dict[str, Any]:
    return {"breakdown": {"class": {name: {"unvaried": score} for name, score in groups.items()}}}


def test_a_limit_per_class_gives_a_verdict_per_class_with_the_pooled_last() -> None:
    classes = _by_class(
        waffle=Score(0.2, 0.1, 0.3, 40, 40), pooled=Score(0.01, 0, 0.04, 90, 90), apple=Score(0.0, 0.0, 0.1, 29, 29)
    )
    verdicts = gate(_measured(**classes), Limits(unvaried=Limit(max=0.05, per_class=True), unoriginal=0.5))
    assert [(each.name, each.verdict) for each in verdicts] == [
        ("unvaried[apple]", "inconclusive"),
        ("unvaried[waffle]", "failed"),
        ("unvaried[pooled]", "passed"),
        ("unoriginal", "passed"),
    ]
    assert verdicts[0].reason == "29 images of apple; 30 are needed to decide"


def test_a_class_without_images_cannot_be_computed() -> None:
    limit = Limit(max=0.05, per_class=True)
    assert judge(_measured(), "unvaried", limit, "kiwi").verdict == "inconclusive"
    without_score = _measured(**_by_class(kiwi=Score(None, n=50)))
    assert judge(without_score, "unvaried", limit, "kiwi").verdict == "failed"


def test_a_limit_per_class_where_no_image_has_a_class_fails() -> None:
    """It would otherwise check nothing and be green."""
    (verdict,) = gate(_measured(), Limits(unvaried=Limit(max=1, per_class=True)))
    assert verdict.verdict == "failed"
    assert verdict.reason == "unvaried per class could not be computed: no synthetic image has a class"


def test_verdicts_come_in_the_order_of_the_limits() -> None:
    verdicts = gate(_measured(), Limits(unreadable=0, unvaried=0.05, unrealistic=0.9))
    assert [each.score for each in verdicts] == ["unrealistic", "unvaried", "unreadable"]


@pytest.mark.parametrize(
    ("limits", "changes"),
    [
        (Limits(unvaried=0.05, unrealistic={"regression": 0.02}, unreadable=0), {}),
        (Limits(unvaried={"max": 0.05, "warn": 0.01, "when_unsure": "fail"}), {}),
        (Limits(unvaried=0.03), {}),
        (Limits(unvaried={"max": 0.05, "per_class": True}), _by_class(**{"hot dog [x]": Score(0.1, 0.1, 0.1, 50)})),
    ],
)
def test_a_verdict_survives_the_way_through_json(limits: Limits, changes: dict[str, Any]) -> None:
    measurement = _measured(**changes)
    baseline = Accepted.of(replace(measurement, scores={"unrealistic": Score(0.8, 0.78, 0.82, 500, 500)}))
    for verdict in (*gate(measurement, limits), *gate(measurement, limits, baseline)):
        raw = json.loads(json.dumps(verdict.to_json(), allow_nan=False))
        assert Verdict.of(verdict.name, Form(Gate).read(raw), measurement) == verdict


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.026, "0.026"),
        (0.00012345, "0.000123"),
        (0.5, "0.500"),
        (0.9994, "0.999"),
        (0.99999, "1"),
        (-2.3456, "-2.35"),
        (1234.5, "1,234"),
        (0.09949, "0.0995"),
        (1, "1"),
        (1234, "1,234"),
    ],
)
def test_numbers_have_three_significant_digits(value: float, text: str) -> None:
    assert number(value) == text


# Waivers

FLAGGED = [Finding(f"{row}.png", f"sha256:{row:064}", "synthetic", "unvaried", "features", 0.01) for row in range(50)]


def _waiver(row: int, expires: date) -> Waiver:
    return Waiver(
        digests=frozenset({FLAGGED[row].digest}), score="unvaried", reason="known", owner="ann", expires=expires
    )


def test_the_score_without_waived_findings_decides_and_both_are_told() -> None:
    measurement = _shares(50, findings=tuple(FLAGGED))
    today = date(2026, 1, 1)
    waivers = [_waiver(row, today) for row in range(48)]
    found = judge(measurement, "unvaried", Limit(max=0.005), waivers=waivers, today=today)
    assert (found.verdict, found.measured.value) == ("passed", 0.1)
    assert found.reason.startswith("0.004 <= 0.005")
    assert found.reason.endswith("(0.100 with 48 waived)")
    assert found.waived == tuple(each.id for each in FLAGGED[:48])
    again = Verdict.of("unvaried", Form(Gate).read(json.loads(json.dumps(found.to_json()))), measurement)
    assert again == found


def test_a_waiver_that_expired_fails_its_gate_by_name() -> None:
    measurement = _shares(50, findings=tuple(FLAGGED))
    found = judge(
        measurement, "unvaried", Limit(max=0.9), waivers=[_waiver(0, date(2026, 1, 1))], today=date(2026, 1, 2)
    )
    assert found.verdict == "failed"
    assert "('known', 'ann') expired on 2026-01-01" in found.reason
    assert found.waived == ()


def test_a_waiver_that_expired_hides_no_number_of_those_that_hold() -> None:
    measurement = _shares(50, findings=tuple(FLAGGED))
    waivers = [_waiver(0, date(2026, 1, 1)), _waiver(1, date(2026, 1, 2))]
    found = judge(measurement, "unvaried", Limit(max=0.9), waivers=waivers, today=date(2026, 1, 2))
    assert found.reason.endswith("; 0.098 (0.100 with 1 waived)")


def test_waivers_change_nothing_for_the_baseline_and_the_words_say_so() -> None:
    measurement = _shares(50, findings=tuple(FLAGGED))
    today, limit = date(2026, 1, 1), Limit(regression=0.01)
    waivers = [_waiver(row, today) for row in range(50)]
    entry = Accepted.of(_shares(5, synthetic="other"))
    found = judge(measurement, "unvaried", limit, baseline=entry, waivers=waivers, today=today)
    assert (found.verdict, found.baseline) == ("failed", 0.01)
    assert found.reason == (
        "0 (0.100 with 50 waived), a regression counts waived ones too: 0.09 above the baseline of 0.01, "
        "more than the 0.01 allowed and the noise of 0.0281"
    )
    both = judge(measurement, "unvaried", Limit(max=0.05, regression=0.01), waivers=waivers[:1], today=today)
    assert both.reason == "0.098 > 0.05 (0.100 with 1 waived)"
    beyond = judge(
        measurement, "unvaried", Limit(max=0.05, regression=0.01), baseline=entry, waivers=waivers[:1], today=today
    )
    assert beyond.reason.startswith(
        "0.098 > 0.05 (0.100 with 1 waived); a regression counts waived ones too: 0.09 above"
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"representatives": {"real": 29, "synthetic": 500}}, "29 distinct real images; 30 are needed to decide"),
        ({"audit": {"confounded": "file format explains 40% of it"}}, "file format explains 40% of it"),
    ],
)
def test_both_numbers_are_told_where_nothing_is_decided_too(changes: dict[str, Any], reason: str) -> None:
    flagged = tuple(replace(each, score="unrealistic") for each in FLAGGED)
    measurement = _measured(scores={"obviously_fake": Score(0.1, 0.08, 0.12, 500, 500)}, findings=flagged, **changes)
    waivers = [replace(_waiver(row, date(2026, 1, 1)), score="obviously_fake") for row in range(40)]
    found = judge(measurement, "obviously_fake", Limit(max=0.5), waivers=waivers, today=date(2026, 1, 1))
    assert found.reason == f"{reason}; 0.02 (0.100 with 40 waived)"


@pytest.mark.parametrize("limits", [3, None, [0.05], {1: 0.05}])
def test_what_is_no_table_of_limits_is_refused(limits: Any) -> None:
    with pytest.raises(SpecError, match="is no table of limits; give one by score, such as"):
        gate(_measured(), limits)
