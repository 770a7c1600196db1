"""Real photos may be private: results in which digests stand for their names, and nothing says where they are.

Before every report, so that no report can show what it does not know: not the photos, and not their copies in the
synthetic set either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pytest_synthgate.errors import SourceError, SynthgateError
from pytest_synthgate.reports.evidence import is_copy, within_its_set
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.finding import Finding
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.text.printable import shown

REAL = "real"
_UNTOLD = "could not be judged; why is left out, for it may name real images"


def redacted(result: SpecResult) -> SpecResult:
    """Take the names of real images, where they are, and the way to their copies out of a result, once and for all.

    A synthetic image that is a near-copy of a private photo is that photo: no report may show it.
    """
    copies = _copies(result.measurement.findings)
    images = {side: files.without(copies) for side, files in result.images.items() if side != REAL}
    declared = {key: value for key, value in result.declared.items() if key != REAL}
    return replace(
        result,
        measurement=without_real_names(result.measurement),
        images=images,
        declared=declared,
        redacted=True,
        error=result.error if result.redacted else result.error and _UNTOLD,
    )


def _copies(findings: Sequence[Finding]) -> set[str]:
    """List the synthetic images that are near-copies of real ones, or of such a near-copy."""
    made = [each for each in findings if each.image_set != REAL]
    copied = [each for each in made if is_copy(each) and not within_its_set(each)]
    images = {each.image for each in copied}
    digests = {each.digest for each in copied}
    joint = {each.joint_cluster for each in copied} - {None}
    own = {each.cluster for each in copied} - {None}
    return {
        each.image
        for each in made
        if each.image in images or each.digest in digests or each.joint_cluster in joint or each.cluster in own
    }


def nameless(error: Exception, real: Path | None, synthetic: Path | None) -> SynthgateError:
    """Keep the kind of an error and a remedy, where its text may name images of the real set; others stay as they are.

    The synthetic set is None where it is generated.
    """
    if isinstance(error, SynthgateError) and not _may_name(error, real, synthetic):
        return error
    described = isinstance(error, SynthgateError) and type(error).__doc__
    kind = described.partition("\n")[0].rstrip(".") if described else f"an unexpected {type(error).__name__}"
    remedy = "run without --synth-redact-real, where nobody else reads it, to see which and why"
    return SynthgateError(f"{kind[:1].lower()}{kind[1:]}; {remedy}")


def _may_name(error: SynthgateError, real: Path | None, synthetic: Path | None) -> bool:
    text = str(error)
    if real is not None and shown(real) in text:
        return True
    if not isinstance(error, SourceError):
        return "`real`" in text  # the key of a spec file, with what it says
    if synthetic is None or (real is not None and real.is_relative_to(synthetic)):
        return True
    return not text.startswith(tuple(f"{shown(synthetic)}{end}" for end in ("/", ":", ",")))


def without_real_names(measurement: Measurement) -> Measurement:
    """Put digests in the place of the names of real images, once and for all; where none is known, numbers."""
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
        finding = replace(finding, image=digests[finding.image], prompt=None, seed=None, id="")
    if finding.twin_set == REAL and finding.twin is not None:
        finding = replace(finding, twin=digests.get(finding.twin, "a real image"))
    return finding
