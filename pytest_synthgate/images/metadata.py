"""The prompts, seeds and classes in a metadata file beside the images of a folder.

Second station of the flow: joins what a folder lists with what is known about how each image came about.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pytest_synthgate.errors import SourceError
from pytest_synthgate.images.recipe import read_recipe
from pytest_synthgate.images.rows import Row, read_rows
from pytest_synthgate.images.sets import ImageRecord, ImageSet
from pytest_synthgate.images.table import FACTS, FILE_NAMES, class_of
from pytest_synthgate.text.printable import printable, shown

FILES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
"""What a metadata file may be called, in any case of letters."""


def attach(images: ImageSet, *, recipes: bool) -> ImageSet:
    """Add prompts, seeds and missing classes to the records of a folder.

    A row of a metadata file in the image's folder decides, then one in the set's root; without a row, the
    file may carry prompt and seed itself.

    Args:
        images: A set whose root is a folder.
        recipes: Whether to look into the files themselves.

    Returns:
        The set, with a note on each metadata file that says nothing of the images, or also of others.

    Raises:
        SourceError: A metadata file cannot be read, names an image twice, or names none of the images; or
            there are two of them in one folder.
    """
    paths = [_key(record.path) for record in images.records if record.path is not None]
    composed = {unicodedata.normalize("NFC", path): path for path in reversed(paths)} | {path: path for path in paths}
    folders = {os.path.dirname(path) for path in paths}  # noqa: PTH120  Path would be slow for many images
    known: dict[str, Row] = {}
    notes: list[str] = []
    for folder in (str(images.root), *sorted(folders - {_key(images.root)})):
        known |= _read_folder(Path(folder), composed, notes)
    records = tuple(_with_recipe(each, known, recipes=recipes) for each in images.records)
    return replace(images, records=records, notes=(*images.notes, *notes))


def _read_folder(folder: Path, composed: Mapping[str, str], notes: list[str]) -> dict[str, Row]:
    found = sorted(each.path for each in os.scandir(folder) if each.name.casefold() in FILES and each.is_file())
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
    rows: dict[str, Row] = {}
    unmatched: list[str] = []
    for row in table.rows:
        name = row.text("image")
        if name is None:
            raise SourceError(f"{row.where}: the cell {column} is empty; write a path")
        # As it is written, or as Windows or macOS spell the path of the same file.
        key = _key(folder / name)
        key = composed.get(key) or composed.get(_composed(folder / name.replace("\\", "/")), key)
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


def _key(path: Path) -> str:
    return os.path.normpath(path)


def _composed(path: Path) -> str:
    return unicodedata.normalize("NFC", _key(path))


def _with_recipe(record: ImageRecord, known: dict[str, Row], *, recipes: bool) -> ImageRecord:
    if record.path is None:
        return record
    row = known.get(_key(record.path))
    if row is not None:
        return replace(
            record,
            class_name=record.class_name if record.class_name is not None else class_of(row),
            prompt=row.text("prompt"),
            seed=row.whole_number("seed"),
        )
    if recipes:
        recipe = read_recipe(record.path)
        return replace(record, prompt=recipe.prompt, seed=recipe.seed)
    return record
