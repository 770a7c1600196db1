"""JSON that people read and compare: a line for everything that holds nothing further."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

_MOST = 30
"""Values on a line, at most."""

_in_a_line = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def laid_out(value: Any, indent: str = "") -> str:
    """Write JSON with a line for each value that holds no object and no list of lists, and not very many values.

    Args:
        value: Plain JSON.
        indent: What its lines begin with; its first one stands behind its key.

    Raises:
        ValueError: It holds a number that is not finite.
    """
    inner = indent + " "
    if isinstance(value, dict) and (len(value) > _MOST or _is_nested(value.values())):
        members = ",\n".join(f"{inner}{_in_a_line(key)}: {laid_out(each, inner)}" for key, each in value.items())
        return f"{{\n{members}\n{indent}}}"
    if isinstance(value, list) and (len(value) > _MOST or _is_nested([value])):
        items = ",\n".join(f"{inner}{laid_out(each, inner)}" for each in value)
        return f"[\n{items}\n{indent}]"
    return _in_a_line(value)


def _is_nested(values: Iterable[Any]) -> bool:
    for each in values:
        if isinstance(each, dict):
            return True
        if isinstance(each, list) and any(isinstance(inner, dict | list) for inner in each):
            return True
    return False
