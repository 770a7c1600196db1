"""Real photos may be private: results in which digests stand for their names, and nothing says where they are.

Before every report, so that no report can show what it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.finding import Finding
from pytest_synthgate.scores.measurement import Measurement

REAL = "real"


def redacted(result: SpecResult) -> SpecResult:
    """Take the names of real images, and where they are, out of a result."""
    images = {side: files for side, files in result.images.items() if side != REAL}
    return replace(result, measurement=without_real_names(result.measurement), images=images, redacted=True)


def without_real_names(measurement: Measurement) -> Measurement:
    """Put digests in the place of the names of real images; those whose digest is not known are numbered.

    Args:
        measurement: What was measured; one that has been through here stays as it is.
    """
    digests = _digests(measurement)
    unreadable = [each for each in measurement.unreadable if each.image_set == REAL]
    numbered = {each.image: f"unreadable real image {number}" for number, each in enumerate(unreadable, 1)}
    projection = measurement.projection
    if projection is not None:
        places = enumerate(projection.real.items(), 1)
        real = {digests.get(image, f"real image {number}"): place for number, (image, place) in places}
        projection = replace(projection, real=real)
    return replace(
        measurement,
        findings=tuple(_named(each, digests) for each in measurement.findings),
        unreadable=tuple(
            replace(each, image=numbered[each.image]) if each.image_set == REAL else each
            for each in measurement.unreadable
        ),
        projection=projection,
    )


def _digests(measurement: Measurement) -> dict[str, str]:
    """Find the digest of every real image that a finding speaks of."""
    known = {each.image: each.digest for each in measurement.findings if each.image_set == REAL}
    twins = {
        each.twin: each.twin_digest
        for each in measurement.findings
        if each.twin_set == REAL and each.twin is not None and each.twin_digest is not None
    }
    return {**known, **twins}


def _named(finding: Finding, digests: Mapping[str, str]) -> Finding:
    if finding.image_set == REAL:
        finding = replace(finding, image=digests[finding.image])
    if finding.twin_set == REAL and finding.twin is not None:
        finding = replace(finding, twin=digests.get(finding.twin, "a real image"))
    return finding
