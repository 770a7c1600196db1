"""A project: what is measured and concluded of each of its specs, once.

What plugin, command line and notebook share; knows no pytest. Heavy imports wait for their first use, because every
run of pytest comes by here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pytest_synthgate.catalogue import Catalogue, Settings
from pytest_synthgate.errors import BaselineError, NothingReadableError, StoreError
from pytest_synthgate.text.printable import shown

if TYPE_CHECKING:
    from pytest_synthgate.device import Memory
    from pytest_synthgate.features.encoder import Encoder, EncoderSource
    from pytest_synthgate.features.store import Store
    from pytest_synthgate.gating.accepted import Accepted
    from pytest_synthgate.gating.verdict import Verdict
    from pytest_synthgate.images.provide import Hook
    from pytest_synthgate.images.sets import ImageSet
    from pytest_synthgate.measure import Measurer
    from pytest_synthgate.results.result import SpecResult
    from pytest_synthgate.scores.measurement import Measurement
    from pytest_synthgate.spec.model import Spec
    from pytest_synthgate.spec.waivers import Waiver
    from pytest_synthgate.unchanged import Unchanged


@dataclass
class Project:
    r"""What is found out about the specs of a project.

    Attributes:
        settings: What it goes by.
        find_encoder: Asked for an encoder by its `name` before the built-in ones are.
        generator: Asked to make images before diffusers is.
        catalogue: Its specs.
        today: The day that waivers expire by, the same for all gates.

    Example:
        >>> from pathlib import Path
        >>> import tempfile, numpy as np
        >>> folder, random = Path(tempfile.mkdtemp()), np.random.default_rng(0)
        >>> for name in ("photos", "renders"):
        ...     np.save(folder / f"{name}.npy", random.normal(size=(60, 8)))
        >>> _ = (folder / "synth_x.toml").write_text("[spec.x]\nreal = 'photos.npy'\nimages = 'renders.npy'")
        >>> with Project(Settings(root=folder)) as project:
        ...     for spec in project.catalogue.load_all():
        ...         for score, group in project.gates(spec):
        ...             print(spec.name, score, project.judge(spec, score, group).verdict)
        x unvaried passed
        x unoriginal passed
        x unreadable passed
    """

    settings: Settings
    find_encoder: Callable[..., Encoder | None] | None = None
    generator: Hook | None = None
    catalogue: Catalogue = field(init=False)
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    _opened: ExitStack = field(default_factory=ExitStack)
    _notes: list[str] = field(default_factory=list)
    _unreadable: dict[str, tuple[tuple[str, str, str], ...]] = field(default_factory=dict)
    _found: dict[str, SpecResult] = field(default_factory=dict)
    _verdicts: dict[str, dict[str, Verdict]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.catalogue = Catalogue(self.settings, self._memory)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store."""
        self._opened.close()

    @cached_property
    def measurer(self) -> Measurer:
        """What measures, with its store; opened when first needed.

        Raises:
            StoreError: The store cannot be used.
        """
        from pytest_synthgate.measure import Measurer

        how = self.settings
        return Measurer(
            self._store, how.progress, self._encoder, how.generate, self.generator, how.process, self._notes
        )

    @cached_property
    def _store(self) -> Store:
        from pytest_synthgate.features.store import Store

        return self._opened.enter_context(Store(self.settings.cache))

    def _memory(self) -> Memory | None:
        """Give the store, if there is one: to read specs alone makes none."""
        from pytest_synthgate.features.store import FILE

        if self.settings.results is not None or not (self.settings.cache / FILE).is_file():
            return None
        try:
            return self._store
        except StoreError:  # of which measuring will tell
            return None

    @cached_property
    def _unchanged(self) -> Unchanged:
        from pytest_synthgate.unchanged import Unchanged

        return Unchanged(self.measurer)

    def _encoder(self, name: str, base: Path) -> EncoderSource:
        from pytest_synthgate.features.encoder import hooked
        from pytest_synthgate.features.encoders import resolve_encoder

        source = None if self.find_encoder is None else hooked(self.find_encoder, name)
        start = self.settings.start if name == self.settings.encoder else base
        return source if source is not None else resolve_encoder(name, start)

    def notes(self) -> list[str]:
        """List what a user should know about the making of images."""
        return self._notes

    def obstacle(self, spec: Spec) -> str | None:
        """Say why a spec cannot be judged, if it has nothing to be judged by."""
        if self.settings.results is None and spec.real is None:
            return f"{spec.name}: no real set; give --synth-real=DIR, or `real` in the spec file"
        return None

    def prepare(self, spec: Spec) -> None:
        """Have both sets listed, made where images are missing, and embedded; or know that what is stored is fresh."""
        with self._discreetly(spec):
            if self._fresh(spec) is None and self._unchanged.result(spec) is None:
                self.measurer.sets(spec)

    def images(self, spec: Spec, side: Literal["real", "synthetic"]) -> ImageSet:
        """List a set of a spec, not decoded."""
        with self._discreetly(spec):
            return self.measurer.real(spec) if side == "real" else self.measurer.synthetic(spec)

    def measurement(self, spec: Spec) -> Measurement:
        """Measure a spec, or take its stored measurement.

        Raises:
            SynthgateError: It cannot be measured, or what is stored was not made from this spec.
        """
        return self._known(spec).measurement

    def is_measured(self, spec: Spec) -> bool:
        """Tell whether the measurement of a spec is known by now."""
        return spec.name in self._found

    def _known(self, spec: Spec) -> SpecResult:
        """Measure a spec, or take what is stored of it; its verdicts are not looked at."""
        if spec.name not in self._found:
            with self._discreetly(spec):
                found = self._fresh(spec) or self._measured(spec)
            found = replace(found, declared=self.catalogue.declared[spec.name], **self._terms(spec))
            self._found[spec.name] = self._discreet(found)
        return self._found[spec.name]

    def _measured(self, spec: Spec) -> SpecResult:
        if (before := self._unchanged.result(spec)) is not None:
            return before
        from pytest_synthgate.measure import known_classes
        from pytest_synthgate.results.image_files import files_of
        from pytest_synthgate.results.result import SpecResult

        measurement, classes = self.measurer.measurement(spec), known_classes(spec, self.measurer)
        result = SpecResult(measurement, classes=classes, images=files_of(spec, self.measurer))
        self._unchanged.remember(spec, result)
        return result

    def _fresh(self, spec: Spec) -> SpecResult | None:
        """Give the stored result of this very spec; None where specs are measured."""
        if (path := self.settings.results) is None:
            return None
        from pytest_synthgate.results.file import fresh

        return fresh(path, self._stored, spec, self.catalogue.declared[spec.name])

    @cached_property
    def _stored(self) -> Mapping[str, SpecResult]:
        from pytest_synthgate.results.file import read_results

        return {} if self.settings.results is None else read_results(self.settings.results)

    @contextmanager
    def _discreetly(self, spec: Spec) -> Iterator[None]:
        """Remember files that keep a spec from being measured, and real images unnamed where they are to be."""
        try:
            yield
        except Exception as error:  # an error of any kind may name an image
            if isinstance(error, NothingReadableError):
                self._unreadable[spec.name] = error.unreadable
            if not self.settings.redact_real:
                raise
            from pytest_synthgate.reports.redaction import nameless

            raise nameless(error, spec.real, spec.images) from None

    def gates(self, spec: Spec) -> list[tuple[str, str | None]]:
        """List the gates of a spec: score, and class or None.

        Raises:
            SynthgateError: The classes cannot be listed.
        """
        from pytest_synthgate.gating.verdict import gates_on

        per_class = any(limit.per_class for limit in spec.limits.values())
        return gates_on(spec.limits, self._gated_classes(spec) if per_class else ())

    def _gated_classes(self, spec: Spec) -> tuple[str, ...]:
        """List the classes that get a gate of their own; without classes and a real set, none."""
        if self.settings.results is not None:
            # Stale or missing results fail the items, which have to be there for that.
            stored = self._stored.get(spec.name)
            return (stored.classes or stored.measurement.classes) if stored else ()
        if spec.classes is None and spec.real is None:
            return ()
        from pytest_synthgate.measure import gated_classes

        with self._discreetly(spec):
            return gated_classes(spec, self.measurer)

    def judge(self, spec: Spec, score: str, group: str | None = None) -> Verdict:
        """Apply one limit of a spec and remember the verdict.

        Raises:
            SynthgateError: The spec cannot be measured, or the baseline that the limit asks for cannot be read.
        """
        from pytest_synthgate.gating.verdict import judge

        limit = spec.limits[score]
        verdict = judge(
            self.measurement(spec),
            score,
            limit,
            group,
            baseline=None if limit.regression is None else self._baseline.get(spec.name),
            waivers=spec.waivers,
            today=self.today,
        )
        self._verdicts.setdefault(spec.name, {})[verdict.name] = verdict
        return verdict

    @cached_property
    def _baseline(self) -> Mapping[str, Accepted]:
        from pytest_synthgate.tracking.baseline import read_baseline

        path = self.settings.baseline
        if self.settings.needs_baseline and not path.exists():
            raise BaselineError(
                f"{shown(path)}: no such baseline; name the one that is there, or make it with --synth-update-baseline"
            )
        return read_baseline(path)

    def expected(self, spec: Spec) -> Mapping[str, str]:
        """Give the reason by score for gates that are known to fail."""
        return spec.xfail if self.settings.xfail else {}

    def unused_waivers(self, specs: Iterable[Spec]) -> Mapping[Waiver, str]:
        """Give the waivers of a file that are of no use to any of its specs, which are all given, and why.

        Raises:
            SynthgateError: One cannot be measured.
        """
        from pytest_synthgate.gating.waived import useless

        waivers = tuple(dict.fromkeys(waiver for spec in specs for waiver in spec.waivers))
        return useless(waivers, [(self.measurement(spec), spec.limits) for spec in specs])

    def result(self, spec: Spec, error: str | None = None) -> SpecResult:
        """Give what is known about a spec, for reports; it is measured now, unless an error is told that prevented it.

        Raises:
            SynthgateError: It cannot be measured.
        """
        if error is not None and not self.is_measured(spec):
            return self._discreet(self._unmeasured(spec, error))
        verdicts = tuple(self._verdicts.get(spec.name, {}).values())
        return replace(self._known(spec), verdicts=verdicts, error=error)

    def unjudged(self, error: str) -> SpecResult:
        """Give what is known where not even a spec is: why there is nothing to judge."""
        from pytest_synthgate.results.result import SpecResult
        from pytest_synthgate.scores.measurement import Measurement

        return SpecResult(Measurement(0, 0, {}, {}), strict=self.settings.strict, error=error)

    def _unmeasured(self, spec: Spec, error: str) -> SpecResult:
        from pytest_synthgate.scores.finding import Unreadable

        nothing = self.unjudged(error)
        unreadable = tuple(Unreadable(*each) for each in self._unreadable.get(spec.name, ()))
        return replace(nothing, measurement=replace(nothing.measurement, unreadable=unreadable), **self._terms(spec))

    def _terms(self, spec: Spec) -> dict[str, Any]:
        return {
            "compare_to": spec.compare_to,
            "expected": self.expected(spec),
            "limits": spec.limits,
            "strict": self.settings.strict,
        }

    def _discreet(self, result: SpecResult) -> SpecResult:
        from pytest_synthgate.reports.redaction import redacted

        return redacted(result) if self.settings.redact_real or result.redacted else result
