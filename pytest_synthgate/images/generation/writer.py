"""Finished images -> files and their lines in the manifest, in a thread of its own while the next batch is made.

Second station of the flow (spec -> images), below `generate`.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Self

from PIL.Image import Image
from PIL.PngImagePlugin import PngInfo

from pytest_synthgate.images.generation.manifest import Entry, Manifest
from pytest_synthgate.images.generation.pipeline import Sample
from pytest_synthgate.images.generation.plan import Wanted


@dataclass(slots=True)
class Writer:
    """Saves images in the order they come; entering starts its thread, leaving waits for the last image.

    Attributes:
        directory: Where the files belong.
        manifest: Where each is noted when it is in place.
        note: What the PNG text says beside prompt and seed: `Steps: 20, Model: x`.
        limit: Images that may wait; more would only fill the memory.
    """

    directory: Path
    manifest: Manifest
    note: str
    limit: int
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "synthgate-writer"))
    _waiting: deque[Future[None]] = field(default_factory=deque)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        failed = any(each.done() and each.exception() for each in self._waiting)
        # What was sampled before an interruption is worth keeping; what follows a full disk is not.
        self._thread.shutdown(wait=True, cancel_futures=failed)
        if kind is None:
            self._settle(0)

    def put(self, batch: Sequence[Wanted], samples: Sequence[Sample], seconds: float) -> None:
        """Queue a batch.

        Args:
            batch: What was wanted.
            samples: What came out, in the same order.
            seconds: What the batch took.

        Raises:
            OSError: An earlier image could not be saved.
        """
        for wanted, sample in zip(batch, samples, strict=True):
            self._waiting.append(self._thread.submit(self._save, wanted, sample, seconds / len(batch)))
        self._settle(self.limit)

    def _settle(self, limit: int) -> None:
        while self._waiting and (len(self._waiting) > limit or self._waiting[0].done()):
            self._waiting.popleft().result()

    def _save(self, wanted: Wanted, sample: Sample, seconds: float) -> None:
        content = None if sample.blacked_out else png(sample.image, wanted, self.note)
        if content is not None:
            _put_in_place(self.directory / wanted.file, content)
        self.manifest.add(
            Entry(
                file=wanted.file,
                sha256=None if content is None else hashlib.sha256(content).hexdigest(),
                size=0 if content is None else len(content),
                prompt=wanted.prompt.text,
                template=wanted.prompt.template,
                class_name=wanted.prompt.class_name,
                axes=dict(wanted.prompt.axes),
                seed=wanted.seed,
                index=wanted.index,
                seconds=round(seconds, 6),
                blacked_out=sample.blacked_out,
            )
        )


def png(image: Image, wanted: Wanted, note: str) -> bytes:
    """Encode an image as PNG, with prompt and seed in its text the way AUTOMATIC1111 writes them."""
    text = PngInfo()
    text.add_itxt("parameters", f"{wanted.prompt.text}\nSteps: {note}, Seed: {wanted.seed}")
    buffer = BytesIO()
    image.save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


def _put_in_place(file: Path, content: bytes) -> None:
    """Write a file beside its place, then move it there: under its name it is whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    # One name for each image: the next run overwrites what a killed one left.
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_bytes(content)
        part.replace(file)
    except OSError:
        part.unlink(missing_ok=True)
        raise
