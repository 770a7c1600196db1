"""Only what was judged whole and did not fail is accepted unasked, and what that changes is told."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_synthgate import Limits, Measurement, Score, gate
from pytest_synthgate.errors import BaselineError, SynthgateError
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.measurement import Contents
from pytest_synthgate.tracking.acceptance import Update, pruned, rewrite, updated
from pytest_synthgate.tracking.baseline import Baseline, locked, read_baseline, write_baseline

from .conftest import LIMITS, accepted, judged, measured, share

LATER = "2026-09-15"


def again(baseline: Baseline, accept_failing: bool = False, **results: SpecResult) -> Update:
    return updated(baseline, results, date=LATER, commit="def", accept_failing=accept_failing)


def test_a_waived_number_never_enters() -> None:
    waived = tuple(replace(each, measured=share(0.0)) for each in judged().verdicts)
    entry = accepted(subject=judged(verdicts=waived))["subject"]
    assert entry.scores["unvaried"].value == 0.1
    assert entry.classes["apple"]["unvaried"].value == 0.1


def test_only_the_specs_that_ran_are_rewritten(tmp_path: Path) -> None:
    before = accepted(ran=judged(), other=judged())
    update = again(before, ran=judged(measured(0.15)))
    assert update.baseline["other"] == before["other"]
    assert update.baseline["ran"] == replace(
        before["ran"],
        scores={**before["ran"].scores, "unvaried": share(0.15)},
        date=LATER,
        commit="def",
    )
    assert update.changes == ("ran: unvaried 0.100 -> 0.150",)
    for name, each in (("a", before), ("b", update.baseline)):
        write_baseline(tmp_path / name, each)
    lines = [(tmp_path / name).read_text("utf-8").splitlines() for name in "ab"]
    assert sum(one != other for one, other in zip(*lines, strict=True)) == 3


def test_the_same_scores_leave_the_file_as_it_is() -> None:
    before = accepted(subject=judged())
    update = again(before, subject=judged())
    assert (update.baseline, update.changes, update.refused) == (before, (), ())


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"contents": Contents.of(["r1", "r2"], ["t"])}, "same scores, other images"),
        (
            {"scores": {**measured().scores, "unvaried": share(0.1001)}},
            "same scores, but for digits that are not shown",
        ),
        (
            {"contents": Contents.of(["r1", "r2", "r3"], ["t"]), "n_real": 301},
            "the real set changed: 300 photos then, 301 now",
        ),
    ],
)
def test_what_does_not_show_in_the_scores_is_told_too(changes: dict[str, Any], told: str) -> None:
    before = accepted(subject=judged())
    update = again(before, subject=judged(measured(**changes)))
    assert update.changes == (f"subject: {told}",)
    assert update.baseline["subject"].date == LATER


def test_every_kind_of_change_is_told() -> None:
    before = accepted(subject=judged())
    now = measured(
        n_real=301,
        scores={"unoriginal": share(0.02)},
        rung=200,
        rungs={"unrealistic": {"200": Score(0.7, 0.68, 0.72, 200, 180.0)}},
        contents=Contents.of(["r1", "r2", "r3"], ["s"]),
        breakdown={},
        fingerprint={"tau": "a rule", "encoder": {"weights": "sha256:b", "size": 224}},
    )
    assert again(before, subject=judged(now, Limits(unoriginal=0.2)), new=judged()).changes == (
        "new: new, unreadable 1, 1 score by class; not gated: unrealistic 0.600 at n0 = 100, unvaried 0.100",
        'subject: `encoder.weights` was "sha256:a" and is "sha256:b" now',
        "subject: the real set changed: 300 photos then, 301 now",
        "subject: unrealistic 0.600 at n0 = 100 -> 0.700 at n0 = 200",
        "subject: unoriginal nothing -> 0.02",
        "subject: unvaried 0.100 -> nothing",
        "subject: unvaried[apple] 0.100 -> nothing",
    )


def test_a_spec_with_a_failed_gate_is_refused_unless_that_is_asked_for() -> None:
    before = accepted(good=judged(), bad=judged())
    failing = judged(measured(0.3), Limits(unvaried=0.2))
    refused = again(before, bad=failing, good=judged(measured(0.15)))
    assert refused.refused == ("bad: not accepted, unvaried failed",)
    assert refused.baseline["bad"] == before["bad"]
    assert refused.baseline["good"].date == LATER
    asked = again(before, accept_failing=True, bad=failing)
    assert asked.baseline["bad"].scores["unvaried"].value == 0.3
    assert asked.changes == (
        "bad: unvaried 0.100 -> 0.300",
        f"bad: accepted although unvaried failed: {failing.verdicts[0].reason}",
    )


@pytest.mark.parametrize(("judged_gates", "told"), [(0, "0 of 4 gates were judged"), (1, "1 of 4 gates was judged")])
def test_a_spec_is_accepted_whole_or_not_at_all(judged_gates: int, told: str) -> None:
    """One gate that was run alone says nothing of the others, which may fail."""
    limits = Limits(unvaried=0.2, unrealistic=0.9, unrepresentative={"warn": 0.9}, unreadable=1)
    scores = {**measured().scores, "unrepresentative": Score(0.5, 0.4, 0.6, 300, 180.0)}
    whole = judged(measured(scores=scores), limits)
    part = replace(whole, verdicts=whole.verdicts[:judged_gates])
    refused = again({}, subject=part)
    assert (refused.baseline, refused.refused) == ({}, (f"subject: not accepted, {told}",))
    asked = again({}, accept_failing=True, subject=part)
    assert asked.changes[1:] == (f"subject: accepted although {told}",)
    assert again({}, subject=whole).refused == ()


def test_a_spec_without_limits_has_nothing_to_be_judged_by() -> None:
    assert again({}, subject=judged(limits=Limits())).changes == (
        "subject: new, not gated: unrealistic 0.600 at n0 = 100, unvaried 0.100, unreadable 1",
    )


def test_what_broke_down_while_it_was_judged_is_refused() -> None:
    broken = judged(limits=Limits(unvaried=0.2), error="out of memory")
    assert again({}, subject=broken).refused == ("subject: not accepted, not all could be judged",)
    asked = again({}, accept_failing=True, subject=broken)
    assert asked.changes[-1] == "subject: accepted although not all could be judged: out of memory"


def test_what_was_not_measured_is_refused_whatever_is_asked_for() -> None:
    nothing = SpecResult(Measurement(0, 0, {}, {}), error="no such folder")
    for accept_failing in (False, True):
        update = again({}, accept_failing, subject=nothing)
        assert (update.baseline, update.refused) == (
            {},
            ("subject: not accepted, it could not be measured",),
        )


def test_a_gate_that_ran_alone_leaves_no_class_behind() -> None:
    before = accepted(subject=judged())
    alone = again(before, subject=judged(measured(0.15), Limits(unoriginal=0.2))).baseline["subject"]
    assert alone.classes == before["subject"].classes


def test_a_gate_that_is_expected_to_fail_is_no_obstacle() -> None:
    failing = judged(measured(0.3), Limits(unvaried=0.2), expected={"unvaried": "known"})
    assert again({}, subject=failing).refused == ()


def test_what_is_not_comparable_is_no_obstacle_to_an_update_which_is_its_remedy() -> None:
    before = accepted(subject=judged())
    now = measured(fingerprint={"encoder": "other"})
    result = SpecResult(now, tuple(gate(now, LIMITS, before["subject"])), limits=LIMITS, strict=True)
    assert "not comparable" in {each.verdict for each in result.verdicts}
    assert again(before, subject=result).baseline["subject"].fingerprint == {"encoder": "other"}


@pytest.mark.parametrize("strict", [False, True])
def test_what_else_a_strict_run_fails_on_is_refused(strict: bool) -> None:
    few = judged(measured(representatives={"real": 300, "synthetic": 12}), Limits(unvaried=0.2), strict=strict)
    assert [each.verdict for each in few.verdicts] == ["inconclusive"]
    refused = ("subject: not accepted, unvaried is inconclusive",) if strict else ()
    assert again({}, subject=few).refused == refused


def test_entries_that_no_file_declares_are_removed_on_request() -> None:
    before = accepted(old=judged(), subject=judged())
    update = pruned(before, {"subject", "new"})
    assert update.changes == ("old: removed, no spec file declares it",)
    assert {*update.baseline} == {"subject"}
    assert pruned(update.baseline, {"subject"}) == Update(update.baseline)


# The file


def test_a_file_is_written_only_where_something_changed(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    rewrite(path, lambda before: again(before, subject=judged(limits=Limits(unvaried=0.01))))
    assert not path.exists()
    write_baseline(path, accepted(subject=judged()))
    path.write_text(path.read_text("utf-8").replace('"commit": "abc"', '"commit":   "abc"'), "utf-8")
    before = path.read_bytes()
    assert rewrite(path, lambda before: again(before, subject=judged())).changes == ()
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["baseline.json"]


UPDATE = """
import sys
from pathlib import Path
from pytest_synthgate.tracking.acceptance import Update, rewrite
from pytest_synthgate.tracking.baseline import read_baseline
template, path, name = sys.argv[1:]
(entry,) = read_baseline(Path(template)).values()
sys.stdin.read()
for number in range(10):
    rewrite(Path(path), lambda before: Update({**before, f"{name}-{number}": entry}))
