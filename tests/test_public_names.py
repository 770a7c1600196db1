"""The names that the package promises."""

import importlib

import pytest

import pytest_synthgate


@pytest.mark.parametrize("name", pytest_synthgate.__all__)
def test_every_public_name_resolves_to_something_documented(name: str) -> None:
    value = getattr(pytest_synthgate, name)
    assert value.__name__ == name
    assert value.__doc__


@pytest.mark.parametrize("name", pytest_synthgate.__all__)
def test_every_public_name_is_the_one_of_its_home(name: str) -> None:
    value = getattr(pytest_synthgate, name)
    assert getattr(importlib.import_module(value.__module__), name) is value


def test_names_are_sorted_and_listed_once() -> None:
    assert sorted(set(pytest_synthgate.__all__)) == pytest_synthgate.__all__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'pytest_synthgate' has no attribute 'evaluated'"):
        _ = pytest_synthgate.evaluated


def test_a_star_import_gives_all_of_them() -> None:
    names: dict[str, object] = {}
    exec("from pytest_synthgate import *", names)
    assert names.keys() >= set(pytest_synthgate.__all__)
