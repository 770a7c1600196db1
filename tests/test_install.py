"""What is installed: the base gates and no more, and what is missing is said with the command that brings it."""

import sys

import pytest

from pytest_synthgate.errors import MissingExtraError, missing, require


def test_what_is_missing_comes_with_the_command_that_installs_it() -> None:
    error = missing("Parquet needs pyarrow", "tables")
    assert str(error) == "Parquet needs pyarrow; pip install 'pytest-synthgate[tables]'"


def test_all_missing_modules_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    require("measuring", "measure", "numpy", "scipy")
    with pytest.raises(
        MissingExtraError, match=r"^measuring needs faiss, sklearn; pip install 'pytest-synthgate\[measure\]'$"
    ):
        require("measuring", "measure", "numpy", "faiss", "sklearn")
