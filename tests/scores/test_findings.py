"""Findings are the flagged images, each beside the twin that shows why, worst first."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_synthgate.features.matrix import FeatureMatrix, feature_matrix
from pytest_synthgate.scores.finding import Finding
from pytest_synthgate.scores.findings import copy_findings, realism_findings
from pytest_synthgate.scores.fit import Probabilities
from pytest_synthgate.scores.links import near_duplicates
from pytest_synthgate.scores.pairs import distances
from pytest_synthgate.scores.searched import searched

TAU = 1e-3


def _found(synthetic: FeatureMatrix, real: FeatureMatrix) -> tuple[Finding, ...]:
    return copy_findings(synthetic, real, near_duplicates(searched(synthetic, real, TAU)))


def _by_hand() -> tuple[FeatureMatrix, FeatureMatrix]:
    east, north, up = np.eye(3)
    synthetic = feature_matrix(
        [east, east + 0.02 * north, east + 0.01 * north, north, up], list("abcde"), ["1", "2", "3", "4", "5"]
    )
    return synthetic, feature_matrix([up, north + 0.03 * up, -up - 0.1 * north], ["u", "n", "d"], ["5", "6", "7"])


def test_each_flagged_image_stands_beside_its_nearest_twin() -> None:
    found = {(each.score, each.image): (each.twin, each.twin_set, each.by) for each in _found(*_by_hand())}
    assert found == {
        ("unvaried", "a"): ("c", "synthetic", "features"),
        ("unvaried", "b"): ("c", "synthetic", "features"),
        ("unvaried", "c"): ("b", "synthetic", "features"),
        ("unoriginal", "d"): ("n", "real", "features"),
        ("unoriginal", "e"): ("u", "real", "exact"),
    }


def test_findings_come_worst_first_within_each_score() -> None:
    found = _found(*_by_hand())
    assert [each.score for each in found] == ["unvaried"] * 3 + ["unoriginal"] * 2
    assert [each.image for each in found[3:]] == ["e", "d"]
    for part in (found[:3], found[3:]):
        assert [each.value for each in part] == sorted(each.value for each in part)


def test_the_members_of_a_cluster_carry_its_number() -> None:
    assert [each.cluster for each in _found(*_by_hand())][:3] == [0, 0, 0]


def test_copies_of_one_real_image_are_one_cluster_across_both_sets() -> None:
    east, north, _ = np.eye(3)
    synthetic = feature_matrix([east + 0.04 * north, east - 0.04 * north], list("ab"), ["1", "2"])
    found = _found(synthetic, feature_matrix([east], ["r"], ["3"]))
    assert [each.score for each in found] == ["unoriginal"] * 2
    assert len({each.cluster for each in found}) == 2
    assert len({each.joint_cluster for each in found}) == 1


def test_exact_copies_point_at_one_another() -> None:
    same = feature_matrix(np.ones((3, 2)), list("abc"), ["x"] * 3)
    found = _found(same, feature_matrix([[1.0, -1.0]]))
    assert [(each.image, each.twin, each.by, each.value) for each in found] == [
        ("a", "b", "exact", 0.0),
        ("b", "a", "exact", 0.0),
        ("c", "a", "exact", 0.0),
    ]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 20), st.sampled_from([0.0, 1e-3]))
def test_there_is_one_finding_per_flag_and_its_distance_is_that_of_its_twin(
    seed: int, n: int, m: int, jitter: float
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(10, 5))[rng.integers(10, size=n + m)] + jitter * rng.normal(size=(n + m, 5))
    synthetic, real = feature_matrix(rows[:n]), feature_matrix(rows[n:])
    copies = near_duplicates(searched(synthetic, real, TAU))
    found = copy_findings(synthetic, real, copies)
    counts = Counter(each.score for each in found)
    assert (counts["unvaried"], counts["unoriginal"]) == (copies.unvaried.sum(), copies.unoriginal.sum())
    assert len({each.id for each in found}) == len(found)
    for each in found:
        others = synthetic if each.twin_set == "synthetic" else real
        assert each.twin is not None
        row, twin = synthetic.ids.index(each.image), others.ids.index(each.twin)
        assert (others is synthetic and row == twin) is False
        assert each.value == pytest.approx(distances(synthetic.features[row], others.features[twin]), abs=1e-12)
        assert each.value < TAU
        assert (each.by == "exact") == (synthetic.digests[row] == others.digests[twin])
        assert each.cluster == copies.synthetic[row]
        assert each.joint_cluster == copies.joint[row]


def _probabilities(values: list[float]) -> NDArray[np.float64]:
    return np.array([values])


def test_images_given_away_with_90_percent_are_shown_beside_the_nearest_of_the_other_set() -> None:
    synthetic, real = _by_hand()
    probabilities = Probabilities(_probabilities([0.5, 0.9, 0.89, 0.99, 0.1]), _probabilities([0.05, 0.5, 0.1]), (5, 3))
    copies = near_duplicates(searched(synthetic, real, TAU))
    found = realism_findings(synthetic, real, copies, probabilities)
    assert [(each.score, each.image, each.image_set, each.twin, each.twin_set) for each in found] == [
        ("unrealistic", "d", "synthetic", "n", "real"),
        ("unrealistic", "b", "synthetic", "n", "real"),
        ("unrepresentative", "u", "real", "e", "synthetic"),
        ("unrepresentative", "d", "real", "a", "synthetic"),
    ]
    assert [each.value for each in found] == pytest.approx([0.99, 0.9, 0.95, 0.9])
    assert {each.by for each in found} == {"classifier"}
    assert [each.cluster for each in found] == [*copies.synthetic[[3, 1]], *copies.real[[0, 2]]]


def test_only_the_worst_images_given_away_have_a_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_synthgate.scores.findings.WITH_TWIN", 2)
    synthetic, real = _by_hand()
    probabilities = Probabilities(_probabilities([0.91, 0.9, 0.95, 0.99, 0.9]), _probabilities([0.5] * 3), (5, 3))
    found = realism_findings(synthetic, real, near_duplicates(searched(synthetic, real, TAU)), probabilities)
    assert [each.image for each in found] == ["d", "c", "a", "b", "e"]
    assert [each.twin for each in found] == ["n", "n", None, None, None]
    assert [each.twin_set for each in found] == ["real", "real", None, None, None]


def test_without_flags_there_are_no_findings() -> None:
    synthetic, real = feature_matrix(np.eye(4)[:2]), feature_matrix(np.eye(4)[2:])
    assert _found(synthetic, real) == ()
    half = Probabilities(_probabilities([0.5, 0.5]), _probabilities([0.5, 0.5]), (2, 2))
    assert realism_findings(synthetic, real, near_duplicates(searched(synthetic, real, TAU)), half) == ()
