"""The whole way from two arrays to a measurement: same numbers for any order, names and threads."""

import doctest
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_synthgate import evaluate
from pytest_synthgate.errors import SourceError, SpecError
from pytest_synthgate.features.matrix import feature_matrix
from pytest_synthgate.reports import explain
from pytest_synthgate.scores import evaluate as module
from pytest_synthgate.scores.evaluate import Facts, score_sets
from pytest_synthgate.scores.finding import Origin
from pytest_synthgate.scores.groups import Axis
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.scores.real import reference
from pytest_synthgate.scores.score import Score
from pytest_synthgate.spec.model import Definition

Floats = NDArray[np.float64]
D = 12
ALL = {"unrealistic", "unrepresentative", "unvaried", "unoriginal", "obviously_fake", "collision_rate", "c2st_auc"}


def _two_sets() -> tuple[Floats, Floats]:
    """Real photos, and a set that is shifted, repeats itself and copies: every kind of finding occurs."""
    rng = np.random.default_rng(0)
    real = rng.normal(size=(90, D))
    synthetic = rng.normal(size=(80, D)) + 2.5 * np.eye(D)[0]
    synthetic[60:70] = synthetic[:10] + 0.01 * rng.normal(size=(10, D))
    synthetic[70:] = real[:10] + 0.01 * rng.normal(size=(10, D))
    real[80:] = real[10:20] + 0.01 * rng.normal(size=(10, D))
    return real, synthetic


def _names(prefix: str, n: int) -> list[str]:
    return [f"{prefix}{row}" for row in range(n)]


def _renamed(measurement: Measurement, synthetic: Mapping[str, str], real: Mapping[str, str]) -> Measurement:
    names = {"synthetic": synthetic, "real": real}
    places = measurement.projection
    assert places is not None
    return replace(
        measurement,
        projection=replace(
            places,
            synthetic={synthetic[image]: place for image, place in places.synthetic.items()},
            real={real[image]: place for image, place in places.real.items()},
        ),
        findings=tuple(
            replace(
                each,
                image=names[each.image_set][each.image],
                twin=names[each.twin_set or ""][each.twin or ""],
                id="",
            )
            for each in measurement.findings
        ),
    )


def test_a_measurement_holds_every_score_with_its_interval() -> None:
    found = evaluate(*_two_sets())
    assert (found.n_real, found.n_synthetic) == (90, 80)
    assert found.representatives == {"real": 80, "synthetic": 70}
    assert (found.rung, found.yardstick_rung) == (50, 30)
    assert set(found.scores) == set(found.yardstick) == ALL
    for score in (*found.scores.values(), *found.yardstick.values()):
        assert score.value is not None
        assert score.low is not None
        assert score.high is not None
        assert 0 <= score.low <= score.value <= score.high <= 1
    assert found.scores["unvaried"].value == pytest.approx(20 / 80)
    assert found.scores["unoriginal"].value == pytest.approx(10 / 80)
    assert found.scores["collision_rate"].value == pytest.approx(10 / (80 * 79 / 2))
    assert {each.score for each in found.findings} == {"unrealistic", "unrepresentative", "unvaried", "unoriginal"}
    assert found.fingerprint["definition"] == "balanced"


@pytest.mark.parametrize("definition", ["balanced", "studio"])
def test_the_order_of_the_rows_does_not_matter(definition: Definition) -> None:
    real, synthetic = _two_sets()
    synthetic[5:8] = synthetic[0]
    rng = np.random.default_rng(1)
    of_real, of_synthetic = np.array(_names("r", len(real))), np.array(_names("s", len(synthetic)))
    expected = evaluate(real, synthetic, of_real.tolist(), of_synthetic.tolist(), definition).to_text()
    for _ in range(2):
        a, b = rng.permutation(len(real)), rng.permutation(len(synthetic))
        found = evaluate(real[a], synthetic[b], of_real[a].tolist(), of_synthetic[b].tolist(), definition)
        assert found.to_text() == expected


def test_names_do_not_matter_but_where_they_are_shown() -> None:
    real, synthetic = _two_sets()
    plain = evaluate(real, synthetic, _names("r", len(real)), _names("s", len(synthetic)))
    rng = np.random.default_rng(1)
    new_real = [f"photos/{row:04d}.jpg" for row in rng.permutation(len(real))]
    new_synthetic = [f"out/{row:04d}.png" for row in rng.permutation(len(synthetic))]
    found = evaluate(real, synthetic, new_real, new_synthetic)
    back = _renamed(
        found,
        dict(zip(new_synthetic, _names("s", len(synthetic)), strict=True)),
        dict(zip(new_real, _names("r", len(real)), strict=True)),
    )
    assert found.to_text() != plain.to_text()
    assert back.to_text() == plain.to_text()


