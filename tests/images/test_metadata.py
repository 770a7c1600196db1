"""Prompts, seeds and classes join the images they belong to."""

import os
import sys
import unicodedata
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image, PngImagePlugin

from pytest_synthgate.errors import SourceError
from pytest_synthgate.images.folder import open_folder
from pytest_synthgate.images.sets import ImageRecord
from pytest_synthgate.images.table import attach

Form = Literal["NFC", "NFD"]


def folder(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def notes(root: Path) -> tuple[str, ...]:
    return attach(open_folder(root), recipes=False).notes


def known(root: Path, *, recipes: bool = True) -> dict[str, ImageRecord]:
    return {record.id: record for record in attach(open_folder(root), recipes=recipes).records}


@pytest.mark.parametrize("name_column", ["file_name", "image", "path", "filename", "file", "File_Name"])
@pytest.mark.parametrize("prompt_column", ["prompt", "text", "caption"])
def test_a_csv_beside_the_images_says_how_they_were_made(tmp_path: Path, name_column: str, prompt_column: str) -> None:
    folder(tmp_path, "1.jpg", "2.jpg")
    (tmp_path / "metadata.csv").write_text(f"{name_column},{prompt_column},seed\n1.jpg,a cup,7\n")
    records = known(tmp_path)
    assert (records["1.jpg"].prompt, records["1.jpg"].seed) == ("a cup", 7)
    assert (records["2.jpg"].prompt, records["2.jpg"].seed) == (None, None)


def test_a_damaged_exif_block_hides_no_text(tmp_path: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "a cup\nSteps: 2, Seed: 3")
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png", pnginfo=texts, exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0")
    assert (known(tmp_path)["a.png"].prompt, known(tmp_path)["a.png"].seed) == ("a cup", 3)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_text_that_calls_itself_exif_hides_no_other(tmp_path: Path, zipped: bool) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "a cup\nSteps: 2, Seed: 3")
    texts.add_itxt("exif", "no block", zip=zipped)
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png", pnginfo=texts)
    assert known(tmp_path)["a.png"].seed == 3


def test_json_lines_do_the_same(tmp_path: Path) -> None:
    folder(tmp_path, "1.jpg")
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "./1.jpg", "text": "a cup", "seed": 7}\n')
    assert known(tmp_path)["1.jpg"].prompt == "a cup"


def test_a_class_is_taken_only_where_the_folder_gives_none(tmp_path: Path) -> None:
    folder(tmp_path, "1.jpg", "apple/2.jpg")
    (tmp_path / "metadata.csv").write_text("file_name,class\n1.jpg,banana\napple/2.jpg,banana\n")
    records = known(tmp_path)
    assert (records["1.jpg"].class_name, records["apple/2.jpg"].class_name) == ("banana", "apple")


def test_the_file_nearest_to_an_image_decides(tmp_path: Path) -> None:
    folder(tmp_path, "1.jpg", "apple/2.jpg")
    (tmp_path / "metadata.csv").write_text("file_name,prompt\n1.jpg,far\napple/2.jpg,far\n")
    (tmp_path / "apple" / "metadata.csv").write_text("file_name,prompt\n2.jpg,near\n")
    assert {name: record.prompt for name, record in known(tmp_path).items()} == {
        "1.jpg": "far",
        "apple/2.jpg": "near",
    }


def test_a_root_that_is_spelt_with_detours_is_the_same_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder(tmp_path / "set", "1.jpg")
    (tmp_path / "set" / "metadata.csv").write_text("file_name,prompt\n1.jpg,a cup\n")
    monkeypatch.chdir(tmp_path)
    for root in (Path("set"), Path("set/../set"), tmp_path / "set"):
        assert known(root)["1.jpg"].prompt == "a cup"


