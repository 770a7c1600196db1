"""Where pictures are: found again after a move, whatever their names, and never outside their root."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate.files.forms import Form, MisfitError
from pytest_synthgate.results.image_files import ImageFiles

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=12)


def test_an_image_is_found_by_its_name_below_the_root() -> None:
    assert ImageFiles(Path("/data/real")).path("apple/1.jpg") == Path("/data/real/apple/1.jpg")


def test_an_image_that_is_not_called_by_its_path_is_found_in_the_list() -> None:
    files = ImageFiles(Path("/data"), {"row 1": Path("a/1.png"), "row 2": Path("../b/2.png")})
    assert files.path("row 1") == Path("/data/a/1.png")
    assert files.path("row 2") == Path("/data/../b/2.png")


@pytest.mark.parametrize("image", ["../secret.png", "/etc/secret.png", "a/../../secret.png", "a\0.png"])
def test_a_name_does_not_lead_out_of_the_root(image: str) -> None:
    assert ImageFiles(Path("/data/real")).path(image) is None


def plain(files: ImageFiles, folder: Path | None = None) -> dict[str, Any]:
    return Form(ImageFiles).plain(files.seen_from(folder))


def again(raw: object, folder: Path | None = None) -> ImageFiles:
    return Form(ImageFiles).read(raw).found_from(folder)


def test_paths_are_relative_to_the_file_they_are_written_into() -> None:
    files = ImageFiles(Path("/project/data/real"))
    assert plain(files, Path("/project/out")) == {"root": "../data/real", "files": {}, "hidden": []}
    assert plain(files)["root"] == "/project/data/real"


def test_a_moved_project_finds_its_pictures() -> None:
    raw = plain(ImageFiles(Path("/project/data/real")), Path("/project/out"))
    assert again(raw, Path("/elsewhere/out")).root == Path("/elsewhere/data/real")


@given(image=NAMES, folder=NAMES.filter(lambda name: name not in (".", "..")), name=NAMES)
def test_any_name_comes_back(image: str, folder: str, name: str) -> None:
    files = ImageFiles(Path("/project") / folder, {image: Path("x") / name})
    assert again(plain(files, Path("/project/out")), Path("/project/out")) == files


def test_a_name_that_is_not_unicode_comes_back() -> None:
    path = Path(os.fsdecode(b"\xff.png"))
    raw = plain(ImageFiles(Path("/data"), {"x": path}))
    assert raw["files"] == {"x": "%FF.png"}
    assert again(raw).files["x"] == path


def test_what_is_no_reference_is_refused() -> None:
    with pytest.raises(MisfitError, match=r"files\.x: 3 is not of type string"):
        Form(ImageFiles).read({"root": "/data", "files": {"x": 3}})
