"""A file that is replaced in one step: a reader sees the old one or the new one, whole."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from pytest_synthgate.errors import ResultsError, SynthgateError
from pytest_synthgate.text.printable import printable, shown


def replace_file(path: Path, content: bytes, error: type[SynthgateError] = ResultsError) -> None:
    """Write a file that a user named, in the place of what is there.

    Raises:
        SynthgateError: The place cannot be written to; of the given class.
    """
    with writing(path, error):
        put_in_place(path, content)


@contextlib.contextmanager
def writing(path: Path, error: type[SynthgateError]) -> Iterator[None]:
    """Say in one line why a file that a user named cannot be written, in an error of the given class."""
    try:
        yield
    except (OSError, RuntimeError) as failure:  # the latter for links in circles and drives that cannot lock
        reason = printable(str(getattr(failure, "strerror", None) or failure))
        raise error(f"{shown(path)}: cannot be written ({reason}); choose another file") from None


def put_in_place(path: Path, content: bytes) -> None:
    """Write a file in the place of what is there, and make the folders it lies in.

    A link stays one: what it leads to is replaced. The mode of an existing file stays too. What is neither a file nor
    a folder, such as `/dev/stdout`, is written to as it is.

    Raises:
        OSError: The place cannot be written to; what was there is left, and nothing beside it.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        path.write_bytes(content)
        return
    target = Path(os.path.realpath(path))  # resolve() would raise something else on a loop of links
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
