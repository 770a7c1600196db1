"""Tiny ONNX files for the tests: one convolution over patches, then the mean of all places."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE, PATCH, DIM = 8, 4, 5

Shape = Sequence[int | str]


def kernel(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(DIM, 3, PATCH, PATCH)).astype(np.float32)


def write_model(
    file: Path,
    *,
    shape: Shape = ("n", 3, SIDE, SIDE),
    layout: str = "NCHW",
    kind: int = TensorProto.FLOAT,
    element: int = TensorProto.FLOAT,
    outputs: Sequence[str] = ("vector",),
    weights: str | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Write a model with any of the outputs `vector` (n, d), `pooled` (n, d, 1, 1) and `tokens` (n, t, d).

    Returns:
        Its kernel, float32 (d, 3, patch, patch).
    """
    numbers = kernel(seed)
    exact = numbers.astype(helper.tensor_dtype_to_np_dtype(element))
    nodes = []
    name = "image"
    if layout == "NHWC":
        nodes.append(helper.make_node("Transpose", [name], ["channels_first"], perm=[0, 3, 1, 2]))
        name = "channels_first"
    if kind != element:
        nodes.append(helper.make_node("Cast", [name], ["numbers"], to=element))
        name = "numbers"
    nodes += [
        helper.make_node("Conv", [name, "kernel"], ["map"], strides=[PATCH, PATCH]),
        helper.make_node("GlobalAveragePool", ["map"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["vector"]),
        helper.make_node("Flatten", ["pooled"], ["other"]),
        helper.make_node("Reshape", ["map", "places"], ["places_last"]),
        helper.make_node("Transpose", ["places_last"], ["tokens"], perm=[0, 2, 1]),
    ]
    places = numpy_helper.from_array(np.array([0, DIM, -1], dtype=np.int64), "places")
    batch = shape[0]
    shapes: dict[str, Shape] = {
        "vector": (batch, DIM),
        "other": (batch, DIM),
        "pooled": (batch, DIM, 1, 1),
        "tokens": (batch, "t", DIM),
        "map": (batch, DIM, "h", "w"),
    }
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", kind, shape)],
        [helper.make_tensor_value_info(each, element, shapes[each]) for each in outputs],
        [numpy_helper.from_array(exact, "kernel"), places],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    if weights is None:
        onnx.save_model(model, str(file))
    else:
        onnx.save_model(model, str(file), save_as_external_data=True, location=weights, size_threshold=64)
    return numbers


def renamed_weights(file: Path, location: str) -> None:
    """Have a model name another file for its weights."""
    model = onnx.load_model(str(file), load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    file.write_bytes(model.SerializeToString())


def vectors(batch: np.ndarray, numbers: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """Compute in float64 what such a model gives, rows of length 1."""
    pixels = ((batch / 255 - mean) / std).astype(np.float64)
    return unit(tokens(pixels, numbers).mean(axis=1))


def tokens(pixels: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    n, side = pixels.shape[0], pixels.shape[1] // PATCH
    patches = pixels.reshape(n, side, PATCH, side, PATCH, 3).transpose(0, 1, 3, 5, 2, 4)
    found: np.ndarray = patches.reshape(n, side * side, -1) @ numbers.reshape(DIM, -1).T.astype(np.float64)
    return found


def unit(rows: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled
