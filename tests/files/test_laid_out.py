"""JSON as people read it: the same value, and lines that a diff can show."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate.files.forms import laid_out

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(JSON | st.lists(LEAVES, min_size=25, max_size=40))
def test_it_is_read_back_as_it_was(value: Any) -> None:
    assert json.loads(laid_out(value)) == value


def test_what_holds_nothing_further_is_a_line() -> None:
    score = {"value": 0.5, "errors": [0.1, 0.2], "of": None}
    assert laid_out({"a": {"b": score}, "c": [score], "d": {}, "e": [], "é": [[1, 2], [3]]}).splitlines() == [
        "{",
        ' "a": {',
        '  "b": {"value": 0.5, "errors": [0.1, 0.2], "of": null}',
        " },",
        ' "c": [',
        '  {"value": 0.5, "errors": [0.1, 0.2], "of": null}',
        " ],",
        ' "d": {},',
        ' "e": [],',
        ' "é": [',
        "  [1, 2],",
        "  [3]",
        " ]",
        "}",
    ]


def test_very_many_values_have_lines_of_their_own() -> None:
    assert laid_out([*range(30)]).count("\n") == 0
    assert laid_out([*range(31)]).count("\n") == 32
    assert laid_out({str(each): each for each in range(31)}).count("\n") == 32


@pytest.mark.parametrize("value", [math.nan, [math.inf], {"a": [{"b": math.nan}]}])
def test_numbers_that_are_no_json_are_an_error(value: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        laid_out(value)
