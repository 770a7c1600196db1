"""A measurement in which everything has a value, as JSON gives it back."""

from collections.abc import Sequence
from typing import Any

import pytest

from pytest_synthgate import Finding, Limits, Measurement, Score, gate
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.finding import Unreadable
from pytest_synthgate.scores.measurement import REVISION

N = 200
HUNDRED = 100


def measured(**changes: Any) -> Measurement:
    """Make a measurement of 200 images against 300."""
    scores = {
        "unrealistic": Score(0.6, 0.58, 0.62, N, N),
        "unrepresentative": Score(0.55, 0.53, 0.57, 300, 300),
        "unvaried": Score(0.1, 0.06, 0.15, N, 150.5),
        "unoriginal": Score(0.005, 0.0, 0.03, N, N),
        "collision_rate": Score(0.001, 0.0, 0.01, N, N),
    }
    known: dict[str, Any] = {
        "n_real": 300,
        "n_synthetic": N,
        "representatives": {"real": 300, "synthetic": 190},
        "scores": scores,
        "rung": 100,
        "rungs": {"unrealistic": {"30": Score(0.56, 0.5, 0.6, N, N), "100": scores["unrealistic"]}},
        "yardstick": {name: Score(0.5, 0.49, 0.51, 150, 150) for name in ("unrealistic", "unrepresentative")},
        "yardstick_rung": 100,
        "threshold": {"tau": 0.0455, "median": 0.35},
        "breakdown": {
            "class": {
                "apple": {"unvaried": Score(0.02, 0.0, 0.1, 100, 100), "unrepresentative": Score(0.5, 0.4, 0.6, 100)},
                "hot dog": {"unvaried": Score(0.18, 0.1, 0.3, 100, 80), "unrepresentative": Score(0.7, 0.6, 0.8, 100)},
            }
        },
        "findings": (
            Finding(
                "a.png", "sha256:" + "0" * 64, "synthetic", "unvaried", "exact", 0.0, "b.png", "synthetic", cluster=0
            ),
            Finding(
                "b.png",
                "sha256:" + "1" * 64,
                "synthetic",
                "unvaried",
                "features",
                0.01,
                "a.png",
                "synthetic",
                cluster=0,
            ),
            Finding(
                "r.png", "sha256:" + "2" * 64, "real", "unrepresentative", "classifier", 0.97, "a.png", "synthetic"
            ),
        ),
        "unreadable": (Unreadable("c.png", "real", "truncated"),),
        "fingerprint": {"definition": "balanced", "revision": REVISION},
        "warnings": ("tau is wide",),
    }
    return Measurement(**{**known, **changes})


def judged(measurement: Measurement | None = None, **limits: Any) -> SpecResult:
    """Judge a measurement by limits."""
    measurement = measured() if measurement is None else measurement
    return SpecResult(measurement, tuple(gate(measurement, Limits(**limits))))


@pytest.fixture
def result() -> SpecResult:
    return judged(unrealistic=0.9, unvaried={"max": 0.05, "per_class": True}, unreadable=0)


def twins(sizes: Sequence[int], score: str = "unvaried") -> list[Finding]:
    """One finding per image of clusters in which all are twins of all."""
    images = [(cluster, f"{cluster}-{i}") for cluster, size in enumerate(sizes) for i in range(size)]
    return [
        Finding(image, f"sha256:{image}", "synthetic", score, "features", 0.01, "x", "synthetic", cluster=cluster)
        for cluster, image in images
    ]


def shared(value: float, findings: Sequence[Finding] = (), **changes: Any) -> Measurement:
    """Make a measurement of 100 images against 100, with the same value for every share."""
    share = Score(value, max(0.0, value - 0.01), min(1.0, value + 0.01), HUNDRED, HUNDRED)
    known: dict[str, Any] = {
        "n_real": HUNDRED,
        "n_synthetic": HUNDRED,
        "representatives": {"real": HUNDRED, "synthetic": HUNDRED},
        "scores": dict.fromkeys(("unvaried", "unoriginal", "unrealistic", "obviously_fake"), share),
        "threshold": {"tau": 0.0455},
        "findings": tuple(findings),
    }
    return Measurement(**{**known, **changes})
