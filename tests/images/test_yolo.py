"""A YOLO export is read as it is found, odd YAML files and all."""

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pytest_synthgate.errors import SourceError
from pytest_synthgate.images.sets import Box, ImageSet
from pytest_synthgate.images.yolo import open_export

UNREAL = "path:\ntrain: images\nval: images\nnames:\n  0: cup\n  1: plate\n  2: cup\n"


def export(root: Path, labels: dict[str, str | None], yaml: str = UNREAL, name: str = "synth.yaml") -> Path:
    """Write an export; a label of None is an image without a label file."""
    root.mkdir(exist_ok=True)
    (root / name).write_text(yaml, encoding="utf-8")
    for stem, label in labels.items():
        image, text = root / "images" / f"{stem}.png", root / "labels" / f"{stem}.txt"
        image.parent.mkdir(parents=True, exist_ok=True)
        text.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(b"x")
        if label is not None:
            text.write_text(label, encoding="utf-8")
    return root


def opened(root: Path) -> ImageSet:
    images = open_export(root)
    assert images is not None
    return images


def classes(root: Path) -> dict[str, str | None]:
    return {record.id: record.class_name for record in opened(root).records}


@pytest.mark.parametrize("name", ["synth.yaml", "test.yaml", "data.yml"])
@pytest.mark.parametrize(
    "yaml", [UNREAL, "names: [cup, plate, cup]\n", "path: ../gone\nnc: 3\nnames: {'0': cup, '1': plate, '2': cup}\n"]
)
def test_an_export_is_known_by_names_beside_a_folder_of_images(tmp_path: Path, name: str, yaml: str) -> None:
    root = export(tmp_path, {"train/0": "1 .5 .5 .1 .1\n"}, yaml, name)
    assert open_export(root) is not None
    assert classes(root) == {"images/train/0.png": "plate"}


def test_a_folder_without_names_or_without_images_is_no_export(tmp_path: Path) -> None:
    assert open_export(export(tmp_path / "a", {"train/0": None}, "model: x\n")) is None
    assert open_export(export(tmp_path / "b", {})) is None
    (tmp_path / "c" / "images").mkdir(parents=True)
    assert open_export(tmp_path / "c") is None


def test_one_stem_in_train_and_val_is_two_images_each_with_its_own_label(tmp_path: Path) -> None:
    root = export(tmp_path, {"train/0": "0 .5 .5 .1 .1\n", "val/0": "1 .5 .5 .1 .1\n"})
    assert classes(root) == {"images/train/0.png": "cup", "images/val/0.png": "plate"}


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([1, 1, 0], "plate"),
        ([1, 0], "cup"),
        ([1, 2], "plate"),
        ([0, 2, 1], "cup"),
        ([0, 2, 1, 1], "cup"),
        ([], None),
    ],
)
def test_the_class_is_what_most_boxes_have_and_ties_go_to_the_smallest_number(
    tmp_path: Path, numbers: list[int], expected: str | None
) -> None:
    root = export(tmp_path, {"train/0": "".join(f"{number} .5 .5 .1 .1\n" for number in numbers)})
    assert classes(root)["images/train/0.png"] == expected


def test_an_image_without_a_label_file_has_no_class(tmp_path: Path) -> None:
    assert classes(export(tmp_path, {"train/0": None})) == {"images/train/0.png": None}


