"""The columns of a Parquet file, where pyarrow is installed.

Second station of the flow, below `rows` (cells) and `vectors` (lists of numbers).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pytest_synthgate.errors import MissingExtraError, SourceError
from pytest_synthgate.text.printable import printable, shown


def read_schema(path: Path) -> Any:
    """Read the names and types of the columns, a `pyarrow.Schema`.

    Raises:
        SourceError: Not a Parquet file.
        MissingExtraError: pyarrow is not installed.
    """
    return _read(path, lambda file: file.schema_arrow)


def read_columns(path: Path, columns: Sequence[str]) -> Any:
    """Read some columns whole, a `pyarrow.Table`.

    Raises:
        SourceError: Not a Parquet file, or a damaged one.
        MissingExtraError: pyarrow is not installed.
    """
    return _read(path, lambda file: file.read(columns=list(columns)))


def _read(path: Path, part: Callable[[Any], Any]) -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError(
            f"{shown(path)}: Parquet needs pyarrow; run pip install 'pytest-synthgate[tables]'"
        ) from None
    try:
        with pq.ParquetFile(path) as file:
            return part(file)
    except (OSError, pa.ArrowException) as error:
        reason = printable(" ".join(str(error).split())[:200])
        raise SourceError(f"{shown(path)}: not a readable Parquet file ({reason}); write it again") from None
