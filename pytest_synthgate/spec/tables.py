"""The tables of a spec file as a user writes them, and the JSON Schema of them.

First station of the flow: the edge, where pydantic checks types, ranges and keys.
"""

from __future__ import annotations

import inspect
import re
from datetime import date
from functools import partial
from typing import Annotated, Any, ClassVar, Self
from unicodedata import normalize

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from pytest_synthgate.files.forms import Digest
from pytest_synthgate.kinds import LIMITED, WAIVABLE
from pytest_synthgate.spec.limits import Limit
from pytest_synthgate.spec.model import Balance, Copies, Definition, Dtype, Generator, Precision, Spec
from pytest_synthgate.spec.waivers import Waiver
from pytest_synthgate.text.wording import meant, quoted


def _text(value: str) -> str:
    if not value.strip() or "\0" in value:
        raise ValueError("is blank or holds a NUL; give a text")
    return value


def _distinct(values: list[str]) -> list[str]:
    for position, value in enumerate(values):
        if value in values[:position]:
            raise ValueError(f"repeats {quoted(value)}; name each value once")
    return values


def _waivable(score: str) -> str:
    shares = WAIVABLE.values()
    if score in LIMITED and score not in shares:
        raise ValueError(f"score = {quoted(score)} cannot leave an image out; name one of {', '.join(shares)}")
    if score not in shares:
        raise ValueError(f"unknown score {quoted(score)}; {meant(score, shares)}")
    return score


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


_Text = Annotated[str, AfterValidator(_text), Field(json_schema_extra={"pattern": r"\S"})]
_Name = Annotated[_Text, AfterValidator(partial(normalize, "NFC"))]  # as names of folders are taken
_Several = (Field(min_length=1, json_schema_extra={"uniqueItems": True}), AfterValidator(_distinct))
_Names = Annotated[list[_Text], *_Several]
_Count = Annotated[int, Field(ge=1, le=10**9)]
_Pixels = Annotated[int, Field(ge=8, le=2**16, multiple_of=8)]
_Seed = Annotated[int, Field(ge=0, lt=2**63)]  # what any other TOML reader can hold
_Pair = Annotated[list[Digest], Field(min_length=2, max_length=2, json_schema_extra={"uniqueItems": True})]
NAME = r"\w(?:[\w .-]*[\w-])?"  # of a spec: part of test ids, of -k expressions and of file names


def _for_editors(schema: dict[str, Any], table: type[Table]) -> None:
    """Complete the JSON Schema of a table."""
    del schema["title"]
    schema["description"] = schema["description"].partition("\n")[0]
    _describe(schema["properties"], table.becomes, *reversed(table.mro()[:-1]))
    schema.update(table.more)


def _describe(properties: dict[str, Any], *described: type) -> None:
    """Say of keys what docstrings say of attributes, but for what None means, which TOML does not have."""
    for each in described:
        for name, meaning in re.findall(r"^    (\w+): (.*)$", inspect.getdoc(each) or "", re.MULTILINE):
            if name in properties:
                properties[name]["description"] = f"{meaning.partition('; None')[0].removesuffix('.')}."


def _limits(schema: dict[str, Any]) -> None:
    """Say what `Limits` takes: a highest value, a table of what `Limit` takes, or false."""
    limit = TypeAdapter(Limit).json_schema(schema_generator=_Editors)
    _describe(limit["properties"], Limit)
    del limit["title"], limit["description"]
    limit["additionalProperties"] = False
    schema["propertyNames"] = {"enum": [*LIMITED]}
    schema["additionalProperties"] = {"anyOf": [{"type": "number", "minimum": 0}, {"const": False}, limit]}


