"""The accepted images measured anew, when what measures them has changed and they have not.

Part of tracking; the one part that measures.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_synthgate.gating.gates import gate
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.tracking.baseline import Baseline, Update, updated
from pytest_synthgate.tracking.provenance import provenance
from pytest_synthgate.waivers import utc_today

if TYPE_CHECKING:
    from pytest_synthgate.measure import Measurer
    from pytest_synthgate.spec import Spec


def remeasured(baseline: Baseline, specs: Iterable[Spec], measurer: Measurer, folder: Path) -> Update:
    """Measure the images of specs again and put the scores in the place of the old ones.

    Args:
        baseline: What was accepted.
        specs: Specs that it has an entry of.
        measurer: What measures them; it should make no images.
        folder: Any folder of the project, for the commit.

    Raises:
        SynthgateError: A spec cannot be measured.
    """
    results, refused = {}, []
    for spec in specs:
        measurement, accepted = measurer.measurement(spec), baseline.entries[spec.name].contents
        now = measurement.contents
        if accepted is None or now is None or accepted.synthetic != now.synthetic:
            refused.append(f"{spec.name}: left as it is, its images are not those that were accepted")
        else:
            results[spec.name] = SpecResult(measurement, tuple(gate(measurement, spec.limits)))
    commit = provenance(folder, os.environ).commit
    date = utc_today().isoformat()
    update = updated(baseline, results, date=date, commit=commit, accept_failing=True)
    return Update(update.baseline, update.changes, tuple(refused))