def test_boxes_and_segments_are_kept(tmp_path: Path) -> None:
    label = "0 0.5 0.25 0.1 0.2\n\n1 .5 .5 .2 .2 0.9\n2 0.1 0.2 0.5 0.2 0.3 0.8\n"
    (record,) = opened(export(tmp_path, {"train/0": label})).records
    assert record.boxes[:2] == (Box("cup", 0.5, 0.25, 0.1, 0.2), Box("plate", 0.5, 0.5, 0.2, 0.2))
    segment = record.boxes[2]
    assert segment.class_name == "cup"
    assert (segment.x, segment.y, segment.width, segment.height) == pytest.approx((0.3, 0.5, 0.4, 0.6))


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("0 .5 .5 .1 .1\nmuddle\n", r"labels/train/0\.txt, line 2: 'muddle' is no label"),
        ("0 .5 .5 .1\n", "line 1: .* is no label"),
        ("0.5 .5 .5 .1 .1\n", "line 1: .* is no label"),
        ("0 .5 .5 .1 nan\n", "line 1: .* is no label"),
        ("inf .5 .5 .1 .1\n", "line 1: .* is no label"),
        ("0 .1 .1 .2 .2 .3 .3 .4\n", "line 1: .* is no label"),
        ("7 .5 .5 .1 .1\n", "line 1: class 7 has no name in the YAML file"),
    ],
)
def test_each_mistake_in_a_label_is_named(tmp_path: Path, label: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        opened(export(tmp_path, {"train/0": label}))


def test_a_label_that_is_not_text_is_named(tmp_path: Path) -> None:
    root = export(tmp_path, {"train/0": ""})
    (root / "labels/train/0.txt").write_bytes(b"\xff\xfe\0")
    with pytest.raises(SourceError, match=r"labels/train/0\.txt: is broken UTF-16 text"):
        opened(root)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_what_editors_make_of_labels_and_names_is_read(tmp_path: Path, encoding: str) -> None:
    root = export(tmp_path, {"train/0": ""})
    (root / "synth.yaml").write_bytes("path: .\r\nnames: [a small caf\u00e9]\r\n".encode(encoding))
    (root / "labels/train/0.txt").write_bytes("0 .5 .5 .1 .1\r\n".encode(encoding))
    assert classes(root) == {"images/train/0.png": "a small caf\u00e9"}


@pytest.mark.parametrize("name", ["no", "1.10", "2024-01-01", "0x1F", "null", "1e3", "on"])
def test_a_name_is_kept_as_it_is_written(tmp_path: Path, name: str) -> None:
    root = export(tmp_path / "a", {"train/0": "0 .5 .5 .1 .1\n"}, f"names: [{name}]\n")
    assert classes(root) == {"images/train/0.png": name}
    root = export(tmp_path / "b", {"train/0": "0 .5 .5 .1 .1\n"}, f"names: {{0: {name}}}\n")
    assert classes(root) == {"images/train/0.png": name}


# The layouts of other programs


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


ROBOFLOW = {
    "data.yaml": "train: ../train/images\nval: ../valid/images\nnc: 2\nnames: ['apple', 'banana']\n",
    "train/images/0.jpg": "x",
    "train/labels/0.txt": "0 .5 .5 .2 .2\n",
    "valid/images/0.jpg": "x",
    "valid/labels/0.txt": "1 .5 .5 .2 .2\n",
    "test/images/1.jpg": "x",
}
LABEL_STUDIO = {
    "classes.txt": "apple\nbanana\n",
    "notes.json": "{}",
    "images/0.jpg": "x",
    "labels/0.txt": "1 .5 .5 .2 .2\n",
}
CVAT = {
    "obj.data": "classes = 2\nnames = data/obj.names\n",
    "obj.names": "apple\nbanana\n",
    "train.txt": "data/obj_train_data/0.jpg\n",
    "obj_train_data/0.jpg": "x",
    "obj_train_data/0.txt": "1 .5 .5 .2 .2\n",
}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (ROBOFLOW, {"test/images/1.jpg": None, "train/images/0.jpg": "apple", "valid/images/0.jpg": "banana"}),
        (LABEL_STUDIO, {"images/0.jpg": "banana"}),
        (CVAT, {"obj_train_data/0.jpg": "banana"}),
    ],
)
def test_the_layout_of_each_program_is_read(tmp_path: Path, files: dict[str, str], expected: dict[str, str]) -> None:
    assert open_export(write(tmp_path, files)) is not None
    assert classes(tmp_path) == expected
    assert opened(tmp_path).notes == ()


@pytest.mark.parametrize("points", [4, 17])
def test_key_points_behind_a_box_do_not_count(tmp_path: Path, points: int) -> None:
    label = "0 .5 .5 .2 .4" + " .9 .9 2" * points
    root = export(tmp_path, {"train/0": label}, "kpt_shape: [17, 3]\nnames: {0: person}\n")
    assert opened(root).records[0].boxes == (Box("person", 0.5, 0.5, 0.2, 0.4),)


def test_a_turned_box_counts_as_the_box_around_its_corners(tmp_path: Path) -> None:
    (record,) = opened(export(tmp_path, {"train/0": "0 .5 .1 .9 .5 .5 .9 .1 .5\n"})).records
    (box,) = record.boxes
    assert (box.x, box.y, box.width, box.height) == pytest.approx((0.5, 0.5, 0.8, 0.8))


CVAT_XML = """<?xml version="1.0"?><annotations><version>1.1</version>
<meta><task><labels><label><name>kiwi</name></label></labels></task></meta>
<image id="0" name="a/0.jpg" width="200" height="100">
 <box label="apple" xtl="20" ytl="10" xbr="60" ybr="30" occluded="0"><attribute name="x">1</attribute></box>
 <polygon label="kiwi" points="0,0;100,0;100,50"/><polyline label="kiwi" points="0,0;1,1"/></image>
<image id="1" name="1.jpg" width="200" height="100"><tag label="no"/></image>
</annotations>"""


