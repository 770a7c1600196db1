"""How an error about something a user wrote is worded: where it stands, what it says, what was meant.

Everything here gives one printable line, whatever the file holds.
"""

from __future__ import annotations

import datetime
import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST = 60


def where(file: Path, *table: str) -> str:
    """Name a table of a file: `synth_snacks.toml: [spec.subject]`, the path from the current directory if below it."""
    current = Path.cwd()
    shown = file.relative_to(current) if file.is_relative_to(current) else file
    return f"{_line(shown.as_posix())}:" + (f" {heading(*table)}" if table else "")


def heading(*table: str) -> str:
    """Write the heading of a table: `[spec.subject]`."""
    return f"[{'.'.join(map(as_key, table))}]"


def as_key(text: str) -> str:
    """Write a key as TOML does, in quotes where it needs them."""
    return text if _BARE_KEY.fullmatch(text) else quoted(text)


def quoted(text: str) -> str:
    """Quote a text on one line, cut where it is long."""
    return repr(_cut(text))


def written(value: Any) -> str:
    """Show a value as TOML writes it; long lists and tables only hint at what they hold."""
    match value:
        case bool():
            shown = "true" if value else "false"
        case str():
            shown = quoted(value)
        case int() if abs(value) >= 10**_LONGEST:
            shown = "a number of very many digits"
        case dict():
            shown = "{ ... }" if value else "{}"
        case list():
            shown = "[...]" if value else "[]"
        case datetime.date() | datetime.time():
            shown = value.isoformat()
        case _:
            shown = _line(_cut(repr(value)))
    return shown


def counted(count: int, what: str) -> str:
    """Count things in words: "1 image", "1,200 images"."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def nearest(name: str, valid: Iterable[str]) -> str | None:
    """Find the valid name that is nearest to one that is not, if any is near."""
    folded = {each.casefold(): each for each in valid}
    near = difflib.get_close_matches(name[:_LONGEST].casefold(), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def meant(name: str, valid: Iterable[str]) -> str:
    """Say which valid name was meant, `did you mean 'x'?`, or which there are."""
    names = list(valid)
    if near := nearest(name, names):
        return f"did you mean {quoted(near)}?"
    return f"give one of {', '.join(_line(_cut(each)) for each in names)}" if names else "remove it"


def differences(was: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Name every key that differs, in tables by the key within: "`size` was 512 and is 256 now"."""
    for key in sorted({*was, *now}):
        before, after = was.get(key), now.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from differences(before, after, f"{prefix}{key}.")
        elif before != after:
            texts = (json.dumps(each, ensure_ascii=False) for each in (before, after))
            yield "`{}` was {} and is {} now".format(f"{prefix}{key}", *texts)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _line(text: str) -> str:
    return text if text.isprintable() else repr(text)
