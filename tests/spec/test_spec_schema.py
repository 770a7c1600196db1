"""The schema of spec files says what the reader says, as far as a schema can."""

import json
import re
import tomllib
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest

from pytest_synthgate.errors import SpecError
from pytest_synthgate.kinds import LIMITED, WAIVABLE
from pytest_synthgate.spec.files import load_spec_file
from pytest_synthgate.spec.limits import Limit, WhenUnsure
from pytest_synthgate.spec.model import Balance, Definition, Dtype, Precision
from pytest_synthgate.spec.tables import DefaultsTable, GeneratorTable, SpecTable, spec_schema

ROOT = Path(__file__).parents[2]
SCHEMA = spec_schema()
PARTS: dict[str, Any] = SCHEMA["definitions"]
A, B = (f"sha256:{letter * 64}" for letter in "ab")
SOON = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
WAIVER = f'score = "unvaried"\nreason = "twins"\nowner = "Ann"\nexpires = {SOON}'


def as_json(value: Any) -> Any:
    """Give TOML as editors hand it to a schema, dates as texts."""
    if isinstance(value, dict):
        return {key: as_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_json(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def is_valid(text: str) -> bool:
    return jsonschema.Draft7Validator(SCHEMA).is_valid(as_json(tomllib.loads(text)))


def test_it_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


TABLES: dict[str, type[DefaultsTable | GeneratorTable]] = {
    "DefaultsTable": DefaultsTable,
    "SpecTable": SpecTable,
    "GeneratorTable": GeneratorTable,
}


@pytest.mark.parametrize("name", TABLES)
def test_it_has_the_keys_of_the_tables_and_says_what_they_mean(name: str) -> None:
    properties = PARTS[name]["properties"]
    assert properties.keys() == TABLES[name].model_fields.keys()
    assert [key for key, each in properties.items() if "description" not in each] == []
    assert "None" not in json.dumps(PARTS[name]["properties"])


def test_it_has_the_words_that_a_key_may_be() -> None:
    spec, limits = PARTS["SpecTable"]["properties"], PARTS["SpecTable"]["properties"]["limits"]
    (limit,) = (each for each in limits["additionalProperties"]["anyOf"] if "properties" in each)
    assert tuple(limits["propertyNames"]["enum"]) == tuple(spec["xfail"]["propertyNames"]["enum"]) == LIMITED
    assert tuple(PARTS["WaiverTable"]["properties"]["score"]["enum"]) == tuple(WAIVABLE.values())
    assert limit["properties"].keys() == {field.name for field in fields(Limit)}
    assert tuple(limit["properties"]["when_unsure"]["enum"]) == get_args(WhenUnsure)
    assert tuple(spec["definition"]["enum"]) == get_args(Definition)
    assert tuple(spec["precision"]["enum"]) == get_args(Precision)
    assert tuple(PARTS["GeneratorTable"]["properties"]["dtype"]["enum"]) == get_args(Dtype)
    assert tuple(spec["balance_classes"]["enum"]) == get_args(Balance)


def test_nothing_in_it_is_null_for_toml_has_no_null() -> None:
    assert "null" not in json.dumps(SCHEMA)


def documented() -> list[str]:
    """Collect the spec files that the documentation shows and the example has."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    shown = [block for page in pages for block in re.findall(r"```toml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)]
    whole = [block for block in shown if "\n[spec." in f"\n{block}"]
    return [*whole, *(path.read_text("utf-8") for path in (ROOT / "example_project").glob("synth_*.toml"))]


@pytest.mark.parametrize("text", documented())
def test_what_the_documentation_shows_is_valid(text: str) -> None:
    assert is_valid(text)


GOOD = [
    '[spec.a]\nimages = "x"',
    '[spec."a b"]\nprompt = ["{class} {light}", "y"]\nlight = ["dim"]\nper_prompt = 3\ngenerator.model = "m"',
    '[defaults.limits]\nunvaried = { max = 1, when_unsure = "fail" }\n[spec.a]\nimages = "x"\nlimits.unvaried = false',
    f'[spec.a]\nimages = "x"\n[[waiver]]\nimage = "{A}"\n{WAIVER}\n[[waiver]]\npair = ["{A}", "{B}"]\n{WAIVER}',
]
BAD = [
    '[defaults]\nreal = "x"',
    '[spec.a]\nreal = "x"',
    '[spec.a]\nimages = "x"\nprompt = "y"',
    '[spec.a]\nimages = ""',
    '[spec.a]\nimage = "x"',
    '[specs.a]\nimages = "x"',
    '[spec.a]\nimages = "x"\nlimits.unvaried = {}',
    '[spec.a]\nimages = "x"\nlimits.unvaried = -1',
    '[spec.a]\nimages = "x"\nlimits.varied = 0.1',
    '[spec.a]\nimages = "x"\nlimits.unvaried = { max = 0.1, when_unsure = "maybe" }',
    '[spec.a]\nprompt = "x"\nper_prompt = 0',
    '[spec.a]\nprompt = "x"\nper_prompt = 1\ngenerator = { model = "m", size = 500 }',
    '[spec."a/b"]\nimages = "x"',
    f'[spec.a]\nimages = "x"\n[[waiver]]\n{WAIVER}',
    f'[spec.a]\nimages = "x"\n[[waiver]]\nimage = "a.png"\n{WAIVER}',
    f'[spec.a]\nimages = "x"\n[[waiver]]\npair = ["{A}", "{A}"]\n{WAIVER}',
    f'[spec.a]\nimages = "x"\n[[waiver]]\nimage = "{A}"\n{WAIVER.replace("owner", "who")}',
]


@pytest.mark.parametrize("text", GOOD)
def test_what_is_read_is_valid(tmp_path: Path, text: str) -> None:
    (tmp_path / "synth_x.toml").write_text(text, "utf-8")
    assert load_spec_file(tmp_path / "synth_x.toml", named=True)
    assert is_valid(text)


@pytest.mark.parametrize("text", BAD)
def test_what_is_refused_is_not_valid(tmp_path: Path, text: str) -> None:
    (tmp_path / "synth_x.toml").write_text(text, "utf-8")
    with pytest.raises(SpecError):
        load_spec_file(tmp_path / "synth_x.toml", named=True)
    assert not is_valid(text)
