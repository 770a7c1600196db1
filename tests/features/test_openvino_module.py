import os
import subprocess
import sys
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import EncoderError, SynthgateWarning
from pytest_synthgate.features.encoder import Encoder, EncoderFacts, EncoderSource, Loaded
from pytest_synthgate.features.lazy_encoder import LazyEncoder
from pytest_synthgate.features.store import Store
from pytest_synthgate.images.normalise import Preprocessing

pytest.importorskip("torch")
pytest.importorskip("openvino")
import torch

from pytest_synthgate.features.openvino_encoder import OpenVinoEncoder
from pytest_synthgate.features.openvino_module import module_encoder
from pytest_synthgate.features.torch_encoder import TorchEncoder

from .conftest import LONG_AGO

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


class Source:
    """Makes sources of encoders from modules, and counts how often one is loaded."""

    def __init__(self, file: Path) -> None:
        self.file, self.loaded = file, 0
        file.write_bytes(b"weights")
        os.utime(file, (LONG_AGO, LONG_AGO))

    def of(self, module: type[torch.nn.Module]) -> EncoderSource:
        return EncoderSource("net", partial(self.load, module), (self.file,), settled=lambda hardware: hardware)

    def load(self, module: type[torch.nn.Module], hardware: Hardware) -> Loaded:
        self.loaded += 1
        return Loaded(encoder(made(module), hardware))


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path / "weights")


def test_features_of_either_runtime_have_a_key_and_a_record_of_their_own(store: Store, source: Source) -> None:
    plain, fast = (LazyEncoder(source.of(Attention), each, store) for each in (IN_TORCH, IN_OPENVINO))
    assert plain.road(normalise=True) == fast.road(normalise=True)
    assert plain.key(normalise=True) != fast.key(normalise=True)
    assert (plain.hardware.arithmetic, fast.hardware.arithmetic) == ("fp32", "fp32 openvino")


def test_what_runs_in_torch_after_all_has_the_key_of_torch_and_is_not_tried_again(store: Store, source: Source) -> None:
    plain = LazyEncoder(source.of(Undecided), IN_TORCH, store)
    with pytest.warns(SynthgateWarning):
        fallen = LazyEncoder(source.of(Undecided), IN_OPENVINO, store)
    assert (fallen.hardware, fallen.key(normalise=True)) == (IN_TORCH, plain.key(normalise=True))
    again = LazyEncoder(source.of(Undecided), IN_OPENVINO, store)
    assert (again.hardware, again.key(normalise=True)) == (IN_TORCH, plain.key(normalise=True))
    assert source.loaded == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again.encode([np.ones((8, 6, 3), dtype=np.uint8)])
    assert source.loaded == 3


def test_what_ran_in_openvino_and_cannot_now_is_an_error_and_never_under_the_wrong_key(
    store: Store, source: Source
) -> None:
    LazyEncoder(source.of(Attention), IN_OPENVINO, store)
    changed = LazyEncoder(source.of(Undecided), IN_OPENVINO, store)
    with (
        pytest.warns(SynthgateWarning),
        pytest.raises(EncoderError, match="net ran in OpenVINO when it was loaded last, and cannot now; name another"),
    ):
        changed.encode([np.ones((8, 6, 3), dtype=np.uint8)])


def test_what_is_known_of_an_encoder_is_recalled_without_either_runtime(store: Store, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    from .onnx_files import write_model

    write_model(tmp_path / "net.onnx")
    (tmp_path / "net.toml").write_text("mean = 0.5\nstd = 0.5")
    for name in ("net.onnx", "net.toml"):
        os.utime(tmp_path / name, (LONG_AGO, LONG_AGO))
    code = """
import sys
from pytest_synthgate.device import choose_hardware
from pytest_synthgate.features.lazy_encoder import LazyEncoder
from pytest_synthgate.features.encoders import resolve_encoder
from pytest_synthgate.features.store import Store
from pathlib import Path
with Store(Path("store")) as store:
    encoder = LazyEncoder(resolve_encoder("onnx:net.onnx"), choose_hardware("cpu", "fp32", store), store)
    print(encoder.hardware.runtime, encoder.facts.dim, sorted({"torch", "openvino"} & {*sys.modules}))
"""
    run = partial(subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = (run(cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(Path.cwd())}).stdout for _ in range(2))
    assert (first, second) == ("openvino 5 ['openvino']\n", "openvino 5 []\n")
