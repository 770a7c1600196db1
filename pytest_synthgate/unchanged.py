"""Whether anything changed since a spec was measured; where nothing did, the result that it had.

In front of measuring, and light: finding out that nothing is to be done takes a look at the entries of two folders, and
no image is listed, let alone opened.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from pytest_synthgate.errors import SynthgateError
from pytest_synthgate.features.road import DECODER
from pytest_synthgate.files.forms import Form
from pytest_synthgate.files.stamps import spelt
from pytest_synthgate.files.trusted import taken
from pytest_synthgate.images.tree import tree_of
from pytest_synthgate.measure import key_of
from pytest_synthgate.results.image_files import ImageFiles
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.spec.model import spec_to_json

if TYPE_CHECKING:
    from pytest_synthgate.measure import Measurer
    from pytest_synthgate.spec.model import Spec

_KIND = "unchanged"


@dataclass(frozen=True, slots=True)
class State:
    """All that the result of a spec depends on, before it is measured.

    Attributes:
        key: Equal while none of it changes.
        settled: Whether the files have been at rest long enough for it to stand for what they hold.
    """

    key: str
    settled: bool


@dataclass(slots=True)
class Unchanged:
    """What is remembered of the specs of one run.

    Only folders of image files are, from which the images and all that is said of them come: of a table, of vectors
    and of what a generator makes, more has to be asked than the names of files.

    Attributes:
        measurer: What measures them, whose store remembers.
    """

    measurer: Measurer
    _found: dict[str, SpecResult | None] = field(default_factory=dict)
    _states: dict[str, State | None] = field(default_factory=dict)

    def result(self, spec: Spec) -> SpecResult | None:
        """Give the result that a spec had when all that it depends on was as it is; None where it is to be measured."""
        if spec.name not in self._found:
            state = self._states[spec.name] = self._state(spec)
            text = None if state is None else self.measurer.store.note(_KIND, state.key)
            self._found[spec.name] = None if text is None else self._from_text(text)
        return self._found[spec.name]

    def remember(self, spec: Spec, result: SpecResult) -> None:
        """Remember the result of a spec that was measured now, unless something changed meanwhile or may have."""
        before = self._states.get(spec.name)
        if before is None or not before.settled or not self._is_lasting(spec) or self._state(spec) != before:
            return
        sets = self.measurer.real(spec), self.measurer.synthetic(spec)
        remembered = {
            "measurement": result.measurement.to_json(),
            "classes": result.classes,
            "images": {side: Form(ImageFiles).plain(files) for side, files in result.images.items()},
            "notes": [note for images in sets for note in images.notes],
        }
        self.measurer.store.add_note(_KIND, before.key, json.dumps(remembered))

    def _state(self, spec: Spec) -> State | None:
        """Name all that the result of a spec depends on; None where that takes more than a look at two folders."""
        if spec.real is None or spec.images is None or not (spec.real.is_dir() and spec.images.is_dir()):
            return None
        now, folders = time.time_ns(), (spec.real, spec.images)
        trees = [tree for tree in map(tree_of, folders) if tree is not None]
        try:
            model, rule = self.measurer.model(spec), self.measurer.copy_rule(spec)
        except SynthgateError:  # which measuring will tell
            return None
        if len(trees) < len(folders):
            return None
        key = key_of(
            decoder=DECODER,
            spec=spec_to_json(spec),
            folders=[spelt(folder) for folder in folders],
            trees=[tree.digest for tree in trees],
            road=model.road(spec.normalise),
            hardware=asdict(model.hardware),
            copies=rule,
        )
        return State(key, all(tree.settled(now) for tree in trees))

    def _is_lasting(self, spec: Spec) -> bool:
        """Tell whether all that was found out about the files of a spec is in the store, so that none is read again."""
        from pytest_synthgate.features.reading import known

        sets = self.measurer.real(spec), self.measurer.synthetic(spec)
        paths = {record.path for images in sets for record in images.records if record.path is not None}
        return all(images.contained for images in sets) and len(known([*paths], self.measurer.store)) == len(paths)

    def _from_text(self, text: str) -> SpecResult:
        remembered = json.loads(text)
        self.measurer.tell(remembered["notes"])
        return SpecResult(
            taken(Measurement, remembered["measurement"]),
            classes=tuple(remembered["classes"]),
            images={side: ImageFiles.of_references(**files) for side, files in remembered["images"].items()},
        )
