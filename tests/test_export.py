"""What is written for training, what is left out, and what is there when it goes wrong."""

from __future__ import annotations

import csv
import errno
import os
import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pytest_synthgate.errors import ExportError
from pytest_synthgate.export import MANIFEST_COLUMNS, Exported, export
from pytest_synthgate.features.embedding import Embedded, Sets
from pytest_synthgate.features.matrix import FeatureMatrix, feature_matrix
from pytest_synthgate.images.decode import decode, pixel_digest
from pytest_synthgate.images.sets import ImageRecord
from pytest_synthgate.images.sources import open_set
from pytest_synthgate.scores.evaluate import score_sets
from pytest_synthgate.scores.finding import Finding
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.scores.real import reference

REAL = Embedded.of(feature_matrix(np.eye(3), name="real"), {}, {}, {}, "fp32")


def picture(path: Path, colour: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (2, 2), (colour % 256, colour // 256, 7)).save(path, "PNG")
    return path


def embedded(records: Sequence[ImageRecord], unreadable: Sequence[str] = ()) -> Embedded:
    """A set as embedding gives it; its vectors do not matter where findings are given."""
    read = [each for each in records if each.id not in unreadable]
    digests = [pixel_digest(decode(each.path.read_bytes())) for each in read if each.path]
    matrix = feature_matrix(np.ones((len(read), 2)), [each.id for each in read], digests)
    return Embedded.of(
        matrix,
        dict.fromkeys(unreadable, "empty"),
        {each.id: each for each in records},
        {},
        "x",
    )


def measured(images: Embedded, *findings: tuple[str, str, int | None]) -> Measurement:
    digest_of = dict(zip(images.matrix.ids, images.matrix.digests, strict=True))
    found = tuple(
        Finding(name, digest_of[name], "synthetic", score, "features", 0.1, cluster=cluster)
        for name, score, cluster in findings
    )
    return Measurement(3, len(images.matrix), {}, {}, findings=found)


def made(root: Path, files: Mapping[str, str | None], **facts: Any) -> list[ImageRecord]:
    return [
        ImageRecord(name, picture(root / "in" / name, number), class_name=class_name, **facts)
        for number, (name, class_name) in enumerate(files.items())
    ]


def exported(root: Path, images: Embedded, *findings: tuple[str, str, int | None], **options: Any) -> Exported:
    return export(Sets(REAL, images), measured(images, *findings), root / "out", **options)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, strict=True))


def sources(folder: Path) -> set[str]:
    return {row["source"] for row in rows(folder)}


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_an_export_opens_as_the_set_it_was_made_from(tmp_path: Path) -> None:
    records = [
        ImageRecord("apple/1.png", picture(tmp_path / "a.png", 1), "apple", 'a "red", apple\r\nin a bowl', 7),
        ImageRecord("hot dog/1.png", picture(tmp_path / "b.png", 2), "hot dog", "=1+1\rcafé", 2**63),
        ImageRecord("3.png", picture(tmp_path / "c.png", 3), None, None, None),
    ]
    exported(tmp_path, embedded(records))
    again = open_set(tmp_path / "out", side="synthetic")
    assert {(each.class_name, each.prompt, each.seed) for each in again.records} == {
        (each.class_name, each.prompt, each.seed) for each in records
    }
    for each in again.records:
        assert each.path is not None
        source = next(record.path for record in records if record.class_name == each.class_name)
        assert source is not None
        assert each.path.read_bytes() == source.read_bytes()


def test_the_manifest_has_the_columns_of_an_imagefolder_and_the_axes(tmp_path: Path) -> None:
    images = embedded(made(tmp_path, {"apple/1.png": "apple"}, prompt="an apple", axes={"context": "in a bowl"}))
    exported(tmp_path, images, ("apple/1.png", "unoriginal", 0), ("apple/1.png", "unrealistic", None))
    assert rows(tmp_path / "out") == [
        {
            "file_name": "apple/1.png",
            "class": "apple",
            "prompt": "an apple",
            "seed": "",
            "digest": images.matrix.digests[0],
            "source": "apple/1.png",
            "findings": "unoriginal unrealistic",
            "context": "in a bowl",
        }
    ]


