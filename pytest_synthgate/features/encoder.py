"""An encoder: what one is, what it says of itself, and where it comes from.

Third station of the flow (images -> features -> scores). A further library is a file like `timm_encoders`, which
`encoders` lists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import EncoderError, foreign
from pytest_synthgate.images.normalise import Preprocessing
from pytest_synthgate.text.printable import visible

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PARTS = ("name", "fingerprint", "preprocessing", "dim", "encode")


class Encoder(Protocol):
    """A model that turns images into vectors; what the hook `pytest_synthgate_encoder` returns.

    `encode` is called by one thread at a time, but for an encoder that also has a method `in_threads`: a context
    manager that gives the number of threads that call it at once meanwhile, each to compute on a core of its own.
    """

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
    """What an encoder says of itself, known without having it in memory."""

    fingerprint: str
    preprocessing: Preprocessing
    dim: int

    @classmethod
    def of(cls, encoder: Encoder) -> EncoderFacts:
        """Take them from an encoder."""
        return cls(encoder.fingerprint, encoder.preprocessing, encoder.dim)


@dataclass(frozen=True, slots=True)
class Loaded:
    """An encoder in memory, with the files it came from where its source could not tell them."""

    encoder: Encoder
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class EncoderSource:
    """Where an encoder comes from.

    Attributes:
        name: As the user wrote it, with a relative path made absolute.
        load: Brings it into memory on some hardware, or says in an `EncoderError` why it cannot.
        files: All that it is made of, when that can be told without loading; none for a hub id.
        facts: What is known of it, when that needs no loading.
        settled: The hardware it runs on where some was chosen.
        converted: Whether what it loads for OpenVINO is converted from something else, which is worth keeping.
    """

    name: str
    load: Callable[[Hardware], Loaded]
    files: tuple[Path, ...] = ()
    facts: EncoderFacts | None = None
    settled: Callable[[Hardware], Hardware] = lambda chosen: chosen
    converted: bool = False


def source_of(encoder: Encoder) -> EncoderSource:
    """Make a source of an encoder that is in memory already, such as one that a hook made.

    Raises:
        EncoderError: It is no encoder.
    """
    kind = visible(type(encoder).__name__)
    with foreign(f"the encoder {kind}", EncoderError):
        missing = [part for part in _PARTS if not hasattr(encoder, part)]
        facts = None if missing else EncoderFacts.of(encoder)
    if facts is None:
        raise EncoderError(f"a {kind} is no encoder; give it {', '.join(missing)}")
    if not isinstance(facts.preprocessing, Preprocessing) or not isinstance(facts.fingerprint, str):
        raise EncoderError(f"the encoder {kind}: its fingerprint must be a str, and its preprocessing a Preprocessing")
    return EncoderSource(visible(str(encoder.name)), lambda _: Loaded(encoder), facts=facts)


def hooked(hook: Callable[..., Encoder | None], name: str) -> EncoderSource | None:
    """Ask the hook `pytest_synthgate_encoder` for an encoder; None when it leaves the name to somebody else.

    Raises:
        EncoderError: It failed, or gave something that is no encoder.
    """
    with foreign("the hook pytest_synthgate_encoder", EncoderError):
        encoder = hook(name=name)
    return None if encoder is None else source_of(encoder)
