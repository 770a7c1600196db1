"""How the scores of a spec went from run to run, and where one changed for good, by more than the noise of the images.

Part of tracking (history -> changes -> reports). Pure numbers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from pytest_synthgate.errors import HistoryError
from pytest_synthgate.features.matrix import Floats, Indices
from pytest_synthgate.kinds import LIMITED
from pytest_synthgate.scores.score import Score
from pytest_synthgate.text.wording import meant, quoted
from pytest_synthgate.tracking.row import HistoryRow

LASTING = 3
"""Runs that a level must last, before and after a change."""

CHANCE = 0.05
"""Chance, at most, that a score that stayed the same is said to have changed."""

_BELIEVED = 0.8
"""Of the bound on z: two points in three that far off stay below it, 2 x 0.8 / sqrt(3), and three exceed it."""

_Z95 = 1.959964
_FINEST = 1e-6
"""Scores are equal within this, whatever their interval says."""


@dataclass(frozen=True, slots=True)
class Point:
    """The value of a score in one run.

    Attributes:
        row: The run.
        score: Value and interval, at the rung of the series.
        again: Whether the images are those of the point before, measured again: no new evidence.
    """

    row: HistoryRow
    score: Score
    again: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One change of level.

    Attributes:
        index: Number of the first point of the new level.
        before: The level until then, the mean of its points weighted by their precision.
        after: The level from then on, until the next change.
    """

    index: int
    before: float
    after: float


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
    """The runs of one spec that can be compared with its latest.

    Attributes:
        spec: Its name.
        rows: Those runs, in the order of time, the latest last.
        left_out: Runs of other fingerprints.
        differing: The parts of the fingerprint in which they differ.
        scores: Its scores that can carry a limit, in the order of the table.
    """

    spec: str
    rows: tuple[HistoryRow, ...]
    left_out: int
    differing: tuple[str, ...]
    scores: tuple[ScoreTrend, ...]


def trends(history: Iterable[HistoryRow], specs: Collection[str] = ()) -> list[SpecTrend]:
    """Follow some or all specs, in sorted order, through rows in the order of time.

    Raises:
        HistoryError: One of those has no run.
    """
    by_spec: dict[str, list[HistoryRow]] = {}
    for row in history:
        by_spec.setdefault(row.spec, []).append(row)
    for spec in specs:
        if spec not in by_spec:
            raise HistoryError(f"the history has no run of spec {quoted(spec)}; {meant(spec, by_spec)}")
    return [_of_spec(spec, by_spec[spec]) for spec in sorted(set(specs) or by_spec)]


def _of_spec(spec: str, rows: Sequence[HistoryRow]) -> SpecTrend:
    latest = rows[-1]
    same = tuple(row for row in rows if row.fingerprint == latest.fingerprint)
    others = [row for row in rows if row.fingerprint != latest.fingerprint]
    differing = {part for row in others for part, _ in row.parts.items() ^ latest.parts.items()}
    scores = (_of_score(score, same) for score in LIMITED)
    return SpecTrend(spec, same, len(others), tuple(sorted(differing)), tuple(filter(None, scores)))


def _of_score(score: str, rows: Iterable[HistoryRow]) -> ScoreTrend | None:
    """Follow a score at the largest rung that all runs share, or whole where it has no rungs.

    Runs without the score are passed over; of runs without a common rung there is nothing to follow.
    """
    having = [row for row in rows if score in row.scores]
    if any(score in row.rungs for row in having):
        having = [row for row in having if score in row.rungs]
        common = set.intersection(*(set(row.rungs[score]) for row in having))
        rung = max(common, key=int, default="")
        found = [row.rungs[score][rung] for row in having] if rung else []
    else:
        rung, found = "", [row.scores[score] for row in having]
    points = tuple(
        Point(row, each, again=last is not None and row.repeats(last))
        for row, each, last in zip(having, found, [None, *having], strict=False)
    )
    return ScoreTrend(score, int(rung) if rung else None, points, find_changes(points)) if points else None


