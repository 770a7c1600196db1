"""The seed of an image, its name and its place: all follow from its prompt and its index alone.

Second station of the flow (spec -> images), below `plan`. Hence neither the order of prompts, nor their number,
nor batches, shards and interruptions change the image behind an index.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

from pytest_synthgate.spec.prompts import Prompt
from pytest_synthgate.text.printable import printable

_ODD = 0x9E3779B97F4A7C15
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_LONGEST_SLUG = 40


def image_seed(base: int, prompt: str, index: int) -> int:
    """Derive the seed of one image, 63 bits, from the base seed, the prompt and the index.

    A torch generator on the CPU reads the low 32 bits of its seed only, where hashes would meet by chance: one
    pair among 992 images of a prompt in every 9,000 sets, which would look like a repetition of the model. So
    only the start is a hash, and the images of a prompt step on from it by an odd number: no two of them share
    their low 32 bits.
    """
    start = hashlib.sha256(json.dumps([base, prompt]).encode()).digest()[:8]
    return (int.from_bytes(start) + index * _ODD) % 2**63


def image_name(prompt: str, index: int) -> str:
    """Name the file of one image, `a-photo-of-an-apple-3f2a1b0c9d8e/00007.png`, safe on every file system.

    Only the digest in it tells prompts apart; the words are for people.
    """
    slug = _NOT_IN_NAMES.sub("-", prompt.lower()).strip("-")[:_LONGEST_SLUG].strip("-")
    digest = hashlib.sha256(prompt.encode()).hexdigest()[:12]
    return f"{slug}-{digest}/{index:05d}.png" if slug else f"{digest}/{index:05d}.png"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One image that a spec asks for.

    Attributes:
        prompt: What it is made from.
        index: Its number among the images of the prompt, from 0.
        seed: What its noise is made from.
        file: Its path below the plan's directory, with `/`.
    """

    prompt: Prompt
    index: int
    seed: int
    file: str

    @property
    def id(self) -> str:
        """Its name in the set: `apple/a-photo-of-an-apple-3f2a1b0c9d8e/00007.png`."""
        class_name = self.prompt.class_name
        return self.file if class_name is None else f"{printable(class_name).replace('/', '_')}/{self.file}"
