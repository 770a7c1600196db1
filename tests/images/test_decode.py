"""Every kind of image file comes out as a viewer shows it, or as one reason why not."""

import hashlib
import struct
import tracemalloc
import warnings
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ExifTags, Image, PngImagePlugin

from pytest_synthgate.images.decode import UnreadableError, decode, pixel_digest, read_bytes
from pytest_synthgate.images.folder import open_folder
from pytest_synthgate.images.formats import SUFFIXES, without_pillow_warnings

OPTIONAL = {"WEBP": "webp", "JPEG2000": "jp2", "AVIF": "avif"}
FORMATS = [form for form in ("PNG", "JPEG", "BMP", "GIF", "TIFF", *OPTIONAL) if OPTIONAL.get(form, "png") in SUFFIXES]


@pytest.fixture(autouse=True)
def quietly() -> Iterator[None]:
    with without_pillow_warnings():
        yield


def pixels(image: Image.Image) -> NDArray[np.int16]:
    assert image.mode == "RGB"
    return np.asarray(image).astype(np.int16)


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def picture(width: int = 32, height: int = 24) -> Image.Image:
    """A smooth colour gradient with a red corner, so that turns, swaps and inversions all show."""
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    values = np.stack([across, down, 255 - across], axis=-1).astype(np.uint8)
    values[: height // 4, : width // 4] = (255, 0, 0)
    return Image.fromarray(values)


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png_of_size(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_give_the_very_pixels(form: str) -> None:
    assert np.array_equal(pixels(decode(saved(picture(), form))), pixels(picture()))


@pytest.mark.parametrize("form", sorted({"JPEG", *OPTIONAL} & set(FORMATS)))
def test_lossy_formats_give_nearly_the_pixels(form: str) -> None:
    difference = np.abs(pixels(decode(saved(picture(64, 64), form, quality=95))) - pixels(picture(64, 64)))
    assert difference.mean() < 6


@pytest.mark.parametrize("form", sorted({"PNG", "JPEG", "TIFF", "WEBP", "AVIF"} & set(FORMATS)))
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_in_every_format(form: str, orientation: int) -> None:
    upright = picture(64, 48)
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    shown = decode(saved(stored, form, exif=exif.tobytes(), quality=95))
    assert shown.size == upright.size
    assert np.abs(pixels(shown) - pixels(upright)).mean() < 6
    assert "exif" not in shown.info


def test_cmyk_and_adobe_jpegs_are_not_inverted() -> None:
    cmyk = picture(64, 64).convert("CMYK")
    for data in (saved(cmyk, "JPEG", quality=95), saved(cmyk, "TIFF")):
        assert np.abs(pixels(decode(data)) - pixels(picture(64, 64))).mean() < 8


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_16_bit_grey_keeps_its_high_byte(form: str) -> None:
    values = np.array([[0, 255, 256, 32768, 65535]], dtype=np.uint16)
    shown = pixels(decode(saved(Image.fromarray(values), form)))
    assert shown[0, :, 0].tolist() == [0, 0, 1, 128, 255]


def test_big_endian_16_bit_grey_is_not_swapped() -> None:
    big = Image.frombytes("I;16B", (2, 1), struct.pack(">2H", 0x0100, 0xFF00))
    assert pixels(decode(saved(big, "TIFF")))[0, :, 0].tolist() == [1, 255]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0.0, 0.5, 1.0]], dtype=np.float32), [0, 128, 255]),
        (np.array([[0.0, 100.0, 255.0]], dtype=np.float32), [0, 100, 255]),
        (np.array([[0.0, np.nan, 1.0]], dtype=np.float32), [0, 0, 255]),
        (np.array([[-1.0, 0.0, 1.0]], dtype=np.float32), [0, 128, 255]),
        (np.array([[7e5, 7e5, 7e5]], dtype=np.float32), [0, 0, 0]),
        (np.array([[0, 1, 255]], dtype=np.int32), [0, 1, 255]),
        (np.array([[0, 257, 65535]], dtype=np.int32), [0, 1, 255]),
        (np.array([[0, 500_000, 1_000_000]], dtype=np.int32), [0, 128, 255]),
    ],
)
def test_grey_without_a_nominal_range_is_scaled_and_never_clipped(values: NDArray[Any], expected: list[int]) -> None:
    assert pixels(decode(saved(Image.fromarray(values), "TIFF")))[0, :, 0].tolist() == expected


