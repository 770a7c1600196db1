"""Spec files: which they are, where they are, what they declare, and where in them a spec begins.

First station of the flow, where it touches the disk. Imports nothing heavy until one is read: every file that pytest
meets is asked about.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from pytest_synthgate.errors import SpecError
from pytest_synthgate.files.texts import decoded
from pytest_synthgate.text.wording import where

if TYPE_CHECKING:
    from pytest_synthgate.spec.model import Spec

PATTERNS = ("synth_*.toml",)
"""Which files are taken for spec files."""

NORECURSE = ("*.egg", ".*", "_darcs", "build", "CVS", "dist", "node_modules", "venv", "{arch}")
"""Which folders are not entered: what pytest itself does not enter."""

_ENVIRONMENT_MARKS = ("pyvenv.cfg", "conda-meta")
_HEADING = re.compile(r"""^[ \t]*\[+[ \t]*["']?(?:defaults|spec)""", re.MULTILINE)


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


def load_spec_file(path: Path, *, named: bool = False, today: date | None = None) -> tuple[Spec, ...]:
    """Read the specs of a file, in its order; paths in it start from its folder.

    One without `[defaults` or `[spec`, unless it was named, belongs to somebody else and has none. The dates of waivers
    are compared to `today`, else to the day it is.

    Raises:
        SpecError: It cannot be read, is no text, is not TOML, or says something that cannot be meant.
    """
    file = Path(os.path.abspath(path))  # noqa: PTH100  # resolve() would follow a link and move the file's folder
    return read_specs(content_of(file), file, today, named=named)


def content_of(file: Path) -> bytes:
    """Give what a file holds, or say in a `SpecError` why it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise SpecError(f"{where(file)} cannot be read ({error.strerror}); check the path and its rights") from None


def read_specs(content: bytes, file: Path, today: date | None = None, *, named: bool = True) -> tuple[Spec, ...]:
    """Read the specs in what a file holds or would hold, as `load_spec_file` does; its path is absolute."""
    try:
        text = decoded(content)
    except ValueError as error:
        raise SpecError(f"{where(file)} {error}") from None
    if not named and not _HEADING.search(text):
        return ()
    from pytest_synthgate.spec.resolve import specs_of
    from pytest_synthgate.spec.waivers import utc_today

    return specs_of(_parsed(text, file), file, today or utc_today())


def _parsed(text: str, file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{where(file)} {_located(str(error))}; mend the TOML") from None
    except (ValueError, RecursionError):
        # Integers of thousands of digits and arrays in thousands of arrays: the parser has no word for them.
        raise SpecError(f"{where(file)} holds a number or an array beyond all measure; shorten it") from None


def _located(message: str) -> str:
    """Put the line first: `line 3, column 8: Invalid value`."""
    match = re.fullmatch(r"(.*) \(at (.*)\)", message, re.DOTALL)
    text, place = match.groups() if match else (message, "")
    text = " ".join(text.split())
    return f"{place}: {text}" if place else text
