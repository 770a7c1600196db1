"""Simulation: 95% intervals hold the score's expectation, and certainty is as rare under the null as promised.

Two laws of known difference, drawn again and again with fixed seeds. The realism scores' expectation is the mean
over the draws; the shares' is the rate at which copies were put in.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_synthgate.features.matrix import feature_matrix
from pytest_synthgate.gating.verdict import judge
from pytest_synthgate.scores.evaluate import score_sets
from pytest_synthgate.scores.links import near_duplicates
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.scores.real import reference
from pytest_synthgate.scores.score import Score
from pytest_synthgate.scores.searched import searched
from pytest_synthgate.scores.uncertainty import share
from pytest_synthgate.spec.limits import Limit

pytestmark = pytest.mark.slow

Floats = NDArray[np.float64]
Interval = tuple[float, float, float]
D = 16
LEAST = 0.92
CLUSTERS: dict[str, tuple[tuple[int, ...], tuple[float, ...]]] = {
    "single": ((1,), (1.0,)),
    "pairs": ((2,), (1.0,)),
    "fives": ((5,), (1.0,)),
    "mixed": ((2, 3, 5, 10), (0.5, 0.25, 0.15, 0.1)),
}
"""Sizes of a cluster of near-copies, and how often each comes."""


def _simulated(pool: ProcessPoolExecutor, runs: int, run: Callable[[int], Sequence[Interval]]) -> NDArray[np.float64]:
    """Give low, value and high by run and score."""
    return np.array(list(pool.map(run, range(runs), chunksize=10)))


def _coverage(intervals: NDArray[np.float64], expected: float | Floats) -> Floats:
    """Share of the runs whose interval holds what was expected, by score."""
    return np.asarray(((intervals[:, :, 0] <= expected) & (expected <= intervals[:, :, 2])).mean(axis=0))


def _interval(score: Score) -> Interval:
    assert score.low is not None
    assert score.value is not None
    assert score.high is not None
    return score.low, score.value, score.high


def _scenes(rng: np.random.Generator, n: int, q: float, kind: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Draw scenes until n images: a share q of the images in scenes that are shown more than once, or copied."""
    sizes, weights = CLUSTERS[kind]
    mean = float(np.dot(sizes, weights))
    special = rng.random(n) < (q / mean) / (q / mean + 1 - q)
    size = np.where(special, rng.choice(sizes, n, p=weights), 1)
    scenes = int(np.searchsorted(size.cumsum(), n)) + 1
    return size[:scenes], special[:scenes]


def _draw(rng: np.random.Generator, n: int, shift: float, kind: str) -> Floats:
    """Draw n images, a third of them in clusters but for "single"."""
    size, _ = _scenes(rng, n, 0.0 if kind == "single" else 1 / 3, kind)
    centres = rng.normal(size=(len(size), D)) + shift * np.eye(D)[0]
    images = np.repeat(centres, size, axis=0)[:n]
    return np.asarray(images + 1e-3 * rng.normal(size=images.shape))


