"""How verdicts and errors of this package become outcomes of tests, those of spec files and those in code.

Part of the plugin; light, for every run of pytest comes by here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from pytest_synthgate.errors import SpecError, SynthgateError, SynthgateWarning
from pytest_synthgate.text.printable import visible

if TYPE_CHECKING:
    from pytest_synthgate.catalogue import Catalogue
    from pytest_synthgate.gating.verdict import Verdict
    from pytest_synthgate.scores.measurement import Measurement
    from pytest_synthgate.session.run import Run
    from pytest_synthgate.spec.model import Spec


class GateFailure(Exception):  # noqa: N818 (a verdict, not an error)
    """A gate failed; the text explains it."""


class Obstructed(pytest.fail.Exception):  # type: ignore[name-defined,misc]
    """A test in code could not come to a verdict, for an error of this package."""


def obstruction(item: pytest.Item, call: pytest.CallInfo[None], redacted: Spec | None = None) -> str | None:
    """Say in a line what kept an item from a verdict on its spec.

    What a test in code concludes by itself is none; but one that is not set up comes to no conclusion. Nothing is
    told that could name the real images of a spec that is given as redacted.
    """
    if call.excinfo is None or call.when == "teardown" or call.excinfo.errisinstance(GateFailure):
        return None
    error = call.excinfo.value
    ours = isinstance(error, SynthgateError | Obstructed)
    if call.when == "call" and not hasattr(item, "spec") and not ours:
        return None
    if redacted is not None and not ours:
        from pytest_synthgate.reports.redaction import nameless

        told = nameless(error if isinstance(error, Exception) else Exception(), redacted.real, redacted.images)
        return str(told)
    in_words = ours or isinstance(error, pytest.fail.Exception)
    return visible(str(error).partition("\n")[0] if in_words else call.excinfo.exconly())


def lines(text: object) -> str:
    """Make a text of several lines fit for a terminal, whoever wrote it."""
    return "\n".join(map(visible, str(text).split("\n")))


@contextmanager
def plainly() -> Iterator[None]:
    """Turn this package's own errors into failures without a traceback, for tests in code."""
    try:
        yield
    except SynthgateError as error:
        raise Obstructed(visible(str(error)), pytrace=False) from None


def explanation(spec: Spec, verdict: Verdict, measurement: Measurement) -> str:
    """Say in a few lines why a gate concluded what it did."""
    from pytest_synthgate.reports.explain import explain

    head, *evidence = explain(spec.name, verdict, measurement)
    strictly = "; a strict run fails on that" if verdict.undecided else ""
    return "\n".join([f"{head}{strictly}", *evidence])


def announce(node: pytest.Item, spec: Spec, verdict: Verdict) -> None:
    """Warn on behalf of a gate that passes with reservations."""
    if verdict.warns:
        node.warn(SynthgateWarning(visible(f"{spec.name}: {verdict.name} {verdict.verdict}: {verdict.reason}")))


@dataclass(frozen=True, slots=True)
class SynthGate:
    """The declared limits of one spec, for one test in code."""

    node: pytest.Item
    run: Run
    spec: Spec

    def verdicts(self) -> list[Verdict]:
        """Judge every limit of the spec."""
        with plainly():
            project = self.run.project
            return [project.judge(self.spec, score, group) for score, group in project.gates(self.spec)]

    def check(self) -> None:
        """Fail the test with an explanation when a limit is exceeded.

        Gates that the spec expects to fail make an expected failure, when no other fails.
        """
        from pytest_synthgate.reports.junit import name_properties

        verdicts = self.verdicts()
        for verdict in verdicts:
            announce(self.node, self.spec, verdict)
            self.node.user_properties += name_properties(self.spec.name, verdict)
        failed = [verdict for verdict in verdicts if verdict.fails(strict=self.run.options.strict)]
        expected = self.run.project.expected(self.spec)
        if unexpected := [verdict for verdict in failed if verdict.score not in expected]:
            measurement = self.run.project.measurement(self.spec)
            pytest.fail("\n".join(explanation(self.spec, each, measurement) for each in unexpected), pytrace=False)
        if failed:
            pytest.xfail(visible("; ".join(f"{each.name}: {expected[each.score]}" for each in failed)))


def chosen_specs(metafunc: pytest.Metafunc, catalogue: Catalogue) -> list[Spec]:
    """Give the declared specs that a test is marked for: all without a mark.

    Raises:
        pytest.Collector.CollectError: There is no spec of that name, or none at all.
    """
    names = [str(name) for mark in metafunc.definition.iter_markers("synth") for name in mark.args]
    try:
        return catalogue.choose(names)
    except SpecError as error:
        raise pytest.Collector.CollectError(visible(str(error))) from None


def explain_comparison(left: object, right: object) -> list[str] | None:
    """Explain a failed `assert measurement <= limits`."""
    from pytest_synthgate.reports.explain import failures, with_interval
    from pytest_synthgate.scores.measurement import Measurement
    from pytest_synthgate.spec.limits import Limits

    if not isinstance(left, Measurement) or not isinstance(right, Limits):
        return None
    scores = ", ".join(f"{name} {with_interval(left.scores[name])}" for name in right if name in left.scores)
    return [f"{scores or 'scores'} <= {right!r}", *failures(left, right)]
