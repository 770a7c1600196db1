"""Where the pictures that a report shows are, in a form that survives a move of the results file beside them.

Part of the results: paths are URI references, percent-encoded, so that every file name there can be is plain text.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, TypeAlias
from urllib.parse import quote, unquote_to_bytes

from pytest_synthgate.files.forms import told
from pytest_synthgate.images.sets import ImageRecord, ImageSet
from pytest_synthgate.spec.model import Spec
from pytest_synthgate.text.wording import written

if TYPE_CHECKING:
    from pytest_synthgate.measure import Measurer


def _of_reference(raw: object) -> Path:
    if isinstance(raw, str):
        return Path(os.fsdecode(unquote_to_bytes(raw)))
    if isinstance(raw, Path):
        return raw
    raise ValueError(f"{written(raw)} is not of type string")


FilePath: TypeAlias = Annotated[
    Path,
    told(
        PlainValidator={"func": _of_reference},
        PlainSerializer={"func": lambda path: quote(os.fsencode(path.as_posix()))},
        WithJsonSchema={"json_schema": {"type": "string"}},
    ),
]
"""A path that is a URI reference in a file."""


@dataclass(frozen=True, slots=True)
class ImageFiles:
    """Where the files of one set are, which a results file says as URI references.

    Attributes:
        root: Folder that they are in, an absolute path; in a results file from its folder.
        files: Path from there by image id, for images that are not called by it.
        hidden: Images that no report may show: near-copies of private photos.
    """

    root: FilePath
    files: Mapping[str, FilePath] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()

    @classmethod
    def of_references(cls, root: str, files: Mapping[str, str], hidden: Iterable[str]) -> ImageFiles:
        """Take what a file of this package's own says."""
        paths = {image: _of_reference(reference) for image, reference in files.items()}
        return cls(_of_reference(root), paths, tuple(hidden))

    def path(self, image: str) -> Path | None:
        """Give the file of an image, whether it exists or not; None for a hidden one, and a name that leads out."""
        if image in self.hidden:
            return None
        if image in self.files:
            return self.root / self.files[image]
        plain = PurePosixPath(image)
        return None if plain.is_absolute() or ".." in plain.parts or "\0" in image else self.root / plain

    def seen_from(self, folder: Path | None) -> ImageFiles:
        """Give what a results file in a folder holds; the root stays absolute without one."""
        return replace(self, root=_relative(self.root, folder))

    def found_from(self, folder: Path | None) -> ImageFiles:
        """Take up what a results file in a folder holds."""
        return replace(self, root=Path(os.path.normpath((folder or Path.cwd()) / self.root)))

    def without(self, images: Iterable[str]) -> ImageFiles:
        """Hide images for good: nothing that has only this finds their files."""
        hidden = {*self.hidden, *images}
        files = {image: path for image, path in self.files.items() if image not in hidden}
        return ImageFiles(self.root, files, tuple(sorted(hidden)))


def files_of(spec: Spec, measurer: Measurer) -> dict[str, ImageFiles]:
    """Find the files of both sets of a measured spec that a report may show; none for sets of vectors."""
    measurement, sets = measurer.measurement(spec), measurer.sets(spec)
    listed = {"real": (measurer.real(spec), sets.real), "synthetic": (measurer.synthetic(spec), sets.synthetic)}
    return {
        side: _of_set(images, embedded.records, measurement.images_of(side))
        for side, (images, embedded) in listed.items()
        if images.vectors is None
    }


def _of_set(images: ImageSet, records: Mapping[str, ImageRecord], shown: Iterable[str]) -> ImageFiles:
    root = images.root if images.root.is_dir() else images.root.parent
    found = ImageFiles(root)
    paths = {image: records[image].path for image in shown if image in records}
    elsewhere = {image: path for image, path in paths.items() if path is not None and path != found.path(image)}
    return ImageFiles(root, {image: _relative(path, root) for image, path in sorted(elsewhere.items())})


def _relative(path: Path, folder: Path | None) -> Path:
    if folder is None:
        return path
    try:
        return Path(os.path.relpath(path, folder))
    except ValueError:  # on another drive
        return path
