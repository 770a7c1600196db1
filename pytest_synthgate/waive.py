"""`synthgate waive`: a finding of a results file becomes a waiver in the spec file that it is about.

Beside the flow: takes what the reports wrote, and writes what the next run declares.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from pytest_synthgate.declaring.discovery import find_spec_files
from pytest_synthgate.declaring.specfile import content_of, load_spec_file, read_specs
from pytest_synthgate.errors import ResultsError, SpecError
from pytest_synthgate.results.file import read_results
from pytest_synthgate.scores.finding import Finding
from pytest_synthgate.text.printable import shown, storable, visible
from pytest_synthgate.text.wording import nearest, quoted, where
from pytest_synthgate.waivers import FINDINGS_OF, SCORE_OF, Waiver, as_waiver


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

    Args:
        results: The results file that holds the finding.
        finding_id: Its id; several specs may hold it.
        terms: Reason, owner and day of expiry.
        today: What that day is compared to.
        pair: Whether the image is waived beside this twin alone.
        file: The spec file; searched below the current directory when absent.

    Returns:
        What was done, in one line.

    Raises:
        ResultsError: The results cannot be read, or do not hold the finding.
        SpecError: No one spec file is the right one, or it cannot take the waiver, which leaves it as it is.
    """
    found = _found(results, finding_id)
    target, names = _declaring(found, file, today)
    findings = [found[name] for name in names]
    digests = _pair(finding_id, findings) if pair else {"image": findings[0].digest}
    texts = {key: storable(value) if isinstance(value, str) else value for key, value in terms.items()}
    waiver = append_waiver(target, {**digests, "score": _score(findings[0]), **texts}, today)
    return f"{where(target)} {visible(findings[0].image)} is waived in {waiver.score} until {waiver.expires}"


def append_waiver(file: Path, table: Mapping[str, Any], today: date) -> Waiver:
    """Append a `[[waiver]]` table to a spec file in one step, and leave every other byte of it alone.

    Args:
        file: The spec file, an absolute path; where it is a link, what it leads to is written.
        table: The keys of the waiver.
        today: What its day of expiry is compared to.

    Returns:
        The waiver, as it is read from the file.

    Raises:
        SpecError: The file cannot be read or written, or the waiver is not valid, has expired or is there already.
    """
    waiver = as_waiver(table, today)
    if waiver.expires < today:
        raise SpecError(f"expires = {waiver.expires} is past; give a day from {today} on")
    content = content_of(file)
    for same in read_specs(content, file, today)[0].waivers:
        if same.subject == waiver.subject:
            raise SpecError(f"{where(file)} has that already, the {same.name} until {same.expires}; change its table")
    longer = content + _written(table, content)
    try:
        read_specs(longer, file, today)
    except SpecError:
        raise SpecError(f"{where(file)} holds its waivers in one array; write each as a [[waiver]] table") from None
    _replace(file, longer)
    return waiver


def _found(results: Path, finding_id: str) -> dict[str, Finding]:
    """Find the finding in every spec that has it, by the name of the spec."""
    by_id: dict[str, dict[str, Finding]] = {}
    for name, result in read_results(results).items():
        for each in result.measurement.findings:
            by_id.setdefault(each.id, {})[name] = each
    if finding_id not in by_id:
        near = nearest(finding_id, by_id)
        remedy = f"did you mean {quoted(near)}?" if near else "take an id from its findings"
        raise ResultsError(f"{shown(results)}: no finding {quoted(finding_id)}; {remedy}")
    return by_id[finding_id]


def _declaring(names: Collection[str], file: Path | None, today: date) -> tuple[Path, list[str]]:
    """Find the spec file that declares at least one of the specs, and which of them it does."""
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
    return targets[0], list(declared)


def _score(finding: Finding) -> str:
    if finding.score not in SCORE_OF:
        raise SpecError(
            f"{finding.id} cannot be waived: {finding.score} is no share of images, as {', '.join(FINDINGS_OF)} are"
        )
    return SCORE_OF[finding.score]


def _pair(finding_id: str, findings: Iterable[Finding]) -> dict[str, list[str]]:
    (digest, twin), *others = sorted({(each.digest, each.twin_digest or each.digest) for each in findings})
    if others:
        raise SpecError(f"{finding_id} has another twin in each spec; leave out --pair to waive the image")
    if twin == digest:
        raise SpecError(f"{finding_id} has no twin of other pixels; leave out --pair to waive the image")
    return {"pair": [digest, twin]}


def _written(table: Mapping[str, Any], content: bytes) -> bytes:
    """Write a table as it follows on a content, below an empty line and with the same ends of lines."""
    import tomlkit

    text = "\n" if content.endswith(b"\n") else "\n\n"
    text += tomlkit.dumps({"waiver": [dict(table)]})
    return text.replace("\n", "\r\n" if b"\r\n" in content else "\n").encode()


def _replace(file: Path, content: bytes) -> None:
    """Put a content in the place of a file: a reader sees the old one or the new one, whole."""
    target = file.resolve()
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(content)
        shutil.copymode(target, part)
        part.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise SpecError(f"{where(file)} cannot be written ({error.strerror}); check its rights") from None
