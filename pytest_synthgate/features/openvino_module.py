"""A torch module as an encoder of the runtime that was chosen: in torch, or converted for OpenVINO.

Third station of the flow (images -> features -> scores). A conversion is believed only when its vectors agree with
torch's, and is never worth an error: what cannot be converted is computed by torch. Importing this imports torch.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import SynthgateWarning, told
from pytest_synthgate.features.encoder import Encoder
from pytest_synthgate.features.lazy_encoder import CPU_BATCH
from pytest_synthgate.features.openvino_encoder import OpenVinoEncoder, openvino
from pytest_synthgate.features.torch_encoder import TorchEncoder
from pytest_synthgate.images.normalise import Preprocessing

FURTHEST = 1e-5
"""Between coordinates of unit vectors that differ in nothing but rounding; networks of all kinds stay below 1e-6."""

_TRACED = 2  # another batch than is computed later, so that a size which the trace took for granted shows


def module_encoder(
    name: str,
    architecture: Mapping[str, Any],
    module: torch.nn.Module,
    preprocessing: Preprocessing,
    hardware: Hardware,
) -> Encoder:
    """Make an encoder of a torch module, float (n, 3, height, width) -> (n, dim), as `TorchEncoder` does.

    Raises:
        EncoderError: The module does not fit its own input, or the device.
    """
    in_torch = TorchEncoder(name, architecture, module, preprocessing, hardware)
    if hardware.runtime == "torch":
        return in_torch
    try:
        converted = OpenVinoEncoder(
            name, in_torch.fingerprint, _converted(module, preprocessing.shape), preprocessing, hardware
        )
        pictures = np.random.default_rng(0).integers(0, 256, (CPU_BATCH, *preprocessing.shape, 3), dtype=np.uint8)
        distance = float(np.abs(converted.encode(pictures) - in_torch.encode(pictures)).max())
        reason = None if distance < FURTHEST else f"vectors differ by {distance:.0e}"
    except MemoryError:  # says nothing of the module
        raise
    except Exception as error:  # noqa: BLE001  what a module does that cannot be converted is anybody's guess
        reason = told(error)
    if reason is None:
        return converted
    warnings.warn(
        SynthgateWarning(f"{name} cannot be converted for OpenVINO ({reason}); it is computed by torch, at its speed"),
        stacklevel=2,
    )
    return in_torch


def _converted(module: torch.nn.Module, shape: tuple[int, int]) -> Any:
    """Trace a module, and read the trace, without the converter of OpenVINO that reports its use over the network."""
    openvino()
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = (torch.zeros(_TRACED, 3, *shape),)
    with torch.no_grad(), _plain_attention(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes that the trace takes for granted; the vectors will tell
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]
            module, example, check_trace=False, strict=False
        )
        decoder = TorchScriptPythonDecoder(traced, example_input=example)
        frontend = FrontEndManager().load_by_framework("pytorch")
        return frontend.convert(frontend.load(decoder))


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Have attention computed step by step: its fused form cannot be read from a trace."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
