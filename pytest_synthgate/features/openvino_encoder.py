"""A model of OpenVINO as an encoder: pixels in, unit vectors out, on a CPU.

Third station of the flow (images -> features -> scores). OpenVINO is imported when an encoder is made, and is kept from
sending word of it.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import EncoderError, first_line
from pytest_synthgate.features.ahead import cores
from pytest_synthgate.images.normalise import Preprocessing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Layout = Literal["NCHW", "NHWC"]
Pooling = Literal["first", "mean"]

_HINTS = {"fp32": "f32", "bf16": "bf16"}
_TELEMETRY = "openvino_telemetry"


def openvino() -> Any:
    """Import OpenVINO, which would otherwise send over the network that it was imported."""
    before = sys.modules.get(_TELEMETRY)
    if before is None:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
    try:
        import openvino as imported
    finally:
        if before is None:
            del sys.modules[_TELEMETRY]
    return imported


def allowed_threads() -> int:
    """Count the threads that may compute: one a core, or as many as OMP_NUM_THREADS says where that is fewer."""
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(cores(), int(first)) if first.isdecimal() and int(first) else cores()


class OpenVinoEncoder:
    """An encoder around a model of OpenVINO with one input, (n, 3, height, width) or (n, height, width, 3).

    An input of whole numbers from 0 to 255 gets the pixels as they are, any other less the mean and by the deviation.
    The batch of the model is free, or fixed: then it is run as often as it takes.

    Args:
        name: As a user writes it.
        fingerprint: All that the vectors depend on beside the preprocessing.
        model: An `openvino.Model`, which is taken over, not copied.
        preprocessing: Its input.
        hardware: Whose precision it computes in.
        layout: Where the channels of its input are.
        output: Which of its outputs holds the vectors.
        pooling: How an output of one vector a token, (n, tokens, dim), becomes one vector: the first, or their mean.

    Raises:
        EncoderError: The model does not fit such an input, gives no vectors, or the processor lacks the precision.
    """

    def __init__(
        self,
        name: str,
        fingerprint: str,
        model: Any,
        preprocessing: Preprocessing,
        hardware: Hardware,
        *,
        layout: Layout = "NCHW",
        output: int = 0,
        pooling: Pooling | None = None,
    ) -> None:
        self.name, self.fingerprint, self.preprocessing = name, fingerprint, preprocessing
        self._threads, self._pooling = allowed_threads(), pooling
        self._lock, self._local = threading.Lock(), threading.local()
        self._compiled: dict[int, Any] = {}
        ov = openvino()
        self._core = ov.Core()
        self._hint = _HINTS[hardware.precision]
        if self._hint == "bf16" and "BF16" not in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise EncoderError(f"{name} cannot be computed in bf16 on this processor; name the precision fp32")
        try:
            self._model = _with_pixels_as_input(ov, model, preprocessing, layout, output)
            shape = self._model.output(0).get_partial_shape()
            batch = self._model.input(0).get_partial_shape()[0]
            self._batch = batch.get_length() if batch.is_static else None
            if shape.rank.is_dynamic or any(each.is_dynamic for each in list(shape)[1:]):
                self._model.reshape([self._batch or 1, *preprocessing.shape, 3])
                shape = self._model.output(0).get_partial_shape()
                if self._batch is None:
                    self._model.reshape([-1, *preprocessing.shape, 3])
            self.dim = _dim(name, [-1 if each.is_dynamic else each.get_length() for each in shape], pooling)
        except (RuntimeError, ValueError, TypeError) as error:
            raise EncoderError(
                f"{name} cannot encode images of {preprocessing.shape} ({first_line(error)}); "
                "name the size, the layout or the output, or another encoder"
            ) from None

    @contextmanager
    def in_threads(self) -> Iterator[int]:
        """Let as many threads call `encode` at once as may compute; each is answered by one thread of OpenVINO."""
        yield self._threads

    def encode(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode images, uint8 (n, height, width, 3), to vectors of length 1, float32 (n, dim)."""
        import numpy as np

        at_once = self._batch or len(batch)
        parts = []
        for start in range(0, len(batch), at_once):
            part = np.zeros((at_once, *batch.shape[1:]), dtype=np.uint8)
            filled = batch[start : start + at_once]
            part[: len(filled)] = filled
            given = self._request(at_once).infer([part], share_inputs=True)[0].astype(np.float32)
            parts.append(_vectors(given, self._pooling)[: len(filled)])
        vectors = np.concatenate(parts)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: NDArray[np.float32] = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        return unit

    def save(self, file: Path) -> None:
        """Write the model to an `.xml` file and a `.bin` beside it: its input is pixels, channels last, its batch free.

        Raises:
            RuntimeError: It cannot be written.
        """
        with self._lock:
            self._model.reshape([self._batch or -1, *self.preprocessing.shape, 3])
            openvino().save_model(self._model, file, compress_to_fp16=False)

    def _request(self, at_once: int) -> Any:
        """Give this thread a request of its own: one is for one thread at a time."""
        requests = self._local.__dict__.setdefault("requests", {})
        if at_once not in requests:
            with self._lock:
                if at_once not in self._compiled:
                    self._compiled[at_once] = self._compile(at_once)
                requests[at_once] = self._compiled[at_once].create_infer_request()
        return requests[at_once]

    def _compile(self, at_once: int) -> Any:
        self._model.reshape([at_once, *self.preprocessing.shape, 3])
        settings = {
            "INFERENCE_PRECISION_HINT": self._hint,
            "EXECUTION_MODE_HINT": "ACCURACY",
            # A request is a stream, and a stream one thread, so that the vectors never depend on how many there are.
            "NUM_STREAMS": self._threads,
            "INFERENCE_NUM_THREADS": self._threads,
            # Processes side by side would be pinned to the same cores.
            "ENABLE_CPU_PINNING": False,
        }
        return self._core.compile_model(self._model, "CPU", settings)


