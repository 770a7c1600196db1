"""Lightly edited real photos and their features: what the threshold for near-duplicates is checked against.

Third station of the flow (images -> features -> scores). The sample is the photos of the smallest digests, so
that it is the same one whatever the order of the files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pytest_synthgate.features.ahead import ahead
from pytest_synthgate.features.embedding import Embedded
from pytest_synthgate.features.lazy_encoder import LazyEncoder
from pytest_synthgate.images.decode import UnreadableError, decode, pixel_digest, read_bytes
from pytest_synthgate.images.formats import without_pillow_warnings
from pytest_synthgate.images.normalise import prepare, recompressed

_LONGEST_EDGE = 65_500
"""Pixels of the longest edge that a JPEG can have; a longer picture cannot be saved again as one."""

Edit = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True, slots=True)
class EditedFeatures:
    """Features of edited photos.

    Attributes:
        digests: The photos before the edit, sorted; fewer than asked for when some can no longer be read.
        features: Name of the edit -> float32 (len(digests), d), rows of Euclidean length 1.
    """

    digests: tuple[str, ...]
    features: Mapping[str, NDArray[np.float32]]


def cropped(image: Image.Image) -> Image.Image:
    """Keep the middle 95% of each side of a picture."""
    left, top = round(image.width * 0.025), round(image.height * 0.025)
    return image.crop((left, top, image.width - left, image.height - top))


LIGHT_EDITS: Mapping[str, Edit] = {"jpeg 60": partial(recompressed, quality=60), "crop 95%": cropped}
"""The edits of the threshold's check; features are stored under these names, so a changed edit needs a new one."""


@without_pillow_warnings()
def embed_edits(
    embedded: Embedded, model: LazyEncoder, edits: Mapping[str, Edit] = LIGHT_EDITS, *, sample: int = 200
) -> EditedFeatures:
    """Edit a sample of the photos of a set and embed the results, on the road the set itself has taken.

    The store of its encoder knows an edited photo by digest and name of the edit, which includes its parameters.

    Raises:
        EncoderError: The encoder cannot be loaded or used.
        StoreError: The store cannot be used.
    """
    normalise = embedded.fingerprint["normalise"] is not None
    key, store = model.key(normalise), model.store
    photos = _sample(embedded, sample)
    names = {(digest, edit): f"{digest} {edit}" for digest in photos for edit in edits}
    there = store.embedded(names.values(), key)
    lacking = [digest for digest in photos if any(names[digest, edit] not in there for edit in edits)]

    def edited(digest: str) -> dict[str, NDArray[np.uint8]]:
        try:
            image = decode(read_bytes(photos[digest]))
        except UnreadableError:
            return {}
        if pixel_digest(image) != digest or max(image.size) > _LONGEST_EDGE:
            return {}
        wanted = [edit for edit in edits if names[digest, edit] not in there]
        return {
            names[digest, edit]: prepare(edits[edit](image), model.facts.preprocessing, normalise) for edit in wanted
        }

    def prepared() -> Iterator[tuple[str, NDArray[np.uint8]]]:
        for each in ahead(edited, lacking, limit=model.ready):
            yield from each.items()

    model.add_features(key, prepared())
    vectors = store.features(names.values(), key)
    kept = tuple(digest for digest in photos if all(names[digest, edit] in vectors for edit in edits))
    rows = {edit: np.array([vectors[names[each, edit]] for each in kept], dtype=np.float32) for edit in edits}
    return EditedFeatures(kept, {edit: each.reshape(-1, model.facts.dim) for edit, each in rows.items()})


def _sample(embedded: Embedded, count: int) -> dict[str, Path]:
    """Give the smallest digests, sorted, each with one file that shows it."""
    files: dict[str, Path] = {}
    for digest, name in zip(embedded.matrix.digests, embedded.matrix.ids, strict=True):
        path = embedded.records[name].path
        if path is not None and digest not in files and len(files) < count:
            files[digest] = path
    return files
