"""A waived finding leaves the share and its interval as if it had never been flagged, and n alone."""

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_synthgate.features.matrix import feature_matrix
from pytest_synthgate.gating.waived import Waived, applied, useless
from pytest_synthgate.kinds import KINDS, WAIVABLE
from pytest_synthgate.scores.finding import Finding, Origin, with_origins
from pytest_synthgate.scores.findings import copy_findings, realism_findings
from pytest_synthgate.scores.fit import Probabilities, sides
from pytest_synthgate.scores.groups import Axis, breakdown
from pytest_synthgate.scores.links import near_duplicates
from pytest_synthgate.scores.measurement import POOLED, Measurement
from pytest_synthgate.scores.realism import OBVIOUS, realism_scores
from pytest_synthgate.scores.score import Score
from pytest_synthgate.scores.searched import searched
from pytest_synthgate.scores.uncertainty import normal_reach, share, shared_level, variance, widened
from pytest_synthgate.spec.limits import Limits
from pytest_synthgate.spec.waivers import Waiver

TODAY = date(2026, 7, 1)
SEEDS = st.integers(0, 2**32 - 1)
NAMES = st.sampled_from(sorted(WAIVABLE.values()))
GROUPS = st.sampled_from([None, "apple", "pear", POOLED])


def sha(name: object) -> str:
    return f"sha256:{name!s:0>64}"


def waive(*digests: str, score: str = "unvaried", expires: date = TODAY) -> Waiver:
    return Waiver(digests=frozenset(digests), score=score, reason="known", owner="Ann", expires=expires)


def without(
    measurement: Measurement, waivers: Iterable[Waiver], name: str = "unvaried", group: str | None = None
) -> Waived:
    scores = measurement.scores if group is None else measurement.breakdown["class"].get(group, {})
    return applied(scores.get(name, Score(None)), name, measurement, tuple(waivers), TODAY, group)


# Sets full of copies, and what their scores would be without some of the flags


