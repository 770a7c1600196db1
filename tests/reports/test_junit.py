"""The properties of a gate in a JUnit file: plain strings, in one order."""

from typing import Any

import numpy as np
import pytest

from pytest_synthgate import Limits, Score, gate
from pytest_synthgate.reports.junit import gate_properties, short_fingerprint

from .conftest import measured


def properties(score: str, limit: float, **changes: object) -> dict[str, str]:
    measurement = measured(**changes)
    (verdict,) = gate(measurement, Limits(**{score: limit}))
    found = gate_properties(verdict, measurement)
    assert all(type(name) is str and type(value) is str for name, value in found)
    return dict(found)


def test_a_gate_has_its_numbers_in_order() -> None:
    assert properties("unvaried", 0.05) == {
        "synthgate_score": "0.1",
        "synthgate_low": "0.06",
        "synthgate_high": "0.15",
        "synthgate_limit": "0.05",
        "synthgate_n": "200",
        "synthgate_flagged": "2",
        "synthgate_verdict": "failed",
        "synthgate_reason": "0.100 > 0.05",
        "synthgate_fingerprint": short_fingerprint(measured().fingerprint),
    }


def test_unreadable_counts_the_files() -> None:
    found = properties("unreadable", 0)
    assert (found["synthgate_score"], found["synthgate_flagged"]) == ("1", "1")


def test_what_has_no_value_is_empty() -> None:
    found = properties("unvaried", 0.05, scores={"unvaried": Score(None)})
    assert (found["synthgate_score"], found["synthgate_low"], found["synthgate_high"]) == ("", "", "")


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_numbers_of_numpy_become_text(kind: Any) -> None:
    found = properties("unvaried", 0.05, scores={"unvaried": Score(kind(0.25), kind(0), kind(1), int(np.int64(200)))})
    assert (found["synthgate_score"], found["synthgate_n"]) == ("0.25", "200")


def test_fingerprints_are_short_and_equal_for_comparable_measurements() -> None:
    one, same, other = ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1})
    assert short_fingerprint(one) == short_fingerprint(same) != short_fingerprint(other)
    assert len(short_fingerprint(one)) == 12
