"""One spec on the page: its gates in plain words, both sets side by side, the map, the findings, and the groups."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from pytest_synthgate.gating.gates import Verdict
from pytest_synthgate.reports.explain import help_lines, with_interval
from pytest_synthgate.reports.html.album import Album, Picture
from pytest_synthgate.reports.html.chart import Chart, charts
from pytest_synthgate.reports.html.findings import cut, picture
from pytest_synthgate.reports.html.flagged import Flagged, Group, group
from pytest_synthgate.reports.html.groups import Table, table
from pytest_synthgate.reports.html.map import Map, draw
from pytest_synthgate.reports.marks import Mark, mark
from pytest_synthgate.reports.trend import SpecTrend
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.text.printable import visible

SAMPLE = 12
"""Random images of each set on the contact sheet."""

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


def section(
    name: str,
    anchor: str,
    result: SpecResult,
    album: Album,
    flagged: Sequence[Flagged],
    trend: SpecTrend | None = None,
) -> Section:
    """Lay out the section of a spec.

    Args:
        name: The spec's name.
        anchor: Id of the section on the page.
        result: What is known about the spec.
        album: Takes in the pictures that are shown.
        flagged: Its findings, and the places they have on the page.
        trend: How its scores went from run to run, where a history is known.
    """
    measurement = result.measurement
    groups = tuple(group(name, f"{anchor}-{number}", found, result, album) for number, found in enumerate(flagged, 1))
    return Section(
        name=visible(name),
        anchor=anchor,
        error=None if result.error is None else cut(result.error),
        facts=_facts(result),
        gates=_gates(result),
        synthetic=_sheet(result, "synthetic", album),
        real=_sheet(result, "real", album),
        map=_map(result, flagged, groups),
        groups=groups,
        unreadable=tuple(
            f"{cut(each.image)} ({each.image_set}): {cut(each.reason)}" for each in measurement.unreadable
        ),
        tables=tuple(table(axis, found, measurement.scores) for axis, found in measurement.breakdown.items() if found),
        charts=() if trend is None else charts(trend, result.verdicts),
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


def _map(result: SpecResult, found: Iterable[Flagged], groups: Iterable[Group]) -> Map | None:
    measurement = result.measurement
    if measurement.projection is None:
        return None
    shown = {
        (each.image_set, each.image): (card.anchor, f"{group.score}: {card.ends[0].name}")
        for flagged, group in zip(found, groups, strict=True)
        for each, card in zip(flagged.findings, group.cards, strict=False)
    }
    flags = ((*image, *link) for image, link in shown.items())
    return draw(measurement.projection, flags, (measurement.n_real, measurement.n_synthetic))


def _pairs(facts: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Write facts as label and text; what is no text as JSON."""
    return tuple(
        (cut(label), cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
        for label, value in facts.items()
    )
