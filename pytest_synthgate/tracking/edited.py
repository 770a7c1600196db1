"""JSON that people edit and merge: what a text says, and on which line each part of it stands.

Part of reading the baseline, whose errors name the line.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from pytest_synthgate.errors import BaselineError
from pytest_synthgate.files.schema import Keys, place

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_CONFLICT = re.compile(r"^(<{7}|={7}|>{7})", re.MULTILINE)
_DEEPEST = 32
_LONGEST = 18
"""Digits of an integer that stays one."""


def parsed(content: bytes) -> tuple[Any, dict[Keys, int]]:
    """Read JSON, and the line of every value by the keys that lead to it.

    Args:
        content: Any bytes.

    Raises:
        BaselineError: It is not JSON, says something twice, or holds a number that is not finite; the text starts
            with the line.
    """
    try:
        text = content.decode("utf-8-sig")
        document = json.loads(text, parse_int=_integer)
    except UnicodeDecodeError as error:
        raise _wrong(content.count(b"\n", 0, error.start) + 1, "not UTF-8") from None
    except json.JSONDecodeError as error:
        if conflict := _CONFLICT.search(text):
            raise _wrong(text.count("\n", 0, conflict.start()) + 1, "a merge conflict") from None
        raise _wrong(error.lineno, f"not JSON ({error.msg})") from None
    except RecursionError:
        raise BaselineError("nested too deeply") from None
    return document, _lines(text)


def _lines(text: str) -> dict[Keys, int]:
    """Go through the tokens of valid JSON with the keys that lead to each value."""
    found: dict[Keys, int] = {}
    keys: list[Any] = []  # a name, a position, or None where a name has to come
    line, at = 1, 0
    for match in _TOKEN.finditer(text):
        word = match[0]
        line, at = line + text.count("\n", at, match.start()), match.start()
        if word in {"}", "]"}:
            keys.pop()
        elif word == ",":
            keys[-1] = keys[-1] + 1 if isinstance(keys[-1], int) else None
        elif keys and keys[-1] is None:
            keys[-1] = json.loads(word)
        elif word != ":":
            here = tuple(keys)
            if here in found:
                raise _wrong(line, f"{place(here)} was on line {found[here]} already")
            if len(here) > _DEEPEST:
                raise _wrong(line, "nested too deeply")
            if not _finite(word):
                raise _wrong(line, f"{place(here)} is not finite")
            found[here] = line
            if word in {"{", "["}:
                keys.append(None if word == "{" else 0)
    return found


def _wrong(line: int, reason: str) -> BaselineError:
    return BaselineError(f"line {line}: {reason}")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST else float(digits)


def _finite(word: str) -> bool:
    """Tell whether a value is anything but an infinity or NaN, which Python reads and JSON does not have."""
    return word[0] in '"{[tfn' or math.isfinite(float(word))
