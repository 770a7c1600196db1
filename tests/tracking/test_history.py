"""The history: whole rows however many write at once, and whatever is read gives rows, warnings or one clear line."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_synthgate import Finding, Limits, Measurement, Score, gate
from pytest_synthgate.errors import HistoryError
from pytest_synthgate.files.forms import Form
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.finding import Unreadable
from pytest_synthgate.scores.measurement import short_fingerprint
from pytest_synthgate.text.printable import visible
from pytest_synthgate.tracking.history import append, history_rows, read_history
from pytest_synthgate.tracking.provenance import Provenance
from pytest_synthgate.tracking.row import HistoryRow

from .conftest import START, row

SCHEMA = Form(HistoryRow).schema("history")
WHOLE = row().to_json()
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


def measurement(**changes: Any) -> Measurement:
    unrealistic = Score(0.6000004, 0.58, 0.62, 200, 200.0)
    known: dict[str, Any] = {
        "n_real": 300,
        "n_synthetic": 200,
        "representatives": {"real": 300, "synthetic": 190},
        "scores": {"unrealistic": unrealistic, "unvaried": Score(0.1, 0.06, 0.15, 200, 150.5)},
        "rungs": {"unrealistic": {"30": Score(0.56, 0.5, 0.61, 200, 200.0), "100": unrealistic}},
        "findings": tuple(
            Finding(f"{name}.png", "sha256:" + "0" * 64, "synthetic", "unvaried", "exact", 0.0) for name in "ab"
        ),
        "unreadable": (Unreadable("c.png", "real", "truncated"),),
        "fingerprint": {"definition": "balanced", "revision": 1},
    }
    return Measurement(**{**known, **changes})


def result(**changes: Any) -> SpecResult:
    measured = measurement(**changes)
    return SpecResult(measured, tuple(gate(measured, Limits(unvaried=0.05, unreadable=0))))


# Rows


def test_a_row_says_what_a_run_found_out() -> None:
    (made,) = history_rows({"subject": result()}, Provenance("c", "main", "7"), START, {"subject": 1.23456})
    assert (made.spec, made.time, made.commit, made.branch, made.run) == ("subject", START, "c", "main", "7")
    assert (made.n_real, made.n_synthetic, made.duration) == (300, 200, 1.235)
    assert made.scores["unvaried"] == Score(0.1, 0.06, 0.15, 200, 150.5)
    assert made.rungs["unrealistic"].keys() == {"30", "100"}
    assert made.verdicts == {"unvaried": "failed", "unreadable": "failed"}
    assert made.flagged == {"unvaried": 2, "unreadable": 1}


def test_the_fingerprint_is_the_one_in_junit_and_its_parts_say_what_differs() -> None:
    one, two = (
        history_rows({"a": result(fingerprint={"definition": "balanced", "revision": number})}, Provenance(), START)[0]
        for number in (1, 2)
    )
    assert one.fingerprint == short_fingerprint({"revision": 1, "definition": "balanced"})
    assert one.fingerprint != two.fingerprint
    assert {part for part, _ in one.parts.items() ^ two.parts.items()} == {"revision"}


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_a_score_that_could_not_be_computed_is_left_out(value: float | None) -> None:
    nothing = Score(value)
    (made,) = history_rows(
        {"a": result(scores={"unvaried": nothing}, rungs={"unrealistic": {"30": nothing}, "unrepresentative": {}})},
        Provenance(),
        START,
    )
    assert made.scores == {}
    assert made.rungs == {"unrealistic": {}}


def test_rows_come_in_the_order_of_the_specs() -> None:
    assert [each.spec for each in history_rows({"b": result(), "a": result()}, Provenance(), START)] == ["a", "b"]


def test_times_are_written_in_utc() -> None:
    (made,) = history_rows({"a": result()}, Provenance(), START.astimezone(timezone(timedelta(hours=2))))
    assert made.to_json()["time"] == "2026-03-01T12:00:00.000000Z"


def test_what_is_written_is_read_back(file: Path) -> None:
    added = history_rows(
        {"süß \u2028": result()}, Provenance("c\udcff", None, "7"), datetime.now(UTC), {"süß \u2028": 3.0}
    )
    append(file, added)
    assert read_history(file) == (added, [])
    assert file.read_bytes().isascii()
    assert file.read_bytes().count(b"\n") == 1


# Appending


def test_rows_are_added_behind_those_that_are_there(file: Path) -> None:
    append(file, [row(0)])
    before = file.read_bytes()
    append(file, [row(1), row(2)])
    assert file.read_bytes().startswith(before)
    assert read_history(file) == ([row(0), row(1), row(2)], [])


def test_missing_folders_are_made(tmp_path: Path) -> None:
    append(tmp_path / "a" / "b" / "c.jsonl", [row()])
    assert (tmp_path / "a" / "b" / "c.jsonl").is_file()


@pytest.mark.parametrize("torn", [b'{"schema": 1, "ti', b"\n\n{", b"x"])
def test_nothing_is_glued_to_a_torn_line(file: Path, torn: bytes) -> None:
    file.write_bytes(row(0).to_line().encode() + torn)
    append(file, [row(1)])
    assert row(1).to_line() in file.read_text("ascii").splitlines(keepends=True)
    found, warnings = read_history(file)
    assert found == [row(0), row(1)]
    assert len(warnings) == 1


@pytest.mark.parametrize(
    "content", ['{\n "schema": 1,\n "specs": {}\n}\n', '{"schema": 1, "specs": {}}', "time,spec\n", "x", "{", "[]", "7"]
)
def test_a_file_of_something_else_stays_as_it_is(file: Path, content: str) -> None:
    file.write_text(content, "utf-8")
    with pytest.raises(HistoryError) as caught:
        append(file, [row()])
    assert str(caught.value) == f"{file}: line 1 is no row of a history, nothing was added; name another file"
    assert file.read_text("utf-8") == content


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n",
        '{"sch',
        row().to_line()[:-20],
        row().to_line()[:-20] + "\n",
        json.dumps({**WHOLE, "schema": 2}),
        json.dumps(WHOLE, sort_keys=True),
    ],
)
def test_whatever_a_history_starts_with_it_can_be_added_to(file: Path, content: str) -> None:
    file.write_text(content, "ascii")
    append(file, [row(1)])
    assert file.read_text("ascii").startswith(content)
    assert row(1) in read_history(file)[0]


@pytest.mark.parametrize("where", ["folder", "file/x.jsonl", "circle"])
def test_a_place_that_cannot_be_written_is_refused_in_one_line(tmp_path: Path, where: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(HistoryError, match=r"cannot be written \(.+\); choose another file") as caught:
        append(tmp_path / where, [row()])
    assert len(str(caught.value).splitlines()) == 1


APPEND = """
import sys
from dataclasses import replace
from pathlib import Path
from pytest_synthgate.tracking.history import append, read_history
template, history, name = sys.argv[1:]
(row,), _ = read_history(Path(template))
sys.stdin.read()
for number in range(50):
    append(Path(history), [replace(row, spec=f"{name}-{number}")])
