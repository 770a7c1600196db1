"""A matrix of ready-made embeddings -> a set without pictures, for any modality that has embeddings.

Second station of the flow; the rows join the others at the features.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pytest_synthgate.errors import SourceError, in_a_line
from pytest_synthgate.images.rows import read_parquet, read_rows
from pytest_synthgate.images.sets import ImageRecord, ImageSet
from pytest_synthgate.images.table import FACTS, facts_of, rows_of
from pytest_synthgate.kinds import Side
from pytest_synthgate.text.printable import printable, shown

_VECTOR_COLUMNS = ("vector", "embedding")


def open_npy(path: Path) -> ImageSet:
    """Read a NumPy file of shape (n, d); ids are row numbers from 0. Pickled content is refused.

    Raises:
        SourceError: Not such a file, or not a matrix of real numbers.
    """
    try:
        matrix = np.lib.format.open_memmap(path, mode="r")
    except OSError as error:
        raise SourceError(f"{shown(path)}: cannot be read ({error.strerror or error})") from None
    except Exception as error:  # noqa: BLE001  the header is parsed as Python, and fails in as many ways
        wrong = f"not a NumPy file of numbers ({in_a_line(error)})"
        raise SourceError(f"{shown(path)}: {wrong}; write it with numpy.save") from None
    if matrix.ndim != 2 or matrix.shape[1] == 0 or matrix.dtype.kind not in "fiu":
        raise SourceError(f"{shown(path)}: holds {matrix.dtype} of shape {matrix.shape}; save an (n, d) float array")
    records = [ImageRecord(id=str(row), path=None) for row in range(len(matrix))]
    return _sorted_set(path, records, matrix)


def holds_vectors(path: Path) -> bool:
    """Tell whether a Parquet file has vectors and no images; it fails as `read_parquet` does."""
    names = read_parquet(path).names
    return "image" not in names and any(column in names for column in _VECTOR_COLUMNS)


def open_parquet_vectors(path: Path, *, side: Side) -> ImageSet:
    """Read a Parquet file with a list column `vector` or `embedding`.

    Optional columns are `id`, `class`, `prompt`, `seed`, and `real_or_synthetic`, by which rows are taken.

    Raises:
        SourceError: Not such a file, vectors of several lengths, a gap, or an id that repeats.
        MissingExtraError: pyarrow is not installed.
    """
    rows = rows_of(read_rows(path, {"id": ("id",), **FACTS}), side)
    matrix = _vector_column(path)
    records: dict[str, ImageRecord] = {}
    for number, row in rows.items():
        name = printable(row.text("id") or str(number))
        if name in records:
            raise SourceError(f"{row.where}: the id {name!r} is used already; ids must be unique")
        records[name] = ImageRecord(name, None, **facts_of(row))
    return _sorted_set(path, list(records.values()), matrix[list(rows)])


def _vector_column(path: Path) -> NDArray[np.generic]:
    schema = read_parquet(path)
    from pyarrow import types

    name = next(column for column in _VECTOR_COLUMNS if column in schema.names)
    kind = schema.field(name).type
    is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    if not is_list or not (types.is_floating(kind.value_type) or types.is_integer(kind.value_type)):
        raise SourceError(f"{shown(path)}: column {name!r} holds {kind}; write lists of floats")
    column = read_parquet(path, [name]).column(name).combine_chunks()
    lengths = column.value_lengths().to_numpy(zero_copy_only=False)
    numbers = column.flatten()
    wrong = np.flatnonzero(lengths != lengths[0]) if len(lengths) else np.empty(0, dtype=int)
    if column.null_count or numbers.null_count or len(wrong):
        row = int(wrong[0]) + 1 if len(wrong) else 1
        raise SourceError(
            f"{shown(path)}: the vectors of column {name!r} have gaps or several lengths (row {row}, say); "
            "write vectors of one length"
        )
    return np.asarray(numbers.to_numpy(zero_copy_only=False)).reshape(len(lengths), -1)


def _sorted_set(path: Path, records: Sequence[ImageRecord], matrix: NDArray[np.generic]) -> ImageSet:
    order = sorted(range(len(records)), key=lambda row: records[row].id)
    with np.errstate(over="ignore"):  # becomes an infinity, which the features refuse by name
        vectors = matrix[order].astype(np.float32, copy=False)
    return ImageSet(path, tuple(records[row] for row in order), vectors)
