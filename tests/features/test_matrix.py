"""Vectors become unit rows in an order of their own, or an error in one line."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from pytest_synthgate.errors import SourceError
from pytest_synthgate.features.matrix import FeatureMatrix, feature_matrix

SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)
NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False).filter(lambda value: value == 0 or abs(value) > 1e-3)
VECTORS = hnp.arrays(np.float64, SHAPES, elements=NUMBERS).filter(lambda rows: bool(rows.any(axis=1).all()))


@settings(deadline=None)
@given(VECTORS)
def test_rows_are_unit_length_and_keep_their_direction(vectors: NDArray[np.float64]) -> None:
    matrix = feature_matrix(vectors)
    rows = vectors[[int(name) for name in matrix.ids]]
    assert matrix.features.dtype == np.float32
    assert np.linalg.norm(matrix.features.astype(np.float64), axis=1) == pytest.approx(1, abs=1e-6)
    assert np.allclose(matrix.features, rows / np.linalg.norm(rows, axis=1)[:, None], atol=1e-6)


@settings(deadline=None)
@given(VECTORS, st.integers(0, 2**32))
def test_the_order_of_the_input_does_not_matter(vectors: NDArray[np.float64], seed: int) -> None:
    names = [f"image {row}" for row in range(len(vectors))]
    order = np.random.default_rng(seed).permutation(len(vectors))
    there, back = feature_matrix(vectors, names), feature_matrix(vectors[order], [names[row] for row in order])
    assert there.ids == back.ids
    assert there.digests == back.digests
    assert there.features.tobytes() == back.features.tobytes()


def test_rows_are_sorted_by_digest_then_id() -> None:
    matrix = feature_matrix(np.eye(4), ["d", "c", "b", "a"], ["2", "1", "1", "3"])
    assert list(zip(matrix.digests, matrix.ids, strict=True)) == [("1", "b"), ("1", "c"), ("2", "d"), ("3", "a")]


def test_equal_digests_share_the_vector_of_the_first_id() -> None:
    matrix = feature_matrix([[1.0, 0.0], [0.0, 1.0]], ["b", "a"], ["same", "same"])
    assert matrix.features.tolist() == [[0.0, 1.0], [0.0, 1.0]]


def test_digests_default_to_the_bytes_of_the_row_and_ids_to_its_number() -> None:
    matrix = feature_matrix(np.array([[3.0, 4.0]]))
    expected = hashlib.sha256(np.array([3, 4], dtype="<f4").tobytes()).hexdigest()
    assert (matrix.ids, matrix.digests) == (("0",), (f"sha256:{expected}",))


def test_a_subset_keeps_rows_with_their_names() -> None:
    matrix = feature_matrix(np.eye(3), ["a", "b", "c"], ["1", "2", "3"])
    part = matrix.subset(np.array([0, 2]))
    assert (part.ids, part.digests, part.features.tolist()) == (("a", "c"), ("1", "3"), [[1, 0, 0], [0, 0, 1]])


def test_a_set_without_images_is_a_matrix_without_rows() -> None:
    matrix = feature_matrix(np.empty((0, 3)))
    assert (len(matrix), matrix.features.shape) == (0, (0, 3))


@pytest.mark.parametrize(
    ("vectors", "ids", "digests", "message"),
    [
        (np.zeros(3), None, None, r"shape \(3,\); pass an \(n, d\) float array"),
        (np.zeros((2, 0)), None, None, r"shape \(2, 0\)"),
        (np.zeros((2, 2, 2)), None, None, r"shape \(2, 2, 2\)"),
        ([["a", "b"]], None, None, "vectors are not numbers"),
        ([[1.0], [1.0, 2.0]], None, None, "vectors are not numbers"),
        ([[1.0, np.nan]], None, None, "vector '0' is zero or not finite"),
        ([[1.0, 0.0], [np.inf, 0.0]], ["good", "bad"], None, r"vector 'bad' is zero or not finite \(1 such rows\)"),
        ([[1.0, 0.0], [1e300, 0.0]], None, None, "vector '1' is zero or not finite"),
        ([[0.0, 0.0], [0.0, 0.0]], None, None, r"vector '0' is zero or not finite \(2 such rows\)"),
        (np.eye(2), ["a", "a"], None, "the id 'a' is used twice"),
        (np.eye(2), ["a"], None, "1 ids for 2 vectors"),
        (np.eye(2), None, ["x"], "1 digests for 2 vectors"),
        (np.eye(2), None, ["x", "y", "z"], "3 digests for 2 vectors"),
    ],
)
def test_bad_input_is_one_line_that_names_the_set(
    vectors: NDArray[np.float64], ids: list[str] | None, digests: list[str] | None, message: str
) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        feature_matrix(vectors, ids, digests, name="real")
    assert str(caught.value).startswith("real: ")
    assert "\n" not in str(caught.value)


def test_a_matrix_cannot_be_changed_by_assignment() -> None:
    matrix: FeatureMatrix = feature_matrix(np.eye(2))
    with pytest.raises(AttributeError):
        matrix.ids = ()  # type: ignore[misc]
