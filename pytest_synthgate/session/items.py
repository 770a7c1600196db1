"""Spec files as pytest nodes: one item that prepares the images, and one per gate.

Part of the plugin: `synth_snacks.toml::subject::images`, `synth_snacks.toml::subject::unvaried`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from pytest_synthgate.errors import SpecError, SynthgateError, SynthgateWarning
from pytest_synthgate.session.current import run_of
from pytest_synthgate.session.outcomes import GateFailure, announce, explanation, lines
from pytest_synthgate.spec.files import heading_line
from pytest_synthgate.text.printable import visible

if TYPE_CHECKING:
    from pytest_synthgate.spec.model import Spec


class SpecFile(pytest.File):
    """A spec file: one collector per spec."""

    def __init__(self, *, named: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.named = named

    def collect(self) -> Iterable[pytest.Collector | pytest.Item]:
        """Load and check the file."""
        catalogue = run_of(self.config).project.catalogue
        try:
            specs = catalogue.load(self.path, named=self.named)
            catalogue.check_comparisons(specs)
        except SpecError as error:
            raise self.CollectError(visible(str(error))) from None
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
        from pytest_synthgate.gating.verdict import gate_name

        run = run_of(self.config)
        if not run.options.strict and (obstacle := run.project.obstacle(self.spec)):
            self.add_marker(pytest.mark.skip(reason=obstacle))
        yield ImagesItem.from_parent(self, name="images", spec=self.spec)
        try:
            gates = run.project.gates(self.spec)
        except SynthgateError as error:
            raise self.CollectError(visible(str(error))) from None
        for score, group in gates:
            name = gate_name(score, group)
            item = GateItem.from_parent(self, name=name, spec=self.spec, score=score, group=group)
            if score in self.spec.xfail:
                item.add_marker(pytest.mark.xfail(reason=visible(self.spec.xfail[score]), raises=GateFailure))
            yield item


class _PlainItem(pytest.Item):
    """An item that fails in words."""

    def reportinfo(self) -> tuple[Any, int, str]:
        return self.path, 0, self.name  # without a line, an item cannot warn

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show verdicts and user errors without a traceback, and their first line in the short summary."""
        if not isinstance(excinfo.value, GateFailure | SynthgateError | SynthgateWarning):
            excinfo.traceback = excinfo.traceback.cut(path=__file__)
            return super().repr_failure(excinfo, style)
        told = GateFailure(lines(excinfo.value))  # without what it was raised from
        shown: Any = super().repr_failure(pytest.ExceptionInfo.from_exc_info((GateFailure, told, excinfo.tb)), "value")
        shown.reprcrash.path, shown.reprcrash.message = self.nodeid, str(told).partition("\n")[0]
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
        run.project.prepare(self.spec)


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
        verdict = run.project.judge(self.spec, self.score, self.group)
        measurement = run.project.measurement(self.spec)
        self.user_properties += gate_properties(self.spec.name, verdict, measurement)
        if verdict.fails(strict=run.options.strict):
            raise GateFailure(explanation(self.spec, verdict, measurement))
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
        run = run_of(self.config)
        for spec in self.specs:
            run.require(spec)
        if not (found := run.project.unused_waivers(self.specs)):
            return
        text = visible("; ".join(f"{waiver.name} is not used: {why}" for waiver, why in found.items()) + "; remove it")
        if run.options.strict:
            raise GateFailure(text)
        self.warn(SynthgateWarning(text))
