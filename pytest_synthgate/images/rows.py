"""The rows of a CSV, JSON Lines or Parquet file, and their cells as text and whole numbers.

Second station of the flow, below `table` and `vectors`. Every complaint names file and line. Cells are
kept as they are written: what passes through a float on the way loses digits of long numbers.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from pytest_synthgate.errors import SourceError, in_a_line, missing
from pytest_synthgate.files.texts import decoded
from pytest_synthgate.text.printable import shown, storable

TABLE_SUFFIXES: frozenset[str] = frozenset({".csv", ".jsonl", ".ndjson", ".json-lines", ".parquet"})
"""The file name endings that are read as tables."""

_WHOLE = re.compile(r"([+-]?\d+)(\.0*)?")
_EXACT = 1 << 53
"""Whole numbers from which on not every one is a float."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where it stands (`table.csv, line 7`), and its cells by column."""

    where: str
    cells: Mapping[str, object]

    def text(self, column: str) -> str | None:
        """Give a cell as text, None when it is empty or absent; a list, an object, a truth value is a `SourceError`."""
        value = self.cells.get(column)
        if _is_empty(value):
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise SourceError(f"{self.where}: {column} is {_brief(value)}; write a text")
        return storable(str(value).strip()) or None

    def whole_number(self, column: str) -> int | None:
        """Give a cell as a whole number, None when it is empty or absent; anything else is a `SourceError`."""
        value = self.cells.get(column)
        if _is_empty(value):
            return None
        number = _as_int(value)
        if number is None:
            raise SourceError(f"{self.where}: {column} is {_brief(value)}; write a whole number, all digits of it")
        return number


@dataclass(frozen=True, slots=True)
class Rows:
    """A table that was read.

    Attributes:
        columns: All its columns, as they are called there.
        called: What each of the wanted columns that it has is called there.
        rows: Its rows in file order, with the cells of the wanted columns.
    """

    columns: tuple[str, ...]
    called: Mapping[str, str]
    rows: tuple[Row, ...]


def read_rows(path: Path, wanted: Mapping[str, Sequence[str]]) -> Rows:
    """Read a table whole, as the ending of its file says.

    The `wanted` columns are kept in the rows, each with the names that it may have, in any case of letters; the first
    that is there counts.

    Raises:
        SourceError: The file cannot be read, or is not what its ending says.
        MissingExtraError: A Parquet file, and pyarrow is not installed.
    """
    if path.suffix.lower() == ".parquet":
        columns, called, rows = _read_parquet(path, wanted)
    else:
        read = _read_csv if path.suffix.lower() == ".csv" else _read_json
        columns, rows = read(path, read_text(path))
        called = _called(columns, wanted)
    kept = (
        Row(row.where, {name: row.cells[actual] for name, actual in called.items() if actual in row.cells})
        for row in rows
    )
    return Rows(tuple(columns), called, tuple(kept))


def read_text(path: Path) -> str:
    """Read a text file whole, as any system may have written it.

    Raises:
        FileNotFoundError: There is none.
        SourceError: It cannot be read, or is no text.
    """
    try:
        return decoded(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SourceError(f"{shown(path)}: cannot be read ({error.strerror or error})") from None
    except ValueError as error:
        raise SourceError(f"{shown(path)}: {error}") from None


def _called(columns: Iterable[str], wanted: Mapping[str, Sequence[str]]) -> dict[str, str]:
    by_name = {re.sub(r"[ -]", "_", column.casefold()): column for column in reversed(list(columns))}
    by_name |= {column: column for column in columns}
    found = ((name, next((by_name[each] for each in names if each in by_name), None)) for name, names in wanted.items())
    return {name: column for name, column in found if column is not None}


def _read_csv(path: Path, text: str) -> tuple[list[str], list[Row]]:
    header, _, rest = text.partition("\n")
    separator = max(",;\t", key=header.count)  # where a comma is the decimal point, Excel writes semicolons
    declared = re.fullmatch("sep=(.)\r?", header, re.IGNORECASE)
    reader = csv.reader(
        io.StringIO(rest if declared else text, newline=""),
        strict=True,
        delimiter=declared[1] if declared else separator,
    )
    rows: list[Row] = []
    before = csv.field_size_limit(max(len(text), csv.field_size_limit()))
    try:
        columns = [name.strip() for name in next(reader, [])]
        if repeated := [name for name, count in Counter(columns).items() if count > 1]:
            raise SourceError(f"{shown(path)}: two columns are called {repeated[0]!r}; rename one")
        for cells in reader:
            where = f"{shown(path)}, line {reader.line_num + bool(declared)}"
            if len(cells) > len(columns):
                raise SourceError(f"{where}: {len(cells)} cells for {len(columns)} columns; quote cells with commas")
            if any(cells):
                rows.append(Row(where, dict(zip(columns, cells, strict=False))))
    except csv.Error as error:
        raise SourceError(f"{shown(path)}, line {reader.line_num}: not CSV ({error}); repair the line") from None
    finally:
        csv.field_size_limit(before)
    return columns, rows


def _read_json(path: Path, text: str) -> tuple[list[str], list[Row]]:
    columns: dict[str, None] = {}
    rows: list[Row] = []
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        if not line.strip():
            continue
        where = f"{shown(path)}, line {number}"
        try:
            cells = json.loads(line, parse_float=str)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{where}: not JSON ({error}); write one object a line") from None
        if not isinstance(cells, dict):
            raise SourceError(f"{where}: {_brief(cells)} is not an object; write one object a line")
        columns.update(dict.fromkeys(cells))
        rows.append(Row(where, cells))
    return list(columns), rows


def _read_parquet(path: Path, wanted: Mapping[str, Sequence[str]]) -> tuple[list[str], dict[str, str], list[Row]]:
    schema = read_parquet(path)
    from pyarrow import types

    called = _called(schema.names, wanted)
    for name in called.values():
        kind = schema.field(name).type
        if types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind):
            raise SourceError(f"{shown(path)}: column {name!r} holds {kind}; write texts or numbers")
    rows = read_parquet(path, list(called.values())).to_pylist()
    numbered = [Row(f"{shown(path)}, row {number}", cells) for number, cells in enumerate(rows, start=1)]
    return list(schema.names), called, numbered


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> Any:
    """Read some columns of a Parquet file whole, a `pyarrow.Table`; or else the names and types of all, its schema.

    Raises:
        SourceError: Not a Parquet file, or a damaged one.
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise missing(f"{shown(path)}: Parquet needs pyarrow", "tables") from None
    try:
        with pq.ParquetFile(path) as file:
            return file.schema_arrow if columns is None else file.read(columns=list(columns))
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{shown(path)}: not a readable Parquet file ({in_a_line(error)}); write it again") from None


def _is_empty(value: object) -> bool:
    no_number = isinstance(value, float) and math.isnan(value)  # how tables written by pandas spell it
    return value is None or no_number or (isinstance(value, str) and not value.strip())


def _as_int(value: object) -> int | None:
    """Give the whole number that was written; none where digits of it were lost, as in 1.23457E+18."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < _EXACT else None
    try:
        if written := _WHOLE.fullmatch(str(value).strip()):  # 7.0 is how a column with gaps comes out of pandas
            return int(written[1])
        number = Decimal(str(value))
    except (ValueError, InvalidOperation):
        return None
    exponent = number.as_tuple().exponent
    return int(number) if isinstance(exponent, int) and exponent <= 0 and number == number.to_integral() else None


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
