"""The real loading code, on a CLIP model of a few thousand random weights that is saved in open_clip's layout."""

import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import EncoderError
from pytest_synthgate.features import open_clip_encoders
from pytest_synthgate.features.embedding import embed
from pytest_synthgate.features.encoders import resolve_encoder
from pytest_synthgate.features.lazy_encoder import LazyEncoder
from pytest_synthgate.features.open_clip_encoders import hub_file, load_tag
from pytest_synthgate.features.store import Store
from pytest_synthgate.images.normalise import prepare

from .conftest import LONG_AGO, MakeSet

open_clip = pytest.importorskip("open_clip")
torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")

huggingface_hub = pytest.importorskip("huggingface_hub")

CPU = Hardware("cpu", "fp32")
MODEL: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 8, "vocab_size": 64, "width": 16, "heads": 2, "layers": 1},
}
PREPROCESS = {
    "mean": [0.4, 0.5, 0.6],
    "std": [0.2, 0.25, 0.3],
    "interpolation": "bicubic",
    "resize_mode": "shortest",
}


def save(directory: Path, *, seed: int = 0, model: dict[str, Any] = MODEL, **preprocess: Any) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    weights = open_clip.CLIP(**model).state_dict()
    safetensors.save_file(weights, directory / "open_clip_model.safetensors")
    config = {"model_cfg": model, "preprocess_cfg": PREPROCESS | preprocess}
    (directory / "open_clip_config.json").write_text(json.dumps(config))
    for file in directory.iterdir():
        os.utime(file, (LONG_AGO, LONG_AGO))
    return directory


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return save(tmp_path / "clip")


@pytest.mark.parametrize("resize_mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("size", [(80, 60), (33, 47), (32, 32)])
def test_features_are_those_of_open_clip_on_its_own_transform(
    tmp_path: Path, resize_mode: str, size: tuple[int, int]
) -> None:
    directory = save(tmp_path / "clip", resize_mode=resize_mode)
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{directory}", require_pretrained=True)
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    with torch.no_grad():
        expected = model.eval().encode_image(transform(picture).unsqueeze(0), normalize=True).numpy()
    ours = resolve_encoder(f"open_clip:local-dir:{directory}").load(CPU).encoder
    found = ours.encode(prepare(picture, ours.preprocessing, normalise=False)[None])
    assert found.dtype == np.float32
    assert found == pytest.approx(expected, abs=1e-5)


def test_the_directory_says_what_input_is_expected(tmp_path: Path) -> None:
    directory = save(tmp_path / "clip", interpolation="bilinear", fill_color=7, mean=0.5)
    encoder = resolve_encoder(f"open_clip:local-dir:{directory}").load(CPU).encoder
    assert encoder.dim == 16
    assert encoder.preprocessing.to_json() == {
        "size": [32, 32],
        "resize_mode": "shortest",
        "interpolation": "bilinear",
        "mean": [0.5, 0.5, 0.5],
        "std": [0.2, 0.25, 0.3],
        "fill": 7,
    }


def fingerprint(directory: Path) -> str:
    return resolve_encoder(f"open_clip:local-dir:{directory}").load(CPU).encoder.fingerprint


def test_the_fingerprint_is_that_of_the_weights_whatever_the_file_format(directory: Path, tmp_path: Path) -> None:
    before = fingerprint(directory)
    weights = safetensors.load_file(directory / "open_clip_model.safetensors")
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    (pickled / "open_clip_config.json").write_bytes((directory / "open_clip_config.json").read_bytes())
    torch.save({"state_dict": weights}, pickled / "open_clip_pytorch_model.bin")
    assert fingerprint(pickled) == before
    assert before.startswith("sha256:")


def test_the_fingerprint_leaves_the_text_half_out(directory: Path) -> None:
    before = fingerprint(directory)
    file = directory / "open_clip_model.safetensors"
    weights = safetensors.load_file(file)
    safetensors.save_file(weights | {"text_projection": weights["text_projection"] + 1}, file)
    assert fingerprint(directory) == before
    name = next(name for name in weights if name.startswith("visual."))
    safetensors.save_file(weights | {name: weights[name] + 1}, file)
    assert fingerprint(directory) != before


def test_the_same_weights_with_another_activation_are_another_encoder(directory: Path, tmp_path: Path) -> None:
    assert fingerprint(directory) != fingerprint(save(tmp_path / "quick", model=MODEL | {"quick_gelu": True}))


def test_bf16_gives_nearly_the_same_vectors_under_the_same_fingerprint(directory: Path) -> None:
    source = resolve_encoder(f"open_clip:local-dir:{directory}")
    batch = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    exact, rounded = source.load(CPU).encoder, source.load(Hardware("cpu", "bf16")).encoder
    assert exact.fingerprint == rounded.fingerprint
    cosines = (exact.encode(batch) * rounded.encode(batch)).sum(axis=1)
    assert 0.99 < cosines.min() < 1 - 1e-7


def test_new_weights_in_the_same_place_are_noticed(directory: Path, make_set: MakeSet, store: Store) -> None:
    source = resolve_encoder(f"open_clip:local-dir:{directory}")
    images = make_set(2)
    first = embed(images, LazyEncoder(source, CPU, store))
    save(directory, seed=1)
    os.utime(directory / "open_clip_model.safetensors", (LONG_AGO + 1, LONG_AGO + 1))
    assert embed(images, LazyEncoder(source, CPU, store)).fingerprint != first.fingerprint


def test_weights_that_do_not_fit_are_refused_by_name(directory: Path) -> None:
    smaller = MODEL | {"embed_dim": 8}
    (directory / "open_clip_config.json").write_text(json.dumps({"model_cfg": smaller}))
    with pytest.raises(EncoderError, match=r"open_clip:local-dir:.*clip cannot be loaded .*; name another"):
        fingerprint(directory)


@pytest.mark.parametrize("config", ["{", "{}", "[]", '{"model_cfg": 3}'])
def test_a_damaged_configuration_is_refused_by_name(directory: Path, config: str) -> None:
    (directory / "open_clip_config.json").write_text(config)
    with pytest.raises(EncoderError, match="cannot be loaded"):
        fingerprint(directory)


def test_a_damaged_weights_file_is_refused_by_name(directory: Path) -> None:
    (directory / "open_clip_model.safetensors").write_bytes(b"\xff" * 99)
    with pytest.raises(EncoderError, match="cannot be loaded"):
        fingerprint(directory)


def test_a_pickle_that_holds_code_is_refused_and_not_run(directory: Path, tmp_path: Path) -> None:
    class Code:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "ran",))

    (directory / "open_clip_model.safetensors").unlink()
    torch.save({"state_dict": Code()}, directory / "open_clip_pytorch_model.bin")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        fingerprint(directory)
    assert not (tmp_path / "ran").exists()


