"""A form reads what its JSON Schema allows and refuses all else in one line that names the place and the value."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_synthgate.files.forms import Form, MisfitError
from pytest_synthgate.results.file import ResultsFile, to_document

from ..reports.conftest import judged

DOCUMENT = to_document({"subject": judged(unvaried=0.05, unreadable=0)})
SCHEMA = Form(ResultsFile).schema("synthgate.json")
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
    return bool(jsonschema.Draft202012Validator(SCHEMA).is_valid(document))


def is_read(document: Any) -> bool:
    try:
        Form(ResultsFile).read(document)
    except MisfitError:
        return False
    return True


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_what_is_written_keeps_to_it() -> None:
    assert is_valid(DOCUMENT)
    assert is_read(DOCUMENT)


@settings(deadline=None, max_examples=300)
@given(path=st.sampled_from(list(places(DOCUMENT))), value=JSON)
def test_any_change_is_judged_as_jsonschema_does(path: tuple[Any, ...], value: Any) -> None:
    document = changed(path, value)
    assert is_read(document) == is_valid(document)


@pytest.mark.parametrize("path", [path for path in places(DOCUMENT) if path and isinstance(path[-1], str)])
def test_a_missing_key_is_judged_as_jsonschema_does(path: tuple[Any, ...]) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    assert is_read(document) == is_valid(document)


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (("specs", "subject", "n_real"), -1, "specs.subject.n_real: -1 is less than 0"),
        (("specs", "subject", "n_real"), 1.0, "specs.subject.n_real: 1.0 is not of type integer"),
        (("specs", "subject", "unreadable"), [{"image": ""}], "specs.subject.unreadable[0]: reason is missing"),
        (("specs", "subject", "scores", "a\nb"), 1, "specs.subject.scores.a\\u000ab: 1 is not of type object"),
        (
            ("specs", "subject", "findings", 1, "by"),
            "luck",
            "specs.subject.findings[1].by: 'luck' does not match *",
        ),
        (("specs", "subject", "findings", 0, "value"), 1e999, "*findings[0].value: inf is not of type number"),
        (("specs", "subject", "findings", 0, "value"), 10**400, "*value: a number of very many digits is not of type*"),
        (("specs", "subject", "findings", 0, "digest"), "md5", "*digest: 'md5' does not match ^sha256:*"),
        (("specs", "subject", "rungs", "unrealistic", "many"), {}, "*unrealistic.many: 'many' does not match ^[0-9]*"),
        ((), [], "the file: [] is not of type object"),
        (("schema",), 2, "schema: 2 is none of 1"),
    ],
)
def test_a_violation_says_where_and_what(path: tuple[Any, ...], value: Any, line: str) -> None:
    with pytest.raises(MisfitError) as caught:
        Form(ResultsFile).read(changed(path, value))
    found = str(caught.value)
    head, star, _ = line.removeprefix("*").partition("*")
    assert head in found if line.startswith("*") else found.startswith(head)
    assert star or line.startswith("*") or found == line


CORE = (
    "n_real",
    "n_synthetic",
    "unreadable",
    "scores",
    "rungs",
    "gates",
    "findings",
    "breakdown",
    "audit",
    "fingerprint",
)
PARTS = {
    "Score": ("value", "low", "high"),
    "Gate": ("limit", "baseline", "verdict", "reason"),
    "Unreadable": ("image", "reason"),
    "Finding": ("id", "digest", "image", "score", "by", "value", "twin", "twin_set", "prompt", "seed"),
}


def test_the_stable_core_is_in_the_schema_and_in_what_is_written() -> None:
    """Other programs read these keys; more may be added."""
    spec = SCHEMA["$defs"]["WrittenResult"]
    assert {"schema", "package", "specs"} <= {*SCHEMA["required"]} & DOCUMENT.keys()
    assert {*CORE} <= {*spec["required"]} & DOCUMENT["specs"]["subject"].keys()
    for name, keys in PARTS.items():
        assert {*keys} <= SCHEMA["$defs"][name]["properties"].keys()
    assert {*PARTS["Finding"]} <= DOCUMENT["specs"]["subject"]["findings"][0].keys()
    assert {*PARTS["Gate"]} <= DOCUMENT["specs"]["subject"]["gates"]["unvaried"].keys()


@pytest.mark.parametrize("key", CORE)
def test_a_missing_key_of_the_stable_core_is_one_line(key: str) -> None:
    document = json.loads(json.dumps(DOCUMENT))
    del document["specs"]["subject"][key]
    with pytest.raises(MisfitError, match=rf"^specs\.subject: {key} is missing$"):
        Form(ResultsFile).read(document)
