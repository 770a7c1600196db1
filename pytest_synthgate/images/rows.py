"""The rows of a CSV, JSON Lines or Parquet file, and their cells as text and whole numbers.

Second station of the flow, below `table`, `vectors` and `metadata`. Every complaint names file and line.
"""

from __future__ import annotations

import csv
import difflib
import json
import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_synthgate.errors import SourceError
from pytest_synthgate.images import parquet
from pytest_synthgate.text.printable import shown, storable

SUFFIXES: frozenset[str] = frozenset({".csv", ".jsonl", ".ndjson", ".json-lines", ".parquet"})
"""The file name endings that are read as tables."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where it stands (`table.csv, line 7`), and its cells by column."""

    where: str
    cells: Mapping[str, object]

    def text(self, column: str) -> str | None:
        """Give a cell as text; None when it is empty or absent.

        Raises:
            SourceError: The cell holds a list, an object or a truth value.
        """
        value = self.cells.get(column)
        if _is_empty(value):
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise SourceError(f"{self.where}: {column} is {_brief(value)}; write a text")
        return storable(str(value).strip()) or None

    def whole_number(self, column: str) -> int | None:
        """Give a cell as a whole number; None when it is empty or absent.

        Raises:
            SourceError: The cell is no whole number.
        """
        value = self.cells.get(column)
        if _is_empty(value):
            return None
        number = _as_int(value)
        if number is None:
            raise SourceError(f"{self.where}: {column} is {_brief(value)}; write a whole number")
        return number


@dataclass(frozen=True, slots=True)
class Rows:
    """A table that was read: its file, its columns as they are called there, its rows in file order."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def require(self, column: str) -> None:
        """Check that a column is there.

        Raises:
            SourceError: It is not; the text names the columns and the nearest of them.
        """
        if column in self.columns:
            return
        near = difflib.get_close_matches(column, self.columns, n=1)
        hint = f"rename {near[0]!r} to it" if near else "add it"
        columns = ", ".join(repr(each) for each in self.columns) or "none"
        raise SourceError(f"{shown(self.path)}: there is no column {column!r} (columns: {columns}); {hint}")


def read_rows(path: Path, wanted: Collection[str]) -> Rows:
    """Read a table whole.

    Args:
        path: The file; its ending decides how it is read.
        wanted: Names of the columns to keep in the rows; Parquet reads no others.

    Raises:
        SourceError: The file cannot be read, or is not what its ending says.
        MissingExtraError: A Parquet file, and pyarrow is not installed.
    """
    try:
        if path.suffix.lower() == ".parquet":
            return _read_parquet(path, wanted)
        with path.open(encoding="utf-8-sig", newline="") as stream:
            columns, rows = _read_csv(path, stream) if path.suffix.lower() == ".csv" else _read_json(path, stream)
    except UnicodeDecodeError as error:
        raise SourceError(f"{shown(path)}: not UTF-8 (byte {error.start}); save it as UTF-8") from None
    except OSError as error:
        raise SourceError(f"{shown(path)}: cannot be read ({error.strerror or error})") from None
    kept = tuple(Row(row.where, {name: row.cells[name] for name in wanted if name in row.cells}) for row in rows)
    return Rows(path, tuple(columns), kept)


def _read_csv(path: Path, stream: Iterator[str]) -> tuple[list[str], list[Row]]:
    reader = csv.reader(stream, strict=True)
    rows: list[Row] = []
    try:
        columns = [name.strip() for name in next(reader, [])]
        if repeated := [name for name, count in Counter(columns).items() if count > 1]:
            raise SourceError(f"{shown(path)}: two columns are called {repeated[0]!r}; rename one")
        for cells in reader:
            where = f"{shown(path)}, line {reader.line_num}"
            if len(cells) > len(columns):
                raise SourceError(f"{where}: {len(cells)} cells for {len(columns)} columns; quote cells with commas")
            if any(cells):
                rows.append(Row(where, dict(zip(columns, cells, strict=False))))
    except csv.Error as error:
        raise SourceError(f"{shown(path)}, line {reader.line_num}: not CSV ({error}); repair the line") from None
    return columns, rows


def _read_json(path: Path, stream: Iterator[str]) -> tuple[list[str], list[Row]]:
    columns: dict[str, None] = {}
    rows: list[Row] = []
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        where = f"{shown(path)}, line {number}"
        try:
            cells = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise SourceError(f"{where}: not JSON ({error}); write one object a line") from None
        if not isinstance(cells, dict):
            raise SourceError(f"{where}: {_brief(cells)} is not an object; write one object a line")
        columns.update(dict.fromkeys(cells))
        rows.append(Row(where, cells))
    return list(columns), rows


def _read_parquet(path: Path, wanted: Collection[str]) -> Rows:
    schema = parquet.read_schema(path)
    from pyarrow import types

    kept = [name for name in schema.names if name in wanted]
    for name in kept:
        kind = schema.field(name).type
        if types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind):
            raise SourceError(f"{shown(path)}: column {name!r} holds {kind}; write texts or numbers")
    rows = parquet.read_columns(path, kept).to_pylist()
    numbered = (Row(f"{shown(path)}, row {number}", cells) for number, cells in enumerate(rows, start=1))
    return Rows(path, tuple(schema.names), tuple(numbered))


def _is_empty(value: object) -> bool:
    # Tables written by pandas spell an empty cell as NaN.
    return (
        value is None
        or (isinstance(value, str) and not value.strip())
        or (isinstance(value, float) and math.isnan(value))
    )


def _as_int(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    try:
        return int(str(value))
    except ValueError:
        pass
    try:  # 7.0 is how a column with gaps comes out of pandas
        return _as_int(float(str(value)))
    except ValueError:
        return None


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
