"""JSON is read with the line of every value, and what is wrong with it is said with its line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate.errors import BaselineError
from pytest_synthgate.tracking.baseline import parsed

LEAVES = st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=8) | st.sampled_from(['"', "\\", "a: [1, {", "\\u0022"])
JSON = st.recursive(
    LEAVES | TEXTS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=20
)


@given(JSON, st.sampled_from([None, 1]))
def test_it_reads_what_json_does(document: object, indent: int | None) -> None:
    assert parsed(json.dumps(document, indent=indent).encode())[0] == document


@given(JSON)
def test_every_value_has_the_line_that_it_starts_on(document: object) -> None:
    """With one value a line, the lines count the values and the ends of those that are not empty."""
    text = json.dumps(document, indent=1)
    _, lines = parsed(text.encode())
    rows = text.split("\n")
    assert sorted(lines.values()) == [
        number for number, row in enumerate(rows, 1) if row.strip().rstrip(",") not in {"]", "}"}
    ]
    for keys, line in lines.items():
        if keys and isinstance(keys[-1], str):
            assert rows[line - 1].strip().startswith(json.dumps(keys[-1]) + ":")


def problem(content: bytes) -> str:
    try:
        parsed(content)
    except BaselineError as error:
        return str(error)
    return ""


@given(st.binary(max_size=40) | JSON.map(lambda each: json.dumps(each).encode()[:-1]))
def test_any_bytes_are_json_or_an_error_of_one_line(content: bytes) -> None:
    assert problem(content).isprintable()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: not JSON (Expecting value)"),
        (b'{"a": 1,\n "a": 2}', "line 2: a was on line 1 already"),
        (b'{"a": [1,\n\n {"b": NaN}]}', "line 3: a[1].b is not finite"),
        (b'{"a":\n -Infinity}', "line 2: a is not finite"),
        (b'{"a":\n 1e999}', "line 2: a is not finite"),
        (b"[\n" + b"9" * 5000 + b"]", "line 2: [0] is not finite"),
        (b'{"a": 1,\n "b\xff\x81": 1}', "is not UTF-8 text (byte 12); save it as UTF-8"),
        (b'{\n"a": 1\n"b": 2}', "line 3: not JSON (Expecting ',' delimiter)"),
        (b'{\n"a": 1,\n<<<<<<< HEAD\n"b": 2\n=======\n"b": 3\n>>>>>>> x\n}', "line 3: a merge conflict"),
        (b"[" * 50 + b"]" * 50, "line 1: nested too deeply"),
        (b"[" * 100_000, "nested too deeply"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_said_with_its_line(content: bytes, message: str) -> None:
    assert problem(content) == message


def test_a_byte_order_mark_is_no_obstacle() -> None:
    assert parsed(b'\xef\xbb\xbf{"a": 1}') == ({"a": 1}, {(): 1, ("a",): 1})
