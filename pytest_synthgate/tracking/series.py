"""What of a history can be compared: the values of one score of one spec, run by run.

Part of tracking (history -> series -> changes).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_synthgate.scores.score import Score
from pytest_synthgate.tracking.row import Row


@dataclass(frozen=True, slots=True)
class Point:
    """The value of a score in one run.

    Attributes:
        row: The run.
        score: Value and interval, at the rung of the series.
        again: Whether the images are those of the point before, measured again: no new evidence.
    """

    row: Row
    score: Score
    again: bool


@dataclass(frozen=True, slots=True)
class Comparable:
    """The runs of one spec that can be compared with its latest.

    Attributes:
        rows: Those runs, in the order of time, the latest last.
        left_out: Runs of other fingerprints.
        differing: The parts of the fingerprint in which they differ.
    """

    rows: tuple[Row, ...]
    left_out: int
    differing: tuple[str, ...]


def comparable(rows: Sequence[Row]) -> Comparable:
    """Pick the runs that have the fingerprint of the latest.

    Args:
        rows: At least one run of one spec, in the order of time.
    """
    latest = rows[-1]
    others = [row for row in rows if row.fingerprint != latest.fingerprint]
    differing = {part for row in others for part, _ in row.parts.items() ^ latest.parts.items()}
    same = tuple(row for row in rows if row.fingerprint == latest.fingerprint)
    return Comparable(same, len(others), tuple(sorted(differing)))


def series(rows: Iterable[Row], score: str) -> tuple[int | None, tuple[Point, ...]]:
    """Give a score run by run: at the largest rung that all runs share, or whole where it has no rungs.

    Args:
        rows: Comparable runs, in the order of time; those without the score are passed over.
        score: Name of the score.

    Returns:
        The rung, None for a score without rungs, and the points.
    """
    having = [row for row in rows if score in row.scores]
    if not any(score in row.rungs for row in having):
        return None, _points(having, [row.scores[score] for row in having])
    having = [row for row in having if score in row.rungs]
    common = set.intersection(*(set(row.rungs[score]) for row in having))
    if not common:
        return None, ()
    rung = max(common, key=int)
    return int(rung), _points(having, [row.rungs[score][rung] for row in having])


def _points(rows: Sequence[Row], scores: Sequence[Score]) -> tuple[Point, ...]:
    before = (None, *rows)
    return tuple(
        Point(row, score, again=last is not None and row.repeats(last))
        for row, score, last in zip(rows, scores, before, strict=False)
    )
