"""A small encoder without torch, small pictures, and a store, for the tests of the features."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pytest_synthgate.device import Hardware
from pytest_synthgate.features.encoder import Encoder, source_of
from pytest_synthgate.features.lazy_encoder import LazyEncoder
from pytest_synthgate.features.store import Store
from pytest_synthgate.images.normalise import Preprocessing
from pytest_synthgate.images.sets import ImageRecord, ImageSet

LONG_AGO = 1_600_000_000


@dataclass
class FlatEncoder:
    """Gives the pixels themselves as the vector, and remembers what it was asked for."""

    name: str = "flat"
    fingerprint: str = "flat 1"
    preprocessing: Preprocessing = field(default_factory=lambda: Preprocessing(size=4))
    dim: int = 48
    batches: list[int] = field(default_factory=list)
    images: int = 0

    def encode(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.batches.append(len(batch))
        self.images += int(batch.any(axis=(1, 2, 3)).sum())
        rows = batch.reshape(len(batch), -1).astype(np.float32) + 1
        unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


def ready(
    encoder: Encoder, store: Store, batch_size: int | None = None, precision: Literal["fp32", "bf16"] = "fp32"
) -> LazyEncoder:
    """Put an encoder to use on the CPU."""
    return LazyEncoder(source_of(encoder), Hardware("cpu", precision), store, batch_size)


@pytest.fixture
def encoder() -> FlatEncoder:
    return FlatEncoder()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


MakeSet = Callable[..., ImageSet]


@pytest.fixture
def make_set(tmp_path: Path) -> MakeSet:
    """Draw `count` different noisy pictures into a folder, last changed long ago, and list them."""

    def make(count: int, *, folder: str = "photos", seed: int = 0) -> ImageSet:
        root = tmp_path / folder
        root.mkdir(exist_ok=True)
        random = np.random.default_rng(seed)
        records = []
        for index in range(count):
            path = root / f"{index:03}.png"
            Image.fromarray(random.integers(1, 256, (6, 5, 3), dtype=np.uint8)).save(path)
            os.utime(path, (LONG_AGO, LONG_AGO))
            records.append(ImageRecord(path.name, path))
        return ImageSet(root, tuple(records))

    return make
