"""All that a comparison of two sets yields, and its JSON form.

Fourth station of the flow (features -> scores -> gate). A measurement knows nothing of limits.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeAlias, get_args

from pytest_synthgate.errors import ResultsError, SpecError
from pytest_synthgate.files.forms import Count, Digest, Form, FreeForm, MisfitError, Rung, member, told
from pytest_synthgate.kinds import KINDS, Kind, Side
from pytest_synthgate.scores.finding import Finding, Unreadable
from pytest_synthgate.scores.score import Errors, Score, WrittenScore
from pytest_synthgate.text.wording import meant, written

FORM = 3
"""Raised when a measurement holds more than before, so that a stored one without it is made again."""

REVISION = 2
"""Raised whenever the same features would get other scores."""

COPY_RULE = "geometry 1.1"
"""Names what decides whether a picture is an edited copy: the revisions of its points and of how they are compared."""

ENOUGH = 30
"""Images from which a number can decide anything."""

POOLED = "pooled"
"""The group of all classes with fewer real images than that."""

_LIKE_POOLED = re.compile(rf"(class:)*{POOLED}")

Coordinate: TypeAlias = Annotated[
    float, told(Strict={}, Field={"allow_inf_nan": False}, PlainSerializer={"func": lambda value: round(value, 4)})
]
"""A coordinate of the map, with the digits that a picture needs."""
Points: TypeAlias = Mapping[str, tuple[Coordinate, Coordinate]]
Scores: TypeAlias = Mapping[str, WrittenScore]
ByRung: TypeAlias = Mapping[str, Mapping[Rung, WrittenScore]]
Breakdown: TypeAlias = Mapping[str, Mapping[str, Scores]]


@dataclass(frozen=True, slots=True)
class Projection:
    """Places of images in the plane that shows most of what both sets vary in.

    Attributes:
        variance: Share of the variance along each of the two axes, 0 to 1.
        synthetic: Place by image id: first a random sample of the set in random order, then flagged images.
        real: The same for the real set.
    """

    variance: tuple[Coordinate, Coordinate]
    synthetic: Points
    real: Points


@dataclass(frozen=True, slots=True)
class Contents:
    """What the two sets of a measurement hold, by their digests: whether another one is of the same images.

    Attributes:
        real: Digest of the real set.
        synthetic: Digest of the synthetic set.
    """

    real: Digest
    synthetic: Digest

    @classmethod
    def of(cls, real: Sequence[str], synthetic: Sequence[str]) -> Contents:
        """Take the contents from the content digests of all images, copies as often as they are there."""
        return cls(set_digest(real), set_digest(synthetic))


@dataclass(frozen=True, slots=True)
class Measurement:
    """Everything computed from a real and a synthetic set, independent of any limit.

    Attributes:
        n_real: Readable real images.
        n_synthetic: Readable synthetic images.
        representatives: Images left per set when near-duplicates count once.
        scores: Score by name.
        rung: n0, the images a side that the realism scores were fitted on; None when too few.
        rungs: The realism scores at every rung: `rungs["unrealistic"]["100"]`.
        errors: The standard errors of unrealistic and unrepresentative at every rung, by their cause.
        yardstick: The same scores between two halves of the real set.
        yardstick_rung: The rung that those reached, at most `rung`.
        threshold: tau, what it was derived from, and how it fares on this real set.
        breakdown: Scores by group: `breakdown["class"]["apple"]["unvaried"]`.
        findings: Flagged images, worst first within each score.
        unreadable: Files of both sets that could not be decoded.
        projection: Both sets in two dimensions, for the map; None where it was not drawn.
        contents: What the sets hold, by digest; None where that is not known.
        audit: What the files alone give away (empty until measured).
        fingerprint: All that makes two measurements comparable.
        recorded: What it was made with, and what comparisons do not look at: device, precision, library versions.
        warnings: What a reader of the numbers should know, one line each.
    """

    n_real: Count
    n_synthetic: Count
    representatives: Annotated[Mapping[str, Count], member(default_factory=dict)]
    scores: Scores
    rung: Count | None = None
    rungs: ByRung = field(default_factory=dict)
    errors: Mapping[str, Mapping[Rung, Errors]] = field(default_factory=dict)
    yardstick: Scores = field(default_factory=dict)
    yardstick_rung: Count | None = None
    threshold: FreeForm = field(default_factory=dict)
    breakdown: Breakdown = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    projection: Annotated[Projection | None, member(alias="map")] = None
    contents: Contents | None = None
    audit: FreeForm = field(default_factory=dict)
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    recorded: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give the plain JSON form."""
        return Form(Measurement).plain(self)

    def to_text(self) -> str:
        """Give the JSON form as text, the same for equal measurements."""
        return json.dumps(self.to_json(), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, raw: object) -> Measurement:
        """Read the plain JSON form.

        Raises:
            ResultsError: Something is missing or has the wrong shape.
        """
        try:
            return Form(Measurement).read(raw)
        except MisfitError as error:
            raise ResultsError(f"not a measurement: {error}; measure again") from None

    def score(self, name: str, group: str | None = None) -> Score:
        """Give a score of the whole set, or of a group of its classes; without a value where there is none."""
        if _kind(name).source == "files":
            count = float(len(self.unreadable))
            return Score(count, count, count, self.n_real + self.n_synthetic + int(count))
        if group is None:
            return self.scores.get(name, Score(None))
        return self.breakdown.get("class", {}).get(group, {}).get(name, Score(None))

    def flagged(self, score: str, group: str | None = None) -> list[Finding]:
        """List the findings behind a score, worst first; those of a group of classes where one is named."""
        name = _kind(score).findings
        found = [each for each in self.findings if each.score == name]
        return found if group is None else [each for each in found if self.group_of(each.class_name) == group]

    def group_of(self, class_name: str | None) -> str | None:
        """Name the group of a class: its own, or that of all small ones together; None without a class."""
        if not class_name:
            return None
        own = own_group(class_name)
        return own if own in self.breakdown.get("class", {}) else POOLED

    @property
    def classes(self) -> tuple[str, ...]:
        """The groups of classes that have scores of their own, the small ones together last."""
        return in_order(self.breakdown.get("class", {}))

    def images_of(self, side: str) -> set[str]:
        """Give the ids of all images of the "real" or the "synthetic" set that are spoken of.

        Raises:
            SpecError: There is no such set.
        """
        if side not in get_args(Side):
            raise SpecError(f"unknown set {written(side)}; {meant(side, get_args(Side))}")
        found = {each.image for each in self.findings if each.image_set == side}
        found |= {each.twin for each in self.findings if each.twin_set == side and each.twin is not None}
        if self.projection is not None:
            found |= set(self.projection.real if side == "real" else self.projection.synthetic)
        return found


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise SpecError(f"unknown score {written(name)}; {meant(name, KINDS)}")
    return KINDS[name]


