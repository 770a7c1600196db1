"""Which files are spec files, where they are, and where in them a spec begins.

First station of the flow, ahead of reading one. Imports nothing heavy: every file that pytest meets is asked about.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from unicodedata import normalize

from pytest_synthgate.files.texts import decoded

PATTERNS = ("synth_*.toml",)
"""Which files are taken for spec files."""

NORECURSE = ("*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}")
"""Which folders are not entered: what pytest itself does not enter."""

_ENVIRONMENT_MARKS = ("pyvenv.cfg", "conda-meta")


def is_spec_file(path: Path, root: Path, patterns: Sequence[str] = PATTERNS) -> bool:
    """Tell whether a file is taken for a spec file by its name.

    Args:
        path: The file.
        root: Folder that patterns with `/` start below, if the file is in it.
        patterns: Patterns of the name, or with `/` of the end of the path.
    """
    below = PurePosixPath((path.relative_to(root) if path.is_relative_to(root) else path).as_posix())
    return any(below.match(pattern) for pattern in patterns)


def find_spec_files(
    root: Path, patterns: Sequence[str] = PATTERNS, norecurse: Sequence[str] = NORECURSE
) -> tuple[Path, ...]:
    """Find the spec files below a folder, sorted.

    Hidden folders, build results and virtual environments are not entered, nor are links to folders, so that no
    loop of links goes on for ever.

    Args:
        root: The folder; always entered, whatever its name.
        patterns: Which files, as in `is_spec_file`.
        norecurse: Which folders are not entered, by patterns like those.
    """
    found = []
    # A folder that may not be listed, or not be searched, holds nothing that the user could run.
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if _is_entered(Path(folder, name), norecurse)]
        found += [path for name in files if is_spec_file(path := Path(folder, name), root, patterns)]
    return tuple(sorted(found))


def _is_entered(folder: Path, norecurse: Sequence[str]) -> bool:
    if any(folder.match(pattern) for pattern in norecurse):
        return False
    return os.access(folder, os.X_OK) and not any((folder / mark).exists() for mark in _ENVIRONMENT_MARKS)


def heading_line(file: Path, name: str) -> int | None:
    """Find the heading of a spec, `[spec.subject]`, counted from 1; None where it is declared in another way."""
    try:
        lines = normalize("NFC", decoded(file.read_bytes())).replace("\r\n", "\n").split("\n")
    except (OSError, ValueError):
        return None
    return next((number for number, line in enumerate(lines, 1) if _heads(line, name)), None)


def _heads(line: str, name: str) -> bool:
    try:
        return line.lstrip().startswith("[") and tomllib.loads(line) == {"spec": {name: {}}}
    except tomllib.TOMLDecodeError:
        return False
