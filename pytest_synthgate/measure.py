"""One declared spec to one measurement: lists, embeds, scores, and stores what it found.

The line through stations two to four of the flow; notebooks, the command line and the plugin all take it. What does
the work is imported where there is any.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from copy import copy
from dataclasses import dataclass, field, replace
from importlib import metadata
from operator import itemgetter
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
from pytest_synthgate.features.encoder import EncoderSource, LazyEncoder
from pytest_synthgate.features.encoders import resolve_encoder
from pytest_synthgate.features.store import Store
from pytest_synthgate.images.mode import Mode
from pytest_synthgate.images.sets import ImageSet
from pytest_synthgate.scores.measurement import COPY_RULE, FORM, REVISION, Measurement, grouped, in_order, set_digest
from pytest_synthgate.spec.model import Spec

if TYPE_CHECKING:
    from pytest_synthgate.features.embedding import Embedded, Sets
    from pytest_synthgate.images.provide import Hook
    from pytest_synthgate.scores.finding import Finding
    from pytest_synthgate.scores.real import Reference
    from pytest_synthgate.scores.verified import Look

_T = TypeVar("_T")


def gated_classes(spec: Spec, measurer: Measurer) -> tuple[str, ...]:
    """List the classes that a limit per class is applied to.

    Raises:
        SpecError: No classes are known.
    """
    if groups := known_classes(spec, measurer):
        return groups
    raise SpecError(
        f"{spec.where} a limit per class needs classes: declare `classes`, or give a real set with class folders"
    )


def known_classes(spec: Spec, measurer: Measurer) -> tuple[str, ...]:
    """List the classes that are declared, or else those of the real set, whether there are images of them or not.

    Classes with fewer than 30 real images are one, "pooled", which comes last.
    """
    counts = measurer.real(spec).class_counts() if spec.real is not None else {}
    return in_order({*grouped(spec.classes or counts, counts).values()})


@dataclass(slots=True)
class Measurer:
    """Measures the specs of one run; what they share, such as a real set, is prepared once.

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

    def measurement(self, spec: Spec) -> Measurement:
        """Measure a spec, or recall its measurement when neither images nor definitions changed.

        Raises:
            SynthgateError: The spec, its images or its encoder cannot be used.
        """
        return self._once(("measurement", spec.name), lambda: self._recalled(spec))

    def _recalled(self, spec: Spec) -> Measurement:
        sets = self.sets(spec)
        text = self.store.once("measurement", self._key_of(spec, sets), lambda: self._measure(spec, sets).to_text())
        return Measurement.from_json(json.loads(text))

    def _key_of(self, spec: Spec, sets: Sets) -> str:
        """Name a measurement by all that it depends on: both sets, names included, and the definitions."""
        sides = [
            {
                "fingerprint": embedded.fingerprint,
                "precision": embedded.precision,
                "images": sorted(embedded.digests.items(), key=itemgetter(1, 0)),
                "facts": [
                    [each.id, each.class_name, each.prompt, each.seed, sorted(each.axes.items())]
                    for each in embedded.records.values()
                ],
                "unreadable": list(embedded.unreadable.items()),
            }
            for embedded in (sets.real, sets.synthetic)
        ]
        return key_of(definition=spec.definition, copies=self.copy_rule(spec), sides=sides)

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

    def _measure(self, spec: Spec, sets: Sets) -> Measurement:
        from pytest_synthgate.scores.evaluate import Facts, score_sets
        from pytest_synthgate.scores.finding import Origin, Unreadable
        from pytest_synthgate.scores.groups import axes_of

        against, pictures = self._reference(sets.real), sets.real.precision is not None
        rule = self.copy_rule(spec) if pictures else {}
        facts = Facts(
            origins={
                (side, each.id): Origin(each.class_name, each.prompt, each.seed)
                for side, embedded in sets.by_side()
                for each in embedded.records.values()
            },
            unreadable=tuple(
                Unreadable(name, side, reason)
                for side, embedded in sets.by_side()
                for name, reason in embedded.unreadable.items()
            ),
            recognised=self._recognised(spec, sets.real, against.threshold.tau),
            fingerprint={**sets.real.fingerprint, **rule},
            warnings=_blind(spec, rule) if pictures else (),
            recorded={"device": sets.synthetic.device, "precision": sets.synthetic.precision},
        )
        return score_sets(
            against,
            sets.synthetic.matrix,
            definition=spec.definition,
            axes=axes_of(sets.synthetic.records, sets.real.records),
            facts=facts,
            look=self._look(spec, sets) if rule else None,
        )

    def copies(self, spec: Spec) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
        """Find the near-duplicates of a spec and nothing else; also say what a reader of them should know, a line each.

        Raises:
            SynthgateError: The spec, its images or its encoder cannot be used.
        """
        from pytest_synthgate.scores.evaluate import copies_among
        from pytest_synthgate.scores.findings import copy_findings

        sets = self.sets(spec)
        rule = self.copy_rule(spec) if sets.real.precision is not None else {}
        look = self._look(spec, sets) if rule else None
        found = copies_among(self._reference(sets.real), sets.synthetic.matrix, look=look)
        lost = [
            f"{side} {name} cannot be read: {reason}"
            for side, each in sets.by_side()
            for name, reason in each.unreadable.items()
        ]
        findings = copy_findings(sets.synthetic.matrix, sets.real.matrix, found)
        return findings, (*lost, *_blind(spec, rule), *found.verified.warnings())

    def copy_rule(self, spec: Spec) -> dict[str, str]:
        """Name what finds edited copies among pictures; nothing where features alone are compared."""
        if spec.copies == "features" or not installed("cv2"):
            return {}
        other = {} if spec.copy_encoder is None else {"copy_encoder": self.model(_retrieving(spec)).facts.fingerprint}
        return {"copies": COPY_RULE, **other}

    def _look(self, spec: Spec, sets: Sets) -> Look:
        """Look for edited copies among the pictures that the encoder, or another one for this alone, calls nearest."""
        from pytest_synthgate.copies import look

        others = None if spec.copy_encoder is None else lambda: self._both(_retrieving(spec))
        return look(sets, self.store.directory, others, progress=self.progress)

    def _reference(self, real: Embedded) -> Reference:
        from pytest_synthgate.scores.real import reference

        key = key_of(fingerprint=real.fingerprint, precision=real.precision, images=set_digest(real.matrix.digests))

        def once(part: str, work: Callable[[], Any]) -> Any:
            return json.loads(self.store.once("real", f"{key} {part}", lambda: json.dumps(work())))

        return self._once(("reference", id(real)), lambda: reference(real.matrix, once))

    def _recognised(self, spec: Spec, real: Embedded, tau: float) -> dict[str, float]:
        """Share of lightly edited real photos that lie within tau of their original, by edit."""
        import numpy as np

        from pytest_synthgate.features.edits import embed_edits
        from pytest_synthgate.scores.pairs import distances

        if real.precision is None:  # a set of vectors has no pictures to edit
            return {}
        with self.store.lock_for("edits", f"{spec.real} {spec.encoder}"):
            edited = embed_edits(real, self.model(spec))
        row_of = {digest: row for row, digest in enumerate(real.matrix.digests)}
        originals = real.matrix.features[[row_of[digest] for digest in edited.digests]]
        return {
            edit: float(np.mean(distances(originals, features) < tau))
            for edit, features in edited.features.items()
            if len(features)
        }


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


def _retrieving(spec: Spec) -> Spec:
    """Give the spec with the encoder that finds the nearest pictures in place of its own."""
    return replace(spec, encoder=spec.copy_encoder or spec.encoder)


def _blind(spec: Spec, rule: Mapping[str, str]) -> tuple[str, ...]:
    """Say what is lost where edited copies cannot be looked for."""
    if rule or spec.copies == "features":
        return ()
    return (
        "edited copies (cropped, mirrored, filtered) were not looked for: OpenCV is not installed; "
        "pip install opencv-python-headless",
    )


def key_of(**state: Any) -> str:
    """Name what is stored by all that it depends on; what is read back was written by the same version."""
    by = {"package": metadata.version("pytest-synthgate"), "form": FORM, "revision": REVISION}
    return hashlib.sha256(json.dumps({**by, **state}, sort_keys=True).encode()).hexdigest()
