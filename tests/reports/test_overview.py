"""The table: what its rows hold, how verdicts are marked in every report alike, and how a terminal aligns it."""

from dataclasses import replace
from typing import Any

import pytest

from pytest_synthgate import Measurement, Score
from pytest_synthgate.reports.html.page import page
from pytest_synthgate.reports.overview import Mark, aligned_rows, gravest, mark, notes, table_rows, yardsticks
from pytest_synthgate.reports.pictures import Album
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.measurement import Contents

from .conftest import judged, measured


def texts(**results: SpecResult) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table_rows(results)]


def test_a_row_has_counts_the_rung_and_four_scores_with_intervals_and_marks() -> None:
    found = texts(subject=judged(unrealistic=0.9, unvaried=0.05))
    assert found == [
        ["spec", "images / real", "n0", "unrealistic", "unrepresentative", "unvaried", "unoriginal"],
        [
            *("subject", "200 / 300", "100", "0.600 [.580 .620] ok"),
            *("0.550 [.530 .570]", "0.100 [.060 .150] FAIL", "0.005 [.000 .030]"),
        ],
        [*("real against real", "halves of 300", "100", "0.500 [.490 .510]", "0.500 [.490 .510]"), "-", "-"],
    ]


def test_the_mark_and_its_tone_stand_behind_the_number() -> None:
    cell = table_rows({"a": judged(unvaried=0.05)})[1][5]
    assert (cell.text.split()[-1], cell.tone) == ("FAIL", "fail")


def test_of_several_classes_the_gravest_is_marked() -> None:
    assert texts(a=judged(unvaried={"max": 0.1, "per_class": True}))[1][5].endswith("FAIL")


def test_a_score_that_could_not_be_computed_is_a_dash() -> None:
    few = measured(scores={"unvaried": Score(0.1, 0.0, 0.2, 12)}, rung=None, yardstick={})
    assert texts(a=SpecResult(few))[1][2:] == ["-", "-", "-", "0.100 [.000 .200]", "-"]


def test_each_real_set_has_one_yardstick() -> None:
    other = judged(measured(n_real=500))
    found = texts(a=judged(), b=judged(), c=other)
    assert [row[1] for row in found if row[0] == "real against real"] == ["halves of 300", "halves of 500"]


def test_yardsticks_stand_by_rung_and_only_where_a_spec_has_that_rung() -> None:
    rungs = (50, 200, None, 50)
    specs = {str(n): judged(measured(rung=rung, yardstick_rung=rung or 1000)) for n, rung in enumerate(rungs)}
    assert [each.yardstick_rung for each in yardsticks(specs)] == [200, 50]
    assert [each.yardstick_rung for each in yardsticks({"few": specs["2"]})] == [1000]


def test_gates_without_a_column_share_one_where_they_did_not_pass() -> None:
    found = table_rows({"a": judged(unreadable=0), "b": judged(unreadable=5), "c": judged(collision_rate=0.0001)})
    assert [(row[-1].text, row[-1].tone) for row in found] == [
        ("other gates", "plain"),
        ("unreadable FAIL", "fail"),
        ("", "plain"),
        ("collision_rate FAIL", "fail"),
        ("", "plain"),
    ]
    assert {len(row) for row in found} == {8}
    assert {len(row) for row in table_rows({"b": judged(unreadable=5)})} == {7}


def test_a_spec_that_could_not_be_judged_says_so() -> None:
    lost = SpecResult(Measurement(0, 0, {}, {}), error="there is no such folder")
    half = replace(judged(unreadable=0), error="the baseline cannot be read")
    assert [(row[-1].text, row[-1].tone) for row in table_rows({"lost": lost, "half": half})[1:3]] == [
        ("not judged", "fail"),
        ("not all judged, unreadable FAIL", "fail"),
    ]


def test_what_waivers_leave_stands_beside_what_was_measured() -> None:
    result = judged(unvaried=0.2)
    ids = tuple(each.id for each in result.measurement.findings if each.score == "unvaried")
    waived = replace(result.verdicts[0], waived=ids[:1])
    cell = table_rows({"a": replace(result, verdicts=(waived,))})[1][5]
    assert cell.text == "0.100 [.060 .150] (0.005 with 1 waived) ok"
    by_class = replace(judged(unvaried={"max": 0.2, "per_class": True}))
    first, second = by_class.verdicts
    cell = table_rows({"a": replace(by_class, verdicts=(replace(first, waived=ids), second))})[1][5]
    assert cell.text == "0.100 [.060 .150] (2 waived) ok"


def test_real_sets_of_one_size_have_a_yardstick_each_as_have_two_encoders() -> None:
    contents = [Contents(real, "sha256:s") for real in ("sha256:1", "sha256:1", "sha256:2")]
    results = {str(number): judged(measured(contents=each)) for number, each in enumerate(contents)}
    assert len(yardsticks(results)) == 2
    other = judged(measured(contents=contents[0], fingerprint={"encoder": "another"}))
    assert len(yardsticks({**results, "other": other})) == 3


def test_names_are_shown_escaped() -> None:
    assert texts(**{"a\x1b[31m": judged()})[1][0] == "a\\u001b[31m"


def test_notes_are_told_once() -> None:
    assert notes({"a": judged(), "b": judged()}) == ["tau is wide"]


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
    cell = page(results, Album(), 0, {}).rows[0].cells["unvaried"]
    plain = table_rows(results)[1][5]
    assert cell.mark is not None
    assert (plain.text.split()[-1], plain.tone) == (cell.mark.short, cell.mark.tone)


def test_the_gravest_is_a_failure_before_a_doubt_before_what_passed() -> None:
    passed, new, failed = (only(judged(unvaried=limit)) for limit in ({"max": 0.2}, {"regression": 0.1}, {"max": 0.05}))
    undecided = only(replace(FEW, strict=True))
    assert gravest([passed, new, undecided, failed]) == failed
    assert gravest([passed, new, undecided]) == undecided
    assert gravest([passed, new]) == new
    assert gravest([]) is None


def test_columns_are_aligned() -> None:
    lines = ["".join(cell.text for cell in row) for row in aligned_rows({"a": judged(), "a long name": judged()})]
    assert len({text.rindex("[") for text in lines[1:3]}) == 1
    assert [text for text in lines if text != text.rstrip()] == []


def test_no_line_ends_in_space_where_a_last_column_is_empty() -> None:
    found = aligned_rows({"a": judged(unreadable=0), "b": judged()})
    lines = ["".join(cell.text for cell in row) for row in found]
    assert lines[1].endswith("  unreadable FAIL")
    assert [text for text in lines if text != text.rstrip()] == []


def test_nothing_but_space_is_added() -> None:
    results = {"a": judged(unvaried=0.05), "a long name": judged()}
    assert [[cell.text.rstrip() for cell in row] for row in aligned_rows(results)] == [
        [cell.text for cell in row] for row in table_rows(results)
    ]
