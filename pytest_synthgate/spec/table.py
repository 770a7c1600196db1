"""The tables of a spec file as a user writes them, and what is wrong with one in a user's words.

First station of the flow: the edge, where pydantic checks types, ranges and keys. `resolve` gives the tables their
meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from pytest_synthgate.kinds import LIMITED
from pytest_synthgate.spec.model import Balance, Definition, Dtype, Precision
from pytest_synthgate.text.wording import as_key, heading, meant, quoted, where, written


def _text(value: str) -> str:
    if not value.strip() or "\0" in value:
        raise ValueError("is blank or holds a NUL; give a text")
    return value


def _distinct(values: list[str]) -> list[str]:
    for position, value in enumerate(values):
        if value in values[:position]:
            raise ValueError(f"repeats {quoted(value)}; name each value once")
    return values


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Text = Annotated[str, AfterValidator(_text)]
Names = Annotated[list[Text], Field(min_length=1), AfterValidator(_distinct)]
Count = Annotated[int, Field(ge=1, le=10**9)]
Pixels = Annotated[int, Field(ge=8, le=2**16, multiple_of=8)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]  # what any other TOML reader can hold


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    def given(self) -> dict[str, Any]:
        """Give the keys that the file holds."""
        return {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}


class GeneratorTable(_Table):
    """`[defaults.generator]` or `[spec.NAME.generator]`."""

    model: Text | None = None
    steps: Count | None = None
    guidance: Annotated[float, Field(ge=0)] | None = None
    size: Pixels | None = None
    width: Pixels | None = None
    height: Pixels | None = None
    seed: Seed | None = None
    negative_prompt: Text | None = None
    scheduler: Text | None = None
    variant: Text | None = None
    dtype: Dtype | None = None
    lora: Text | None = None
    lora_scale: float | None = None
    batch_size: Count | None = None
    device: Text | None = None


class DefaultsTable(_Table):
    """`[defaults]`: what every spec of the file takes over unless it says otherwise."""

    real: Text | None = None
    encoder: Text | None = None
    definition: Definition | None = None
    normalise: bool | None = None
    precision: Precision | None = None
    batch_size: Count | None = None
    device: Text | None = None
    classes: Names | None = None
    article: dict[str, str] | None = None
    limits: dict[str, Any] | None = None  # `limits` knows what a limit may be
    generator: GeneratorTable | None = None


class SpecTable(DefaultsTable):
    """`[spec.NAME]`, its axes taken out."""

    images: Text | None = None
    prompt: Annotated[Names, BeforeValidator(_listed)] | None = None
    per_prompt: Count | None = None
    total: Count | None = None
    balance_classes: Balance | None = None
    compare_to: Text | None = None
    xfail: dict[str, Text] | None = None


_AXES = TypeAdapter(dict[str, Names], config=ConfigDict(strict=True))
_Declared = TypeVar("_Declared", bound=_Table)


def read_table(
    model: type[_Declared], raw: Mapping[str, Any], file: Path, table: tuple[str, ...], problems: list[str]
) -> _Declared | None:
    """Check a table, and add what is wrong with it to the problems, a line each.

    Returns:
        The table, or None when something is wrong.
    """
    return _validated(lambda: model.model_validate(dict(raw)), model, file, table, problems)


def read_axes(
    raw: Mapping[str, Any], file: Path, table: tuple[str, ...], problems: list[str]
) -> dict[str, list[str]] | None:
    """Check the axes of a spec, and add what is wrong with them to the problems, a line each."""
    return _validated(lambda: _AXES.validate_python(dict(raw)), SpecTable, file, table, problems)


def unknown_key(key: str, model: type[_Table], table: tuple[str, ...], others: tuple[str, ...] = ()) -> str:
    """Say that a key is unknown, and where it belongs or which one was meant."""
    if model is not GeneratorTable and key in GeneratorTable.model_fields:
        return f"unknown key {quoted(key)}; it belongs in {heading(*table, 'generator')}"
    if model is not GeneratorTable and key in LIMITED:
        return f"unknown key {quoted(key)}; it belongs in {heading(*table, 'limits')}"
    if model is not SpecTable and key in SpecTable.model_fields:
        return f"unknown key {quoted(key)}; it belongs in a [spec.NAME] table"
    return f"unknown key {quoted(key)}; {meant(key, [*others, *model.model_fields])}"


_Value = TypeVar("_Value")


def _validated(
    validate: Callable[[], _Value], model: type[_Table], file: Path, table: tuple[str, ...], problems: list[str]
) -> _Value | None:
    try:
        return validate()
    except ValidationError as error:
        problems += _in_words(error, model, file, table)
    return None


_REMEDIES = {
    "string_type": "give a text in quotes",
    "int_type": "give a whole number",
    "int_from_float": "give a whole number",
    "float_type": "give a number",
    "finite_number": "give a finite number",
    "bool_type": "give true or false",
    "list_type": "give a list of texts, ['one', 'two']",
    "dict_type": "give a table",
    "model_type": "give a table",
    "literal_error": "give {expected}",
    "greater_than_equal": "give {ge} or more",
    "less_than_equal": "give {le} or less",
    "less_than": "give less than {lt}",
    "multiple_of": "give a multiple of {multiple_of}",
    "too_short": "give at least one value",
}


def _in_words(error: ValidationError, model: type[_Table], file: Path, table: tuple[str, ...]) -> Iterator[str]:
    for details in error.errors(include_url=False):
        *inner, key = (each for each in details["loc"] if isinstance(each, str))
        place = where(file, *table, *inner)
        if details["type"] == "extra_forbidden":
            yield f"{place} {unknown_key(key, GeneratorTable if inner else model, (*table, *inner))}"
        else:
            position = "".join(f"[{each}]" for each in details["loc"] if isinstance(each, int))
            yield f"{place} {as_key(key)}{position} = {written(details['input'])} {_remedy(details)}"


def _remedy(details: ErrorDetails) -> str:
    context = details.get("ctx", {})
    if details["type"] == "value_error":
        return str(context["error"])
    remedy = _REMEDIES.get(details["type"])
    return f"is not valid; {remedy.format(**context) if remedy else details['msg']}"
