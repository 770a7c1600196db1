"""A set of images -> its features: looked up where they are known, computed where not.

Third station of the flow (images -> features -> scores). Every finished batch is in the store before the
next is begun, so that a killed run loses one batch; what comes out is read back from the store, so that a
first run and all later ones see the same numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pytest_synthgate.errors import NothingReadableError, require
from pytest_synthgate.features.ahead import ahead
from pytest_synthgate.features.lazy_encoder import LazyEncoder
from pytest_synthgate.features.matrix import FeatureMatrix, feature_matrix
from pytest_synthgate.features.points import Wanted
from pytest_synthgate.features.reading import Reading, add_readings, known, read
from pytest_synthgate.features.store import Pixels, Store
from pytest_synthgate.images.formats import without_pillow_warnings
from pytest_synthgate.images.sets import ImageRecord, ImageSet
from pytest_synthgate.text.printable import visible

_NOTE_EVERY = 256
_NO_FILE = Pixels(None, "the set names no file for it")


@dataclass(frozen=True)
class Embedded:
    """A set with its features, which come from the store when they are first asked for: it has to be open then.

    Attributes:
        digests: Content digest by id, of all images that could be read.
        load: Gives their features.
        unreadable: Why each of the others has none, by id.
        records: id -> record, for all of them.
        fingerprint: All that makes two matrices comparable, in plain JSON types.
        precision: What the features were computed in, and by what if not by torch; None for a set of vectors.
        device: What computes them here; None for a set of vectors.
    """

    digests: Mapping[str, str]
    load: Callable[[], FeatureMatrix]
    unreadable: Mapping[str, str]
    records: Mapping[str, ImageRecord]
    fingerprint: Mapping[str, Any]
    precision: str | None
    device: str | None = None

    @classmethod
    def of(cls, matrix: FeatureMatrix, *about: Any) -> Embedded:
        """Take features that are in memory, and what is known about the set: all other attributes, in order."""
        return cls(dict(zip(matrix.ids, matrix.digests, strict=True)), lambda: matrix, *about)

    @cached_property
    def matrix(self) -> FeatureMatrix:
        """Features of all images that could be read."""
        return self.load()


@dataclass(frozen=True, slots=True)
class Sets:
    """Both sets of one spec, embedded."""

    real: Embedded
    synthetic: Embedded

    def by_side(self) -> tuple[tuple[str, Embedded], ...]:
        """Give both under their names."""
        return ("synthetic", self.synthetic), ("real", self.real)


def require_readable(place: str, sets: Sets) -> None:
    """Refuse sets of which one holds files and none that can be read; the error begins with the place of the spec.

    Raises:
        NothingReadableError: There is such a set.
    """
    empty = {side: of.unreadable for side, of in sets.by_side() if of.unreadable and not of.digests}
    if empty:
        unreadable = tuple((name, side, reason) for side, files in empty.items() for name, reason in files.items())
        told = "; ".join(
            f"none of the {len(files):,} files of the {side} set can be read: {_why(files)}"
            for side, files in empty.items()
        )
        raise NothingReadableError(f"{place} {told}", unreadable)


def _why(unreadable: Mapping[str, str], most: int = 3) -> str:
    """Say why files cannot be read, the commonest reasons first, each with a file."""
    examples = {reason: name for name, reason in sorted(unreadable.items(), reverse=True)}
    counts = Counter(unreadable.values()).most_common(most)
    told = [f"{count:,} {reason} (such as {visible(examples[reason])})" for reason, count in counts]
    return ", ".join(told) + (", ..." if len(examples) > most else "")


def taken(images: ImageSet, vectors: ArrayLike) -> Embedded:
    """Take the vectors that come with a set for its features, as they are.

    Raises:
        SourceError: They are no features.
    """
    matrix = feature_matrix(vectors, [record.id for record in images.records], name=str(images.root))
    return Embedded.of(matrix, {}, _by_id(images), {"vectors": matrix.features.shape[1]}, None)


@without_pillow_warnings()
def embed(
    images: ImageSet,
    model: LazyEncoder,
    *,
    normalise: bool = True,
    progress: bool = True,
    points: Wanted | None = None,
) -> Embedded:
    """Give every readable image of a set its vector, from the store or from the model, which adds it there.

    Args:
        images: The set.
        model: The encoder.
        normalise: Whether the pixels take the JPEG round trip of `prepare`.
        progress: Whether to show a bar on a terminal.
        points: The points that are wanted of the same pictures, where those are decoded.

    Raises:
        EncoderError: The encoder cannot be loaded or used.
        StoreError: The store cannot be used.
    """
    records, store = _by_id(images), model.store
    key = model.key(normalise)
    paths = [record.path for record in records.values() if record.path is not None]
    pixels = known(paths, store)
    work = partial(
        read, store=store, key=key, preprocessing=model.facts.preprocessing, normalise=normalise, points=points
    )
    # Once, but for files that change meanwhile: another file may then have to stand in for the same picture.
    while lacking := _lacking(paths, pixels, store, key):
        readings = _shown(ahead(work, lacking, limit=model.ready), len(lacking), progress)
        model.add_features(key, _prepared(readings, pixels, store, points))
    found = {name: pixels[record.path] if record.path else _NO_FILE for name, record in records.items()}
    digests = {name: each.digest for name, each in found.items() if each.digest}

    def stored() -> FeatureMatrix:
        ids, marks = tuple(digests), tuple(digests.values())
        return feature_matrix(store.matrix(marks, key, model.facts.dim), ids, marks, name=str(images.root))

    return Embedded(
        digests=digests,
        load=stored,
        unreadable={name: each.reason or "" for name, each in found.items() if not each.digest},
        records=records,
        fingerprint=model.road(normalise),
        precision=model.hardware.arithmetic,
        device=model.hardware.device,
    )


def _by_id(images: ImageSet) -> dict[str, ImageRecord]:
    return {record.id: record for record in sorted(images.records, key=lambda record: record.id)}


def _lacking(paths: Sequence[Path], pixels: Mapping[Path, Pixels], store: Store, key: str) -> list[Path]:
    """Pick the files that must be read: all unknown ones, and of each known picture without features, one."""
    seen = store.embedded({each.digest for each in pixels.values() if each.digest}, key)
    picked: list[Path] = []
    for path in dict.fromkeys(paths):
        each = pixels.get(path)
        if each is None:
            picked.append(path)
        elif each.digest is not None and each.digest not in seen:
            seen.add(each.digest)
            picked.append(path)
    return picked


def _prepared(
    readings: Iterator[Reading], pixels: dict[Path, Pixels], store: Store, points: Wanted | None
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Note what was read, in `pixels` and now and then in the store, and pass on what is to be encoded."""
    noted: list[Reading] = []
    for reading in readings:
        pixels[reading.path] = reading.pixels
        noted.append(replace(reading, prepared=None))
        if reading.prepared is not None and reading.pixels.digest is not None:
            yield reading.pixels.digest, reading.prepared
        if len(noted) >= _NOTE_EVERY:
            _note(noted, store, points)
            noted = []
    _note(noted, store, points)


def _note(readings: Sequence[Reading], store: Store, points: Wanted | None) -> None:
    """Store what was read, and the points that were found in it."""
    add_readings(readings, store)
    found = {each.pixels.digest: each.points for each in readings if each.pixels.digest and each.points is not None}
    if points is not None and found:
        points.store.add_points(found)


def _shown(readings: Iterator[Reading], total: int, progress: bool) -> Iterator[Reading]:
    require("embedding images", "measure", "tqdm")
    from tqdm import tqdm

    # None: shown on a terminal only.
    with tqdm(readings, "decoding and embedding", total, unit="image", disable=None if progress else True) as bar:
        yield from bar
