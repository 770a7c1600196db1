"""The form of a file that crosses a border: one dataclass, by which it is read, written and described.

pydantic checks what is read, gives what is written, and makes the JSON Schema; nothing else knows of the keys. It is
imported when a form is first used. The types of this file say what JSON cannot: that true is no number, that numbers
are finite, how many digits are kept.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeAlias, TypeVar

from pytest_synthgate.text.printable import visible
from pytest_synthgate.text.wording import written

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, TypeAdapter
    from pydantic_core import CoreSchema, ErrorDetails

DECIMALS = 6
"""Digits kept in JSON: beyond them lies the noise of float32 features."""

_MOST = 30
"""Values on a line, at most."""

_T = TypeVar("_T")
Keys: TypeAlias = tuple[str | int, ...]
"""The way to a value: names in objects, positions in arrays."""


def rounded(value: float | None) -> float | None:
    """Round a number to the digits that JSON keeps; what is not finite is nothing."""
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), DECIMALS) + 0.0


def _rounded_within(value: Any) -> Any:
    match value:
        case Mapping():
            return {key: _rounded_within(each) for key, each in value.items()}
        case list() | tuple():
            return [_rounded_within(each) for each in value]
        case float():
            return rounded(value)
        case _:
            return value


def _bound(value: object) -> object:
    """Take a number as it is, for a count has no decimal point."""
    if value is None or (type(value) in {int, float} and math.isfinite(value)):  # type: ignore[arg-type]
        return value
    raise ValueError(f"{written(value)} is not of type number or null")


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What pydantic is told of a type, once it asks.

    Attributes:
        words: Pairs of a name of pydantic's, such as "Field", and what that is called with.
    """

    words: tuple[tuple[str, Mapping[str, Any]], ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        import pydantic

        marks = (getattr(pydantic, name)(**how) for name, how in self.words)
        return handler.generate_schema(Annotated[(source, *marks)])


def told(**words: Mapping[str, Any]) -> Told:
    """Tell pydantic, in its own words, what a type is: `told(Strict={}, Field={"ge": 0})`."""
    return Told(tuple(words.items()))


def member(**how: Any) -> Any:
    """Give what pydantic is to know of an attribute alone, such as its `alias`; called when an annotation is read."""
    from pydantic import Field

    return Field(**how)


Digest: TypeAlias = Annotated[str, told(Field={"pattern": r"^sha256:[0-9a-f]{64}$"})]
Rung: TypeAlias = Annotated[str, told(Field={"pattern": "^[0-9]{1,9}$", "description": "Images a side."})]
Count: TypeAlias = Annotated[int, told(Strict={}, Field={"ge": 0, "le": 10**9})]
Whole: TypeAlias = Annotated[int, told(Strict={})]
Number: TypeAlias = Annotated[float, told(Strict={}, Field={"allow_inf_nan": False}, PlainSerializer={"func": rounded})]
Truth: TypeAlias = Annotated[bool, told(Strict={})]
Bound: TypeAlias = Annotated[
    float | None,
    told(PlainValidator={"func": _bound}, WithJsonSchema={"json_schema": {"type": ["number", "null"]}}),
]
FreeForm: TypeAlias = Annotated[Mapping[str, Any], told(PlainSerializer={"func": _rounded_within})]
"""Free-form JSON, of which only the digits are a matter of form."""
ImageSide: TypeAlias = Annotated[str, told(Field={"pattern": "^(synthetic|real)$"})]


class MisfitError(ValueError):
    """What a document holds does not fit its form; the text begins with the place.

    Attributes:
        keys: The way to what does not fit.
    """

    def __init__(self, keys: Keys, reason: str) -> None:
        super().__init__(f"{place(keys)}: {reason}")
        self.keys = keys


@dataclass(frozen=True, slots=True)
class Form(Generic[_T]):
    """One kind of document, by the dataclass that defines it."""

    kind: type[_T]

    def read(self, raw: object) -> _T:
        """Read plain JSON; keys that the form does not know are left alone unless it forbids them.

        Raises:
            MisfitError: It does not fit.
        """
        from pydantic import ValidationError

        try:
            return _adapter(self.kind).validate_python(raw)
        except ValidationError as error:
            raise MisfitError(*_told(error.errors(include_url=False)[0])) from None

    def plain(self, value: _T) -> dict[str, Any]:
        """Give the plain JSON of a value."""
        found: dict[str, Any] = _adapter(self.kind).dump_python(value, mode="json", by_alias=True, warnings=False)
        return found

    def schema(self, title: str) -> dict[str, Any]:
        """Give the JSON Schema."""
        from pytest_synthgate.files.schemas import DIALECT, FormSchema

        made = _adapter(self.kind).json_schema(schema_generator=FormSchema)
        return {"$schema": DIALECT, **made, "title": title}


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter(kind: type[_T]) -> TypeAdapter[_T]:
    """Make what checks a form, once, for that takes longer than most documents do."""
    if kind not in _ADAPTERS:
        from pydantic import TypeAdapter

        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def _told(error: ErrorDetails) -> tuple[Keys, str]:
    """Say where a document does not fit, and why."""
    keys, value, context = error["loc"], written(error["input"]), error.get("ctx", {})
    keys = keys[:-1] if keys and keys[-1] == "[key]" else keys
    match error["type"]:
        case "missing":
            return keys[:-1], "has too few items" if isinstance(keys[-1], int) else f"{keys[-1]} is missing"
        case "unexpected_keyword_argument":
            return keys, "is no key of this file"
        case "literal_error":
            return keys, f"{value} is none of {context['expected'].replace(' or ', ', ').replace(chr(39), '')}"
        case "greater_than_equal":
            return keys, f"{value} is less than {context['ge']}"
        case "less_than_equal":
            return keys, f"{value} is more than {context['le']}"
        case "string_pattern_mismatch":
            return keys, f"{value} does not match {context['pattern']}"
        case "value_error":
            return keys, str(context["error"])
        case kind:
            return keys, f"{value} is not of type {_TYPES.get(kind.split('_')[0], kind)}"


_TYPES = {
    "int": "integer",
    "float": "number",
    "finite": "number",
    "bool": "boolean",
    "string": "string",
    "dict": "object",
    "mapping": "object",
    "dataclass": "object",
    "tuple": "array",
    "too": "array of that length",
}


def place(keys: Keys) -> str:
    """Write where in a document a value stands: `specs.subject.findings[1].by`."""
    parts = (f"[{key}]" if isinstance(key, int) else f".{visible(key)}" for key in keys)
    return "".join(parts).removeprefix(".") or "the file"


_in_a_line = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def laid_out(value: Any, indent: str = "") -> str:
    """Write JSON that people read: a line for each value that holds no object, no list of lists, and not very much.

    `indent` is what its lines begin with; the first one stands behind its key.

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


def _is_nested(values: Collection[Any]) -> bool:
    within = (inner for each in values if isinstance(each, list) for inner in each)
    return any(isinstance(each, dict) for each in values) or any(isinstance(inner, dict | list) for inner in within)
