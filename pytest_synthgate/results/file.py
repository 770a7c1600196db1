"""`synthgate.json`: measurements with their verdicts, written whole or not at all, and read with care.

Every report is rendered from what stands here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from pytest_synthgate.errors import ResultsError
from pytest_synthgate.files.forms import Form, MisfitError, laid_out
from pytest_synthgate.files.replacing import replace_file
from pytest_synthgate.files.texts import decoded
from pytest_synthgate.results.result import SpecResult, WrittenResult
from pytest_synthgate.scores.measurement import REVISION
from pytest_synthgate.spec.model import Spec
from pytest_synthgate.text.printable import printable, shown
from pytest_synthgate.text.wording import differences, quoted, written

_SCHEMA: Literal[1] = 1
"""Version of the file's stable core."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultsFile:
    """What stands in the file; more keys may be added, these stay.

    Attributes:
        schema: Version of the stable core.
        package: Version of pytest-synthgate that wrote it.
        order: Names of the specs as they were declared, which is their order in reports.
        specs: Result by spec name.
    """

    schema: Literal[1]
    package: str
    order: tuple[str, ...] = ()
    specs: Mapping[str, WrittenResult]


def to_document(results: Mapping[str, SpecResult], folder: Path | None = None) -> dict[str, Any]:
    """Give the whole file, which is to lie in a folder, as plain JSON, specs in sorted order."""
    specs = {name: results[name].form(folder) for name in sorted(results)}
    return Form(ResultsFile).plain(
        ResultsFile(schema=_SCHEMA, package=metadata.version("pytest-synthgate"), order=tuple(results), specs=specs)
    )


def write_results(path: Path, results: Mapping[str, SpecResult]) -> None:
    """Write the file in one step: a reader sees the old one or the new one, whole.

    Raises:
        ResultsError: The place cannot be written to.
    """
    replace_file(path, f"{laid_out(to_document(results, path.parent))}\n".encode())


def read_results(path: Path) -> dict[str, SpecResult]:
    """Read such a file.

    Raises:
        ResultsError: It is not there, not JSON, of another schema, or incomplete; the text names the file.
    """
    try:
        raw = json.loads(decoded(path.read_bytes()), parse_constant=_finite, parse_float=_finite)
    except OSError as error:
        raise ResultsError(f"{shown(path)}: {error.strerror}; write it with --synth-json={shown(path)}") from None
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"{shown(path)}: not JSON ({error}); write it again") from None
    if not isinstance(raw, dict) or "specs" not in raw:
        raise ResultsError(f"{shown(path)}: not a synthgate results file; write one with --synth-json")
    if raw.get("schema") != _SCHEMA:
        schema = written(raw.get("schema"))
        raise ResultsError(f"{shown(path)}: schema {schema}, this version reads {_SCHEMA}; measure again")
    if raw.keys() == {"schema", "specs"}:
        raise ResultsError(f"{shown(path)}: this is a baseline; give a file of --synth-json or `synthgate measure`")
    try:
        document = Form(ResultsFile).read(raw)
    except MisfitError as error:
        raise ResultsError(f"{shown(path)}: {error}; write it again") from None
    found = {}
    for name in dict.fromkeys([*(each for each in document.order if each in document.specs), *document.specs]):
        try:
            found[name] = SpecResult.of(document.specs[name], path.parent)
        except ResultsError as error:
            raise ResultsError(f"{shown(path)}: spec {quoted(name)}: {error}") from None
    return found


def read_all(paths: Sequence[Path]) -> dict[str, SpecResult]:
    """Read several such files as one, such as those of the shards of a CI matrix.

    Raises:
        ResultsError: One cannot be read, or two hold the same spec.
    """
    found: dict[str, SpecResult] = {}
    origin: dict[str, Path] = {}
    for path in paths:
        for name, result in read_results(path).items():
            if name in found:
                raise ResultsError(
                    f"{shown(path)}: spec {quoted(name)} is in {shown(origin[name])} too; "
                    "give each spec once, or a report for each file"
                )
            found[name], origin[name] = result, path
    return found


def _finite(text: str) -> float:
    """Read a number; the infinities and NaN that Python accepts are no JSON."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no finite number")
    return value


def fresh(path: Path, results: Mapping[str, SpecResult], spec: Spec, declared: Mapping[str, Any]) -> SpecResult:
    """Pick the result of a spec, if it was made from that very spec by this scoring revision.

    `declared` is what `spec_to_json` gave for it, before anything overrode where the real set is.

    Raises:
        ResultsError: It is not there, or stale; the text names what differs.
    """
    again = f"measure again with `synthgate measure {spec.file.name}`"
    if spec.name not in results:
        raise ResultsError(f"{shown(path)}: spec {quoted(spec.name)} is not in it; {again}")
    result = results[spec.name]
    if not result.measurement.n_synthetic:
        raise ResultsError(f"{shown(path)}: spec {quoted(spec.name)} was not measured; {again}")
    if result.redacted:  # where the real set is was left out
        declared = {key: value for key, value in declared.items() if key != "real"}
    if difference := next(differences(result.declared, declared), None):
        raise ResultsError(f"{shown(path)}: stale for spec {quoted(spec.name)}: {printable(difference)}; {again}")
    if (revision := result.measurement.fingerprint.get("revision")) != REVISION:
        raise ResultsError(
            f"{shown(path)}: stale: scored by revision {revision}, this version scores by {REVISION}; {again}"
        )
    return result
