"""The drawings of the page as SVG geometry: the map of both sets, and how a score went from run to run.

Places come from the measurement, runs from the history; the template draws them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from pytest_synthgate.gating.verdict import Verdict
from pytest_synthgate.scores.measurement import Projection
from pytest_synthgate.scores.score import number
from pytest_synthgate.text.printable import visible
from pytest_synthgate.tracking.changes import Change, ScoreTrend, SpecTrend

MAP_WIDTH, MAP_HEIGHT, MARGIN = 640, 420, 14
LINKS = 12
"""Flagged images that are links, so few that a keyboard soon is past them and a finger hits one."""

CHART_WIDTH, CHART_HEIGHT = 300, 130
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 10, 22
"""Room around the runs: for the values at the left, for the dates below."""
_LEAST = 0.01
"""Smallest span of the vertical axis, so that noise is not drawn as mountains."""
_NEAR, _ROOM = 4, 0.12
"""Spans of the values that a level may be off and still be drawn; part of the axis left free at its ends."""
_APART = 12
"""Least distance between two labels of the axis, in units of the drawing."""

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight axis: the values at its ends, and where in a drawing these are; `root` spaces by the square root."""

    low: float
    high: float
    start: float
    end: float
    root: bool = False

    @classmethod
    def through(cls, values: Sequence[float], start: float, end: float) -> Scale:
        """Make one that just holds some values."""
        return cls(min(values, default=0.0), max(values, default=0.0), start, end)

    def at(self, value: float) -> float:
        """Place a value, at an end when it lies beyond it."""
        part = min(1.0, max(0.0, (value - self.low) / ((self.high - self.low) or 1.0)))
        return round(self.start + (self.end - self.start) * (math.sqrt(part) if self.root else part), 1)


@dataclass(frozen=True, slots=True)
class Flag:
    """A flagged image on the map, "real" or "synthetic", with the id and the words of the link to its finding."""

    place: Place
    side: str
    anchor: str
    label: str


@dataclass(frozen=True, slots=True)
class Map:
    """What is drawn: a path of dots and one of triangles, links to findings, and how much of everything that is.

    `counts` are of the real and of the synthetic set ("40 of 60"), `variance` is the share that both axes show.
    """

    real: str
    synthetic: str
    flags: tuple[Flag, ...]
    counts: tuple[str, ...]
    variance: float


def draw_map(projection: Projection, links: Mapping[tuple[str, str], tuple[str, str]], totals: tuple[int, int]) -> Map:
    """Fit the places of a projection into the drawing: dots are real images, triangles synthetic ones.

    `links` are by set and id the anchor and the label of images that a finding on the page shows, worst first; `totals`
    the images of the real and of the synthetic set, of which more may be known than are placed.
    """
    places = {"real": projection.real, "synthetic": projection.synthetic}
    everything = [place for side in places.values() for place in side.values()]
    across = Scale.through([x for x, _ in everything], MARGIN, MAP_WIDTH - MARGIN)
    up = Scale.through([y for _, y in everything], MAP_HEIGHT - MARGIN, MARGIN)
    fitted = {
        side: {image: (across.at(x), up.at(y)) for image, (x, y) in found.items()} for side, found in places.items()
    }
    flags = (
        Flag(fitted[side][image], side, anchor, label)
        for (side, image), (anchor, label) in links.items()
        if image in fitted[side]
    )
    drawn = zip(map(len, places.values()), totals, strict=True)
    return Map(
        real="".join(f"M{x:g} {y:g}h0" for x, y in fitted["real"].values()),
        synthetic="".join(f"M{x:g} {round(y - 3, 1):g}l3 5.25h-6z" for x, y in fitted["synthetic"].values()),
        flags=tuple(islice(flags, LINKS)),
        counts=tuple(f"{here:,}" if here >= of else f"{here:,} of {of:,}" for here, of in drawn),
        variance=sum(projection.variance),
    )


