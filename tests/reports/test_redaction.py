"""Real photos and their names stay out of what reports are made from."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_synthgate import Finding, Measurement, evaluate
from pytest_synthgate.errors import EncoderError, ResultsError, SourceError, SynthgateError
from pytest_synthgate.files.forms import Form
from pytest_synthgate.reports.redaction import nameless, redacted, without_real_names
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


def copies(**changes: Any) -> SpecResult:
    """A copy, a near-duplicate of it in its joint cluster, another in its own cluster, and an innocent pair."""
    pairs: list[tuple[str, str, dict[str, Any]]] = [
        ("copy.png", "unoriginal", {"cluster": 1, "joint_cluster": 7}),
        ("joint.png", "unvaried", {"cluster": 2, "joint_cluster": 7}),
        ("own.png", "unvaried", {"cluster": 1}),
        ("innocent.png", "unvaried", {"cluster": 3, "joint_cluster": 9}),
        ("fake.png", "unrealistic", {"cluster": 4}),
    ]
    findings = tuple(
        Finding(name, f"sha256:{name}", "synthetic", score, "exact", 0.0, "x", "synthetic", None, **more)
        for name, score, more in pairs
    )
    files = ImageFiles(Path("/data/made"), {"copy.png": Path("elsewhere.png")})
    return SpecResult(measured(findings=findings), images={"synthetic": files}, declared={"real": "secret"}, **changes)


def test_the_way_to_copies_of_real_images_is_left_out_with_them() -> None:
    files = redacted(copies()).images["synthetic"]
    shown = [name for name in ("copy.png", "joint.png", "own.png", "innocent.png", "fake.png") if files.path(name)]
    assert shown == ["innocent.png", "fake.png"]
    assert "elsewhere" not in str(Form(ImageFiles).plain(files))
    assert Form(ImageFiles).read(Form(ImageFiles).plain(files)) == files


def test_the_real_folder_and_what_an_error_said_are_left_out() -> None:
    found = redacted(copies(error="secret/labels/john_doe.txt, line 1: no label"))
    assert "secret" not in json.dumps(found.to_json())
    assert found.error == "could not be judged; why is left out, for it may name real images"
    known = replace(found, error="a set cannot be read; run without --synth-redact-real")
    assert redacted(known) == known


def test_captions_of_real_images_are_left_out() -> None:
    missed = Finding("r.jpg", DIGEST, "real", "unrepresentative", "classifier", 0.97, prompt="my secret", seed=1)
    (found,) = without_real_names(measured(findings=(missed,))).findings
    assert (found.prompt, found.seed) == (None, None)


REAL, MADE = Path("/data/set"), Path("/data/made")


@pytest.mark.parametrize(
    "error",
    [
        SourceError("/data/set/labels/john.txt, line 1: no label"),
        SourceError("john.txt: no label"),
        SourceError("/data/made-for-john/x.txt: no label"),
        EncoderError("flat: cannot encode /data/set/john.png"),
        ResultsError('out.json: stale for spec \'a\': `real` was "john" and is "x" now; measure again'),
        OSError("john.png"),
    ],
)
def test_an_error_that_may_name_real_images_keeps_its_kind_and_a_remedy(error: Exception) -> None:
    text = str(nameless(error, REAL, MADE))
    assert "john" not in text
    assert text.endswith("; run without --synth-redact-real, where nobody else reads it, to see which and why")


@pytest.mark.parametrize(
    "error", [SourceError("/data/made: there is no such folder"), EncoderError("flat: no weights; install them")]
)
def test_an_error_about_something_else_is_told_whole(error: SynthgateError) -> None:
    assert nameless(error, REAL, MADE) is error


def test_one_table_of_both_sets_is_as_private_as_the_real_set() -> None:
    error = SourceError("/data/table.csv, line 3: 'john.png' is listed already; remove one")
    assert "john" not in str(nameless(error, Path("/data/table.csv"), Path("/data/table.csv")))


def test_numbers_stay_as_they_are() -> None:
    measurement = whole()
    found = without_real_names(measurement)
    assert found.scores == measurement.scores
    assert [each.value for each in found.findings] == [each.value for each in measurement.findings]


def test_it_is_done_once() -> None:
    once = without_real_names(whole())
    assert without_real_names(once) == once
