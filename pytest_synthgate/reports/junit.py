"""The numbers of one gate as JUnit properties: plain strings, since nothing else crosses processes safely."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pytest_synthgate.gates import Verdict
from pytest_synthgate.scores.measurement import Measurement


def gate_properties(verdict: Verdict, measurement: Measurement) -> list[tuple[str, str]]:
    """List score, low, high, limit, n, flagged, verdict, reason and fingerprint of a gate.

    Args:
        verdict: What the gate concluded.
        measurement: What was measured.
    """
    measured = verdict.measured
    flagged = sum(finding.score == verdict.score for finding in measurement.findings)
    values: dict[str, Any] = {
        "score": measured.value,
        "low": measured.low,
        "high": measured.high,
        "limit": verdict.limit.max,
        "n": measured.n,
        "flagged": len(measurement.unreadable) if verdict.score == "unreadable" else flagged,
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "fingerprint": short_fingerprint(measurement.fingerprint),
    }
    return [(f"synthgate_{name}", _text(value)) for name, value in values.items()]


def short_fingerprint(fingerprint: Mapping[str, Any]) -> str:
    """Condense a fingerprint to twelve characters; equal for comparable measurements."""
    return hashlib.sha256(json.dumps(dict(fingerprint), sort_keys=True).encode()).hexdigest()[:12]


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else "" if value is None else str(value)
