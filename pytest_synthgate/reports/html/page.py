"""A results file as a page: the verdict, the table, what to read from it, and a section for every spec.

Values only: what stands where and in which words. The template says how it looks, the album brings the pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata

from pytest_synthgate.reports.html.album import Album
from pytest_synthgate.reports.html.flagged import flagged_by_spec
from pytest_synthgate.reports.html.scoretable import ScoreTable, score_table
from pytest_synthgate.reports.html.section import Section, section
from pytest_synthgate.reports.reading import failed_gates, headline, reading
from pytest_synthgate.reports.table import notes
from pytest_synthgate.reports.trend import SpecTrend, run_of
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.text.printable import visible

Results = Mapping[str, SpecResult]


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report.

    Attributes:
        verdict: The verdict in one sentence.
        tone: Its tone: "fail" or "ok".
        run: When and of which commit the numbers are, where a history knows that and it is one run.
        table: The scores of all specs.
        reading: Label and text of every line below it.
        notes: What a reader of the numbers should know.
        sections: One a spec, those that failed the build first.
        redacted: Whether real photos are left out.
        version: Of the package.
    """

    verdict: str
    tone: str
    run: str | None
    table: ScoreTable
    reading: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    sections: tuple[Section, ...]
    redacted: bool
    version: str


def page(
    results: Results,
    album: Album,
    max_findings: int,
    trends: Mapping[str, SpecTrend],
    remarks: Sequence[str] = (),
) -> Page:
    """Lay out the report.

    Args:
        results: Result by spec name, in the order of the table.
        album: Takes in the pictures that are shown.
        max_findings: Findings that have pictures; the worst of every spec and score take turns.
        trends: How the scores of each spec went from run to run, where a history is known.
        remarks: What else a reader should know.
    """
    anchors = {name: f"spec-{number}" for number, name in enumerate(results, 1)}
    flagged = flagged_by_spec(results, max_findings)
    sections = tuple(
        section(
            name,
            anchors[name],
            result,
            album,
            flagged[name],
            trends.get(name),
        )
        for name, result in results.items()
    )
    failing = {name for name, _ in failed_gates(results)} | {name for name, each in results.items() if each.error}
    by_name = zip(results, sections, strict=True)
    return Page(
        verdict=headline(results),
        tone="fail" if failing else "ok",
        run=_one_run(results, trends),
        table=score_table(results, anchors),
        reading=tuple(reading(results)),
        notes=tuple(visible(note) for note in (*remarks, *notes(results))),
        sections=tuple(each for _, each in sorted(by_name, key=lambda pair: pair[0] not in failing)),
        redacted=any(result.redacted for result in results.values()),
        version=metadata.version("pytest-synthgate"),
    )


def _one_run(results: Results, trends: Mapping[str, SpecTrend]) -> str | None:
    measured = [(name, each) for name, each in results.items() if each.measurement.n_synthetic]
    found = {run_of(trends[name], each) if name in trends else None for name, each in measured}
    return found.pop() if len(found) == 1 else None
