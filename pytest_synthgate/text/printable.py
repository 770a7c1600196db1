"""Names as they are stored and shown: one line, printable, valid UTF-8, the same on every file system.

Every source of images passes the names and texts it finds through here, and so does whatever is printed, and whatever
writes files into folders that people will move about.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
# These reorder the text around them, so that a name can pose as another one in a terminal or a report.
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# A CI runner that reads the log obeys a line that starts with `::`, and `##[`, `##vso[` or `##teamcity[` anywhere.
_COMMAND = re.compile(r"(?<!\S):(?=:)|#(?=#\w*\[)")
_LONGEST = 120
"""Bytes of a portable name: file systems end at 255, and Windows counts the folders above it too."""
_FORBIDDEN = frozenset('<>:"/\\|?*')
# Hidden files, devices of Windows, and what readers of image folders pass over or take for something else.
_MEANS_SOMETHING = re.compile(
    r"\.|__|(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)"
    r"|(metadata\.(csv|jsonl|parquet)|thumbs\.db|@eadir|\$recycle\.bin)$",
    re.IGNORECASE,
)


def printable(name: str) -> str:
    r"""Compose a name (NFC) and escape what would break a line, an encoding or the order of a text.

    Control characters, line separators, undecodable bytes (surrogates) and direction controls become
    `\uXXXX`, and a backslash is doubled, so that two names stay two names.
    """
    if name.isascii() and name.isprintable() and "\\" not in name:
        return name
    return "".join(_escape(letter) for letter in unicodedata.normalize("NFC", name))


def visible(text: str) -> str:
    r"""Escape for display what `printable` would, but no backslash: a name that has been through it stays as it is.

    What a CI runner would take for a command loses its first character to a `\uXXXX` as well.
    """
    if not text.isprintable():
        text = "".join(letter if letter == "\\" else _escape(letter) for letter in text)
    return _COMMAND.sub(lambda found: _code(found[0]), text)


def storable(text: str) -> str:
    r"""Escape lone surrogates as `\udcXX`, which no UTF-8 file can hold, and leave all else alone."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def shown(path: Path) -> str:
    """Write a path the way messages show it."""
    return printable(path.as_posix())


def portable(name: str) -> str:
    """Turn a text into a name that every operating system takes for a file, and for nothing else.

    Composed (NFC), at most 120 bytes, without control characters, separators and the letters that Windows forbids,
    without dots and spaces at its end, no device, not hidden. Two texts may get one name.
    """
    letters = (
        "_" if letter in _FORBIDDEN or unicodedata.category(letter) in _UNPRINTABLE else letter
        for letter in unicodedata.normalize("NFC", name)
    )
    cut = "".join(letters).strip().encode()[:_LONGEST].decode(errors="ignore").rstrip(". ")
    return f"_{cut.lstrip('_')}" if not cut or _MEANS_SOMETHING.match(cut) else cut


def unused(stem: str, suffix: str, mark: str, used: set[str]) -> str:
    """Add a mark where a file system that ignores case or composition has the name already."""
    while (key := unicodedata.normalize("NFC", f"{stem}{suffix}".casefold())) in used:
        stem = f"{stem}-{mark[:8]}"
    used.add(key)
    return f"{stem}{suffix}"


def _escape(letter: str) -> str:
    if letter == "\\":
        return "\\\\"
    if unicodedata.category(letter) in _UNPRINTABLE or letter in _BIDI_CONTROLS:
        return _code(letter)
    return letter


def _code(letter: str) -> str:
    return f"\\u{ord(letter):04x}"
