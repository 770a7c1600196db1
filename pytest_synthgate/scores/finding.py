"""Flagged images with the evidence against them, and files that could not be read.

Fourth station of the flow: part of a measurement.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, TypeAlias

from pytest_synthgate.files.forms import Digest, ImageSide, Number, Whole, member, told

FoundBy: TypeAlias = Annotated[str, told(Field={"pattern": "^(exact|features|geometry|chain|classifier)$"})]


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
