"""Ready-made embeddings come in as float32 rows in the order of their ids."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_synthgate.errors import SourceError
from pytest_synthgate.images.vectors import holds_vectors, open_npy, open_parquet_vectors


def rows_by_id(images: Any) -> dict[str, list[float]]:
    return {record.id: row.tolist() for record, row in zip(images.records, images.vectors, strict=True)}


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "uint8", ">f4"])
def test_rows_of_a_numpy_file_keep_their_numbers(tmp_path: Path, dtype: str) -> None:
    matrix = np.arange(24).reshape(12, 2).astype(dtype)
    np.save(tmp_path / "v.npy", matrix)
    images = open_npy(tmp_path / "v.npy")
    assert images.vectors is not None
    assert images.vectors.dtype == np.float32
    assert rows_by_id(images) == {str(row): [2.0 * row, 2.0 * row + 1] for row in range(12)}
    assert [record.id for record in images.records] == sorted(str(row) for row in range(12))
    assert all(record.path is None for record in images.records)


def test_columns_first_and_empty_matrices_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", np.asfortranarray(np.arange(6.0).reshape(3, 2)))
    assert rows_by_id(open_npy(tmp_path / "f.npy"))["2"] == [4.0, 5.0]
    np.save(tmp_path / "e.npy", np.zeros((0, 4)))
    assert len(open_npy(tmp_path / "e.npy")) == 0


def test_numbers_beyond_float32_become_infinite_without_a_warning(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.array([[1e300]]))
    assert rows_by_id(open_npy(tmp_path / "v.npy")) == {"0": [np.inf]}


@pytest.mark.parametrize(
    "matrix",
    [np.zeros(3), np.zeros((2, 2, 2)), np.zeros((2, 0)), np.zeros((2, 2), dtype=complex), np.array([["a"]])],
)
def test_what_is_no_matrix_of_real_numbers_is_refused(tmp_path: Path, matrix: Any) -> None:
    np.save(tmp_path / "v.npy", matrix)
    with pytest.raises(SourceError, match=r"v\.npy: holds .* of shape .*; save an \(n, d\) float array"):
        open_npy(tmp_path / "v.npy")


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("exploded"),))


def test_pickled_content_is_never_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("v.npy", np.array([[Bomb()]], dtype=object), allow_pickle=True)
    with pytest.raises(SourceError, match="not a NumPy file of numbers"):
        open_npy(Path("v.npy"))
    assert not Path("exploded").exists()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_a_matrix_or_a_source_error(tmp_path: Path, data: st.DataObject) -> None:
    stream = BytesIO()
    np.save(stream, np.arange(6.0).reshape(3, 2))
    content = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, 127))] = data.draw(st.integers(0, 255))
    (tmp_path / "v.npy").write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        images = open_npy(tmp_path / "v.npy")
    except SourceError as error:
        message = str(error)
    else:
        message = "fine"
        assert images.vectors is not None
        assert len(images.vectors) == len(images)
    assert len(message.splitlines()) == 1


def write_parquet(path: Path, columns: dict[str, Any]) -> Path:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize("column", ["vector", "embedding"])
def test_parquet_vectors_carry_their_facts(tmp_path: Path, column: str) -> None:
    path = write_parquet(
        tmp_path / "v.parquet",
        {"id": ["b", "a"], column: [[1.0, 2.0], [3.0, 4.0]], "class": ["x", None], "seed": [1, 2]},
    )
    assert holds_vectors(path)
    images = open_parquet_vectors(path, side="real")
    assert rows_by_id(images) == {"a": [3.0, 4.0], "b": [1.0, 2.0]}
    assert [(each.class_name, each.seed) for each in images.records] == [(None, 2), ("x", 1)]


def test_parquet_vectors_without_facts_are_numbered(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "v.parquet", {"vector": [[float(row)] for row in range(11)]})
    assert rows_by_id(open_parquet_vectors(path, side="real"))["10"] == [10.0]


def test_one_parquet_file_of_vectors_can_hold_both_sets(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "v.parquet",
        {"vector": [[1.0], [2.0], [3.0]], "real_or_synthetic": ["real", "synthetic", "real"]},
    )
    assert rows_by_id(open_parquet_vectors(path, side="real")) == {"0": [1.0], "2": [3.0]}
    assert rows_by_id(open_parquet_vectors(path, side="synthetic")) == {"1": [2.0]}


def test_lists_of_fixed_size_are_read(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    values = pa.FixedSizeListArray.from_arrays(pa.array([1.0, 2.0, 3.0, 4.0], pa.float32()), 2)
    path = write_parquet(tmp_path / "v.parquet", {"vector": values})
    assert rows_by_id(open_parquet_vectors(path, side="real")) == {"0": [1.0, 2.0], "1": [3.0, 4.0]}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"vector": [[1.0, 2.0], [3.0]]}, r"gaps or several lengths \(row 2, say\)"),
        ({"vector": [[1.0], None]}, "gaps or several lengths"),
        ({"vector": [[1.0], [None]]}, "gaps or several lengths"),
        ({"vector": ["1 2", "3 4"]}, "column 'vector' holds string; write lists of floats"),
        ({"vector": [["a"]]}, "column 'vector' holds list"),
        ({"vector": [[1.0], [2.0]], "id": ["a", "a"]}, "row 2: the id 'a' is used already"),
    ],
)
def test_each_mistake_in_parquet_vectors_is_named(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        open_parquet_vectors(write_parquet(tmp_path / "v.parquet", columns), side="real")


def test_a_table_with_images_is_no_table_of_vectors(tmp_path: Path) -> None:
    assert not holds_vectors(write_parquet(tmp_path / "a.parquet", {"image": ["a"], "vector": [[1.0]]}))
    assert not holds_vectors(write_parquet(tmp_path / "b.parquet", {"id": ["a"]}))