def test_the_annotations_of_cvat_are_read(tmp_path: Path) -> None:
    files = {"annotations.xml": CVAT_XML, "images/a/0.jpg": "x", "images/1.jpg": "x", "images/2.jpg": "x"}
    assert open_export(write(tmp_path, files)) is not None
    assert classes(tmp_path) == {"images/a/0.jpg": "kiwi", "images/1.jpg": "no", "images/2.jpg": None}
    boxes = opened(tmp_path).records[2].boxes
    assert [boxes[0].x, boxes[0].y, boxes[0].width, boxes[0].height] == pytest.approx([0.2] * 4)
    assert boxes[1] == Box("kiwi", 0.25, 0.25, 0.5, 0.5)


@pytest.mark.parametrize(
    "content",
    [
        "<annotations",
        '<annotations><image name="a"/></annotations>',
        '<!DOCTYPE a [<!ENTITY b "c">]><annotations/>',
    ],
)
def test_broken_annotations_are_named(tmp_path: Path, content: str) -> None:
    with pytest.raises(SourceError, match=r"annotations\.xml: no annotations as CVAT writes them") as caught:
        open_export(write(tmp_path, {"annotations.xml": content, "images/0.jpg": "x"}))
    assert len(str(caught.value).splitlines()) == 1


def test_one_half_of_an_export_finds_the_names_above_it(tmp_path: Path) -> None:
    assert open_export(write(tmp_path, ROBOFLOW) / "train") is not None
    assert classes(tmp_path / "train") == {"images/0.jpg": "apple"}


def test_labels_that_nothing_names_and_images_without_labels_are_told(tmp_path: Path) -> None:
    nameless = write(tmp_path / "a", {"images/0.jpg": "x", "labels/0.txt": "0 .5 .5 .1 .1\n"})
    assert open_export(nameless) is not None
    assert classes(nameless) == {"images/0.jpg": None}
    assert opened(nameless).notes[0].endswith("nothing names their classes; add data.yaml or classes.txt")
    unlabelled = write(tmp_path / "b", {"images/0.jpg": "x", "data.yaml": "names: [cup]\n"})
    assert opened(unlabelled).notes[0].endswith("none of the 1 images has a label")


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems take either spelling")
def test_a_label_is_found_however_its_name_is_composed(tmp_path: Path) -> None:
    files = {"images/cafe\u0301.jpg": "x", "labels/caf\u00e9.txt": "0 .5 .5 .1 .1\n", "data.yaml": "names: [cup]\n"}
    assert classes(write(tmp_path, files)) == {"images/caf\u00e9.jpg": "cup"}


def test_two_files_that_name_the_classes_must_agree(tmp_path: Path) -> None:
    root = export(tmp_path, {"train/0": "0 .5 .5 .1 .1\n"})
    (root / "test.yaml").write_text("names: [cup, plate, cup]\n")
    assert classes(root) == {"images/train/0.png": "cup"}
    (root / "test.yaml").write_text("names: [fork]\n")
    with pytest.raises(SourceError, match="both name the classes, differently"):
        opened(root)


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("names: {a: [", "not YAML"),
        ("names: 3\n", "names must be a list"),
        ("names: {a: cup}\n", "names must be a list"),
        ("names: !!python/object/apply:os.getcwd []\n", "not YAML"),
        ("a: \x00\n", "not YAML"),
        ("[" * 5000, "not YAML"),
    ],
)
def test_a_broken_yaml_file_beside_images_is_named(tmp_path: Path, yaml: str, message: str) -> None:
    root = export(tmp_path, {"train/0": None}, yaml)
    with pytest.raises(SourceError, match=message) as caught:
        open_export(root)
    assert len(str(caught.value).splitlines()) == 1


def test_a_folder_that_is_no_export_asks_nothing_of_the_one_above(tmp_path: Path) -> None:
    picture = tmp_path / "train" / "images" / "a.png"
    picture.parent.mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(picture)
    (tmp_path / "chart.yaml").write_text("{{ .Values.a }}: [")
    assert open_export(tmp_path / "train") is None


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(label=st.text(st.sampled_from("0123. -einfa\n"), max_size=60))
def test_any_label_is_read_or_refused(tmp_path: Path, label: str) -> None:
    root = export(tmp_path, {"train/0": label})
    try:
        (record,) = opened(root).records
    except SourceError:
        return
    assert (record.class_name is None) == (not record.boxes)
