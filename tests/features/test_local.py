from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace

import numpy as np
import pytest
from PIL import Image, ImageOps

from pytest_synthgate.errors import MissingExtraError
from pytest_synthgate.features.local import LocalFeatures, local_features

from ..edited import drawn

cv2 = pytest.importorskip("cv2")


def same(one: LocalFeatures, other: LocalFeatures) -> bool:
    return all(np.array_equal(getattr(one, each.name), getattr(other, each.name)) for each in fields(LocalFeatures))


@pytest.fixture(scope="module")
def points() -> LocalFeatures:
    return local_features(drawn(0))


def test_a_picture_has_points_all_over_it(points: LocalFeatures) -> None:
    assert 500 < len(points) <= 1100
    assert points.size == (340, 256)
    assert points.grey.shape == (64, 85)
    assert (points.places >= 0).all()
    assert (points.places <= points.size).all()
    quarters = np.unique((points.places / points.size > 0.5) @ [1, 2])
    assert quarters.tolist() == [0, 1, 2, 3]


def test_sizes_do_not_matter(points: LocalFeatures) -> None:
    larger = local_features(drawn(0).resize((1360, 1024), Image.Resampling.NEAREST))
    assert larger.size == points.size
    distances = np.linalg.norm(larger.places[:, None] - points.places, axis=2).min(axis=1)
    assert np.mean(distances < 2) > 0.8


@pytest.mark.parametrize("mirrored", [True, False])
def test_what_is_read_is_what_was_written(points: LocalFeatures, mirrored: bool) -> None:
    written = points if mirrored else replace(points, mirrored=None)
    data = written.to_bytes()
    assert same(LocalFeatures.from_bytes(data), written)
    assert len(data) < (38 + 32 * mirrored) * len(points) + 5_500


def test_a_picture_without_points_is_written_too() -> None:
    blank = local_features(Image.new("RGB", (64, 64), "red"))
    assert len(blank) == 0
    assert blank.descriptors.shape == (0, 32)
    assert same(LocalFeatures.from_bytes(blank.to_bytes()), blank)


@pytest.mark.parametrize("damage", [b"", b"\x00", b"\x01", b"\xff" * 50])
def test_what_is_no_set_of_points_is_refused(damage: bytes) -> None:
    with pytest.raises(ValueError, match="points of"):
        LocalFeatures.from_bytes(damage)


def test_damaged_points_are_refused(points: LocalFeatures) -> None:
    data = points.to_bytes()
    for length in (1, 10, 1000, len(data) - 1):
        with pytest.raises(ValueError, match="damaged"):
            LocalFeatures.from_bytes(data[:length])


def test_bits_of_the_mirrored_picture_are_those_that_it_has_by_itself(points: LocalFeatures) -> None:
    assert points.mirrored is not None
    found = {bits.tobytes() for bits in local_features(ImageOps.mirror(drawn(0))).descriptors}
    assert np.mean([bits.tobytes() in found for bits in points.mirrored]) > 0.9


def test_the_mirrored_picture_is_left_out_where_it_is_not_asked_for(points: LocalFeatures) -> None:
    assert same(local_features(drawn(0), mirrored=False), replace(points, mirrored=None))


def test_threads_change_nothing_and_leave_opencv_as_it_was() -> None:
    pictures = [drawn(number) for number in range(6)]
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    try:
        alone = [local_features(picture) for picture in pictures]
        with ThreadPoolExecutor(4) as threads:
            together = list(threads.map(local_features, pictures * 4))
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)
    assert all(same(one, other) for one, other in zip(together, alone * 4, strict=True))


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1), (3, 700), (40, 40)])
def test_pictures_of_any_shape_are_bounded(size: tuple[int, int]) -> None:
    found = local_features(Image.new("RGB", size, "white"))
    assert max(found.size) <= 1024
    assert max(found.grey.shape) <= 1024
    assert min(found.grey.shape) >= 1


def test_missing_opencv_is_said_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_synthgate.errors.installed", lambda _: False)
    with pytest.raises(MissingExtraError, match=r"needs cv2; pip install 'pytest-synthgate\[measure\]'"):
        local_features(drawn(0))
