"""How messages show what a user wrote."""

import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_synthgate.text.wording import differences, meant, nearest, quoted, where, written


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (0.5, "0.5"),
        ("it's", '"it\'s"'),
        ([], "[]"),
        ([1], "[...]"),
        ({}, "{}"),
        ({"a": 1}, "{ ... }"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        (datetime.time(1, 2, 3), "01:02:03"),
        (datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC), "2024-01-02T00:00:00+00:00"),
        (16**500, "a number of very many digits"),
        (-(16**500), "a number of very many digits"),
    ],
)
def test_values_look_as_toml_writes_them(value: Any, shown: str) -> None:
    assert written(value) == shown


@settings(deadline=None)
@given(st.text())
def test_any_text_is_quoted_short_and_on_one_line(text: str) -> None:
    shown = quoted(text * 100)

    assert shown.isprintable()
    assert len(shown) <= 60 * len(r"\U00000000") + 2


@settings(deadline=None)
@given(st.text(), st.lists(st.text()))
def test_any_names_make_one_line(name: str, valid: list[str]) -> None:
    assert meant(name, valid).isprintable()
    assert nearest(name, valid) in {None, *valid}


def test_the_nearest_name_ignores_case_and_huge_names_are_cut() -> None:
    assert nearest("Per_Prompt", ["total", "per_prompt"]) == "per_prompt"
    assert nearest("x" * 10_000_000, ["total"]) is None


def test_without_a_near_name_all_are_given() -> None:
    assert meant("zzz", ["one", "two"]) == "give one of one, two"
    assert meant("zzz", []) == "remove it"


def test_a_place_is_named_as_the_file_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert where(tmp_path / "a/synth_x.toml", "spec", "in bag") == "a/synth_x.toml: [spec.'in bag']"
    assert where(Path("/elsewhere/synth_x.toml")) == "/elsewhere/synth_x.toml:"


def test_differences_name_the_key_and_what_it_was_and_is() -> None:
    was = {"model": {"steps": 2, "size": 512}, "seed": 0, "same": [1]}
    now = {"model": {"steps": 4, "size": 512}, "precision": "bf16", "same": [1]}
    assert list(differences(was, now)) == [
        "`model.steps` was 2 and is 4 now",
        '`precision` was null and is "bf16" now',
        "`seed` was 0 and is null now",
    ]
    assert list(differences(was, was)) == []
