"""The prompts, seeds and classes in a metadata file beside the images of a folder.

Second station of the flow: joins what a folder lists with what is known about how each image came about.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from pytest_synthgate.errors import SourceError
from pytest_synthgate.images.recipe import read_recipe
from pytest_synthgate.images.rows import Row, read_rows
from pytest_synthgate.images.sets import ImageRecord, ImageSet
from pytest_synthgate.images.table import class_of
from pytest_synthgate.text.printable import shown

FILES = ("metadata.csv", "metadata.jsonl")
"""What a metadata file may be called."""

_NAME_COLUMNS = ("file_name", "image", "path")
_PROMPT_COLUMNS = ("prompt", "text")
_COLUMNS = (*_NAME_COLUMNS, *_PROMPT_COLUMNS, "seed", "class")


def attach(images: ImageSet, *, recipes: bool) -> ImageSet:
    """Add prompts, seeds and missing classes to the records of a folder.

    A row of a metadata file in the image's folder decides, then one in the set's root; without a row, the
    file may carry prompt and seed itself.

    Args:
        images: A set whose root is a folder.
        recipes: Whether to look into the files themselves.

    Raises:
        SourceError: A metadata file cannot be read, names an image twice, or names none of the images; or
            there are two of them in one folder.
    """
    paths = {_key(record.path) for record in images.records if record.path is not None}
    folders = {os.path.dirname(path) for path in paths}  # noqa: PTH120  Path would be slow for many images
    known: dict[str, Row] = {}
    for folder in (str(images.root), *sorted(folders - {_key(images.root)})):
        known |= _read_folder(Path(folder), paths)
    return replace(images, records=tuple(_with_origin(each, known, recipes=recipes) for each in images.records))


def _read_folder(folder: Path, images: Collection[str]) -> dict[str, Row]:
    found = [folder / name for name in FILES if (folder / name).is_file()]
    if not found:
        return {}
    if len(found) > 1:
        raise SourceError(f"{shown(folder)}: both {' and '.join(FILES)} are there; keep one")
    table = read_rows(found[0], _COLUMNS)
    column = next((name for name in _NAME_COLUMNS if name in table.columns), None)
    if column is None:  # somebody else's file: it says nothing about images
        return {}
    rows: dict[str, Row] = {}
    for row in table.rows:
        name = row.text(column)
        if name is None:
            raise SourceError(f"{row.where}: the cell {column} is empty; write a path")
        key = _key(folder / name)
        if key in rows:
            raise SourceError(f"{row.where}: {name!r} is listed already ({rows[key].where}); remove one")
        rows[key] = row
    if rows and images and rows.keys().isdisjoint(images):
        raise SourceError(
            f"{shown(found[0])}: none of its {len(rows)} rows names an image of this folder; "
            f"write paths relative to it in the column {column}"
        )
    return rows


def _key(path: Path) -> str:
    return os.path.normpath(path)


def _with_origin(record: ImageRecord, known: dict[str, Row], *, recipes: bool) -> ImageRecord:
    if record.path is None:
        return record
    row = known.get(_key(record.path))
    if row is not None:
        return replace(
            record,
            class_name=record.class_name if record.class_name is not None else class_of(row),
            prompt=next((text for name in _PROMPT_COLUMNS if (text := row.text(name)) is not None), None),
            seed=row.whole_number("seed"),
        )
    if recipes:
        recipe = read_recipe(record.path)
        return replace(record, prompt=recipe.prompt, seed=recipe.seed)
    return record