def test_a_measurement_tells_its_sets_from_others() -> None:
    real, synthetic = _two_sets()
    found, again, fewer = (
        evaluate(*sets).contents for sets in ((real, synthetic), (real[::-1], synthetic), (real, synthetic[1:]))
    )
    assert found is not None
    assert fewer is not None
    assert found == again
    assert found.real == fewer.real
    assert found.synthetic != fewer.synthetic


def test_the_length_of_a_vector_does_not_matter() -> None:
    real, synthetic = _two_sets()
    factors = 2.0 ** np.random.default_rng(1).integers(-8, 8, size=(len(real), 1))
    plain, scaled = evaluate(real, synthetic), evaluate(real * factors, synthetic)
    assert scaled.scores["unvaried"].value == plain.scores["unvaried"].value
    assert scaled.scores["unoriginal"].value == plain.scores["unoriginal"].value


_PROGRAM = """
import sys
import numpy as np
from pytest_synthgate import evaluate
rng = np.random.default_rng(0)
real, synthetic = rng.normal(size=(400, 64)), rng.normal(size=(300, 64)) + np.eye(64)[0]
synthetic[:60] = synthetic[60:120] + 1e-6 * rng.normal(size=(60, 64))
sys.stdout.write(evaluate(real, synthetic).to_text())
"""


def test_the_number_of_threads_does_not_matter() -> None:
    def run(threads: int) -> str:
        limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        return subprocess.run(
            [sys.executable, "-c", _PROGRAM], env={**os.environ, **limits}, capture_output=True, text=True, check=True
        ).stdout

    one, two = run(1), run(2)
    assert json.loads(one)["n_synthetic"] == 300
    assert one == two


def test_a_measurement_survives_the_way_through_json() -> None:
    text = evaluate(*_two_sets()).to_text()
    assert Measurement.from_json(json.loads(text)).to_text() == text
    assert "NaN" not in text


def test_prompts_reach_the_synthetic_findings() -> None:
    real, synthetic = map(feature_matrix, _two_sets())
    origins = {("synthetic", str(row)): Origin(None, f"prompt {row}", row) for row in range(80)}
    found = score_sets(reference(real), synthetic, facts=Facts(origins))
    for each in found.findings:
        assert (each.prompt, each.seed) == (
            (f"prompt {each.image}", int(each.image)) if each.image_set == "synthetic" else (None, None)
        )


