"""Tables of paths: what they may say, and how each mistake is named."""

import csv
import json
import sys
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_synthgate.errors import MissingExtraError, SourceError
from pytest_synthgate.images.sets import ImageRecord
from pytest_synthgate.images.table import open_table

Form = Literal["NFC", "NFD"]

ROWS: list[dict[str, Any]] = [
    {"image": "b.png", "class": "apple", "prompt": "an apple, red", "seed": 7},
    {"image": "sub/a.png", "class": None, "prompt": None, "seed": None},
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".csv":
        names = list(rows[0])
        cells = [["" if row[name] is None else f'"{row[name]}"' for name in names] for row in rows]
        path.write_text("\n".join(",".join(each) for each in [names, *cells]), encoding="utf-8")
    elif path.suffix == ".parquet":
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".ndjson", ".parquet"])
def test_every_kind_of_table_says_the_same(tmp_path: Path, suffix: str) -> None:
    table = open_table(write(tmp_path / f"t{suffix}", ROWS), side="real")
    assert table.records == (
        ImageRecord("b.png", tmp_path / "b.png", class_name="apple", prompt="an apple, red", seed=7),
        ImageRecord("sub/a.png", tmp_path / "sub/a.png"),
    )


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_one_table_can_hold_both_sets(tmp_path: Path, suffix: str) -> None:
    sides = ["real", "synthetic", "real"]
    rows = [{"image": f"{number}.png", "real_or_synthetic": side} for number, side in enumerate(sides)]
    path = write(tmp_path / f"t{suffix}", rows)
    assert [each.id for each in open_table(path, side="real").records] == ["0.png", "2.png"]
    assert [each.id for each in open_table(path, side="synthetic").records] == ["1.png"]


def test_one_image_may_stand_on_both_sides(tmp_path: Path) -> None:
    rows = [{"image": "0.png", "real_or_synthetic": side} for side in ("real", "synthetic")]
    path = write(tmp_path / "t.csv", rows)
    assert len(open_table(path, side="real")) == len(open_table(path, side="synthetic")) == 1


def test_paths_may_be_absolute_or_lead_out_of_the_folder(tmp_path: Path) -> None:
    inside, outside = tmp_path / "t" / "a.png", tmp_path / "else" / "b.png"
    (tmp_path / "t").mkdir()
    rows = [{"image": str(inside)}, {"image": str(outside)}, {"image": "../c.png"}, {"image": "./x/../d.png"}]
    records = open_table(write(tmp_path / "t" / "t.csv", rows), side="real").records
    assert {each.id for each in records} == {"a.png", outside.as_posix(), "../c.png", "d.png"}
    by_id = {each.id: each.path for each in records}
    assert by_id["a.png"] == inside
    assert by_id[outside.as_posix()] == outside


def test_a_byte_order_mark_blank_lines_and_line_breaks_in_cells_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes('\ufeffimage , prompt\r\na.png,"two\nlines"\r\n\r\nb.png,\r\n'.encode())
    records = open_table(path, side="real").records
    assert [(each.id, each.prompt) for each in records] == [("a.png", "two\nlines"), ("b.png", None)]


@pytest.mark.parametrize(("text", "seed"), [("7", 7), ("7.0", 7), (" 7 ", 7), ("-1", -1), (str(2**64), 2**64)])
def test_seeds_are_whole_numbers_however_spelt(tmp_path: Path, text: str, seed: int) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"image,seed\na.png,{text}\n")
    assert open_table(path, side="real").records[0].seed == seed


