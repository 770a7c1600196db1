"""Edited copies among pictures: found by what stands where, looked for once, told as near-copies like any other."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pytest_synthgate import copies
from pytest_synthgate.errors import StoreError
from pytest_synthgate.features import points
from pytest_synthgate.features.encoder import EncoderSource, source_of
from pytest_synthgate.features.local import LOCAL_REVISION
from pytest_synthgate.features.points import Points, prune
from pytest_synthgate.features.store import Store
from pytest_synthgate.images.normalise import Preprocessing
from pytest_synthgate.measure import Measurer
from pytest_synthgate.scores.geometry import GEOMETRY_REVISION, compared
from pytest_synthgate.scores.measurement import COPY_RULE, Measurement
from pytest_synthgate.spec.model import Spec

from .edited import TWELVE, drawn

EDITS = ("crop 60%", "mirror", "grey")


class Tiny:
    """Gives the pixels of a tiny picture as the vector; the one called `blind` random numbers that they seed."""

    preprocessing = Preprocessing(size=4)
    dim = 48

    def __init__(self, name: str) -> None:
        self.name = self.fingerprint = name

    def encode(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        rows = batch.reshape(len(batch), -1).astype(np.float32) + 1
        if self.name == "blind":
            rows = np.array([np.random.default_rng(each.astype(np.int64)).normal(size=self.dim) for each in rows])
        unit: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit


def tiny(name: str, base: Path) -> EncoderSource:
    return source_of(Tiny(name))


def save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    image.save(path)
    os.utime(path, (1_600_000_000, 1_600_000_000))


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    """Five photos; three edited copies, two other pictures, of which one is edited into another one, and a flat one."""
    random = np.random.default_rng(0)
    for number in range(5):
        save(drawn(number), tmp_path / "real" / f"{number}.png")
    for number, edit in enumerate(EDITS):
        save(TWELVE[edit](drawn(number), random), tmp_path / "made" / f"{edit.split()[0]}.png")
    save(drawn(20), tmp_path / "made" / "other.png")
    save(drawn(21), tmp_path / "made" / "whole.png")
    save(TWELVE["crop 60%"](drawn(21), random), tmp_path / "made" / "part.png")
    save(Image.new("RGB", (300, 260), "teal"), tmp_path / "made" / "flat.png")
    return Spec(name="a", file=tmp_path / "synth_x.toml", real=tmp_path / "real", images=tmp_path / "made", encoder="t")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


def measured(store: Store, spec: Spec) -> Measurement:
    return Measurer(store, progress=False, resolve=tiny).measurement(spec)


def found(measurement: Measurement) -> set[tuple[str, str, str | None]]:
    return {(each.score, each.image, each.twin) for each in measurement.findings if each.by == "geometry"}


COPIES = {
    ("unoriginal", "crop.png", "0.png"),
    ("unoriginal", "mirror.png", "1.png"),
    ("unoriginal", "grey.png", "2.png"),
    ("unvaried", "part.png", "whole.png"),
    ("unvaried", "whole.png", "part.png"),
}


def test_edited_copies_are_flagged_beside_their_originals(store: Store, spec: Spec) -> None:
    measurement = measured(store, spec)
    assert found(measurement) == COPIES
    assert measurement.scores["unoriginal"].value == pytest.approx(3 / 7)
    assert measurement.scores["unvaried"].value == pytest.approx(2 / 7)
    assert measurement.scores["collision_rate"].value == pytest.approx(1 / 21)
    assert measurement.representatives == {"real": 5, "synthetic": 6}
    assert measurement.fingerprint["copies"] == COPY_RULE


def test_features_alone_do_not_find_them(store: Store, spec: Spec) -> None:
    measurement = measured(store, replace(spec, copies="features"))
    assert found(measurement) == set()
    assert measurement.scores["unoriginal"].value == 0
    assert "copies" not in measurement.fingerprint
    assert not (store.directory / points.FILE).exists()


def test_a_finding_says_what_was_done_and_where_it_lies(store: Store, spec: Spec) -> None:
    by_image = {each.image: each.geometry for each in measured(store, spec).findings if each.by == "geometry"}
    crop, mirror, part, whole = (by_image[f"{name}.png"] for name in ("crop", "mirror", "part", "whole"))
    assert crop is not None
    assert mirror is not None
    assert part is not None
    assert whole is not None
    assert crop.edit == "cropped to 60%"
    assert mirror.edit == "mirrored"
    assert part.edit == "cropped to 60%"
    assert whole.edit == "in 36% of the picture"
    assert (crop.inliers, crop.agreement) >= (20, 0.5)
    left, right = crop.frame[0], crop.frame[2]
    assert (right[0] - left[0], right[1] - left[1]) == pytest.approx((0.6, 0.6), abs=0.02)
    assert mirror.frame[0] == pytest.approx((1, 0), abs=0.02)
    width = whole.frame[2][0] - whole.frame[0][0]
    assert width == pytest.approx(1 / 0.6, abs=0.06)


def test_a_measurement_keeps_it_all(store: Store, spec: Spec) -> None:
    measurement = measured(store, spec)
    assert Measurement.from_json(measurement.to_json()).to_text() == measurement.to_text()
    assert measurement.recorded["edited_copies"] == {
        "pairs": measurement.recorded["edited_copies"]["pairs"],
        "copies": 4,
        "pictures": {"synthetic": 7, "real": 5},
        "few_points": {"synthetic": 1, "real": 0},
        "lost": {"synthetic": 0, "real": 0},
    }
    assert [each for each in measurement.warnings if each.startswith("edited copies")] == [
        "edited copies: 1 of 7 synthetic images have too few points to be laid on another one; "
        "their features alone were judged"
    ]


def count(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> Counter[str]:
    calls: Counter[str] = Counter()
    real = getattr(module, name)

    def counted(*args: Any, **options: Any) -> Any:
        calls[name] += 1
        return real(*args, **options)

    monkeypatch.setattr(module, name, counted)
    return calls


def test_what_is_decoded_for_the_encoder_is_not_decoded_again(
    store: Store, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = count(monkeypatch, copies, "decode")
    assert found(measured(store, spec)) == COPIES
    assert not again


def test_one_more_image_costs_its_own_points_and_its_own_pairs(
    store: Store, spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(store, spec)
    save(TWELVE["crop 60%"](drawn(4), np.random.default_rng(1)), tmp_path / "made" / "new.png")
    looked, pairs = (count(monkeypatch, *each) for each in ((points, "local_features"), (copies, "compared")))
    assert found(measured(store, spec)) == COPIES | {("unoriginal", "new.png", "4.png")}
    assert looked["local_features"] == 1
    assert 5 <= pairs["compared"] <= 5 + 2 * 7


@pytest.mark.parametrize("pruned", [False, True])
def test_points_from_the_store_and_new_ones_give_the_same(store: Store, spec: Spec, pruned: bool) -> None:
    first = measured(store, spec).to_text()
    with Points(store.directory) as opened, opened._transaction():
        opened._connection.execute("DELETE FROM pairs")
    if pruned:
        assert prune(store.directory) > 0
    with Store(store.directory / "again") as other:
        if not pruned:
            os.link(store.directory / points.FILE, other.directory / points.FILE)
        assert measured(other, spec).to_text() == first


def test_a_stopped_search_goes_on_where_it_was(store: Store, spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "_AT_ONCE", 4)
    done: Counter[str] = Counter()

    def stopping(*pair: Any) -> Any:
        done["pairs"] += 1
        if done["pairs"] == 10:
            raise KeyboardInterrupt
        return compared(*pair)

    monkeypatch.setattr(copies, "compared", stopping)
    with pytest.raises(KeyboardInterrupt):
        measured(store, spec)
    measurement = measured(store, spec)
    assert found(measurement) == COPIES
    assert done["pairs"] <= measurement.recorded["edited_copies"]["pairs"] + 4


def test_a_picture_that_is_gone_is_told(store: Store, spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its features are known, its points are not, and its file shows another picture meanwhile."""
    measurer = Measurer(store, progress=False, resolve=tiny)
    measurer.sets(replace(spec, copies="features"))
    save(drawn(99), spec.file.parent / "made" / "mirror.png")
    measurement = measurer.measurement(spec)
    assert found(measurement) == {each for each in COPIES if each[1] != "mirror.png"}
    assert any("1 of 7 synthetic images could not be read again" in each for each in measurement.warnings)


