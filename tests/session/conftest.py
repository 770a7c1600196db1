"""Small projects to run pytest in: vectors that need no encoder, and one store for all of them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

# An in-process run forgets what it was the first to import, and NumPy's friends cannot be imported twice.
from pytest_synthgate import evaluate
from pytest_synthgate.features import embedding
from pytest_synthgate.reports import explain, junit
from pytest_synthgate.session import items, summary

LOADED = (embedding, explain, junit, items, summary)


@pytest.fixture(scope="session")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of vectors: `real`, and sets against it, named for what they are."""
    random = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("vectors")
    real = random.normal(size=(300, 16))
    honest = random.normal(size=(120, 16))
    sets = {
        "real": real,
        "honest": honest,
        "fake": random.normal(size=(120, 16)) + 1.5,
        "few": honest[:12],
        "ten_copies": real[:10],
        "collapsed": np.concatenate([honest[:60], np.repeat(honest[60:64], 15, axis=0)]),
        "doubled": np.repeat(honest[:60], 2, axis=0),
        "copied": np.concatenate([honest[:90], real[:30]]),
    }
    for name, rows in sets.items():
        np.save(folder / f"{name}.npy", rows.astype(np.float32))
    evaluate(real[:60], honest[:60])  # imports what scores need
    return folder


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all runs: each set is measured once."""
    return tmp_path_factory.mktemp("cache")


FLAT_ENCODER = """
import numpy as np
from pytest_synthgate.images.normalise import Preprocessing

class Flat:
    name, fingerprint, preprocessing, dim = "flat", "flat 1", Preprocessing(size=4), 48

    def encode(self, batch):
        rows = batch.reshape(len(batch), -1).astype(np.float32) + 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

def pytest_synthgate_encoder(name):
    return Flat() if name == "flat" else None
"""
_QUIETLY = (
    # The outer run makes errors of all warnings; those of gates are meant to be seen.
    "-Wdefault::pytest_synthgate.errors.SynthgateWarning",
    *("-pno:hypothesispytest", "-pno:anyio", "-pno:pytest_cov"),  # slow to import, once for each run
)


@dataclass(frozen=True, slots=True)
class Project:
    """A project in a folder of its own; `DATA` in a file stands for the folder of vectors."""

    pytester: pytest.Pytester
    data: Path
    cache: Path

    @property
    def path(self) -> Path:
        return self.pytester.path

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("DATA", self.data.as_posix()), encoding="utf-8")
        return path

    def specs(self, *names: str, extra: str = "") -> Path:
        """Declare a spec for each of these sets."""
        specs = "".join(f'[spec.{name}]\nimages = "DATA/{name}.npy"\n' for name in names)
        return self.write("synth_x.toml", f'[defaults]\nreal = "DATA/real.npy"\n{specs}{extra}\n')

    def pictures(self, folder: str, count: int, *, seed: int = 0, suffix: str = ".png") -> list[Path]:
        """Draw noisy pictures, every other one of class a and of class b."""
        random = np.random.default_rng(seed)
        paths = []
        for number in range(count):
            path = self.path / folder / "ab"[number % 2] / f"{number:03}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8)).save(path)
            paths.append(path)
        return paths

    def picture_spec(self, extra: str = "") -> None:
        """Declare a spec of two folders of pictures, and an encoder for it."""
        self.write("conftest.py", FLAT_ENCODER)
        self.write("synth_x.toml", f'[spec.a]\nreal = "real"\nimages = "made"\nencoder = "flat"\n{extra}')

    def run(self, *args: str) -> pytest.RunResult:
        return self.pytester.runpytest_inprocess(f"--synth-cache={self.cache}", *_QUIETLY, *args)

    def run_apart(self, *args: str) -> pytest.RunResult:
        return self.pytester.runpytest_subprocess(f"--synth-cache={self.cache}", *_QUIETLY, *args)


@pytest.fixture
def project(pytester: pytest.Pytester, vectors: Path, shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty project."""
    monkeypatch.setenv("COLUMNS", "200")
    pytester.makeini("[pytest]")
    return Project(pytester, vectors, shared_cache)
