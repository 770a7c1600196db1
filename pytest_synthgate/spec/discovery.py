"""Which files are spec files, and where they are.

First station of the flow. Imports nothing that pytest has not: every file that it meets is asked about.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

PATTERNS = ("synth_*.toml",)
"""Which files are taken for spec files."""

NORECURSE = ("*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}")
"""Which folders are not entered: what pytest itself does not enter."""

_ENVIRONMENT_MARKS = ("pyvenv.cfg", "conda-meta")


def is_spec_file(path: Path, root: Path, patterns: Sequence[str] = PATTERNS) -> bool:
    """Tell whether a file is taken for a spec file by its name, or by the end of its path below the root."""
    below = PurePosixPath((path.relative_to(root) if path.is_relative_to(root) else path).as_posix())
    return any(below.match(pattern) for pattern in patterns)


def find_spec_files(
    root: Path, patterns: Sequence[str] = PATTERNS, norecurse: Sequence[str] = NORECURSE
) -> tuple[Path, ...]:
    """Find the spec files below a folder, sorted.

    Folders that match `norecurse` and virtual environments are not entered, but for the root itself, nor are links to
    folders, so that no loop of links goes on for ever.
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
