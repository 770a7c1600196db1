"""From a spec to its measurement: what is shared, what is stored under which key, what is told about the sets."""

import gc
import importlib
import os
import pickle
import weakref
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pytest_synthgate import measure
from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import EncoderError, NothingReadableError, SourceError, SpecError, SynthgateError
from pytest_synthgate.features.encoder import EncoderSource, Loaded, source_of
from pytest_synthgate.features.lazy_encoder import LazyEncoder
from pytest_synthgate.features.store import Store
from pytest_synthgate.images import recipe
from pytest_synthgate.images.sources import open_set
from pytest_synthgate.measure import Measurer, gated_classes
from pytest_synthgate.scores import real
from pytest_synthgate.scores.evaluate import score_sets
from pytest_synthgate.spec.model import Spec

from .flat import Flat


def flat(name: str, base: Path) -> EncoderSource:
    return source_of(Flat())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def measurer(store: Store) -> Measurer:
    return Measurer(store, progress=False, resolve=flat)


def draw(folder: Path, counts: dict[str, int], seed: int) -> Path:
    """Draw noisy pictures into class folders."""
    random = np.random.default_rng(seed)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            path = folder / name / f"{number:03}.png"
            Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8)).save(path)
            os.utime(path, (1_600_000_000, 1_600_000_000))
    return folder


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    """A spec over pictures of two classes."""
    real = draw(tmp_path / "real", {"apple": 34, "kiwi": 31}, seed=1)
    made = draw(tmp_path / "made", {"apple": 20, "kiwi": 20}, seed=2)
    return Spec(name="a", file=tmp_path / "synth_x.toml", real=real, images=made, encoder="flat")


def vectors(path: Path, rows: int, seed: int, dim: int = 8) -> Path:
    np.save(path, np.random.default_rng(seed).normal(size=(rows, dim)))
    return path


# Sharing and storing


def test_a_measurement_counts_both_sets_and_says_how_it_was_made(measurer: Measurer, spec: Spec) -> None:
    measurement = measurer.measurement(spec)
    assert (measurement.n_real, measurement.n_synthetic) == (65, 40)
    assert measurement.fingerprint["encoder"] == "flat 1"
    assert measurement.fingerprint["definition"] == "balanced"
    assert measurement.fingerprint["normalise"] == "jpeg 90 4:2:0"
    assert measurement.threshold["recognised"].keys() == {"jpeg 60", "crop 95%"}


