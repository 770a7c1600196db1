"""One spec on the page: its gates in plain words, both sets side by side, the map, the findings, and the groups.

Gates of many classes that concluded the same, and did not fail, stand behind one line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from pytest_synthgate.gating.verdict import Verdict
from pytest_synthgate.kinds import KINDS
from pytest_synthgate.reports.explain import help_lines, in_plain_words
from pytest_synthgate.reports.html.by_group import GroupTable, group_table
from pytest_synthgate.reports.html.drawings import Chart, Map, draw_charts, draw_map
from pytest_synthgate.reports.html.finding_cards import Group, Pairs, cut
from pytest_synthgate.reports.overview import Mark, mark
from pytest_synthgate.reports.pictures import Album, Picture
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.tracking.changes import SpecTrend

SAMPLE = 12
"""Random images of each set on the contact sheet."""
ALIKE = 4
"""Classes with gates of one score and one mark that each have a place of their own."""


@dataclass(frozen=True, slots=True)
class GateText:
    """A gate: its verdict, the mark of that, what was found and is allowed in a sentence, and what would help."""

    verdict: Verdict
    mark: Mark
    said: str
    help: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One spec: what is laid out of its result, beside what the template reads from that itself.

    `folds` are gates of many classes on one score that concluded the same.
    """

    name: str
    anchor: str
    result: SpecResult
    facts: Pairs
    gates: tuple[GateText, ...]
    folds: tuple[tuple[GateText, ...], ...]
    synthetic: tuple[Picture, ...]
    real: tuple[Picture, ...]
    map: Map | None
    groups: tuple[Group, ...]
    tables: tuple[GroupTable, ...]
    charts: tuple[Chart, ...]


def section(
    name: str, anchor: str, result: SpecResult, album: Album, groups: tuple[Group, ...], trend: SpecTrend | None
) -> Section:
    """Lay out the section of a spec, whose findings are laid out; the pictures that it shows are asked of the album."""
    measurement = result.measurement
    gates, folds = _gates(result)
    return Section(
        name=name,
        anchor=anchor,
        result=result,
        facts=_facts(result),
        gates=gates,
        folds=folds,
        synthetic=_sheet(result, "synthetic", album),
        real=_sheet(result, "real", album),
        map=_map(result, groups),
        groups=groups,
        tables=tuple(
            group_table(axis, found, measurement.scores) for axis, found in measurement.breakdown.items() if found
        ),
        charts=() if trend is None else draw_charts(trend, result.verdicts),
    )


def _facts(result: SpecResult) -> Pairs:
    measurement, declared = result.measurement, result.declared
    templates = declared.get("templates") or ()
    found = [
        ("synthetic images", f"{measurement.n_synthetic:,}"),
        ("real images", f"{measurement.n_real:,}"),
        ("images a side (n0)", f"{measurement.rung:,}" if measurement.rung else None),
        ("compared to", result.compare_to),
        ("prompt", " | ".join(map(str, templates))),
        ("encoder", declared.get("encoder")),
    ]
    return tuple((label, cut(str(text))) for label, text in found if text)


def _gates(result: SpecResult) -> tuple[tuple[GateText, ...], tuple[tuple[GateText, ...], ...]]:
    """Lay out the gates that have a place of their own, in the order of the verdicts, and others by score and mark."""
    advised: set[str] = set()
    gates: list[GateText] = []
    alike: dict[tuple[str, Mark], list[GateText]] = {}
    for verdict in result.verdicts:
        helps = help_lines(verdict, result.measurement)
        if verdict.verdict == "failed" and verdict.score in result.expected:
            helps = [f"known: {result.expected[verdict.score]}", *helps]
        advice = KINDS[verdict.score].advice if verdict.verdict in ("failed", "warned") else ""
        said = _sentence(in_plain_words(verdict, result.measurement))
        # Advice is given once, however many classes are concerned.
        own = [advice] if advice and verdict.score not in advised else []
        advised |= {verdict.score} if advice else set()
        found = GateText(verdict, mark(result, verdict), said, (*map(_sentence, helps), *own))
        gates.append(found)
        if verdict.group is not None and found.mark.tone != "fail":
            alike.setdefault((verdict.score, found.mark), []).append(found)
    folds = tuple(tuple(many) for many in alike.values() if len(many) > ALIKE)
    folded = {id(gate) for fold in folds for gate in fold}
    return tuple(gate for gate in gates if id(gate) not in folded), folds


def _sentence(text: str) -> str:
    """Begin with a capital and end with a full stop; a command in backquotes stays as it is."""
    text = cut(text)
    return f"{text[:1].upper()}{text[1:]}."


def _sheet(result: SpecResult, side: str, album: Album) -> tuple[Picture, ...]:
    """Show the first images of the map, which come in random order; nothing in place of photos that are private."""
    projection = result.measurement.projection
    if projection is None or (side == "real" and result.redacted):
        return ()
    places = projection.real if side == "real" else projection.synthetic
    return tuple(album.picture(image, side, result) for image in islice(places, SAMPLE))


def _map(result: SpecResult, groups: tuple[Group, ...]) -> Map | None:
    measurement = result.measurement
    if measurement.projection is None:
        return None
    links = {
        (card.finding.image_set, card.finding.image): (card.anchor, f"{group.score}: {cut(card.finding.image)}")
        for group in groups
        for card in group.cards
    }
    return draw_map(measurement.projection, links, (measurement.n_real, measurement.n_synthetic))


def facts(found: Mapping[str, object], *, listed: bool = False) -> Pairs:
    """Write facts as label and text; what is no text as JSON, or as words where tables such as versions are listed."""

    def text(value: object) -> str:
        if listed and isinstance(value, Mapping):
            return ", ".join(f"{name} {each}" for name, each in value.items())
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    return tuple((cut(label), cut(text(value))) for label, value in found.items())
