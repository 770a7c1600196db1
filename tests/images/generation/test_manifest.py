"""A manifest believes whole lines only, and survives what a killed run or a full disk leaves."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from pytest_synthgate.errors import GenerationError
from pytest_synthgate.images.generation.manifest import (
    Manifest,
    ManifestEntry,
    read_entries,
    read_settings,
    write_settings,
)


def entry(number: int, **changes: object) -> ManifestEntry:
    cells = {
        "file": f"a-0/{number:05d}.png",
        "sha256": "0" * 64,
        "size": 10,
        "prompt": "an \u82f9\u679c\n",
        "template": "{a_class}",
        "class_name": None,
        "axes": {"context": "in a bowl"},
        "seed": 2**62,
        "index": number,
        "seconds": 0.5,
    }
    return ManifestEntry(**cells | changes)  # type: ignore[arg-type]


def write(directory: Path, *entries: ManifestEntry, name: str = "manifest.jsonl") -> None:
    with Manifest(directory, name) as manifest:
        for each in entries:
            manifest.add(each)


def test_entries_come_back_as_they_were(tmp_path: Path) -> None:
    entries = entry(0), entry(1, sha256=None, size=0, blacked_out="unsafe")
    write(tmp_path, *entries)
    assert read_entries(tmp_path) == {each.file: each for each in entries}


def test_the_manifests_of_all_shards_are_read_and_the_last_line_of_an_image_counts(tmp_path: Path) -> None:
    write(tmp_path, entry(0), entry(0, size=11))
    write(tmp_path, entry(1), name="manifest-1-of-2.jsonl")
    assert [each.size for each in read_entries(tmp_path).values()] == [10, 11]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_last_line_is_skipped_and_does_not_swallow_the_next(tmp_path: Path, cut: int) -> None:
    write(tmp_path, entry(0), entry(1))
    file = tmp_path / "manifest.jsonl"
    file.write_bytes(file.read_bytes()[:-cut])
    whole = {0, 1} if cut == 1 else {0}
    assert {each.index for each in read_entries(tmp_path).values()} == whole
    write(tmp_path, entry(2))
    assert {each.index for each in read_entries(tmp_path).values()} == whole | {2}


@pytest.mark.parametrize(
    "line",
    [b"\xff\xfe", b"[]", b"7", b'"file"', b'{"file": "x"}', b"{", b"[" * 100_000, b"\0" * 50],
)
def test_a_line_that_makes_no_sense_is_skipped(tmp_path: Path, line: bytes) -> None:
    write(tmp_path, entry(0))
    with (tmp_path / "manifest.jsonl").open("ab") as stream:
        stream.write(line + b"\n" + json.dumps(asdict(entry(1)) | {"size": "10"}).encode() + b"\n")
    assert list(read_entries(tmp_path)) == [entry(0).file]


def test_a_manifest_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "manifest-1-of-2.jsonl").mkdir()
    with pytest.raises(GenerationError, match=r"manifest-1-of-2\.jsonl: cannot be read \(Is a directory\)$"):
        read_entries(tmp_path)


def test_settings_are_written_once(tmp_path: Path) -> None:
    assert read_settings(tmp_path) == {}
    write_settings(tmp_path, {"a": 1})
    write_settings(tmp_path, {"a": 2})
    assert read_settings(tmp_path) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["settings.json"]
    (tmp_path / "settings.json").write_text("[1")
    assert read_settings(tmp_path) == {}