def forbid(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError(name)

    monkeypatch.setattr(f"pytest_synthgate.{name}", forbidden)


def test_nothing_is_measured_twice(store: Store, spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Measurer(store, progress=False, resolve=flat).measurement(spec)
    for name in ("scores.evaluate.score_sets", "scores.real.reference", "features.edits.embed_edits"):
        forbid(monkeypatch, name)
    assert Measurer(store, progress=False, resolve=flat).measurement(spec).to_text() == first.to_text()


def test_a_recalled_measurement_needs_no_features(store: Store, spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Measurer(store, progress=False, resolve=flat).measurement(spec)
    monkeypatch.setattr(Store, "features", None)
    assert Measurer(store, progress=False, resolve=flat).measurement(spec) == first


def test_specs_that_share_a_real_set_embed_and_prepare_it_once(
    measurer: Measurer, spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = draw(tmp_path / "other", {"apple": 35}, seed=3)
    one = measurer.sets(spec)
    measurer.measurement(spec)
    forbid(monkeypatch, "scores.real.reference")
    assert measurer.sets(replace(spec, name="b", images=other)).real is one.real
    assert measurer.measurement(replace(spec, name="b", images=other)).n_synthetic == 35


def test_what_a_source_has_to_say_is_told_once_a_run(
    measurer: Measurer, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    importlib.import_module("pytest_synthgate.images.provide")  # or it would take the changed one for good
    noted = "pytest_synthgate.images.sources.open_set"
    monkeypatch.setattr(noted, lambda path, side: replace(open_set(path, side=side), notes=("1 left",)))
    measurer.sets(spec)
    measurer.sets(replace(spec, name="b", real=spec.images))
    assert measurer.notes == ["1 left"]


def key(measurer: Measurer, spec: Spec) -> str:
    return measurer._key_of(spec, measurer.sets(spec))


CHANGES: dict[str, Any] = {
    "definition": {"definition": "studio"},
    "copies": {"copies": "features"},
    "normalise": {"normalise": False},
    "precision": {"precision": "bf16"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_changes_a_number_makes_it_another_measurement(measurer: Measurer, spec: Spec, change: Any) -> None:
    spec = replace(spec, precision="fp32")
    assert key(measurer, spec) != key(measurer, replace(spec, name="b", **change))


@pytest.mark.parametrize("constant", ["REVISION", "FORM"])
def test_what_an_earlier_version_stored_is_not_taken_for_complete(
    measurer: Measurer, spec: Spec, monkeypatch: pytest.MonkeyPatch, constant: str
) -> None:
    before = key(measurer, spec)
    monkeypatch.setattr(measure, constant, getattr(measure, constant) + 1)
    assert key(measurer, spec) != before


def test_what_changes_no_number_does_not(store: Store, spec: Spec) -> None:
    from pytest_synthgate import Limits

    same = replace(spec, limits=Limits(unvaried=1), compare_to="b", batch_size=3, xfail={"unvaried": "known"})
    one, other = (key(Measurer(store, progress=False, resolve=flat), each) for each in (spec, same))
    assert one == other


def change_pixels(folder: Path) -> None:
    Image.new("RGB", (6, 6), "red").save(folder / "apple" / "000.png")


def rename(folder: Path) -> None:
    (folder / "apple" / "000.png").rename(folder / "apple" / "x.png")


def spoil(folder: Path) -> None:
    (folder / "apple" / "broken.png").touch()


def describe(folder: Path) -> None:
    (folder / "metadata.csv").write_text("file_name,prompt\napple/000.png,a prompt\n")


@pytest.mark.parametrize("change", [change_pixels, rename, spoil, describe])
@pytest.mark.parametrize("side", ["real", "made"])
def test_changed_images_are_another_measurement(store: Store, spec: Spec, side: str, change: Any) -> None:
    before = key(Measurer(store, progress=False, resolve=flat), spec)
    change(spec.file.parent / side)
    assert key(Measurer(store, progress=False, resolve=flat), spec) != before


def test_another_prompt_in_a_file_of_the_same_pixels_is_another_measurement(store: Store, spec: Spec) -> None:
    before = key(Measurer(store, progress=False, resolve=flat), spec)
    picture, texts = spec.file.parent / "made" / "apple" / "000.png", PngInfo()
    texts.add_text("parameters", "an apple\nSteps: 20, Seed: 7")
    with Image.open(picture) as image:
        image.load()
        image.save(picture, pnginfo=texts)
    assert key(Measurer(store, progress=False, resolve=flat), spec) != before


def test_what_files_say_of_their_making_is_not_read_twice(
    store: Store, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    Measurer(store, progress=False, resolve=flat).synthetic(spec)
    monkeypatch.setattr(recipe, "_read", None)
    assert len(Measurer(store, progress=False, resolve=flat).synthetic(spec)) == 40


# What is told


def test_scores_are_broken_down_by_class(measurer: Measurer, spec: Spec) -> None:
    found = measurer.measurement(spec).breakdown["class"]
    assert found.keys() == {"apple", "kiwi"}
    assert found["apple"]["unvaried"].n == 20


def test_scores_are_broken_down_by_prompts_that_repeat(measurer: Measurer, spec: Spec) -> None:
    assert spec.images is not None
    rows = [f"apple/{number:03}.png,prompt {number % 2}" for number in range(20)]
    (spec.images / "metadata.csv").write_text("\n".join(["file_name,prompt", *rows]))
    found = measurer.measurement(spec).breakdown["prompt"]
    assert {name: scores["unvaried"].n for name, scores in found.items()} == {"prompt 0": 10, "prompt 1": 10}


def test_a_prompt_for_every_image_is_no_group(measurer: Measurer, spec: Spec) -> None:
    assert spec.images is not None
    rows = [f"apple/{number:03}.png,prompt {number}" for number in range(20)]
    (spec.images / "metadata.csv").write_text("\n".join(["file_name,prompt", *rows]))
    assert "prompt" not in measurer.measurement(spec).breakdown


def test_findings_know_prompt_and_seed(measurer: Measurer, spec: Spec) -> None:
    assert spec.images is not None
    for name in ("000", "001"):
        Image.new("RGB", (6, 6), "red").save(spec.images / "apple" / f"{name}.png")
    (spec.images / "metadata.csv").write_text("file_name,prompt,seed\napple/000.png,an apple,7\n")
    found = {each.image: each for each in measurer.measurement(spec).findings if each.score == "unvaried"}
    assert (found["apple/000.png"].prompt, found["apple/000.png"].seed) == ("an apple", 7)
    assert (found["apple/001.png"].prompt, found["apple/001.png"].seed) == (None, None)


def test_unreadable_files_of_both_sets_are_listed(measurer: Measurer, spec: Spec, tmp_path: Path) -> None:
    for side in ("real", "made"):
        spoil(tmp_path / side)
    measurement = measurer.measurement(spec)
    assert [(each.image, each.image_set) for each in measurement.unreadable] == [
        ("apple/broken.png", "synthetic"),
        ("apple/broken.png", "real"),
    ]
    assert (measurement.n_real, measurement.n_synthetic) == (65, 40)


def test_vectors_need_no_encoder(store: Store, tmp_path: Path) -> None:
    def unloadable(name: str, base: Path) -> EncoderSource:
        return EncoderSource(name, load=lambda _: pytest.fail("loaded"))

    spec = Spec(
        name="a",
        file=tmp_path / "synth_x.toml",
        real=vectors(tmp_path / "real.npy", 60, 0),
        images=vectors(tmp_path / "made.npy", 40, 1),
    )
    measurement = Measurer(store, progress=False, resolve=unloadable).measurement(spec)
    assert (measurement.n_real, measurement.n_synthetic) == (60, 40)
    assert measurement.threshold["recognised"] == {}
    assert "encoder" not in measurement.fingerprint


# Errors


def test_vectors_of_two_lengths_are_refused(measurer: Measurer, tmp_path: Path) -> None:
    real, made = vectors(tmp_path / "real.npy", 60, 0), vectors(tmp_path / "made.npy", 40, 1, dim=9)
    with pytest.raises(SourceError, match="real vectors have 8 numbers and synthetic ones 9"):
        measurer.measurement(Spec(name="a", file=tmp_path / "x.toml", real=real, images=made))


def test_pictures_against_vectors_are_refused(measurer: Measurer, spec: Spec, tmp_path: Path) -> None:
    made = vectors(tmp_path / "made.npy", 40, 1)
    with pytest.raises(SourceError, match="the real set holds pictures and the synthetic set vectors"):
        measurer.sets(replace(spec, images=made))


def test_a_spec_without_a_real_set_is_refused(measurer: Measurer, spec: Spec) -> None:
    with pytest.raises(SpecError, match=r'\[spec.a\] no real set; give `real = "FOLDER"`'):
        measurer.real(replace(spec, real=None))


# Classes with a gate of their own


def test_classes_of_the_real_set_have_gates_and_small_ones_share_the_last(measurer: Measurer, tmp_path: Path) -> None:
    real = draw(tmp_path / "real", {"zebra": 30, "apple": 31, "kiwi": 29, "fig": 1}, seed=0)
    spec = Spec(name="a", file=tmp_path / "x.toml", real=real, images=real)
    assert gated_classes(spec, measurer) == ("apple", "zebra", "pooled")


def test_a_class_counts_its_photos_the_same_for_its_gate_and_its_scores(measurer: Measurer, tmp_path: Path) -> None:
    real = draw(tmp_path / "real", {"apple": 30, "zebra": 31}, seed=0)
    (real / "apple" / "000.png").write_bytes(b"damaged")
    spec = Spec(name="a", file=tmp_path / "x.toml", real=real, images=draw(tmp_path / "made", {"apple": 9}, seed=1))
    assert gated_classes(spec, measurer) == ("apple", "zebra")
    assert measurer.measurement(spec).classes == ("apple",)


def test_declared_classes_are_taken_as_they_are(measurer: Measurer, tmp_path: Path) -> None:
    spec = Spec(name="a", file=tmp_path / "x.toml", images=tmp_path, classes=("kiwi", "apple"))
    assert gated_classes(spec, measurer) == ("apple", "kiwi")


def test_no_classes_at_all_are_an_error(measurer: Measurer, tmp_path: Path) -> None:
    real = vectors(tmp_path / "real.npy", 60, 0)
    with pytest.raises(SpecError, match="a limit per class needs classes: declare `classes`, or"):
        gated_classes(Spec(name="a", file=tmp_path / "x.toml", real=real, images=real), measurer)


# Nothing readable


def nothing_readable(folder: Path) -> None:
    for number, path in enumerate(sorted(folder.rglob("*.png"))):
        path.write_bytes(b"" if number < 3 else b"no image")


@pytest.mark.parametrize(("side", "folder", "count"), [("real", "real", 65), ("synthetic", "made", 40)])
def test_a_set_of_which_nothing_can_be_read_says_why_and_names_files(
    measurer: Measurer, spec: Spec, side: str, folder: str, count: int
) -> None:
    nothing_readable(spec.file.parent / folder)
    with pytest.raises(NothingReadableError) as caught:
        measurer.measurement(spec)
    text = str(caught.value)
    assert f"none of the {count} files of the {side} set can be read: {count - 3} " in text
    assert "(such as apple/003.png), 3 " in text
    assert "(such as apple/000.png)" in text
    assert "\n" not in text
    assert len(caught.value.unreadable) == count
    image, of, reason = caught.value.unreadable[0]
    assert (image, of, bool(reason)) == ("apple/000.png", side, True)


def test_two_sets_of_which_nothing_can_be_read_are_one_error(measurer: Measurer, spec: Spec) -> None:
    for folder in ("real", "made"):
        nothing_readable(spec.file.parent / folder)
    with pytest.raises(
        NothingReadableError, match=r"of the synthetic set .*; none of the 65 files of the real"
    ) as caught:
        measurer.sets(spec)
    assert len(caught.value.unreadable) == 105


def test_an_error_about_unreadable_files_survives_the_way_to_another_process() -> None:
    error = pickle.loads(pickle.dumps(NothingReadableError("text", (("a.png", "real", "empty"),))))
    assert (str(error), error.unreadable) == ("text", (("a.png", "real", "empty"),))


# What is recorded and not compared


def test_device_precision_and_versions_are_recorded_outside_the_fingerprint(measurer: Measurer, spec: Spec) -> None:
    measurement = measurer.measurement(replace(spec, device="cpu", precision="fp32"))
    assert (measurement.recorded["device"], measurement.recorded["precision"]) == ("cpu", "fp32")
    assert measurement.recorded["libraries"].keys() >= {"python", "numpy", "pillow", "torch"}
    assert not measurement.recorded.keys() & measurement.fingerprint.keys()


def test_vectors_have_no_device(measurer: Measurer, tmp_path: Path) -> None:
    real, made = vectors(tmp_path / "real.npy", 60, 0), vectors(tmp_path / "made.npy", 40, 1)
    recorded = measurer.measurement(Spec(name="a", file=tmp_path / "x.toml", real=real, images=made)).recorded
    assert (recorded["device"], recorded["precision"]) == (None, None)


# What is done once


def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often what depends on the real set alone is computed."""
    calls: Counter[str] = Counter()
    for owner, name in ((real, "_prepared"), (real.Reference, "_yardstick")):
        work = getattr(owner, name)

        def counting(*args: Any, name: str = name, work: Any = work) -> Any:
            calls[name] += 1
            return work(*args)

        monkeypatch.setattr(owner, name, counting)
    return calls


def test_what_depends_on_the_real_set_alone_is_computed_once_for_all_specs_and_runs(
    store: Store, spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = counted(monkeypatch)
    other = replace(spec, name="b", images=draw(tmp_path / "other", {"apple": 40}, seed=3))
    measurer = Measurer(store, progress=False, resolve=flat)
    first = measurer.measurement(spec)
    assert calls == {"_prepared": 1, "_yardstick": 1}
    assert measurer.measurement(other).rung == first.rung
    change_pixels(tmp_path / "made")
    changed = Measurer(store, progress=False, resolve=flat).measurement(spec)
    assert calls == {"_prepared": 1, "_yardstick": 1}
    assert changed.to_json()["yardstick"] == first.to_json()["yardstick"]
    assert changed.threshold == first.threshold


def test_another_real_set_or_definition_is_computed_anew(
    store: Store, spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = counted(monkeypatch)
    measurer = Measurer(store, progress=False, resolve=flat)
    measurer.measurement(spec)
    measurer.measurement(replace(spec, name="b", definition="studio"))
    assert calls == {"_prepared": 1, "_yardstick": 2}
    change_pixels(tmp_path / "real")
    Measurer(store, progress=False, resolve=flat).measurement(spec)
    assert calls == {"_prepared": 2, "_yardstick": 3}


def test_a_recalled_real_set_gives_the_measurement_that_a_new_one_gives(
    store: Store, spec: Spec, tmp_path: Path
) -> None:
    Measurer(store, progress=False, resolve=flat).measurement(spec)
    change_pixels(tmp_path / "made")
    with Store(tmp_path / "fresh") as fresh:
        texts = [Measurer(each, progress=False, resolve=flat).measurement(spec).to_text() for each in (store, fresh)]
    assert texts[0] == texts[1]


def test_an_encoder_is_loaded_once_for_all_sets_of_a_run(store: Store, spec: Spec, tmp_path: Path) -> None:
    loads = []

    def load(hardware: Hardware) -> Loaded:
        loads.append(hardware)
        return Loaded(Flat())

    measurer = Measurer(store, progress=False, resolve=lambda name, base: EncoderSource(name, load))
    measurer.measurement(spec)
    measurer.measurement(replace(spec, name="b", images=draw(tmp_path / "other", {"apple": 35}, seed=3)))
    assert len(loads) == 1


def test_a_path_that_two_spec_files_have_in_common_is_an_encoder_for_each(store: Store, spec: Spec) -> None:
    def beside(name: str, base: Path) -> EncoderSource:
        found = Flat()
        found.fingerprint = str(base / name)
        return source_of(found)

    measurer = Measurer(store, progress=False, resolve=beside)
    files = [spec.file.parent / folder / "synth_x.toml" for folder in ("one", "two")]
    sets = [measurer.sets(replace(spec, name=file.parent.name, file=file)) for file in files]
    assert [each.real.fingerprint["encoder"] for each in sets] == [str(file.with_name("flat")) for file in files]


def test_an_encoder_that_fails_is_tried_once_a_run(store: Store, spec: Spec, tmp_path: Path) -> None:
    tried = []

    def load(hardware: Any) -> Any:
        tried.append(hardware)
        raise EncoderError("flat: no such weights")

    measurer = Measurer(store, progress=False, resolve=lambda name, base: EncoderSource(name, load))
    other = draw(tmp_path / "other", {"apple": 35}, seed=3)
    for each in (spec, spec, replace(spec, name="b", images=other), replace(spec, name="c", real=other)):
        for ask in (measurer.sets, measurer.measurement):
            with pytest.raises(EncoderError, match="no such weights"):
                ask(each)
    assert len(tried) == 1


@pytest.mark.parametrize("error", [EncoderError("no luck"), NothingReadableError("no luck", ()), ValueError("no luck")])
def test_an_error_that_is_told_again_keeps_nothing_of_the_work_alive(
    store: Store, spec: Spec, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = []

    def fails(*_: object, **__: object) -> None:
        array = np.zeros(9)
        arrays.append(weakref.ref(array))
        raise copy(error)

    monkeypatch.setattr("pytest_synthgate.features.embedding.embed", fails)
    measurer = Measurer(store, progress=False, resolve=flat)
    for _ in range(3):
        with pytest.raises(type(error), match="no luck"):
            measurer.measurement(spec)
    gc.collect()
    assert [array() for array in arrays] == [None]


def test_what_cannot_be_copied_is_told_again_in_a_line(
    store: Store, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OddError(Exception):
        def __init__(self, code: int, text: str) -> None:
            super().__init__(f"{text} ({code})")

    tried = []

    def fails(*_: object, **__: object) -> None:
        tried.append(1)
        raise OddError(3, "no luck")

    monkeypatch.setattr("pytest_synthgate.features.embedding.embed", fails)
    measurer = Measurer(store, progress=False, resolve=flat)
    for error in (OddError, SynthgateError, SynthgateError):
        with pytest.raises(error, match=r"^no luck \(3\)$"):
            measurer.measurement(spec)
    assert len(tried) == 1


def test_a_model_is_let_go_before_images_are_made(store: Store, spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    measurer = Measurer(store, progress=False, resolve=flat)
    measurer.sets(spec)
    (model,) = (each for each in measurer._done.values() if isinstance(each, LazyEncoder))
    assert model._encoder is not None
    loaded = []

    def make(*_: object, **__: object) -> None:
        loaded.append(model._encoder)
        raise SpecError("no generator")

    monkeypatch.setattr("pytest_synthgate.images.provide.provide", make)
    with pytest.raises(SpecError, match="no generator"):
        measurer.sets(replace(spec, name="made", images=None))
    assert loaded == [None]


def test_an_encoder_of_a_hook_that_breaks_is_tried_once_a_spec(store: Store, spec: Spec) -> None:
    class Broken(Flat):
        tried = 0

        def encode(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
            Broken.tried += 1
            raise RuntimeError("out of memory")

    measurer = Measurer(store, progress=False, resolve=lambda name, base: source_of(Broken()))
    for _ in range(3):
        with pytest.raises(EncoderError, match="out of memory"):
            measurer.measurement(spec)
    assert Broken.tried == 1


def test_two_specs_with_a_known_real_set_are_measured_side_by_side(
    store: Store, spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Measurer(store, progress=False, resolve=flat).measurement(replace(spec, name="warm"))
    both = Barrier(2)

    def meet(*args: Any, **options: Any) -> Any:
        both.wait(60)  # would never come to an end if one waited for the other
        return score_sets(*args, **options)

    monkeypatch.setattr("pytest_synthgate.scores.evaluate.score_sets", meet)
    sets = {name: draw(tmp_path / name, {"apple": 35}, seed=seed) for seed, name in ((3, "b"), (4, "c"))}

    def measured(name: str) -> int:
        with Store(tmp_path / "store") as own:
            measurer = Measurer(own, progress=False, resolve=flat)
            return measurer.measurement(replace(spec, name=name, images=sets[name])).n_synthetic

    with ThreadPoolExecutor(2) as processes:
        assert list(processes.map(measured, sets)) == [35, 35]


def test_two_that_want_the_same_do_it_once(
    store: Store, spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []
    plain = Flat.encode

    def encode(self: Flat, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        encoded.append(len(batch))
        return plain(self, batch)

    monkeypatch.setattr(Flat, "encode", encode)
    calls = counted(monkeypatch)

    def measured(_: int) -> str:
        with Store(tmp_path / "store") as own:
            return (
                Measurer(own, progress=False, resolve=flat)
                .measurement(replace(spec, device="cpu", batch_size=8))
                .to_text()
            )

    with ThreadPoolExecutor(2) as processes:
        one, two = processes.map(measured, range(2))
    assert one == two
    assert calls == {"_prepared": 1, "_yardstick": 1}
    assert sum(encoded) <= 8 * (-(-65 // 8) + -(-40 // 8) + -(-2 * 65 // 8))