def test_a_local_directory_never_asks_the_hub(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"model_cfg": MODEL | {"vision_cfg": {"timm_model_name": "hf-hub:owner/name", "image_size": 32}}}
    (directory / "open_clip_config.json").write_text(json.dumps(config))
    asked: list[object] = []
    monkeypatch.setattr("socket.getaddrinfo", lambda *arguments, **_: asked.append(arguments))
    with pytest.raises(EncoderError, match="cannot be loaded"):
        fingerprint(directory)
    assert asked == []


@pytest.mark.parametrize(("architecture", "tag"), [("ViT-B-32", "laion2b_s34b_b79"), ("ViT-B-23", "laion2b_s34b_b79k")])
def test_unknown_tags_and_architectures_are_refused_with_the_nearest(architecture: str, tag: str) -> None:
    with pytest.raises(EncoderError, match="no such weights; nearest: open_clip:ViT-B-32/laion2b_s34b_b79k"):
        load_tag("the name", architecture, tag, CPU)


def test_too_little_memory_is_not_called_a_damaged_directory(
    directory: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(open_clip, "create_model", full)
    source = resolve_encoder(f"open_clip:local-dir:{directory}")
    with pytest.raises(EncoderError, match=r"^the encoder open_clip:local-dir:.* cannot be loaded \(MemoryError\)$"):
        LazyEncoder(source, CPU, store)


@pytest.fixture
def tiny_tag(directory: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A tag whose weights are in the cache already, trained with the activation its architecture lacks."""
    pretrained = {"hf_hub": "owner/name/", "quick_gelu": True, "url": "", **PREPROCESS}
    monkeypatch.setattr(open_clip, "get_pretrained_cfg", lambda *_: pretrained)
    monkeypatch.setattr(open_clip, "get_model_config", lambda _: json.loads(json.dumps(MODEL)))
    monkeypatch.setattr(open_clip.factory, "get_model_config", lambda _: json.loads(json.dumps(MODEL)))
    monkeypatch.setattr(open_clip_encoders, "hub_file", lambda *_: directory / "open_clip_model.safetensors")
    return pretrained


@pytest.mark.usefixtures("tiny_tag")
def test_a_tag_brings_its_own_preprocessing_and_activation(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        loaded = load_tag("the name", "tiny", "tag", CPU)
    assert loaded.encoder.preprocessing.mean == (0.4, 0.5, 0.6)
    assert loaded.encoder.fingerprint == fingerprint(save(tmp_path / "quick", model=MODEL | {"quick_gelu": True}))
    batch = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    quick = resolve_encoder(f"open_clip:local-dir:{tmp_path / 'quick'}").load(CPU).encoder
    assert np.array_equal(loaded.encoder.encode(batch), quick.encode(batch))


def test_a_hub_repository_is_loaded_from_its_snapshot(
    tmp_path: Path, make_set: MakeSet, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = save(tmp_path / "models--owner--name" / "snapshots" / "abc")
    reference = tmp_path / "models--owner--name" / "refs" / "main"
    reference.parent.mkdir()
    reference.write_text("abc")
    os.utime(reference, (LONG_AGO, LONG_AGO))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    source = resolve_encoder("open_clip:hf-hub:owner/name")
    loaded = source.load(CPU)
    assert loaded.encoder.fingerprint == fingerprint(snapshot)
    assert set(loaded.files) == {*snapshot.iterdir(), reference}
    images = make_set(2)
    first = embed(images, LazyEncoder(source, CPU, store))
    monkeypatch.setattr(open_clip, "create_model", None)
    assert embed(images, LazyEncoder(source, CPU, store)).fingerprint == first.fingerprint


REPOSITORY = "owner/name"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the hub's client that is empty, and no network."""

    def unreachable(*_: object, **__: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("socket.getaddrinfo", unreachable)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def cached(cache: Path, *names: str) -> Path:
    snapshot = cache / "models--owner--name" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (cache / "models--owner--name" / "refs").mkdir()
    (cache / "models--owner--name" / "refs" / "main").write_text("abc")
    for name in names:
        (snapshot / name).write_bytes(b"weights")
    return snapshot


def test_a_cached_file_is_taken_without_a_network(cache: Path) -> None:
    snapshot = cached(cache, "b.bin")
    assert hub_file("me", REPOSITORY, ("a.safetensors", "b.bin")) == snapshot / "b.bin"


def test_the_first_cached_alternative_wins(cache: Path) -> None:
    snapshot = cached(cache, "b.bin", "a.safetensors")
    assert hub_file("me", REPOSITORY, ("a.safetensors", "b.bin")) == snapshot / "a.safetensors"


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("offline", [True, False])
def test_missing_weights_without_a_network_say_what_to_do_at_once(
    offline: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def unreachable(host: object, *_: object, **__: object) -> None:
        asked.append(host)
        raise OSError("Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unreachable)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", offline)
    with pytest.raises(EncoderError) as caught:
        hub_file("open_clip:hf-hub:owner/name", REPOSITORY, ("a.safetensors",))
    assert len(asked) == (0 if offline else 1)  # a download would try for about 47 seconds
    text = str(caught.value)
    assert text.startswith("open_clip:hf-hub:owner/name: its weights (owner/name) are not on this machine")
    assert all(remedy in text for remedy in ("with a network", "open_clip:local-dir:", "efficientnet_lite0"))
    assert "\n" not in text


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (huggingface_hub.errors.EntryNotFoundError, "me: owner/name has none of a.safetensors, b.bin"),
        (huggingface_hub.errors.LocalEntryNotFoundError, r"me: its weights .* not be fetched \(gone\); run once"),
    ],
)
def test_a_missing_file_is_told_from_a_network_that_goes_away(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception], message: str
) -> None:
    class Reachable:
        def head(self, *_: object, **__: object) -> None:
            pass

    def absent(*_: object) -> str:
        raise error("gone")

    monkeypatch.setattr("huggingface_hub.get_session", Reachable)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", absent)
    with pytest.raises(EncoderError, match=message):
        hub_file("me", REPOSITORY, ("a.safetensors", "b.bin"))


@pytest.mark.usefixtures("cache")
def test_a_name_that_is_no_repository_is_refused() -> None:
    with pytest.raises(EncoderError, match=r"me: its weights \(a b/c\)"):
        hub_file("me", "a b/c", ("a.safetensors",))
