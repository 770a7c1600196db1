"""Spec files as pytest nodes: one item that prepares the images, and one per gate.

Part of the plugin: `synth_snacks.toml::subject::images`, `synth_snacks.toml::subject::unvaried`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_synthgate.errors import SpecError, SynthgateError, SynthgateWarning
from pytest_synthgate.session.outcomes import GateFailure, announce
from pytest_synthgate.session.run import run_of
from pytest_synthgate.spec.discovery import heading_line, is_spec_file

if TYPE_CHECKING:
    from pytest_synthgate.spec.model import Spec


def spec_file(path: Path, parent: pytest.Collector) -> SpecFile | None:
    """Give the collector of a file that is named as a spec file is, or of a TOML file named on the command line."""
    config = parent.config
    matches = is_spec_file(path, config.rootpath, config.getini("synth_files"))
    if not matches and path.suffix != ".toml":
        return None
    named = any(
        (config.invocation_params.dir / str(arg).partition("::")[0]).resolve() == path.resolve() for arg in config.args
    )
    if not named and not matches:
        return None
    node: SpecFile = SpecFile.from_parent(parent, path=path)
    node.named = named
    return node


class SpecFile(pytest.File):
    """A spec file: one collector per spec."""

    named = False

    def collect(self) -> Iterable[pytest.Collector | pytest.Item]:
        """Load and check the file."""
        from pytest_synthgate.spec.files import load_spec_file

        try:
            if specs := load_spec_file(self.path, named=self.named):
                run_of(self.config).catalogue.add(specs)
                run_of(self.config).catalogue.check_comparisons(specs)
        except SpecError as error:
            raise self.CollectError(str(error)) from None
        for spec in specs:
            yield SpecNode.from_parent(self, name=spec.name, spec=spec)
        if any(spec.waivers for spec in specs):
            yield WaiversItem.from_parent(self, name="waivers", specs=specs)


class SpecNode(pytest.Collector):
    """One spec: its images, then its gates."""

    def __init__(self, *, spec: Spec, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        self.line = (heading_line(self.path, spec.name) or 1) - 1

    def collect(self) -> Iterator[pytest.Item]:
        """Give the items, skipped when nothing can be judged; a limit per class gives one for each known class."""
        run = run_of(self.config)
        obstacle = None if run.options.strict else run.obstacle(self.spec)
        for item in self._items():
            if obstacle is not None:
                item.add_marker(pytest.mark.skip(reason=obstacle))
            yield item

    def _items(self) -> Iterator[pytest.Item]:
        from pytest_synthgate.gating.gates import gate_name

        yield ImagesItem.from_parent(self, name="images", spec=self.spec)
        for score, group in self._gates():
            name = gate_name(score, group)
            item = GateItem.from_parent(self, name=name, spec=self.spec, score=score, group=group)
            if score in self.spec.xfail:
                item.add_marker(pytest.mark.xfail(reason=self.spec.xfail[score], raises=GateFailure))
            yield item

    def _gates(self) -> list[tuple[str, str | None]]:
        try:
            return run_of(self.config).gates(self.spec)
        except SynthgateError as error:
            raise self.CollectError(str(error)) from None


class _PlainItem(pytest.Item):
    """An item that fails in words."""

    def reportinfo(self) -> tuple[Any, int, str]:
        return self.path, 0, self.name  # without a line, an item cannot warn

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show verdicts and user errors without a traceback, and their first line in the short summary."""
        if not isinstance(excinfo.value, (GateFailure, SynthgateError, SynthgateWarning)):
            excinfo.traceback = excinfo.traceback.cut(path=__file__)
            return super().repr_failure(excinfo, style)
        shown: Any = super().repr_failure(excinfo, style="value")
        shown.reprcrash.path, shown.reprcrash.message = self.nodeid, str(excinfo.value).partition("\n")[0]
        return shown


class _SpecItem(_PlainItem):
    parent: SpecNode

    def __init__(self, *, spec: Spec, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec

    def reportinfo(self) -> tuple[Any, int, str]:
        return self.path, self.parent.line, f"{self.spec.name}::{self.name}"


class ImagesItem(_SpecItem):
    """Makes, loads and embeds both sets, so that this has a line of its own in the durations."""

    def runtest(self) -> None:
        """Prepare both sets."""
        run = run_of(self.config)
        run.require(self.spec)
        run.prepare(self.spec)


class GateItem(_SpecItem):
    """One limit on one score."""

    def __init__(self, *, score: str, group: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.score = score
        self.group = group

    def runtest(self) -> None:
        """Measure, judge, and record the numbers for JUnit.

        Raises:
            GateFailure: The limit is exceeded, or the run is strict and nothing could be decided.
        """
        from pytest_synthgate.reports.junit import gate_properties

        run = run_of(self.config)
        run.require(self.spec)
        verdict = run.judge(self.spec, self.score, self.group)
        self.user_properties += gate_properties(self.spec.name, verdict, run.measurement(self.spec))
        if verdict.fails(strict=run.options.strict):
            raise GateFailure(run.explanation(self.spec, verdict))
        announce(self, self.spec, verdict)


class WaiversItem(_PlainItem):
    """The waivers of a file: each has to be of use to one of its specs."""

    def __init__(self, *, specs: Sequence[Spec], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.specs = specs

    def runtest(self) -> None:
        """Look for waivers that leave nothing out.

        Raises:
            GateFailure: There are some and the run is strict.
        """
        from pytest_synthgate.text.printable import visible

        run = run_of(self.config)
        for spec in self.specs:
            run.require(spec)
        if not (found := run.unused_waivers(self.specs)):
            return
        text = "; ".join(f"{waiver.name} is not used: {why}" for waiver, why in found.items())
        if run.options.strict:
            raise GateFailure(visible(f"{text}; remove it"))
        self.warn(SynthgateWarning(visible(f"{text}; remove it")))