def _measure(seed: int, n: int, shift: float, kind: str) -> Measurement:
    rng = np.random.default_rng(seed)
    real, synthetic = (feature_matrix(_draw(rng, n, by, of)) for by, of in ((0.0, "single"), (shift, kind)))
    # One rung that every draw reaches, so that all runs estimate the same number.
    return score_sets(reference(real), synthetic, yardstick=False, at_most=n if kind == "single" else n // 2)


def realism_intervals(seed: int, n: int, shift: float, kind: str) -> list[Interval]:
    scores = _measure(seed, n, shift, kind).scores
    return [_interval(scores[name]) for name in ("unrealistic", "unrepresentative", "c2st_auc")]


@pytest.mark.parametrize(
    ("n", "shift", "kind", "runs"),
    [
        (300, 1.0, "single", 150),
        (300, 1.0, "fives", 150),
        (300, 1.0, "mixed", 150),
        (300, 2.5, "mixed", 100),
        (1000, 1.0, "single", 120),
        (1000, 1.0, "fives", 100),
    ],
)
def test_realism_intervals_hold_the_mean_score(
    pool: ProcessPoolExecutor, n: int, shift: float, kind: str, runs: int
) -> None:
    found = _simulated(pool, runs, partial(realism_intervals, n=n, shift=shift, kind=kind))
    expected = found[:, :, 1].mean(axis=0)
    assert _coverage(found, expected).min() >= LEAST
    # A gate at the true score that fails on certainty alone does so where the whole interval is above it.
    assert (found[:, :, 0] > expected).mean(axis=0).max() <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


def fails_at_one_half(seed: int, n: int) -> list[Interval]:
    """Tell by 1 which gates fail on two sets of one law, where only certainty may fail."""
    measurement = _measure(seed, n, 0.0, "single")
    limit = Limit(max=0.5, when_unsure="pass")
    failed = [judge(measurement, name, limit).fails() for name in ("unrealistic", "unrepresentative")]
    return [(0.0, float(each), 1.0) for each in failed]


@pytest.mark.parametrize("n", [300, 1000])
def test_under_the_null_a_gate_that_asks_for_certainty_rarely_fails(pool: ProcessPoolExecutor, n: int) -> None:
    runs = 200
    found = _simulated(pool, runs, partial(fails_at_one_half, n=n))
    assert found[:, :, 1].mean(axis=0).max() <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


def share_intervals(seed: int, n: int, q: float, kind: str, score: str) -> list[Interval]:
    rng = np.random.default_rng(seed)
    size, special = _scenes(rng, n, q, kind)
    real, centres = rng.normal(size=(300, D)), rng.normal(size=(len(size), D))
    if score == "unoriginal":
        centres[special] = real[rng.integers(len(real), size=special.sum())]
    images = np.repeat(centres, size, axis=0)[:n]
    images = images + 1e-3 * rng.normal(size=images.shape)
    copies = near_duplicates(searched(feature_matrix(images), feature_matrix(real), 1e-4))
    flags = copies.unvaried if score == "unvaried" else copies.unoriginal
    return [_interval(share(flags, copies.joint[:n]))]


@pytest.mark.parametrize(
    ("score", "n", "kind", "q"),
    [
        ("unvaried", 300, "pairs", 0.1),
        ("unvaried", 300, "fives", 0.1),
        ("unvaried", 300, "mixed", 0.3),
        ("unvaried", 1000, "pairs", 0.02),
        ("unvaried", 1000, "fives", 0.05),
        ("unvaried", 1000, "mixed", 0.1),
        ("unoriginal", 300, "single", 0.02),
        ("unoriginal", 300, "single", 0.5),
        ("unoriginal", 300, "fives", 0.1),
        ("unoriginal", 1000, "single", 0.02),
        ("unoriginal", 1000, "pairs", 0.02),
        ("unoriginal", 1000, "mixed", 0.1),
    ],
)
def test_share_intervals_hold_the_rate_that_was_put_in(
    pool: ProcessPoolExecutor, score: str, n: int, kind: str, q: float
) -> None:
    """Where six clusters or so are expected; from fewer, the sizes of those that might have come cannot be known."""
    found = _simulated(pool, 300, partial(share_intervals, n=n, q=q, kind=kind, score=score))
    assert _coverage(found, q).min() >= LEAST
    assert found[:, 0, 1].mean() == pytest.approx(q, rel=0.1)


@pytest.mark.parametrize(("n", "kind", "q"), [(300, "single", 0.1), (300, "fives", 0.3), (1000, "mixed", 0.1)])
def test_a_share_at_its_limit_rarely_fails_with_certainty(
    pool: ProcessPoolExecutor, n: int, kind: str, q: float
) -> None:
    runs = 300
    found = _simulated(pool, runs, partial(share_intervals, n=n, q=q, kind=kind, score="unoriginal"))
    assert (found[:, 0, 0] > q).mean() <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)
