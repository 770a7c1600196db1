"""What travels before a spec is measured: the time that its images took, and what is to say about them."""

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
