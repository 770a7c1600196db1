"""How the scores of every spec went from run to run, as lines for a terminal.

Rendered from the history, beside what is rendered from the results.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Sequence
from pathlib import Path

from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.score import number
from pytest_synthgate.text.printable import visible
from pytest_synthgate.text.wording import counted
from pytest_synthgate.tracking.changes import Change, Point, SpecTrend, trends
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


def read_trends(paths: Sequence[Path], specs: Collection[str]) -> tuple[list[SpecTrend], list[str]]:
    """Give the values to draw of those specs that a history has runs of, and a warning for all that is no row.

    Raises:
        HistoryError: A file of the history cannot be read.
    """
    history, warnings = read_history(*paths)
    return trends(row for row in history if row.spec in specs), warnings


def measured_in(trend: SpecTrend, result: SpecResult) -> str | None:
    """Say when the numbers of a spec were measured, by the last run of the history that has the same ones."""
    for now in history_rows({trend.spec: result}, Provenance(), trend.rows[-1].time):
        for row in reversed(trend.rows):
            if row.repeats(now):
                return f"{row.time:%Y-%m-%d %H:%M} UTC{_origin(row, ', commit')}"
    return None


def _origin(row: HistoryRow, before: str) -> str:
    """Write of which commit a run was, after a word: ` with 3f2a1b0c9d on main`."""
    known = ((before, (row.commit or "")[:10]), (" on", row.branch))
    return "".join(f"{word} {visible(text)}" for word, text in known if text)


def trend_lines(trends: Sequence[SpecTrend], marks: str = BLOCKS) -> list[str]:
    """Write a sparkline a score with its first and its last value, and below it where it changed for good."""
    lines = []
    for trend in trends:
        first, last = (row.time.date().isoformat() for row in (trend.rows[0], trend.rows[-1]))
        lines.append(f"{visible(trend.spec)}: {counted(len(trend.rows), 'run')}, {first} to {last}")
        drawn = [sparkline(each.points, marks) for each in trend.scores]
        width = max(map(len, drawn), default=0)
        for each, line in zip(trend.scores, drawn, strict=True):
            values = [point.score.value or 0.0 for point in each.points]
            at = f" at n0 = {each.rung:,}" if each.rung is not None else ""
            lines.append(f"  {each.score:16} {line:{width}}  {number(values[0])} -> {number(values[-1])}{at}")
            lines += [f"    changed for good on {_change(change, each.points)}" for change in each.changes]
        if trend.left_out:
            parts = f": other {', '.join(map(visible, trend.differing))}" if trend.differing else ""
            lines.append(f"  {counted(trend.left_out, 'run')} left out, not comparable with the latest{parts}")
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
