"""The shipped schema, and the check against it: as strict as jsonschema, whatever it is given."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_synthgate.files.schema import shipped_schema
from pytest_synthgate.results.file import json_schema, to_document, violations

from ..reports.conftest import judged

DOCUMENT = to_document({"subject": judged(unvaried=0.05, unreadable=0)})
KEYWORDS = {
    *("$schema", "$defs", "$ref", "title", "description", "format"),
    *("propertyNames", "minItems", "maxItems"),
    *(
        "type",
        "enum",
        "const",
        "minimum",
        "maximum",
        "pattern",
        "required",
        "properties",
        "additionalProperties",
        "items",
    ),
}
# Whole numbers with a decimal point and numbers beyond a float are the two things judged otherwise, on purpose.
LEAVES = st.none() | st.booleans() | st.integers(-9, 10**9) | st.sampled_from([0.5, -0.5]) | st.text(max_size=9)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(each, (*path, key))


def changed(path: tuple[Any, ...], value: Any) -> Any:
    """Put a value into a copy of the document."""
    if not path:
        return value
    document = json.loads(json.dumps(DOCUMENT))
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return document


def is_valid(document: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(json_schema()).is_valid(document))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_what_is_written_keeps_to_it() -> None:
    assert is_valid(DOCUMENT)
    assert list(violations(DOCUMENT)) == []


@pytest.mark.parametrize("name", ["results/synthgate", "tracking/baseline", "tracking/history"])
def test_a_shipped_schema_uses_no_keyword_that_is_not_checked(name: str) -> None:
    def schemas(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield schema
        for name in ("properties", "$defs"):
            for each in schema.get(name, {}).values():
                yield from schemas(each)
        for name in {"items", "additionalProperties", "propertyNames"} & schema.keys():
            yield from schemas(schema[name])

    package, _, file = name.partition("/")
    found = [*schemas(shipped_schema(f"pytest_synthgate.{package}", f"{file}.schema.json"))]
    assert {keyword for each in found for keyword in each} <= KEYWORDS
    assert [each for each in found if "$ref" in each and each.keys() - {"$ref", "description"}] == []


@settings(deadline=None, max_examples=300)
@given(path=st.sampled_from(list(places(DOCUMENT))), value=JSON)
def test_any_change_is_judged_as_jsonschema_does(path: tuple[Any, ...], value: Any) -> None:
    document = changed(path, value)
    assert (not list(violations(document))) == is_valid(document)


@pytest.mark.parametrize("path", [path for path in places(DOCUMENT) if path and isinstance(path[-1], str)])
def test_a_missing_key_is_judged_as_jsonschema_does(path: tuple[Any, ...]) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    assert (not list(violations(document))) == is_valid(document)


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (("specs", "subject", "n_real"), -1, "specs.subject.n_real: -1 is less than 0"),
        (("specs", "subject", "n_real"), 1.0, "specs.subject.n_real: 1.0 is not of type integer"),
        (("specs", "subject", "unreadable"), [{"image": ""}], "specs.subject.unreadable[0]: reason is missing"),
        (("specs", "subject", "scores", "a\nb"), 1, "specs.subject.scores.a\\u000ab: 1 is not of type object"),
        (("specs", "subject", "findings", 1, "by"), "luck", "specs.subject.findings[1].by: 'luck' is none of exact, *"),
        (("specs", "subject", "findings", 0, "value"), 1e999, "*findings[0].value: inf is not of type number"),
        (("specs", "subject", "findings", 0, "value"), 10**400, "*value: a number of very many digits is not of type*"),
        (("specs", "subject", "findings", 0, "digest"), "md5", "*digest: 'md5' does not match ^sha256:*"),
        (("specs", "subject", "rungs", "unrealistic", "many"), {}, "*unrealistic.many: 'many' does not match ^[0-9]*"),
        ((), [], "the file: [] is not of type object"),
        (("schema",), 2, "schema: 2 is not 1"),
    ],
)
def test_a_violation_says_where_and_what(path: tuple[Any, ...], value: Any, line: str) -> None:
    found = next(violations(changed(path, value)))
    head, star, _ = line.removeprefix("*").partition("*")
    assert head in found if line.startswith("*") else found.startswith(head)
    assert star or line.startswith("*") or found == line
