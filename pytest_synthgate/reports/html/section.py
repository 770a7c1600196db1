"""One spec on the page: its gates in plain words, both sets side by side, the map, the findings, and the groups."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from pytest_synthgate.gating.gates import Verdict
from pytest_synthgate.reports.evidence import TITLES, in_turns
from pytest_synthgate.reports.explain import help_lines, with_interval
from pytest_synthgate.reports.html.album import Album, Picture
from pytest_synthgate.reports.html.chart import Chart, charts
from pytest_synthgate.reports.html.findings import Card, Cluster, card, clusters, cut, line, picture
from pytest_synthgate.reports.html.groups import Table, table
from pytest_synthgate.reports.html.map import Map, draw
from pytest_synthgate.reports.marks import Mark, mark
from pytest_synthgate.reports.trend import SpecTrend
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.finding import Finding
from pytest_synthgate.text.printable import visible

SAMPLE = 12
"""Random images of each set on the contact sheet."""
FIRST = 12
"""Findings of a score that are shown without asking."""

_ADVICE = {
    "unvaried": "Vary what the prompts say, add an axis to them, or lower the guidance, and look whether seeds repeat; "
    "an export keeps one image of each group.",
    "unoriginal": "Look at the pairs below: a model gives back photos that it was trained on, or photos got into the "
    "set. Change the prompt or the model; an export with --without-findings leaves them out.",
    "unrealistic": "Compare the two sheets below: what all synthetic images share and no real one has is what the "
    "prompt, the guidance or the model should change.",
    "obviously_fake": "Compare the two sheets below: what all synthetic images share and no real one has is what the "
    "prompt, the guidance or the model should change.",
    "unrepresentative": "Look at the real images without a counterpart below and add prompts for what they show.",
    "collision_rate": "Vary what the prompts say, or add an axis to them: too many pairs of images look alike.",
    "unreadable": "Make the files that are listed below again, or take them out.",
}


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate in plain words: its name, its verdict, why, and what to do about it."""

    name: str
    mark: Mark
    measured: str
    reason: str
    help: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one score, worst first: cards, then a list of the rest.

    Attributes:
        title: What they are.
        total: How many there are.
        cards: The first of those with pictures.
        more_cards: The others of those, shown when asked for.
        rest: The others, a line each.
        clusters: Near-duplicates of one another in rows.
        more_clusters: Clusters without a row.
    """

    score: str
    title: str
    total: int
    cards: tuple[Card, ...]
    more_cards: tuple[Card, ...]
    rest: tuple[str, ...]
    clusters: tuple[Cluster, ...]
    more_clusters: int


@dataclass(frozen=True, slots=True)
class Section:
    """One spec."""

    name: str
    anchor: str
    error: str | None
    facts: tuple[tuple[str, str], ...]
    gates: tuple[Gate, ...]
    synthetic: tuple[Picture, ...]
    real: tuple[Picture, ...]
    map: Map | None
    groups: tuple[Group, ...]
    unreadable: tuple[str, ...]
    tables: tuple[Table, ...]
    charts: tuple[Chart, ...]
    audit: tuple[tuple[str, str], ...]
    fingerprint: tuple[tuple[str, str], ...]


def groups_of(result: SpecResult) -> list[tuple[str, list[Finding]]]:
    """Sort the findings of a spec by score, in the order of the page, each worst first and in turns."""
    found: dict[str, list[Finding]] = {score: [] for score in TITLES}
    for each in result.measurement.findings:
        found.setdefault(each.score, []).append(each)
    return [(score, in_turns(findings)) for score, findings in found.items() if findings]


def section(
    name: str,
    anchor: str,
    result: SpecResult,
    album: Album,
    shares: Mapping[str, int],
    trend: SpecTrend | None = None,
) -> Section:
    """Lay out the section of a spec.

    Args:
        name: The spec's name.
        anchor: Id of the section on the page.
        result: What is known about the spec.
        album: Takes in the pictures that are shown.
        shares: Findings that have pictures, by score.
        trend: How its scores went from run to run, where a history is known.
    """
    measurement = result.measurement
    groups = tuple(
        _group(name, f"{anchor}-{number}", score, findings, result, album, shares[score])
        for number, (score, findings) in enumerate(groups_of(result), 1)
    )
    return Section(
        name=visible(name),
        anchor=anchor,
        error=None if result.error is None else cut(result.error),
        facts=_facts(result),
        gates=_gates(result),
        synthetic=_sheet(result, "synthetic", album),
        real=_sheet(result, "real", album),
        map=_map(result, groups),
        groups=groups,
        unreadable=tuple(
            f"{cut(each.image)} ({each.image_set}): {cut(each.reason)}" for each in measurement.unreadable
        ),
        tables=tuple(table(axis, found, measurement.scores) for axis, found in measurement.breakdown.items() if found),
        charts=() if trend is None else charts(trend),
        audit=_pairs(measurement.audit),
        fingerprint=_pairs(measurement.fingerprint),
    )


def _facts(result: SpecResult) -> tuple[tuple[str, str], ...]:
    measurement, declared = result.measurement, result.declared
    templates = declared.get("templates") or ()
    found = [
        ("synthetic images", f"{measurement.n_synthetic:,}"),
        ("real images", f"{measurement.n_real:,}"),
        ("images a side (n0)", f"{measurement.rung:,}" if measurement.rung else None),
        ("compared to", result.compare_to),
        ("prompt", " | ".join(map(str, templates)) or None),
        ("encoder", declared.get("encoder")),
    ]
    return tuple((label, cut(str(text))) for label, text in found if text)


def _gates(result: SpecResult) -> tuple[Gate, ...]:
    advised: set[str] = set()
    gates = []
    for verdict in result.verdicts:
        helps = _help(result, verdict)
        if verdict.verdict == "failed" and verdict.score not in advised:
            advised.add(verdict.score)  # once, however many classes fail
            helps.append(_ADVICE[verdict.score])
        name, reason = visible(verdict.name), visible(verdict.reason)
        gates.append(Gate(name, mark(result, verdict), with_interval(verdict.measured), reason, tuple(helps)))
    return tuple(gates)


def _help(result: SpecResult, verdict: Verdict) -> list[str]:
    if verdict.verdict != "failed":
        return []
    known = [f"known: {result.expected[verdict.score]}"] if verdict.score in result.expected else []
    found = (cut(each) for each in (*known, *help_lines(verdict, result.measurement)))
    return [f"{each[0].upper()}{each[1:]}." for each in found]


def _sheet(result: SpecResult, side: str, album: Album) -> tuple[Picture, ...]:
    """Show the first images of the map, which come in random order; nothing in place of photos that are private."""
    projection = result.measurement.projection
    if projection is None or (side == "real" and result.redacted):
        return ()
    places = projection.real if side == "real" else projection.synthetic
    pictures = (picture(image, side, result, album) for image in islice(places, SAMPLE))
    return tuple(each for each in pictures if each is not None)


def _group(
    name: str,
    anchor: str,
    score: str,
    findings: Sequence[Finding],
    result: SpecResult,
    album: Album,
    share: int,
) -> Group:
    rows, more = clusters(findings, result, album) if share else ((), 0)
    cards = tuple(
        card(name, f"{anchor}-{number}", each, result, album) for number, each in enumerate(findings[:share], 1)
    )
    rest = tuple(line(each, result) for each in findings[share:])
    title = TITLES.get(score, visible(score))
    return Group(visible(score), title, len(findings), cards[:FIRST], cards[FIRST:], rest, rows, more)


def _map(result: SpecResult, groups: Iterable[Group]) -> Map | None:
    if result.measurement.projection is None:
        return None
    flagged: dict[tuple[str, str], tuple[str, str]] = {}
    for (_, findings), group in zip(groups_of(result), groups, strict=True):
        for each, shown in zip(findings, (*group.cards, *group.more_cards), strict=False):
            flagged.setdefault((each.image_set, each.image), (shown.anchor, f"{group.score}: {shown.ends[0].name}"))
    return draw(result.measurement.projection, ((*key, *value) for key, value in flagged.items()))


def _pairs(facts: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Write facts as label and text; what is no text as JSON."""
    return tuple(
        (cut(label), cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
        for label, value in facts.items()
    )
