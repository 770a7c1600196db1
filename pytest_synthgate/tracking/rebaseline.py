"""The accepted images measured anew, when what measures them has changed and they have not.

Part of tracking; the one part that measures.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_synthgate.errors import SynthgateError
from pytest_synthgate.gating.difference import same_images
from pytest_synthgate.gating.gates import gates_on
from pytest_synthgate.spec.waivers import utc_today
from pytest_synthgate.text.printable import visible
from pytest_synthgate.tracking.acceptance import Update, entry, told_changes
from pytest_synthgate.tracking.baseline import Baseline
from pytest_synthgate.tracking.provenance import provenance

if TYPE_CHECKING:
    from pytest_synthgate.measure import Measurer
    from pytest_synthgate.scores.measurement import Measurement
    from pytest_synthgate.spec.model import Spec


def remeasured(specs: Iterable[Spec], measurer: Measurer, folder: Path) -> Callable[[Baseline], Update]:
    """Measure the images of specs that the baseline has again; the measurer should make none.

    `folder` is any folder of the project, for the commit.

    Returns:
        What puts the scores in the place of the old ones, as far as the images are those that were accepted.
    """
    found: list[tuple[Spec, Measurement]] = []
    unmeasured = []
    for spec in specs:
        try:
            found.append((spec, measurer.measurement(spec)))
        except SynthgateError as error:
            unmeasured.append(visible(f"{spec.name}: left as it is, {error}"))
    date, commit = utc_today().isoformat(), provenance(folder, os.environ).commit

    def change(baseline: Baseline) -> Update:
        entries, changes, refused = dict(baseline), [], list(unmeasured)
        for spec, measurement in found:
            was, label = entries.get(spec.name), visible(spec.name)
            if was is None or not same_images(measurement, was, "synthetic"):
                refused.append(f"{label}: left as it is, its images are not those that were accepted")
                continue
            gates = gates_on(spec.limits, measurement.classes)
            by_class = [(group, score) for score, group in gates if spec.limits[score].regression is not None]
            entries[spec.name] = entry(measurement, by_class, was, date=date, commit=commit)
            changes += [f"{label}: {each}" for each in told_changes(was, entries[spec.name])]
        return Update(entries, tuple(changes), tuple(refused))

    return change
