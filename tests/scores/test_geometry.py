import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from sklearn.datasets import load_digits

from pytest_synthgate.features.local import LocalFeatures, local_features
from pytest_synthgate.scores import geometry
from pytest_synthgate.scores.geometry import Match, compared, in_words

from ..edited import ALIKE, TWELVE, Edit, cropped, drawn, in_turn, saved, turned, under_a_logo

pytest.importorskip("cv2")
pytest.importorskip("faiss")

FURTHER: dict[str, Edit] = {
    "mirror and crop": in_turn(TWELVE["mirror"], partial(cropped, side=0.8)),
    "turned by 10": partial(turned, degrees=10),
    "turned by 90": partial(turned, degrees=90),
    "upside down": partial(turned, degrees=180),
    "border": lambda image, _: ImageOps.expand(image, 40, "white"),
    "squared": lambda image, _: image.resize((256, 256)),
    "posterised": lambda image, _: ImageOps.posterize(image, 2),
    "thumbnail": lambda image, _: image.resize((85, 64)),
    "WebP": partial(saved, quality=10, form="WEBP"),
}


@cache
def points(number: int) -> LocalFeatures:
    return local_features(drawn(number))


def edited(edit: Edit, number: int) -> LocalFeatures:
    return local_features(edit(drawn(number), np.random.default_rng(number)))


def matched(copy: LocalFeatures, original: LocalFeatures) -> Match:
    match = compared(copy, original)
    assert match is not None
    return match


@pytest.mark.parametrize("name", [*TWELVE, *FURTHER])
def test_an_edited_copy_is_found(name: str) -> None:
    for number in range(3):
        match = matched(edited({**TWELVE, **FURTHER}[name], number), points(number))
        assert match.inliers >= 20
        assert match.agreement > 0.8
        assert match.mirrored == ("mirror" in name)


def test_different_pictures_are_no_copies() -> None:
    pairs = [(one, other) for one in range(8) for other in range(8) if one != other]
    assert [pair for pair in pairs if compared(points(pair[0]), points(pair[1]))] == []


@settings(max_examples=25)
@given(
    scale=st.floats(0.6, 1.6),
    degrees=st.floats(-180, 180),
    shift=st.tuples(st.floats(-40, 40), st.floats(-40, 40)),
    mirror=st.booleans(),
    number=st.integers(0, 3),
)
def test_the_transform_is_recovered(
    scale: float, degrees: float, shift: tuple[float, float], mirror: bool, number: int
) -> None:
    original = drawn(number, (400, 400))
    radians = np.radians(degrees)
    # A place of the copy, from its middle, to the place of the original that it shows, in pixels.
    turn = np.array([[np.cos(radians), -np.sin(radians)], [np.sin(radians), np.cos(radians)]]) * scale
    if mirror:
        turn = turn @ np.diag([-1, 1])
    moved = 200 + np.array(shift) - turn @ [200, 200]
    copy = original.transform(
        (400, 400), Image.Transform.AFFINE, (*turn[0], moved[0], *turn[1], moved[1]), Image.Resampling.BICUBIC
    )
    match = matched(local_features(copy), local_features(original))
    assert match.mirrored == mirror
    expected = np.column_stack([turn, moved / 400])
    corners = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]])
    assert np.array(match.frame) == pytest.approx(corners @ expected.T, abs=0.03 * max(1, scale))
    clockwise = degrees if mirror else -degrees
    assert abs((match.degrees - clockwise + 180) % 360 - 180) < 3


def test_the_overlap_is_told_for_both_pictures() -> None:
    crop = matched(local_features(drawn(0).crop((34, 26, 306, 230))), points(0))
    assert crop.of_original == pytest.approx(0.64, abs=0.03)
    assert crop.of_copy == pytest.approx(1, abs=0.02)
    page = Image.new("RGB", (680, 512))
    page.paste(drawn(0), (100, 50))
    inside = matched(local_features(page), points(0))
    assert inside.of_original == pytest.approx(1, abs=0.03)
    assert inside.of_copy == pytest.approx(0.25, abs=0.02)


def test_what_was_done_is_said_in_words() -> None:
    def words(image: Image.Image) -> str:
        return in_words(matched(local_features(image), points(0)))

    whole = drawn(0)
    assert words(whole) == "whole"
    assert words(ImageOps.mirror(whole)) == "mirrored"
    assert words(whole.rotate(90, expand=True)) == "rotated 90 degrees"
    assert words(whole.crop((0, 0, 204, 154))) == "cropped to 60%"
    assert words(ImageOps.mirror(whole).crop((34, 26, 306, 230))) in {
        f"mirrored, cropped to {n}%" for n in (79, 80, 81)
    }


