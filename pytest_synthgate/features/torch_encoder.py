"""A torch image model as an encoder: pixels in, unit vectors out, and a fingerprint of its weights; those of timm.

Third station of the flow (images -> features -> scores). timm's come from a safetensors file or from the package that
carries EfficientNet-Lite0: nothing here asks the network, and no pickle that could hold code is read. Importing this
imports torch and timm.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import timm
import torch
from numpy.typing import NDArray

from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import EncoderError, first_line, told
from pytest_synthgate.images.normalise import Preprocessing

_EFFICIENTNET_ARCHITECTURE = "tf_efficientnet_lite0"
_RESIZE_MODES: dict[str, Literal["shortest", "longest", "squash"]] = {
    "center": "shortest",
    "border": "longest",
    "squash": "squash",
}
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class TorchEncoder:
    """An encoder around a torch module.

    Args:
        name: What the user calls it, for messages.
        architecture: All that shapes the output beside the weights, in plain JSON types.
        module: float (n, 3, height, width) -> (n, dim), in fp32 on the CPU; taken over, not copied.
        preprocessing: The input it expects.
        hardware: Where it shall run, and how.

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

    def encode(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode images.

        Args:
            batch: uint8 (n, height, width, 3).

        Returns:
            float32 (n, dim), rows of Euclidean length 1.
        """
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


def load_safetensors(name: str, architecture: str, file: Path, hardware: Hardware) -> TorchEncoder:
    """Load a model by its timm name; its pooled features are the vectors, a classifier in the file is left out.

    Args:
        name: The encoder, for messages.
        architecture: timm's name of the model.
        file: Its weights.
        hardware: Where it shall run, and how.

    Raises:
        EncoderError: timm does not know the model, or the file holds other weights.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not timm.is_model(architecture):
        near = difflib.get_close_matches(architecture, timm.list_models(), n=1)
        raise EncoderError(f"{name}: timm has no model {architecture!r}" + (f"; nearest: {near[0]}" if near else ""))
    module = timm.create_model(architecture, pretrained=False, num_classes=0)
    try:
        weights = load_file(file)
    except (SafetensorError, OSError) as error:
        raise EncoderError(f"{name}: {file} cannot be read ({error}); save the weights anew") from None
    heads = module.default_cfg.get("classifier") or ()
    heads = (heads,) if isinstance(heads, str) else tuple(heads)
    kept = {key: value for key, value in weights.items() if not key.startswith(tuple(f"{each}." for each in heads))}
    try:
        module.load_state_dict(kept)
    except RuntimeError:
        own = module.state_dict()
        wrong = [
            key for key in {**own, **kept} if key not in own or key not in kept or own[key].shape != kept[key].shape
        ]
        raise EncoderError(
            f"{name}: {file} holds the weights of another model ({len(wrong)} differ, such as {wrong[0]!r})"
        ) from None
    return TorchEncoder(name, {"timm": architecture}, module, _preprocessing(module), hardware)


def load_efficientnet(name: str, file: Path, hardware: Hardware) -> TorchEncoder:
    """Load EfficientNet-Lite0, 1,280 pooled features, from the weights of another implementation.

    Args:
        name: The encoder, for messages.
        file: The weights; their order is that of timm's model, their names are not.
        hardware: Where it shall run, and how.

    Raises:
        EncoderError: The file is not what it should be.
    """
    module = timm.create_model(_EFFICIENTNET_ARCHITECTURE, pretrained=False)
    own = module.state_dict()
    try:
        weights = torch.load(file, map_location="cpu", weights_only=True)
        module.load_state_dict(dict(zip(own, weights.values(), strict=True)))
    except MemoryError:  # says nothing of the file
        raise
    except Exception as error:  # noqa: BLE001  what a damaged pickle raises is anybody's guess
        raise EncoderError(f"{name}: {file} cannot be used ({told(error)}); reinstall the package it is from") from None
    module.reset_classifier(0)
    # The scaling that these weights were trained with, (value - 127) / 128; timm's own is for its own weights.
    preprocessing = Preprocessing(size=224, mean=(127 / 255,) * 3, std=(128 / 255,) * 3)
    return TorchEncoder(name, {"timm": _EFFICIENTNET_ARCHITECTURE}, module, preprocessing, hardware)


def _preprocessing(module: torch.nn.Module) -> Preprocessing:
    config: dict[str, Any] = timm.data.resolve_model_data_config(module)
    # timm's crop_pct is left out: the whole picture is judged, not its middle seven eighths.
    return Preprocessing(
        size=tuple(config["input_size"][1:]),
        resize_mode=_RESIZE_MODES.get(config["crop_mode"], "shortest"),
        interpolation="bilinear" if config["interpolation"] == "bilinear" else "bicubic",
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
    )
