"""Spec files: what they declare, and where in them a spec begins.

First station of the flow, where it touches the disk. Imports nothing heavy until one is read.
"""

from __future__ import annotations

import os
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from pytest_synthgate.errors import SpecError
from pytest_synthgate.files.texts import decoded
from pytest_synthgate.text.wording import where

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_synthgate.device import Memory
    from pytest_synthgate.spec.model import Spec

_HEADING = re.compile(r"""^[ \t]*\[+[ \t]*["']?(?:defaults|spec)""", re.MULTILINE)


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


def load_spec_file(
    path: Path, *, named: bool = False, today: date | None = None, memory: Callable[[], Memory | None] = lambda: None
) -> tuple[Spec, ...]:
    """Read the specs of a file, in its order; paths in it start from its folder.

    One without `[defaults` or `[spec`, unless it was named, belongs to somebody else and has none. The dates of waivers
    are compared to `today`, else to the day it is. What remembers specs of unchanged files is asked for them, where it
    is there.

    Raises:
        SpecError: It cannot be read, is no text, is not TOML, or says something that cannot be meant.
    """
    file = Path(os.path.abspath(path))  # noqa: PTH100  # resolve() would follow a link and move the file's folder
    content = content_of(file)
    if not _is_ours(text_of(content, file), named=named):
        return ()
    if (kept := memory()) is None:
        return read_specs(content, file, today)
    from pytest_synthgate.spec.kept import key_of_specs, specs_from_text, specs_to_text
    from pytest_synthgate.spec.waivers import utc_today

    key = key_of_specs(content, file, today := today or utc_today())
    if (text := kept.note("specs", key)) is not None:
        return specs_from_text(text)
    specs = read_specs(content, file, today)
    if specs_from_text(text := specs_to_text(specs)) == specs:
        kept.add_note("specs", key, text)
    return specs


def content_of(file: Path) -> bytes:
    """Give what a file holds, or say in a `SpecError` why it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise SpecError(f"{where(file)} cannot be read ({error.strerror}); check the path and its rights") from None


def text_of(content: bytes, file: Path) -> str:
    """Give the text that a file holds, or say in a `SpecError` that it is none."""
    try:
        return decoded(content)
    except ValueError as error:
        raise SpecError(f"{where(file)} {error}") from None


def _is_ours(text: str, *, named: bool) -> bool:
    return named or _HEADING.search(text) is not None


def read_specs(content: bytes, file: Path, today: date | None = None, *, named: bool = True) -> tuple[Spec, ...]:
    """Read the specs in what a file holds or would hold, as `load_spec_file` does; its path is absolute."""
    text = text_of(content, file)
    if not _is_ours(text, named=named):
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
