"""The image half of CLIP models, loaded with open_clip: by tag, from the hub, or from a directory.

Third station of the flow (images -> features -> scores), and the only part of it that asks the network; it does so
only for encoders that name a hub id, and says at once when there is none: a repeat would not help. Weights are always
asked for: without, open_clip gives a model with random ones. torch and open_clip are imported by loading only.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import EncoderError, first_line, require, told
from pytest_synthgate.features.encoder import Encoder, EncoderSource, Loaded
from pytest_synthgate.files.hub import no_network, probe, snapshot, with_reference
from pytest_synthgate.images.normalise import Preprocessing

FORMS = ("open_clip:ARCH/TAG", "open_clip:hf-hub:OWNER/NAME", "open_clip:local-dir:DIRECTORY")

_CONFIG = "open_clip_config.json"
_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_CHECKPOINTS = ("*.safetensors", "*.bin", "*.pth")
_SHAPING = ("embed_dim", "quick_gelu", "vision_cfg")


def open_clip_source(name: str, base: Path) -> EncoderSource | None:
    """Take a name of one of the `FORMS`; None for any other.

    Raises:
        EncoderError: It names no weights, or a directory without any.
    """
    family, _, rest = name.partition(":")
    if family != "open_clip" or not rest:
        return None
    place, _, path = rest.partition(":")
    if place == "local-dir":
        directory = base.joinpath(path).absolute()
        files = _files(name, directory)
        return EncoderSource(f"open_clip:local-dir:{directory}", partial(load_directory, name, directory), files)
    if place == "hf-hub":
        if path.count("/") != 1 or not all(path.split("/")):
            raise EncoderError(f"{name!r} is no hub id; write open_clip:hf-hub:OWNER/NAME")
        return EncoderSource(name, partial(load_repository, name, path))
    architecture, _, tag = rest.partition("/")
    if not architecture or not tag:
        raise EncoderError(f"{name!r} names no pretrained weights; write open_clip:ARCH/TAG")
    return EncoderSource(name, partial(load_tag, name, architecture, tag))


def _files(name: str, directory: Path) -> tuple[Path, ...]:
    config = directory / _CONFIG
    if not config.is_file():
        raise EncoderError(f"{name}: no file {config}; name a directory that open_clip saved")
    checkpoints = sorted(file for pattern in _CHECKPOINTS for file in directory.glob(pattern))
    if not checkpoints:
        raise EncoderError(f"{name}: no weights in {directory}; put {_WEIGHTS[0]} there")
    return config, *checkpoints


def load_tag(name: str, architecture: str, tag: str, hardware: Hardware) -> Loaded:
    """Load pretrained weights that open_clip knows by architecture and tag."""
    _require(name)
    import open_clip

    pretrained = open_clip.get_pretrained_cfg(architecture, tag)
    if not pretrained:
        pairs = ["/".join(pair) for pair in open_clip.list_pretrained()]
        near = difflib.get_close_matches(f"{architecture}/{tag}", pairs, n=1, cutoff=0)
        raise EncoderError(f"{name}: open_clip has no such weights; nearest: open_clip:{near[0]}")
    repository, _, file = pretrained["hf_hub"].rpartition("/")
    weights = hub_file(name, repository, _alternatives(file))
    config = open_clip.get_model_config(architecture)
    # open_clip only warns when the tag was trained with the other activation than the architecture's.
    config["quick_gelu"] = config.get("quick_gelu", False) or pretrained.get("quick_gelu", False)
    model = _create(
        name,
        architecture,
        pretrained=str(weights),
        force_quick_gelu=config["quick_gelu"],
        force_preprocess_cfg={
            key: pretrained[key] for key in ("mean", "std", "interpolation", "resize_mode") if key in pretrained
        },
    )
    return Loaded(_encoder(name, config, model, hardware), with_reference(weights))


def load_repository(name: str, repository: str, hardware: Hardware) -> Loaded:
    """Load a model that was pushed to the hub in open_clip's own layout."""
    _require(name)
    config, weights = (hub_file(name, repository, names) for names in ((_CONFIG,), _WEIGHTS))
    return Loaded(_from_directory(name, config.parent, hardware), with_reference(config, weights))


