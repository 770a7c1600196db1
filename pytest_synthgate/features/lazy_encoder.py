"""An encoder at work: known by its facts from the store, and in memory only once something must be encoded.

Third station of the flow (images -> features -> scores).
"""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pytest_synthgate.device import Hardware, Runtime
from pytest_synthgate.errors import EncoderError, foreign, retold
from pytest_synthgate.features.ahead import ahead, cores
from pytest_synthgate.features.encoder import Encoder, EncoderFacts, EncoderSource
from pytest_synthgate.features.openvino_encoder import OpenVinoEncoder
from pytest_synthgate.features.road import ROAD_REVISION
from pytest_synthgate.features.store import Store
from pytest_synthgate.files.stamps import FileStamp
from pytest_synthgate.images.normalise import JPEG_QUALITY, JPEG_SUBSAMPLING, Preprocessing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CPU_BATCH = 8  # larger ones only spill the caches: measured fastest for convolutions, no slower for ViTs
_ACCELERATOR_BATCH = 64


@dataclass(frozen=True, slots=True)
class NotedFacts:
    """Facts as the store keeps them, with the stamps of the files they came from and the runtime it could run in."""

    files: tuple[FileStamp, ...]
    facts: EncoderFacts
    runtime: Runtime = "torch"

    def to_text(self) -> str:
        """Give the JSON form."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read what `to_text` gave."""
        noted = json.loads(text)
        fingerprint, given, dim = (noted["facts"][name] for name in ("fingerprint", "preprocessing", "dim"))
        expected: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in given.items()
        }
        stamps = tuple(FileStamp(*stamp) for stamp in noted["files"])
        return cls(stamps, EncoderFacts(fingerprint, Preprocessing(**expected), dim), noted.get("runtime", "torch"))


