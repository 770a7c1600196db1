"""JSON against the shipped JSON Schema of the results: the keywords that schema uses, and no others.

Part of reading results, which come from other machines and may hold anything.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from pytest_synthgate.declaring.wording import written
from pytest_synthgate.images.names import visible

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
def json_schema() -> dict[str, Any]:
    """Load the JSON Schema of the results file, which is shipped with the package."""
    text = resources.files("pytest_synthgate.reports").joinpath("synthgate.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def violations(document: object) -> Iterator[str]:
    """Say where a document breaks the schema, a line each: `specs.subject.n_real: -1 is less than 0`."""
    yield from _violations(document, json_schema(), "")


def _violations(value: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    if "$ref" in schema:
        schema = json_schema()["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    types = schema.get("type", [])
    names = [types] if isinstance(types, str) else types
    if names and not any(_TYPES[name](value) for name in names):
        yield f"{place or 'the file'}: {written(value)} is not of type {' or '.join(names)}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {written(value)} is none of {', '.join(map(str, schema['enum']))}"
    if "const" in schema and value != schema["const"]:
        yield f"{place}: {written(value)} is not {schema['const']}"
    if isinstance(value, int | float) and value < schema.get("minimum", value):
        yield f"{place}: {value} is less than {schema['minimum']}"
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        yield f"{place}: {written(value)} does not match {schema['pattern']}"
    if isinstance(value, dict):
        yield from _members(value, schema, place)
    if isinstance(value, list):
        fewest, most = schema.get("minItems", 0), schema.get("maxItems", len(value))
        if not fewest <= len(value) <= most:
            yield f"{place}: has {len(value)} items, not {fewest} to {most}"
        for number, each in enumerate(value):
            yield from _violations(each, schema.get("items", {}), f"{place}[{number}]")


def _members(value: Mapping[str, Any], schema: Mapping[str, Any], place: str) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{place or 'the file'}: {name} is missing"
    properties = schema.get("properties", {})
    for name, each in value.items():
        inner = f"{place}.{visible(name)}" if place else visible(name)
        yield from _violations(name, schema.get("propertyNames", {}), inner)
        yield from _violations(each, properties.get(name, schema.get("additionalProperties", {})), inner)


def _finite(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False