def test_where_no_picture_has_points_that_is_said_in_one_line(store: Store, spec: Spec) -> None:
    """The same line for all specs of such pictures: small digits, drawings of a line."""
    for folder in ("real", "made"):
        for file in sorted((spec.file.parent / folder).iterdir()):
            with Image.open(file) as image:
                save(image.resize((40, 40)), file)
    measurement = measured(store, spec)
    assert found(measurement) == set()
    assert [each for each in measurement.warnings if each.startswith("edited copies")] == [
        "edited copies: no picture has points enough to be laid on another one; features alone were judged"
    ]


def test_without_opencv_the_run_says_what_is_lost(store: Store, spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_synthgate.prepare.installed", lambda module: module != "cv2")
    measurement = measured(store, spec)
    assert found(measurement) == set()
    assert "copies" not in measurement.fingerprint
    assert [each for each in measurement.warnings if "pip install opencv-python-headless" in each]


def test_another_encoder_may_find_the_originals(store: Store, spec: Spec, tmp_path: Path) -> None:
    """One by whose features anything may be near anything lists the originals of few copies."""
    for number in range(6, 30):
        save(drawn(number), tmp_path / "real" / f"{number:02}.png")
    light = {
        ("unoriginal", f"{edit} {number}.png", f"{number:02}.png")
        for edit in ("jpeg 20", "brightness x 1.3")
        for number in range(6, 10)
    }
    for _, image, twin in light:
        edit = TWELVE[image.rpartition(" ")[0]]
        save(edit(drawn(int(twin[:2])), np.random.default_rng(0)), tmp_path / "made" / image)
    blind = replace(spec, encoder="blind")
    seeing = measured(store, replace(blind, copy_encoder="t"))
    assert found(seeing) >= light
    assert len(found(measured(store, blind)) & light) < len(light)
    assert seeing.fingerprint["copy_encoder"] == "t"
    assert seeing.fingerprint["encoder"] == "blind"


def test_exact_copies_of_an_edited_copy_are_flagged_too(store: Store, spec: Spec, tmp_path: Path) -> None:
    save(Image.open(tmp_path / "made" / "mirror.png"), tmp_path / "made" / "mirror again.png")
    measurement = measured(store, spec)
    assert {("unoriginal", "mirror.png", "1.png"), ("unoriginal", "mirror again.png", "1.png")} <= found(measurement)
    assert measurement.scores["unoriginal"].value == pytest.approx(4 / 8)


def test_vectors_have_no_pictures_to_look_at(store: Store, spec: Spec, tmp_path: Path) -> None:
    for name in ("real", "made"):
        np.save(tmp_path / f"{name}.npy", np.random.default_rng(len(name)).normal(size=(40, 8)))
    both = replace(spec, real=tmp_path / "real.npy", images=tmp_path / "made.npy")
    measurement = measured(store, both)
    assert "copies" not in measurement.fingerprint
    assert not measurement.warnings


def test_the_rule_names_both_revisions() -> None:
    """It stands where a run that computes nothing reads it without importing what looks."""
    assert f"geometry {LOCAL_REVISION}.{GEOMETRY_REVISION}" == COPY_RULE


def test_pruning_frees_the_file_and_costs_nothing_else(store: Store, spec: Spec) -> None:
    first = measured(store, spec).to_text()
    file = store.directory / points.FILE
    size = file.stat().st_size
    assert prune(store.directory) >= size
    assert not file.exists()
    assert prune(store.directory) == 0
    assert measured(store, spec).to_text() == first


def test_what_another_process_uses_is_not_pruned(store: Store, spec: Spec) -> None:
    measured(store, spec)
    with Points(store.directory) as opened:
        opened.counts(["x"])
        with pytest.raises(StoreError, match="end what uses it and try again"):
            prune(store.directory)


def test_what_tau_misses_is_told_only_where_most_pictures_are_left_to_it(
    store: Store, spec: Spec, tmp_path: Path
) -> None:
    """A tau of nearly nothing, for two of the photos are nearly one."""
    save(drawn(0), tmp_path / "real" / "again.jpg")
    for folder in ("flat real", "flat made"):
        for number in range(6):
            save(Image.new("RGB", (40, 40), (40 * number, 99, 9)), tmp_path / folder / f"{folder[5:]}{number}.png")
    flat = replace(spec, name="b", real=tmp_path / "flat real", images=tmp_path / "flat made")

    def narrow(measurement: Measurement) -> bool:
        return any(each.startswith("tau recognises only") for each in measurement.warnings)

    assert narrow(measured(store, replace(spec, encoder="blind", copies="features")))
    assert not narrow(measured(store, replace(spec, encoder="blind")))
    assert narrow(measured(store, replace(flat, encoder="blind")))


def test_damaged_points_are_an_error_with_its_remedy(store: Store, spec: Spec) -> None:
    measured(store, spec)
    with Points(store.directory) as opened:
        with opened._transaction():
            opened._connection.execute("UPDATE points SET points = substr(points, 1, 99)")
        with pytest.raises(StoreError, match=r"copies\.sqlite is damaged .*; run synthgate cache prune"):
            opened.points(opened.counts([*Measurer(store, False, tiny).sets(spec).real.digests.values()]))