def find_changes(points: Sequence[Point]) -> tuple[Change, ...]:
    """Find the changes of level in a series, by binary segmentation.

    Every place that leaves enough runs on both sides is tried: z = |mean after - mean before| / sqrt(1/W + 1/W'), W
    the summed precision 1/SE^2 on each side, is standard normal where nothing changed (Hawkins 1977). The largest z
    of K is a change if K P(|N| >= z) is at most `CHANCE`, Bonferroni's bound, and then both sides are searched in turn
    (Vostrikova 1981).

    Nothing is taken for more evidence than it is. The same images measured again count once: a level that repeats
    itself is as sure as its images are. A point with a narrower interval than the median one gets that one, since near
    0 and 1 intervals shrink with the very values that noise takes there. And what does not last is believed to be off
    by so many standard errors at most that three such points make a change, and two do not (after Fearnhead and
    Rigaill 2019).

    The points are in the order of time, and so are the changes.
    """
    starts = [index for index, point in enumerate(points) if not point.again]
    if not starts:
        return ()
    scores = [points[start].score for start in starts]
    values = np.array([score.value for score in scores], dtype=np.float64)
    weights = _precision(np.array([(score.high or 0.0) - (score.low or 0.0) for score in scores], dtype=np.float64))
    edges = np.array([*starts, len(points)])
    cuts = _cuts(values, weights, edges)
    levels = [
        float(np.average(values[start:end], weights=weights[start:end]))
        for start, end in zip([0, *cuts], [*cuts, len(values)], strict=True)
    ]
    # A sure run that does not last can hide, within the level before it, what the cut was made for.
    return tuple(
        Change(int(edges[cut]), before, after)
        for cut, before, after in zip(cuts, levels[:-1], levels[1:], strict=True)
        if before != after
    )


def _precision(widths: Floats) -> Floats:
    """Turn the widths of 95% intervals into weights, 1 / SE^2."""
    errors = np.abs(widths) / (2 * _Z95)
    return 1 / np.maximum(errors, max(float(np.median(errors)), _FINEST)) ** 2


def _cuts(values: Floats, weights: Floats, edges: Indices) -> list[int]:
    """Cut until no part shows a change any more, then place every cut anew between its neighbours, or drop it.

    Every distinct measurement has a value and a weight, its precision; `edges` holds the run in which each was first
    seen, and the number of runs.
    """

    def cut(start: int, end: int) -> int | None:
        found = _cut(values[start:end], weights[start:end], edges[start : end + 1])
        return None if found is None else start + found

    found, parts = [], [(0, len(values))]
    while parts:
        start, end = parts.pop()
        if (middle := cut(start, end)) is not None:
            found.append(middle)
            parts += [(start, middle), (middle, end)]
    # The first cuts were made when the later ones were still unknown.
    placed = [0]
    for end in [*sorted(found)[1:], len(values)] if found else ():
        if (middle := cut(placed[-1], end)) is not None:
            placed.append(middle)
    return placed[1:]


def _cut(values: Floats, weights: Floats, edges: Indices) -> int | None:
    """Find the one place where the level most surely changes, if it does."""
    places = np.arange(1, len(values))
    runs_before, runs_after = edges[places] - edges[0], edges[-1] - edges[places]
    places = places[(runs_before >= LASTING) & (runs_after >= LASTING)]
    if not len(places):
        return None
    bound = NormalDist().inv_cdf(1 - CHANCE / len(places) / 2)
    reach = np.where(np.diff(edges) >= LASTING, np.inf, _BELIEVED * bound / np.sqrt(weights))
    moments = weights * np.clip(values - np.median(values), -reach, reach)
    before, after = _sums_until(weights, places), _sums_from(weights, places)
    rise = _sums_from(moments, places) / after - _sums_until(moments, places) / before
    z = np.abs(rise) / np.sqrt(1 / before + 1 / after)
    return int(places[z.argmax()]) if z.max() >= bound else None


def _sums_until(each: Floats, places: Indices) -> Floats:
    return np.cumsum(each)[places - 1]


def _sums_from(each: Floats, places: Indices) -> Floats:
    """Sum from the end: subtracting from the total would lose small weights beside large ones."""
    return np.cumsum(each[::-1])[::-1][places]
