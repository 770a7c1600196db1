"""Where the pictures that a report shows are, in a form that survives a move of the results file beside them.

Part of the results: paths are URI references, percent-encoded, so that every file name there can be is plain text.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

from pytest_synthgate.images.sets import ImageRecord, ImageSet
from pytest_synthgate.spec.model import Spec

if TYPE_CHECKING:
    from pytest_synthgate.measure import Measurer


@dataclass(frozen=True, slots=True)
class ImageFiles:
    """The files of one set.

    Attributes:
        root: Folder that they are in, an absolute path.
        files: Path from there by image id, for images that are not called by it.
        hidden: Images that no report may show.
    """

    root: Path
    files: Mapping[str, Path] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()

    def path(self, image: str) -> Path | None:
        """Give the file of an image, whether it exists or not; None for a hidden one, and a name that leads out."""
        if image in self.hidden:
            return None
        if image in self.files:
            return self.root / self.files[image]
        plain = PurePosixPath(image)
        return None if plain.is_absolute() or ".." in plain.parts or "\0" in image else self.root / plain

    def form(self, folder: Path | None = None) -> FileReferences:
        """Give what the results keep, with the root relative to a folder, or absolute without one."""
        files = {image: _reference(path) for image, path in sorted(self.files.items())}
        return FileReferences(_reference(_relative(self.root, folder)), files, tuple(sorted(self.hidden)))

    @classmethod
    def of(cls, form: FileReferences, folder: Path | None = None) -> ImageFiles:
        """Take up what the results keep; a relative root starts from the folder."""
        root = Path(os.path.normpath((folder or Path.cwd()) / _path(form.root)))
        return cls(root, {image: _path(each) for image, each in form.files.items()}, frozenset(form.hidden))

    def without(self, images: Iterable[str]) -> ImageFiles:
        """Hide images for good: nothing that has only this finds their files."""
        hidden = self.hidden | frozenset(images)
        return ImageFiles(self.root, {image: path for image, path in self.files.items() if image not in hidden}, hidden)


@dataclass(frozen=True, slots=True)
class FileReferences:
    """Where the files of one set are, as URI references.

    Attributes:
        root: Folder that they are in, from the folder of the results file.
        files: Reference from there by image, for images that are not called by it.
        hidden: Images that no report may show: near-copies of private photos.
    """

    root: str
    files: Mapping[str, str]
    hidden: tuple[str, ...] = ()


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
    return ImageFiles(root, {image: _relative(path, root) for image, path in elsewhere.items()})


def _relative(path: Path, folder: Path | None) -> Path:
    if folder is None:
        return path
    try:
        return Path(os.path.relpath(path, folder))
    except ValueError:  # on another drive
        return path


def _reference(path: Path) -> str:
    return quote(os.fsencode(path.as_posix()))


def _path(reference: str) -> Path:
    return Path(os.fsdecode(unquote_to_bytes(reference)))
