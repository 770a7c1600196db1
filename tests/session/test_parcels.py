"""What travels before a spec is measured: the time that its images took, and what is to say about them."""

from dataclasses import replace
from pathlib import Path

from pytest_synthgate.session.parcels import Receiver, Sender

from ..reports.conftest import judged


def test_time_and_notes_arrive_before_the_result_does() -> None:
    sender, receiver = Sender(), Receiver()
    place = (str(Path("synth_x.toml")), 0)
    receiver.receive(sender.pack("a", place, None, ["three were made"]), 2.0)
    assert (receiver.durations, receiver.notes, bool(receiver), receiver.results()) == (
        {"a": 2.0},
        ["three were made"],
        False,
        {},
    )
    receiver.receive(sender.pack("a", place, judged(unvaried=0.05), ["three were made", "one was black"]), 0.5)
    assert (receiver.durations, receiver.notes) == ({"a": 2.5}, ["three were made", "one was black"])
    assert [each.name for each in receiver.results()["a"].verdicts] == ["unvaried"]


def test_what_is_kept_in_the_process_is_what_a_parcel_would_give() -> None:
    place, result = (str(Path("synth_x.toml")), 0), judged(unvaried=0.05, unrealistic=0.9)
    kept, received = Receiver(), Receiver()
    kept.keep("a", place, result)
    received.receive(Sender().pack("a", place, result, ()), 0.0)
    assert kept.results() == received.results()
    assert (kept.files(), bool(kept)) == (received.files(), True)


def test_what_kept_a_spec_from_a_verdict_is_told_though_others_came_to_one() -> None:
    receiver, place = Receiver(), ("synth_x.toml", 0)
    receiver.keep("a", place, replace(judged(unvaried=0.05), error="no memory"))
    receiver.keep("a", place, judged(unvaried=0.05, unrealistic=0.9))
    found = receiver.results()["a"]
    assert (found.error, [each.name for each in found.verdicts]) == ("no memory", ["unrealistic", "unvaried"])