@pytest.mark.parametrize("kind", ["float32", "int32"])
def test_grey_is_scaled_in_parts_with_little_memory_beside_the_picture(kind: str) -> None:
    values = np.zeros((1500, 2000), dtype=kind)
    values[0, 0], values[-1, -1] = -3, 100_000
    data = saved(Image.fromarray(values), "TIFF")
    decode(data)
    tracemalloc.start()
    try:
        shown = pixels(decode(data))[..., 0]
        assert tracemalloc.get_traced_memory()[1] < 60_000_000
    finally:
        tracemalloc.stop()
    assert (shown[0, 0], shown[0, 1], shown[-1, -1]) == (0, 0, 255)


def test_palettes_greys_and_bits_are_expanded() -> None:
    palette = picture().quantize(16)
    assert np.array_equal(pixels(decode(saved(palette, "PNG"))), pixels(palette.convert("RGB")))
    bits = picture().convert("1")
    assert set(np.unique(pixels(decode(saved(bits, "PNG"))))) == {0, 255}
    grey = picture().convert("L")
    assert np.array_equal(pixels(decode(saved(grey, "PNG")))[..., 1], np.asarray(grey))


def test_lab_comes_out_in_colour() -> None:
    # L 53%, a +80, b +67: pure red, stored with an offset of 128.
    red = Image.merge("LAB", [Image.new("L", (2, 2), value) for value in (136, 208, 195)])
    shown = pixels(decode(saved(red, "TIFF")))[0, 0]
    assert shown[0] > 200
    assert shown[1] < 60


@pytest.mark.parametrize(
    ("mode", "clear", "solid"),
    [("RGBA", (9, 9, 9, 0), (200, 0, 0, 255)), ("LA", (9, 0), (40, 255))],
)
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_transparency_lies_on_white(mode: str, clear: tuple[int, ...], solid: tuple[int, ...], form: str) -> None:
    image = Image.new(mode, (2, 1), clear)
    image.putpixel((1, 0), solid)
    shown = pixels(decode(saved(image, form)))
    assert shown[0, 0].tolist() == [255, 255, 255]
    assert shown[0, 1].tolist() == ([200, 0, 0] if mode == "RGBA" else [40, 40, 40])


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "I;16"])
def test_a_transparent_colour_lies_on_white(mode: str) -> None:
    image = Image.new("RGB", (2, 1))
    key: int | tuple[int, ...] | bytes = 0
    if mode == "P":
        image = image.quantize(2)
        image.putpalette([10, 10, 10, 0, 0, 255])
        image.putdata([0, 1])
    elif mode == "I;16":
        image = Image.fromarray(np.array([[0, 32768]], dtype=np.uint16))
    else:
        image = Image.new(mode, (2, 1))
        image.putpixel((1, 0), (0, 0, 255) if mode == "RGB" else 255)
        key = (0, 0, 0) if mode == "RGB" else 0
    shown = pixels(decode(saved(image, "PNG", transparency=key)))
    assert shown[0, 0].tolist() == [255, 255, 255]
    assert shown[0, 1].tolist() != [255, 255, 255] or mode in {"1", "L"}


def test_a_palette_with_partial_transparency_is_blended() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([0, 0, 0, 0, 0, 0])
    image.putpixel((1, 0), 1)
    shown = pixels(decode(saved(image, "PNG", transparency=bytes([128, 255]))))
    assert 125 <= shown[0, 0, 0] <= 129
    assert shown[0, 1].tolist() == [0, 0, 0]


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
def test_an_animation_gives_its_first_frame(form: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
    data = saved(frames[0], form, save_all=True, append_images=frames[1:], **options)
    assert pixels(decode(data))[0, 0].tolist() == [255, 0, 0]


def test_a_multi_picture_jpeg_gives_its_first_picture() -> None:
    data = saved(Image.new("RGB", (8, 8), "red"), "MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))])
    assert pixels(decode(data))[0, 0, 0] > 250


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"GIF", "not an image in a known format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image in a known format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not an image in a known format"),
        (png_of_size(50_000, 50_000), "50000 x 50000 pixels, over the limit of 89478485 in total"),
        (png_of_size(10_000, 10_000), "10000 x 10000 pixels, over the limit of 89478485 in total"),
        (b"\x89PNG\r\n\x1a\n", "damaged PNG file"),
        (b"\xff\xd8\xff\xe0", "damaged JPEG file"),
        (b"II*\0\xff\xff\xff\x7f", "damaged TIFF file"),
    ],
)
def test_what_is_no_image_has_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        decode(data)
    assert str(caught.value).startswith(reason)
    assert str(caught.value).isprintable()


