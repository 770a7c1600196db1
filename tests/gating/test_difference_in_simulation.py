"""Simulation: honest sets of one law are rarely called a regression, and a real change is mostly found.

Drawn again and again with fixed seeds. "Rarely" is 5% and two standard errors of 200 comparisons; a real change is one
of three standard deviations of the difference itself, so that noise that is overstated is found out, too.
"""

from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from pytest_synthgate.features.matrix import FeatureMatrix, feature_matrix
from pytest_synthgate.gating.accepted import Accepted
from pytest_synthgate.gating.difference import difference
from pytest_synthgate.scores.evaluate import score_sets
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.scores.real import Reference, reference
from pytest_synthgate.scores.score import Score
from pytest_synthgate.scores.uncertainty import share

pytestmark = pytest.mark.slow

RUNS = 200
RARELY = 0.05 + 2 * np.sqrt(0.05 * 0.95 / RUNS)
MOSTLY = 0.8
D = 16
N = 250
RUNG = 200
FAKE, FAKER, FAKEST = 1.0, 1.35, 1.465
"""Distance of the synthetic law from the real one, and after a change of three standard deviations of the difference
against the same real set and against another one."""
MEANS = ("unrealistic", "unrepresentative")


def _drawn(rng: np.random.Generator, shift: float = 0.0) -> FeatureMatrix:
    return feature_matrix(rng.normal(size=(N, D)) + shift * np.eye(D)[0])


def _measured(against: Reference, synthetic: FeatureMatrix) -> Measurement:
    return score_sets(against, synthetic, yardstick=False, at_most=RUNG)


def _beside(now: Measurement, was: Measurement, name: str) -> tuple[float, bool]:
    found = difference(now, now.scores[name], Accepted.of(was), name)
    assert found is not None
    return found.value, found.exceeds(0.0)


def realism(seed: int) -> list[list[tuple[float, bool]]]:
    """Give difference and verdict of the means: honest and faker, against the same real set and another one."""
    rng = np.random.default_rng(seed)
    real, other = reference(_drawn(rng)), reference(_drawn(rng))
    was, honest, faker, fakest = (_measured(real, _drawn(rng, shift)) for shift in (FAKE, FAKE, FAKER, FAKEST))
    elsewhere = _measured(other, _drawn(rng, FAKE))
    pairs = ((honest, was), (faker, was), (honest, elsewhere), (fakest, elsewhere))
    return [[_beside(*pair, name) for name in MEANS] for pair in pairs]


def test_realism(pool: ProcessPoolExecutor) -> None:
    found = np.array(list(pool.map(realism, range(RUNS), chunksize=10)))
    value, called = found[..., 0], found[..., 1].mean(axis=0)
    for honest, faker in ((0, 1), (2, 3)):
        assert called[honest].max() <= RARELY
        assert value[:, faker].mean(axis=0) == pytest.approx(3 * value[:, faker].std(axis=0), rel=0.1)
        assert called[faker].min() >= MOSTLY


KINDS: dict[str, tuple[tuple[int, ...], tuple[float, ...]]] = {
    "single": ((1,), (1.0,)),
    "pairs": ((2,), (1.0,)),
    "fives": ((5,), (1.0,)),
    "mixed": ((2, 3, 5, 10), (0.5, 0.25, 0.15, 0.1)),
}
"""Sizes of a flagged cluster, and how often each comes."""


def _share(rng: np.random.Generator, n: int, rate: float, kind: str) -> Score:
    """Draw images until n, a share of them in flagged clusters."""
    sizes, weights = KINDS[kind]
    mean = float(np.dot(sizes, weights))
    flagged = rng.random(n) < (rate / mean) / (rate / mean + 1 - rate)
    size = np.where(flagged, rng.choice(sizes, n, p=weights), 1)
    return share(np.repeat(flagged, size)[:n], np.repeat(np.arange(n), size)[:n])


def _worse(kind: str, n: int, rate: float) -> float:
    """Find the rate that is three standard deviations of the difference above another."""
    sizes, weights = (np.array(each) for each in KINDS[kind])
    effective = n * (sizes * weights).sum() / (sizes**2 * weights).sum()
    worse = rate
    for _ in range(50):
        worse = rate + 3 * np.sqrt((rate * (1 - rate) + worse * (1 - worse)) / effective)
    return float(worse)


def _called(now: Score, was: Score) -> bool:
    measured, accepted = (Measurement(1, 1, {}, {"unvaried": score}) for score in (now, was))
    return _beside(measured, accepted, "unvaried")[1]


@pytest.mark.parametrize(
    ("kind", "n", "rate"),
    [
        ("single", 300, 0.003),
        ("single", 300, 0.02),
        ("single", 300, 0.1),
        ("pairs", 300, 0.1),
        ("fives", 300, 0.03),
        ("fives", 300, 0.1),
        ("mixed", 300, 0.3),
        ("mixed", 1000, 0.01),
        ("mixed", 1000, 0.05),
    ],
)
def test_shares_of_clusters(kind: str, n: int, rate: float) -> None:
    rng = np.random.default_rng(0)
    honest, worse = (
        [_called(_share(rng, n, now, kind), _share(rng, n, rate, kind)) for _ in range(RUNS)]
        for now in (rate, _worse(kind, n, rate))
    )
    assert np.mean(honest) <= RARELY
    assert np.mean(worse) >= MOSTLY


def test_a_set_without_a_scene_is_no_better_than_those_with() -> None:
    """Scenes shown five times, about two a set: one set in six has none, and knows nothing of their size."""
    rng = np.random.default_rng(1)
    scores = [_share(rng, 300, 0.03, "fives") for _ in range(1000)]
    without = next(score for score in scores if score.value == 0)
    assert np.mean([_called(score, without) for score in scores]) <= 0.05