heavy = {"torch", "numpy", "scipy", "PIL", "pytest"} & sys.modules.keys()
sys.exit(f"imported: {heavy}" if heavy else 0)
"""


def test_twenty_processes_that_append_fifty_rows_each_leave_a_thousand_whole_rows(file: Path, tmp_path: Path) -> None:
    template = tmp_path / "template.jsonl"
    append(template, [row()])
    command = [sys.executable, "-c", APPEND, str(template), str(file)]
    writers = [
        subprocess.Popen([*command, str(each)], stdin=subprocess.PIPE, stderr=subprocess.PIPE) for each in range(20)
    ]
    for writer in writers:  # all wait for their input to end, and start then
        if writer.stdin is not None:
            writer.stdin.close()
    for writer in writers:
        if writer.stderr is not None:
            assert writer.stderr.read() == b""
            writer.stderr.close()
        assert writer.wait() == 0
    found, warnings = read_history(file)
    assert warnings == []
    assert sorted(each.spec for each in found) == sorted(f"{w}-{n}" for w in range(20) for n in range(50))


# Reading


def test_files_joined_by_cat_are_read_in_the_order_of_time(tmp_path: Path) -> None:
    one, two, joined = (tmp_path / name for name in ("one", "two", "joined"))
    append(one, [row(0), row(3)])
    append(two, [row(2), row(1)])
    joined.write_bytes(two.read_bytes() + one.read_bytes())
    assert read_history(joined) == ([row(day) for day in range(4)], [])
    assert read_history(one, two) == read_history(joined)


def test_a_row_that_stands_in_several_files_counts_once(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    append(one, [row(0)])
    append(two, [row(0), row(1)])
    assert read_history(one, two)[0] == [row(0), row(1)]


def test_a_torn_last_line_is_skipped_with_a_warning(file: Path) -> None:
    whole = row(1).to_line().encode()
    file.write_bytes(row(0).to_line().encode() + whole[:-20])
    assert read_history(file) == ([row(0)], [f"{file}: line 2: torn; skipped"])


def test_a_last_row_that_only_lacks_the_line_end_is_no_torn_one(file: Path) -> None:
    file.write_text(row(0).to_line() + row(1).to_line().rstrip("\n"), "ascii")
    assert read_history(file) == ([row(0), row(1)], [])


def test_a_row_that_cat_glued_to_a_torn_one_is_read(file: Path) -> None:
    file.write_text(row(0).to_line()[:-20] + row(1).to_line() + row(2).to_line(), "ascii")
    assert read_history(file) == ([row(1), row(2)], [f"{file}: line 1: not JSON; skipped"])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_other_systems_make_of_the_file_is_read(file: Path, encoding: str) -> None:
    file.write_bytes((row(0).to_line() + row(1).to_line()).replace("\n", "\r\n").encode(encoding))
    assert read_history(file) == ([row(0), row(1)], [])


def test_line_ends_of_other_systems_and_empty_lines_do_no_harm(file: Path) -> None:
    file.write_bytes(b"\r\n" + row(0).to_line().replace("\n", "\r\n").encode() + b"\n\n")
    assert read_history(file) == ([row(0)], [])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"schema": 2}, "schema 2, this version reads 1"),
        ({"schema": True}, "schema true, this version reads 1"),
        ({"spec": 7}, "spec: 7 is not of type string"),
        ({"spec": "a\x1b[31m", "n_real": "\x1b"}, "n_real: '\\x1b' is not of type integer"),
        ({"n_real": -1}, "n_real: -1 is less than 0"),
        ({"n_real": 10**10}, "n_real: 10000000000 is more than 1000000000"),
        ({"n_real": True}, "n_real: true is not of type integer"),
        ({"duration": float("nan")}, "duration: nan is not of type number"),
        ({"duration": 10**400}, "duration: a number of very many digits is not of type number"),
        ({"time": "2026-13-01T00:00:00Z"}, "time: '2026-13-01T00:00:00Z' is no time (month must be in 1..12)"),
        ({"time": "yesterday"}, f"time: 'yesterday' does not match {SCHEMA['properties']['time']['pattern']}"),
        ({"scores": {"a\nb": {}}}, r"scores.a\u000ab: value is missing"),
        (
            {"scores": {"unvaried": {**WHOLE["scores"]["unvaried"], "value": None}}},
            "scores.unvaried: has no value",
        ),
        (
            {"rungs": {"unrealistic": {"many": WHOLE["scores"]["unvaried"]}}},
            "rungs.unrealistic.many: 'many' does not match ^[0-9]{1,9}$",
        ),
    ],
)
def test_a_line_that_is_no_row_is_skipped_with_a_warning_that_names_it(
    file: Path, change: dict[str, Any], reason: str
) -> None:
    file.write_text(row(0).to_line() + json.dumps({**WHOLE, **change}) + "\n" + row(1).to_line(), "ascii")
    assert read_history(file) == ([row(0), row(1)], [f"{file}: line 2: {reason}; skipped"])


def test_keys_of_a_later_version_are_left_alone(file: Path) -> None:
    file.write_text(json.dumps({**WHOLE, "colour": "blue"}), "ascii")
    assert read_history(file) == ([row()], [])


def test_an_empty_file_has_no_rows(file: Path) -> None:
    file.touch()
    assert read_history(file) == ([], [])


@pytest.mark.parametrize("content", [b"\x89PNG\n\x00", b"[1, 2]", b"[" * 100_000, b"9" * 5_000, b"\xff\xfe{\x00}\x00"])
def test_a_file_of_something_else_is_refused_in_one_line(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(HistoryError, match=r"no row of a history \(line 1: .+\); name a file of --synth-history"):
        read_history(file)


def test_a_file_of_a_later_version_asks_for_that_version(file: Path) -> None:
    file.write_text(json.dumps({**WHOLE, "schema": 2, "scores": "another idea"}), "ascii")
    with pytest.raises(HistoryError) as caught:
        read_history(file)
    assert str(caught.value) == (
        f"{file}: no row of a history (line 1: schema 2, this version reads 1); update pytest-synthgate"
    )


def test_a_missing_file_says_how_to_write_it(file: Path) -> None:
    with pytest.raises(
        HistoryError, match=r"No such file or directory; write it with --synth-history=.*history\.jsonl"
    ):
        read_history(file)


def read_or_refused(file: Path) -> list[HistoryRow] | None:
    """Read a file, or give None if that is refused; nothing raw is said either way."""
    try:
        found, said = read_history(file)
    except HistoryError as error:
        found, said = None, [str(error)]
    assert [line for line in said if visible(line) != line] == []
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_refused_in_one_line_or_hold_no_row(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "any.jsonl"
    file.write_bytes(content)
    assert read_or_refused(file) in ([], None)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.lists(st.binary()), cut=st.integers(0))
def test_a_row_between_any_lines_is_found(tmp_path: Path, noise: list[bytes], cut: int) -> None:
    file = tmp_path / "noisy.jsonl"
    lines = [each.replace(b"\n", b"") + b"\n" for each in noise]
    place = cut % (len(lines) + 1)
    file.write_bytes(b"".join([*lines[:place], row().to_line().encode(), *lines[place:]]))
    assert read_or_refused(file) == [row()]


# The schema


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, each in value.items() if isinstance(value, dict) else ():
        yield from places(each, (*path, key))


def reader_accepts(document: Any) -> bool:
    try:
        HistoryRow.from_json(document)
    except HistoryError:
        return False
    return True


def schema_accepts(document: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(SCHEMA).is_valid(document))


def changed(path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    document = json.loads(json.dumps(WHOLE))
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return document


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_what_is_written_keeps_to_the_schema() -> None:
    made = history_rows({"a": result()}, Provenance(), START)
    assert [each for each in [WHOLE, *(each.to_json() for each in made)] if not schema_accepts(each)] == []


# Whole numbers with a decimal point are judged otherwise on purpose; infinities and NaN are no JSON.
EXACT = JSON.filter(lambda value: not isinstance(value, float) or value % 1 > 0)


@settings(max_examples=300)
@given(path=st.sampled_from(list(places(WHOLE))), value=EXACT)
def test_the_reader_takes_what_the_schema_allows(path: tuple[Any, ...], value: Any) -> None:
    document = changed(path, value)
    assert reader_accepts(document) == schema_accepts(document)


@pytest.mark.parametrize("path", [path for path in places(WHOLE) if path])
def test_a_missing_key_is_judged_as_the_schema_does(path: tuple[Any, ...]) -> None:
    document = json.loads(json.dumps(WHOLE))
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    assert reader_accepts(document) == schema_accepts(document)
