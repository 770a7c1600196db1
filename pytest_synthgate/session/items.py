"""Spec files as pytest nodes: one item that prepares the images, and one per gate.

Part of the plugin: `synth_snacks.toml::subject::images`, `synth_snacks.toml::subject::unvaried`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest._code.code import ReprFileLocation, TerminalRepr

from pytest_synthgate.errors import SpecError, SynthgateError
from pytest_synthgate.session.run import announce, run_of

if TYPE_CHECKING:
    from _pytest._code.code import ExceptionInfo
    from _pytest._io import TerminalWriter

    from pytest_synthgate.spec import Spec


class GateFailure(Exception):  # noqa: N818 (a verdict, not an error)
    """A gate failed; the text explains it."""


def spec_file(path: Path, parent: pytest.Collector) -> SpecFile | None:
    """Give the collector of a TOML file that is named as a spec file is, or was named on the command line."""
    config = parent.config
    named = any(
        (config.invocation_params.dir / str(arg).partition("::")[0]).resolve() == path.resolve() for arg in config.args
    )
    if not named and not any(fnmatch(path.name, pattern) for pattern in run_of(config).options.patterns):
        return None
    node: SpecFile = SpecFile.from_parent(parent, path=path)
    node.named = named
    return node


class SpecFile(pytest.File):
    """A spec file: one collector per spec."""

    named = False

    def collect(self) -> Iterable[pytest.Collector]:
        """Load and check the file."""
        from pytest_synthgate.declaring.specfile import load_spec_file

        try:
            specs = load_spec_file(self.path, named=self.named)
            run_of(self.config).add(specs)
        except SpecError as error:
            raise self.CollectError(str(error)) from None
        for spec in specs:
            yield SpecNode.from_parent(self, name=spec.name, spec=spec)


class SpecNode(pytest.Collector):
    """One spec: its images, then its gates."""

    def __init__(self, *, spec: Spec, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec

    def collect(self) -> Iterator[pytest.Item]:
        """Give the items; a limit per class gives one for each class that is known by now."""
        yield ImagesItem.from_parent(self, name="images", spec=self.spec)
        for score, limit in self.spec.limits.items():
            for group in self._classes() if limit.per_class else (None,):
                name = score if group is None else f"{score}[{group}]"
                item = GateItem.from_parent(self, name=name, spec=self.spec, score=score, group=group)
                if score in self.spec.xfail:
                    item.add_marker(pytest.mark.xfail(reason=self.spec.xfail[score]))
                yield item

    def _classes(self) -> tuple[str, ...]:
        try:
            return run_of(self.config).groups(self.spec)
        except SynthgateError as error:
            raise self.CollectError(str(error)) from None


class _SpecItem(pytest.Item):
    def __init__(self, *, spec: Spec, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec

    def setup(self) -> None:
        run_of(self.config).require(self.spec)

    def reportinfo(self) -> tuple[Any, None, str]:
        return self.path, None, f"{self.spec.name}::{self.name}"

    def repr_failure(self, excinfo: ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show verdicts and user errors without a traceback."""
        if isinstance(excinfo.value, (GateFailure, SynthgateError)):
            return _Explanation(str(excinfo.value), ReprFileLocation(self.nodeid, 0, _first_line(excinfo.value)))
        return super().repr_failure(excinfo, style)


class ImagesItem(_SpecItem):
    """Makes, loads and embeds both sets, so that this has a line of its own in the durations."""

    def runtest(self) -> None:
        """Prepare both sets."""
        run_of(self.config).prepare(self.spec)


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
        verdict = run.judge(self.spec, self.score, self.group)
        self.user_properties += gate_properties(verdict, run.measurement(self.spec))
        if verdict.fails(strict=run.options.strict):
            raise GateFailure(run.explanation(self.spec, verdict))
        announce(self, self.spec, verdict)


class _Explanation(TerminalRepr):
    """Lines without a traceback, with a headline for the short summary."""

    def __init__(self, text: str, reprcrash: ReprFileLocation) -> None:
        self.text = text
        self.reprcrash = reprcrash

    def toterminal(self, tw: TerminalWriter) -> None:
        for number, line in enumerate(self.text.splitlines()):
            tw.line(line, red=number == 0, bold=number == 0)

    def __str__(self) -> str:
        return self.text


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0]
