"""Flagged images with the evidence against them, and files that could not be read.

Fourth station of the flow: part of a measurement.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, TypeAlias

from pytest_synthgate.files.forms import Count, Digest, ImageSide, Number, Whole, member, told

FoundBy: TypeAlias = Annotated[str, told(Field={"pattern": "^(exact|features|geometry|chain|classifier)$"})]


WHOLE = "whole"
"""The edit of a picture that shows all of its twin, upright."""
Place: TypeAlias = tuple[Number, Number]
"""x and y as shares of width and height."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """How a flagged picture lies on its twin.

    Attributes:
        inliers: Points of both that agree on it.
        agreement: Correlation of the pictures where they overlap, -1 to 1.
        edit: What was done to the twin, in words.
        frame: Corners of the flagged picture on its twin, clockwise in the picture from its upper left one.
    """

    inliers: Count
    agreement: Number
    edit: str
    frame: tuple[Place, Place, Place, Place]


@dataclass(frozen=True, slots=True)
class Finding:
    """One flagged image with the evidence against it.

    Attributes:
        image: Id of the image in its set.
        digest: Its content digest.
        image_set: "synthetic" or "real".
        score: The score it counts in.
        by: What found it: "exact", "features", "geometry", "chain" (near-copies in between) or "classifier".
        value: Cosine distance to the twin, or the probability the classifier gave its true label.
        twin: Id of the image it resembles most.
        twin_set: "synthetic" or "real", where the twin lives.
        twin_digest: Content digest of the twin.
        cluster: Number of its near-duplicate cluster within its set.
        joint_cluster: Number of its near-duplicate cluster across both sets, for near-duplicates.
        class_name: The class of the image, if it has one.
        prompt: The prompt it was made from, if known.
        seed: The seed it was made from, if known.
        geometry: How it lies on its twin, where that is what found it.
        id: Short name, the same in every run that makes it; given by score, digest and image where it is not known.
    """

    image: str
    digest: Digest
    image_set: Annotated[ImageSide, member(alias="set", default="synthetic")]
    score: str
    by: FoundBy
    value: Number
    twin: str | None = None
    twin_set: ImageSide | None = None
    twin_digest: Digest | None = None
    cluster: Whole | None = None
    joint_cluster: Whole | None = None
    class_name: Annotated[str | None, member(alias="class")] = None
    prompt: str | None = None
    seed: Whole | None = None
    geometry: Geometry | None = None
    id: str = ""

    def __post_init__(self) -> None:
        """Name the finding; one that is read keeps the name that it was given."""
        if not self.id:
            told = "\0".join((self.score, self.digest, self.image)).encode("utf-8", "surrogatepass")
            object.__setattr__(self, "id", f"{self.score}-{hashlib.sha256(told).hexdigest()[:16]}")


@dataclass(frozen=True, slots=True)
class Origin:
    """What a source knows of an image: its class, and the prompt and the seed it was made from."""

    class_name: str | None = None
    prompt: str | None = None
    seed: int | None = None


def with_origins(findings: Iterable[Finding], origins: Mapping[tuple[str, str], Origin]) -> tuple[Finding, ...]:
    """Add class, prompt and seed to findings, by the set and the id of their image."""
    nowhere = Origin()
    found = ((each, origins.get((each.image_set, each.image), nowhere)) for each in findings)
    return tuple(replace(each, class_name=of.class_name, prompt=of.prompt, seed=of.seed) for each, of in found)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """One file that could not be decoded.

    Attributes:
        image: Id of the image in its set.
        image_set: "synthetic" or "real".
        reason: Why, in a few words.
    """

    image: str
    image_set: Annotated[ImageSide, member(alias="set", default="synthetic")]
    reason: str
