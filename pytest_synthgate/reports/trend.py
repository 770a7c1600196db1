"""How the scores of every spec went from run to run: values for any report, and lines for a terminal.

Rendered from the history, beside what is rendered from the results.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_synthgate.errors import HistoryError
from pytest_synthgate.kinds import LIMITED
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.score import number
from pytest_synthgate.text.printable import visible
from pytest_synthgate.text.wording import counted, meant, quoted
from pytest_synthgate.tracking.changes import Change, Comparable, Point, comparable, find_changes, series
from pytest_synthgate.tracking.history import history_rows, read_history
from pytest_synthgate.tracking.provenance import Provenance
from pytest_synthgate.tracking.row import HistoryRow

BLOCKS = "▁▂▃▄▅▆▇█"
"""Levels of a sparkline, lowest first."""

ASCII = ".:-=+*#@"
"""The same for terminals that cannot show blocks."""

WIDEST = 40
"""Longest sparkline; of longer histories a column is the mean of several runs."""

_FLAT = 1e-6
"""Scores that differ by less are drawn level."""


@dataclass(frozen=True, slots=True)
class ScoreTrend:
    """One score of one spec in the order of time, at least one point, and where it changed for good.

    All points share one n0, which is `rung`; None for a score without rungs.
    """

    score: str
    rung: int | None
    points: tuple[Point, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class SpecTrend:
    """The runs of a spec that can be compared, and its scores that can carry a limit, in the order of the table."""

    spec: str
    runs: Comparable
    scores: tuple[ScoreTrend, ...]


def trends(history: Iterable[HistoryRow], specs: Collection[str] = ()) -> list[SpecTrend]:
    """Give the values to draw of some or all specs, in sorted order, from rows in the order of time.

    Raises:
        HistoryError: One of those has no run.
    """
    by_spec: dict[str, list[HistoryRow]] = {}
    for row in history:
        by_spec.setdefault(row.spec, []).append(row)
    for spec in specs:
        if spec not in by_spec:
            raise HistoryError(f"the history has no run of spec {quoted(spec)}; {meant(spec, by_spec)}")
    return [_trend(spec, comparable(by_spec[spec])) for spec in sorted(set(specs) or by_spec)]


def read_trends(paths: Sequence[Path], specs: Collection[str]) -> tuple[list[SpecTrend], list[str]]:
    """Give the values to draw of those specs that a history has runs of, and a warning for all that is no row.

    Raises:
        HistoryError: A file of the history cannot be read.
    """
    history, warnings = read_history(*paths)
    return trends(row for row in history if row.spec in specs), warnings


def _trend(spec: str, runs: Comparable) -> SpecTrend:
    found = ((score, *series(runs.rows, score)) for score in LIMITED)
    scores = (ScoreTrend(score, rung, points, find_changes(points)) for score, rung, points in found if points)
    return SpecTrend(spec, runs, tuple(scores))


def measured_in(trend: SpecTrend, result: SpecResult) -> str | None:
    """Say when the numbers of a spec were measured, by the last run of the history that has the same ones."""
    for now in history_rows({trend.spec: result}, Provenance(), trend.runs.rows[-1].time):
        for row in reversed(trend.runs.rows):
            if row.repeats(now):
                return f"{row.time:%Y-%m-%d %H:%M} UTC{_origin(row, ', commit')}"
    return None


def _origin(row: HistoryRow, before: str) -> str:
    """Write of which commit a run was, after a word: ` with 3f2a1b0c9d on main`."""
    known = ((before, (row.provenance.commit or "")[:10]), (" on", row.provenance.branch))
    return "".join(f"{word} {visible(text)}" for word, text in known if text)


def trend_lines(trends: Sequence[SpecTrend], marks: str = BLOCKS) -> list[str]:
    """Write a sparkline a score with its first and its last value, and below it where it changed for good."""
    lines = []
    for trend in trends:
        runs = trend.runs
        first, last = (row.time.date().isoformat() for row in (runs.rows[0], runs.rows[-1]))
        lines.append(f"{visible(trend.spec)}: {counted(len(runs.rows), 'run')}, {first} to {last}")
        drawn = [sparkline(each.points, marks) for each in trend.scores]
        width = max(map(len, drawn), default=0)
        for each, line in zip(trend.scores, drawn, strict=True):
            values = [point.score.value or 0.0 for point in each.points]
            at = f" at n0 = {each.rung:,}" if each.rung is not None else ""
            lines.append(f"  {each.score:16} {line:{width}}  {number(values[0])} -> {number(values[-1])}{at}")
            lines += [f"    changed for good on {_change(change, each.points)}" for change in each.changes]
        if runs.left_out:
            parts = f": other {', '.join(map(visible, runs.differing))}" if runs.differing else ""
            lines.append(f"  {counted(runs.left_out, 'run')} left out, not comparable with the latest{parts}")
    return lines or ["the history has no runs yet"]


def _change(change: Change, points: Sequence[Point]) -> str:
    """Say when and by which commit, from what to what, and whether the sets changed their size with it."""
    last, now = points[change.index - 1].row, points[change.index].row
    text = f"{now.time.date()}{_origin(now, ' with')}: {number(change.before)} -> {number(change.after)}"
    sizes = ((last.n_synthetic, now.n_synthetic, "images"), (last.n_real, now.n_real, "real images"))
    return text + "".join(f"; {was:,} -> {size:,} {what}" for was, size, what in sizes if was != size)


def sparkline(points: Sequence[Point], marks: str = BLOCKS) -> str:
    """Draw one value or more as a letter each, of marks lowest first; noise is not blown up to look like a change."""
    values = [point.score.value or 0.0 for point in points]
    size = math.ceil(len(values) / WIDEST)
    columns = [statistics.fmean(values[start : start + size]) for start in range(0, len(values), size)]
    lowest, highest = min(columns), max(columns)
    noise = statistics.median((point.score.high or 0.0) - (point.score.low or 0.0) for point in points)
    span = max(highest - lowest, noise, _FLAT)
    bottom = (lowest + highest - span) / 2
    return "".join(marks[min(int((value - bottom) / span * len(marks)), len(marks) - 1)] for value in columns)


def marks_for(encoding: str | None) -> str:
    """Choose the levels that a stream can write."""
    try:
        BLOCKS.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return BLOCKS
