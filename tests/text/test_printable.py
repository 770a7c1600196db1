"""Names as they are shown: nothing in them can act on a terminal, and what was escaped once stays as it is."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate.text.printable import printable, visible


@given(st.text())
def test_what_is_visible_is_one_line_without_controls(text: str) -> None:
    shown = visible(text)
    assert len(shown.splitlines()) <= 1
    assert not [letter for letter in shown if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")]
    assert not set(shown) & set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@given(st.text().filter(lambda text: "::" not in text and "##" not in text))
def test_a_printable_name_is_visible_as_it_is(text: str) -> None:
    assert visible(printable(text)) == printable(text)


@pytest.mark.parametrize("text", ["plain", "süß", "a\\b", "नमस्ते", "👩\u200d🚀", "\xa0"])
def test_letters_stay_letters(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("::add-mask::a", "\\u003a:add-mask::a"),
        (" ::error::x.png", " \\u003a:error::x.png"),
        ("a/##[add-mask]b", "a/\\u0023#[add-mask]b"),
        ("##vso[task.complete]", "\\u0023#vso[task.complete]"),
        ("##teamcity[buildStop]", "\\u0023#teamcity[buildStop]"),
        ("a::b, ## c", "a::b, ## c"),
    ],
)
def test_a_name_commands_no_ci_runner_that_reads_the_log(name: str, shown: str) -> None:
    assert visible(name) == shown
    assert visible(shown) == shown
