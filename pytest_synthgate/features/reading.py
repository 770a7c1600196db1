"""From a file to what it shows, by the shortest way: stamp -> content hash -> pixel digest -> features.

Third station of the flow (images -> features -> scores). What the store knows of a file is not found out
again: an unchanged file is not read, one known by content is not decoded, a known picture is not encoded.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pytest_synthgate.features.local import LocalFeatures
from pytest_synthgate.features.points import Wanted
from pytest_synthgate.features.road import DECODER
from pytest_synthgate.features.store import Pixels, Store
from pytest_synthgate.files.stamps import FileStamp
from pytest_synthgate.images.decode import UnreadableError, decode, pixel_digest, read_bytes
from pytest_synthgate.images.normalise import Preprocessing, prepare


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of one file.

    Attributes:
        path: The file.
        pixels: What it decodes to, or why it does not.
        content: sha256 of its bytes; None when they could not be read, or gave no picture for a reason that may pass.
        stamp: Stands for the content from now on; None when it must not be relied on.
        prepared: uint8 (height, width, 3) when the picture has yet to be encoded.
        points: What the check for edited copies compares, when it was asked for and has yet to be stored.
    """

    path: Path
    pixels: Pixels
    content: str | None = None
    stamp: FileStamp | None = None
    prepared: NDArray[np.uint8] | None = None
    points: LocalFeatures | None = None


def known(paths: Sequence[Path], store: Store) -> dict[Path, Pixels]:
    """Give what the store knows of the files that have not changed since they were read."""
    stamps: dict[Path, FileStamp] = {}
    for path in paths:
        try:
            stamps[path] = FileStamp.of(path)
        except (OSError, ValueError):
            continue  # reading it will tell why
    hashes = store.file_hashes(stamps.values())
    pixels = store.pixels(set(hashes.values()), DECODER)
    found = {path: hashes.get(stamp.path) for path, stamp in stamps.items()}
    return {path: pixels[content] for path, content in found.items() if content in pixels}


def read(
    path: Path, store: Store, key: str, preprocessing: Preprocessing, normalise: bool, points: Wanted | None = None
) -> Reading:
    """Read one file, decode it if its content is new, and prepare it if its picture has no features under the key.

    Where `points` are wanted, they are found in the same decoded picture.
    """
    now = time.time_ns()
    try:
        stamp = FileStamp.of(path)
    except (OSError, ValueError):
        stamp = None  # reading it will tell why
    try:
        data = read_bytes(path)
    except UnreadableError as error:
        return Reading(path, Pixels(None, str(error)))
    content = hashlib.sha256(data).hexdigest()
    lasting = stamp if stamp is not None and stamp.settled(now) else None
    pixels = store.pixels([content], DECODER).get(content)
    if pixels is not None and (pixels.digest is None or store.embedded([pixels.digest], key)):
        return Reading(path, pixels, content, lasting)
    try:
        image: Image.Image = decode(data)
        digest = pixel_digest(image)
        new = not store.embedded([digest], key)
        prepared = prepare(image, preprocessing, normalise) if new else None
        found = points.found(image, digest) if points is not None else None
    except UnreadableError as error:
        return Reading(path, Pixels(None, str(error)), content if error.lasting else None, lasting)
    except MemoryError:
        return Reading(path, Pixels(None, "not enough memory to bring it to the encoder's input"))
    return Reading(path, Pixels(digest), content, lasting, prepared, found)


def add_readings(readings: Sequence[Reading], store: Store) -> None:
    """Store what holds for good; a file that this machine could not read now may be readable the next time."""
    store.add_files(
        DECODER,
        [(each.stamp, each.content) for each in readings if each.stamp and each.content],
        {each.content: each.pixels for each in readings if each.content},
    )
