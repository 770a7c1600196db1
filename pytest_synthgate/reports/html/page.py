"""A results file as a page: the verdict, the table, what to read from it, and a section for every spec.

Values only: what stands where and in which words. The template says how it looks, the album brings the pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata

from pytest_synthgate.reports.html.album import Album
from pytest_synthgate.reports.html.bars import Bar, Scale, bar, scale_of
from pytest_synthgate.reports.html.findings import dealt
from pytest_synthgate.reports.html.section import Section, groups_of, section
from pytest_synthgate.reports.marks import Mark, gravest, mark
from pytest_synthgate.reports.reading import failed_gates, headline, reading
from pytest_synthgate.reports.table import COLUMNS, notes, yardsticks
from pytest_synthgate.reports.trend import SpecTrend
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.scores.score import Score
from pytest_synthgate.text.printable import visible

Results = Mapping[str, SpecResult]


@dataclass(frozen=True, slots=True)
class Cell:
    """One score of one spec: its number, its bar, and the gravest verdict on it; all None where there is none."""

    score: str
    value: str | None
    interval: str | None
    bar: Bar | None
    mark: Mark | None


@dataclass(frozen=True, slots=True)
class Row:
    """One spec of the table, or the yardstick, which has no anchor."""

    name: str
    anchor: str | None
    images: str
    rung: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report.

    Attributes:
        verdict: The verdict in one sentence.
        tone: Its tone: "fail" or "ok".
        columns: Name of every score of the table and the axis of its bars.
        rows: The table.
        reading: Label and text of every line below it.
        notes: What a reader of the numbers should know.
        sections: One a spec, those that failed the build first.
        redacted: Whether real photos are left out.
        version: Of the package.
    """

    verdict: str
    tone: str
    columns: tuple[tuple[str, Scale], ...]
    rows: tuple[Row, ...]
    reading: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    sections: tuple[Section, ...]
    redacted: bool
    version: str


def page(results: Results, album: Album, max_findings: int, trends: Mapping[str, SpecTrend]) -> Page:
    """Lay out the report.

    Args:
        results: Result by spec name, in the order of the table.
        album: Takes in the pictures that are shown.
        max_findings: Findings that have pictures; the worst of every spec and score take turns.
        trends: How the scores of each spec went from run to run, where a history is known.
    """
    scales = {score: _scale(score, results) for score in COLUMNS}
    rows = [_row(name, f"spec-{number}", result, scales) for number, (name, result) in enumerate(results.items(), 1)]
    sizes = {(name, score): len(found) for name, result in results.items() for score, found in groups_of(result)}
    shares = dealt(sizes, max_findings)
    sections = tuple(
        section(
            name,
            f"spec-{number}",
            result,
            album,
            {score: shares[name, score] for score, _ in groups_of(result)},
            trends.get(name),
        )
        for number, (name, result) in enumerate(results.items(), 1)
    )
    failing = {name for name, _ in failed_gates(results)} | {name for name, each in results.items() if each.error}
    by_name = zip(results, sections, strict=True)
    return Page(
        verdict=headline(results),
        tone="fail" if failing else "ok",
        columns=tuple(scales.items()),
        rows=(*rows, *(_yardstick(each, scales) for each in yardsticks(results))),
        reading=tuple(reading(results)),
        notes=tuple(visible(note) for note in notes(results)),
        sections=tuple(each for _, each in sorted(by_name, key=lambda pair: pair[0] not in failing)),
        redacted=any(result.redacted for result in results.values()),
        version=metadata.version("pytest-synthgate"),
    )


def _scale(score: str, results: Results) -> Scale:
    values: list[float | None] = []
    for result in results.values():
        for each in (result.measurement.scores.get(score), result.measurement.yardstick.get(score)):
            values += [] if each is None else [each.low, each.value, each.high]
        mine = [verdict for verdict in result.verdicts if verdict.score == score]
        values += [each for verdict in mine for each in (verdict.limit.max, verdict.baseline)]
    return scale_of(score, (each for each in values if each is not None))


def _row(name: str, anchor: str, result: SpecResult, scales: Mapping[str, Scale]) -> Row:
    measurement = result.measurement
    return Row(
        visible(name),
        anchor,
        f"{measurement.n_synthetic:,} / {measurement.n_real:,}",
        f"{measurement.rung:,}" if measurement.rung else "–",  # noqa: RUF001 (a dash)
        tuple(_cell(score, result, scale) for score, scale in scales.items()),
    )


def _cell(score: str, result: SpecResult, scale: Scale) -> Cell:
    verdicts = [verdict for verdict in result.verdicts if verdict.score == score]
    whole = next((verdict for verdict in verdicts if verdict.group is None), None)
    yardstick = result.measurement.yardstick.get(score, Score(None)).value
    return _drawn(
        score,
        result.measurement.scores.get(score, Score(None)),
        scale,
        limit=None if whole is None else whole.limit.max,
        baseline=None if whole is None else whole.baseline,
        yardstick=yardstick,
        found=gravest(mark(result, verdict) for verdict in verdicts),
    )


def _drawn(
    score: str,
    measured: Score,
    scale: Scale,
    *,
    limit: float | None = None,
    baseline: float | None = None,
    yardstick: float | None = None,
    found: Mark | None = None,
) -> Cell:
    low, value, high = measured.low, measured.value, measured.high
    if low is None or value is None or high is None:
        return Cell(score, None, None, None, found)
    drawn = bar(scale, (low, value, high), limit=limit, baseline=baseline, yardstick=yardstick)
    return Cell(score, f"{value:.3f}", f"{low:.3f} to {high:.3f}", drawn, found)


def _yardstick(measurement: Measurement, scales: Mapping[str, Scale]) -> Row:
    rung = measurement.yardstick_rung
    return Row(
        "real against real",
        None,
        f"halves of {measurement.n_real:,}",
        f"{rung:,}" if rung else "–",  # noqa: RUF001 (a dash)
        tuple(_drawn(score, measurement.yardstick.get(score, Score(None)), scale) for score, scale in scales.items()),
    )
