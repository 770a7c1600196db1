"""What tests in code use: which specs they run for, the gate they check, how a comparison is explained.

Part of the plugin.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pytest_synthgate.errors import SpecError
from pytest_synthgate.gating.gates import Verdict
from pytest_synthgate.reports.explain import failures, with_interval
from pytest_synthgate.reports.junit import name_properties
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.session.outcomes import announce, explanation, plainly
from pytest_synthgate.session.run import Run, run_of
from pytest_synthgate.spec.limits import Limits
from pytest_synthgate.spec.model import Spec
from pytest_synthgate.text.printable import visible


@dataclass(frozen=True, slots=True)
class SynthGate:
    """The declared limits of one spec, for one test."""

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
        verdicts = self.verdicts()
        for verdict in verdicts:
            announce(self.node, self.spec, verdict)
            self.node.user_properties += name_properties(self.spec.name, verdict)
        failed = [verdict for verdict in verdicts if verdict.fails(strict=self.run.options.strict)]
        expected = self.run.project.expected(self.spec)
        unexpected = [verdict for verdict in failed if verdict.score not in expected]
        if unexpected:
            measurement = self.run.project.measurement(self.spec)
            pytest.fail("\n".join(explanation(self.spec, each, measurement) for each in unexpected), pytrace=False)
        if failed:
            pytest.xfail(visible("; ".join(f"{each.name}: {expected[each.score]}" for each in failed)))


def chosen_specs(metafunc: pytest.Metafunc) -> list[Spec]:
    """Give the declared specs that a test is marked for: all without a mark.

    Raises:
        pytest.Collector.CollectError: There is no spec of that name, or none at all.
    """
    names = [str(name) for mark in metafunc.definition.iter_markers("synth") for name in mark.args]
    try:
        return run_of(metafunc.config).project.catalogue.choose(names)
    except SpecError as error:
        raise pytest.Collector.CollectError(visible(str(error))) from None


def explain_comparison(left: object, right: object) -> list[str] | None:
    """Explain a failed `assert measurement <= limits`."""
    if not isinstance(left, Measurement) or not isinstance(right, Limits):
        return None
    scores = ", ".join(f"{name} {with_interval(left.scores[name])}" for name in right if name in left.scores)
    return [f"{scores or 'scores'} <= {right!r}", *failures(left, right)]
