"""File names that every operating system takes, and no two of them for one.

Second station of the flow, for those that write images into folders that people will move about.
"""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 120
"""Bytes of a portable name: file systems end at 255, and Windows counts the folders above it too."""
_FORBIDDEN = frozenset('<>:"/\\|?*')
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Hidden files, devices of Windows, and what readers of image folders pass over or take for something else.
_MEANS_SOMETHING = re.compile(
    r"\.|__|(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\.|$)"
    r"|(metadata\.(csv|jsonl|parquet)|thumbs\.db|@eadir|\$recycle\.bin)$",
    re.IGNORECASE,
)


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
