"""Flagged images with the evidence against them, and files that could not be read.

Fourth station of the flow: part of a measurement.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pytest_synthgate.scores.score import rounded


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
    """

    image: str
    digest: str
    image_set: str
    score: str
    by: str
    value: float
    twin: str | None = None
    twin_set: str | None = None
    twin_digest: str | None = None
    cluster: int | None = None
    joint_cluster: int | None = None
    class_name: str | None = None
    prompt: str | None = None
    seed: int | None = None

    @property
    def id(self) -> str:
        """Short name of the finding, the same in every run that makes it."""
        mark = hashlib.sha256("\0".join((self.score, self.digest, self.image)).encode("utf-8", "surrogatepass"))
        return f"{self.score}-{mark.hexdigest()[:8]}"

    def to_json(self) -> dict[str, Any]:
        """Give the plain JSON form."""
        return {
            "id": self.id,
            "digest": self.digest,
            "image": self.image,
            "set": self.image_set,
            "score": self.score,
            "by": self.by,
            "value": rounded(self.value),
            "twin": self.twin,
            "twin_set": self.twin_set,
            "twin_digest": self.twin_digest,
            "cluster": self.cluster,
            "joint_cluster": self.joint_cluster,
            "class": self.class_name,
            "prompt": self.prompt,
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Finding:
        """Read the plain JSON form."""
        return cls(
            image=raw["image"],
            digest=raw["digest"],
            image_set=raw.get("set", "synthetic"),
            score=raw["score"],
            by=raw["by"],
            value=raw["value"],
            twin=raw.get("twin"),
            twin_set=raw.get("twin_set"),
            twin_digest=raw.get("twin_digest"),
            cluster=raw.get("cluster"),
            joint_cluster=raw.get("joint_cluster"),
            class_name=raw.get("class"),
            prompt=raw.get("prompt"),
            seed=raw.get("seed"),
        )


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
    image_set: str
    reason: str