@pytest.mark.parametrize(
    ("real", "synthetic", "message"),
    [
        (np.ones((3, 2)), np.array([[1.0, np.nan]]), "synthetic: vector '0' is zero or not finite"),
        (np.array([[1.0, 1.0], [0.0, 0.0]]), np.ones((3, 2)), "real: vector '1' is zero or not finite"),
        (np.ones(3), np.ones((3, 2)), r"real: vectors have shape \(3,\)"),
        (np.ones((3, 2)), np.ones((3, 5)), "real vectors have 2 numbers and synthetic ones 5; use one encoder"),
        (np.empty((0, 2)), np.ones((3, 2)), "the real set holds no readable image"),
        (np.ones((3, 2)), np.empty((0, 2)), "the synthetic set holds no readable image"),
        (np.ones((3, 2)), [["x", "y"]], "synthetic: vectors are not numbers"),
    ],
    ids=["NaN", "zeros", "1-D", "widths", "no real", "no synthetic", "text"],
)
def test_bad_arrays_are_one_line(real: Floats, synthetic: Floats, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        evaluate(real, synthetic)
    assert "\n" not in str(caught.value)


def test_a_definition_that_is_none_is_one_line() -> None:
    with pytest.raises(SpecError, match=r"^unknown definition 'studoi'; one of balanced, studio$"):
        evaluate(np.eye(2), np.eye(2), definition="studoi")  # type: ignore[arg-type]


def test_ids_that_repeat_are_one_line() -> None:
    with pytest.raises(SourceError, match=r"^synthetic: the id 'a' is used twice; ids must be unique$"):
        evaluate(np.eye(2), np.eye(2), synthetic_ids=["a", "a"])


@pytest.mark.parametrize(("n_real", "n_synthetic"), [(1, 1), (1, 5), (2, 1), (29, 400)])
def test_small_sets_have_shares_and_no_realism(n_real: int, n_synthetic: int) -> None:
    rng = np.random.default_rng(0)
    found = evaluate(rng.normal(size=(n_real, 4)), rng.normal(size=(n_synthetic, 4)))
    assert (found.rung, found.rungs["unrealistic"]) == (None, {})
    assert found.scores["unrealistic"] == Score(None)
    assert found.scores["unoriginal"].value is not None
    assert "NaN" not in found.to_text()


def test_sets_of_one_image_many_times_are_all_copies() -> None:
    found = evaluate(np.ones((50, 3)), np.ones((40, 3)))
    assert found.representatives == {"real": 1, "synthetic": 1}
    assert [found.scores[name].value for name in ("unvaried", "unoriginal", "collision_rate")] == [1, 1, 1]
    assert found.scores["unrealistic"] == Score(None)


def test_the_studio_definition_counts_a_copied_cluster_as_unoriginal_only() -> None:
    real, synthetic = _two_sets()
    synthetic[79] = synthetic[78]
    balanced, studio = evaluate(real, synthetic), evaluate(real, synthetic, definition="studio")
    assert balanced.scores["unvaried"].value == pytest.approx(22 / 80)
    assert studio.scores["unvaried"].value == pytest.approx(20 / 80)
    assert studio.scores["unoriginal"].value == balanced.scores["unoriginal"].value
    assert (studio.rung, studio.rungs, studio.fingerprint["definition"]) == (None, {}, "studio")


def test_copies_of_one_photo_are_one_observation_also_when_they_are_no_twins() -> None:
    """Two images on either side of a real one, farther from each other than tau."""
    rng = np.random.default_rng(0)
    real, synthetic = rng.normal(size=(200, D)), rng.normal(size=(100, D))
    tau = reference(feature_matrix(real)).threshold.tau
    aside = rng.normal(size=D)
    aside -= real[0] * (aside @ real[0]) / (real[0] @ real[0])
    aside *= np.sqrt(1.2 * tau) * np.linalg.norm(real[0]) / np.linalg.norm(aside)
    synthetic[:2] = real[0] + aside, real[0] - aside
    found = evaluate(real, synthetic)
    assert found.scores["unvaried"].value == 0
    assert (found.scores["unoriginal"].value, found.scores["unoriginal"].effective) == (0.02, 50)


def test_one_reference_gives_what_two_would() -> None:
    real, synthetic = _two_sets()
    shared, sets = reference(feature_matrix(real)), (feature_matrix(synthetic), feature_matrix(synthetic[:40]))
    found = [score_sets(shared, each).to_text() for each in sets]
    assert found == [score_sets(reference(feature_matrix(real)), each).to_text() for each in sets]


def test_the_yardstick_is_that_of_two_halves_of_one_law() -> None:
    rng = np.random.default_rng(0)
    found = evaluate(rng.normal(size=(500, D)), rng.normal(size=(500, D)) + 2 * np.eye(D)[0])
    assert (found.rung, found.yardstick_rung) == (500, 200)
    assert found.yardstick["unrealistic"].value == pytest.approx(0.5, abs=0.03)
    assert (found.scores["unrealistic"].value or 0) > 0.7


def test_the_yardstick_can_be_left_out() -> None:
    real, synthetic = (feature_matrix(each) for each in _two_sets())
    found = score_sets(reference(real), synthetic, yardstick=False)
    assert (found.yardstick, found.yardstick_rung) == ({}, None)


def test_groups_are_scored_along_each_axis() -> None:
    real, synthetic = _two_sets()
    axis = Axis({str(row): "copied" if row >= 70 else "own" for row in range(80)})
    found = score_sets(
        reference(feature_matrix(real)), feature_matrix(synthetic), axes={"kind": axis}, yardstick=False
    ).breakdown["kind"]
    assert found["copied"]["unoriginal"].value == 1.0
    assert found["own"]["unoriginal"].value == 0.0


@pytest.mark.parametrize("examples", [module, explain], ids=["evaluate", "explain"])
def test_the_examples_in_the_docstrings_run(examples: object) -> None:
    found = doctest.testmod(examples)  # type: ignore[arg-type]
    assert found.attempted > 0
    assert found.failed == 0
