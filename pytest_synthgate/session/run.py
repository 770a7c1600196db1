"""One test run: its specs, what was measured for them, and what the gates concluded.

Part of the plugin. Under xdist every worker has a run of its own; what it finds out travels to the controller's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from pytest_synthgate.errors import BaselineError
from pytest_synthgate.session.catalogue import Catalogue
from pytest_synthgate.session.options import Options, read_options
from pytest_synthgate.session.parcels import Receiver, Sender
from pytest_synthgate.text.printable import shown

if TYPE_CHECKING:
    from pytest_synthgate.gating.entry import Entry
    from pytest_synthgate.gating.gates import Verdict
    from pytest_synthgate.measure import Measurer
    from pytest_synthgate.results.result import SpecResult
    from pytest_synthgate.scores.measurement import Measurement
    from pytest_synthgate.session.sources import Source
    from pytest_synthgate.spec.model import Spec
    from pytest_synthgate.spec.waivers import Waiver
    from pytest_synthgate.tracking.baseline import Baseline

RUN = pytest.StashKey["Run"]()


@dataclass(slots=True)
class Run:
    """State of one run.

    Attributes:
        config: pytest's.
        options: What was asked for.
        catalogue: Its specs.
        sender: Packs what is found out.
        receiver: Takes it in, on the controller.
        today: The day that waivers expire by, the same for all gates.
        accepted: What accepting the scores of this run changed, a line each.
        refused: What was not accepted of them, a line each.
        unwritten: Why a file that was asked for was not written, by what it is called.
    """

    config: pytest.Config
    options: Options
    catalogue: Catalogue
    sender: Sender = field(default_factory=Sender)
    receiver: Receiver = field(default_factory=Receiver)
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    accepted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unwritten: dict[str, str] = field(default_factory=dict)
    _measurements: dict[str, Measurement] = field(default_factory=dict)
    _verdicts: dict[str, dict[str, Verdict]] = field(default_factory=dict)
    _ungated: dict[str, SpecResult] = field(default_factory=dict)
    _measurer: Measurer | None = None
    _baseline: Baseline | None = None
    _source: Source | None = None

    def resolved(self, spec: Spec) -> Spec:
        """Apply what the command line overrides."""
        return replace(spec, real=self.options.real or spec.real, encoder=self.options.encoder or spec.encoder)

    def obstacle(self, spec: Spec) -> str | None:
        """Say why a spec cannot be judged, if it has nothing to be judged by."""
        if self.options.results is None and self.resolved(spec).real is None:
            return f"{spec.name}: no real set; give --synth-real=DIR, or `real` in the spec file"
        return None

    def require(self, spec: Spec) -> None:
        """Skip a test whose spec cannot be judged; a strict run fails it instead."""
        if (obstacle := self.obstacle(spec)) is None:
            return
        if self.options.strict:
            pytest.fail(obstacle, pytrace=False)
        pytest.skip(obstacle)

    def require_images(self) -> None:
        """Skip a test that needs the images themselves in a run that only judges stored measurements."""
        if self.options.results is not None:
            pytest.skip(f"--synth-results={self.options.results} holds no images")

    @property
    def measurer(self) -> Measurer:
        """What measures, with its store; opened when first needed."""
        if self._measurer is None:
            from pytest_synthgate.session.sources import open_measurer

            self._measurer = open_measurer(self.config, self.options)
        return self._measurer

    def close(self) -> None:
        """Let go of the store."""
        if self._measurer is not None:
            self._measurer.store.close()

    @property
    def source(self) -> Source:
        """Where measurements come from."""
        if self._source is None:
            from pytest_synthgate.session.sources import Discreet, Measured, Stored

            path = self.options.results
            source: Source = Measured(self.measurer) if path is None else Stored(path, self.catalogue)
            self._source = Discreet(source) if self.options.redact_real else source
        return self._source

    def prepare(self, spec: Spec) -> None:
        """Have the images of a spec ready, embedded, or know that its stored measurement is fresh."""
        self.source.prepare(self.resolved(spec))

    def discreetly(self, spec: Spec) -> AbstractContextManager[None]:
        """Keep the names of real images out of errors, where they are to be kept out of reports."""
        from pytest_synthgate.session.sources import discreetly

        return discreetly(self.resolved(spec)) if self.options.redact_real else nullcontext()

    def measurement(self, spec: Spec) -> Measurement:
        """Measure a spec, or take its stored measurement, once a run.

        Raises:
            SynthgateError: It cannot be measured, or what is stored was not made from this spec.
        """
        if spec.name not in self._measurements:
            self._measurements[spec.name] = self.source.measurement(self.resolved(spec))
        return self._measurements[spec.name]

    def _groups(self, spec: Spec) -> tuple[str, ...]:
        """List the classes that get a gate of their own; without classes and a real set, none."""
        if spec.classes is None and self.obstacle(spec) is not None:
            return ()
        return self.source.gated_classes(self.resolved(spec))

    def gates(self, spec: Spec) -> list[tuple[str, str | None]]:
        """List the gates of a spec: score, and class or None.

        Raises:
            SynthgateError: The classes cannot be listed.
        """
        from pytest_synthgate.gating.gates import gates_of

        per_class = any(limit.per_class for limit in spec.limits.values())
        return gates_of(spec.limits, self._groups(spec) if per_class else ())

    def judge(self, spec: Spec, score: str, group: str | None = None) -> Verdict:
        """Apply one limit of a spec and remember the verdict.

        Raises:
            SynthgateError: The spec cannot be measured, or the baseline that the limit asks for cannot be read.
        """
        from pytest_synthgate.gating.gates import judge

        limit = spec.limits[score]
        verdict = judge(
            self.measurement(spec),
            score,
            limit,
            group,
            baseline=None if limit.regression is None else self._accepted().get(spec.name),
            waivers=spec.waivers,
            today=self.today,
        )
        self._verdicts.setdefault(spec.name, {})[verdict.name] = verdict
        return verdict

    def _accepted(self) -> Mapping[str, Entry]:
        if self._baseline is None:
            from pytest_synthgate.tracking.baseline import read_baseline

            options = self.options
            if options.baseline_named and not options.update_baseline and not options.baseline.exists():
                raise BaselineError(
                    f"{shown(options.baseline)}: no such baseline; name the one that is there, "
                    "or make it with --synth-update-baseline"
                )
            self._baseline = read_baseline(options.baseline)
        return self._baseline.entries

    def expected(self, spec: Spec) -> Mapping[str, str]:
        """Give the gates that are known to fail; with `--runxfail` none is, and the build fails on them."""
        return {} if self.config.getoption("runxfail") else spec.xfail

    def unused_waivers(self, specs: Iterable[Spec]) -> Mapping[Waiver, str]:
        """Give the waivers of a file that are of no use to any of its specs, and why.

        Args:
            specs: All specs of the file.

        Raises:
            SynthgateError: One cannot be measured.
        """
        from pytest_synthgate.gating.waived import unused

        waivers = tuple(dict.fromkeys(waiver for spec in specs for waiver in spec.waivers))
        return unused(waivers, [(self.measurement(spec), spec.limits) for spec in specs])

    def explanation(self, spec: Spec, verdict: Verdict) -> str:
        """Say in a few lines why a gate concluded what it did."""
        from pytest_synthgate.reports.explain import explain

        head, *evidence = explain(spec.name, verdict, self.measurement(spec))
        strictly = "; a strict run fails on that" if verdict.undecided else ""
        return "\n".join([f"{head}{strictly}", *evidence])

    def result(self, spec: Spec) -> SpecResult:
        """Give what is known about a spec for the reports.

        Raises:
            SynthgateError: It cannot be measured.
        """
        if spec.name not in self._ungated:
            self._ungated[spec.name] = self._without_verdicts(spec)
        return replace(self._ungated[spec.name], verdicts=tuple(self._verdicts.get(spec.name, {}).values()))

    def _without_verdicts(self, spec: Spec) -> SpecResult:
        from pytest_synthgate.reports.redaction import redacted
        from pytest_synthgate.results.result import SpecResult
        from pytest_synthgate.spec.model import spec_to_json

        resolved = self.resolved(spec)
        result = SpecResult(
            self.measurement(spec),
            compare_to=spec.compare_to,
            expected=self.expected(spec),
            limits=spec.limits,
            declared=spec_to_json(self.catalogue.as_written(resolved)),
            classes=self.source.classes(resolved),
            strict=self.options.strict,
            images=self.source.images(resolved),
        )
        return redacted(result) if self.source.redacted(resolved) else result

    def _unmeasured(self, spec: Spec) -> SpecResult:
        from pytest_synthgate.results.result import SpecResult
        from pytest_synthgate.scores.measurement import Measurement

        return SpecResult(
            Measurement(0, 0, {}, {}), expected=self.expected(spec), limits=spec.limits, strict=self.options.strict
        )

    def notes(self) -> list[str]:
        """List what a user should know about the making of images."""
        return [] if self._measurer is None else self._measurer.notes

    def parcel_of(self, item: pytest.Item, error: str | None = None) -> dict[str, Any] | None:
        """Pack what is known about the spec that an item is about, if it is about one.

        Args:
            item: The item.
            error: What kept it from a verdict.
        """
        from pytest_synthgate.spec.model import Spec

        spec = getattr(item, "spec", None)  # other plugins' items may have one too
        if spec is None and (call := getattr(item, "callspec", None)) is not None:
            spec = call.params.get("synth_spec")
        if not isinstance(spec, Spec):
            return None
        result = self.result(spec) if spec.name in self._measurements else None
        if error is not None:
            result = replace(result or self._unmeasured(spec), error=error)
        position = (str(spec.file), list(self.catalogue.specs).index(spec.name))
        return self.sender.pack(spec.name, position, result, self.notes())


def run_of(config: pytest.Config) -> Run:
    """Give the run of a config, made when first asked for."""
    if RUN not in config.stash:
        options = read_options(config)
        config.stash[RUN] = Run(config, options, Catalogue(config, options.patterns))
    return config.stash[RUN]