def _with_pixels_as_input(ov: Any, model: Any, preprocessing: Preprocessing, layout: Layout, output: int) -> Any:
    """Keep one output, fix the size of the input, and put scaling and order of the pixels before it."""
    model = ov.Model([model.get_results()[output]], model.get_parameters(), "encoder")
    source = model.input(0)
    batch = source.get_partial_shape()[0]
    height, width = preprocessing.shape
    sides = [3, height, width] if layout == "NCHW" else [height, width, 3]
    model.reshape([batch, *sides])
    steps = ov.preprocess.PrePostProcessor(model)
    pixels = steps.input(0)
    pixels.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    pixels.model().set_layout(ov.Layout(layout))
    if source.get_element_type() != ov.Type.u8:
        scaled = pixels.preprocess().convert_element_type(ov.Type.f32)
        scaled.mean([each * 255 for each in preprocessing.mean]).scale([each * 255 for each in preprocessing.std])
    return steps.build()


def _dim(name: str, shape: list[int], pooling: Pooling | None) -> int:
    """Find the length of a vector in the shape of an output, where -1 stands for a free batch."""
    while len(shape) > 2 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != (3 if pooling else 2) or shape[-1] < 1:
        wanted = "(n, tokens, dim)" if pooling else "(n, dim)"
        remedy = "leave out pooling" if pooling else "name another output, or the pooling of its tokens"
        given = "?".join(str(tuple(shape)).split("-1"))
        raise EncoderError(f"{name} gives an output of shape {given}, not {wanted}; {remedy}")
    return shape[-1]


def _vectors(given: NDArray[np.float32], pooling: Pooling | None) -> NDArray[np.float32]:
    while given.ndim > 2 and given.shape[-1] == 1:
        given = given[..., 0]
    if pooling is None:
        return given
    pooled: NDArray[np.float32] = given[:, 0] if pooling == "first" else given.mean(axis=1)
    return pooled
