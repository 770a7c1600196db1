"""JSON against a shipped JSON Schema: the keywords that the schemas of this package use, and no others.

Part of reading results and baselines, which come from other machines and may hold anything.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any, TypeAlias

from pytest_synthgate.text.printable import visible
from pytest_synthgate.text.wording import written

Keys: TypeAlias = tuple[str | int, ...]
"""The way to a value: names in objects, positions in arrays."""

_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and _finite(value),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool) and _finite(value),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


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
    if "$ref" in schema:
        schema = named[schema["$ref"].removeprefix("#/$defs/")]
    types = schema.get("type", [])
    names = [types] if isinstance(types, str) else types
    if names and not any(_TYPES[name](value) for name in names):
        yield keys, f"{written(value)} is not of type {' or '.join(names)}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield keys, f"{written(value)} is none of {', '.join(map(str, schema['enum']))}"
    if "const" in schema and value != schema["const"]:
        yield keys, f"{written(value)} is not {schema['const']}"
    if isinstance(value, int | float) and value < schema.get("minimum", value):
        yield keys, f"{value} is less than {schema['minimum']}"
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield keys, f"{written(value)} does not match {schema['pattern']}"
    if isinstance(value, dict):
        yield from _members(value, schema, keys, named)
    if isinstance(value, list):
        fewest, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
        if not fewest <= len(value) <= most:
            yield keys, f"has {len(value)} items, not {fewest} to {most}"
        for number, each in enumerate(value):
            yield from _breaches(each, schema.get("items", {}), (*keys, number), named)


def _members(
    value: Mapping[str, Any], schema: Mapping[str, Any], keys: Keys, named: Mapping[str, Any]
) -> Iterator[tuple[Keys, str]]:
    for name in schema.get("required", ()):
        if name not in value:
            yield keys, f"{name} is missing"
    properties = schema.get("properties", {})
    for name, each in value.items():
        inner = (*keys, name)
        yield from _breaches(name, schema.get("propertyNames", {}), inner, named)
        yield from _breaches(each, properties.get(name, schema.get("additionalProperties", {})), inner, named)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False