def test_empty_cells_of_pandas_are_empty(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"image": "a.png", "seed": NaN, "prompt": NaN, "class": 3}\n')
    assert open_table(path, side="real").records == (ImageRecord("a.png", tmp_path / "a.png", class_name="3"),)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "imgae,class\na,b\n", r"t\.csv: there is no column 'image' .*; rename 'imgae' to it"),
        ("t.csv", "", r"t\.csv: there is no column 'image' \(columns: none\)"),
        ("t.csv", "image,seed\na,1\n ,2\n", r"t\.csv, line 3: the cell image is empty"),
        ("t.csv", "image\na\nb\na\n", r"t\.csv, line 4: 'a' is listed already \(.*t\.csv, line 2\)"),
        ("t.csv", "image\na\n./a\n", r"line 3: 'a' is listed already"),
        ("t.csv", "image,seed\na,1\nb,lucky\n", r"t\.csv, line 3: seed is 'lucky'; write a whole number"),
        ("t.csv", "image,seed\na,1.5\n", r"line 2: seed is '1\.5'"),
        ("t.csv", "image,seed\na,inf\n", r"line 2: seed is 'inf'"),
        ("t.csv", "image,prompt\na,one, two\n", r"line 2: 3 cells for 2 columns; quote"),
        ("t.csv", "image,image\na,b\n", r"two columns are called 'image'"),
        ("t.csv", 'image\n"a\n', r"t\.csv, line 2: not CSV"),
        ("t.csv", "image,real_or_synthetic\na,fake\n", r"line 2: real_or_synthetic is 'fake'; write real or"),
        ("t.csv", "image,real_or_synthetic\na,\n", r"line 2: real_or_synthetic is ''"),
        ("t.jsonl", '{"image": "a"}\n{"image":\n', r"t\.jsonl, line 2: not JSON"),
        ("t.jsonl", '{"image": "a"}\n\n["b"]\n', r"t\.jsonl, line 3: \['b'\] is not an object"),
        ("t.jsonl", '{"image": "a"}\n{"class": "b"}\n', r"line 2: the cell image is empty"),
        ("t.jsonl", '{"image": ["a"]}\n', r"line 1: image is \['a'\]; write a text"),
        ("t.jsonl", '{"image": "a", "seed": true}\n', r"line 1: seed is True"),
        ("t.jsonl", '{"image": "a", "prompt": false}\n', r"line 1: prompt is False"),
        ("t.jsonl", "[" * 100_000, r"line 1: not JSON"),
        (
            "t.jsonl",
            '{"image": "a", "real_or_synthetic": "real"}\n{"image": "b"}\n',
            r"line 2: real_or_synthetic is ''",
        ),
    ],
)
def test_each_mistake_is_named_with_its_file_and_line(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(SourceError, match=message) as caught:
        open_table(tmp_path / name, side="real")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_what_editors_make_of_a_table_is_read(tmp_path: Path, encoding: str, end: str) -> None:
    (tmp_path / "t.jsonl").write_bytes(f'{{"image": "a caf\u00e9.png"}}{end}'.encode(encoding))
    (tmp_path / "u.csv").write_bytes(f"image,prompt{end}a caf\u00e9.png,two{end}".encode(encoding))
    for name in ("t.jsonl", "u.csv"):
        assert [each.id for each in open_table(tmp_path / name, side="real").records] == ["a caf\u00e9.png"]


def test_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("image\n\u30ea\u30f3\u30b4\u306e\u5199\u771f.png\n".encode("shift-jis"))
    with pytest.raises(SourceError, match=r"t\.csv: is not UTF-8 text .*; save it as UTF-8"):
        open_table(tmp_path / "t.csv", side="real")


@pytest.mark.parametrize("content", ["image;prompt\na.png;a, b\n", "sep=;\nimage;prompt\na.png;a, b\n"])
def test_semicolons_as_excel_writes_them_part_cells(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    assert open_table(tmp_path / "t.csv", side="real").records[0].prompt == "a, b"
    (tmp_path / "t.csv").write_text(content + "b.png;a;b\n")
    with pytest.raises(SourceError, match=f"line {content.count(chr(10)) + 1}: 3 cells for 2 columns"):
        open_table(tmp_path / "t.csv", side="real")


def test_a_cell_may_be_as_long_as_it_likes_and_the_limit_of_others_stays(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    (tmp_path / "t.csv").write_text(f"image,prompt\na.png,{'x' * 200_000}\n")
    assert len(open_table(tmp_path / "t.csv", side="real").records[0].prompt or "") == 200_000
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("text", "seed"), [("1234567890123456789.0", 1234567890123456789), ("1.5E+1", 15), ("7.", 7), ("1.5e1", 15)]
)
def test_a_seed_that_went_through_a_float_keeps_its_digits(tmp_path: Path, text: str, seed: int) -> None:
    (tmp_path / "t.csv").write_text(f"image,seed\na.png,{text}\n")
    (tmp_path / "t.jsonl").write_text(f'{{"image": "a.png", "seed": {text.rstrip(".")}}}')
    for name in ("t.csv", "t.jsonl"):
        assert open_table(tmp_path / name, side="real").records[0].seed == seed


@pytest.mark.parametrize("text", ["1.23457E+18", "1e3", "1.2345678901234568e+18", "1e-1"])
def test_a_seed_whose_digits_are_lost_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(f"image,seed\na.png,{text}\n")
    (tmp_path / "t.jsonl").write_text(f'{{"image": "a.png", "seed": {text}}}')
    for name in ("t.csv", "t.jsonl"):
        with pytest.raises(SourceError, match="write a whole number, all digits of it"):
            open_table(tmp_path / name, side="real")


def test_a_seed_that_a_float_column_holds_is_taken_as_far_as_floats_are_exact(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", [{"image": "a.png", "seed": 7.0}, {"image": "b.png", "seed": None}])
    assert [each.seed for each in open_table(path, side="real").records] == [7, None]
    with pytest.raises(SourceError, match="all digits"):
        open_table(write(path, [{"image": "a.png", "seed": 1234567890123456789.0}]), side="real")


def test_numbers_as_names_are_kept_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"image": "a.png", "class": 1.10, "prompt": 1e2}')
    (record,) = open_table(tmp_path / "t.jsonl", side="real").records
    assert (record.class_name, record.prompt) == ("1.10", "1e2")


@pytest.mark.parametrize("header", ["file_name,Caption,CLASS", "Filename,text,Class", "File Name,PROMPT,class"])
def test_columns_may_have_their_other_common_names_in_any_case(tmp_path: Path, header: str) -> None:
    (tmp_path / "t.csv").write_text(f"{header}\na.png,a cup,apple\n")
    (record,) = open_table(tmp_path / "t.csv", side="real").records
    assert (record.id, record.prompt, record.class_name) == ("a.png", "a cup", "apple")


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems take either spelling")
@pytest.mark.parametrize(("written", "there"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_paths_of_other_systems_find_their_files(tmp_path: Path, written: Form, there: Form) -> None:
    from unicodedata import normalize

    (tmp_path / "caf\u00e9").mkdir()
    file = tmp_path / normalize(there, "caf\u00e9" if there == "NFC" else "x") / normalize(there, "\u00fc.png")
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"x")
    name = str(file.relative_to(tmp_path)).replace("/", "\\")
    (tmp_path / "t.csv").write_text(f"image\n{normalize(written, name)}\n", encoding="utf-8")
    (record,) = open_table(tmp_path / "t.csv", side="real").records
    assert record.path == file
    assert record.id == normalize("NFC", str(file.relative_to(tmp_path)))


def test_lone_surrogates_can_be_stored_later(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"image": "a\\ud800.png", "prompt": "b\\udfff", "class": "c\\n"}\n')
    (record,) = open_table(tmp_path / "t.jsonl", side="real").records
    assert (record.prompt, record.class_name) == ("b\\udfff", "c")
    record.id.encode()


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(64) + b"PAR1", b"no parquet at all"])
def test_a_damaged_parquet_file_is_named(tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(SourceError, match=r"t\.parquet: not a readable Parquet file"):
        open_table(tmp_path / "t.parquet", side="real")


def test_a_parquet_column_of_pictures_is_no_column_of_paths(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", [{"image": {"bytes": b"x", "path": "a.png"}}])
    with pytest.raises(SourceError, match="column 'image' holds struct"):
        open_table(path, side="real")


def test_parquet_rows_are_counted_from_one(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", [{"image": "a", "seed": "1"}, {"image": "b", "seed": "x"}])
    with pytest.raises(SourceError, match=r"t\.parquet, row 2: seed is 'x'"):
        open_table(path, side="real")


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "t.parquet", ROWS)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pytest-synthgate\[tables\]'"):
        open_table(path, side="real")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(), st.text().map(str.encode)), suffix=st.sampled_from([".csv", ".jsonl"]))
def test_any_content_is_a_table_or_a_source_error(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"t{suffix}"
    path.write_bytes((b"image\n" if suffix == ".csv" else b"") + content)
    try:
        table = open_table(path, side="real")
    except SourceError as error:
        message = str(error)
    else:
        message = "fine"
        assert len({record.id for record in table.records}) == len(table)
    assert len(message.splitlines()) == 1
