"""One declared spec to one measurement: its two embedded sets are scored, and what was found is stored.

The line through stations two to four of the flow; notebooks, the command line and the plugin all take it. What does
the work is imported where there is any.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from pytest_synthgate.errors import SpecError
from pytest_synthgate.prepare import Preparer, retrieving
from pytest_synthgate.scores.measurement import FORM, REVISION, Measurement, grouped, in_order, set_digest
from pytest_synthgate.spec.model import Spec

if TYPE_CHECKING:
    from pytest_synthgate.features.embedding import Embedded, Sets
    from pytest_synthgate.scores.finding import Finding
    from pytest_synthgate.scores.real import Reference
    from pytest_synthgate.scores.verified import Look


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
class Measurer(Preparer):
    """Measures the specs of one run; what they share, such as a real set, is prepared once."""

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
        return key_of(definition=spec.definition, copies=self._rule(spec, sets), sides=sides)

    def _measure(self, spec: Spec, sets: Sets) -> Measurement:
        from pytest_synthgate.scores.evaluate import Facts, score_sets
        from pytest_synthgate.scores.finding import Origin, Unreadable
        from pytest_synthgate.scores.groups import axes_of

        against, rule = self._reference(sets.real), self._rule(spec, sets)
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
            warnings=_blind(spec, sets, rule),
            recorded={"device": sets.synthetic.device, "precision": sets.synthetic.precision},
        )
        return score_sets(
            against,
            sets.synthetic.matrix,
            definition=spec.definition,
            axes=axes_of(sets.synthetic.records, sets.real.records),
            facts=facts,
            look=self._look(spec, sets),
        )

    def copies(self, spec: Spec) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
        """Find the near-duplicates of a spec and nothing else; also say what a reader of them should know, a line each.

        Raises:
            SynthgateError: The spec, its images or its encoder cannot be used.
        """
        from pytest_synthgate.scores.evaluate import copies_among
        from pytest_synthgate.scores.findings import copy_findings

        sets = self.sets(spec)
        found = copies_among(self._reference(sets.real), sets.synthetic.matrix, look=self._look(spec, sets))
        lost = [
            f"{side} {name} cannot be read: {reason}"
            for side, each in sets.by_side()
            for name, reason in each.unreadable.items()
        ]
        findings = copy_findings(sets.synthetic.matrix, sets.real.matrix, found)
        return findings, (*lost, *_blind(spec, sets, self._rule(spec, sets)), *found.verified.warnings())

    def _rule(self, spec: Spec, sets: Sets) -> dict[str, str]:
        """Name what finds edited copies; nothing where they are not looked for, as among vectors."""
        return {} if _are_vectors(sets) else self.copy_rule(spec)

    def _look(self, spec: Spec, sets: Sets) -> Look | None:
        """Look for edited copies among the pictures that the encoder, or another one for this alone, calls nearest."""
        if not self._rule(spec, sets):
            return None
        from pytest_synthgate.copies import look

        others = None if spec.copy_encoder is None else lambda: self._both(retrieving(spec))
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


def _are_vectors(sets: Sets) -> bool:
    return sets.real.precision is None


def _blind(spec: Spec, sets: Sets, rule: Mapping[str, str]) -> tuple[str, ...]:
    """Say what is lost where edited copies cannot be looked for."""
    if rule or spec.copies == "features" or _are_vectors(sets):
        return ()
    return (
        "edited copies (cropped, mirrored, filtered) were not looked for: OpenCV is not installed; "
        "pip install opencv-python-headless",
    )


def key_of(**state: Any) -> str:
    """Name what is stored by all that it depends on; what is read back was written by the same version."""
    by = {"package": metadata.version("pytest-synthgate"), "form": FORM, "revision": REVISION}
    return hashlib.sha256(json.dumps({**by, **state}, sort_keys=True).encode()).hexdigest()