def test_an_axis_never_takes_the_place_of_another_column(tmp_path: Path) -> None:
    axes = {"digest": "1", "axis_digest": "2", "text": "3"}
    exported(tmp_path, embedded(made(tmp_path, {"1.png": None}, axes=axes)))
    (row,) = rows(tmp_path / "out")
    assert tuple(row)[: len(MANIFEST_COLUMNS)] == MANIFEST_COLUMNS
    assert [row[name] for name in list(row)[len(MANIFEST_COLUMNS) :]] == ["2", "1", "3"]
    assert open_set(tmp_path / "out", side="synthetic").records[0].prompt is None


def test_one_image_of_a_cluster_is_kept_the_one_with_the_smallest_digest(tmp_path: Path) -> None:
    images = embedded(made(tmp_path, {f"{n}.png": None for n in range(6)}))
    result = exported(tmp_path, images, *((f"{n}.png", "unvaried", 5) for n in range(4)))
    first = min(
        (digest, name) for digest, name in zip(images.matrix.digests, images.matrix.ids, strict=True) if name < "4"
    )
    assert sources(tmp_path / "out") == {first[1], "4.png", "5.png"}
    assert (result.kept, result.left_out) == (3, {"unvaried": 3})


@pytest.mark.parametrize("score", ["unoriginal", "unrealistic"])
def test_the_image_without_a_finding_stands_for_its_cluster(tmp_path: Path, score: str) -> None:
    images = embedded(made(tmp_path, {f"{n}.png": None for n in range(4)}))
    cluster = [(name, "unvaried", 0) for name in images.matrix.ids]
    *others, last = images.matrix.ids
    for without_findings in (False, True):
        export(
            Sets(REAL, images),
            measured(images, *cluster, *((name, score, 0) for name in others)),
            tmp_path / str(without_findings),
            without_findings=without_findings,
        )
        assert sources(tmp_path / str(without_findings)) == {last}


def test_an_obvious_fake_that_is_original_goes_before_a_copy(tmp_path: Path) -> None:
    images = embedded(made(tmp_path, {"0.png": None, "1.png": None}))
    copy, fake = images.matrix.ids
    exported(
        tmp_path,
        images,
        (copy, "unvaried", 0),
        (fake, "unvaried", 0),
        (copy, "unoriginal", 0),
        (fake, "unrealistic", None),
    )
    assert sources(tmp_path / "out") == {fake}


def test_near_copies_of_photos_stay_and_are_counted_unless_findings_are_to_go(tmp_path: Path) -> None:
    images = embedded(made(tmp_path, {"0.png": "x", "1.png": "y", "2.png": "y", "3.png": "y"}))
    findings = [
        ("0.png", "unoriginal", 0),
        ("1.png", "unrealistic", None),
        ("2.png", "unvaried", 1),
        ("3.png", "unvaried", 1),
    ]
    result = export(Sets(REAL, images), measured(images, *findings), tmp_path / "all")
    assert (result.kept, result.left_out) == (3, {"unvaried": 1})
    assert (result.flagged, result.emptied) == ({"unoriginal": 1, "unrealistic": 1}, ())
    result = export(Sets(REAL, images), measured(images, *findings), tmp_path / "few", without_findings=True)
    assert (result.kept, result.left_out) == (1, {"unoriginal": 1, "unrealistic": 1, "unvaried": 1})
    assert (result.flagged, result.emptied) == ({}, ("x",))


def test_findings_on_real_photos_of_the_same_names_cost_no_image_its_place(tmp_path: Path) -> None:
    images = embedded(made(tmp_path, {"1.png": None, "2.png": None}))
    real = [Finding(name, "sha256:0", "real", "unrepresentative", "x", 0.99, cluster=1) for name in images.matrix.ids]
    measurement = replace(measured(images), findings=tuple(real))
    assert export(Sets(REAL, images), measurement, tmp_path / "out", without_findings=True).kept == 2


