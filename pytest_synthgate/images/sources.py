"""One path -> one set: the only place that knows which kinds of source there are.

Second station of the flow (spec -> images). A new kind of source is one more line here and nothing after it
changes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pytest_synthgate.errors import SourceError
from pytest_synthgate.images import table, vectors, yolo
from pytest_synthgate.images.folder import open_folder
from pytest_synthgate.images.formats import SUFFIXES
from pytest_synthgate.images.recipe import Notes
from pytest_synthgate.images.rows import TABLE_SUFFIXES
from pytest_synthgate.images.sets import ImageSet
from pytest_synthgate.kinds import Side
from pytest_synthgate.text.printable import shown

_KINDS = f"a folder of images, a table ({', '.join(sorted(TABLE_SUFFIXES))}), or vectors (.npy)"


def open_set(path: Path, *, side: Side, notes: Notes | None = None) -> ImageSet:
    """List the images, or load the vectors, that a path stands for; the side selects rows where a table holds both.

    What must be read in the files of the images is noted, if there are notes, and not read again in unchanged ones.

    Returns:
        The set, never empty.

    Raises:
        SourceError: Nothing is there, it is none of these, it is empty, or it contradicts itself.
        MissingExtraError: It needs a package that is not installed.
    """
    suffix = path.suffix.lower()
    if path.is_dir():
        export = yolo.open_export(path)
        # The labels of an export may lie beside it.
        listed = replace(open_folder(path), contained=True) if export is None else export
        images = table.attach(listed, recipes=side == "synthetic", notes=notes)
    elif not path.exists():
        raise SourceError(f"{shown(path)}: there is no such file or folder; give {_KINDS}")
    elif suffix == ".npy":
        images = vectors.open_npy(path)
    elif suffix == ".parquet" and vectors.holds_vectors(path):
        images = vectors.open_parquet_vectors(path, side=side)
    elif suffix in TABLE_SUFFIXES:
        images = table.open_table(path, side=side)
    else:
        raise SourceError(f"{shown(path)}: not a source of images; give {_KINDS}")
    if not images.records:
        looked_for = f"no {side} images (image files end in {', '.join(sorted(SUFFIXES))})"
        passed_over = "".join(f"; {note}" for note in images.notes[:1])
        raise SourceError(f"{shown(path)}: {looked_for}; point at the place that holds them{passed_over}")
    return images
