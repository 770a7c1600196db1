"""What of a history can be compared: one fingerprint, one rung."""

from dataclasses import replace
from typing import Any

from pytest_synthgate.scores.score import Score
from pytest_synthgate.tracking.changes import comparable, series
from pytest_synthgate.tracking.row import HistoryRow

from .conftest import row


def at(value: float) -> Score:
    return Score(value, value - 0.01, value + 0.01, 200, 200.0)


def realism(**by_rung: float) -> dict[str, Any]:
    """Scores of a run whose `unrealistic` was measured at some rungs: realism(r30=0.5, r100=0.6)."""
    scores = {rung.removeprefix("r"): at(value) for rung, value in by_rung.items()}
    return {"scores": {"unrealistic": list(scores.values())[-1]}, "rungs": {"unrealistic": scores}}


def values(rows: list[HistoryRow], score: str) -> list[float | None]:
    return [point.score.value for point in series(rows, score)[1]]


def test_runs_are_comparable_with_the_latest() -> None:
    old = [row(day, fingerprint="x", parts={"definition": "d1", "encoder": "e0"}) for day in (0, 2)]
    new = [row(day) for day in (1, 3)]
    found = comparable([old[0], new[0], old[1], new[1]])
    assert found.rows == tuple(new)
    assert (found.left_out, found.differing) == (2, ("encoder",))


def test_parts_that_came_or_went_differ_too() -> None:
    found = comparable([row(0, fingerprint="x", parts={"definition": "d1", "road": "r"}), row(1)])
    assert found.differing == ("encoder", "road")


def test_a_realism_score_is_read_at_the_largest_common_rung() -> None:
    rows = [
        row(0, **realism(r30=0.51, r100=0.61, r200=0.71)),
        row(1, **realism(r30=0.52, r100=0.62)),
        row(2, **realism(r30=0.53, r100=0.63, r200=0.73)),
    ]
    assert series(rows, "unrealistic")[0] == 100
    assert values(rows, "unrealistic") == [0.61, 0.62, 0.63]


def test_rungs_are_compared_as_numbers() -> None:
    assert series([row(**realism(r1000=0.9, r200=0.8))], "unrealistic")[0] == 1000


def test_a_score_without_rungs_is_read_whole() -> None:
    rows = [row(day, scores={"unvaried": at(0.1 * day)}) for day in range(3)]
    assert series(rows, "unvaried")[0] is None
    assert values(rows, "unvaried") == [0.0, 0.1, 0.2]


def test_runs_without_the_score_are_passed_over() -> None:
    rows = [row(0, scores={}, rungs={}), row(1, **realism(r30=0.5)), row(2, scores={}, rungs={"unrealistic": {}})]
    assert values(rows, "unrealistic") == [0.5]
    assert series(rows, "unknown") == (None, ())


def test_runs_without_rungs_are_passed_over_where_others_have_them() -> None:
    rows = [row(0, scores={"unrealistic": at(0.9)}, rungs={}), row(1, **realism(r30=0.5))]
    assert values(rows, "unrealistic") == [0.5]


def test_without_a_common_rung_nothing_can_be_compared() -> None:
    assert series([row(0, **realism(r30=0.5)), row(1, **realism(r100=0.5))], "unrealistic") == (None, ())


def test_a_run_that_measures_the_same_images_again_is_known_by_all_its_numbers() -> None:
    first = row(0)
    rows = [
        first,
        row(1),
        row(2, scores={**first.scores, "unvaried": at(0.2)}),
        row(3, n_real=301),
        replace(first, time=row(4).time),
        row(5, duration=99.0, verdicts={}),
    ]
    _, points = series(rows, "unrealistic")
    assert len({point.score for point in points}) == 1
    assert [point.again for point in points] == [False, True, False, False, False, True]
