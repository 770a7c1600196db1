"""Rows of a history in which everything has a value."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pytest_synthgate.scores.score import Score
from pytest_synthgate.tracking.provenance import Provenance
from pytest_synthgate.tracking.row import Row

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def row(day: float = 0, **changes: Any) -> Row:
    """Make the row of a run so many days after the start."""
    unrealistic = Score(0.6, 0.58, 0.62, 200, 200.0)
    known: dict[str, Any] = {
        "time": START + timedelta(days=day),
        "spec": "subject",
        "provenance": Provenance("0123456789abcdef", "main", "7"),
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
    return Row(**{**known, **changes})
