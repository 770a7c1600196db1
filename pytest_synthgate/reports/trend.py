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
    """One score of one spec, run by run.

    Attributes:
        score: Name of the score; lower is better.
        rung: The n0 that all its points share, None for a score without rungs.
        points: Value and interval in every run, in the order of time; at least one.
        changes: Where it changed for good.
    """

    score: str
    rung: int | None
    points: tuple[Point, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class SpecTrend:
    """All scores of one spec.

    Attributes:
        spec: Name of the spec.
        runs: The runs that can be compared, and what is known of the others.
        scores: The scores that can carry a limit, in the order of the table.
    """

    spec: str
    runs: Comparable
    scores: tuple[ScoreTrend, ...]


def trends(history: Iterable[HistoryRow], specs: Collection[str] = ()) -> list[SpecTrend]:
    """Give the values to draw, by spec in sorted order.

    Args:
        history: Its rows, in the order of time.
        specs: The specs to show; all when empty.

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
    """Give the values to draw of those specs that a history has runs of.

    Returns:
        The values, and a warning for everything in the files that was skipped because it is no row.

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
    """Say when the numbers of a spec were measured, by the last run of the history that has the same ones.

    Args:
        trend: The runs of the spec.
        result: Its numbers.
    """
    for now in history_rows({trend.spec: result}, Provenance(), trend.runs.rows[-1].time):
        for row in reversed(trend.runs.rows):
            if row.repeats(now):
                return _origin(row)
    return None


def _origin(row: HistoryRow) -> str:
    """Write when a run was, and of which commit: `2026-01-31 14:05 UTC, commit 3f2a1b0c9d on main`."""
    text = f"{row.time:%Y-%m-%d %H:%M} UTC"
    if row.provenance.commit:
        text += f", commit {visible(row.provenance.commit[:10])}"
    if row.provenance.branch:
        text += f" on {visible(row.provenance.branch)}"
    return text


def trend_lines(trends: Sequence[SpecTrend], marks: str = BLOCKS) -> list[str]:
    """Write a sparkline a score with its first and its last value, and below it where it changed for good.

    Args:
        trends: The values.
        marks: Levels of the sparklines, lowest first.
    """
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
    text = now.time.date().isoformat()
    if now.provenance.commit:
        text += f" with {visible(now.provenance.commit[:10])}"
    if now.provenance.branch:
        text += f" on {visible(now.provenance.branch)}"
    text += f": {number(change.before)} -> {number(change.after)}"
    for before, after, what in (
        (last.n_synthetic, now.n_synthetic, "images"),
        (last.n_real, now.n_real, "real images"),
    ):
        if before != after:
            text += f"; {before:,} -> {after:,} {what}"
    return text


def sparkline(points: Sequence[Point], marks: str = BLOCKS) -> str:
    """Draw values as one letter each, from the lowest to the highest; noise is not blown up to look like a change.

    Args:
        points: At least one.
        marks: Levels, lowest first.
    """
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
