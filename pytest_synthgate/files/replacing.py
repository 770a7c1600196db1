"""A file that is replaced in one step: a reader sees the old one or the new one, whole."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

from pytest_synthgate.errors import ResultsError
from pytest_synthgate.text.printable import shown


def replace_file(path: Path, content: bytes) -> None:
    """Write a file in the place of what is there.

    Raises:
        ResultsError: The place cannot be written to.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise ResultsError(f"{shown(path)}: cannot be written ({error.strerror}); choose another file") from None
