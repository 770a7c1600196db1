"""Real photos and their names stay out of what reports are made from."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from pytest_synthgate import Finding, Measurement, evaluate
from pytest_synthgate.reports.redaction import redacted, without_real_names
from pytest_synthgate.results.image_files import ImageFiles
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.finding import Unreadable
from pytest_synthgate.scores.measurement import Projection

from .conftest import measured

DIGEST = "sha256:" + "a" * 64


def whole() -> Measurement:
    """Two sets with findings of every kind, whose real images all have `secret` in their names."""
    random = np.random.default_rng(0)
    real, synthetic = random.normal(size=(80, 8)), random.normal(size=(60, 8)) + 1.5
    synthetic[:5] = real[:5]
    names = [f"secret-{row}.jpg" for row in range(80)], [f"made-{row}.png" for row in range(60)]
    found = evaluate(real, synthetic, *names)
    return replace(found, unreadable=(Unreadable("secret-x.jpg", "real", "truncated"),))


def test_no_name_of_a_real_image_is_left() -> None:
    measurement = whole()
    assert {each.score for each in measurement.findings} >= {"unoriginal", "unrealistic", "unrepresentative"}
    result = SpecResult(measurement, images={side: ImageFiles(Path("/data") / side) for side in ("real", "synthetic")})
    text = json.dumps(redacted(result).to_json())
    assert "secret" not in text
    assert "/data/real" not in text
    assert all(f"made-{row}.png" in text for row in range(60))


def test_a_real_image_goes_by_its_digest() -> None:
    finding = Finding("a.png", "sha256:1", "synthetic", "unoriginal", "exact", 0.0, "r.jpg", "real", DIGEST)
    missed = Finding("r.jpg", DIGEST, "real", "unrepresentative", "classifier", 0.97, "a.png", "synthetic")
    places = Projection((0.5, 0.1), {"a.png": (0.0, 0.0)}, {"r.jpg": (1.0, 1.0), "other.jpg": (2.0, 2.0)})
    found = without_real_names(measured(findings=(finding, missed), projection=places))
    assert [(each.image, each.twin) for each in found.findings] == [("a.png", DIGEST), (DIGEST, "a.png")]
    assert found.projection is not None
    assert dict(found.projection.real) == {DIGEST: (1.0, 1.0), "real image 2": (2.0, 2.0)}


def test_numbers_stay_as_they_are() -> None:
    measurement = whole()
    found = without_real_names(measurement)
    assert found.scores == measurement.scores
    assert [each.value for each in found.findings] == [each.value for each in measurement.findings]


def test_it_is_done_once() -> None:
    once = without_real_names(whole())
    assert without_real_names(once) == once
