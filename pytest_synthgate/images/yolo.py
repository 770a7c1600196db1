"""A YOLO export, as Ultralytics, Roboflow, CVAT, Label Studio or UnrealSynth writes it -> a set with classes and boxes.

Second station of the flow: `images/{train,val}/N.png` beside `labels/{train,val}/N.txt`, `train/images` beside
`train/labels`, or `obj_train_data` with both in one folder; and a file that names the classes. That file's own paths
are often wrong (empty, or `images` for both halves), so the images are those below these folders, each once. CVAT's
own `annotations.xml` does for labels and names.
"""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar
from xml.etree import ElementTree

from pytest_synthgate.errors import SourceError, in_a_line, missing
from pytest_synthgate.images.folder import SPLITS, unique_ids, walk
from pytest_synthgate.images.rows import read_text
from pytest_synthgate.images.sets import Box, ImageRecord, ImageSet
from pytest_synthgate.images.table import as_spelt
from pytest_synthgate.text.printable import printable, shown

_LARGEST_YAML = 1 << 20
_NAME_LISTS = ("classes.txt", "obj.names")

Label = tuple[int, Box | None]
"""The number of a class, and where the object is; a tag of the whole image is nowhere."""


def open_export(root: Path) -> ImageSet | None:
    """List the images of an export, each of the class that most of its boxes have.

    A tie goes to the smallest class number; an image without boxes has no class. Segments and turned boxes count as
    the box around them, key points do not count.

    Returns:
        The set, with boxes in the records; ids are paths below root. None of a folder that is no export: it has no
        images where exports have them, or neither labels nor a file with the names of classes.

    Raises:
        SourceError: The class names contradict each other, or a file with names or labels cannot be read.
        MissingExtraError: There is a YAML file and PyYAML is not installed.
    """
    if not (folders := _label_folders(root)):
        return None
    named = _named(root)
    labelled = any(next((root / labels).rglob("*.txt"), None) for labels in folders.values())
    classes, annotated = ({}, {}) if named else _annotations(root)
    if not (named or labelled or classes):
        return None
    # Who points at one half of an export has left the names in the folder above it.
    names, pose = _agreed(named or (_named(root.parent) if root.name.casefold() in SPLITS else {}))
    names, annotated = (names, {}) if names else (classes, annotated)
    records: list[ImageRecord] = []
    notes: list[str] = []
    for folder, beside in folders.items():
        files, passed_over = walk(root / folder)
        notes += passed_over
        paths = [f"{folder}/{file}" for file in files]
        for name, path, file in zip(unique_ids(paths), paths, files, strict=True):
            labels = annotated.get(printable(file), [])
            if names and not annotated:
                label = root / beside / PurePosixPath(file).with_suffix(".txt")
                labels = _read_label(as_spelt(label), names, pose=pose)
            boxes = tuple(box for _, box in labels if box is not None)
            class_name = _majority([number for number, _ in labels], names)
            records.append(ImageRecord(name, root / path, class_name=class_name, boxes=boxes))
    if not names:
        notes.append(f"{shown(root)}: no label was read, for nothing names their classes; add data.yaml or classes.txt")
    elif records and all(record.class_name is None for record in records):
        notes.append(f"{shown(root)}: none of the {len(records):,} images has a label")
    return ImageSet(root, tuple(sorted(records, key=lambda record: record.id)), notes=tuple(notes))


def _label_folders(root: Path) -> dict[str, str]:
    """Give the folders of images, and where the labels of each are."""
    found = {}
    for folder in _names(root):
        if folder.casefold() == "images":
            found[folder] = "labels"
        elif folder.casefold() in SPLITS:
            found[f"{folder}/images"] = f"{folder}/labels"
        elif folder.startswith("obj_") and folder.endswith("_data"):
            found[folder] = folder
    return {images: labels for images, labels in found.items() if (root / images).is_dir()}


def _names(root: Path) -> list[str]:
    try:
        return sorted(os.listdir(root))  # noqa: PTH208  Path would be slow for many images
    except OSError:  # the walk will tell why
        return []


def _majority(numbers: list[int], names: Mapping[int, str]) -> str | None:
    # Counted by name, for an export may list one name under two numbers.
    counts = Counter(names[number] for number in numbers)
    first = {names[number]: number for number in sorted(numbers, reverse=True)}
    return min(counts, key=lambda name: (-counts[name], first[name]), default=None)


def _read_label(path: Path, names: Mapping[int, str], *, pose: bool) -> list[Label]:
    try:
        lines = read_text(path).splitlines()
    except FileNotFoundError:  # an image of nothing
        return []
    labels: list[Label] = []
    for line_number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        parsed = _parse(line, pose=pose)
        if parsed is None:
            raise SourceError(
                f"{shown(path)}, line {line_number}: {line[:60]!r} is no label; write class x y width height"
            )
        number, place = parsed
        if number not in names:
            raise SourceError(f"{shown(path)}, line {line_number}: class {number} has no name in the YAML file; add it")
        labels.append((number, Box(names[number], *place)))
    return labels


