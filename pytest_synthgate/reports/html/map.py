"""The map of both sets as SVG geometry: dots for real images, triangles for synthetic ones, flagged ones as links.

Geometry of the HTML report; the places come from the measurement, the template draws them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from pytest_synthgate.scores.measurement import Projection

MAP_WIDTH, MAP_HEIGHT, MARGIN = 640, 420, 14
LINKS = 12
"""Flagged images that are links, so few that a keyboard soon is past them and a finger hits one."""

Place = tuple[float, float]


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


def draw(projection: Projection, links: Mapping[tuple[str, str], tuple[str, str]], totals: tuple[int, int]) -> Map:
    """Fit the places of a projection into the drawing.

    Args:
        projection: Where the images are.
        links: By set and id the anchor and the label of images that a finding on the page shows, worst first.
        totals: Images of the real and of the synthetic set, of which more may be known than are placed.
    """
    sides: dict[str, Mapping[str, Place]] = {"real": projection.real, "synthetic": projection.synthetic}
    everything = [place for side in sides.values() for place in side.values()]
    (left, across), (bottom, up) = (_extent([place[axis] for place in everything]) for axis in (0, 1))

    def fit(place: Place) -> Place:
        x = MARGIN + (place[0] - left) / across * (MAP_WIDTH - 2 * MARGIN)
        y = MAP_HEIGHT - MARGIN - (place[1] - bottom) / up * (MAP_HEIGHT - 2 * MARGIN)
        return round(x, 1), round(y, 1)

    flags = (
        Flag(fit(sides[side][image]), side, anchor, label)
        for (side, image), (anchor, label) in links.items()
        if image in sides[side]
    )
    drawn = zip(map(len, sides.values()), totals, strict=True)
    return Map(
        real="".join("M{:g} {:g}h0".format(*fit(place)) for place in projection.real.values()),
        synthetic="".join(_triangle(*fit(place)) for place in projection.synthetic.values()),
        flags=tuple(islice(flags, LINKS)),
        counts=tuple(f"{here:,}" if here >= of else f"{here:,} of {of:,}" for here, of in drawn),
        variance=sum(projection.variance),
    )


def _triangle(x: float, y: float) -> str:
    return f"M{x:g} {round(y - 3, 1):g}l3 5.25h-6z"


def _extent(values: list[float]) -> tuple[float, float]:
    """Give where values start and how far they reach, never nothing."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    return low, (high - low) or 1.0