class Sets:
    """Forty images of 25 places against twenty, in classes of which one is small, and three draws of a classifier."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        n, m = 40, 20
        rows = random.normal(size=(25, 6))[random.integers(25, size=n + m)]
        rows[:n] += random.choice([0, 0.06], size=(n, 1)) * random.normal(size=(n, 6))
        self.synthetic, self.real = feature_matrix(rows[:n]), feature_matrix(rows[n:])
        self.copies = near_duplicates(searched(self.synthetic, self.real, 2e-3))
        eta = np.clip(random.uniform(0.8, 1, size=n) + random.normal(scale=0.05, size=(3, n)), 0, 1)
        self.fit = Probabilities(eta, random.uniform(0, 0.5, size=(3, m)), (n, m))
        self.class_of = dict(
            zip(self.synthetic.ids, random.choice(["apple", "pear", "plum", ""], n).tolist(), strict=True)
        )
        self.group_of = {each: POOLED if name == "plum" else name for each, name in self.class_of.items() if name}
        joint = self.copies.joint
        realism = realism_scores(
            self.fit, *sides(self.synthetic, self.real, (self.copies.synthetic, self.copies.real), joint)
        )
        copied = {name: share(self.flags(name), self.clusters(name)) for name in ("unvaried", "unoriginal")}
        self.measurement = Measurement(
            m,
            n,
            {"real": m, "synthetic": n},
            {**realism, **copied},
            breakdown=breakdown({"class": Axis(self.group_of)}, self.synthetic, self.real, self.copies, self.fit),
            findings=with_origins(
                (
                    *copy_findings(self.synthetic, self.real, self.copies),
                    *realism_findings(self.synthetic, self.real, self.copies, self.fit),
                ),
                {("synthetic", each): Origin(name or None) for each, name in self.class_of.items()},
            ),
        )

    def flags(self, name: str) -> NDArray[np.bool_]:
        fake = np.asarray(self.fit.synthetic.mean(axis=0) >= OBVIOUS)
        return {"unvaried": self.copies.unvaried, "unoriginal": self.copies.unoriginal, "obviously_fake": fake}[name]

    def clusters(self, name: str) -> NDArray[np.int64]:
        return self.copies.synthetic if name == "obviously_fake" else self.copies.joint[: len(self.synthetic)]

    def rows(self, group: str | None) -> NDArray[np.bool_]:
        return np.array([group in (None, self.group_of.get(each)) for each in self.synthetic.ids])

    def some(self, name: str, seed: int) -> tuple[Waiver, ...]:
        """Waive half of the flagged images or so."""
        digests = sorted({each.digest for each in self.measurement.findings if each.score == KINDS[name].findings})
        chosen = np.random.default_rng(seed).random(len(digests)) < 0.5
        return tuple(waive(digest, score=name) for digest, own in zip(digests, chosen, strict=True) if own)

    def unwaived(self, name: str, waivers: Iterable[Waiver]) -> NDArray[np.bool_]:
        """Flags of the images that no waiver names."""
        waived = {digest for waiver in waivers for digest in waiver.digests}
        return np.asarray(self.flags(name) & [digest not in waived for digest in self.synthetic.digests])


def test_the_sets_have_all_that_the_properties_below_are_about() -> None:
    sets = [Sets(seed) for seed in range(10)]
    assert all(each.flags(name).any() and not each.flags(name).all() for each in sets for name in WAIVABLE.values())
    assert all({*each.measurement.breakdown["class"]} == {"apple", "pear", POOLED} for each in sets)
    assert any(len(set(each.synthetic.digests)) < len(each.synthetic) for each in sets)
    assert any(len(np.unique(each.copies.synthetic)) > len(np.unique(each.clusters("unvaried"))) for each in sets)


@settings(max_examples=50)
@given(SEEDS, SEEDS, st.sampled_from(["unvaried", "unoriginal"]))
def test_a_share_of_copies_is_what_it_were_without_the_waived_flags(seed: int, choice: int, name: str) -> None:
    sets = Sets(seed)
    waivers = sets.some(name, choice)
    flags = sets.unwaived(name, waivers)

    found = without(sets.measurement, waivers, name)

    assert found.score == share(flags, sets.clusters(name))
    assert (len(found.left_out), {*found.used}) == (sets.flags(name).sum() - flags.sum(), {*waivers})


@settings(max_examples=50)
@given(SEEDS, SEEDS, NAMES, st.sampled_from(["apple", "pear", POOLED]))
def test_the_share_of_a_class_is_what_it_were_without_the_waived_flags(
    seed: int, choice: int, name: str, group: str
) -> None:
    sets = Sets(seed)
    waivers, rows = sets.some(name, choice), sets.rows(group)
    flags = sets.unwaived(name, waivers)[rows]

    found = without(sets.measurement, waivers, name, group)

    assert found.score == share(flags, sets.clusters(name)[rows], shared_level(3))
    assert len(found.left_out) == sets.flags(name)[rows].sum() - flags.sum()


@settings(max_examples=50)
@given(SEEDS, SEEDS)
def test_the_spread_of_the_classifier_still_widens_the_share_of_obvious_fakes(seed: int, choice: int) -> None:
    sets = Sets(seed)
    waivers = sets.some("obviously_fake", choice)
    by_draw = (sets.fit.synthetic >= OBVIOUS).mean(axis=1)
    flags = sets.unwaived("obviously_fake", waivers)
    expected = widened(share(flags, sets.copies.synthetic), normal_reach(math.sqrt(variance(by_draw))))

    found = without(sets.measurement, waivers, "obviously_fake").score

    assert found.value == expected.value
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@settings(max_examples=50)
@given(SEEDS, SEEDS, NAMES, GROUPS)
def test_a_stored_measurement_gives_the_same_up_to_its_digits(
    seed: int, choice: int, name: str, group: str | None
) -> None:
    sets = Sets(seed)
    waivers = sets.some(name, choice)
    stored = Measurement.from_json(sets.measurement.to_json())

    now, then = (without(each, waivers, name, group) for each in (sets.measurement, stored))

    assert (len(then.left_out), then.used) == (len(now.left_out), now.used)
    assert then.score.interval == pytest.approx(now.score.interval, abs=1e-4)


@settings(max_examples=50)
@given(SEEDS, SEEDS, NAMES, GROUPS)
def test_waiving_never_raises_a_score_and_leaves_n_alone(seed: int, choice: int, name: str, group: str | None) -> None:
    sets = Sets(seed)
    waivers = sets.some(name, choice)
    steps = [without(sets.measurement, waivers[:count], name, group).score for count in range(len(waivers) + 1)]

    values = [each.value for each in steps if each.value is not None]
    assert values == sorted(values, reverse=True)
    assert {each.n for each in steps} == {sets.rows(group).sum()}
    assert all(low <= value <= high for low, value, high in (each.interval or (1, 0, 1) for each in steps))


@settings(max_examples=50)
@given(SEEDS, NAMES, GROUPS)
def test_waiving_every_finding_gives_nought(seed: int, name: str, group: str | None) -> None:
    sets = Sets(seed)
    waivers = [waive(digest, score=name) for digest in {*sets.synthetic.digests}]

    found = without(sets.measurement, waivers, name, group)

    assert (found.score.value, found.score.low) == (0.0, 0.0)
    assert len(found.left_out) == sets.flags(name)[sets.rows(group)].sum()


@settings(max_examples=50)
@given(SEEDS, SEEDS, NAMES, GROUPS, st.randoms(use_true_random=False))
def test_the_order_of_waivers_never_matters(seed: int, choice: int, name: str, group: str | None, random: Any) -> None:
    sets = Sets(seed)
    waivers = [*sets.some(name, choice), *(replace(each, expires=date.min) for each in sets.some(name, choice + 1))]
    shuffled = random.sample(waivers, len(waivers))

    one, other = (without(sets.measurement, each, name, group) for each in (waivers, shuffled))

    assert (one.score, one.left_out) == (other.score, other.left_out)
    assert ({*one.used}, {*one.expired}) == ({*other.used}, {*other.expired})


@settings(max_examples=30)
@given(SEEDS, NAMES, GROUPS)
def test_without_a_waiver_that_names_one_every_number_is_the_very_same(seed: int, name: str, group: str | None) -> None:
    measurement = Sets(seed).measurement
    scores = measurement.scores if group is None else measurement.breakdown["class"][group]
    others = {*WAIVABLE.values()} - {name}
    strangers = [
        waive(sha("x"), score=name),
        *(waive(each.digest, score=score) for each in measurement.findings for score in others),
    ]

    for waivers in ([], strangers):
        found = without(measurement, waivers, name, group)
        assert found.score is scores[name]
        assert (found.left_out, found.used, found.expired) == ((), (), ())


# Which findings a waiver names


def flag(image: str, digest: object, twin: object, score: str = "unvaried", class_name: str | None = None) -> Finding:
    twin_set = "synthetic" if score == "unvaried" else "real"
    return Finding(
        *(image, sha(digest), "synthetic", score, "features", 0.0, "t", twin_set, sha(twin)), class_name=class_name
    )


def measured(*findings: Finding, n: int = 100) -> Measurement:
    """Make a measurement whose shares are those of its findings, every one of an image of its own."""
    scores = {
        name: share(np.arange(n) < sum(each.score == score for each in findings), np.arange(n))
        for score, name in WAIVABLE.items()
    }
    return Measurement(300, n, {"real": 300, "synthetic": n}, scores, findings=findings)


def test_an_image_is_waived_by_its_content_whatever_it_is_called_and_with_whatever_twin() -> None:
    found = without(measured(flag("a", 1, 2), flag("new", 1, 1), flag("c", 3, 1)), [waive(sha(1))])

    assert (found.score.value, len(found.left_out)) == (0.01, 2)


def test_a_pair_is_waived_in_either_direction_and_no_other_pair_of_its_images() -> None:
    measurement = measured(flag("a", 1, 2), flag("b", 2, 1), flag("c", 1, 3), flag("d", 3, 2))

    assert len(without(measurement, [waive(sha(1), sha(2))]).left_out) == 2
    assert len(without(measurement, [waive(sha(3), sha(2))]).left_out) == 1
    assert len(without(measurement, [waive(sha(2), sha(4))]).left_out) == 0


def test_a_finding_counts_once_under_several_waivers_and_uses_them_all() -> None:
    image, pair = waive(sha(1)), waive(sha(1), sha(2))

    found = without(measured(flag("a", 1, 2), flag("b", 2, 1)), [image, pair])

    assert (len(found.left_out), found.used) == (2, (image, pair))


def test_a_real_twin_makes_a_pair_too() -> None:
    measurement = measured(flag("a", 1, 7, "unoriginal"), flag("b", 2, 8, "unoriginal"))

    assert len(without(measurement, [waive(sha(1), sha(7), score="unoriginal")], "unoriginal").left_out) == 1


def test_obvious_fakes_are_the_findings_called_unrealistic() -> None:
    measurement = measured(flag("a", 1, 7, "unrealistic"), flag("b", 2, 8, "unrealistic"))
    found = without(measurement, [waive(sha(1), score="obviously_fake")], "obviously_fake")

    assert (found.score.value, len(found.left_out)) == (0.01, 1)
    unrealistic = Score(0.9, 0.8, 1.0, 100)
    kept = applied(unrealistic, "unrealistic", measurement, [waive(sha(1), score="obviously_fake")], TODAY)
    assert kept == Waived(unrealistic)


@pytest.mark.parametrize("flagged", [2, 98])
def test_the_spread_is_found_again_where_nought_or_one_cut_it_off_on_a_side(flagged: int) -> None:
    measurement = measured(*(flag(str(each), each, 0, "unrealistic") for each in range(1, flagged + 1)))
    wide = widened(measurement.scores["obviously_fake"], 0.4)
    assert 0.0 in (wide.low, 1 - (wide.high or 0.0))

    found = applied(wide, "obviously_fake", measurement, [waive(sha(1), score="obviously_fake")], TODAY)

    expected = widened(share(np.arange(100) < flagged - 1, np.arange(100)), 0.4)
    assert found.score.interval == pytest.approx(expected.interval)


def test_small_classes_are_waived_in_the_pool_and_images_without_a_class_in_none() -> None:
    of = Score(0.1, 0.05, 0.2, 50)
    measurement = replace(
        measured(flag("a", 1, 0, class_name="apple"), flag("b", 2, 0, class_name="plum"), flag("c", 3, 0)),
        breakdown={"class": {"apple": {"unvaried": of}, POOLED: {"unvaried": of}}},
    )
    waivers = [waive(sha(each)) for each in (1, 2, 3)]

    assert {group: without(measurement, waivers, group=group).used for group in ("apple", POOLED)} == {
        "apple": (waivers[0],),
        POOLED: (waivers[1],),
    }


def test_findings_whose_clusters_are_not_known_count_one_by_one() -> None:
    measurement = measured(*(flag(str(each), each, 0) for each in range(1, 5)))

    assert without(measurement, [waive(sha(1))]).score == share(np.arange(100) < 3, np.arange(100))


@pytest.mark.parametrize("score", [Score(None), Score(math.nan, 0.0, 1.0, 100), Score(0.01, None, None, 100)])
def test_a_score_that_could_not_be_computed_stays_so(score: Score) -> None:
    assert applied(score, "unvaried", measured(flag("a", 1, 2)), [waive(sha(1))], TODAY).score is score


# Time, and waivers that name nothing


def test_a_waiver_holds_through_its_last_day() -> None:
    measurement, (one, other) = measured(flag("a", 1, 2), flag("b", 3, 4)), (sha(1), sha(3))
    last, expired = waive(one), waive(other, expires=TODAY - timedelta(days=1))

    found = without(measurement, [last, expired])

    assert (found.score.value, found.used, found.expired) == (0.01, (last,), (expired,))


def test_what_has_expired_is_named_the_oldest_first() -> None:
    measurement = measured(*(flag(str(each), each, 0) for each in range(1, 4)))
    waivers = [waive(sha(each), expires=date(2026, each, 1)) for each in (2, 1, 3)]

    assert without(measurement, waivers[:1]).overdue == (
        "waiver of sha256:000000000000 for unvaried ('known', 'Ann') expired on 2026-02-01; "
        "remove it, or look again and give it a new day"
    )
    assert "expired on 2026-01-01 (and 2 more); remove it" in str(without(measurement, waivers).overdue)
    assert without(measurement, [waive(sha(1))]).overdue is None


def test_an_expired_waiver_of_nothing_that_is_flagged_fails_no_gate() -> None:
    assert without(measured(flag("a", 1, 2)), [waive(sha(9), expires=date.min)]).overdue is None


def test_a_waiver_is_unused_when_it_names_a_finding_of_no_spec_that_ran() -> None:
    one, two = measured(flag("a", 1, 2)), measured(flag("b", 3, 4, "unrealistic"))
    in_one, in_two, in_none = waive(sha(1), sha(2)), waive(sha(3), score="obviously_fake"), waive(sha(3))
    expired = waive(sha(9), expires=date.min)
    waivers = (in_one, in_two, in_none, expired)

    limits = Limits(unvaried=0.05, obviously_fake=0.5)
    assert [*useless(waivers, [(one, limits), (two, limits)])] == [in_none, expired]
    assert [*useless(waivers, [(one, limits)])] == [in_two, in_none, expired]
    assert useless(waivers, []) == dict.fromkeys(waivers, "it names nothing that is flagged")


@pytest.mark.parametrize("expires", [TODAY, date.min])
def test_a_waiver_that_no_gate_counts_is_unused(expires: date) -> None:
    measurement, waiver = measured(flag("a", 1, 2, "unrealistic")), waive(sha(1), score="obviously_fake")
    waiver = replace(waiver, expires=expires)
    reason = "no spec with its finding has a max or warn for obviously_fake"

    for limits in (Limits(unrealistic=0.9), Limits(obviously_fake={"regression": 0.1})):
        assert useless([waiver], [(measurement, limits)]) == {waiver: reason}
    for limits in (Limits(obviously_fake=0.9), Limits(obviously_fake={"warn": 0.1})):
        assert useless([waiver], [(measured(), Limits()), (measurement, limits)]) == {}
