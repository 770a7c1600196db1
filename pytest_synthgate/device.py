"""Which torch device computes: features and generated images alike, where nobody names one."""

from __future__ import annotations

from pytest_synthgate.errors import DeviceError, first_line


def choose_device(name: str | None) -> str:
    """Check a device by name, or choose the best there is: cuda, mps, cpu.

    Raises:
        DeviceError: torch does not know it, or this machine does not have it.
    """
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
