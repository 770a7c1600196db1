"""`synthgate copies` and `synthgate cache`: what they print, and how they exit."""

import csv
import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from pytest_synthgate import evaluate
from pytest_synthgate.cli import main
from pytest_synthgate.cli.copies import COLUMNS

from .edited import TWELVE, drawn

CONFTEST = """
import numpy as np

class Tiny:
    name = fingerprint = "tiny"
    dim = 48

    @property
    def preprocessing(self):
        from pytest_synthgate.images.normalise import Preprocessing
        return Preprocessing(size=4)

    def encode(self, batch):
        return batch.reshape(len(batch), -1).astype(np.float32) + 1

def pytest_synthgate_encoder(name):
    return Tiny() if name == "tiny" else None
"""


@pytest.fixture(autouse=True, scope="module")
def loaded() -> None:
    """Import what measuring needs: a run in process forgets what it was the first to import, and NumPy minds that."""
    random = np.random.default_rng(0)
    evaluate(random.normal(size=(60, 8)), random.normal(size=(40, 8)))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("conftest.py").write_text(CONFTEST)
    for folder in ("real", "made"):
        Path(folder).mkdir()
    for number in range(4):
        drawn(number).save(f"real/{number}.png")
    drawn(20).save("made/other.png")
    return tmp_path


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["copies", "real", "made", "--encoder=tiny", *args], catch_exceptions=False)


def copy(edit: str, number: int, name: str) -> None:
    image: Image.Image = TWELVE[edit](drawn(number), np.random.default_rng(0))
    image.save(f"made/{name}")


def test_without_copies_there_is_a_header_and_success() -> None:
    result = run()
    assert (result.stdout, result.exit_code) == (",".join(COLUMNS) + "\n", 0)


def test_copies_are_listed_with_what_speaks_against_them() -> None:
    copy("mirror", 2, "a, b.png")
    result = run()
    (row,) = csv.DictReader(StringIO(result.stdout))
    assert result.exit_code == 1
    assert (row["image"], row["twin"], row["twin_set"], row["by"]) == ("a, b.png", "2.png", "real", "geometry")
    assert row["edit"] == "mirrored"
    assert int(row["inliers"]) > 20
    assert row["digest"].startswith("sha256:")


def test_as_json_they_are_a_list() -> None:
    copy("copy", 1, "same.png")
    result = run("--json")
    (row,) = json.loads(result.stdout)
    assert result.exit_code == 1
    assert tuple(row) == COLUMNS
    assert (row["by"], row["distance"], row["edit"]) == ("exact", 0.0, None)


def test_what_cannot_be_read_is_said() -> None:
    Path("made/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    result = run()
    assert "synthetic broken.png cannot be read: damaged PNG file" in result.stderr
    assert result.exit_code == 0


def test_a_set_that_is_not_there_is_an_error_in_one_line() -> None:
    result = CliRunner().invoke(main, ["copies", "nowhere", "made", "--encoder=tiny"], catch_exceptions=False)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "nowhere" in result.stderr


def test_pruning_says_what_it_freed() -> None:
    copy("mirror", 2, "a.png")
    run()
    prune = CliRunner().invoke(main, ["cache", "prune"], catch_exceptions=False)
    assert prune.stdout.endswith(" MB freed\n")
    assert CliRunner().invoke(main, ["cache", "prune"], catch_exceptions=False).stdout == "nothing to remove\n"
    assert run().exit_code == 1


def test_of_vectors_only_near_ones_are_listed_and_opencv_is_not_asked_for() -> None:
    random = np.random.default_rng(0).normal(size=(90, 8))
    np.save("real.npy", random[:50])
    np.save("made.npy", np.concatenate([random[50:], random[:1]]))
    result = CliRunner().invoke(main, ["copies", "real.npy", "made.npy"], catch_exceptions=False)
    (row,) = csv.DictReader(StringIO(result.stdout))
    assert (row["image"], row["twin"], row["by"], result.stderr) == ("40", "0", "exact", "")
