from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pytest_synthgate.features import edits
from pytest_synthgate.features.edits import LIGHT_EDITS, cropped, embed_edits
from pytest_synthgate.features.embedding import embed
from pytest_synthgate.features.store import Store
from pytest_synthgate.images.decode import decode
from pytest_synthgate.images.normalise import prepare
from pytest_synthgate.images.sets import ImageRecord

from .conftest import FlatEncoder, MakeSet, ready


def mirrored(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


@pytest.mark.parametrize("normalise", [True, False])
def test_edited_photos_take_the_road_of_the_set(
    make_set: MakeSet, encoder: FlatEncoder, store: Store, normalise: bool
) -> None:
    images = make_set(6)
    embedded = embed(images, ready(encoder, store), normalise=normalise)
    result = embed_edits(embedded, ready(encoder, store), {"same": lambda image: image, "mirror": mirrored})
    assert result.digests == embedded.matrix.digests
    assert np.array_equal(result.features["same"], embedded.matrix.features)
    for row, name in enumerate(embedded.matrix.ids):
        picture = mirrored(decode((images.root / name).read_bytes()))
        expected = encoder.encode(prepare(picture, encoder.preprocessing, normalise)[None])[0]
        assert result.features["mirror"][row] == pytest.approx(expected, abs=1e-6)


def test_the_sample_is_the_smallest_digests_each_once(make_set: MakeSet, encoder: FlatEncoder, store: Store) -> None:
    images = make_set(9)
    copies = tuple(ImageRecord(f"copy of {record.id}", record.path) for record in images.records)
    embedded = embed(replace(images, records=images.records + copies), ready(encoder, store))
    result = embed_edits(embedded, ready(encoder, store), {"mirror": mirrored}, sample=4)
    assert result.digests == tuple(sorted(set(embedded.matrix.digests))[:4])
    assert result.features["mirror"].shape == (4, 48)


def test_edited_photos_are_looked_up_the_second_time(
    make_set: MakeSet, encoder: FlatEncoder, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded = embed(make_set(5), ready(encoder, store))
    first = embed_edits(embedded, ready(encoder, store))
    monkeypatch.setattr(edits, "decode", None)
    encoder.batches.clear()
    again = embed_edits(embedded, ready(encoder, store))
    assert encoder.batches == []
    assert first.features.keys() == again.features.keys() == LIGHT_EDITS.keys()
    assert all(np.array_equal(first.features[name], again.features[name]) for name in LIGHT_EDITS)


def test_a_photo_that_changed_or_vanished_meanwhile_leaves_the_sample(
    make_set: MakeSet, encoder: FlatEncoder, store: Store
) -> None:
    images = make_set(4)
    embedded = embed(images, ready(encoder, store))
    (images.root / "000.png").unlink()
    Image.new("RGB", (5, 6)).save(images.root / "001.png")
    left = embed_edits(embedded, ready(encoder, store), {"mirror": mirrored})
    names = dict(zip(embedded.matrix.digests, embedded.matrix.ids, strict=True))
    assert sorted(names[digest] for digest in left.digests) == ["002.png", "003.png"]
    assert left.features["mirror"].shape == (2, 48)


def test_a_photo_longer_than_any_jpeg_is_no_part_of_the_sample(
    make_set: MakeSet, encoder: FlatEncoder, store: Store
) -> None:
    images = make_set(2)
    Image.new("RGB", (66_000, 1)).save(images.root / "001.png")
    left = embed_edits(embed(images, ready(encoder, store)), ready(encoder, store))
    assert len(left.digests) == 1


def test_a_crop_keeps_the_middle_95_percent() -> None:
    picture = Image.fromarray(np.arange(200 * 400 * 3, dtype=np.uint32).astype(np.uint8).reshape(200, 400, 3))
    assert np.array_equal(np.asarray(cropped(picture)), np.asarray(picture)[5:195, 10:390])


def test_a_recompressed_picture_is_a_little_different() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    after = np.asarray(LIGHT_EDITS["jpeg 60"](Image.fromarray(noise))).astype(int)
    assert after.shape == noise.shape
    assert 5 < np.abs(after - noise).mean() < 80
