"""The plugin where it has nothing to do: in a run without spec files, and where nothing changed since the last run."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.promise import Figure, Promise
from benchmarks.sides import cpu_by_turns

BARE = ("env", "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1", sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
"""Without the other plugins that happen to be installed."""
WITH = (*BARE, "-p", "pytest_synthgate.plugin")
TEST = "def test_nothing():\n    pass\n"
CONFTEST = """
class Means:
    name = fingerprint = "means of 8 x 8 patches"
    dim = 192

    @property
    def preprocessing(self):
        from pytest_synthgate.images.normalise import Preprocessing
        return Preprocessing(size=(32, 32))

    def encode(self, batch):
        import numpy as np

        found = batch.reshape(len(batch), 8, 4, 8, 4, 3).mean(axis=(2, 4)).reshape(len(batch), -1) + 1
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)

def pytest_synthgate_encoder(name):
    return Means() if name == "means" else None
"""
SPEC = """
[defaults]
real = "real"
encoder = "means"
[spec.made]
images = "made"
limits.unvaried = 1.0
limits.unoriginal = 1.0
"""


def promises() -> Iterator[Promise]:
    yield Promise("idle", lambda quick: idle(3 if quick else 25))
    yield Promise("unchanged", lambda quick: unchanged(*(100, 1) if quick else (10_000, 5)))


def idle(rounds: int) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_nothing.py").write_text(TEST)
        Path(folder, "empty.py").touch()
        cpu = cpu_by_turns({"without": [*BARE, "-p", "empty"], "with": WITH}, rounds, Path(folder))
    more = 1000 * (cpu["with"] - cpu["without"])
    yield Figure(
        "plugin in a run that does not use it, against an empty plugin",
        "under 5 ms of CPU",
        f"{more:.1f} ms (a run takes {1000 * cpu['without']:.0f})",
        more < 5 if rounds > 10 else None,
    )


def unchanged(images: int, rounds: int) -> Iterator[Figure]:
    """Half of the images are real, half synthetic; the plain run is of one test in the same folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder / "real", images // 2, seed=0)
        draw(folder / "made", images // 2, seed=1)
        (folder / "conftest.py").write_text(CONFTEST)
        (folder / "synth_made.toml").write_text(SPEC)
        (folder / "plain").mkdir()
        (folder / "plain" / "test_nothing.py").write_text(TEST)
        gate = [*WITH, "synth_made.toml"]
        cpu_by_turns({"first": gate}, 2, folder)
        cpu = cpu_by_turns({"again": gate, "bare": [*BARE, "--noconftest", "plain"]}, rounds, folder)
    ratio = cpu["again"] / cpu["bare"]
    yield Figure(
        f"nothing changed since the last run, {images:,} images",
        "under 2 of a bare pytest",
        f"{ratio:.2f} ({cpu['again']:.2f} s against {cpu['bare']:.2f} s)",
        ratio < 2 if images >= 10_000 else None,
    )


def draw(folder: Path, count: int, *, seed: int) -> None:
    folder.mkdir()
    random = np.random.default_rng(seed)
    for number in range(count):
        Image.fromarray(random.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(folder / f"{number:05}.png")
