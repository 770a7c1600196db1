"""Small copies of pictures: the right size, upright, without metadata, and None where nothing can be shown."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ExifTags, Image

from pytest_synthgate.images.decode import decode
from pytest_synthgate.reports.pictures import thumbnail

RED, BLUE = (220, 30, 30), (30, 30, 220)


def picture(width: int = 400, height: int = 200) -> Image.Image:
    """The left half red, the right half blue."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image


def colour(image: Image.Image, x: float, y: float) -> NDArray[np.int_]:
    """The colour at a place, given as parts of width and height."""
    return np.asarray(image.getpixel((int(x * (image.width - 1)), int(y * (image.height - 1)))))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.gif", "a.tif", "a.bmp"])
def test_the_longer_edge_fits_and_the_shape_stays(tmp_path: Path, name: str) -> None:
    picture().save(tmp_path / name)
    small = thumbnail(tmp_path / name, 80)
    assert small is not None
    assert (small.mode, small.size) == ("RGB", (80, 40))
    assert np.abs(colour(small, 0.2, 0.5) - RED).max() < 25
    assert np.abs(colour(small, 0.8, 0.5) - BLUE).max() < 25


@given(width=st.integers(1, 300), height=st.integers(1, 300), edge=st.integers(1, 300))
def test_no_shape_and_no_edge_breaks_it(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int, edge: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.png"
    Image.new("RGB", (width, height)).save(path)
    small = thumbnail(path, edge)
    assert small is not None
    assert max(small.size) == min(edge, max(width, height))


def test_a_picture_lies_as_its_camera_was_held(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # to be turned clockwise
    picture().save(tmp_path / "a.jpg", exif=exif)
    small = thumbnail(tmp_path / "a.jpg", 80)
    assert small is not None
    assert small.size == (40, 80)
    assert np.abs(colour(small, 0.5, 0.2) - RED).max() < 25
    assert small.info == {}


def test_a_print_file_keeps_its_colours(tmp_path: Path) -> None:
    picture().convert("CMYK").save(tmp_path / "a.jpg")
    small = thumbnail(tmp_path / "a.jpg", 80)
    assert small is not None
    assert np.abs(colour(small, 0.2, 0.5) - RED).max() < 25


def test_a_jpeg_is_not_decoded_larger_than_needed(tmp_path: Path) -> None:
    picture(1600, 800).save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    assert decode(data, edge=90).size == (200, 100)
    assert decode(data, edge=900).size == decode(data).size == (1600, 800)


def bomb(path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(path)


def truncated(path: Path) -> None:
    picture().save(path)
    path.write_bytes(path.read_bytes()[:300])


UNSHOWABLE: dict[str, Callable[[Path], object]] = {
    "missing": lambda _: None,
    "a folder": Path.mkdir,
    "empty": Path.touch,
    "no picture": lambda path: path.write_text("<svg onload=alert(1)>"),
    "truncated": truncated,
    "a bomb": bomb,
}


@pytest.mark.parametrize("make", UNSHOWABLE.values(), ids=UNSHOWABLE)
def test_what_cannot_be_decoded_is_none(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "a.png")
    assert thumbnail(tmp_path / "a.png", 80) is None


def test_a_path_that_no_file_can_have_is_none() -> None:
    assert thumbnail(Path("a\0.png"), 80) is None
