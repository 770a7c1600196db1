"""One test run: its project, and what reaches the controller's reports.

Part of the plugin. Under xdist every worker has a run of its own; what it finds out travels to the controller's.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from _pytest.config import get_config

from pytest_synthgate.catalogue import Settings
from pytest_synthgate.errors import SynthgateError
from pytest_synthgate.project import Project
from pytest_synthgate.session.options import Options
from pytest_synthgate.session.outcomes import Obstructed, obstruction, plainly
from pytest_synthgate.session.parcels import Receiver, Sender
from pytest_synthgate.text.printable import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_synthgate.images.sets import ImageSet
    from pytest_synthgate.results.result import SpecResult
    from pytest_synthgate.spec.model import Spec
    from pytest_synthgate.spec.prompts import Prompt


@dataclass(slots=True)
class Run:
    """State of one run.

    Attributes:
        config: pytest's.
        options: What was asked for.
        project: What is found out about the specs.
        sender: Packs that.
        receiver: Takes it in, on the controller.
        accepted: What accepting the scores of this run changed, a line each.
        refused: What was not accepted of them, a line each.
        unwritten: Why a file that was asked for was not written, by what it is called.
    """

    config: pytest.Config
    options: Options
    project: Project
    sender: Sender = field(default_factory=Sender)
    receiver: Receiver = field(default_factory=Receiver)
    accepted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unwritten: dict[str, str] = field(default_factory=dict)

    def require(self, spec: Spec) -> None:
        """Skip a test whose spec cannot be judged; a strict run fails it instead."""
        if obstacle := self.project.obstacle(spec):
            if self.options.strict:
                raise Obstructed(obstacle, pytrace=False)
            pytest.skip(obstacle)

    def images(self, spec: Spec, side: Literal["real", "synthetic"]) -> ImageSet:
        """List a set of a spec; a test that asks for one is skipped where stored measurements are judged."""
        self.require(spec)
        if self.options.results is not None:
            pytest.skip(f"--synth-results={self.options.results} holds no images")
        with plainly():
            return self.project.images(spec, side)

    def parcel_of(self, item: pytest.Item, call: pytest.CallInfo[None], *, failed: bool) -> dict[str, Any] | None:
        """Pack what a phase of an item found out about the spec that it is about, if it is about one."""
        spec = spec_of(item)
        if spec is None:
            return None
        error = obstruction(item, call, spec if self.options.redact_real else None) if failed else None
        known = error is not None or (call.when == "call" and self.project.is_measured(spec))
        result = self.project.result(spec, error) if known else None
        return self._packed(spec.name, self._position(spec), result, self.project.notes())

    def parcel_of_broken(self, node: pytest.Collector, report: pytest.CollectReport) -> dict[str, Any] | None:
        """Pack why a spec file, or a spec in it, has no items; a file that cannot be read is told by its name."""
        from pytest_synthgate.session.items import SpecFile

        error = visible(report.longreprtext.strip().rpartition("\n")[2])
        if (spec := spec_of(node)) is not None:
            return self._packed(spec.name, self._position(spec), self.project.result(spec, error), ())
        if not isinstance(node, SpecFile):
            return None
        return self._packed(node.nodeid, (str(node.path), 0), self.project.unjudged(error), ())

    def _packed(
        self, name: str, position: tuple[str, int], result: SpecResult | None, notes: Sequence[str]
    ) -> dict[str, Any]:
        """Pack what was found out, but for a result that is where the reports are written."""
        if result is not None and not hasattr(self.config, "workerinput"):
            self.receiver.keep(name, position, result)
            result = None
        return self.sender.pack(name, position, result, notes)

    def parcel_of_crashed(self, nodeid: str) -> dict[str, Any] | None:
        """Pack that the worker died which ran an item, if that was about a spec."""
        with suppress(SynthgateError):  # of which the collection has told
            self.project.catalogue.load_all()
        specs = sorted(self.project.catalogue.specs.values(), key=lambda each: -len(each.name))
        found = [spec for spec in specs if f"{spec.file.name}::{spec.name}::" in nodeid]
        if not found and not nodeid.partition("::")[0].endswith(".toml"):
            # Further parameters may stand before and behind its name, which may be a part of a longer one.
            found = [spec for spec in specs if re.search(rf"\[(.*-)?{re.escape(spec.name)}(-.*)?\]$", nodeid)]
        for spec in found[:1]:
            result = self.project.result(spec, f"the worker that ran {visible(nodeid)} crashed")
            return self.sender.pack(spec.name, self._position(spec), result, ())
        return None

    def _position(self, spec: Spec) -> tuple[str, int]:
        return str(spec.file), list(self.project.catalogue.specs).index(spec.name)


def spec_of(item: pytest.Item | pytest.Collector) -> Spec | None:
    """Give the spec that an item is about, declared or in code."""
    from pytest_synthgate.spec.model import Spec

    call = getattr(item, "callspec", None)
    spec = getattr(item, "spec", None) if call is None else call.params.get("synth_spec")
    return spec if isinstance(spec, Spec) else None  # other plugins' items may have one too


def configured(arguments: Sequence[str]) -> pytest.Config:
    """Give the config that pytest has here, `addopts` and all, to what is no test run."""
    words = ["--capture=no", *arguments]  # what pytest captures it would have to be told to give back
    config = get_config(words)
    config.parse(words)
    return config


def project_of(config: pytest.Config, settings: Settings) -> Project:
    """Open a project that asks the hooks of a `conftest.py`, and of plugins, before all else."""

    def generate(spec: Spec, prompts: Sequence[Prompt], directory: Path) -> object:
        return config.hook.pytest_synthgate_generate(spec=spec, prompts=prompts, directory=directory)

    return Project(settings, config.hook.pytest_synthgate_encoder, generate)