def load_directory(name: str, directory: Path, hardware: Hardware) -> Loaded:
    """Load a model from a directory that open_clip saved, never asking the network."""
    _require(name)
    with no_network():
        return Loaded(_from_directory(name, directory, hardware))


def _require(name: str) -> None:
    require(f"the encoder {name}", "measure", "torch", "open_clip")


def _from_directory(name: str, directory: Path, hardware: Hardware) -> Encoder:
    model = _create(name, f"local-dir:{directory}")
    config = json.loads((directory / _CONFIG).read_text(encoding="utf-8"))["model_cfg"]
    return _encoder(name, config, model, hardware)


def _create(name: str, model: str, **settings: Any) -> Any:
    import open_clip

    try:
        return open_clip.create_model(model, require_pretrained=True, weights_only=True, **settings)
    except MemoryError:  # says nothing of the file
        raise
    except Exception as error:  # noqa: BLE001  a directory or a file may be damaged in any way
        raise EncoderError(f"{name} cannot be loaded ({told(error)}); name another encoder or save it anew") from None


def _encoder(name: str, config: dict[str, Any], model: Any, hardware: Hardware) -> Encoder:
    from pytest_synthgate.features.torch_encoder import TorchEncoder

    expected = model.visual.preprocess_cfg
    preprocessing = Preprocessing(
        size=expected["size"] if isinstance(expected["size"], int) else tuple(expected["size"]),
        resize_mode=expected["resize_mode"],
        interpolation="bilinear" if expected["interpolation"] == "bilinear" else "bicubic",
        mean=_three(expected["mean"]),
        std=_three(expected["std"]),
        fill=expected["fill_color"],
    )
    # The text half has no say in an image's vector: it is neither kept nor part of the fingerprint.
    shaping = {key: config[key] for key in _SHAPING if config.get(key)}
    return TorchEncoder(name, {"open_clip": shaping}, model.visual, preprocessing, hardware)


def _three(value: float | list[float]) -> tuple[float, float, float]:
    values = tuple(value) if isinstance(value, list | tuple) else (value,) * 3
    if len(values) != 3:
        raise EncoderError(f"an encoder's mean and std have three values, not {len(values)}; repair {_CONFIG}")
    return values


def _alternatives(file: str) -> tuple[str, ...]:
    """Name the files a tag may mean, safetensors first, as open_clip looks for them."""
    if not file:
        return _WEIGHTS
    path = Path(file)
    safe = (path.with_suffix(".safetensors").name,) if path.suffix in {".bin", ".pth"} else ()
    return (*safe, file)


def hub_file(encoder: str, repository: str, alternatives: Sequence[str]) -> Path:
    """Find or fetch a file of a repository, `OWNER/NAME`: the first of the alternatives that it has.

    Raises:
        EncoderError: Not in the cache, and the hub cannot be reached or does not have it.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    if here := snapshot(repository):
        for name in alternatives:
            if (here / name).is_file():
                return here / name
    try:
        probe()
        for name in alternatives:
            try:
                return Path(hf_hub_download(repository, name))
            except LocalEntryNotFoundError:  # the network went away meanwhile
                raise
            except EntryNotFoundError:
                continue
    except Exception as error:  # noqa: BLE001  the type is that of whichever HTTP library the hub's client uses
        raise EncoderError(
            f"{encoder}: its weights ({repository}) are not on this machine and could not be fetched "
            f"({first_line(error)}); run once with a network, or name local weights with "
            "open_clip:local-dir:DIRECTORY, or use the encoder efficientnet_lite0, which needs no network"
        ) from None
    raise EncoderError(f"{encoder}: {repository} has none of {', '.join(alternatives)}; name another encoder")
