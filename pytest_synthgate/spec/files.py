"""A spec file -> its specs.

First station of the flow, where it touches the disk.
"""

from __future__ import annotations

import os
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

from pytest_synthgate.errors import SpecError
from pytest_synthgate.files.texts import decoded
from pytest_synthgate.spec.model import Spec
from pytest_synthgate.spec.resolve import specs_of
from pytest_synthgate.spec.waivers import utc_today
from pytest_synthgate.text.wording import where

_HEADING = re.compile(r"""^[ \t]*\[+[ \t]*["']?(?:defaults|spec)""", re.MULTILINE)


def load_spec_file(path: Path, *, named: bool = False, today: date | None = None) -> tuple[Spec, ...]:
    """Read the specs of a file, in its order; paths in it start from its folder.

    Args:
        path: The file.
        named: Whether the user named it. If not, a file without `[defaults` or `[spec` belongs to somebody else.
        today: What the dates of waivers are compared to; the day it is when absent.

    Returns:
        The specs, none of a file that belongs to somebody else.

    Raises:
        SpecError: It cannot be read, is no text, is not TOML, or says something that cannot be meant.
    """
    file = Path(os.path.abspath(path))  # noqa: PTH100  # resolve() would follow a link and move the file's folder
    text = _decoded(content_of(file), file)
    if not named and not _HEADING.search(text):
        return ()
    return specs_of(_parsed(text, file), file, today or utc_today())


def content_of(file: Path) -> bytes:
    """Give what a file holds.

    Raises:
        SpecError: It cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise SpecError(f"{where(file)} cannot be read ({error.strerror}); check the path and its rights") from None


def read_specs(content: bytes, file: Path, today: date) -> tuple[Spec, ...]:
    """Read the specs in the content of a file, in its order.

    Args:
        content: What the file holds, or would hold.
        file: Where it stands, an absolute path.
        today: What the dates of waivers are compared to.

    Raises:
        SpecError: It is no text, is not TOML, or says something that cannot be meant.
    """
    return specs_of(_parsed(_decoded(content, file), file), file, today)


def _decoded(content: bytes, file: Path) -> str:
    try:
        return decoded(content)
    except ValueError as error:
        raise SpecError(f"{where(file)} {error}") from None


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
