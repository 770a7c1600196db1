"""Names as they are shown: nothing in them can act on a terminal, and what was escaped once stays as it is."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate.images.names import printable, visible


@given(st.text())
def test_what_is_visible_is_one_line_without_controls(text: str) -> None:
    shown = visible(text)
    assert len(shown.splitlines()) <= 1
    assert not [letter for letter in shown if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")]
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@given(st.text())
def test_a_printable_name_is_visible_as_it_is(text: str) -> None:
    assert visible(printable(text)) == printable(text)


@pytest.mark.parametrize("text", ["plain", "süß", "a\\b", "नमस्ते", "👩\u200d🚀", "\xa0"])
def test_letters_stay_letters(text: str) -> None:
    assert visible(text) == text
