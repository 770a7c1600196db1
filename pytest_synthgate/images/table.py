"""A table that names image files -> a set; or, beside the images of a folder, what it knows of how each came about.

Second station of the flow: classes, prompts and seeds join the images they belong to. One table may hold both sets.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args
from unicodedata import normalize

from pytest_synthgate.errors import SourceError
from pytest_synthgate.images.formats import without_pillow_warnings
from pytest_synthgate.images.recipe import Notes, Recipe, read_recipes
from pytest_synthgate.images.rows import Row, Rows, read_rows
from pytest_synthgate.images.sets import ImageRecord, ImageSet
from pytest_synthgate.kinds import Side
from pytest_synthgate.text.printable import printable, shown
from pytest_synthgate.text.wording import nearest

SIDE_COLUMN = "real_or_synthetic"
FACTS = {"class": ("class",), "prompt": ("prompt", "text", "caption"), "seed": ("seed",), SIDE_COLUMN: (SIDE_COLUMN,)}
"""What a table may say about an item besides its name, and the columns that say it."""
FILE_NAMES = ("file_name", "filename", "image", "path", "file", "image_path", "file_path")
"""What the column with the names of image files may be called."""
METADATA_FILES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
"""What a metadata file may be called, in any case of letters."""


def open_table(path: Path, *, side: Side) -> ImageSet:
    """Read a table with a column `image`, and optionally `class`, `prompt`, `seed` and `real_or_synthetic`.

    It is CSV, JSON Lines or Parquet; paths in it are relative to its folder, or absolute, and their column may be
    called by any of `FILE_NAMES`.

    Returns:
        The set; files that do not exist are listed all the same, and turn out unreadable later.

    Raises:
        SourceError: The table cannot be read, a column is missing, a cell is not what it should be, or an
            image is listed twice; the text names file and line.
        MissingExtraError: Parquet without pyarrow.
    """
    table = read_rows(path, {"image": ("image", *FILE_NAMES), **FACTS})
    if "image" not in table.called:
        near = nearest("image", table.columns)
        remedy = f"rename {near!r} to it" if near else "add it"
        columns = ", ".join(map(repr, table.columns)) or "none"
        raise SourceError(f"{shown(path)}: there is no column 'image' (columns: {columns}); {remedy}")
    records: dict[str, ImageRecord] = {}
    listed: dict[str, str] = {}
    for row in rows_of(table, side).values():
        file = as_spelt(path.parent / (image := _image(row, "image")))
        name = _id(image if file == path.parent / image else os.path.relpath(file, path.parent), path.parent)
        if name in records:
            raise SourceError(f"{row.where}: {name!r} is listed already ({listed[name]}); remove one")
        records[name], listed[name] = ImageRecord(name, file, **facts_of(row)), row.where
    return ImageSet(path, tuple(records[name] for name in sorted(records)))


def rows_of(table: Rows, side: Side) -> dict[int, Row]:
    """Select the rows of one side, by number from 0; all where the table has no column `real_or_synthetic`.

    Raises:
        SourceError: The column is there and a row says neither.
    """
    rows = dict(enumerate(table.rows))
    if SIDE_COLUMN not in table.called:
        return rows
    said = {number: row.text(SIDE_COLUMN) for number, row in rows.items()}
    for number, value in said.items():
        if value not in get_args(Side):
            raise SourceError(f"{rows[number].where}: {SIDE_COLUMN} is {value or ''!r}; write real or synthetic")
    return {number: row for number, row in rows.items() if said[number] == side}


def facts_of(row: Row) -> dict[str, Any]:
    """Give what a row says of a record: class as it is shown, prompt and seed."""
    name = row.text("class")
    class_name = printable(name) if name is not None else None
    return {"class_name": class_name, "prompt": row.text("prompt"), "seed": row.whole_number("seed")}


def _image(row: Row, column: str) -> str:
    if (image := row.text("image")) is None:
        raise SourceError(f"{row.where}: the cell {column} is empty; write a path")
    return image


def as_spelt(path: Path) -> Path:
    r"""Find the file that a table of another system means: `a\b` is `a/b`, and letters may be composed or not.

    Only an unusual path costs a look at the file system.
    """
    name = str(path)
    if name.isascii() and "\\" not in name.removeprefix(path.anchor):
        return path
    plain = name.replace("\\", "/")
    forms = (name, plain, *(normalize(form, plain) for form in ("NFC", "NFD")))
    return next((Path(each) for each in forms if os.path.lexists(each)), path)


def _id(image: str, folder: Path) -> str:
    # By name alone: two spellings of one path are one image, and no file is touched.
    base = os.path.abspath(folder)  # noqa: PTH100  resolve() would follow links
    whole = os.path.normpath(os.path.join(base, image))  # noqa: PTH118
    if os.path.isabs(image) and not Path(whole).is_relative_to(base):  # noqa: PTH117
        return printable(Path(whole).as_posix())
    return printable(Path(os.path.relpath(whole, base)).as_posix())


@without_pillow_warnings()
def attach(images: ImageSet, *, recipes: bool, notes: Notes | None = None) -> ImageSet:
    """Add prompts, seeds and missing classes to the records of a folder.

    A row of a metadata file in the image's folder decides, then one in the set's root; without a row, the
    file may carry prompt and seed itself, which is asked with `recipes`, and noted.

    Returns:
        The set, with a note on each metadata file that says nothing of the images, or also of others.

    Raises:
        SourceError: A metadata file cannot be read, names an image twice, or names none of the images; or
            there are two of them in one folder.
    """
    paths = [record.path for record in images.records if record.path is not None]
    # Path would be slow for many images.
    folders = {_key(folder) for folder in {os.path.dirname(path) for path in paths}}  # noqa: PTH120
    known: dict[str, Row] = {}
    passed_over: list[str] = []
    for folder in (str(images.root), *sorted(folders - {_key(images.root)})):
        known |= _read_folder(Path(folder), paths, passed_over)
    without = [path for path in paths if _row(path, known) is None] if recipes else []
    found = read_recipes(images.root, without, notes)
    records = tuple(_with_facts(each, known, found) for each in images.records)
    return replace(images, records=records, notes=(*images.notes, *passed_over))


def _read_folder(folder: Path, paths: Iterable[Path], notes: list[str]) -> dict[str, Row]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(each.path for each in entries if each.name.casefold() in METADATA_FILES and each.is_file())
    except OSError as error:
        notes.append(f"{shown(folder)}: cannot be searched for a metadata file ({error.strerror})")
        return {}
    if not found:
        return {}
    path = Path(found[0])
    if len(found) > 1:
        both = " and ".join(printable(Path(each).name) for each in found)
        raise SourceError(f"{shown(folder)}: both {both} are there; keep one")
    table = read_rows(path, {"image": FILE_NAMES, **FACTS})
    if (column := table.called.get("image")) is None:
        columns = printable(", ".join(table.columns))[:200] or "none"
        notes.append(f"{shown(path)} was left out: no column file_name says which image a row is about ({columns})")
        return {}
    keys = [_key(path) for path in paths]
    composed = {normalize("NFC", key): key for key in reversed(keys)} | {key: key for key in keys}
    rows: dict[str, Row] = {}
    unmatched: list[str] = []
    for row in table.rows:
        name = _image(row, column)
        # As it is written, or as Windows or macOS spell the path of the same file.
        key = _key(folder / name)
        key = composed.get(key) or composed.get(normalize("NFC", _key(folder / name.replace("\\", "/"))), key)
        if key in rows:
            raise SourceError(f"{row.where}: {name!r} is listed already ({rows[key].where}); remove one")
        rows[key] = row
        if key not in composed:
            unmatched.append(name)
    if rows and composed and len(unmatched) == len(rows):
        raise SourceError(
            f"{shown(path)}: none of its {len(rows)} rows names an image of this folder; "
            f"write paths relative to it in the column {column}"
        )
    if unmatched and composed:
        notes.append(
            f"{shown(path)}: {len(unmatched):,} of its {len(rows):,} rows name no image that is there "
            f"({printable(unmatched[0])}, for one)"
        )
    return rows


def _key(path: Path | str) -> str:
    return os.path.normpath(path)


def _row(path: Path, known: Mapping[str, Row]) -> Row | None:
    return known.get(_key(path)) if known else None


def _with_facts(record: ImageRecord, known: Mapping[str, Row], recipes: Mapping[Path, Recipe]) -> ImageRecord:
    if record.path is None:
        return record
    if (row := _row(record.path, known)) is not None:
        facts = facts_of(row)
        return replace(record, **{**facts, "class_name": record.class_name or facts["class_name"]})
    recipe = recipes.get(record.path, Recipe())
    return record if recipe == Recipe() else replace(record, prompt=recipe.prompt, seed=recipe.seed)
