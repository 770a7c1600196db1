"""Rows of a history, and results to accept, in which everything has a value."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pytest_synthgate import Limits, Measurement, gate
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.finding import Unreadable
from pytest_synthgate.scores.measurement import Contents
from pytest_synthgate.scores.score import Errors, Score
from pytest_synthgate.tracking.acceptance import updated
from pytest_synthgate.tracking.baseline import Baseline
from pytest_synthgate.tracking.row import HistoryRow

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = "2026-08-01"
LIMITS = Limits(
    unvaried={"max": 0.2, "regression": 0.005, "per_class": True},
    unoriginal={"max": 0.2, "per_class": True},
    unreadable=1,
)


def row(day: float = 0, **changes: Any) -> HistoryRow:
    """Make the row of a run so many days after the start."""
    unrealistic = Score(0.6, 0.58, 0.62, 200, 200.0)
    known: dict[str, Any] = {
        "time": START + timedelta(days=day),
        "spec": "subject",
        "commit": "0123456789abcdef",
        "branch": "main",
        "run": "7",
        "fingerprint": "abc",
        "parts": {"definition": "d1", "encoder": "e1"},
        "n_real": 300,
        "n_synthetic": 200,
        "scores": {"unrealistic": unrealistic, "unvaried": Score(0.1, 0.06, 0.15, 200, 150.5)},
        "rungs": {"unrealistic": {"30": Score(0.56, 0.5, 0.61, 200, 200.0), "100": unrealistic}},
        "verdicts": {"unvaried": "failed"},
        "flagged": {"unvaried": 20, "unreadable": 0},
        "duration": 12.5,
    }
    return HistoryRow(**{**known, **changes})


def share(value: float, n: int = 200) -> Score:
    """Make a share of so many images."""
    return Score(value, value / 2, min(1.0, value * 2), n, n * 0.8)


def measured(unvaried: float = 0.1, **changes: Any) -> Measurement:
    """Measure 200 images against 300, one of them unreadable."""
    known: dict[str, Any] = {
        "n_real": 300,
        "n_synthetic": 200,
        "representatives": {"real": 300, "synthetic": 190},
        "scores": {
            "unvaried": share(unvaried),
            "unrealistic": Score(0.6, 0.58, 0.62, 200, 180.0),
            "unoriginal": Score(None),
            "c2st_auc": share(0.4),
        },
        "rung": 100,
        "rungs": {
            "unrealistic": {"30": Score(0.56, 0.5, 0.62, 200, 60.0), "100": Score(0.6, 0.58, 0.62, 200, 180.0)},
            "c2st_auc": {"30": share(0.4)},
        },
        "errors": {"unrealistic": {"30": Errors(0.02, 0.01, 0.01), "100": Errors(0.01, 0.005, 0.0025)}},
        "breakdown": {"class": {"apple": {"unvaried": share(0.1, 60), "unoriginal": share(0.05, 60)}}},
        "unreadable": (Unreadable("a.png", "real", "truncated"),),
        "contents": Contents.of(["r1", "r2"], ["s"]),
        "fingerprint": {"tau": "a rule", "encoder": {"weights": "sha256:a", "size": 224}},
    }
    return Measurement(**{**known, **changes})


def judged(measurement: Measurement | None = None, limits: Limits = LIMITS, **changes: Any) -> SpecResult:
    """Judge a measurement by limits, all of which are known to the result."""
    measurement = measured() if measurement is None else measurement
    return replace(SpecResult(measurement, tuple(gate(measurement, limits)), limits=limits), **changes)


def accepted(**results: SpecResult) -> Baseline:
    """Accept results where nothing was accepted before."""
    return updated({}, results, date=DAY, commit="abc").baseline
