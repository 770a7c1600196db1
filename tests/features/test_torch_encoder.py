from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import EncoderError
from pytest_synthgate.images.normalise import Preprocessing

pytest.importorskip("torch")
import torch

from pytest_synthgate.features.torch_encoder import TorchEncoder

CPU = Hardware("cpu", "fp32")
INPUT = Preprocessing(size=4, mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0))


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


def test_several_threads_encode_at_once_each_on_its_own_and_to_the_last_digit_as_one_does() -> None:
    batches = np.random.default_rng(0).integers(0, 256, (8, 6, 4, 4, 3), dtype=np.uint8)
    net, before = encoder(convolution()), torch.get_num_threads()

    def encoded(batch: np.ndarray) -> tuple[int, np.ndarray]:
        vectors = net.encode(batch)
        return torch.get_num_threads(), vectors

    try:
        torch.set_num_threads(3)
        with net.in_threads() as threads, ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(encoded, batches))
        assert (threads, torch.get_num_threads()) == (3, 3)
        torch.set_num_threads(1)
        assert all(
            np.array_equal(vectors, net.encode(batch)) for batch, (_, vectors) in zip(batches, found, strict=True)
        )
    finally:
        torch.set_num_threads(before)
    assert {number for number, _ in found} == {1}
