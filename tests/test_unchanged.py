"""Results that are recalled where nothing changed, and are not where anything did, or may have."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pytest_synthgate.catalogue import Settings
from pytest_synthgate.features.store import Store
from pytest_synthgate.project import Project
from pytest_synthgate.results.result import SpecResult

from .flat import Flat

SPEC = "[spec.a]\nreal = 'real'\nimages = 'made'\nencoder = 'flat'\n"
LONG_AGO = 1_600_000_000


class Other(Flat):
    fingerprint = "flat 2"


def draw(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path.with_suffix(".bmp"))  # of one size, whatever it shows
    settle(path.with_suffix(".bmp"))


def settle(path: Path, seconds: int = LONG_AGO) -> None:
    os.utime(path, (seconds, seconds))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for side, count in (("real", 34), ("made", 31)):
        for number in range(count):
            draw(tmp_path / side / "apple" / f"{number:03}", 1000 * (side == "real") + number)
    (tmp_path / "synth_x.toml").write_text(SPEC)
    return tmp_path


def run(folder: Path, encoder: type[Flat] = Flat) -> tuple[SpecResult, list[str]]:
    """Give the result of a run, and what it told."""
    settings = Settings(root=folder, progress=False)
    with Project(settings, lambda name: encoder()) as project:
        (spec,) = project.catalogue.load_all()
        project.prepare(spec)
        return project.result(spec), project.notes()


def is_recalled(folder: Path, encoder: type[Flat] = Flat) -> bool:
    """Tell whether a run finds that nothing changed."""
    with Project(Settings(root=folder, progress=False), lambda name: encoder()) as project:
        (spec,) = project.catalogue.load_all()
        return project._unchanged.result(spec) is not None


def test_what_did_not_change_is_neither_listed_nor_looked_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "made" / "notes.heic").write_text("no picture")
    settle(folder / "made" / "notes.heic")
    first, told = run(folder)
    assert first.measurement.n_synthetic == 31
    assert any("formats that are not read here" in line for line in told)
    monkeypatch.setattr("pytest_synthgate.images.sources.open_set", None)
    monkeypatch.setattr(Store, "file_hashes", None)
    assert run(folder) == (first, told)


def rewrite(folder: Path) -> None:
    path = folder / "made" / "apple" / "000.bmp"
    size = path.stat().st_size
    draw(path, seed=99)
    settle(path, LONG_AGO + 1)
    assert path.stat().st_size == size


def declare(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "synth_x.toml").write_text(SPEC + text)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file rewritten in its place": rewrite,
    "an image less": lambda folder: (folder / "made" / "apple" / "000.bmp").unlink(),
    "a real image more": lambda folder: draw(folder / "real" / "apple" / "999", seed=98),
    "another class": lambda folder: (folder / "real" / "apple").rename(folder / "real" / "pear"),
    "another definition": declare("definition = 'studio'"),
    "another road": declare("normalise = false"),
    "another precision": declare("precision = 'bf16'"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_changed_is_measured_anew(folder: Path, change: Callable[[Path], object]) -> None:
    run(folder)
    assert is_recalled(folder)
    change(folder)
    assert not is_recalled(folder)
    found, _ = run(folder)
    assert found.measurement.n_synthetic == len([*(folder / "made").rglob("*.bmp")])
    assert is_recalled(folder)


def test_a_changed_limit_measures_nothing_anew(folder: Path) -> None:
    run(folder)
    declare("limits.unvaried = 0.5\nxfail = { unvaried = 'known' }")(folder)
    assert is_recalled(folder)


def test_another_encoder_of_the_same_name_measures_anew(folder: Path) -> None:
    run(folder)
    assert not is_recalled(folder, Other)


@pytest.mark.parametrize("name", ["measure.FORM", "measure.REVISION", "unchanged.DECODER"])
def test_what_another_version_remembered_is_not_taken(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run(folder)
    monkeypatch.setattr(f"pytest_synthgate.{name}", 99)
    assert not is_recalled(folder)


def test_another_version_of_the_package_measures_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(folder)
    monkeypatch.setattr("pytest_synthgate.measure.metadata.version", lambda name: "99")
    assert not is_recalled(folder)


def test_files_written_a_moment_ago_may_change_unseen_and_are_not_remembered(folder: Path) -> None:
    (folder / "made" / "apple" / "000.bmp").touch()
    run(folder)
    assert not is_recalled(folder)


def test_what_changes_while_it_is_measured_is_not_remembered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encode = Flat.encode

    def meanwhile(self: Flat, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        settle(folder / "real" / "apple" / "000.bmp", LONG_AGO + 5)
        return encode(self, batch)

    monkeypatch.setattr(Flat, "encode", meanwhile)
    run(folder)
    settle(folder / "real" / "apple" / "000.bmp")
    assert not is_recalled(folder)


def test_a_file_that_may_be_readable_the_next_time_is_tried_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNTHGATE_MAX_PIXELS", "36")
    Image.new("RGB", (7, 7)).save(folder / "made" / "large.png")
    settle(folder / "made" / "large.png")
    assert len(run(folder)[0].measurement.unreadable) == 1
    assert not is_recalled(folder)
    monkeypatch.delenv("SYNTHGATE_MAX_PIXELS")
    assert run(folder)[0].measurement.unreadable == ()


def test_a_file_that_is_damaged_for_good_is_remembered(folder: Path) -> None:
    path = folder / "made" / "broken.png"
    Image.new("RGB", (9, 9)).save(path)
    path.write_bytes(path.read_bytes()[:-30])
    settle(path)
    assert [each.image for each in run(folder)[0].measurement.unreadable] == ["broken.png"]
    assert is_recalled(folder)
    assert [each.image for each in run(folder)[0].measurement.unreadable] == ["broken.png"]


def test_an_export_is_listed_every_time_for_its_labels_may_lie_beside_it(folder: Path) -> None:
    (folder / "made" / "apple").rename(folder / "made" / "images")
    (folder / "made" / "classes.txt").write_text("apple")
    settle(folder / "made" / "classes.txt")
    run(folder)
    assert not is_recalled(folder)


def test_vectors_are_looked_at_every_time(tmp_path: Path) -> None:
    for seed, name in enumerate(("real", "made")):
        np.save(tmp_path / f"{name}.npy", np.random.default_rng(seed).normal(size=(40, 8)))
    (tmp_path / "synth_x.toml").write_text("[spec.a]\nreal = 'real.npy'\nimages = 'made.npy'")
    assert run(tmp_path)[0].measurement.n_synthetic == 40
    assert not is_recalled(tmp_path)


def test_a_spec_by_another_name_recalls_it_too(folder: Path) -> None:
    first, _ = run(folder)
    (folder / "synth_x.toml").write_text(SPEC.replace("spec.a", "spec.b"))
    assert is_recalled(folder)
    assert replace(run(folder)[0], declared=first.declared) == first
