"""What a result says of the gates that it was to have."""

from dataclasses import replace
from typing import Any

from pytest_synthgate import Limits

from ..reports.conftest import judged


def test_gates_without_a_verdict_are_known() -> None:
    declared: dict[str, Any] = {"unrealistic": 0.9, "unvaried": {"max": 0.05, "per_class": True}, "unreadable": 0}
    whole = replace(judged(**declared), limits=Limits(**declared))
    assert whole.unjudged() == ()
    part = replace(whole, verdicts=whole.verdicts[2:])
    assert part.unjudged() == ("unrealistic", "unvaried[apple]")
    assert replace(part, classes=("apple", "egg")).unjudged() == ("unrealistic", "unvaried[apple]", "unvaried[egg]")
    assert replace(whole, verdicts=()).unjudged() == (
        "unrealistic",
        "unvaried[apple]",
        "unvaried[hot dog]",
        "unreadable",
    )
