"""The plugin where it has little to do: in a run without spec files, where nothing changed, and with one image more."""

from __future__ import annotations

import json
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
GATE = (*WITH, "synth_made.toml")
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
OF_THE_REAL_SET = ("searches of the real set", "yardsticks", "edited photos")
COUNTING = f"""
import atexit, json

import pytest_synthgate.features.edits as edits
import pytest_synthgate.scores.evaluate as evaluate
import pytest_synthgate.scores.real as real

DONE = dict.fromkeys({("forward passes", "queries", "fits of all rungs", *OF_THE_REAL_SET)!r}, 0)

def count(place, work, what):
    does = getattr(place, work)

    def counted(*args, **options):
        DONE[what] += 1
        return does(*args, **options)

    setattr(place, work, counted)

count(Means, "encode", "forward passes")
count(evaluate, "near_duplicates", "queries")
count(evaluate, "realism", "fits of all rungs")
count(real, "_prepared", "searches of the real set")
count(real.Reference, "_yardstick", "yardsticks")
count(edits, "decode", "edited photos")

@atexit.register
def tell():
    with open("done.json", "w") as stream:
        json.dump(DONE, stream)
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
    yield Promise("one-more", lambda quick: one_more(*(60, 40, 1) if quick else (2_000, 1_000, 3)))
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
        folder = project(Path(name), images // 2, images // 2)
        (folder / "plain").mkdir()
        (folder / "plain" / "test_nothing.py").write_text(TEST)
        cpu_by_turns({"first": GATE}, 2, folder)
        cpu = cpu_by_turns({"again": GATE, "bare": [*BARE, "--noconftest", "plain"]}, rounds, folder)
    ratio = cpu["again"] / cpu["bare"]
    yield Figure(
        f"nothing changed since the last run, {images:,} images",
        "under 2 of a bare pytest",
        f"{ratio:.2f} ({cpu['again']:.2f} s against {cpu['bare']:.2f} s)",
        ratio < 2 if images >= 10_000 else None,
    )


def one_more(real: int, synthetic: int, rounds: int) -> Iterator[Figure]:
    """Each round adds an image to the synthetic set and runs; what the last one does is counted, not what it costs."""
    with tempfile.TemporaryDirectory() as name:
        folder = project(Path(name), real, synthetic)
        first = cpu_by_turns({"first": GATE}, 1, folder)["first"]
        costs = []
        for number in range(rounds):
            draw(folder / "made", 1, seed=2 + number, start=synthetic + number)
            costs.append(cpu_by_turns({"more": GATE}, 1, folder)["more"])
        draw(folder / "made", 1, seed=2 + rounds, start=synthetic + rounds)
        (folder / "conftest.py").write_text(CONFTEST + COUNTING)
        cpu_by_turns({"counted": GATE}, 1, folder)
        done = json.loads((folder / "done.json").read_text())
    what = f"one more synthetic image, {real:,} + {synthetic:,}"
    again = sum(done[each] for each in OF_THE_REAL_SET)
    yield Figure(
        f"{what}: what is done anew",
        "one forward pass, one query, one refit, nothing of the real set",
        ", ".join(f"{count} {name}" for name, count in done.items()),
        done["forward passes"] == 1 and done["fits of all rungs"] == 1 and not again,
    )
    yield Figure(f"{what}: CPU", "less than the first run", f"{min(costs):.1f} s (the first run: {first:.1f} s)", None)


def project(folder: Path, real: int, synthetic: int) -> Path:
    draw(folder / "real", real, seed=0)
    draw(folder / "made", synthetic, seed=1)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "synth_made.toml").write_text(SPEC)
    return folder


def draw(folder: Path, count: int, *, seed: int, start: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(seed)
    for number in range(start, start + count):
        Image.fromarray(random.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(folder / f"{number:05}.png")