def test_a_text_that_utf_8_cannot_hold_is_escaped(tmp_path: Path) -> None:
    exported(tmp_path, embedded(made(tmp_path, {"1.png": None}, prompt="a \udcff b")))
    assert rows(tmp_path / "out")[0]["prompt"] == "a \\udcff b"


def test_unreadable_files_are_left_out_and_counted(tmp_path: Path) -> None:
    records = made(tmp_path, {"a/1.png": "a", "b/2.png": "b"})
    result = exported(tmp_path, embedded(records, unreadable=["b/2.png"]))
    assert (result.kept, result.left_out, result.emptied) == (1, {"unreadable": 1}, ("b",))
    assert files(tmp_path / "out") == {"metadata.csv", "a/1.png"}


def test_the_counts_are_said_in_lines() -> None:
    assert Exported(Path("out"), 1200, {"unvaried": 30, "unreadable": 1}, {"unoriginal": 2}, ("pear",)).lines() == [
        "1,200 of 1,231 images written to out",
        "left out: 1 unreadable, 30 unvaried",
        "kept with a finding: 2 unoriginal; --without-findings leaves them out",
        "no image is left of: pear",
    ]
    assert Exported(Path("out"), 2, {}, {}, ()).lines() == ["2 of 2 images written to out"]


def test_names_are_distinct_where_case_and_composition_do_not_count(tmp_path: Path) -> None:
    classes = [
        "apple",
        "Apple",
        "caf\u00e9",
        "cafe\u0301",
        "a/b",
        "a:b",
        "con",
        "trailing. ",
        "metadata.csv",
        "\x1b[31m",
    ]
    records = [
        ImageRecord(f"{number}/x/{name}", picture(tmp_path / f"{number}{name}", 9 * number + place), class_name)
        for number, class_name in enumerate(classes)
        for place, name in enumerate(["1.png", "1.PNG"])
    ]
    result = exported(tmp_path, embedded(records))
    assert result.kept == 2 * len(classes)
    names = files(tmp_path / "out") - {"metadata.csv"}
    assert len({name.casefold() for name in names}) == result.kept
    assert {row["file_name"] for row in rows(tmp_path / "out")} == names
    folders = {name.split("/")[0] for name in names}
    assert len({name.casefold() for name in folders}) == len(classes)
    assert {"Apple", "_con", "trailing", "_metadata.csv", "_[31m"} <= folders
    assert Counter(row["class"] for row in rows(tmp_path / "out")) == dict.fromkeys(classes, 2)
    assert len(open_set(tmp_path / "out", side="synthetic")) == result.kept


def test_a_file_is_named_after_its_id_without_the_class(tmp_path: Path) -> None:
    names = ["apple/in-a-bowl/00007.png", "apple/on-a-plate/00007.png", "../apple/1.png", "/abs/1.png"]
    records = [ImageRecord(name, picture(tmp_path / f"{n}.png", n), "apple") for n, name in enumerate(names)]
    exported(tmp_path, embedded(records))
    assert files(tmp_path / "out" / "apple") == {
        "in-a-bowl-00007.png",
        "on-a-plate-00007.png",
        "_..-apple-1.png",
        "abs-1.png",
    }


def test_a_file_whose_ending_no_reader_knows_gets_that_of_its_format(tmp_path: Path) -> None:
    records = [
        ImageRecord("blob/ab12.bin", picture(tmp_path / "ab12.bin", 1)),
        ImageRecord("x", picture(tmp_path / "x", 2)),
        ImageRecord("CAM.PNG", picture(tmp_path / "CAM.PNG", 3)),
    ]
    exported(tmp_path, embedded(records))
    assert files(tmp_path / "out") == {"metadata.csv", "blob-ab12.png", "x.png", "CAM.png"}


