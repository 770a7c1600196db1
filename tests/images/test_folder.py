"""A folder of images is listed once, in one order, under names that every report can show."""

import json
import os
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate.errors import SourceError
from pytest_synthgate.images.folder import open_folder, walk
from pytest_synthgate.images.tree import OUTPUT_MARK
from pytest_synthgate.text.printable import printable, shown, storable

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="names that only Linux file systems hold")


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def listed(root: Path) -> dict[str, str | None]:
    return {record.id: record.class_name for record in open_folder(root).records}


def test_the_first_folder_is_the_class(tmp_path: Path) -> None:
    touch(tmp_path, "hot dog/1.jpg", "hot dog/old/2.jpg", "apple/a/b/c/3.png", "4.webp")
    assert listed(tmp_path) == {
        "4.webp": None,
        "apple/a/b/c/3.png": "apple",
        "hot dog/1.jpg": "hot dog",
        "hot dog/old/2.jpg": "hot dog",
    }


def test_train_and_val_are_no_classes_where_nothing_else_is(tmp_path: Path) -> None:
    touch(tmp_path, "train/apple/1.jpg", "Val/apple/1.jpg", "test/2.jpg")
    assert listed(tmp_path) == {"Val/apple/1.jpg": "apple", "test/2.jpg": None, "train/apple/1.jpg": "apple"}
    touch(tmp_path, "banana/3.jpg")
    assert listed(tmp_path)["train/apple/1.jpg"] == "train"


def test_only_image_files_are_listed_whatever_the_case_of_their_ending(tmp_path: Path) -> None:
    wanted = ["a.jpg", "b.JPEG", "c.Png", "d.webp", "e.bmp", "f.gif", "g.tif", "h.TIFF"]
    touch(tmp_path, *wanted, "metadata.csv", "notes.txt", "jpg", "x.jpg.part", "model.pt")
    assert [record.id for record in open_folder(tmp_path).records] == wanted


def test_hidden_files_and_leftovers_of_operating_systems_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg", "a/._1.jpg", ".cache/2.jpg", "__MACOSX/a/3.jpg", "a/@eaDir/4.jpg", "a/.DS_Store")
    touch(tmp_path, "Thumbs.db")
    assert list(listed(tmp_path)) == ["a/1.jpg"]


def test_a_hidden_root_is_listed_all_the_same(tmp_path: Path) -> None:
    touch(tmp_path, ".store/1.jpg")
    assert list(listed(tmp_path / ".store")) == ["1.jpg"]


def test_records_are_sorted_by_id_and_point_at_their_files(tmp_path: Path) -> None:
    touch(tmp_path, "b/1.jpg", "a-b/1.jpg", "a/2.jpg", "a/10.jpg")
    records = open_folder(tmp_path).records
    assert [record.id for record in records] == sorted(record.id for record in records)
    assert all(record.path is not None and record.path.is_file() for record in records)


def test_a_folder_named_like_an_image_is_a_folder(tmp_path: Path) -> None:
    touch(tmp_path, "album.jpg/1.jpg")
    assert listed(tmp_path) == {"album.jpg/1.jpg": "album.jpg"}


def test_an_empty_folder_is_an_empty_set(tmp_path: Path) -> None:
    assert len(open_folder(tmp_path)) == 0


