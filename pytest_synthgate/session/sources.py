"""Where a run has its measurements from: made from the images, or read from a results file.

Part of the plugin. Nothing behind it knows which of the two it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pytest

    from pytest_synthgate.features.encoder import EncoderSource
    from pytest_synthgate.measure import Measurer
    from pytest_synthgate.results.image_files import ImageFiles
    from pytest_synthgate.results.result import SpecResult
    from pytest_synthgate.scores.measurement import Measurement
    from pytest_synthgate.session.catalogue import Catalogue
    from pytest_synthgate.session.options import Options
    from pytest_synthgate.spec.model import Spec
    from pytest_synthgate.spec.prompts import Prompt


class Source(Protocol):
    """Gives what is known about a spec; each method raises a `SynthgateError` where it cannot."""

    def prepare(self, spec: Spec) -> None:
        """Do what takes time before anything is measured."""

    def measurement(self, spec: Spec) -> Measurement:
        """Give the numbers."""

    def gated_classes(self, spec: Spec) -> tuple[str, ...]:
        """List the classes that a limit per class is applied to, before anything is measured."""

    def classes(self, spec: Spec) -> tuple[str, ...]:
        """List the classes that should have images, none where none are known."""

    def images(self, spec: Spec) -> Mapping[str, ImageFiles]:
        """Say where the pictures of both sets are."""

    def redacted(self, spec: Spec) -> bool:
        """Tell whether real images have no names here, and are to have none in what is made of it."""


def open_measurer(config: pytest.Config, options: Options) -> Measurer:
    """Open the store, and have the hooks asked for encoders and images before anything else is.

    Raises:
        StoreError: The store cannot be used.
    """
    from pytest_synthgate.features.encoder import hooked
    from pytest_synthgate.features.encoders import resolve_encoder
    from pytest_synthgate.features.store import Store
    from pytest_synthgate.measure import Measurer

    def resolve(name: str, base: Path) -> EncoderSource:
        source = hooked(config.hook.pytest_synthgate_encoder, name)
        start = config.invocation_params.dir if name == options.encoder else base
        return source if source is not None else resolve_encoder(name, start)

    def generate(spec: Spec, prompts: Sequence[Prompt], directory: Path) -> object:
        return config.hook.pytest_synthgate_generate(spec=spec, prompts=prompts, directory=directory)

    return Measurer(
        Store(options.cache),
        progress=not options.quiet,
        resolve=resolve,
        mode=options.generate,
        hook=generate,
        run=getattr(config, "workerinput", {}).get("testrunuid"),
    )


@dataclass(frozen=True, slots=True)
class Measured:
    """Measurements that are made here."""

    measurer: Measurer

    def prepare(self, spec: Spec) -> None:
        """Have both sets listed, made where images are missing, and embedded."""
        self.measurer.sets(spec)

    def measurement(self, spec: Spec) -> Measurement:
        """Measure the spec."""
        return self.measurer.measurement(spec)

    def gated_classes(self, spec: Spec) -> tuple[str, ...]:
        """List the declared classes, or those of the real set."""
        from pytest_synthgate.measure import gated_classes

        return gated_classes(spec, self.measurer)

    def classes(self, spec: Spec) -> tuple[str, ...]:
        """List the declared classes, or those of the real set, if there are any."""
        from pytest_synthgate.measure import known_classes

        return known_classes(spec, self.measurer)

    def images(self, spec: Spec) -> Mapping[str, ImageFiles]:
        """Find the files of both sets."""
        from pytest_synthgate.results.image_files import files_of

        return files_of(spec, self.measurer)

    def redacted(self, spec: Spec) -> bool:
        """Everything has its name."""
        return False


@dataclass(slots=True)
class Stored:
    """Measurements that another run made, in a results file; the real set of a spec may be anywhere now."""

    path: Path
    catalogue: Catalogue
    _results: dict[str, SpecResult] | None = field(default=None)

    def _result(self, spec: Spec) -> SpecResult:
        from pytest_synthgate.results.file import fresh

        return fresh(self.path, self._read(), self.catalogue.as_written(spec))

    def _read(self) -> dict[str, SpecResult]:
        from pytest_synthgate.results.file import read_results

        if self._results is None:
            self._results = read_results(self.path)
        return self._results

    def prepare(self, spec: Spec) -> None:
        """Know that what is stored was made from this spec."""
        self._result(spec)

    def measurement(self, spec: Spec) -> Measurement:
        """Give the stored numbers, if they were made from this spec."""
        return self._result(spec).measurement

    def gated_classes(self, spec: Spec) -> tuple[str, ...]:
        """List the stored classes; stale or missing results fail the items, which have to be there for that."""
        stored = self._read().get(spec.name)
        return (stored.classes or stored.measurement.classes) if stored else ()

    def classes(self, spec: Spec) -> tuple[str, ...]:
        """List the stored classes."""
        return self._result(spec).classes

    def images(self, spec: Spec) -> Mapping[str, ImageFiles]:
        """Say where the pictures were."""
        return self._result(spec).images

    def redacted(self, spec: Spec) -> bool:
        """Tell whether they were redacted when they were stored."""
        return self._result(spec).redacted


@dataclass(frozen=True, slots=True)
class Discreet:
    """Another source, without the names of real images, in what it gives and in its errors."""

    source: Source

    def prepare(self, spec: Spec) -> None:
        """Do what takes time."""
        with discreetly(spec):
            self.source.prepare(spec)

    def measurement(self, spec: Spec) -> Measurement:
        """Give the numbers, with digests for names."""
        from pytest_synthgate.reports.redaction import without_real_names

        with discreetly(spec):
            return without_real_names(self.source.measurement(spec))

    def gated_classes(self, spec: Spec) -> tuple[str, ...]:
        """List the classes, which are no secret."""
        with discreetly(spec):
            return self.source.gated_classes(spec)

    def classes(self, spec: Spec) -> tuple[str, ...]:
        """List the classes, which are no secret."""
        with discreetly(spec):
            return self.source.classes(spec)

    def images(self, spec: Spec) -> Mapping[str, ImageFiles]:
        """Say where the pictures are, for the redaction of a result to leave out."""
        with discreetly(spec):
            return self.source.images(spec)

    def redacted(self, spec: Spec) -> bool:
        """Real images have no names."""
        return True


@contextmanager
def discreetly(spec: Spec) -> Iterator[None]:
    """Keep the names of real images out of errors about a spec.

    Raises:
        SynthgateError: Something did.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 (an error of any kind may name an image)
        from pytest_synthgate.reports.redaction import nameless

        raise nameless(error, spec.real, spec.images) from None
