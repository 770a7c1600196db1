"""The road to an encoder's input agrees with open_clip's own transform."""

import json
import subprocess
import sys
from io import BytesIO
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from pytest_synthgate.errors import EncoderError
from pytest_synthgate.images.decode import decode
from pytest_synthgate.images.normalise import Preprocessing, prepare

Mode = Literal["shortest", "longest", "squash"]


def noise(width: int, height: int) -> Image.Image:
    """Smooth structure under noise, so that a wrong filter or a shifted crop shows."""
    values = np.random.default_rng(0).integers(0, 60, (height, width, 3))
    across = np.linspace(0, 190, width)[None, :, None]
    return Image.fromarray((values + across).astype(np.uint8))


def reference(
    image: Image.Image, size: int | tuple[int, int], mode: Mode, interpolation: str, fill: int
) -> NDArray[np.float64]:
    from open_clip.transform import image_transform

    transform = image_transform(
        size,
        is_train=False,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        resize_mode=mode,
        interpolation=interpolation,
        fill_color=fill,
    )
    return np.asarray(transform(image), dtype=np.float64).transpose(1, 2, 0) * 255


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("shape", [(4000, 3000), (300, 401), (64, 500), (100, 90)])
def test_each_mode_agrees_with_open_clip(
    mode: Mode, interpolation: Literal["bicubic", "bilinear"], shape: tuple[int, int]
) -> None:
    image = noise(*shape)
    ours = prepare(image, Preprocessing(224, mode, interpolation, fill=7), normalise=False)
    assert ours.dtype == np.uint8
    assert ours.shape == (224, 224, 3)
    assert np.abs(ours - reference(image, 224, mode, interpolation, 7)).max() < 0.51


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("shape", [(640, 480), (333, 777)])
def test_oblong_inputs_agree_with_open_clip(mode: Mode, shape: tuple[int, int]) -> None:
    image = noise(*shape)
    ours = prepare(image, Preprocessing((192, 256), mode), normalise=False)
    assert ours.shape == (192, 256, 3)
    assert np.abs(ours - reference(image, (192, 256), mode, "bicubic", 0)).max() < 0.51


def test_normalise_is_one_jpeg_round_trip_at_quality_90() -> None:
    image = noise(300, 200)
    plain = prepare(image, Preprocessing(96), normalise=False)
    stream = BytesIO()
    Image.fromarray(plain).save(stream, "JPEG", quality=90, subsampling="4:2:0")
    expected = np.asarray(Image.open(stream))
    assert np.array_equal(prepare(image, Preprocessing(96), normalise=True), expected)
    assert not np.array_equal(plain, expected)


@pytest.mark.parametrize("normalise", [False, True])
def test_the_same_pixels_from_two_formats_give_the_same_array(normalise: bool) -> None:
    files = []
    for form in ("PNG", "BMP"):
        stream = BytesIO()
        noise(130, 90).save(stream, form)
        files.append(stream.getvalue())
    png, bmp = (prepare(decode(data), Preprocessing(64), normalise) for data in files)
    assert np.array_equal(png, bmp)


def test_without_normalise_a_picture_of_the_right_size_is_untouched() -> None:
    image = noise(64, 64)
    assert np.array_equal(prepare(image, Preprocessing(64), normalise=False), np.asarray(image))


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 300),
    height=st.integers(1, 300),
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    mode=st.sampled_from(["shortest", "longest", "squash"]),
)
def test_any_picture_reaches_any_input(width: int, height: int, shape: tuple[int, int], mode: Mode) -> None:
    assert prepare(Image.new("RGB", (width, height)), Preprocessing(shape, mode), True).shape == (*shape, 3)


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 300),
    height=st.integers(1, 300),
    shape=st.one_of(st.tuples(st.integers(1, 40), st.integers(1, 40)), st.integers(1, 40)),
    interpolation=st.sampled_from(["bicubic", "bilinear"]),
)
def test_cropping_first_shows_the_same_centre(
    width: int, height: int, shape: int | tuple[int, int], interpolation: Literal["bicubic", "bilinear"]
) -> None:
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    image = Image.fromarray(np.stack([across, down, 255 - across], axis=-1).astype(np.uint8))
    preprocessing = Preprocessing(shape, interpolation=interpolation)
    whole = prepare(image, preprocessing, normalise=False).astype(int)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pytest_synthgate.images.normalise._LARGEST_SCALED", 0)
        part = prepare(image, preprocessing, normalise=False).astype(int)
    assert np.abs(whole - part).max() <= 2


BOUNDED = """
import resource
from PIL import Image
from pytest_synthgate.images.normalise import Preprocessing, prepare
resource.setrlimit(resource.RLIMIT_AS, (3 << 29, 3 << 29))
for size in ((2_000_000, 1), (1, 2_000_000), (60_000, 1), (1, 60_000), (5_000_000, 4), (4, 5_000_000)):
    for mode in ("shortest", "longest", "squash"):
        for shape in (224, (224, 448)):
            print(prepare(Image.new("RGB", size, "red"), Preprocessing(shape, mode), True)[100, 100].tolist())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are set as Linux has them")
def test_the_thinnest_picture_takes_memory_by_its_pixels_and_not_by_its_shape() -> None:
    done = subprocess.run([sys.executable, "-c", BOUNDED], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 36


def test_preprocessing_is_plain_json_and_a_square_has_two_spellings() -> None:
    square = Preprocessing(224, mean=(0.1, 0.2, 0.3))
    assert json.loads(json.dumps(square.to_json())) == square.to_json()
    assert square.to_json() == Preprocessing((224, 224), mean=(0.1, 0.2, 0.3)).to_json()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "sizes start at 1"),
        ({"size": 8, "resize_mode": "crop"}, "unknown resize mode 'crop'"),
        ({"size": 8, "interpolation": "lanczos"}, "unknown interpolation 'lanczos'"),
    ],
)
def test_an_impossible_preprocessing_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        Preprocessing(**options)  # type: ignore[arg-type]
