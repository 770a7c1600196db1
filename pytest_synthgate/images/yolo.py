"""A YOLO export, as Ultralytics reads and UnrealSynth writes it -> a set with classes and boxes.

Second station of the flow: `images/{train,val}/N.png` beside `labels/{train,val}/N.txt`, and one YAML file
that names the classes. That file's own paths are often wrong (empty, or `images` for both halves), so the
images are those below `images`, each once, under its path.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pytest_synthgate.errors import MissingExtraError, SourceError
from pytest_synthgate.images.folder import image_files, unique_ids
from pytest_synthgate.images.sets import Box, ImageRecord, ImageSet
from pytest_synthgate.text.printable import printable, shown

_LARGEST_YAML = 1 << 20


def is_export(root: Path) -> bool:
    """Tell whether a folder has `images` and, beside it, a YAML file with `names`.

    Raises:
        SourceError: A YAML file beside `images` cannot be read.
        MissingExtraError: There is a YAML file and PyYAML is not installed.
    """
    return (root / "images").is_dir() and bool(_yaml_files(root)) and bool(_named(root))


def open_export(root: Path) -> ImageSet:
    """List the images of an export, each of the class that most of its boxes have.

    A tie goes to the smallest class number; an image without boxes has no class. Segments count as the box
    around them.

    Args:
        root: The folder that holds `images`, `labels` and the YAML file.

    Returns:
        The set, with boxes in the records; ids are paths below root.

    Raises:
        SourceError: The class names contradict each other, or a label cannot be read.
    """
    names = _class_names(root)
    inside = [PurePosixPath(name) for name in image_files(root / "images")]
    paths = [PurePosixPath("images") / path for path in inside]
    records = []
    for name, path, relative in zip(unique_ids(paths), paths, inside, strict=True):
        numbers, boxes = _read_label(root / "labels" / relative.with_suffix(".txt"), names)
        records.append(ImageRecord(name, root / path, class_name=_majority(numbers, names), boxes=boxes))
    return ImageSet(root, tuple(sorted(records, key=lambda record: record.id)))


def _majority(numbers: list[int], names: Mapping[int, str]) -> str | None:
    # Counted by name, for an export may list one name under two numbers.
    counts = Counter(names[number] for number in numbers)
    first = {names[number]: number for number in sorted(numbers, reverse=True)}
    return min(counts, key=lambda name: (-counts[name], first[name]), default=None)


def _read_label(path: Path, names: Mapping[int, str]) -> tuple[list[int], tuple[Box, ...]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:  # an image of nothing
        return [], ()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{shown(path)}: not a readable label file ({printable(str(error))})") from None
    numbers, boxes = [], []
    for line_number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        parsed = _parse(line)
        if parsed is None:
            raise SourceError(
                f"{shown(path)}, line {line_number}: {line[:60]!r} is no label; write class x y width height"
            )
        number, (x, y, width, height) = parsed
        if number not in names:
            raise SourceError(f"{shown(path)}, line {line_number}: class {number} has no name in the YAML file; add it")
        numbers.append(number)
        boxes.append(Box(names[number], x, y, width, height))
    return numbers, tuple(boxes)


def _parse(line: str) -> tuple[int, tuple[float, float, float, float]] | None:
    """Read `class x y width height [confidence]`, or `class x1 y1 x2 y2 x3 y3 ...`, a segment."""
    try:
        first, *rest = (float(word) for word in line.split())
    except ValueError:
        return None
    if not first.is_integer() or not all(map(math.isfinite, rest)):
        return None
    if len(rest) in {4, 5}:
        return int(first), (rest[0], rest[1], rest[2], rest[3])
    if len(rest) < 6 or len(rest) % 2:
        return None
    left, right, top, bottom = min(rest[::2]), max(rest[::2]), min(rest[1::2]), max(rest[1::2])
    return int(first), ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)


def _class_names(root: Path) -> dict[int, str]:
    named = _named(root)
    (path, names), *others = named.items()
    for other, other_names in others:
        if other_names != names:
            raise SourceError(f"{shown(path)} and {shown(other)}: both name the classes, differently; keep one")
    return names


def _named(root: Path) -> dict[Path, dict[int, str]]:
    found = {}
    for path in _yaml_files(root):
        content = _load(path)
        if isinstance(content, dict) and "names" in content:
            found[path] = _as_names(content["names"], path)
    return found


def _as_names(names: object, path: Path) -> dict[int, str]:
    pairs = enumerate(names) if isinstance(names, list) else names.items() if isinstance(names, dict) else None
    if pairs is not None:
        try:
            return {int(number): printable(str(name)) for number, name in pairs}
        except (TypeError, ValueError):
            pass
    raise SourceError(f"{shown(path)}: names must be a list, or a mapping of class numbers to names")


def _yaml_files(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.suffix.lower() in {".yaml", ".yml"} and path.is_file())


def _load(path: Path) -> Any:
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError:
        raise MissingExtraError(f"{shown(path)}: YAML needs PyYAML; run pip install pyyaml") from None
    try:
        with path.open("rb") as stream:
            return yaml.safe_load(stream.read(_LARGEST_YAML))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = printable(" ".join(str(error).split())[:200])
        raise SourceError(f"{shown(path)}: not YAML ({reason}); repair it or move it away") from None