def test_loops_of_links_end_and_every_folder_is_listed_once(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    touch(root, "real/1.jpg")
    touch(outside, "2.jpg", "deep/3.jpg")
    (root / "real" / "loop").symlink_to(root, target_is_directory=True)
    (root / "a_link_to_real").symlink_to(root / "real", target_is_directory=True)
    (root / "first").symlink_to(outside, target_is_directory=True)
    (root / "second").symlink_to(outside, target_is_directory=True)
    assert listed(root) == {"first/2.jpg": "first", "first/deep/3.jpg": "first", "real/1.jpg": "real"}


def test_linked_files_count_and_a_link_to_nothing_is_listed_to_be_reported(tmp_path: Path) -> None:
    touch(tmp_path, "blobs.d/abc")
    (tmp_path / "1.jpg").symlink_to(tmp_path / "blobs.d" / "abc")
    (tmp_path / "2.jpg").symlink_to(tmp_path / "gone")
    assert list(listed(tmp_path)) == ["1.jpg", "2.jpg"]


@linux_only
def test_a_pipe_is_no_image(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "1.jpg")
    assert walk(tmp_path)[0] == ()


def test_a_folder_that_cannot_be_listed_costs_what_is_in_it_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a/1.jpg", "b/1.jpg")
    scandir = os.scandir

    def refusing(path: Path) -> Any:
        if path in {tmp_path / "a", tmp_path / "none"}:
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert list(listed(tmp_path)) == ["b/1.jpg"]
    (note,) = open_folder(tmp_path).notes
    assert note.endswith("left out what cannot be looked at: 1 (a: Permission denied, for one)")
    with pytest.raises(SourceError, match="a: cannot be listed"):
        open_folder(tmp_path / "a")


@linux_only
def test_a_link_that_leads_in_a_circle_costs_itself(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg")
    (tmp_path / "around").symlink_to(tmp_path / "around")
    assert list(listed(tmp_path)) == ["1.jpg"]
    assert "left out what cannot be looked at: 1 (around: Too many levels" in open_folder(tmp_path).notes[0]


def test_what_a_run_or_a_cache_wrote_is_no_part_of_a_set(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", "report/images/2.jpg", "report/images/deep/3.jpg", "store/4.jpg", "other/5.jpg")
    (tmp_path / "report" / "images" / OUTPUT_MARK).touch()
    (tmp_path / "store" / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n# of somebody")
    (tmp_path / "other" / "CACHEDIR.TAG").write_text("no signature")
    assert list(listed(tmp_path)) == ["1.jpg", "other/5.jpg"]
    (note,) = open_folder(tmp_path).notes
    assert note.endswith("left out folders that a run or a cache wrote: 2 (report/images, for one)")


def test_a_marked_folder_that_is_pointed_at_is_listed(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", OUTPUT_MARK)
    assert list(listed(tmp_path)) == ["1.jpg"]


def test_the_content_decides_where_the_name_does_not_say(tmp_path: Path) -> None:
    jpeg = b"\xff\xd8\xff\xe0"
    for name in ("a.jfif", "b.jpe", "c", "d.dat", "e.heic", "f.txt", "g.jpg.part", "h.dng"):
        (tmp_path / name).write_bytes(jpeg)
    touch(tmp_path, "i.heic", "j.tga", "k.tga", "LICENSE", "l.bin")
    assert list(listed(tmp_path)) == ["a.jfif", "b.jpe", "c", "d.dat", "e.heic"]
    read, taken = open_folder(tmp_path).notes
    assert read.endswith("left out images in formats that are not read here: 4 (.tga 2, .dng 1, .heic 1)")
    assert taken.endswith("taken for images by their content, not their names: 3 (no ending 1, .dat 1, .heic 1)")


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="none: cannot be listed"):
        open_folder(tmp_path / "none")


@linux_only
def test_hostile_names_become_printable_unique_ids_and_open_the_right_files(tmp_path: Path) -> None:
    names = [
        "plain.jpg",
        "new\nline.jpg",
        "escape\x1b[31m.jpg",
        "back\\slash.jpg",
        "\U0001f468\u200d\U0001f373.jpg",
        "\u05d0\u05d1\u05d2.jpg",
        "reversed\u202egpj.exe.jpg",
        "cafe\u0301.jpg",
        "caf\u00e9.jpg",
        "n" * 196 + ".jpg",
        "<script>alert(1)</script>.jpg".replace("/", ":"),
        "undecodable\udcff.jpg",
        "spelt\\u000aout.jpg",
        "spelt\nout.jpg",
    ]
    for number, name in enumerate(names):
        folder = tmp_path / ("class\udce9\n" if number % 2 else "\u00e9")
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(str(number).encode())
    records = open_folder(tmp_path).records
    assert len({record.id for record in records}) == len(names)
    assert {record.path.read_bytes() for record in records if record.path} == {
        str(number).encode() for number in range(len(names))
    }
    assert {record.class_name for record in records} == {"class\\udce9\\u000a", "\u00e9"}
    for record in records:
        assert "\n" not in record.id
        assert "\x1b" not in record.id
        json.dumps(record.id, ensure_ascii=False).encode("utf-8")


@linux_only
def test_two_spellings_of_one_name_stay_two_images(tmp_path: Path) -> None:
    touch(tmp_path, "cafe\u0301.jpg", "caf\u00e9.jpg")
    ids = [record.id for record in open_folder(tmp_path).records]
    assert ids == ["caf\u00e9.jpg", "caf\u00e9.jpg~2"]


@given(st.text(), st.text())
def test_printable_names_fit_on_a_line_and_stay_apart(first: str, second: str) -> None:
    one, two = printable(first), printable(second)
    assert len(one.splitlines()) <= 1
    one.encode("utf-8")
    same = unicodedata.normalize("NFC", first) == unicodedata.normalize("NFC", second)
    assert (one == two) == same


@given(st.text(st.characters(codec=None, exclude_categories=[])))
def test_storable_texts_keep_everything_but_lone_surrogates(text: str) -> None:
    storable(text).encode("utf-8")
    if not any("\ud800" <= letter <= "\udfff" for letter in text):
        assert storable(text) == text


def test_a_path_is_shown_with_slashes() -> None:
    assert shown(Path("a") / "b\n") == "a/b\\u000a"


@pytest.mark.photos
def test_the_snacks_photos_have_twenty_classes_two_of_them_with_a_space(test_data: Path) -> None:
    photos = open_folder(test_data / "snacks" / "train")
    assert len(photos) == 4838
    counts = photos.class_counts()
    assert len(counts) == 20
    assert [name for name in counts if " " in name] == ["hot dog", "ice cream"]
    assert open_folder(test_data / "snacks").class_counts() == counts
