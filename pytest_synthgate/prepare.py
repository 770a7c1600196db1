"""The two sets of a declared spec: listed, made where images are missing, and embedded, once a run.

The line through stations two and three of the flow, in front of measuring. What does the work is imported where there
is any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_synthgate.device import choose_hardware
from pytest_synthgate.errors import (
    EncoderError,
    MissingExtraError,
    SourceError,
    SpecError,
    SynthgateError,
    in_a_line,
    installed,
)
from pytest_synthgate.features.encoder import EncoderSource
from pytest_synthgate.features.encoders import resolve_encoder
from pytest_synthgate.features.lazy_encoder import LazyEncoder
from pytest_synthgate.features.store import Store
from pytest_synthgate.images.mode import Mode
from pytest_synthgate.images.sets import ImageSet
from pytest_synthgate.scores.measurement import COPY_RULE
from pytest_synthgate.spec.model import Spec

if TYPE_CHECKING:
    from pytest_synthgate.features.embedding import Embedded, Sets
    from pytest_synthgate.images.provide import Hook

_T = TypeVar("_T")


@dataclass(slots=True)
class Preparer:
    """Prepares the sets of the specs of one run; what they share, such as a real set, once.

    Attributes:
        store: Where features and measurements are kept.
        progress: Whether long work shows a bar.
        resolve: Finds an encoder by its name and the folder that relative paths in it start from.
        mode: What to do about images that are missing.
        hook: Generator that is asked before diffusers is.
        run: What the processes of one run have in common, so that one of them makes images again for all.
        notes: What a user should know about the listing and the making of images, a line each.
    """

    store: Store
    progress: bool = True
    resolve: Callable[[str, Path], EncoderSource] = resolve_encoder
    mode: Mode = "auto"
    hook: Hook | None = None
    run: str | None = None
    notes: list[str] = field(default_factory=list)
    _done: dict[object, Any] = field(default_factory=dict)
    _failed: dict[object, Exception] = field(default_factory=dict)

    def _once(self, what: object, work: Callable[[], _T]) -> _T:
        """Do work once a run: what failed after an hour, or cost money, is not tried again for every gate."""
        if what in self._failed:
            raise _bare(self._failed[what])
        if what not in self._done:
            try:
                self._done[what] = work()
            except Exception as error:
                self._failed[what] = _bare(error)
                raise
        done: _T = self._done[what]
        return done

    def real(self, spec: Spec) -> ImageSet:
        """List the real set of a spec without reading an image.

        Raises:
            SpecError: The spec does not say where it is.
            SourceError: Nothing usable is there.
        """
        if spec.real is None:
            raise SpecError(f'{spec.where} no real set; give `real = "FOLDER"`')
        from pytest_synthgate.images.sources import open_set

        folder = spec.real
        return self._once(("real", folder), lambda: self._told(open_set(folder, side="real")))

    def synthetic(self, spec: Spec) -> ImageSet:
        """List the synthetic set of a spec; images that are missing are made, if that is allowed.

        Raises:
            SynthgateError: There is none and none can be made.
        """
        return self._once(("synthetic", spec.name), lambda: self._provided(spec))

    def _provided(self, spec: Spec) -> ImageSet:
        from pytest_synthgate.images.provide import provide

        if spec.images is None:  # a generator needs the memory
            for each in self._done.values():
                if isinstance(each, LazyEncoder):
                    each.let_go()
        return self._told(
            provide(
                spec,
                self.store.directory,
                mode=self.mode,
                hook=self.hook,
                progress=self.progress,
                run=self.run,
                notes=self.store,
            )
        )

    def _told(self, images: ImageSet) -> ImageSet:
        self.tell(images.notes)
        return images

    def tell(self, notes: Iterable[str]) -> None:
        """Tell what is not told yet about a set: two specs may be about one folder."""
        self.notes += [note for note in notes if note not in self.notes]

    def sets(self, spec: Spec) -> Sets:
        """Embed both sets of a spec, or recall them; one process at a time does the work.

        Raises:
            NothingReadableError: A set holds files, and none of them can be read.
            SynthgateError: The spec, its images or its encoder cannot be used.
        """
        return self._once(("sets", spec.name), lambda: self._both(spec))

    def _both(self, spec: Spec) -> Sets:
        from pytest_synthgate.features.embedding import Sets, require_readable

        real, synthetic = self.real(spec), self.synthetic(spec)
        _same_kind(spec, real, synthetic)
        sets = Sets(self._embed(spec, real), self._embed(spec, synthetic))
        require_readable(spec.where, sets)
        return sets

    def _embed(self, spec: Spec, images: ImageSet) -> Embedded:
        from pytest_synthgate.features.embedding import taken

        if (vectors := images.vectors) is not None:
            return self._once(id(images), lambda: taken(images, vectors))
        model = self.model(spec)
        return self._once((id(images), id(model), spec.normalise), lambda: self._embedded(spec, images, model))

    def _embedded(self, spec: Spec, images: ImageSet, model: LazyEncoder) -> Embedded:
        from pytest_synthgate.features.embedding import embed
        from pytest_synthgate.features.points import Points, Wanted

        work = f"{images.root} {model.name} {model.hardware} {spec.normalise}"
        made = images is not self.real(spec)
        try:
            with (
                self.store.lock_for("embed", work),
                Points(self.store.directory) if self.copy_rule(spec) else nullcontext() as points,
            ):
                wanted = None if points is None else Wanted(points, mirrored=made)
                return embed(images, model, normalise=spec.normalise, progress=self.progress, points=wanted)
        except (EncoderError, MissingExtraError) as error:
            self._failed[_model_of(spec)] = _bare(error)
            raise

    def model(self, spec: Spec) -> LazyEncoder:
        """Find the encoder of a spec, which is loaded once for all that name the same.

        Raises:
            SynthgateError: There is no such encoder, or it cannot be loaded and nothing is known of it.
        """

        def found() -> LazyEncoder:
            source = self.resolve(spec.encoder, spec.file.parent)
            hardware = choose_hardware(spec.device, spec.precision, self.store)
            return LazyEncoder(source, hardware, self.store, spec.batch_size)

        return self._once(_model_of(spec), found)

    def copy_rule(self, spec: Spec) -> dict[str, str]:
        """Name what finds edited copies among pictures; nothing where features alone are compared."""
        if spec.copies == "features" or not installed("cv2"):
            return {}
        other = {} if spec.copy_encoder is None else {"copy_encoder": self.model(retrieving(spec)).facts.fingerprint}
        return {"copies": COPY_RULE, **other}


def retrieving(spec: Spec) -> Spec:
    """Give the spec with the encoder that finds the nearest pictures in place of its own."""
    return replace(spec, encoder=spec.copy_encoder or spec.encoder)


def _bare(error: Exception) -> Exception:
    """Copy an error without its traceback, which would keep every frame and its arrays."""
    try:
        return copy(error)
    except Exception:  # noqa: BLE001 (of what a library raises, not all can be copied)
        return SynthgateError(in_a_line(error))


def _model_of(spec: Spec) -> object:
    """Name an encoder on its hardware; a path in its name starts from the folder of the spec file."""
    return spec.encoder, spec.file.parent, spec.device, spec.precision, spec.batch_size


def _same_kind(spec: Spec, real: ImageSet, synthetic: ImageSet) -> None:
    kinds = ["pictures" if images.vectors is None else "vectors" for images in (real, synthetic)]
    if kinds[0] != kinds[1]:
        raise SourceError(
            f"{spec.where} the real set holds {kinds[0]} and the synthetic set {kinds[1]}; "
            "give both as pictures, or both as vectors of one encoder"
        )