def test_a_bomb_is_refused_before_its_pixels_are_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 32 * 24)
    assert decode(saved(picture(), "PNG")).size == (32, 24)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 32 * 24 - 1)
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("pixels were unpacked"))
    for form in ("PNG", "JPEG", "BMP", "GIF"):
        with pytest.raises(UnreadableError, match="32 x 24 pixels, over the limit"):
            decode(_SAMPLES[form])


_SAMPLES = {form: saved(picture(), form) for form in FORMATS}


@pytest.mark.parametrize("form", FORMATS)
def test_half_a_file_is_unreadable(form: str) -> None:
    data = saved(picture(128, 128), form)
    with pytest.raises(UnreadableError, match="damaged"):
        decode(data[: len(data) // 2])


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_damage_gives_a_picture_or_a_reason(form: str, data: st.DataObject) -> None:
    damaged = bytearray(_SAMPLES[form])
    for _ in range(data.draw(st.integers(0, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    judge_without_warnings(bytes(damaged[:cut]) + data.draw(st.binary(max_size=8)))


@settings(max_examples=300, deadline=None)
@given(
    head=st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"MM\0*", b"II+\0"]),
    body=st.binary(max_size=200),
)
def test_any_bytes_give_a_picture_or_a_reason(head: bytes, body: bytes) -> None:
    judge_without_warnings(head + body)


def judge_without_warnings(data: bytes) -> None:
    """Decode with warnings recorded, where a damaged file could otherwise hide behind the error filter."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with without_pillow_warnings():
            outcome = outcome_of(data)
    assert outcome == "RGB" or (outcome.isprintable() and outcome)
    assert [str(each.message) for each in caught] == []


def outcome_of(data: bytes) -> str:
    """Decode and give the mode of the picture, or the reason why there is none."""
    try:
        return decode(data).mode
    except UnreadableError as error:
        return str(error)


def test_a_damaged_exif_block_warns_nobody() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    block = exif.tobytes()
    for damage in (block[:-6], block[:12], b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0", b"Exif\0\0JUNKJUNKJUNK"):
        data = saved(picture(), "JPEG", exif=damage)
        judge_without_warnings(data)
        assert decode(data).size in {(32, 24), (24, 32)}


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(
    ("number", "change"),
    [
        (270, {"count": 1 << 30}),  # the description: far longer than the file
        (305, {"offset": 1 << 30}),  # the software: somewhere behind the end
        (259, {"count": 2}),  # the compression: two values where there is one
    ],
)
def test_a_tiff_with_damaged_tags_is_shown_without_a_warning(big: bool, number: int, change: dict[str, int]) -> None:
    data = bytearray(saved(picture(), "TIFF", big_tiff=big, description="x" * 40, software="y" * 40))
    assert np.array_equal(pixels(decode(bytes(data))), pixels(picture()))
    big = data[2] == 43  # older versions of Pillow write plain TIFF all the same
    order, entry, count_size = ("<", 20, 8) if big else ("<", 12, 2)
    (start,) = struct.unpack_from(order + ("8xQ" if big else "4xL"), data)
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, start)
    for position in range(start + count_size, start + count_size + count * entry, entry):
        if struct.unpack_from(order + "H", data, position) == (number,):
            for field, value in change.items():
                at = position + 4 + (0 if field == "count" else 8 if big else 4)
                struct.pack_into(order + ("Q" if big else "L"), data, at, value)
    judge_without_warnings(bytes(data))
    assert np.array_equal(pixels(decode(bytes(data))), pixels(picture()))


@pytest.mark.parametrize("big", [False, True])
def test_a_tiff_cut_off_anywhere_warns_nobody(big: bool) -> None:
    data = saved(picture(4, 4), "TIFF", big_tiff=big)
    for end in range(len(data)):
        judge_without_warnings(data[:end])


def test_an_invalid_animation_header_hides_no_picture_and_warns_nobody() -> None:
    plain = saved(picture(), "PNG")
    for header in (struct.pack(">II", 0, 0), struct.pack(">II", 1 << 31 | 1, 0)):
        data = plain[:33] + chunk(b"acTL", header) + plain[33:]
        judge_without_warnings(data)
        assert np.array_equal(pixels(decode(data)), pixels(picture()))


def test_what_a_png_carries_beside_its_pixels_may_be_as_long_as_it_likes() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("log", "x" * (3 << 20), zip=True)
    texts.add_itxt("log", "x" * (3 << 20), zip=True)
    data = saved(picture(), "PNG", icc_profile=bytes(2 << 20), pnginfo=texts)
    behind = data[:-12] + chunk(b"zTXt", b"late\0\0" + zlib.compress(bytes(3 << 20))) + data[-12:]
    for each in (data, behind):
        assert np.array_equal(pixels(decode(each)), pixels(picture()))


# What is a fact about a file, and what is one about the machine


def refusal(data: bytes) -> UnreadableError:
    with pytest.raises(UnreadableError) as caught:
        decode(data)
    return caught.value


def test_what_its_bytes_say_is_a_fact_about_a_file() -> None:
    assert refusal(b"\x89PNG\r\n\x1a\n").lasting
    for form in ("PNG", "JPEG", "BMP"):
        data = saved(picture(128, 128), form)
        assert refusal(data[: len(data) // 2]).lasting, form


def test_what_the_machine_has_a_part_in_is_no_fact_about_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(picture(), "PNG")
    for raised, reason in [
        (MemoryError(), "not enough memory to decode the PNG file"),
        (OSError("broken data stream when reading image file"), "damaged PNG file (broken data stream"),
        (UserWarning("made an error by a filter"), "damaged PNG file"),
    ]:
        with monkeypatch.context() as patch:
            patch.setattr(PngImagePlugin.PngImageFile, "load", _raising(raised))
            error = refusal(data)
        assert str(error).startswith(reason)
        assert not error.lasting


def _raising(error: Exception) -> Any:
    def load(_: object) -> None:
        raise error

    return load


def test_the_limit_on_pixels_says_how_to_raise_it_and_can_be_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    error = refusal(saved(picture(), "PNG"))
    assert str(error) == (
        "32 x 24 pixels, over the limit of 500 in total; set SYNTHGATE_MAX_PIXELS=768 to read it all the same"
    )
    assert not error.lasting
    monkeypatch.setenv("SYNTHGATE_MAX_PIXELS", "768")
    assert decode(saved(picture(), "PNG")).size == (32, 24)
    monkeypatch.setenv("SYNTHGATE_MAX_PIXELS", "many")
    assert "SYNTHGATE_MAX_PIXELS is 'many'; set it to a number" in str(refusal(saved(picture(), "PNG")))


@pytest.mark.parametrize(
    ("limit", "edge", "size"),
    [(320 * 240, None, (320, 240)), (320 * 240 - 1, None, (160, 120)), (4799, None, (40, 30)), (19199, 20, (40, 30))],
)
def test_a_large_jpeg_is_decoded_at_a_part_of_its_edges_that_no_limit_decides(
    monkeypatch: pytest.MonkeyPatch, limit: int, edge: int | None, size: tuple[int, int]
) -> None:
    monkeypatch.setattr("pytest_synthgate.images.decode._LARGEST_WHOLE", limit)
    data = saved(picture(320, 240), "JPEG", quality=95)
    small = decode(data, edge=edge)
    assert small.size == (size if edge is None else (40, 30))
    assert np.abs(pixels(small) - pixels(picture(320, 240).resize(small.size))).mean() < 6
    monkeypatch.setenv("SYNTHGATE_MAX_PIXELS", "1000000")
    assert pixel_digest(decode(data, edge=edge)) == pixel_digest(small)
    monkeypatch.setenv("SYNTHGATE_MAX_PIXELS", str(320 * 240 // 5))
    assert "over the limit" in str(refusal(data))


def test_a_photo_of_108_million_pixels_is_read() -> None:
    assert decode(saved(Image.new("L", (12000, 9000), 7), "JPEG"), edge=224).size == (1500, 1125)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n",
            "Git LFS pointer instead of an image; run git lfs pull",
        ),
        (b"\n<!DOCTYPE html><html><body>404</body></html>", "HTML page instead"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><Error/>", "but XML"),
    ],
)
def test_what_stands_in_the_place_of_an_image_is_named(data: bytes, reason: str) -> None:
    assert reason in str(refusal(data))


def test_digest_depends_on_pixels_and_size_alone() -> None:
    png, bmp = decode(saved(picture(), "PNG")), decode(saved(picture(), "BMP"))
    assert pixel_digest(png) == pixel_digest(bmp)
    assert pixel_digest(png).startswith("sha256:")
    assert len(pixel_digest(png)) == 71
    changed = picture()
    changed.putpixel((31, 23), (1, 2, 3))
    assert pixel_digest(changed) != pixel_digest(png)
    assert pixel_digest(Image.new("RGB", (6, 2))) != pixel_digest(Image.new("RGB", (2, 6)))


@settings(max_examples=50)
@given(width=st.integers(1, 40), height=st.integers(1, 40), at_a_time=st.integers(1, 500))
def test_digest_is_of_size_and_values_however_many_are_hashed_at_a_time(
    width: int, height: int, at_a_time: int
) -> None:
    image = Image.fromarray(np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8))
    expected = hashlib.sha256(f"{width}x{height}:".encode() + image.tobytes()).hexdigest()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pytest_synthgate.images.decode._BLOCK", at_a_time)
        assert pixel_digest(image) == f"sha256:{expected}"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_nothing_of_a_file_but_its_pixels_comes_out(form: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "somebody"
    data = saved(picture(), form, exif=exif, dpi=(72, 72), icc_profile=b"profile")
    decoded = decode(data)
    assert type(decoded) is Image.Image
    assert (decoded.info, dict(decoded.getexif())) == ({}, {})
    assert b"somebody" in data
    assert b"somebody" not in saved(decoded, form)


def test_many_threads_decode_the_same_as_one() -> None:
    files = [saved(picture(32 + size, 24), form) for size in range(8) for form in ("PNG", "JPEG", "GIF", "TIFF")]
    filters = list(warnings.filters)
    alone = [pixel_digest(decode(data)) for data in files]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda data: pixel_digest(decode(data)), files * 5))
    assert together == alone * 5
    assert list(warnings.filters) == filters


def test_files_that_cannot_be_read_have_a_reason(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    for path, reason in [
        (tmp_path / "none.png", "missing"),
        (tmp_path / "folder.png", "not a plain file"),
        (Path("a\0b.png"), "path is not one"),
        (tmp_path / ("x" * 5000), "cannot be read"),
    ]:
        with pytest.raises(UnreadableError, match=reason):
            read_bytes(path)
    (tmp_path / "some.png").write_bytes(b"abc")
    assert read_bytes(tmp_path / "some.png") == b"abc"


def test_no_format_that_runs_programs_is_read() -> None:
    assert {"png", "jpg", "jpeg", "webp", "bmp", "gif", "tif", "tiff"} <= SUFFIXES
    assert SUFFIXES.isdisjoint({"eps", "ps", "pdf", "wmf", "emf", "svg"})


@pytest.mark.photos
@pytest.mark.slow
def test_the_eleven_identical_pairs_of_the_snacks_photos_have_equal_digests(test_data: Path) -> None:
    photos = open_folder(test_data / "snacks")
    assert len(photos) == 4838
    assert len(photos.class_counts()) == 20
    by_digest: dict[str, list[str | None]] = {}
    for record in photos.records:
        assert record.path is not None
        by_digest.setdefault(pixel_digest(decode(read_bytes(record.path))), []).append(record.class_name)
    twins = [classes for classes in by_digest.values() if len(classes) > 1]
    assert twins == [["pineapple", "pineapple"]] * 11
