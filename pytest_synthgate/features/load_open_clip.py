"""Load the image half of a CLIP model with open_clip: by tag, from the hub, or from a directory.

Third station of the flow (images -> features -> scores), and the only part of it that asks the network; it does so
only for encoders that name a hub id, and says at once when there is none: a repeat would not help. Weights are always
asked for: without, open_clip gives a model with random ones. Importing this imports torch and open_clip.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import open_clip

from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import EncoderError, first_line, told
from pytest_synthgate.features.encoder import Loaded
from pytest_synthgate.features.torch_encoder import TorchEncoder
from pytest_synthgate.images.normalise import Preprocessing

_CONFIG = "open_clip_config.json"
_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
PROBE_SECONDS = 3.0
_SHAPING = ("embed_dim", "quick_gelu", "vision_cfg")


def load_tag(name: str, architecture: str, tag: str, hardware: Hardware) -> Loaded:
    """Load pretrained weights that open_clip knows by architecture and tag.

    Raises:
        EncoderError: No such architecture or tag, or the weights cannot be had.
    """
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
    return Loaded(_encoder(name, config, model, hardware), (weights, *revision_files(weights)))


def load_repository(name: str, repository: str, hardware: Hardware) -> Loaded:
    """Load a model that was pushed to the hub in open_clip's own layout.

    Raises:
        EncoderError: The repository cannot be had, or is none of open_clip's.
    """
    config = hub_file(name, repository, (_CONFIG,))
    weights = hub_file(name, repository, _WEIGHTS)
    encoder = _from_directory(name, config.parent, hardware)
    return Loaded(encoder, (config, weights, *revision_files(weights)))


def load_directory(name: str, directory: Path, hardware: Hardware) -> TorchEncoder:
    """Load a model from a directory that open_clip saved, never asking the network.

    Raises:
        EncoderError: The directory does not hold one.
    """
    with no_network():
        return _from_directory(name, directory, hardware)


def _from_directory(name: str, directory: Path, hardware: Hardware) -> TorchEncoder:
    model = _create(name, f"local-dir:{directory}")
    config = json.loads((directory / _CONFIG).read_text(encoding="utf-8"))["model_cfg"]
    return _encoder(name, config, model, hardware)


def _create(name: str, model: str, **settings: Any) -> Any:
    try:
        return open_clip.create_model(model, require_pretrained=True, weights_only=True, **settings)
    except MemoryError:  # says nothing of the file
        raise
    except Exception as error:  # noqa: BLE001  a directory or a file may be damaged in any way
        raise EncoderError(f"{name} cannot be loaded ({told(error)}); name another encoder or save it anew") from None


def _encoder(name: str, config: dict[str, Any], model: Any, hardware: Hardware) -> TorchEncoder:
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
    """Find or fetch the first of some files that a repository has.

    Args:
        encoder: Who needs it, for messages.
        repository: `OWNER/NAME`.
        alternatives: File names, best first.

    Raises:
        EncoderError: Not in the cache, and the hub cannot be reached or does not have it.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
    )

    try:
        for name in alternatives:
            cached = try_to_load_from_cache(repository, name)
            if isinstance(cached, str):
                return Path(cached)
        _probe(encoder, repository)
        for name in alternatives:
            try:
                return Path(hf_hub_download(repository, name))
            except LocalEntryNotFoundError as error:  # the network went away meanwhile
                raise _unavailable(encoder, repository, error) from None
            except EntryNotFoundError:
                continue
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise _unavailable(encoder, repository, error) from None
    raise EncoderError(f"{encoder}: {repository} has none of {', '.join(alternatives)}; name another encoder")


def revision_files(file: Path) -> tuple[Path, ...]:
    """Name what decides which revision of a cached file is current, so that an update is noticed."""
    snapshots = next((each for each in file.parents if each.name == "snapshots"), None)
    reference = snapshots.parent / "refs" / "main" if snapshots else None
    return (reference,) if reference and reference.is_file() else ()


@contextmanager
def no_network() -> Iterator[None]:
    """Keep what is loaded inside from asking the hub, whatever the configuration in a model's directory says."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    # The library reads this on each request; its environment variable only once, when it is imported.
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _probe(encoder: str, repository: str) -> None:
    """Ask once whether the hub is there: a download would try for the better part of a minute."""
    from huggingface_hub import constants, get_session

    try:
        get_session().head(constants.ENDPOINT, timeout=PROBE_SECONDS)
    except Exception as error:  # noqa: BLE001  the type is that of whichever HTTP library the hub's client uses
        raise _unavailable(encoder, repository, error) from None


def _unavailable(encoder: str, repository: str, error: Exception) -> EncoderError:
    return EncoderError(
        f"{encoder}: its weights ({repository}) are not on this machine and could not be fetched "
        f"({first_line(error)}); run once with a network, or name local weights with open_clip:local-dir:DIRECTORY, "
        "or use the encoder efficientnet_lite0, which needs no network"
    )