def test_words_follow_the_numbers() -> None:
    match = Match(20, 0.9, 0.5, 0.36, ((1, 0, 0), (0, 1, 0)), True, -10.3)
    assert in_words(match) == "mirrored, cropped to 60%, rotated 10 degrees, in 50% of the picture"
    assert in_words(replace(match, mirrored=False, of_copy=1, of_original=1, degrees=0.6)) == "rotated 1 degree"


def test_a_mirrored_copy_needs_the_mirrored_points() -> None:
    copy = edited(TWELVE["mirror"], 0)
    assert compared(copy, points(0)) is not None
    assert compared(replace(copy, mirrored=None), points(0)) is None
    assert compared(copy, replace(points(0), mirrored=None)) is not None


@pytest.mark.parametrize("kind", ALIKE)
def test_pictures_that_share_a_part_are_no_copies(kind: str) -> None:
    found = [local_features(ALIKE[kind](number)) for number in range(5)]
    assert [compared(one, other) for one, other in combinations(found, 2)] == [None] * 10


def test_small_digits_are_no_copies() -> None:
    digits = load_digits().images[:40:4]
    found = [local_features(Image.fromarray((15 * digit).astype(np.uint8)).resize((32, 32))) for digit in digits]
    assert [compared(one, other) for one, other in combinations(found, 2)] == [None] * 45


def test_a_copy_under_a_logo_is_found() -> None:
    assert compared(local_features(under_a_logo(0)), points(0)) is not None


def test_pictures_with_nothing_to_see_match_nothing() -> None:
    blank = local_features(Image.new("RGB", (300, 300), "white"))
    assert compared(blank, blank) is None
    assert compared(points(0), blank) is None
    assert compared(blank, points(0)) is None


def test_threads_change_nothing() -> None:
    copies = [edited(TWELVE["crop 60%"], number) for number in range(4)]
    originals = [points(number) for number in range(4)]
    alone = [compared(*pair) for pair in zip(copies, originals, strict=True)]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(compared, copies * 4, originals * 4))
    assert together == alone * 4
    assert None not in alone


@pytest.mark.photos
@pytest.mark.parametrize("name", TWELVE)
def test_edited_copies_of_photos_are_found(test_data: Path, name: str) -> None:
    photos, originals = sampled(test_data)
    tried = [
        (compared(local_features(TWELVE[name](photo, np.random.default_rng([seed, number]))), original), number)
        for seed in range(3)
        for number, (photo, original) in enumerate(zip(photos, originals, strict=True))
    ]
    missed = [number for match, number in tried if match is None]
    assert len(missed) <= (0.05 if name == "crop 60%" else 0.02) * len(tried), missed


@pytest.mark.photos
def test_photos_of_one_class_are_no_copies_of_one_another(test_data: Path) -> None:
    _, originals = sampled(test_data)
    assert [pair for pair in combinations(range(len(originals)), 2) if compared(*(originals[n] for n in pair))] == []


@cache
def sampled(folder: Path) -> tuple[list[Image.Image], list[LocalFeatures]]:
    """Take ten photos of doughnuts, of which many are alike."""
    photos = []
    for path in sorted((folder / "snacks" / "train" / "doughnut").glob("*.jpg"))[4::12][:10]:
        with Image.open(path) as image:
            photos.append(image.convert("RGB"))
    return photos, [local_features(photo) for photo in photos]


@given(
    st.floats(0, 2 * math.pi),
    st.floats(0.2, 3),
    st.floats(-1, 1),
    st.floats(-1, 1),
    st.booleans(),
    st.integers(0, 2**31),
)
def test_the_share_of_the_original_is_that_of_points_within_the_frame(
    turn: float, scale: float, x: float, y: float, mirrored: bool, seed: int
) -> None:
    corners = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]) * [-1 if mirrored else 1, 1]
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    frame: Any = (corners @ rotation.T * scale + 0.5 + [x, y]).tolist()
    points = np.random.default_rng(seed).random((4000, 2))
    inside = np.abs((points - 0.5 - [x, y]) @ rotation / scale).max(axis=1) <= 0.5
    assert geometry._overlap(frame) == pytest.approx(inside.mean(), abs=0.05)


@pytest.mark.parametrize("off", [0.0, 1e-16, -1e-9, 2e-5])
def test_a_whole_copy_covers_all_of_its_original(off: float) -> None:
    frame = ((off, 0.0), (1.0, -off), (1 + off, 1.0), (0.0, 1.0))
    assert geometry._overlap(frame) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("number", range(12))
def test_a_copy_without_a_cut_is_called_whole(number: int) -> None:
    image = drawn(number, (256, 341))
    match = compared(local_features(image.convert("L").convert("RGB")), local_features(image))
    assert match is not None
    assert in_words(match) == "whole"
