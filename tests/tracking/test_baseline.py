"""The baseline is sorted and stable, changes only where it was asked to, and names the line of what is wrong in it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate import evaluate, gate
from pytest_synthgate.errors import BaselineError
from pytest_synthgate.files.forms import Form
from pytest_synthgate.gating.accepted import Accepted
from pytest_synthgate.gating.difference import difference
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.text.printable import visible
from pytest_synthgate.tracking.acceptance import updated
from pytest_synthgate.tracking.baseline import (
    Baseline,
    BaselineFile,
    parsed,
    read_baseline,
    to_document,
    write_baseline,
)

from .conftest import DAY, LIMITS, accepted, judged, measured, share

SCHEMA = Form(BaselineFile).schema("baseline")

GOLDEN = """{
 "schema": 1,
 "specs": {
  "subject": {
   "date": "2026-08-01",
   "commit": "abc",
   "n_real": 300,
   "n_synthetic": 200,
   "real": "<real>",
   "synthetic": "<synthetic>",
   "rung": 100,
   "scores": {
    "unreadable": {"value": 1.0, "low": 1.0, "high": 1.0, "n": 501, "effective": 0.0},
    "unvaried": {"value": 0.1, "low": 0.05, "high": 0.2, "n": 200, "effective": 160.0}
   },
   "rungs": {
    "unrealistic": {
     "30": {"value": 0.56, "low": 0.5, "high": 0.62, "n": 200, "effective": 60.0, "errors": [0.02, 0.01, 0.01]},
     "100": {"value": 0.6, "low": 0.58, "high": 0.62, "n": 200, "effective": 180.0, "errors": [0.01, 0.005, 0.0025]}
    }
   },
   "classes": {
    "apple": {
     "unvaried": {"value": 0.1, "low": 0.05, "high": 0.2, "n": 60, "effective": 48.0}
    }
   },
   "fingerprint": {
    "encoder": {"size": 224, "weights": "sha256:a"},
    "tau": "a rule"
   }
  }
 }
}
"""


def written(path: Path, baseline: Baseline) -> str:
    write_baseline(path, baseline)
    return path.read_text(encoding="utf-8")


def test_it_holds_a_line_for_every_score_and_rung(tmp_path: Path) -> None:
    text = written(tmp_path / "baseline.json", accepted(subject=judged()))
    contents = measured().contents
    assert contents is not None
    for name in ("real", "synthetic"):
        text = text.replace(getattr(contents, name), f"<{name}>")
    assert text == GOLDEN


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    baseline = accepted(b=judged(), a=judged(measured(contents=None)), **{"ü [1]": judged()})
    write_baseline(tmp_path / "deep" / "baseline.json", baseline)
    assert read_baseline(tmp_path / "deep" / "baseline.json") == baseline
    assert list(read_baseline(tmp_path / "deep" / "baseline.json")) == ["a", "b", "ü [1]"]


def test_it_keeps_what_was_measured_and_can_be_gated() -> None:
    entry = accepted(subject=judged())["subject"]
    assert set(entry.scores) == {"unvaried", "unreadable"}
    assert set(entry.rungs) == {"unrealistic"}
    assert entry.classes == {"apple": {"unvaried": share(0.1, 60)}}
    assert entry.scores["unreadable"].value == 1
    assert entry == Accepted.of(measured(), [("apple", "unvaried")], date=DAY, commit="abc")


def test_a_file_that_is_not_there_yet_holds_nothing(tmp_path: Path) -> None:
    assert read_baseline(tmp_path / "baseline.json") == {}


def test_what_is_written_keeps_to_the_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    rng = np.random.default_rng(0)
    real = evaluate(rng.normal(size=(60, 8)), rng.normal(size=(40, 8)))
    entries = accepted(made=judged(), measured=SpecResult(real), unknown=judged(measured(contents=None)))
    document = to_document(entries)
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(json.loads(json.dumps(document)))


def _edited(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"n_real": 300', '"n_real": -1', "line 7: specs.subject.n_real: -1 is less than 0"),
        ('"n_real": 300,\n', "", "line 4: specs.subject: n_real is missing"),
        ('"schema": 1', '"schema": 0', "line 2: schema: 0 is none of 1"),
        ('"n_real": 300', '"note": "hi", "n_real": 300', "line 7: specs.subject.note: is no key of this file"),
        ('"n": 200', '"m": 2, "n": 200', "line 14: specs.subject.scores.unvaried.m: is no key of this file"),
        ('"schema": 1', '"schema": 1, "nots": {}', "line 2: nots: is no key of this file"),
        ('"value": 0.1', '"value": 0.5', "line 14: specs.subject.scores.unvaried: 0.05 <= 0.5 <= 0.2 does not hold"),
        ('"high": 0.2', '"high": 1.2', "line 14: specs.subject.scores.unvaried: 1.2 is more than 1"),
        ('"unvaried"', '"unvarid"', "line 14: specs.subject.scores.unvarid: 'unvarid' does not match ^(unrealistic|*"),
        ('"30"', '"many"', "line 18: specs.subject.rungs.unrealistic.many: 'many' does not match *"),
        (
            "[0.02, 0.01, 0.01]",
            "[0.02, 0.01]",
            "line 18: specs.subject.rungs.unrealistic.30.errors: has too few items",
        ),
        ('"n": 200', '"n": 200.5', "line 14: specs.subject.scores.unvaried.n: 200.5 is not of type integer"),
        ('"rung": 100,', '"rung": 100', "line 12: not JSON (Expecting ',' delimiter)"),
        ('"rung": 100', '"date": "2026-08-01"', "line 11: specs.subject.date was on line 5 already"),
        ("2026-08-01", "yesterday", "line 5: specs.subject.date: 'yesterday' does not match *"),
        ('"real": "sha256:', '"real": "sha1:', "line 9: specs.subject.real: 'sha1:*"),
    ],
)
def test_what_was_edited_wrongly_is_named_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(_edited(written(path, accepted(subject=judged())), (old, new)), encoding="utf-8")
    with pytest.raises(BaselineError) as caught:
        read_baseline(path)
    head, star, _ = message.partition("*")
    whole = f"{path.as_posix()}: {head}" + ("" if star else "; mend it, or restore it from version control")
    assert str(caught.value).startswith(whole)


@pytest.mark.parametrize("entries", ["{}", '{"subject": {"date": 2, "colour": "blue"}}'])
def test_a_file_of_a_later_version_asks_for_that_version(tmp_path: Path, entries: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(f'{{"schema": 2,\n "specs": {entries}}}', encoding="utf-8")
    with pytest.raises(BaselineError) as caught:
        read_baseline(path)
    assert str(caught.value) == (
        f"{path.as_posix()}: schema 2 of a later version, this one reads 1; update pytest-synthgate"
    )


def test_the_sketch_of_a_file_of_an_earlier_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    text = written(path, accepted(subject=judged()))
    path.write_text(_edited(text, ('"synthetic"', '"real_sketch": "AA==",\n   "synthetic"')), encoding="utf-8")
    assert read_baseline(path) == accepted(subject=judged())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_other_systems_make_of_the_file_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "baseline.json"
    text = written(path, accepted(subject=judged()))
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    assert read_baseline(path) == accepted(subject=judged())


def test_a_place_that_cannot_be_read_or_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="name another file with --synth-baseline"):
        read_baseline(tmp_path)
    with pytest.raises(BaselineError, match="cannot be written"):
        write_baseline(tmp_path, {})


TEXT = json.dumps(to_document(accepted(subject=judged())), indent=1)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner))


def _use(content: bytes, path: Path) -> None:
    """Do with a file all that is done with a baseline."""
    path.write_bytes(content)
    try:
        baseline = read_baseline(path)
    except BaselineError as error:
        assert visible(str(error)) == str(error)  # noqa: PT017
        return
    text = written(path, baseline)
    assert written(path, read_baseline(path)) == text
    for entry in baseline.values():
        for name, score in measured().scores.items():
            difference(measured(), score, entry, name)
        gate(measured(), LIMITS, entry)
    updated(baseline, dict.fromkeys(baseline, judged()), date=DAY)


@given(
    at=st.integers(0, len(TEXT)),
    length=st.integers(0, 9),
    put=st.text(max_size=5) | st.sampled_from("0123456789-e.\"'{}[],:"),
)
def test_any_edit_is_a_clear_error_or_a_baseline(
    tmp_path_factory: pytest.TempPathFactory, at: int, length: int, put: str
) -> None:
    text = TEXT[:at] + put + TEXT[at + length :]
    _use(text.encode("utf-8", "surrogatepass"), tmp_path_factory.getbasetemp() / "baseline.json")


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in items for place in _places(each, (*path, key)))]


@given(place=st.sampled_from(_places(json.loads(TEXT))[1:]), value=JSON)
def test_any_value_in_any_place_is_a_clear_error_or_a_baseline(
    tmp_path_factory: pytest.TempPathFactory, place: tuple[Any, ...], value: object
) -> None:
    document = json.loads(TEXT)
    inner = document
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    _use(json.dumps(document).encode(), tmp_path_factory.getbasetemp() / "baseline.json")


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
