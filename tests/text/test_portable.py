"""Names that are files on every operating system."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate.text.printable import portable, unused

DEVICES = ("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³"))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hot dog", "hot dog"),
        ("café", "café"),
        ("cafe\u0301", "café"),
        ("a/b", "a_b"),
        ("..", "_"),
        ("../../etc/passwd", "_.._.._etc_passwd"),
        ("C:\\x", "C__x"),
        ('<>:"|?*', "_"),
        ("line\nbreak\0", "line_break_"),
        ("\udcff", "_"),
        ("  wide  ", "wide"),
        ("etc. . ", "etc"),
        ("", "_"),
        (".hidden", "_.hidden"),
        ("__pycache__", "_pycache__"),
        ("CON", "_CON"),
        ("nul.tar.gz", "_nul.tar.gz"),
        ("com¹", "_com¹"),
        ("console", "console"),
        ("metadata.csv", "_metadata.csv"),
        ("@eaDir", "_@eaDir"),
    ],
)
def test_what_a_system_does_not_take_is_replaced(text: str, name: str) -> None:
    assert portable(text) == name


@given(st.text(st.characters() | st.sampled_from('./\\ _:*"\0cCoOnN1é\u0301\u3000\ud800'), max_size=200))
def test_any_text_becomes_a_name_that_is_safe_everywhere(text: str) -> None:
    name = portable(text)
    assert name
    assert len(name.encode()) <= 121
    assert name == unicodedata.normalize("NFC", name)
    assert not set(name) & set('<>:"/\\|?*')
    assert all(ord(letter) >= 32 for letter in name)
    assert not {name[0], name[-1]} & set(". ")
    assert name.split(".")[0].strip().casefold() not in DEVICES
    assert portable(name) == name or len(name.encode()) > 120


@given(st.lists(st.sampled_from(["a", "A", "é", "e\u0301", "É", "ß", "SS", "a-12345678"]), max_size=12))
def test_no_two_names_are_one_to_a_file_system_that_ignores_case_or_composition(stems: list[str]) -> None:
    used: set[str] = set()
    names = [unused(portable(stem), ".png", "1234567890", used) for stem in stems]
    assert len({unicodedata.normalize("NFD", name).casefold() for name in names}) == len(stems)
    assert len({unicodedata.normalize("NFD", name).upper() for name in names}) == len(stems)


def test_a_name_that_is_free_is_left_alone() -> None:
    used: set[str] = set()
    assert [unused("1", suffix, "abcdef0123", used) for suffix in (".png", ".jpg", ".PNG")] == [
        "1.png",
        "1.jpg",
        "1-abcdef01.PNG",
    ]
