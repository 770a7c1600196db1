"""What a run found out about one spec: its measurement, its verdicts, and what a report needs besides.

Sixth station of the flow (gate -> results -> tracking and reports).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pytest_synthgate.errors import ResultsError, SpecError
from pytest_synthgate.gating.gates import Verdict, gate_name, gates_of
from pytest_synthgate.kinds import LIMITED
from pytest_synthgate.results.image_files import ImageFiles
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.spec.limits import Limit, as_limit
from pytest_synthgate.text.wording import meant, quoted


@dataclass(frozen=True, slots=True)
class SpecResult:
    """What a run found out about one spec.

    Attributes:
        measurement: The numbers.
        verdicts: What the gates concluded, in the order of the table.
        compare_to: Name of the spec that this one is compared to.
        expected: Reason by score, for gates that are known to fail.
        declared: What was declared about the sets and their measurement, in plain JSON.
        limits: Limit by score, whether it was judged or not.
        classes: The classes that should have images, which a limit per class is applied to.
        strict: Whether the build failed on what stayed undecided.
        images: Where the pictures of the "real" and the "synthetic" set are, if they have any.
        redacted: Whether real images have digests for names, and near-copies of them are hidden.
        error: What kept the spec, or one of its gates, from being judged.
    """

    measurement: Measurement
    verdicts: tuple[Verdict, ...] = ()
    compare_to: str | None = None
    expected: Mapping[str, str] = field(default_factory=dict)
    declared: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, Limit] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    strict: bool = False
    images: Mapping[str, ImageFiles] = field(default_factory=dict)
    redacted: bool = False
    error: str | None = None

    def fails(self, verdict: Verdict) -> bool:
        """Tell whether the build failed on one of the verdicts."""
        return verdict.fails(strict=self.strict) and verdict.score not in self.expected

    def unjudged(self) -> tuple[str, ...]:
        """List the gates that are declared and have no verdict, as when a run was to judge some of them only."""
        classes = self.classes or self.measurement.classes
        names = [gate_name(score, group) for score, group in gates_of(self.limits, classes)]
        judged = {verdict.name for verdict in self.verdicts}
        return tuple(name for name in names if name not in judged)

    def in_table_order(self) -> SpecResult:
        """Sort the verdicts by the order of the scores in the table, then by class."""
        ordered = sorted(self.verdicts, key=lambda each: (LIMITED.index(each.score), each.name))
        return replace(self, verdicts=tuple(ordered))

    def to_json(self, folder: Path | None = None) -> dict[str, Any]:
        """Give the plain JSON form, in which pictures are found from a folder, or by absolute paths without one."""
        return {
            **self.measurement.to_json(),
            "gates": {verdict.name: verdict.to_json() for verdict in self.verdicts},
            "compare_to": self.compare_to,
            "expected": dict(self.expected),
            "declared": dict(self.declared),
            "limits": {score: limit.to_json() for score, limit in self.limits.items()},
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
            place = "limits"
            limits = {score: as_limit(score, limit) for score, limit in (raw.get("limits") or {}).items()}
            place = "gates"
            verdicts = tuple(Verdict.from_json(name, gate, measurement) for name, gate in raw["gates"].items())
        except SpecError as error:
            raise ResultsError(f"{place}: {error}") from None
        if unknown := [each.score for each in verdicts if each.score not in LIMITED]:
            raise ResultsError(f"gates: unknown score {quoted(unknown[0])}; {meant(unknown[0], LIMITED)}")
        expected, declared = dict(raw.get("expected") or {}), dict(raw.get("declared") or {})
        return cls(
            measurement,
            verdicts,
            raw.get("compare_to"),
            expected,
            declared,
            limits=limits,
            classes=tuple(raw.get("classes") or ()),
            strict=bool(raw.get("strict")),
            images={side: ImageFiles.from_json(files, folder) for side, files in (raw.get("images") or {}).items()},
            redacted=bool(raw.get("redacted")),
            error=raw.get("error"),
        )