def test_classes_called_train_and_test_stay_classes(tmp_path: Path) -> None:
    exported(tmp_path, embedded(made(tmp_path, {"train/1.png": "train", "test/2.png": "test"})))
    assert open_set(tmp_path / "out", side="synthetic").class_counts() == {"test": 1, "train": 1}


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links and file modes")
def test_copies_are_files_of_their_own(tmp_path: Path) -> None:
    target = picture(tmp_path / "real.png", 1)
    target.chmod(0o400)
    link = tmp_path / "link.png"
    link.symlink_to(target)
    exported(tmp_path, embedded([ImageRecord("link.png", link)]))
    copy = tmp_path / "out" / "link.png"
    assert not copy.is_symlink()
    assert copy.stat().st_ino != target.stat().st_ino
    assert copy.stat().st_mode & stat.S_IWUSR
    plain = tmp_path / "plain"
    plain.mkdir()
    assert (tmp_path / "out").stat().st_mode == plain.stat().st_mode


def test_two_exports_are_equal_byte_for_byte(tmp_path: Path) -> None:
    records = made(tmp_path, {f"a/{n}.png": "a" for n in range(5)})
    for name, order in (("one", records), ("two", records[::-1])):
        images = embedded(order)
        export(Sets(REAL, images), measured(images), tmp_path / name)
    assert files(tmp_path / "one") == files(tmp_path / "two")
    for name in files(tmp_path / "one"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_an_empty_folder_is_taken_and_missing_parents_are_made(tmp_path: Path) -> None:
    images = embedded(made(tmp_path, {"1.png": None}))
    (tmp_path / "out").mkdir()
    assert exported(tmp_path, images).kept == 1
    export(Sets(REAL, images), measured(images), tmp_path / "deep" / "er" / "out")
    assert files(tmp_path / "deep") == {"er/out/1.png", "er/out/metadata.csv"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "in", "out"]


@pytest.mark.parametrize("name", ["keep.txt", ".hidden"])
def test_a_folder_in_use_is_refused_and_left_alone(tmp_path: Path, name: str) -> None:
    images = embedded(made(tmp_path, {"1.png": None}))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    with pytest.raises(ExportError, match="out: is not empty; name a new folder"):
        exported(tmp_path, images)
    assert files(tmp_path / "out") == {name}


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    images = embedded(made(tmp_path, {"1.png": None}))
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ExportError, match="out: is a file; name a new folder"):
        exported(tmp_path, images)
    with pytest.raises(ExportError, match=r"deeper: cannot be written \("):
        export(Sets(REAL, images), measured(images), tmp_path / "out" / "deeper")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_folder_inside_a_set_is_refused(tmp_path: Path) -> None:
    images = embedded(made(tmp_path, {"1.png": None}))
    with pytest.raises(ExportError, match="lies in the set"):
        export(Sets(REAL, images), measured(images), tmp_path / "in" / "x" / "out", sources=(None, tmp_path / "in"))
    assert files(tmp_path / "in") == {"1.png"}
    assert export(Sets(REAL, images), measured(images), tmp_path / "in2", sources=(tmp_path / "in",)).kept == 1


def test_a_file_that_vanished_gives_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    images = embedded(made(tmp_path, {"a/1.png": "a", "a/2.png": "a"}))
    (tmp_path / "in" / "a" / "2.png").unlink()
    with pytest.raises(
        ExportError, match=r"in/a/2\.png: the file is missing, though it was measured; put it back"
    ) as caught:
        export(Sets(REAL, images), measured(images), tmp_path / "new" / "out")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_full_disk_gives_one_line_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = embedded(made(tmp_path, {"1.png": None, "2.png": None}))
    whole = Path.open

    def full(self: Path, mode: str = "r", *rest: Any, **options: Any) -> Any:
        if mode == "xb" and self.name == "2.png":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return whole(self, mode, *rest, **options)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(ExportError, match=r"out: cannot be written \(No space left on device\), nothing of it is left"):
        exported(tmp_path, images)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_an_interrupted_export_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = embedded(made(tmp_path, {"1.png": None}))

    def stop(path: Path) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr("pytest_synthgate.export.read_bytes", stop)
    with pytest.raises(KeyboardInterrupt):
        exported(tmp_path, images)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_folder_that_fills_meanwhile_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = embedded(made(tmp_path, {"1.png": None}))

    def other(path: Path) -> bytes:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "theirs").write_text("x")
        return path.read_bytes()

    monkeypatch.setattr("pytest_synthgate.export.read_bytes", other)
    with pytest.raises(ExportError, match="out: cannot be written"):
        exported(tmp_path, images)
    assert files(tmp_path / "out") == {"theirs"}


