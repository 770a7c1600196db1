"""JSON against a shipped JSON Schema: the keywords that the schemas of this package use, and no others.

Part of reading results and baselines, which come from other machines and may hold anything.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from types import NoneType
from typing import Any, TypeAlias

from pytest_synthgate.text.printable import visible
from pytest_synthgate.text.wording import written

Keys: TypeAlias = tuple[str | int, ...]
"""The way to a value: names in objects, positions in arrays."""

_NUMBERS = (int, float)
_KINDS: Mapping[type, frozenset[str]] = {
    dict: frozenset({"object"}),
    list: frozenset({"array"}),
    str: frozenset({"string"}),
    float: frozenset({"number"}),
    int: frozenset({"number", "integer"}),
    bool: frozenset({"boolean"}),
    NoneType: frozenset({"null"}),
}
"""What JSON is read as, and what a schema calls it."""


@cache
def shipped_schema(package: str, name: str) -> dict[str, Any]:
    """Load a JSON Schema that is shipped with the package."""
    schema: dict[str, Any] = json.loads(resources.files(package).joinpath(name).read_text(encoding="utf-8"))
    return schema


def place(keys: Keys) -> str:
    """Write where in a document a value stands: `specs.subject.findings[1].by`."""
    parts = (f"[{key}]" if isinstance(key, int) else f".{visible(key)}" for key in keys)
    return "".join(parts).removeprefix(".") or "the file"


def breaches(document: object, schema: Mapping[str, Any]) -> Iterator[tuple[Keys, str]]:
    """Say where a document breaks a schema, as the keys that lead there, and how."""
    yield from _breaches(document, schema, (), schema.get("$defs", {}))


def _breaches(
    value: Any, schema: Mapping[str, Any], keys: Keys, named: Mapping[str, Any]
) -> Iterator[tuple[Keys, str]]:
    # Most values of large files are leaves of which the type alone is given: each check costs them one look at most.
    if "$ref" in schema:
        schema = named[schema["$ref"].removeprefix("#/$defs/")]
    kind = type(value)
    if "type" in schema:
        names = schema["type"]
        names = [names] if isinstance(names, str) else names
        if _KINDS[kind].isdisjoint(names) or (kind in _NUMBERS and not _finite(value)):
            yield keys, f"{written(value)} is not of type {' or '.join(names)}"
            return
    if "enum" in schema and value not in schema["enum"]:
        yield keys, f"{written(value)} is none of {', '.join(map(str, schema['enum']))}"
    if "const" in schema and value != schema["const"]:
        yield keys, f"{written(value)} is not {schema['const']}"
    if kind is dict:
        yield from _members(value, schema, keys, named)
    elif kind is list:
        yield from _items(value, schema, keys, named)
    elif kind is str:
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield keys, f"{written(value)} does not match {schema['pattern']}"
    elif kind in _NUMBERS:
        if "minimum" in schema and value < schema["minimum"]:
            yield keys, f"{written(value)} is less than {schema['minimum']}"
        if "maximum" in schema and value > schema["maximum"]:
            yield keys, f"{written(value)} is more than {schema['maximum']}"


def _members(
    value: Mapping[str, Any], schema: Mapping[str, Any], keys: Keys, named: Mapping[str, Any]
) -> Iterator[tuple[Keys, str]]:
    for name in schema.get("required", ()):
        if name not in value:
            yield keys, f"{name} is missing"
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name, each in value.items():
        if "propertyNames" in schema:
            yield from _breaches(name, schema["propertyNames"], (*keys, name), named)
        if inner := properties.get(name, others):
            yield from _breaches(each, inner, (*keys, name), named)


def _items(
    value: Sequence[Any], schema: Mapping[str, Any], keys: Keys, named: Mapping[str, Any]
) -> Iterator[tuple[Keys, str]]:
    fewest, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
    if not fewest <= len(value) <= most:
        yield keys, f"has {len(value)} items, not {fewest} to {most}"
    if inner := schema.get("items"):
        for number, each in enumerate(value):
            yield from _breaches(each, inner, (*keys, number), named)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond any float
        return False
