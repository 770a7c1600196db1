"""Private photos stay out of everything that a run writes: their pixels, their names, and where they are."""

import base64
import json
import re
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import Project

MAGENTA = (250, 0, 250)
SECRETS = (b"john_doe", b"hospital")
OUTPUTS = (
    "--synth-html=out/report",
    "--synth-html=out/report.html",
    "--synth-json=out/results.json",
    "--synth-markdown=out/summary.md",
    "--synth-history=out/history.jsonl",
    "--junitxml=out/junit.xml",
)


@pytest.fixture
def album(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A private set with a photo in magenta, which the synthetic set holds again: as it is, edited, and edited more."""
    for path in project.pictures("hospital", 60):
        path.rename(path.with_name(f"john_doe-{path.name}"))
    project.pictures("made", 40, seed=1)
    photo = Image.new("RGB", (60, 60), MAGENTA)
    photo.save(project.path / "hospital" / "a" / "john_doe.png")
    copies = project.path / "made" / "a"
    photo.save(copies / "copy.png")
    for number in (1, 2):
        Image.new("RGB", (60, 60), (250 - number, 0, 250)).save(copies / f"near-{number}.png")
    project.write("conftest.py", "")
    project.picture_spec("limits.unoriginal = 0.01\nlimits.unvaried = 0.01")
    spec = project.path / "synth_x.toml"
    spec.write_text(spec.read_text().replace('"real"', '"hospital"'))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project.path / "out" / "step.md"))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path))
    (project.path / "out").mkdir()
    return project


def written(album: Project) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted((album.path / "out").rglob("*")) if path.is_file()}


def pictures(files: dict[str, bytes]) -> Iterator[bytes]:
    """Give every picture of these files, also those that stand in a page."""
    for name, content in files.items():
        if name.endswith((".webp", ".jpg")):
            yield content
        for found in re.findall(rb"data:image/webp;base64,([\w+/=]+)", content):
            yield base64.b64decode(found)


def shows_the_photo(files: dict[str, bytes]) -> bool:
    """Look for an area of magenta in every picture."""
    for content in pictures(files):
        pixels = np.asarray(Image.open(BytesIO(content)).convert("RGB")).astype(int)
        if (np.abs(pixels - MAGENTA).max(axis=2) < 30).sum() > 100:
            return True
    return False


def assert_discreet(album: Project, result: pytest.RunResult) -> None:
    files = written(album)
    assert len(files) >= 6
    assert any(True for _ in pictures(files))
    assert not shows_the_photo(files)
    for secret in SECRETS:
        assert [name for name, content in files.items() if secret in content] == []
        assert secret.decode() not in result.stdout.str()


def test_copies_of_private_photos_are_shown_without_redaction(album: Project) -> None:
    album.run(*OUTPUTS)
    assert shows_the_photo(written(album))


@pytest.mark.parametrize("page", ["--synth-html=out/report", "--synth-html=out/report.html"])
def test_neither_private_photos_nor_their_copies_are_in_any_file(album: Project, page: str) -> None:
    result = album.run("--synth-redact-real", *(each for each in OUTPUTS if "html" not in each), page)
    result.assert_outcomes(passed=2, failed=2)
    assert_discreet(album, result)
    assert any(b"copy of a real photo left out" in content for content in written(album).values())
    assert any(b"copy.png" in content for content in written(album).values())  # what to remove can still be found


def test_results_that_are_redacted_stay_so_when_they_are_judged_again(album: Project) -> None:
    album.run("--synth-redact-real", "--synth-json=redacted.json")
    result = album.run("--synth-results=redacted.json", *OUTPUTS)
    result.assert_outcomes(passed=2, failed=2)
    assert_discreet(album, result)
    again = json.loads((album.path / "out" / "results.json").read_text("utf-8"))
    assert again["specs"]["a"]["redacted"] is True
    assert "real" not in again["specs"]["a"]["declared"]


def test_redacted_results_of_another_spec_are_still_stale(album: Project) -> None:
    album.run("--synth-redact-real", "--synth-json=redacted.json")
    shutil.copytree(album.path / "made", album.path / "other")
    spec = album.path / "synth_x.toml"
    spec.write_text(spec.read_text().replace('"made"', '"other"'))
    album.run("--synth-results=redacted.json").stdout.fnmatch_lines(["*stale for spec 'a': `images` was*"])


@pytest.fixture
def labelled(album: Project) -> Project:
    """Another spec, whose real set has a label file that is none."""
    for kind, name in (("images", "john_doe.png"), ("labels", "john_doe.txt")):
        (album.path / "hospital-yolo" / kind).mkdir(parents=True)
        (album.path / "hospital-yolo" / kind / name).write_text("no label")
    shutil.copy(
        album.path / "hospital" / "a" / "john_doe.png", album.path / "hospital-yolo" / "images" / "john_doe.png"
    )
    album.write("hospital-yolo/data.yaml", "names: [a]")
    spec = album.path / "synth_x.toml"
    spec.write_text(f'{spec.read_text()}\n[spec.b]\nreal = "hospital-yolo"\nimages = "made"\nencoder = "flat"\n')
    album.write("test_it.py", "def test_it(synth_gate): synth_gate.check()\ndef test_real(real_dataset): pass")
    return album


def test_an_error_about_a_private_photo_names_it_without_redaction(labelled: Project) -> None:
    labelled.run(*OUTPUTS)
    files = [name for name, content in written(labelled).items() if b"john_doe.txt" in content]
    assert {Path(name).suffix for name in files} >= {".html", ".json", ".xml"}


def test_an_error_about_a_private_photo_keeps_its_kind_and_a_remedy(labelled: Project) -> None:
    result = labelled.run("--synth-redact-real", *OUTPUTS)
    assert_discreet(labelled, result)
    result.stdout.fnmatch_lines(
        ["a set of images, a table or a matrix of vectors cannot be read; run without --synth-redact-real, *"]
    )


def test_an_error_about_the_synthetic_set_is_told_whole(album: Project) -> None:
    shutil.rmtree(album.path / "made")
    result = album.run("--synth-redact-real")
    result.stdout.fnmatch_lines(["*/made: there is no such file or folder; *"])
    assert "hospital" not in result.stdout.str()
