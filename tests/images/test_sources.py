"""Whatever a path leads to is opened by what it is, or refused with what to do."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from pytest_synthgate.errors import SourceError
from pytest_synthgate.images.sources import open_set


def image(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "a cup\nSteps: 2, Seed: 9")
    Image.new("RGB", (2, 2)).save(path, pnginfo=texts)
    return path


def test_a_folder_is_a_set_and_synthetic_images_know_their_prompts(tmp_path: Path) -> None:
    image(tmp_path / "apple" / "1.png")
    (synthetic,) = open_set(tmp_path, side="synthetic").records
    (real,) = open_set(tmp_path, side="real").records
    assert (synthetic.id, synthetic.class_name, synthetic.prompt, synthetic.seed) == (
        "apple/1.png",
        "apple",
        "a cup",
        9,
    )
    assert (real.class_name, real.prompt) == ("apple", None)


def test_an_export_is_a_set_with_boxes(tmp_path: Path) -> None:
    image(tmp_path / "images" / "train" / "0.png")
    (tmp_path / "labels" / "train").mkdir(parents=True)
    (tmp_path / "labels" / "train" / "0.txt").write_text("0 .5 .5 .1 .1\n")
    (tmp_path / "data.yaml").write_text("names: [cup]\n")
    (record,) = open_set(tmp_path, side="synthetic").records
    assert (record.class_name, len(record.boxes), record.seed) == ("cup", 1, 9)


@pytest.mark.parametrize("name", ["t.csv", "T.CSV"])
def test_a_table_is_a_set(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("image\na.png\n")
    assert [record.id for record in open_set(tmp_path / name, side="real").records] == ["a.png"]


def test_vectors_are_a_set(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.eye(3))
    images = open_set(tmp_path / "v.npy", side="real")
    assert images.vectors is not None
    assert images.vectors.shape == (3, 3)


def test_parquet_is_a_table_or_vectors_by_its_columns(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"image": ["a.png"]}), tmp_path / "t.parquet")
    pq.write_table(pa.table({"vector": [[1.0, 2.0]]}), tmp_path / "v.parquet")
    assert open_set(tmp_path / "t.parquet", side="real").vectors is None
    assert open_set(tmp_path / "v.parquet", side="real").vectors is not None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone", r"gone: there is no such file or folder; give a folder of images, a table \(\.csv"),
        ("gone.csv", r"gone\.csv: there is no such file or folder"),
        ("one.png", r"one\.png: not a source of images; give a folder"),
        ("t.json", r"t\.json: not a source of images"),
        ("empty", r"empty: no real images \(image files end in .*jpg.*\); point at"),
        ("heic", r"heic: no real images .*; point at .*; .*formats that are not read here: 1 \(\.heic 1\)"),
        ("empty.csv", r"empty\.csv: no real images"),
        ("other.csv", r"other\.csv: no real images"),
        ("empty.npy", r"empty\.npy: no real images"),
    ],
)
def test_what_is_no_set_is_refused_with_a_remedy(tmp_path: Path, name: str, message: str) -> None:
    image(tmp_path / "one.png")
    (tmp_path / "t.json").write_text("[]")
    (tmp_path / "empty" / "deep").mkdir(parents=True)
    (tmp_path / "heic").mkdir()
    (tmp_path / "heic" / "1.heic").write_bytes(b"x")
    (tmp_path / "empty.csv").write_text("image\n")
    (tmp_path / "other.csv").write_text("image,real_or_synthetic\na.png,synthetic\n")
    np.save(tmp_path / "empty.npy", np.zeros((0, 3)))
    with pytest.raises(SourceError, match=message) as caught:
        open_set(tmp_path / name, side="real")
    assert len(str(caught.value).splitlines()) == 1
