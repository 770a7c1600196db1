"""How verdicts are marked, in every report alike."""

from dataclasses import replace
from typing import Any

import pytest

from pytest_synthgate.reports.html.album import Album
from pytest_synthgate.reports.html.page import page
from pytest_synthgate.reports.marks import Mark, gravest, mark
from pytest_synthgate.reports.table import COLUMNS, rows
from pytest_synthgate.results.result import SpecResult

from .conftest import judged, measured

FEW = judged(measured(representatives={"real": 300, "synthetic": 12}), unvaried=0.5)


def only(result: SpecResult) -> Mark:
    (verdict,) = result.verdicts
    return mark(result, verdict)


@pytest.mark.parametrize(
    ("limit", "word", "short", "tone"),
    [
        ({"max": 0.2}, "passed", "ok", "ok"),
        ({"max": 0.2, "warn": 0.05}, "warned", "warn", "warn"),
        ({"max": 0.05}, "failed", "FAIL", "fail"),
        ({"regression": 0.05}, "no baseline yet", "new", "plain"),
    ],
)
def test_a_mark_says_what_the_gate_concluded(limit: dict[str, Any], word: str, short: str, tone: str) -> None:
    found = only(judged(unvaried=limit))
    assert (found.word, found.short, found.tone) == (word, short, tone)


def test_what_stays_undecided_is_a_failure_in_a_strict_run_alone() -> None:
    assert (only(FEW).short, only(FEW).tone) == ("?", "warn")
    strict = only(replace(FEW, strict=True))
    assert (strict.word, strict.short, strict.sign, strict.tone) == ("inconclusive", "FAIL?", "✕", "fail")


def test_an_expected_failure_is_no_alarm() -> None:
    known = only(replace(judged(unvaried=0.05), expected={"unvaried": "known"}))
    assert (known.word, known.short, known.tone) == ("failed as expected", "xfail", "warn")


@pytest.mark.parametrize("strict", [False, True])
def test_one_verdict_has_one_mark_in_the_table_and_on_the_page(strict: bool) -> None:
    results = {"a": replace(FEW, strict=strict)}
    cell = page(results, Album(), 0, {}).table.rows[0].cells[COLUMNS.index("unvaried")]
    plain = rows(results)[1][5]
    assert cell.mark is not None
    assert (plain.text.split()[-1], plain.tone) == (cell.mark.short, cell.mark.tone)


def test_the_gravest_is_a_failure_before_a_doubt_before_what_passed() -> None:
    passed, new, failed = (only(judged(unvaried=limit)) for limit in ({"max": 0.2}, {"regression": 0.1}, {"max": 0.05}))
    undecided = only(replace(FEW, strict=True))
    assert gravest([passed, new, undecided, failed]) == failed
    assert gravest([passed, new, undecided]) == undecided
    assert gravest([passed, new]) == new
    assert gravest([]) is None
