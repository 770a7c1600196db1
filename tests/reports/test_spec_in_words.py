"""A spec in words: whatever a spec file holds, a line of it is text."""

from pathlib import Path

import pytest

from pytest_synthgate import Limits
from pytest_synthgate.reports.spec_in_words import describe_spec
from pytest_synthgate.spec.model import Spec
from pytest_synthgate.text.printable import visible


def test_the_limits_of_a_spec_are_said(tmp_path: Path) -> None:
    limits = Limits(unvaried={"max": 0.05, "warn": 0.03, "per_class": True}, unoriginal={"regression": 0.01})
    spec = Spec(
        name="a", file=tmp_path / "synth_x.toml", images=Path("out"), limits=limits, xfail={"unvaried": "known"}
    )
    assert describe_spec(spec, tmp_path)[1:] == [
        "  unvaried at most 0.05, a warning above 0.03, for each class, expected to fail: known",
        "  unoriginal at most 0.01 worse than the baseline",
    ]


@pytest.mark.parametrize(
    "text", ["##[error]x", "##vso[task.complete]", "a\n::error::b", "\x1b[31mred", "\u202egnp.exe"]
)
def test_no_line_of_a_spec_is_a_command_of_a_runner_or_a_terminal(text: str, tmp_path: Path) -> None:
    limits = Limits(unvaried=0.05)
    spec = Spec(name=text, file=tmp_path / "x.toml", images=Path(text), limits=limits, xfail={"unvaried": text})
    assert [line for line in describe_spec(spec, tmp_path) if visible(line) != line] == []