"""


def test_runs_that_end_at_one_time_lose_nothing_of_each_other(tmp_path: Path) -> None:
    template, path = tmp_path / "template.json", tmp_path / "baseline.json"
    write_baseline(template, accepted(subject=judged()))
    command = [sys.executable, "-c", UPDATE, str(template), str(path)]
    writers = [subprocess.Popen([*command, str(each)], stdin=subprocess.PIPE) for each in range(4)]
    for writer in writers:  # all wait for their input to end, and start then
        if writer.stdin is not None:
            writer.stdin.close()
    assert [writer.wait() for writer in writers] == [0] * 4
    assert sorted(read_baseline(path)) == sorted(f"{w}-{n}" for w in range(4) for n in range(10))


def test_what_another_run_does_not_let_go_of_is_told_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_synthgate.tracking.baseline._PATIENCE", 0.01)
    path = tmp_path / "baseline.json"
    with locked(path), pytest.raises(BaselineError) as caught:
        rewrite(path, Update)
    assert str(caught.value) == (
        f"{path.as_posix()}: another run is changing it, or was stopped while it did; "
        f"remove {(tmp_path / '.baseline.json.lock').as_posix()} in that case"
    )


@pytest.mark.parametrize("where", ["folder", "file/x.json", "circle"])
def test_a_place_that_cannot_be_written_is_refused_in_one_line(tmp_path: Path, where: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(SynthgateError) as caught:
        rewrite(tmp_path / where, lambda before: again(before, subject=judged()))
    assert len(str(caught.value).splitlines()) == 1