class LazyEncoder:
    """An encoder on its hardware, loaded when first needed, for all the sets that are embedded with it.

    The store keeps its facts, by the stamps of its files, and its features. Where no batch size is given, it is what
    suits the hardware.

    Attributes:
        ready: How many prepared images there should be at most before they are encoded.
    """

    def __init__(self, source: EncoderSource, hardware: Hardware, store: Store, batch_size: int | None = None) -> None:
        self.name = source.name
        self.hardware = hardware = source.settled(hardware)
        self.store = store
        self.batch_size = batch_size or (CPU_BATCH if hardware.device == "cpu" else _ACCELERATOR_BATCH)
        # A batch for each of the threads that may encode, and one for the thread that is done first.
        self.ready = self.batch_size * (1 + (cores() if hardware.device == "cpu" else 1))
        self._source = source
        self._encoder: Encoder | None = None
        # Another version may run what this one cannot.
        self._noted_as = self.name if hardware.runtime == "torch" else f"{self.name} {_installed(hardware.runtime)}"
        self.facts = source.facts or self._remembered() or self._asked()

    def road(self, normalise: bool) -> dict[str, object]:
        """Name what a picture goes through before it is a vector, in plain JSON types."""
        return {
            "encoder": self.facts.fingerprint,
            "preprocessing": self.facts.preprocessing.to_json(),
            "normalise": f"jpeg {JPEG_QUALITY} {JPEG_SUBSAMPLING}" if normalise else None,
            "road": ROAD_REVISION,
        }

    def key(self, normalise: bool) -> str:
        """Name features in the store: the road and how vectors are rounded, in a hash."""
        values = [self.road(normalise), self.hardware.arithmetic]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def add_features(self, key: str, prepared: Iterable[tuple[str, NDArray[np.uint8]]]) -> None:
        """Encode named images, uint8 (height, width, 3), and store each batch under the key as soon as it is done.

        A name that came before is left out.
        """

        def finish(batch: dict[str, NDArray[np.uint8]]) -> None:
            vectors = self.encode(list(batch.values()))
            self.store.add_features(key, dict(zip(batch, vectors, strict=True)))

        images = _distinct(prepared)
        batches = iter(lambda: dict(islice(images, self.batch_size)), {})
        first = next(batches, None)
        if first is None:  # then nothing is loaded
            return
        batches = chain([first], batches)
        with _in_threads(self._loaded()) as threads:
            finished = map(finish, batches) if threads == 1 else ahead(finish, batches, threads + 1, threads)
            deque(finished, maxlen=0)

    def encode(self, pixels: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Encode up to a batch of images, always in a full one: kernels may differ between batch sizes.

        Returns:
            float32 (len(pixels), dim), rows of Euclidean length 1.

        Raises:
            EncoderError: The encoder cannot be loaded, or gives something else than one vector an image.
        """
        import numpy as np

        batch = np.zeros((self.batch_size, *self.facts.preprocessing.shape, 3), dtype=np.uint8)
        batch[: len(pixels)] = np.stack(pixels)
        encoder = self._loaded()
        with foreign(f"the encoder {self.name}", EncoderError):
            vectors = np.asarray(encoder.encode(batch), dtype=np.float32)
        if vectors.shape != (self.batch_size, self.facts.dim):
            raise EncoderError(
                f"{self.name} gave vectors of shape {vectors.shape} for {self.batch_size} images, "
                f"not {(self.batch_size, self.facts.dim)}; name another encoder"
            )
        vectors = vectors[: len(pixels)]
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
        if not np.all(np.isfinite(lengths) & (lengths > 0)):
            raise EncoderError(
                f"{self.name} gave a vector that is zero or not finite in {self.hardware.precision} "
                f"on {self.hardware.device}; name another precision or encoder"
            )
        unit: NDArray[np.float32] = (vectors / lengths).astype(np.float32)
        return unit

    def let_go(self) -> None:
        """Free the memory of the model, until it is needed again."""
        self._encoder = None

    def _loaded(self) -> Encoder:
        if self._encoder is None:
            self._encoder = self._recalled()
        if self._encoder is None:
            started = time.time_ns()
            with retold(EncoderError, f"the encoder {self.name} cannot be loaded (", ")"), warnings.catch_warnings():
                # What the libraries warn of is shown, but must not stop a run that turns warnings into errors. Pillow,
                # whose threads decode meanwhile, is kept from warning.
                warnings.filterwarnings("default", module=r"(?!PIL\.)")
                loaded = self._source.load(self.hardware)
            if self.hardware.runtime == "openvino" and not isinstance(loaded.encoder, OpenVinoEncoder):
                self._fall_back()
            self._encoder = loaded.encoder
            stamps = tuple(FileStamp.of(file) for file in self._source.files or loaded.files)
            if stamps and all(stamp.settled(started) for stamp in stamps):
                note = NotedFacts(stamps, EncoderFacts.of(loaded.encoder), self.hardware.runtime)
                self.store.add_note("weights", self._noted_as, note.to_text())
            if self._converts():
                from pytest_synthgate.features.converted import keep

                keep(self.store.directory, loaded.encoder)
        return self._encoder

    def _converts(self) -> bool:
        return self._source.converted and self.hardware.runtime == "openvino"

    def _recalled(self) -> Encoder | None:
        """Give what was kept of it when it was loaded and converted last, if every file is as it was then."""
        facts = self._remembered() if self._converts() else None
        if facts is None:
            return None
        from pytest_synthgate.features.converted import recall

        return recall(self.store.directory, self.name, facts, self.hardware)

    def _fall_back(self) -> None:
        """Turn to torch for a model that OpenVINO cannot run, unless features were asked for by the other key."""
        if hasattr(self, "facts"):
            raise EncoderError(
                f"{self.name} ran in OpenVINO when it was loaded last, and cannot now; name another cache"
            )
        self.hardware = replace(self.hardware, runtime="torch")

    def _asked(self) -> EncoderFacts:
        """Load it to know its facts; the first process notes them for all."""
        with self.store.lock_for("weights", self._noted_as):
            return self._remembered() or EncoderFacts.of(self._loaded())

    def _remembered(self) -> EncoderFacts | None:
        """Give the facts noted when it was loaded last, if every file is as it was then."""
        noted = self.store.note("weights", self._noted_as)
        if noted is None:
            return None
        note = NotedFacts.from_text(noted)
        files = self._source.files or tuple(Path(stamp.path) for stamp in note.files)
        try:
            now = tuple(FileStamp.of(file) for file in files)
        except OSError:
            return None
        if now != note.files:
            return None
        self.hardware = replace(self.hardware, runtime=note.runtime)
        return note.facts


def _installed(runtime: Runtime) -> str:
    try:
        return f"{runtime} {metadata.version(runtime)}"
    except metadata.PackageNotFoundError:
        return runtime


def _in_threads(encoder: Encoder) -> AbstractContextManager[int]:
    in_threads: Callable[[], AbstractContextManager[int]] | None = getattr(encoder, "in_threads", None)
    return nullcontext(1) if in_threads is None else in_threads()


def _distinct(prepared: Iterable[tuple[str, NDArray[np.uint8]]]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    seen: set[str] = set()
    for name, pixels in prepared:
        if name not in seen:
            seen.add(name)
            yield name, pixels
