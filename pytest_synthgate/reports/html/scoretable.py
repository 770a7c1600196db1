"""The table of all specs as it is drawn: beside each number a bar, where it lies on the axis of its score.

On the axis are value, interval, limit, baseline and yardstick; it is the same in every row.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from pytest_synthgate.gating.verdict import Verdict
from pytest_synthgate.kinds import COLUMNS, KINDS
from pytest_synthgate.reports import Results
from pytest_synthgate.reports.html.drawings import Scale
from pytest_synthgate.reports.overview import Judged, ScoreRow, score_table
from pytest_synthgate.scores.score import Score, number

BAR, BAR_MARGIN = 132.0, 6.0
"""Units of the drawing: its inner width, and the room on either side for marks at the ends."""


def drawn_rows(results: Results) -> list[ScoreRow]:
    """Give the rows; where no spec has realism scores, the yardstick is the copies among real images alone."""
    rows = score_table(results)
    if any(row.rung for row in rows if row.result is not None):
        return rows
    return [row if row.result is not None else _of_copies(row) for row in rows]


def _of_copies(half: ScoreRow) -> ScoreRow:
    found = {score: each for score, each in half.measurement.yardstick.items() if KINDS[score].source == "copies"}
    return replace(half, measurement=replace(half.measurement, yardstick=found, yardstick_rung=None))


def axes(rows: Iterable[ScoreRow]) -> dict[str, Scale]:
    """Choose the axis of every score, for all that is drawn of it in any row."""
    drawn: dict[str, list[float | None]] = {score: [] for score in COLUMNS}
    for row in rows:
        for score, judged in row.cells.items():
            half = row.measurement.yardstick.get(score, Score(None))
            drawn[score] += [end for each in (judged.score, half) for end in (each.low, each.value, each.high)]
            drawn[score] += [level for each in judged.verdicts for level in (each.limit.max, each.baseline)]
    return {score: scale_of(score, (each for each in values if each is not None)) for score, values in drawn.items()}


def scale_of(score: str, values: Iterable[float]) -> Scale:
    """Choose an axis that holds all that is drawn of a score: from under chance to one, or roots from nothing.

    By the square root a limit of 0.01 stands clear of 0 beside a score of 0.5.
    """
    drawn, null = [*values], KINDS[score].null
    ends = BAR_MARGIN, BAR_MARGIN + BAR
    if null > 0:
        least = null - 0.1
        return Scale(min(least, math.floor(min(drawn, default=least) * 10) / 10), 1.0, *ends)
    most = max(drawn, default=0.0)
    return Scale(0.0, next((end for end in (0.02, 0.05, 0.1, 0.25, 0.5) if most <= end), 1.0), *ends, root=True)


def levels(row: ScoreRow, score: str) -> dict[str, float]:
    """Give what is drawn beside a score of a spec, by "limit", "baseline" and "real against real"."""
    whole = next((each for each in row.cells[score].verdicts if each.group is None), None)
    limit, baseline = (None, None) if whole is None else (whole.limit.max, whole.baseline)
    half = row.measurement.yardstick.get(score, Score(None)).value
    found = {"limit": limit, "baseline": baseline, "real against real": half}
    return {name: each for name, each in found.items() if each is not None}


def in_words(score: Score, beside: Mapping[str, float]) -> str:
    """Say what a bar shows."""
    known = "".join(f", {name} {number(each)}" for name, each in beside.items())
    return "{1}, interval {0} to {2}{3}".format(*map(number, score.interval or ()), known)


def bounds(judged: Judged) -> list[str]:
    """Say what a score is held against, once however many classes are, and how many findings are waived."""
    found = dict.fromkeys(text for each in judged.verdicts for text in _bound(each))
    waived = sum(len(each.waived) for each in judged.verdicts)
    return [*found, *([f"{waived:,} waived"] if waived else [])]


def _bound(verdict: Verdict) -> Iterable[str]:
    if verdict.limit.max is not None:
        yield f"limit {verdict.limit.max:g}{'' if verdict.group is None else ' a class'}"
    if verdict.baseline is not None and verdict.group is None:
        yield f"baseline {number(verdict.baseline)}"
