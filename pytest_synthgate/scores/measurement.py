"""All that a comparison of two sets yields, and its JSON form.

Fourth station of the flow (features -> scores -> gate). A measurement knows nothing of limits.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pytest_synthgate.errors import ResultsError
from pytest_synthgate.kinds import KINDS
from pytest_synthgate.scores.contents import Contents
from pytest_synthgate.scores.finding import Finding, Unreadable
from pytest_synthgate.scores.score import Errors, Score, rounded

FORM = 3
"""Raised when a measurement holds more than before, so that a stored one without it is made again."""

ENOUGH = 30
"""Images from which a number can decide anything."""

POOLED = "pooled"
"""The group of all classes with fewer real images than that."""

_LIKE_POOLED = re.compile(rf"(class:)*{POOLED}")

Points: TypeAlias = Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Projection:
    """Places of images in the plane that shows most of what both sets vary in.

    Attributes:
        variance: Share of the variance along each of the two axes, 0 to 1.
        synthetic: Place by image id: first a random sample of the set in random order, then flagged images.
        real: The same for the real set.
    """

    variance: tuple[float, float]
    synthetic: Points
    real: Points

    def to_json(self) -> dict[str, Any]:
        """Give the plain JSON form, the `map` of a spec; places are rounded as a picture needs them."""
        sides = {"synthetic": self.synthetic, "real": self.real}
        points = {
            name: {each: [round(x, 4), round(y, 4)] for each, (x, y) in side.items()} for name, side in sides.items()
        }
        return {"variance": [round(each, 4) for each in self.variance], **points}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Projection:
        """Read the plain JSON form."""
        synthetic, real = ({name: (x, y) for name, (x, y) in raw[side].items()} for side in ("synthetic", "real"))
        first, second = raw["variance"]
        return cls((first, second), synthetic, real)


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

    n_real: int
    n_synthetic: int
    representatives: Mapping[str, int]
    scores: Mapping[str, Score]
    rung: int | None = None
    rungs: Mapping[str, Mapping[str, Score]] = field(default_factory=dict)
    errors: Mapping[str, Mapping[str, Errors]] = field(default_factory=dict)
    yardstick: Mapping[str, Score] = field(default_factory=dict)
    yardstick_rung: int | None = None
    threshold: Mapping[str, Any] = field(default_factory=dict)
    breakdown: Mapping[str, Mapping[str, Mapping[str, Score]]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    projection: Projection | None = None
    contents: Contents | None = None
    audit: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    recorded: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give the plain JSON form, one entry under `specs` of `synthgate.json`."""
        return {
            "n_real": self.n_real,
            "n_synthetic": self.n_synthetic,
            "representatives": dict(self.representatives),
            "unreadable": [
                {"image": each.image, "set": each.image_set, "reason": each.reason} for each in self.unreadable
            ],
            "scores": _scores_to_json(self.scores),
            "rung": self.rung,
            "rungs": {name: _scores_to_json(by_rung) for name, by_rung in self.rungs.items()},
            "errors": {
                name: {rung: each.to_json() for rung, each in by_rung.items()} for name, by_rung in self.errors.items()
            },
            "yardstick": _scores_to_json(self.yardstick),
            "yardstick_rung": self.yardstick_rung,
            "threshold": _rounded_deep(self.threshold),
            "breakdown": {
                axis: {group: _scores_to_json(scores) for group, scores in groups.items()}
                for axis, groups in self.breakdown.items()
            },
            "findings": [finding.to_json() for finding in self.findings],
            "map": None if self.projection is None else self.projection.to_json(),
            "contents": None if self.contents is None else self.contents.to_json(),
            "audit": _rounded_deep(self.audit),
            "fingerprint": dict(self.fingerprint),
            "recorded": dict(self.recorded),
            "warnings": list(self.warnings),
        }

    def to_text(self) -> str:
        """Give the JSON form as text, the same for equal measurements."""
        return json.dumps(self.to_json(), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Measurement:
        """Read the plain JSON form.

        Raises:
            ResultsError: A key of the stable core is missing or has the wrong shape.
        """
        try:
            return cls(
                n_real=int(raw["n_real"]),
                n_synthetic=int(raw["n_synthetic"]),
                representatives=dict(raw.get("representatives", {})),
                scores=_scores_from_json(raw["scores"]),
                rung=raw.get("rung"),
                rungs={name: _scores_from_json(by_rung) for name, by_rung in raw["rungs"].items()},
                errors={
                    name: {rung: Errors.from_json(each) for rung, each in by_rung.items()}
                    for name, by_rung in raw.get("errors", {}).items()
                },
                yardstick=_scores_from_json(raw.get("yardstick", {})),
                yardstick_rung=raw.get("yardstick_rung"),
                threshold=dict(raw.get("threshold", {})),
                breakdown={
                    axis: {group: _scores_from_json(scores) for group, scores in groups.items()}
                    for axis, groups in raw["breakdown"].items()
                },
                findings=tuple(Finding.from_json(each) for each in raw["findings"]),
                unreadable=tuple(
                    Unreadable(each["image"], each.get("set", "synthetic"), each["reason"])
                    for each in raw["unreadable"]
                ),
                projection=Projection.from_json(raw["map"]) if raw.get("map") else None,
                contents=Contents.from_json(raw["contents"]) if raw.get("contents") else None,
                audit=dict(raw["audit"]),
                fingerprint=dict(raw["fingerprint"]),
                recorded=dict(raw.get("recorded", {})),
                warnings=tuple(raw.get("warnings", ())),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ResultsError(f"not a measurement: {type(error).__name__} {error}; measure again") from None

    def score(self, name: str, group: str | None = None) -> Score:
        """Give a score of the whole set, or of a group of its classes; without a value where there is none."""
        if name == "unreadable":
            count = float(len(self.unreadable))
            return Score(count, count, count, self.n_real + self.n_synthetic + int(count))
        if group is None:
            return self.scores.get(name, Score(None))
        return self.breakdown.get("class", {}).get(group, {}).get(name, Score(None))

    def flagged(self, score: str, group: str | None = None) -> list[Finding]:
        """List the findings behind a score, worst first; those of a group of classes where one is named."""
        name = KINDS[score].findings if score in KINDS else score
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
        """Give the ids of all images of the "real" or the "synthetic" set that are spoken of."""
        found = {each.image for each in self.findings if each.image_set == side}
        found |= {each.twin for each in self.findings if each.twin_set == side and each.twin is not None}
        if self.projection is not None:
            found |= set(self.projection.real if side == "real" else self.projection.synthetic)
        return found


def own_group(class_name: str) -> str:
    """Name the group of one class: the class itself, or `class:pooled` for one that is named as all small ones are."""
    return f"class:{class_name}" if _LIKE_POOLED.fullmatch(class_name) else class_name


def grouped(classes: Iterable[str], counts: Mapping[str, int]) -> dict[str, str]:
    """Name the group of each class: its own, or "pooled" with fewer than 30 real images, none included.

    Where no real image has a class, none is small.

    Args:
        classes: Names of classes.
        counts: Real images by class.
    """
    small = {each for each in classes if counts.get(each, 0) < ENOUGH} if counts else set()
    return {each: POOLED if each in small else own_group(each) for each in classes}


def in_order(groups: Iterable[str]) -> tuple[str, ...]:
    """Sort groups of classes, the small ones together last."""
    return tuple(sorted(groups, key=lambda group: (group == POOLED, group)))


def short_fingerprint(fingerprint: Mapping[str, Any]) -> str:
    """Condense a fingerprint to twelve characters; equal for comparable measurements."""
    return hashlib.sha256(json.dumps(dict(fingerprint), sort_keys=True).encode()).hexdigest()[:12]


def _rounded_deep(value: Any) -> Any:
    match value:
        case Mapping():
            return {key: _rounded_deep(each) for key, each in value.items()}
        case list() | tuple():
            return [_rounded_deep(each) for each in value]
        case float():
            return rounded(value)
        case _:
            return value


def _scores_to_json(scores: Mapping[str, Score]) -> dict[str, Any]:
    return {name: score.to_json() for name, score in scores.items()}


def _scores_from_json(raw: Mapping[str, Any]) -> dict[str, Score]:
    return {name: Score.from_json(each) for name, each in raw.items()}
