"""`synthgate.json`: measurements with their verdicts, written whole or not at all, and read with care.

First of the reports; all others are rendered from what stands here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from pytest_synthgate.declaring.wording import differences, meant, quoted, written
from pytest_synthgate.errors import ResultsError, SpecError
from pytest_synthgate.files.replacing import replace_file
from pytest_synthgate.files.schema import violations
from pytest_synthgate.gates import Verdict
from pytest_synthgate.images.names import printable, shown
from pytest_synthgate.limits import GATED_SCORES
from pytest_synthgate.reports.image_files import ImageFiles
from pytest_synthgate.scores.evaluate import REVISION
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.spec import Spec, spec_to_json

SCHEMA = 1
"""Version of the file's stable core."""


@dataclass(frozen=True, slots=True)
class SpecResult:
    """What a run found out about one spec.

    Attributes:
        measurement: The numbers.
        verdicts: What the gates concluded, in the order of the table.
        compare_to: Name of the spec that this one is compared to.
        expected: Reason by score, for gates that are known to fail.
        declared: What was declared about the sets and their measurement, in plain JSON.
        classes: The classes that should have images, which a limit per class is applied to.
        strict: Whether the build failed on what stayed undecided.
        images: Where the pictures of the "real" and the "synthetic" set are, if they have any.
        redacted: Whether real images have digests for names.
        error: What kept the spec, or one of its gates, from being judged.
    """

    measurement: Measurement
    verdicts: tuple[Verdict, ...] = ()
    compare_to: str | None = None
    expected: Mapping[str, str] = field(default_factory=dict)
    declared: Mapping[str, Any] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    strict: bool = False
    images: Mapping[str, ImageFiles] = field(default_factory=dict)
    redacted: bool = False
    error: str | None = None

    def fails(self, verdict: Verdict) -> bool:
        """Tell whether the build failed on one of the verdicts."""
        return verdict.fails(strict=self.strict) and verdict.score not in self.expected

    def in_table_order(self) -> SpecResult:
        """Sort the verdicts by the order of the scores in the table, then by class."""
        ordered = sorted(self.verdicts, key=lambda each: (GATED_SCORES.index(each.score), each.name))
        return replace(self, verdicts=tuple(ordered))

    def to_json(self, folder: Path | None = None) -> dict[str, Any]:
        """Give the plain JSON form, in which pictures are found from a folder, or by absolute paths without one."""
        return {
            **self.measurement.to_json(),
            "gates": {verdict.name: verdict.to_json() for verdict in self.verdicts},
            "compare_to": self.compare_to,
            "expected": dict(self.expected),
            "declared": dict(self.declared),
            "classes": list(self.classes),
            "strict": self.strict,
            "images": {side: files.to_json(folder) for side, files in self.images.items()},
            "redacted": self.redacted,
            "error": self.error,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any], folder: Path | None = None) -> SpecResult:
        """Read the plain JSON form.

        Args:
            raw: What keeps to the schema.
            folder: Where the paths of pictures start from.

        Raises:
            ResultsError: A gate has an impossible limit, or is on an unknown score.
        """
        measurement = Measurement.from_json(raw)
        try:
            verdicts = tuple(Verdict.from_json(name, gate, measurement) for name, gate in raw["gates"].items())
        except SpecError as error:
            raise ResultsError(f"gates: {error}") from None
        if unknown := [each.score for each in verdicts if each.score not in GATED_SCORES]:
            raise ResultsError(f"gates: unknown score {quoted(unknown[0])}; {meant(unknown[0], GATED_SCORES)}")
        expected, declared = dict(raw.get("expected") or {}), dict(raw.get("declared") or {})
        return cls(
            measurement,
            verdicts,
            raw.get("compare_to"),
            expected,
            declared,
            classes=tuple(raw.get("classes") or ()),
            strict=bool(raw.get("strict")),
            images={side: ImageFiles.from_json(files, folder) for side, files in (raw.get("images") or {}).items()},
            redacted=bool(raw.get("redacted")),
            error=raw.get("error"),
        )


def to_document(results: Mapping[str, SpecResult], folder: Path | None = None) -> dict[str, Any]:
    """Give the whole file, which is to lie in a folder, as plain JSON, specs in sorted order."""
    return {
        "schema": SCHEMA,
        "package": metadata.version("pytest-synthgate"),
        "order": list(results),
        "specs": {name: results[name].to_json(folder) for name in sorted(results)},
    }


def write_results(path: Path, results: Mapping[str, SpecResult]) -> None:
    """Write the file in one step: a reader sees the old one or the new one, whole.

    Raises:
        ResultsError: The place cannot be written to.
    """
    text = json.dumps(to_document(results, path.parent), indent=1, ensure_ascii=False, allow_nan=False)
    replace_file(path, f"{text}\n".encode())


def read_results(path: Path) -> dict[str, SpecResult]:
    """Read such a file.

    Raises:
        ResultsError: It is not there, not JSON, of another schema, or incomplete; the text names the file.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"), parse_constant=_finite, parse_float=_finite)
    except OSError as error:
        raise ResultsError(f"{shown(path)}: {error.strerror}; write it with --synth-json={shown(path)}") from None
    except (ValueError, RecursionError) as error:
        raise ResultsError(f"{shown(path)}: not JSON ({error}); write it again") from None
    if not isinstance(raw, dict) or "specs" not in raw:
        raise ResultsError(f"{shown(path)}: not a synthgate results file; write one with --synth-json")
    if raw.get("schema") != SCHEMA:
        schema = written(raw.get("schema"))
        raise ResultsError(f"{shown(path)}: schema {schema}, this version reads {SCHEMA}; measure again")
    if violation := next(violations(raw), None):
        raise ResultsError(f"{shown(path)}: {violation}; write it again")
    found = {}
    for name in dict.fromkeys([*(each for each in raw.get("order", ()) if each in raw["specs"]), *raw["specs"]]):
        try:
            found[name] = SpecResult.from_json(raw["specs"][name], path.parent)
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


def fresh(path: Path, results: Mapping[str, SpecResult], spec: Spec) -> SpecResult:
    """Pick the result of a spec, if it was made from that very spec by this scoring revision.

    Raises:
        ResultsError: It is not there, or stale; the text names what differs.
    """
    again = f"measure again with `synthgate measure {spec.file.name}`"
    if spec.name not in results:
        raise ResultsError(f"{shown(path)}: spec {quoted(spec.name)} is not in it; {again}")
    result, declared = results[spec.name], spec_to_json(spec)
    if not result.measurement.n_synthetic:
        raise ResultsError(f"{shown(path)}: spec {quoted(spec.name)} was not measured; {again}")
    if difference := next(differences(result.declared, declared), None):
        raise ResultsError(f"{shown(path)}: stale for spec {quoted(spec.name)}: {printable(difference)}; {again}")
    if (revision := result.measurement.fingerprint.get("revision")) != REVISION:
        raise ResultsError(
            f"{shown(path)}: stale: scored by revision {revision}, this version scores by {REVISION}; {again}"
        )
    return result