@dataclass(frozen=True, slots=True)
class Line:
    """A line across the chart: "limit" or "baseline" at a height, a lasting change, "better" or "worse", at a width."""

    kind: str
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One score, run by run: paths through the values and around their intervals, and what stands beside them.

    `levels` are limit and baseline of the latest run where they are within the chart, and `beyond` says those that are
    not; `turns` are the lasting changes, `ticks` the height and the text of each label of the axis.
    """

    title: str
    said: str
    line: str
    band: str
    last: tuple[float, float]
    ticks: tuple[tuple[float, str], ...]
    days: tuple[str, str]
    levels: tuple[Line, ...]
    beyond: tuple[str, ...]
    turns: tuple[Line, ...]


def draw_charts(trend: SpecTrend, verdicts: Iterable[Verdict] = ()) -> tuple[Chart, ...]:
    """Draw every score of a spec that has two runs or more, with limits and baselines of the latest run's verdicts.

    Runs stand at equal distances, whenever they were.
    """
    whole = {each.score: each for each in verdicts if each.group is None}
    return tuple(_chart(each, whole.get(each.score)) for each in trend.scores if len(each.points) > 1)


def _chart(trend: ScoreTrend, verdict: Verdict | None) -> Chart:
    scores = (point.score for point in trend.points)
    lows, values, highs = zip(*(each.interval or (each.value or 0.0,) * 3 for each in scores), strict=True)
    bounds = () if verdict is None else (("limit", verdict.limit.max), ("baseline", verdict.baseline))
    levels = {kind: level for kind, level in bounds if level is not None}
    bottom, top = _extent(lows, highs, levels.values())
    across = Scale(0, len(values) - 1, LEFT, CHART_WIDTH - RIGHT)
    up = Scale(bottom, top, CHART_HEIGHT - BOTTOM, TOP)

    def path(heights: Sequence[float]) -> list[str]:
        return [f"{across.at(index)} {up.at(height)}" for index, height in enumerate(heights)]

    marked = (values[-1], max(values), min(values), values[0], max(highs), min(lows))
    texts = {kind: f"{kind} {number(level)}" for kind, level in levels.items()}
    within = {kind: level for kind, level in levels.items() if bottom <= level <= top}
    return Chart(
        title=trend.score if trend.rung is None else f"{trend.score} at n0 = {trend.rung:,}",
        said=f"{number(values[0])} to {number(values[-1])} in {len(values):,} runs",
        line=f"M{'L'.join(path(values))}",
        band=f"M{'L'.join([*path(highs), *reversed(path(lows))])}z",
        last=(across.at(len(values) - 1), up.at(values[-1])),
        ticks=_apart([(up.at(value), number(value)) for value in marked]),
        days=_days(trend),
        levels=tuple(Line(kind, up.at(level), texts[kind]) for kind, level in within.items()),
        beyond=tuple(f"{text}, beyond the chart" for kind, text in texts.items() if kind not in within),
        turns=tuple(_turn(trend, change, across.at(change.index - 0.5)) for change in trend.changes),
    )


def _extent(lows: Sequence[float], highs: Sequence[float], levels: Iterable[float]) -> tuple[float, float]:
    """Choose the axis: all intervals, levels that are so near that they do not flatten them, and some room."""
    bottom, top = min(lows), max(highs)
    span = max(top - bottom, _LEAST)
    near = [level for level in levels if bottom - _NEAR * span <= level <= top + _NEAR * span]
    bottom, top = min([bottom, *near]), max([top, *near])
    room = max(_ROOM * (top - bottom), (_LEAST - (top - bottom)) / 2)
    lowest = max(0.0, bottom - room) if bottom >= 0 else bottom - room
    return lowest, max(top + room, lowest + _LEAST)


def _apart(labels: Iterable[tuple[float, str]]) -> tuple[tuple[float, str], ...]:
    """Keep the labels that do not touch one before them, and sort them from the top."""
    kept: list[tuple[float, str]] = []
    for at, text in labels:
        if all(abs(at - other) >= _APART for other, _ in kept):
            kept.append((at, text))
    return tuple(sorted(kept))


def _days(trend: ScoreTrend) -> tuple[str, str]:
    """Date the first and the last run, to the minute when they were on one day."""
    first, last = (trend.points[index].row.time for index in (0, -1))
    form = "%Y-%m-%d %H:%M" if first.date() == last.date() else "%Y-%m-%d"
    return first.strftime(form), last.strftime(form)


def _turn(trend: ScoreTrend, change: Change, at: float) -> Line:
    row = trend.points[change.index].row
    commit = f" with {visible(row.commit[:10])}" if row.commit else ""
    course = "better" if change.after < change.before else "worse"
    before, after = number(change.before), number(change.after)
    return Line(course, at, f"{course} for good since {row.time.date().isoformat()}{commit}: {before} to {after}")
