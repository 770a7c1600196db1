"""Score a synthetic image set against a real one, and fail the build when a limit is exceeded.

The public names, imported when first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_synthgate.errors import SynthgateError, SynthgateWarning
    from pytest_synthgate.gating.verdict import Verdict, gate
    from pytest_synthgate.reports.explain import assert_scores
    from pytest_synthgate.scores.evaluate import evaluate
    from pytest_synthgate.scores.finding import Finding
    from pytest_synthgate.scores.measurement import Measurement
    from pytest_synthgate.scores.score import Score
    from pytest_synthgate.spec.limits import Limit, Limits

__all__ = [
    "Finding",
    "Limit",
    "Limits",
    "Measurement",
    "Score",
    "SynthgateError",
    "SynthgateWarning",
    "Verdict",
    "assert_scores",
    "evaluate",
    "gate",
]

_HOMES = {
    "Finding": "scores.finding",
    "Limit": "spec.limits",
    "Limits": "spec.limits",
    "Measurement": "scores.measurement",
    "Score": "scores.score",
    "SynthgateError": "errors",
    "SynthgateWarning": "errors",
    "Verdict": "gating.verdict",
    "assert_scores": "reports.explain",
    "evaluate": "scores.evaluate",
    "gate": "gating.verdict",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