def test_somebody_elses_metadata_file_is_left_alone(tmp_path: Path) -> None:
    folder(tmp_path, "1.jpg")
    (tmp_path / "metadata.csv").write_text("licence,author\nCC BY,me\n")
    assert known(tmp_path) == {"1.jpg": ImageRecord("1.jpg", tmp_path / "1.jpg")}
    (note,) = notes(tmp_path)
    assert note.endswith(
        "metadata.csv was left out: no column file_name says which image a row is about (licence, author)"
    )


def test_rows_that_name_no_image_are_counted(tmp_path: Path) -> None:
    folder(tmp_path, "1.jpg")
    (tmp_path / "metadata.csv").write_text("file_name,prompt\n1.jpg,a\n2.png,b\n3.png,c\n")
    assert known(tmp_path)["1.jpg"].prompt == "a"
    (note,) = notes(tmp_path)
    assert note.endswith("metadata.csv: 2 of its 3 rows name no image that is there (2.png, for one)")


def test_a_folder_that_cannot_be_searched_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = open_folder(folder(tmp_path, "1.jpg"))

    def refusing(_: Path) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "scandir", refusing)
    (note,) = attach(images, recipes=False).notes
    assert note.endswith("cannot be searched for a metadata file (Too many open files)")


def test_a_parquet_file_and_another_case_of_letters_will_do(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    folder(tmp_path, "1.jpg")
    pq.write_table(pa.table({"file_name": ["1.jpg"], "text": ["a cup"], "seed": [7]}), tmp_path / "Metadata.parquet")
    assert (known(tmp_path)["1.jpg"].prompt, known(tmp_path)["1.jpg"].seed) == ("a cup", 7)


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems take either spelling")
@pytest.mark.parametrize(("written", "there"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_paths_of_other_systems_name_their_images(tmp_path: Path, written: Form, there: Form) -> None:
    name = unicodedata.normalize(there, "caf\u00e9/\u00fc.jpg")
    folder(tmp_path, name)
    row = unicodedata.normalize(written, name).replace("/", "\\")
    (tmp_path / "metadata.csv").write_text(f"file_name,prompt\n{row},a cup\n", encoding="utf-8")
    assert [each.prompt for each in known(tmp_path).values()] == ["a cup"]
    assert notes(tmp_path) == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file_name,prompt\n1.jpg,a\n1.jpg,b\n", "line 3: '1.jpg' is listed already"),
        ("file_name,prompt\n,a\n", "line 2: the cell file_name is empty"),
        ("file_name,prompt\nold/1.jpg,a\n", "none of its 1 rows names an image of this folder"),
        ("file_name,seed\n1.jpg,lucky\n", "line 2: seed is 'lucky'"),
    ],
)
def test_each_mistake_is_named(tmp_path: Path, content: str, message: str) -> None:
    folder(tmp_path, "1.jpg")
    (tmp_path / "metadata.csv").write_text(content)
    with pytest.raises(SourceError, match=message):
        known(tmp_path)


def test_two_metadata_files_in_one_folder_are_refused(tmp_path: Path) -> None:
    folder(tmp_path, "1.jpg", "metadata.csv", "metadata.jsonl")
    with pytest.raises(SourceError, match=r"both metadata\.csv and metadata\.jsonl"):
        known(tmp_path)


def test_the_texts_of_a_file_speak_where_no_row_does_and_only_when_asked(tmp_path: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "a cup\nSteps: 2, Seed: 9")
    for name in ("1.png", "2.PNG"):
        Image.new("RGB", (2, 2)).save(tmp_path / name, pnginfo=texts)
    (tmp_path / "metadata.csv").write_text("file_name,prompt\n1.png,a plate\n")
    records = known(tmp_path)
    assert [(each.prompt, each.seed) for each in records.values()] == [("a plate", None), ("a cup", 9)]
    assert known(tmp_path, recipes=False)["2.PNG"].prompt is None


@pytest.mark.photos
def test_the_stable_diffusion_images_know_their_prompts(test_data: Path) -> None:
    records = known(test_data / "stable_diffusion")
    assert len(records) == 200
    assert all((record.prompt or "").startswith("style of ") for record in records.values())