class Table(BaseModel):
    """What all tables have in common: `becomes` and `more` are for the schema."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        json_schema_extra=_for_editors,
        defer_build=True,  # most files hold no waiver, and none is read as a whole
    )
    becomes: ClassVar[type] = object
    more: ClassVar[dict[str, Any]] = {}

    def given(self) -> dict[str, Any]:
        """Give the keys that the file holds."""
        return {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}


class GeneratorTable(Table):
    """`[defaults.generator]` or `[spec.NAME.generator]`.

    Attributes:
        size: Width and height in pixels, a multiple of 8.
    """

    becomes = Generator

    model: _Text | None = None
    steps: _Count | None = None
    guidance: Annotated[float, Field(ge=0)] | None = None
    size: _Pixels | None = None
    width: _Pixels | None = None
    height: _Pixels | None = None
    seed: _Seed | None = None
    negative_prompt: _Text | None = None
    scheduler: _Text | None = None
    variant: _Text | None = None
    dtype: Dtype | None = None
    lora: _Text | None = None
    lora_scale: float | None = None
    batch_size: _Count | None = None
    device: _Text | None = None


class DefaultsTable(Table):
    """`[defaults]`: what every spec of the file takes over unless it says otherwise.

    Attributes:
        limits: Limit by score: the highest value, a table, or false to switch one off.
    """

    becomes = Spec

    real: _Text | None = None
    encoder: _Text | None = None
    definition: Definition | None = None
    copies: Copies | None = None
    copy_encoder: _Text | None = None
    normalise: bool | None = None
    precision: Precision | None = None
    batch_size: _Count | None = None
    device: _Text | None = None
    classes: Annotated[list[_Name], *_Several] | None = None
    article: dict[str, str] | None = None
    limits: Annotated[dict[str, Any], Field(json_schema_extra=_limits)] | None = None  # `Limits` reads them
    generator: GeneratorTable | None = None


class SpecTable(DefaultsTable):
    """`[spec.NAME]`; a list under another key than these is an axis of the prompt.

    Attributes:
        prompt: Prompt templates with {class}, {a_class} and axes.
    """

    model_config = ConfigDict(extra="allow")
    more = {"oneOf": [{"required": ["images"]}, {"required": ["prompt"]}]}

    __pydantic_extra__: dict[str, _Names]

    images: _Text | None = None
    prompt: Annotated[_Names, BeforeValidator(_listed, json_schema_input_type=_Text | _Names)] | None = None
    per_prompt: _Count | None = None
    total: _Count | None = None
    balance_classes: Balance | None = None
    compare_to: _Name | None = None
    xfail: Annotated[dict[str, _Text], Field(json_schema_extra={"propertyNames": {"enum": [*LIMITED]}})] | None = None

    @property
    def axes(self) -> dict[str, list[str]]:
        """The values of each axis, in the order of the file."""
        return self.__pydantic_extra__


class WaiverTable(Table):
    """`[[waiver]]`: a finding that is accepted until a day.

    Attributes:
        image: Digest of the image.
        pair: Digests of an image and its twin.
    """

    becomes = Waiver
    more = {"oneOf": [{"required": ["image"]}, {"required": ["pair"]}]}

    image: Digest | None = None
    pair: _Pair | None = None
    score: Annotated[str, AfterValidator(_waivable), Field(json_schema_extra={"enum": [*WAIVABLE.values()]})]
    reason: Annotated[str, Field(pattern=r"\S")]
    owner: Annotated[str, Field(pattern=r"\S")]
    expires: date

    @model_validator(mode="after")
    def _names_one_subject(self) -> Self:
        if self.image is None and self.pair is None:
            raise ValueError("has neither image nor pair; give the digest of an image, or of two twins")
        if self.image is not None and self.pair is not None:
            raise ValueError("has both image and pair; keep one")
        if self.pair is not None and self.pair[0] == self.pair[1]:
            raise ValueError("pair names one image twice; write image = ... to waive every finding on it")
        return self


class FileTable(Table):
    """A whole spec file, for its schema alone: `resolve` reads table by table, to say more of what is wrong."""

    defaults: DefaultsTable | None = None
    spec: Annotated[
        dict[str, SpecTable], Field(min_length=1, json_schema_extra={"propertyNames": {"pattern": f"^{NAME}$"}})
    ]
    waiver: list[WaiverTable] | None = None


class _Editors(GenerateJsonSchema):
    """Draft 7, which editors read, of TOML, which has no null."""

    schema_dialect = "http://json-schema.org/draft-07/schema#"

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def spec_schema() -> dict[str, Any]:
    """Give the JSON Schema of spec files, for editors; reading one checks more than a schema can say."""
    schema = FileTable.model_json_schema(ref_template="#/definitions/{model}", schema_generator=_Editors)
    return {"$schema": _Editors.schema_dialect, "title": "synth_*.toml", "definitions": schema.pop("$defs"), **schema}