def _parse(line: str, *, pose: bool) -> tuple[int, tuple[float, float, float, float]] | None:
    """Read `class x y width height [confidence or key points]`, or `class x1 y1 x2 y2 x3 y3 ...`, a segment."""
    try:
        first, *rest = (float(word) for word in line.split())
    except ValueError:
        return None
    if not first.is_integer() or not all(map(math.isfinite, rest)):
        return None
    if len(rest) in {4, 5} or (pose and len(rest) > 5):
        return int(first), (rest[0], rest[1], rest[2], rest[3])
    return (int(first), _around(rest)) if len(rest) >= 6 and len(rest) % 2 == 0 else None


def _around(points: list[float], width: float = 1, height: float = 1) -> tuple[float, float, float, float]:
    """Give centre and size of the box around points `x1 y1 x2 y2 ...`, as shares of the image's."""
    left, right = min(points[::2]) / width, max(points[::2]) / width
    top, bottom = min(points[1::2]) / height, max(points[1::2]) / height
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top


def _annotations(root: Path) -> tuple[dict[int, str], dict[str, list[Label]]]:
    """Read what CVAT calls annotations for images: the names by number, and the labels of each image."""
    path = root / "annotations.xml"
    names: dict[str, int] = {}
    found: dict[str, list[Label]] = {}
    try:
        # Without entities, a few of which can swell to gigabytes.
        tree = ElementTree.fromstring(read_text(path).replace("<!ENTITY", "<!"))  # noqa: S314
        for image in tree.iterfind("image") if tree.tag == "annotations" else ():
            labels = found.setdefault(printable(image.attrib["name"].replace("\\", "/")), [])
            size = float(image.attrib["width"]), float(image.attrib["height"])
            for shape in image.iterfind("*[@label]"):
                name = printable(shape.attrib["label"])
                corners = "{xtl},{ytl};{xbr},{ybr}".format_map(shape.attrib) if shape.tag == "box" else ""
                points = [float(each) for each in re.findall(r"[^,;]+", shape.get("points", corners))]
                number = names.setdefault(name, len(names))
                labels.append((number, Box(name, *_around(points, *size)) if points else None))
    except FileNotFoundError:
        pass
    except (ElementTree.ParseError, KeyError, ValueError, ZeroDivisionError) as error:
        wrong = f"no annotations as CVAT writes them ({in_a_line(error)})"
        raise SourceError(f"{shown(path)}: {wrong}; repair it or move it away") from None
    return {number: name for name, number in names.items()}, found


def _agreed(named: Mapping[Path, tuple[dict[int, str], bool]]) -> tuple[dict[int, str], bool]:
    """Give the names by number that all files agree on, and whether the labels are of poses, with key points."""
    if not named:
        return {}, False
    (path, (names, pose)), *others = named.items()
    for other, (other_names, other_pose) in others:
        pose = pose or other_pose
        if other_names != names:
            raise SourceError(f"{shown(path)} and {shown(other)}: both name the classes, differently; keep one")
    return names, pose


def _named(root: Path) -> dict[Path, tuple[dict[int, str], bool]]:
    found = {}
    for path in (each for name in _names(root) if (each := root / name).is_file()):
        if path.suffix.lower() in {".yaml", ".yml"}:
            content = _load(path)
            if isinstance(content, dict) and "names" in content:
                found[path] = _as_names(content["names"], path), bool(content.get("kpt_shape"))
        elif path.name.lower() in _NAME_LISTS:
            found[path] = _as_names([line.strip() for line in read_text(path).strip().splitlines()], path), False
    return found


def _as_names(names: object, path: Path) -> dict[int, str]:
    pairs = enumerate(names) if isinstance(names, list) else names.items() if isinstance(names, dict) else None
    if pairs is not None:
        try:
            return {int(number): printable(str(name)) for number, name in pairs}
        except (TypeError, ValueError):
            pass
    raise SourceError(f"{shown(path)}: names must be a list, or a mapping of class numbers to names")


def _load(path: Path) -> Any:
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError:
        raise missing(f"{shown(path)}: YAML needs PyYAML", "measure") from None

    class AsWritten(yaml.SafeLoader):  # type: ignore[misc]
        """A class may be called no, 1.10 or 2024-01-01, and stays what it is called."""

        yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

    try:
        return yaml.load(read_text(path)[:_LARGEST_YAML], AsWritten)  # noqa: S506  safe, but for what it derives
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise SourceError(f"{shown(path)}: not YAML ({in_a_line(error)}); repair it or move it away") from None
