"""`synthgate.json`: what is written is read back, and whatever else is read is refused in one line."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_synthgate.errors import ResultsError
from pytest_synthgate.results.file import fresh, read_results, to_document, write_results
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.spec.model import Spec, spec_to_json
from pytest_synthgate.text.printable import visible

from ..reports.conftest import judged, measured

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "synthgate.json"


def refused(file: Path) -> str:
    with pytest.raises(ResultsError) as caught:
        read_results(file)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    assert text.startswith(str(file))
    return text.removeprefix(f"{file}: ")


def read_or_refused(file: Path) -> dict[str, SpecResult] | None:
    """Read a file, or give None if that is refused in one line."""
    try:
        return read_results(file)
    except ResultsError as error:
        refusal = str(error)
    assert visible(refusal) == refusal
    return None


# Writing


def test_what_is_written_is_read_back(file: Path, result: SpecResult) -> None:
    write_results(file, {"subject": result})
    back = read_results(file)["subject"]
    assert back.to_json() == result.to_json()
    assert [(each.name, each.verdict) for each in back.verdicts] == [
        (each.name, each.verdict) for each in result.verdicts
    ]


def test_gates_and_reasons_survive(file: Path) -> None:
    result = judged(unvaried={"max": 0.05, "warn": 0.01, "when_unsure": "pass", "regression": 0.1})
    write_results(
        file, {"a": SpecResult(result.measurement, result.verdicts, compare_to="b", expected={"unvaried": "known"})}
    )
    back = read_results(file)["a"]
    assert back.verdicts == result.verdicts
    assert (back.compare_to, dict(back.expected)) == ("b", {"unvaried": "known"})


def test_specs_stand_in_sorted_order_whatever_order_they_came_in(file: Path, result: SpecResult) -> None:
    write_results(file, {"b": result, "a": result})
    first = json.loads(file.read_text("utf-8"))
    write_results(file, {"a": result, "b": result})
    second = json.loads(file.read_text("utf-8"))
    assert list(first["specs"]) == list(second["specs"]) == ["a", "b"]
    assert (first.pop("order"), second.pop("order")) == (["b", "a"], ["a", "b"])
    assert first == second


def test_scores_that_are_missing_are_null(file: Path) -> None:
    from pytest_synthgate import Score

    write_results(file, {"a": judged(measured(scores={"unvaried": Score(float("nan"))}), unvaried=0.05)})
    assert json.loads(file.read_text("utf-8"))["specs"]["a"]["scores"]["unvaried"]["value"] is None


def test_letters_are_written_as_they_are(file: Path, result: SpecResult) -> None:
    write_results(file, {"süß \u4e2d": result})
    assert '"süß \u4e2d"'.encode() in file.read_bytes()


def test_the_file_is_replaced_and_nothing_else_is_left(file: Path, result: SpecResult) -> None:
    file.write_text("before", "utf-8")
    write_results(file, {"a": result})
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert list(read_results(file)) == ["a"]


def test_it_has_the_rights_of_any_new_file(file: Path, result: SpecResult) -> None:
    before = os.umask(0o027)
    try:
        write_results(file, {"a": result})
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_missing_folders_are_made(tmp_path: Path, result: SpecResult) -> None:
    write_results(tmp_path / "a" / "b" / "c.json", {"a": result})
    assert (tmp_path / "a" / "b" / "c.json").is_file()


@pytest.mark.parametrize("where", ["folder", "file/x.json"])
def test_a_place_that_cannot_be_written_is_refused_and_left_as_it_was(
    tmp_path: Path, result: SpecResult, where: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(ResultsError, match=r"cannot be written \(.+\); choose another file"):
        write_results(tmp_path / where, {"a": result})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_failure_while_writing_leaves_the_old_file(
    file: Path, result: SpecResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    file.write_text("before", "utf-8")
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ResultsError, match="No space left on device"):
        write_results(file, {"a": result})
    assert [path.read_text("utf-8") for path in file.parent.iterdir()] == ["before"]


# Reading


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON (Expecting value: line 1 column 1 (char 0)); write it again"),
        (b"\xff\xfe", "not JSON (Expecting value"),
        (b'{"a\xff\xfe', "not JSON (is not UTF-8 text"),
        (b"[" * 100_000, "not JSON (maximum recursion depth"),
        (b"9" * 5_000, "not JSON (Exceeds the limit"),
        (b"[]", "not a synthgate results file; write one with --synth-json"),
        (b'{"specs": {}}', "schema None, this version reads 1; measure again"),
        (b'{"specs": {}, "schema": 2}', "schema 2, this version reads 1; measure again"),
        (b'{"specs": [], "schema": 1, "package": "0"}', "specs: [] is not of type object; write it again"),
        (b'{"specs": {"a": 1}, "schema": 1, "package": "0"}', "specs.a: 1 is not of type object; write it again"),
    ],
)
def test_what_is_no_results_file_is_refused_in_one_line(file: Path, content: bytes, message: str) -> None:
    file.write_bytes(content)
    assert refused(file).startswith(message)


def test_a_missing_file_says_how_to_write_it(file: Path) -> None:
    assert refused(file) == f"No such file or directory; write it with --synth-json={file}"


def edited(file: Path, result: SpecResult, edit: dict[str, Any]) -> Path:
    document = to_document({"a\x1b": result})
    document["specs"]["a\x1b"].update(edit)
    file.write_text(json.dumps(document), "utf-8")
    return file


GATE = {"limit": 0.1, "baseline": None, "verdict": "passed", "reason": "x"}


@pytest.mark.parametrize(
    ("gates", "message"),
    [
        ({"unvared": GATE}, "gates: unknown score 'unvared'; did you mean 'unvaried'?"),
        ({"unvaried": {**GATE, "limit": -1}}, "gates: max = -1 is out of range"),
        ({"unvaried": {**GATE, "limit": None}}, "gates: the limit has no bound; give max, warn or regression"),
        ({"unvaried": {**GATE, "verdict": "fine"}}, "gates.unvaried.verdict: 'fine' is none of passed, warned, "),
    ],
)
def test_an_impossible_gate_is_refused_in_one_line(
    file: Path, result: SpecResult, gates: dict[str, Any], message: str
) -> None:
    text = refused(edited(file, result, {"gates": gates}))
    assert message in text
    assert "\x1b" not in text


def test_keys_of_a_later_version_are_left_alone(file: Path, result: SpecResult) -> None:
    edited(file, result, {"colour": "blue"})
    assert read_results(file)["a\x1b"].measurement.n_real == 300


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_refused_in_one_line_or_hold_no_spec(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "any.json"
    file.write_bytes(content)
    assert read_or_refused(file) in ({}, None)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for key, below in inner for each in _places(below, (*path, key)))]


WHOLE = to_document({"a": judged(unvaried=0.05, unoriginal={"max": 0.1, "per_class": True}, unreadable=0)})


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(_places(WHOLE)[1:]), value=JSON)
def test_any_change_is_refused_in_one_line_or_can_be_shown(tmp_path: Path, place: tuple[Any, ...], value: Any) -> None:
    from pytest_synthgate.reports.conclusions import headline, reading
    from pytest_synthgate.reports.explain import explain
    from pytest_synthgate.reports.overview import aligned_rows

    document = json.loads(json.dumps(WHOLE))
    inner = document
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    file = tmp_path / "changed.json"
    file.write_text(json.dumps(document), "utf-8")
    if (results := read_or_refused(file)) is None:
        return
    lines = ["".join(cell.text for cell in row) for row in aligned_rows(results)]
    lines += [headline(results), *(text for _, text in reading(results))]
    for name, result in results.items():
        for verdict in result.verdicts:
            lines += explain(name, verdict, result.measurement)
    assert [line for line in lines if visible(line) != line] == []
    write_results(file, results)
    assert read_results(file).keys() == results.keys()


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "NaN", "1e999"])
def test_a_number_that_is_not_finite_is_refused_wherever_it_stands(tmp_path: Path, number: str) -> None:
    document = json.loads(json.dumps(WHOLE))
    document["specs"]["a"]["fingerprint"]["revision"] = "HERE"
    file = tmp_path / "infinite.json"
    file.write_text(json.dumps(document).replace('"HERE"', number), "utf-8")
    with pytest.raises(ResultsError, match="is no finite number"):
        read_results(file)


# Fresh or stale


def test_a_result_of_the_same_spec_is_fresh(tmp_path: Path) -> None:
    spec = Spec(name="a", file=tmp_path / "synth_x.toml", images=tmp_path / "x")
    result = SpecResult(measured(), declared=json.loads(json.dumps(spec_to_json(spec))))
    assert fresh(Path("x.json"), {"a": result}, spec, spec_to_json(spec)) is result


def test_a_result_of_another_spec_is_stale_and_says_what_differs(tmp_path: Path) -> None:
    spec = Spec(name="a", file=tmp_path / "synth_x.toml", images=tmp_path / "x")
    other = Spec(name="a", file=tmp_path / "synth_x.toml", images=tmp_path / "y")
    result = SpecResult(measured(), declared=spec_to_json(other))
    with pytest.raises(ResultsError, match=r'stale for spec .a.: `images` was "y" and is "x" now; measure again'):
        fresh(Path("x.json"), {"a": result}, spec, spec_to_json(spec))


def test_a_result_of_another_scoring_revision_is_stale(tmp_path: Path) -> None:
    spec = Spec(name="a", file=tmp_path / "synth_x.toml", images=tmp_path / "x")
    result = SpecResult(measured(fingerprint={"revision": 0}), declared=spec_to_json(spec))
    with pytest.raises(ResultsError, match="scored by revision 0"):
        fresh(Path("x.json"), {"a": result}, spec, spec_to_json(spec))


def test_a_spec_that_is_not_in_the_file_is_named(tmp_path: Path) -> None:
    spec = Spec(name="a", file=tmp_path / "synth_x.toml", images=tmp_path / "x")
    with pytest.raises(ResultsError, match="spec 'a' is not in it; measure again with `synthgate measure synth_x"):
        fresh(Path("x.json"), {}, spec, spec_to_json(spec))


def test_specs_come_back_in_the_order_of_declaration(tmp_path: Path) -> None:
    write_results(tmp_path / "out.json", {name: judged() for name in ("subject", "in_context", "baseline")})
    assert list(json.loads((tmp_path / "out.json").read_text("utf-8"))["specs"]) == [
        "baseline",
        "in_context",
        "subject",
    ]
    assert list(read_results(tmp_path / "out.json")) == ["subject", "in_context", "baseline"]


def test_an_order_that_does_not_fit_changes_the_order_alone(tmp_path: Path) -> None:
    document = {**to_document({"a": judged(), "b": judged()}), "order": ["b", "gone", "b"]}
    (tmp_path / "out.json").write_text(json.dumps(document), "utf-8")
    assert list(read_results(tmp_path / "out.json")) == ["b", "a"]
