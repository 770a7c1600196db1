"""The tables of a spec file -> what they hold, or what is wrong with them in a user's words.

First station of the flow, between the tables as a user writes them and `resolve`, which gives them their meaning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pytest_synthgate.errors import SpecError
from pytest_synthgate.kinds import LIMITED, WAIVABLE
from pytest_synthgate.spec.tables import GeneratorTable, SpecTable, Table, WaiverTable
from pytest_synthgate.spec.waivers import LONGEST, Waiver
from pytest_synthgate.text.wording import as_key, heading, meant, quoted, where, written


@dataclass(frozen=True, slots=True)
class Located:
    """Where a table stands, its file and the keys of its heading, and what was found wrong in that file so far."""

    file: Path
    table: tuple[str, ...] = ()
    problems: list[str] = field(default_factory=list)

    def below(self, *keys: str) -> Located:
        """Go to a table within this one."""
        return Located(self.file, (*self.table, *keys), self.problems)

    def add(self, problem: object) -> None:
        """Note what is wrong with this table."""
        self.problems.append(f"{where(self.file, *self.table)} {problem}")

    @contextmanager
    def noting(self, what: str = "") -> Iterator[None]:
        """Note what is refused, and go on."""
        try:
            yield
        except SpecError as error:
            self.add(f"{what}{error}")


_Declared = TypeVar("_Declared", bound=Table)


def read_table(model: type[_Declared], raw: Mapping[str, Any], at: Located) -> _Declared | None:
    """Check a table; None where something is wrong with it, which is noted."""
    try:
        return model.model_validate(dict(raw))
    except ValidationError as error:
        _note(error, model, at)
    return None


def unknown_key(key: str, model: type[Table], table: tuple[str, ...], others: tuple[str, ...] = ()) -> str:
    """Say that a key is unknown, and where it belongs or which one was meant."""
    if model is not GeneratorTable and key in GeneratorTable.model_fields:
        return f"unknown key {quoted(key)}; it belongs in {heading(*table, 'generator')}"
    if model is not GeneratorTable and key in LIMITED:
        return f"unknown key {quoted(key)}; it belongs in {heading(*table, 'limits')}"
    if model is not SpecTable and key in SpecTable.model_fields:
        return f"unknown key {quoted(key)}; it belongs in a [spec.NAME] table"
    return f"unknown key {quoted(key)}; {meant(key, [*others, *model.model_fields])}"


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


def _note(error: ValidationError, model: type[Table], at: Located) -> None:
    for details in error.errors(include_url=False):
        *inner, key = (each for each in details["loc"] if isinstance(each, str))
        place = at.below(*inner)
        if details["type"] == "extra_forbidden":
            place.add(unknown_key(key, GeneratorTable if inner else model, place.table))
        else:
            position = "".join(f"[{each}]" for each in details["loc"] if isinstance(each, int))
            place.add(f"{as_key(key)}{position} = {written(details['input'])} {_remedy(details)}")


def _remedy(details: ErrorDetails) -> str:
    context = details.get("ctx", {})
    if details["type"] == "value_error":
        return str(context["error"])
    remedy = _REMEDIES.get(details["type"])
    return f"is not valid; {remedy.format(**context) if remedy else details['msg']}"


_WAIVER_REMEDIES = {
    "pair": "give the digests of two images in a list",
    "score": f"name one of {', '.join(WAIVABLE.values())}",
    "reason": "say why this is acceptable",
    "owner": "say who answers for it",
    "expires": "give the last day it holds, such as 2027-01-31",
}


def as_waiver(declared: Mapping[str, Any], today: date) -> Waiver:
    """Read one `[[waiver]]` table; one that has expired by `today` is still a waiver, and fails its gate.

    Raises:
        SpecError: A key is unknown, missing or says what a waiver cannot be.
    """
    try:
        table = WaiverTable.model_validate(dict(declared))
    except ValidationError as error:
        raise SpecError(_why_no_waiver(error.errors(include_url=False))) from None
    if (day := table.expires) > today + LONGEST:
        raise SpecError(f"expires = {day} is over {LONGEST.days} days ahead; give a day up to {today + LONGEST}")
    digests = frozenset(each for each in (table.image, *(table.pair or ())) if each)
    return Waiver(digests=digests, score=table.score, reason=table.reason, owner=table.owner, expires=day)


def _why_no_waiver(errors: Sequence[ErrorDetails]) -> str:
    details = min(errors, key=lambda each: each["type"] != "extra_forbidden")  # misspelt, a key is missing too
    kind, value = details["type"], written(details["input"])
    key = str(details["loc"][0]) if details["loc"] else ""
    remedy = _WAIVER_REMEDIES.get(key)
    if kind == "extra_forbidden":
        return f"unknown key {quoted(key)}; {meant(key, WaiverTable.model_fields)}"
    if kind == "missing":
        return f"has no {key}; {remedy}"
    if kind == "value_error":
        return str(details["ctx"]["error"])
    if kind == "date_type":
        return f"{key} = {value} is not a date; {remedy}"
    if key == "score":
        return f"score = {value} cannot leave an image out; {remedy}"
    if key in ("image", "pair") and kind.startswith("string"):
        digest = "'sha256:' and 64 lower-case hexadecimal digits, as a finding has"
        return f"{key} holds {value}, which is no digest; give {digest}"
    return f"{key} = {value} is not valid; {remedy}"
