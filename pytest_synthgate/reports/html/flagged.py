"""All findings of one score on the page: rows of near-duplicates, the worst as cards, the others as a list.

The places on a page are dealt to all specs and scores together, so that its size is bounded whatever was found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pytest_synthgate.reports.evidence import TITLES, in_turns
from pytest_synthgate.reports.html.album import Album
from pytest_synthgate.reports.html.findings import Card, Cluster, card, clusters, dealt, line
from pytest_synthgate.reports.marks import mark
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.finding import Finding
from pytest_synthgate.text.printable import visible

FIRST = 12
"""Findings of a score that are shown without asking."""
LISTED = 5_000
"""Findings without pictures that the page names."""

_ALSO = {"unrealistic": "obviously_fake", "unvaried": "collision_rate"}
"""Scores whose gates are about the same findings."""


@dataclass(frozen=True, slots=True)
class Flagged:
    """The findings of one score and the places on the page that they have.

    Attributes:
        score: Name of the score.
        findings: Worst first.
        pictured: How many have pictures.
        listed: How many of the others are named.
    """

    score: str
    findings: Sequence[Finding]
    pictured: int
    listed: int


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one score, worst first: cards, then a list of the rest.

    Attributes:
        score: Name of the score.
        title: What they are.
        total: How many there are.
        open: Whether a gate on them did not pass; the others are shown when asked for.
        cards: The first of those with pictures.
        more_cards: The others of those, shown when asked for.
        rest: The others, a line each.
        unnamed: How many have no line either.
        clusters: Near-duplicates of one another in rows.
        more_clusters: Clusters without a row.
    """

    score: str
    title: str
    total: int
    open: bool
    cards: tuple[Card, ...]
    more_cards: tuple[Card, ...]
    rest: tuple[str, ...]
    unnamed: int
    clusters: tuple[Cluster, ...]
    more_clusters: int


def flagged_by_spec(results: Mapping[str, SpecResult], max_findings: int) -> dict[str, list[Flagged]]:
    """Sort the findings of all specs by score, and deal them the places of the page.

    Args:
        results: Result by spec name.
        max_findings: Findings that have pictures; the worst of every spec and score take turns.

    Returns:
        By spec its findings in the order of the page, each score's worst first and in turns, a pair once before it is
        shown from the other end.
    """
    found = {
        (name, score): findings for name, result in results.items() for score, findings in _by_score(result).items()
    }
    pictured = dealt({key: len(findings) for key, findings in found.items()}, max_findings)
    listed = dealt({key: len(findings) - pictured[key] for key, findings in found.items()}, LISTED)
    by_spec: dict[str, list[Flagged]] = {name: [] for name in results}
    for (name, score), findings in found.items():
        key = (name, score)
        by_spec[name].append(Flagged(score, findings, pictured[key], listed[key]))
    return by_spec


def _by_score(result: SpecResult) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {score: [] for score in TITLES}
    for each in result.measurement.findings:
        found.setdefault(each.score, []).append(each)
    return {score: _pairs_once(in_turns(findings)) for score, findings in found.items() if findings}


def _pairs_once(findings: Iterable[Finding]) -> list[Finding]:
    """Put those behind that show a pair which another shows from its other end, and keep the order otherwise."""
    seen: set[frozenset[str | None]] = set()
    first: list[Finding] = []
    again: list[Finding] = []
    for each in findings:
        pair = frozenset((each.image, each.twin))
        known = each.image_set == each.twin_set and pair in seen
        (again if known else first).append(each)
        seen.add(pair)
    return [*first, *again]


def group(name: str, anchor: str, found: Flagged, result: SpecResult, album: Album) -> Group:
    """Lay out the findings of a score.

    Args:
        name: The spec's name.
        anchor: Id of the group on the page.
        found: The findings.
        result: What is known about the spec.
        album: Takes in the pictures that are shown.
    """
    rows, more = clusters(found.findings, result, album) if found.pictured else ((), 0)
    cards = tuple(
        card(name, f"{anchor}-{number}", each, result, album)
        for number, each in enumerate(found.findings[: found.pictured], 1)
    )
    named = found.findings[found.pictured : found.pictured + found.listed]
    return Group(
        score=visible(found.score),
        title=TITLES.get(found.score, visible(found.score)),
        total=len(found.findings),
        open=_in_doubt(found.score, result),
        cards=cards[:FIRST],
        more_cards=cards[FIRST:],
        rest=tuple(line(each, result) for each in named),
        unnamed=len(found.findings) - found.pictured - len(named),
        clusters=rows,
        more_clusters=more,
    )


def _in_doubt(score: str, result: SpecResult) -> bool:
    """Tell whether a gate on the findings of a score failed, was expected to, warned or stayed undecided."""
    about = (score, _ALSO.get(score))
    return any(mark(result, each).tone in ("fail", "warn") for each in result.verdicts if each.score in about)