def test_vectors_have_no_files(tmp_path: Path) -> None:
    matrix = feature_matrix(np.eye(2))
    vectors = Embedded.of(matrix, {}, {name: ImageRecord(name, None) for name in matrix.ids}, {"vectors": 2}, None)
    with pytest.raises(ExportError, match="a set of vectors has no files to copy"):
        exported(tmp_path, vectors)


def test_a_measurement_of_other_images_is_refused(tmp_path: Path) -> None:
    images, fewer = (embedded(made(tmp_path, dict.fromkeys(names))) for names in (("1.png", "2.png"), ("1.png",)))
    changed = replace(measured(images, ("1.png", "unvaried", 0)).findings[0], digest="sha256:0")
    for measurement in (measured(fewer), replace(measured(images), findings=(changed,))):
        with pytest.raises(ExportError, match="the measurement is of other images"):
            export(Sets(REAL, images), measurement, tmp_path / "out")


def test_a_set_of_nothing_but_findings_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    images = embedded(made(tmp_path, {"1.png": None, "2.png": None}))
    findings = [(name, "unrealistic", None) for name in images.matrix.ids]
    with pytest.raises(ExportError, match=r"no image is left to export \(2 unrealistic\)"):
        exported(tmp_path, images, *findings, without_findings=True)
    assert not (tmp_path / "out").exists()


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    copies=st.lists(st.integers(0, 11), min_size=1, max_size=12),
    definition=st.sampled_from(["balanced", "studio"]),
)
def test_what_is_left_has_no_near_duplicates_and_every_image_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, seed: int, copies: list[int], definition: Any
) -> None:
    root = tmp_path_factory.mktemp("set")
    rng = np.random.default_rng(seed)
    photos = rng.normal(size=(12, 8))
    drawn = np.concatenate([photos[copies] + 1e-4 * rng.normal(size=(len(copies), 8)), rng.normal(size=(3, 8))])
    drawn = np.concatenate([drawn, drawn[: len(drawn) // 2] + 1e-4 * rng.normal(size=(len(drawn) // 2, 8))])
    records = made(root, {f"{n:02}.png": None for n in range(len(drawn))})
    plain = embedded(records)
    matrix = feature_matrix(drawn, [each.id for each in records], _in_order(plain, records))
    images = replace(plain, load=lambda: matrix)
    against = reference(feature_matrix(photos))
    measurement = score_sets(against, matrix, definition=definition, yardstick=False)

    result = export(Sets(REAL, images), measurement, root / "out")
    assert result.kept + sum(result.left_out.values()) == len(records)
    assert score_sets(against, _left(matrix, root / "out"), yardstick=False).scores["unvaried"].value == 0
    few = export(Sets(REAL, images), measurement, root / "few", without_findings=True)
    assert few.kept + sum(few.left_out.values()) == len(records)
    assert sources(root / "few") <= sources(root / "out")
    assert few.left_out.get("unoriginal", 0) == round((measurement.scores["unoriginal"].value or 0) * len(records))
    left = score_sets(against, _left(matrix, root / "few"), yardstick=False).scores
    assert (left["unvaried"].value, left["unoriginal"].value) == (0, 0)


def _in_order(images: Embedded, records: Sequence[ImageRecord]) -> list[str]:
    digest_of = dict(zip(images.matrix.ids, images.matrix.digests, strict=True))
    return [digest_of[each.id] for each in records]


def _left(matrix: FeatureMatrix, folder: Path) -> FeatureMatrix:
    left = sources(folder)
    return matrix.subset(np.flatnonzero([name in left for name in matrix.ids]).astype(np.int64))
