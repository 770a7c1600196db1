"""A table that names image files -> a set, with the classes, prompts and seeds it knows.

Second station of the flow: a table of paths beside the images, or one table for both sets.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import Literal

from pytest_synthgate.errors import SourceError
from pytest_synthgate.images.rows import Row, Rows, read_rows
from pytest_synthgate.images.sets import ImageRecord, ImageSet
from pytest_synthgate.text.printable import printable

Side = Literal["real", "synthetic"]

SIDE_COLUMN = "real_or_synthetic"
_SIDES = ("real", "synthetic")
FACTS = {"class": ("class",), "prompt": ("prompt", "text", "caption"), "seed": ("seed",), SIDE_COLUMN: (SIDE_COLUMN,)}
"""What a table may say about an item besides its name, and the columns that say it."""
FILE_NAMES = ("file_name", "filename", "image", "path", "file", "image_path", "file_path")
"""What the column with the names of image files may be called."""


def open_table(path: Path, *, side: Side) -> ImageSet:
    """Read a table with a column `image`, and optionally `class`, `prompt`, `seed` and `real_or_synthetic`.

    Args:
        path: CSV, JSON Lines or Parquet; paths in it are relative to its folder, or absolute. The column of paths may
            be called by any of `FILE_NAMES`.
        side: Which rows to take where the table has a column `real_or_synthetic`.

    Returns:
        The set; files that do not exist are listed all the same, and turn out unreadable later.

    Raises:
        SourceError: The table cannot be read, a column is missing, a cell is not what it should be, or an
            image is listed twice; the text names file and line.
        MissingExtraError: Parquet without pyarrow.
    """
    table = read_rows(path, {"image": ("image", *FILE_NAMES), **FACTS})
    table.require("image")
    records: dict[str, ImageRecord] = {}
    listed: dict[str, str] = {}
    for row in rows_of(table, side):
        record = _record(row, path.parent)
        if record.id in records:
            raise SourceError(f"{row.where}: {record.id!r} is listed already ({listed[record.id]}); remove one")
        records[record.id] = record
        listed[record.id] = row.where
    return ImageSet(path, tuple(records[name] for name in sorted(records)))


def rows_of(table: Rows, side: Side) -> list[Row]:
    """Select the rows of one side; all of them where the table has no column `real_or_synthetic`.

    Raises:
        SourceError: The column is there and a row says neither.
    """
    if SIDE_COLUMN not in table.called:
        return list(table.rows)
    chosen = []
    for row in table.rows:
        value = row.text(SIDE_COLUMN)
        if value not in _SIDES:
            raise SourceError(f"{row.where}: {SIDE_COLUMN} is {value or ''!r}; write real or synthetic")
        if value == side:
            chosen.append(row)
    return chosen


def class_of(row: Row) -> str | None:
    """Give the class of a row as it is shown, if it has one."""
    name = row.text("class")
    return printable(name) if name is not None else None


def _record(row: Row, folder: Path) -> ImageRecord:
    image = row.text("image")
    if image is None:
        raise SourceError(f"{row.where}: the cell image is empty; write a path")
    path = as_spelt(folder / image)
    return ImageRecord(
        id=_id(image if path == folder / image else os.path.relpath(path, folder), folder),
        path=path,
        class_name=class_of(row),
        prompt=row.text("prompt"),
        seed=row.whole_number("seed"),
    )


def as_spelt(path: Path) -> Path:
    r"""Find the file that a table of another system means: `a\b` is `a/b`, and letters may be composed or not.

    Only an unusual path costs a look at the file system.
    """
    name = str(path)
    if name.isascii() and "\\" not in name.removeprefix(path.anchor):
        return path
    plain = name.replace("\\", "/")
    forms = (name, plain, *(unicodedata.normalize(form, plain) for form in ("NFC", "NFD")))
    return next((Path(each) for each in forms if os.path.lexists(each)), path)


def _id(image: str, folder: Path) -> str:
    # By name alone: two spellings of one path are one image, and no file is touched.
    base = os.path.abspath(folder)  # noqa: PTH100  resolve() would follow links
    whole = os.path.normpath(os.path.join(base, image))  # noqa: PTH118
    if os.path.isabs(image) and not Path(whole).is_relative_to(base):  # noqa: PTH117
        return printable(Path(whole).as_posix())
    return printable(Path(os.path.relpath(whole, base)).as_posix())
