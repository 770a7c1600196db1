"""A torch image model as an encoder: pixels in, unit vectors out, and a fingerprint of its weights.

Third station of the flow (images -> features -> scores). Importing this imports torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import EncoderError, first_line
from pytest_synthgate.images.normalise import Preprocessing

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class TorchEncoder:
    """An encoder around a torch module, float (n, 3, height, width) -> (n, dim).

    The module comes in fp32 on the CPU and is taken over, not copied; the architecture is all that shapes its output
    beside the weights, in plain JSON types.

    Raises:
        EncoderError: The module does not fit its own input, or the device.
    """

    def __init__(
        self,
        name: str,
        architecture: Mapping[str, Any],
        module: torch.nn.Module,
        preprocessing: Preprocessing,
        hardware: Hardware,
    ) -> None:
        self.name = name
        self.preprocessing = preprocessing
        module = module.eval().requires_grad_(requires_grad=False)
        # Before the cast to the precision in use: the weights are the same ones in any precision.
        self.fingerprint = _fingerprint(architecture, module.state_dict())
        self._device, self._dtype = torch.device(hardware.device), _DTYPES[hardware.precision]
        self._mean = torch.tensor(preprocessing.mean, device=self._device) * 255
        self._std = torch.tensor(preprocessing.std, device=self._device) * 255
        try:
            # Pictures arrive with their channels last, and convolutions are faster with them left there.
            self._module = module.to(self._device, self._dtype).to(memory_format=torch.channels_last)
            self.dim = self.encode(np.zeros((1, *preprocessing.shape, 3), dtype=np.uint8)).shape[1]
        except (RuntimeError, ValueError, TypeError) as error:
            raise EncoderError(
                f"{name} cannot encode images of {preprocessing.shape} in {hardware.precision} "
                f"on {hardware.device} ({first_line(error)}); name another encoder, device or precision"
            ) from None

    @contextmanager
    def in_threads(self) -> Iterator[int]:
        """Let as many threads call `encode` at once as torch would use for one call, each of which then uses one.

        The vectors are those of one thread, whatever their number.
        """
        if self._device.type != "cpu":
            yield 1
            return
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # here, and in threads that begin to use torch
        try:
            yield threads
        finally:
            torch.set_num_threads(threads)

    def encode(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode images, uint8 (n, height, width, 3), to vectors of length 1, float32 (n, dim)."""
        with torch.inference_mode():
            pixels = torch.from_numpy(batch).to(self._device).float()
            centred = ((pixels - self._mean) / self._std).permute(0, 3, 1, 2)
            output = self._module(centred.to(self._dtype))
            # Some models give (image vector, one vector per patch).
            vectors = output[0] if isinstance(output, tuple) else output
            unit = torch.nn.functional.normalize(vectors.float(), dim=-1)
        result: NDArray[np.float32] = unit.cpu().numpy()
        return result


def _fingerprint(architecture: Mapping[str, Any], weights: Mapping[str, torch.Tensor]) -> str:
    """Hash names, types, shapes and bytes in the order of the names, so that the file format does not matter."""
    digest = hashlib.sha256(json.dumps(architecture, sort_keys=True).encode())
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().contiguous()
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return f"sha256:{digest.hexdigest()}"
