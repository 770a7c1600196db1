"""One spec on the page: its gates in plain words, both sets side by side, the map, the findings, and the groups."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from pytest_synthgate.reports.html.album import Album, Picture
from pytest_synthgate.reports.html.chart import Chart, charts
from pytest_synthgate.reports.html.findings import cut, picture
from pytest_synthgate.reports.html.flagged import Flagged, Group, group
from pytest_synthgate.reports.html.gates import Fold, Gate, gates_of
from pytest_synthgate.reports.html.groups import Table, table
from pytest_synthgate.reports.html.map import Map, draw
from pytest_synthgate.reports.marks import NOT_ALL_JUDGED, NOT_JUDGED, Mark
from pytest_synthgate.reports.trend import SpecTrend
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.text.printable import visible

SAMPLE = 12
"""Random images of each set on the contact sheet."""


@dataclass(frozen=True, slots=True)
class Section:
    """One spec."""

    name: str
    anchor: str
    error: str | None
    error_mark: Mark
    facts: tuple[tuple[str, str], ...]
    gates: tuple[Gate, ...]
    folds: tuple[Fold, ...]
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
    gates, folds = gates_of(result)
    return Section(
        name=visible(name),
        anchor=anchor,
        error=None if result.error is None else cut(result.error),
        error_mark=NOT_ALL_JUDGED if measurement.n_synthetic else NOT_JUDGED,
        facts=_facts(result),
        gates=gates,
        folds=folds,
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
