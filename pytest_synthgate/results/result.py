"""What a run found out about one spec: its measurement, its verdicts, and what a report needs besides.

Sixth station of the flow (gate -> results -> tracking and reports).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pytest_synthgate.errors import ResultsError, SpecError
from pytest_synthgate.files.forms import Form, FreeForm, MisfitError, Truth, told
from pytest_synthgate.gating.verdict import Gate, Verdict, gate_name, gates_on
from pytest_synthgate.kinds import LIMITED
from pytest_synthgate.results.image_files import ImageFiles
from pytest_synthgate.scores.finding import Finding, Unreadable
from pytest_synthgate.scores.measurement import Breakdown, ByRung, Measurement
from pytest_synthgate.spec.limits import Limit, as_limit
from pytest_synthgate.text.wording import meant, quoted


def _limit(raw: object) -> object:
    """Make a limit, which knows what it can be; keys of a later version are left alone."""
    if not isinstance(raw, dict):
        return raw
    try:
        return Limit(**{each.name: raw[each.name] for each in fields(Limit) if each.name in raw})
    except SpecError as error:
        raise ValueError(str(error)) from None


WrittenLimit: TypeAlias = Annotated[
    Limit, told(BeforeValidator={"func": _limit}, PlainSerializer={"func": Limit.to_json})
]


@dataclass(frozen=True, kw_only=True)  # no slots: a class that is written has them from the measurement
class Terms:
    """What a spec was judged on.

    Attributes:
        compare_to: Name of the spec that this one is compared to.
        expected: Reason by score, for gates that are known to fail.
        declared: What was declared about the sets and their measurement, in plain JSON.
        limits: Limit by score, whether it was judged or not.
        classes: The classes that should have images, which a limit per class is applied to.
        strict: Whether the build failed on what stayed undecided.
        redacted: Whether real images have digests for names, and near-copies of them are hidden.
        error: What kept the spec, or one of its gates, from being judged.
    """

    compare_to: str | None = None
    expected: Mapping[str, str] = field(default_factory=dict)
    declared: Mapping[str, Any] = field(default_factory=dict)
    limits: Mapping[str, WrittenLimit] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    strict: Truth = False
    redacted: Truth = False
    error: str | None = None


@dataclass(frozen=True, slots=True)
class SpecResult(Terms):
    """What a run found out about one spec, beside the terms.

    Attributes:
        measurement: The numbers.
        verdicts: What the gates concluded, in the order of the table.
        images: Where the pictures of the "real" and the "synthetic" set are, if they have any.
    """

    measurement: Measurement
    verdicts: tuple[Verdict, ...] = ()
    images: Mapping[str, ImageFiles] = field(default_factory=dict)

    def fails(self, verdict: Verdict) -> bool:
        """Tell whether the build failed on one of the verdicts."""
        return verdict.fails(strict=self.strict) and verdict.score not in self.expected

    def unjudged(self) -> tuple[str, ...]:
        """List the gates that are declared and have no verdict, as when a run was to judge some of them only."""
        classes = self.classes or self.measurement.classes
        names = [gate_name(score, group) for score, group in gates_on(self.limits, classes)]
        judged = {verdict.name for verdict in self.verdicts}
        return tuple(name for name in names if name not in judged)

    def in_table_order(self) -> SpecResult:
        """Sort the verdicts by the order of the scores in the table, then by class."""
        ordered = sorted(self.verdicts, key=lambda each: (LIMITED.index(each.score), each.name))
        return replace(self, verdicts=tuple(ordered))

    def form(self, folder: Path | None = None) -> WrittenResult:
        """Give what the results keep, in which pictures are found from a folder, or by absolute paths without one."""
        return WrittenResult(
            **_taken(Measurement, self.measurement),
            gates={verdict.name: verdict.form for verdict in self.verdicts},
            images={side: files.seen_from(folder) for side, files in self.images.items()},
            **{**_taken(Terms, self), "limits": dict(self.limits)},
        )

    def to_json(self, folder: Path | None = None) -> dict[str, Any]:
        """Give the plain JSON form."""
        return Form(WrittenResult).plain(self.form(folder))

    @classmethod
    def of(cls, form: WrittenResult, folder: Path | None = None) -> SpecResult:
        """Take up what the results keep; the paths of pictures start from a folder.

        Raises:
            ResultsError: A gate has an impossible limit, or is on an unknown score.
        """
        measurement = Measurement(**_taken(Measurement, form))
        place = "limits"
        try:
            for score, limit in form.limits.items():
                as_limit(score, limit)
            place = "gates"
            verdicts = tuple(Verdict.of(name, gate, measurement) for name, gate in form.gates.items())
        except SpecError as error:
            raise ResultsError(f"{place}: {error}") from None
        if unknown := [each.score for each in verdicts if each.score not in LIMITED]:
            raise ResultsError(f"gates: unknown score {quoted(unknown[0])}; {meant(unknown[0], LIMITED)}")
        images = {side: files.found_from(folder) for side, files in form.images.items()}
        return cls(**_taken(Terms, form), measurement=measurement, verdicts=verdicts, images=images)

    @classmethod
    def from_json(cls, raw: object, folder: Path | None = None) -> SpecResult:
        """Read the plain JSON form.

        Raises:
            ResultsError: Something is missing or has the wrong shape.
        """
        try:
            return cls.of(Form(WrittenResult).read(raw), folder)
        except MisfitError as error:
            raise ResultsError(f"no result: {error}; measure again") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenResult(Terms, Measurement):
    """What the results keep of one spec: its measurement, beside it the gates, and all that was declared.

    What is declared here once more is never left out.
    """

    rungs: ByRung
    breakdown: Breakdown
    findings: tuple[Finding, ...]
    unreadable: tuple[Unreadable, ...]
    audit: FreeForm
    fingerprint: Mapping[str, Any]
    gates: Mapping[str, Gate]
    images: Mapping[str, ImageFiles] = field(default_factory=dict)


def _taken(kind: type, source: object) -> dict[str, Any]:
    return {each.name: getattr(source, each.name) for each in fields(kind)}