def own_group(class_name: str) -> str:
    """Name the group of one class: the class itself, or `class:pooled` for one that is named as all small ones are."""
    return f"class:{class_name}" if _LIKE_POOLED.fullmatch(class_name) else class_name


def grouped(classes: Iterable[str], counts: Mapping[str, int]) -> dict[str, str]:
    """Name the group of each class: its own, or "pooled" with fewer than 30 real images, none included.

    Where no real image has a class, none is small. `counts` are the real images of each class.
    """
    small = {each for each in classes if counts.get(each, 0) < ENOUGH} if counts else set()
    return {each: POOLED if each in small else own_group(each) for each in classes}


def in_order(groups: Iterable[str]) -> tuple[str, ...]:
    """Sort groups of classes, the small ones together last."""
    return tuple(sorted(groups, key=lambda group: (group == POOLED, group)))


def set_digest(digests: Iterable[str]) -> str:
    """Digest a set from the content digests of all images, copies as often as they are there, in any order."""
    return "sha256:" + hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def short_fingerprint(fingerprint: Mapping[str, Any]) -> str:
    """Condense a fingerprint to twelve characters; equal for comparable measurements."""
    return hashlib.sha256(json.dumps(dict(fingerprint), sort_keys=True).encode()).hexdigest()[:12]
