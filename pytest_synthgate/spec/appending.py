"""A waiver -> one more table at the end of a spec file, of which every other byte stays.

Beside the flow: what `synthgate waive` declares, the next run reads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from pytest_synthgate.errors import SpecError
from pytest_synthgate.files.replacing import put_in_place
from pytest_synthgate.files.texts import decoded, encoded_like
from pytest_synthgate.spec.checking import as_waiver
from pytest_synthgate.spec.files import content_of, read_specs
from pytest_synthgate.spec.waivers import Waiver
from pytest_synthgate.text.wording import where

_PATIENCE = 60
"""Seconds to wait for other processes that write the same file."""


def append_waiver(file: Path, table: Mapping[str, Any], today: date) -> Waiver:
    """Append a `[[waiver]]` table to a spec file in one step, leave every other byte alone, and give what it says.

    The path is absolute; where it is a link, what it leads to is written. The table holds the keys of the waiver, and
    its day of expiry is compared to `today`.

    Raises:
        SpecError: The file cannot be read or written, or the waiver is not valid, has expired or is there already.
    """
    waiver = as_waiver(table, today)
    if waiver.expires < today:
        raise SpecError(f"expires = {waiver.expires} is past; give a day from {today} on")
    try:
        with _alone(file):
            _append(file, waiver, table, today)
    except OSError as error:
        reason = error.strerror or "another process writes it"
        raise SpecError(f"{where(file)} cannot be written ({reason}); check its rights") from None
    return waiver


def _append(file: Path, waiver: Waiver, table: Mapping[str, Any], today: date) -> None:
    content = content_of(file)
    for same in read_specs(content, file, today)[0].waivers:
        if same.subject == waiver.subject:
            raise SpecError(f"{where(file)} has that already, the {same.name} until {same.expires}; change its table")
    try:
        longer = content + encoded_like(content, _written(table, decoded(content)))
    except UnicodeEncodeError:
        raise SpecError(f"{where(file)} cannot hold all letters of the waiver; save it as UTF-8") from None
    try:
        read_specs(longer, file, today)
    except SpecError:
        raise SpecError(f"{where(file)} holds its waivers in one array; write each as a [[waiver]] table") from None
    put_in_place(file, longer)


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Keep other processes of this user from changing a file; the lock is no litter beside it."""
    from filelock import FileLock

    owned = f"{os.path.realpath(file)}\0{os.path.expanduser('~')}".encode(errors="surrogateescape")  # noqa: PTH111
    with FileLock(Path(gettempdir()) / f"synthgate-{sha256(owned).hexdigest()[:16]}.lock", timeout=_PATIENCE):
        yield


def _written(table: Mapping[str, Any], content: str) -> str:
    """Write a table as it follows on a content, below an empty line and with the same ends of lines."""
    import tomlkit

    text = "\n" if content.endswith("\n") else "\n\n"
    text += tomlkit.dumps({"waiver": [dict(table)]})
    return text.replace("\n", "\r\n" if "\r\n" in content else "\n")
