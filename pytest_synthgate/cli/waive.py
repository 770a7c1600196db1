"""The work of `synthgate waive`: which finding is meant, which file declares its spec, and what becomes of its score.

At the end of the flow: takes what the reports wrote, and has appended to what the next run declares.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pytest_synthgate.errors import ResultsError, SpecError
from pytest_synthgate.gating.waived import applied
from pytest_synthgate.kinds import WAIVABLE
from pytest_synthgate.results.file import read_results
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.finding import Finding
from pytest_synthgate.scores.score import number
from pytest_synthgate.spec.appending import append_waiver
from pytest_synthgate.spec.discovery import find_spec_files
from pytest_synthgate.spec.files import load_spec_file
from pytest_synthgate.spec.model import Spec
from pytest_synthgate.spec.waivers import Waiver
from pytest_synthgate.text.printable import shown, storable, visible
from pytest_synthgate.text.wording import counted, nearest, quoted, where


def waive(
    results: Path,
    finding_id: str,
    terms: Mapping[str, Any],
    today: date,
    *,
    pair: bool = False,
    file: Path | None = None,
) -> str:
    """Append a waiver of a finding to the spec file that declares its spec.

    The terms are reason, owner and day of expiry; `pair` waives the image beside this twin alone. Where no spec file is
    given, it is searched below the current directory.

    Returns:
        What was done, in one line, and below it what becomes of the score of each spec.

    Raises:
        ResultsError: The results cannot be read, or do not hold the finding.
        SpecError: No one spec file is the right one, it cannot take the waiver, or no gate counts the finding.
    """
    stored = read_results(results)
    found = _found(results, stored, finding_id)
    target, specs = _declaring(found, file, today)
    findings = [found[spec.name] for spec in specs if spec.name in found]
    score = _score(findings[0], [spec for spec in specs if spec.name in found])
    digests = _pair(finding_id, findings) if pair else {"image": findings[0].digest}
    texts = {key: storable(value) if isinstance(value, str) else value for key, value in terms.items()}
    waiver = append_waiver(target, {**digests, "score": score, **texts}, today)
    done = f"{where(target)} {visible(findings[0].image)} is waived in {score} until {waiver.expires}"
    return "\n".join([done, *_effects(waiver, specs, stored, today)])


def _found(results: Path, stored: Mapping[str, SpecResult], finding_id: str) -> dict[str, Finding]:
    """Find the finding in every spec that has it, by the name of the spec."""
    by_id: dict[str, dict[str, Finding]] = {}
    for name, result in stored.items():
        for each in result.measurement.findings:
            same = by_id.setdefault(each.id, {})
            if each.id == finding_id and any(_told(other) != _told(each) for other in same.values()):
                images = " and ".join(sorted(visible(one.image) for one in (*same.values(), each)))
                raise ResultsError(f"{shown(results)}: {quoted(finding_id)} is the id of {images}; measure again")
            same[name] = each
    if finding_id not in by_id:
        near = nearest(finding_id, by_id)
        remedy = f"did you mean {quoted(near)}?" if near else "take an id from its findings"
        raise ResultsError(f"{shown(results)}: no finding {quoted(finding_id)}; {remedy}")
    return by_id[finding_id]


def _told(finding: Finding) -> tuple[str, str, str]:
    return finding.score, finding.digest, finding.image


def _declaring(names: Collection[str], file: Path | None, today: date) -> tuple[Path, list[Spec]]:
    """Find the spec file that declares at least one of the specs, and give all specs of it."""
    files = find_spec_files(Path.cwd()) if file is None else [file]
    specs = [spec for each in files for spec in load_spec_file(each, named=file is not None, today=today)]
    declared = {spec.name: spec.file for spec in specs if spec.name in names}
    targets = sorted({*declared.values()})
    wanted = " or ".join(map(quoted, names))
    if not targets and file is None:
        raise SpecError(f"no spec file below {shown(Path.cwd())} declares {wanted}; name it with --file")
    if not targets:
        raise SpecError(f"{where(specs[0].file)} does not declare {wanted}, where the finding is; name another --file")
    if len(targets) > 1:
        both = " and ".join(where(each).removesuffix(":") for each in targets)
        raise SpecError(f"{both} declare specs with this finding; name one with --file")
    return targets[0], [spec for spec in specs if spec.file == targets[0]]


def _score(finding: Finding, specs: Sequence[Spec]) -> str:
    """Give the score that leaves the finding out, if any of its specs has a gate on it."""
    if finding.score not in WAIVABLE:
        shares = ", ".join(WAIVABLE.values())
        raise SpecError(f"{finding.id} cannot be waived: {finding.score} is no share of images, as {shares} are")
    score = WAIVABLE[finding.score]
    if not any(score in spec.limits and spec.limits[score].counts for spec in specs):
        names = " or ".join(quoted(spec.name) for spec in specs)
        mean = "" if score == finding.score else f"; {finding.score} is a mean, which no waiver changes"
        raise SpecError(
            f"{finding.id} would be left out of {score}, for which {names} has no max or warn; declare one first{mean}"
        )
    return score


def _effects(waiver: Waiver, specs: Iterable[Spec], stored: Mapping[str, SpecResult], today: date) -> Iterator[str]:
    """Say how many findings leave the score of each spec: a copy of the image leaves it with it."""
    for spec in specs:
        if spec.name not in stored or not (limit := spec.limits.get(waiver.score)) or not limit.counts:
            continue
        measurement = stored[spec.name].measurement
        measured = measurement.score(waiver.score)
        before, after = (
            applied(measured, waiver.score, measurement, waivers, today)
            for waivers in (spec.waivers, (*spec.waivers, waiver))
        )
        if count := len(after.left_out) - len(before.left_out):
            values = " -> ".join(number(each.score.value or 0.0) for each in (before, after))
            yield f"  {visible(spec.name)}: {counted(count, 'finding')} left out, {waiver.score} {values}"


def _pair(finding_id: str, findings: Iterable[Finding]) -> dict[str, list[str]]:
    (digest, twin), *others = sorted({(each.digest, each.twin_digest or each.digest) for each in findings})
    if others:
        raise SpecError(f"{finding_id} has another twin in each spec; leave out --pair to waive the image")
    if twin == digest:
        raise SpecError(f"{finding_id} has no twin of other pixels; leave out --pair to waive the image")
    return {"pair": [digest, twin]}
