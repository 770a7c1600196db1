import warnings

import numpy as np
import pytest

from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import EncoderError, SynthgateWarning
from pytest_synthgate.features.encoder import Encoder, EncoderFacts
from pytest_synthgate.images.normalise import Preprocessing

pytest.importorskip("torch")
pytest.importorskip("openvino")
import torch

from pytest_synthgate.features.openvino_encoder import OpenVinoEncoder
from pytest_synthgate.features.openvino_module import module_encoder
from pytest_synthgate.features.torch_encoder import TorchEncoder

INPUT = Preprocessing(size=(8, 6), mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0))
IN_TORCH, IN_OPENVINO = Hardware("cpu", "fp32"), Hardware("cpu", "fp32", "openvino")
BATCHES = (1, 3, 8)


class Convolution(torch.nn.Sequential):
    def __init__(self) -> None:
        layers = torch.nn.Conv2d(3, 5, 2), torch.nn.BatchNorm2d(5), torch.nn.Dropout(), torch.nn.Flatten()
        super().__init__(*layers)


class Attention(torch.nn.Module):
    """As in CLIP; its vector and its patches."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = torch.nn.Conv2d(3, 8, 2, stride=2)
        self.attention = torch.nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        patches = self.patches(pixels).flatten(2).transpose(1, 2)
        attended, _ = self.attention(patches, patches, patches, need_weights=False)
        return attended.mean(dim=1), patches


class Undecided(torch.nn.Module):
    """Goes another way for bright pictures, of which a trace knows nothing."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.flatten(1) * (1 if pixels.abs().sum() == 0 else torch.arange(144))


class OfTwo(torch.nn.Module):
    """Takes the size of the batch for granted once it is traced."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.cat([each.flatten()[None] for each in pixels])


class Outside(torch.nn.Module):
    """Leaves torch in between, for a step that no trace holds."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(np.sort(pixels.flatten(1).detach().numpy(), axis=1) + 1)


def encoder(module: torch.nn.Module, hardware: Hardware) -> Encoder:
    return module_encoder("net", {"name": "net"}, module, INPUT, hardware)


def made(kind: type[torch.nn.Module]) -> torch.nn.Module:
    torch.manual_seed(0)
    return kind()


@pytest.mark.parametrize("kind", [Convolution, Attention])
@pytest.mark.filterwarnings("error")
def test_a_converted_module_is_the_same_encoder(kind: type[torch.nn.Module]) -> None:
    in_torch, converted = encoder(made(kind), IN_TORCH), encoder(made(kind), IN_OPENVINO)
    assert (type(in_torch), type(converted)) == (TorchEncoder, OpenVinoEncoder)
    assert EncoderFacts.of(converted) == EncoderFacts.of(in_torch)
    for size in BATCHES:
        batch = np.random.default_rng(size).integers(0, 256, (size, 8, 6, 3), dtype=np.uint8)
        assert converted.encode(batch) == pytest.approx(in_torch.encode(batch), abs=1e-6)
        assert np.array_equal(converted.encode(batch), converted.encode(batch))


@pytest.mark.parametrize("kind", [Undecided, OfTwo, Outside])
def test_a_module_that_is_lost_in_conversion_is_computed_by_torch_which_is_said_once(
    kind: type[torch.nn.Module],
) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        in_torch = encoder(made(kind), IN_OPENVINO)
    assert type(in_torch) is TorchEncoder
    assert [each.category for each in said] == [SynthgateWarning]
    text = str(said[0].message)
    assert text.startswith("net cannot be converted for OpenVINO (")
    assert text.endswith("); it is computed by torch, at its speed")
    assert "\n" not in text


def test_attention_is_computed_in_one_step_again_afterwards() -> None:
    before = torch.backends.mha.get_fastpath_enabled()
    for enabled in (True, False):
        torch.backends.mha.set_fastpath_enabled(enabled)
        encoder(made(Attention), IN_OPENVINO)
        assert torch.backends.mha.get_fastpath_enabled() is enabled
    torch.backends.mha.set_fastpath_enabled(before)


def test_a_module_that_does_not_fit_its_input_is_refused_as_in_torch() -> None:
    with pytest.raises(EncoderError, match=r"net cannot encode images of \(8, 6\) in fp32 on cpu .*; name another"):
        encoder(torch.nn.Conv2d(4, 1, 1), IN_OPENVINO)
