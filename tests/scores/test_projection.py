"""The map: the plane of most variance, the same in any order, with a fair sample and every flagged image."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_synthgate.features.matrix import FeatureMatrix, feature_matrix
from pytest_synthgate.scores.projection import _plane, projected


def matrix(n: int, seed: int, prefix: str = "", d: int = 8) -> FeatureMatrix:
    rows = np.random.default_rng(seed).normal(size=(n, d))
    return feature_matrix(rows, [f"{prefix}{row}" for row in range(n)])


def test_it_agrees_with_scikit_learn() -> None:
    from sklearn.decomposition import PCA

    real, synthetic = matrix(60, 1), matrix(60, 2)
    found = projected(real, synthetic, ())
    both = np.concatenate([synthetic.features, real.features]).astype(np.float64)
    reference = PCA(2, svd_solver="full").fit(both)
    places = np.array([found.real[image] for image in real.ids])
    expected = reference.transform(real.features.astype(np.float64))
    assert np.abs(np.abs(places) - np.abs(expected)).max() < 1e-9
    assert found.variance == pytest.approx(tuple(reference.explained_variance_ratio_))


@pytest.mark.parametrize("shape", [(200, 16), (40, 40), (12, 300), (2, 5), (5, 2), (3, 1)])
def test_the_axes_are_those_of_the_singular_value_decomposition(shape: tuple[int, int]) -> None:
    """More images than features and fewer: the largest loading of an axis is positive."""
    sample = np.random.default_rng(0).normal(size=shape)
    centre, axes, variance = _plane(sample)
    _, strengths, expected = np.linalg.svd(sample - sample.mean(axis=0), full_matrices=False)
    shares = strengths**2 / (strengths**2).sum()
    rank = min(2, shape[1], shape[0] - 1)
    for axis, row, share, of_all in zip(axes.T[:rank], expected, variance, shares, strict=False):
        assert axis == pytest.approx(row * np.sign(row[np.abs(row).argmax()]), abs=1e-9)
        assert share == pytest.approx(of_all, abs=1e-12)
    assert centre == pytest.approx(sample.mean(axis=0))


@pytest.mark.parametrize(
    ("sample", "rank"),
    [
        (np.ones((1, 4)), 0),
        (np.ones((6, 4)), 0),
        (np.outer(np.arange(6.0), [1, 2, -3, 0.5]), 1),
        (np.outer([0.0, 1.0], np.arange(9.0)), 1),
        (np.outer(np.arange(6.0), [1.0]), 1),
    ],
)
def test_an_axis_along_which_nothing_varies_is_zero(sample: NDArray[np.float64], rank: int) -> None:
    _, axes, variance = _plane(sample)
    assert np.linalg.norm(axes, axis=0).tolist() == pytest.approx([1.0] * rank + [0.0] * (2 - rank))
    assert variance == pytest.approx((float(rank), 0.0))


def test_order_does_not_matter() -> None:
    rows, names = np.random.default_rng(0).normal(size=(50, 6)), [str(row) for row in range(50)]
    shuffled = np.random.default_rng(1).permutation(50)
    other = matrix(40, 3, d=6)
    first = projected(feature_matrix(rows, names), other, ())
    second = projected(feature_matrix(rows[shuffled], [names[row] for row in shuffled]), other, ())
    assert first == second
    assert list(first.real) == list(second.real)


def test_the_sample_is_limited_and_flagged_images_are_there() -> None:
    real, synthetic = matrix(90, 1), matrix(70, 2)
    everything = projected(real, synthetic, ())
    late = list(everything.synthetic)[-1]
    found = projected(real, synthetic, [("synthetic", late)], most=20)
    assert (len(found.real), len(found.synthetic)) == (20, 21)
    assert list(found.synthetic) == [*list(everything.synthetic)[:20], late]


def test_the_plane_does_not_turn_with_the_ratio_of_the_sets() -> None:
    """A tenfold real set would take both axes for itself, were the samples not of one size."""
    random = np.random.default_rng(0)
    real = feature_matrix(np.array([1.0, 0, 0, 0]) + 0.01 * random.normal(size=(500, 4)))
    synthetic = feature_matrix(np.array([0, 1.0, 0, 0]) + 0.01 * random.normal(size=(50, 4)))
    found = projected(real, synthetic, ())
    assert found.variance[0] > 0.98
    left, right = (np.mean([x for x, _ in side.values()]) for side in (found.real, found.synthetic))
    assert left == pytest.approx(-right, abs=0.02)


def test_copies_of_a_picture_do_not_come_in_a_row() -> None:
    """Of eight equal pictures among eight others, a fair sample of eight holds some of both."""
    rows = np.random.default_rng(0).normal(size=(9, 4))
    copied = feature_matrix(np.concatenate([np.repeat(rows[:1], 8, axis=0), rows[1:]]))
    first = [
        copied.digests[copied.ids.index(image)]
        for image in list(projected(matrix(9, 1, d=4), copied, ()).synthetic)[:8]
    ]
    assert 1 < len(set(first)) < 8


@pytest.mark.parametrize(("n", "d"), [(1, 3), (2, 1), (3, 2)])
def test_tiny_sets_have_a_place_too(n: int, d: int) -> None:
    found = projected(matrix(n, 1, d=d), matrix(n, 2, d=d), ())
    assert np.isfinite(list(found.real.values())).all()
    assert all(0 <= share <= 1 for share in found.variance)
