"""Which device computes, and in which precision: features and generated images alike, where nobody names one.

The choice is made by what is there, when something is to be computed, and remembered, since asking costs the import
of torch.

Measured on a CPU with avx512_bf16 and without AMX, CPU time an image against fp32 in batches of eight: bf16
weights take a third for ViT-B-32 and for EfficientNet-Lite0; bf16 autocast of fp32 weights takes up to seven
times as long for ViT-B-32. Hence bf16 weights, never autocast. On 4,827 photos with EfficientNet-Lite0 they
move a vector by a cosine distance of 0.0009 (median; at most 0.005) and the threshold for near-duplicates by
0.0001, flag the same photos, and move unrealistic by less than 0.0005.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

from pytest_synthgate.errors import DeviceError, EncoderError, first_line, require

NumberFormat = Literal["fp32", "bf16"]
Runtime = Literal["torch", "openvino"]

_CPUINFO = Path("/proc/cpuinfo")
_BF16_FLAGS = {"amx_bf16", "avx512_bf16"}
_ACCELERATOR_NODES = ("nvidia[0-9]*", "kfd", "dxg")
_VISIBILITY = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")


@dataclass(frozen=True, slots=True)
class Hardware:
    """Where and how a model runs.

    Attributes:
        device: A torch device, such as "cpu" or "cuda:1".
        precision: Of weights and activations; vectors leave the encoder as float32.
        runtime: The library that computes.
    """

    device: str
    precision: NumberFormat
    runtime: Runtime = "torch"

    @property
    def arithmetic(self) -> str:
        """All that decides how vectors are rounded, in a word or two: features that differ in it are kept apart."""
        return self.precision if self.runtime == "torch" else f"{self.precision} {self.runtime}"


class Memory(Protocol):
    """What remembers a choice, by kind and key; the store does."""

    def note(self, kind: str, key: str) -> str | None:
        """Give what was noted."""

    def add_note(self, kind: str, key: str, text: str) -> None:
        """Note something in place of what was."""


def choose_device(name: str | None) -> str:
    """Check a device by name, or choose the best there is: cuda, mps, cpu.

    Raises:
        DeviceError: torch does not know it, or this machine does not have it.
    """
    require(f"the device {name or 'of this machine'}", "measure", "torch")
    import torch

    if name is None:
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise DeviceError(f"the device {name!r} cannot be used ({first_line(error)}); name another, or none") from None
    return name


def choose_hardware(device: str | None, precision: str, memory: Memory) -> Hardware:
    """Choose device and precision, importing torch only where there may be an accelerator not yet asked for.

    The memory keeps what torch said of this machine.

    Raises:
        DeviceError: No such device.
        EncoderError: No such precision.
    """
    if device is None and (not _accelerators() or find_spec("torch") is None):
        device = "cpu"
    if device == "cpu":
        return Hardware(device, choose_precision(precision, device))
    require(f"the device {device or 'of this machine'}", "measure", "torch")
    state = [_machine(), [os.environ.get(each) for each in _VISIBILITY], device, precision]
    key = json.dumps([metadata.version("torch"), *state])
    remembered = memory.note("hardware", key)
    if remembered is not None:
        return Hardware(**json.loads(remembered))
    chosen_device = choose_device(device)
    chosen = Hardware(chosen_device, choose_precision(precision, chosen_device))
    import torch

    # Where torch is built for an accelerator that it does not find, a driver may be there the next time.
    waits = sys.platform == "linux" and bool(torch.version.cuda or getattr(torch.version, "hip", None))
    if chosen_device != "cpu" or not waits:
        memory.add_note("hardware", key, json.dumps(asdict(chosen)))
    return chosen


def choose_runtime(chosen: Hardware) -> Hardware:
    """Choose OpenVINO for a torch module on a CPU where it is installed, without importing it.

    In bf16 torch takes a third of what it takes in fp32, as OpenVINO does: there is no reason to convert a module then.
    """
    if chosen.device == "cpu" and chosen.precision == "fp32" and find_spec("openvino") is not None:
        return replace(chosen, runtime="openvino")
    return chosen


def choose_precision(wish: str, device: str) -> NumberFormat:
    """Choose the wished precision; for "auto" bf16 where the hardware computes with it and so is faster, else fp32.

    Raises:
        EncoderError: Another wish.
    """
    match wish, device.partition(":")[0]:
        case ("fp32" | "bf16") as precision, _:
            return precision
        case "auto", "cpu":
            return "bf16" if _BF16_FLAGS & cpu_flags() else "fp32"
        case "auto", "cuda":
            import torch

            # From compute capability 8 on; older devices only emulate it.
            return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
        case "auto", _:
            return "fp32"
    raise EncoderError(f"unknown precision {wish!r}; one of auto, fp32, bf16")


def cpu_flags(cpuinfo: Path = _CPUINFO) -> frozenset[str]:
    """Read what the first processor can do; nothing where the system does not say (only Linux does)."""
    try:
        lines = cpuinfo.read_text(errors="replace").splitlines()
    except OSError:
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())


def _accelerators() -> list[str]:
    """List what hints at an accelerator, without torch; elsewhere than on Linux only torch can tell."""
    if sys.platform != "linux":
        return [sys.platform]
    return sorted(node.name for pattern in _ACCELERATOR_NODES for node in Path("/dev").glob(pattern))


def _machine() -> list[object]:
    """Tell one machine from another that shares its store: what is plugged in changes with a start at most."""
    started = Path("/proc/sys/kernel/random/boot_id")
    return [platform.machine(), platform.node(), started.read_text() if started.exists() else None, _accelerators()]
