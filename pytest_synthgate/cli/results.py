"""Commands on what runs leave behind: render it again, accept a finding, follow the scores, print its schemas."""

from __future__ import annotations

import json
import sys
from datetime import date
from itertools import product
from pathlib import Path

import click

from pytest_synthgate.catalogue import check_outside
from pytest_synthgate.cli.shared import PATH, say
from pytest_synthgate.errors import ResultsError, SpecError
from pytest_synthgate.files.forms import Form
from pytest_synthgate.text.printable import shown, visible
from pytest_synthgate.text.wording import quoted


def _day(ctx: click.Context, param: click.Parameter, value: str) -> date:
    """Read `2027-01-31`."""
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise SpecError(f"--expires={quoted(value)} is no day; give one such as 2027-01-31") from None


@click.command("report")
@click.argument("results", nargs=-1, required=True, type=PATH)
@click.option("--html", type=PATH, help="Folder, or one self-contained FILE.html.")
@click.option("--markdown", type=PATH, help="File for a step summary or a merge-request note.")
@click.option("--redact-real", is_flag=True, help="Keep real photos, and their names, out of it.")
@click.option("--max-findings", type=click.IntRange(0), help="Findings with pictures.  [default: 200]")
@click.option("--history", multiple=True, type=PATH, help="Draw these histories in the report.")
def report_command(
    results: tuple[Path, ...],
    html: Path | None,
    markdown: Path | None,
    redact_real: bool,
    max_findings: int | None,
    history: tuple[Path, ...],
) -> None:
    """Render results files, several as one; pictures are shown where they are still in their place."""
    from pytest_synthgate.reports.html.page import MAX_FINDINGS, is_one_file, write_html
    from pytest_synthgate.reports.redaction import redacted
    from pytest_synthgate.reports.trend import read_trends
    from pytest_synthgate.results.file import read_all

    if html is None and markdown is None:
        raise ResultsError("nothing to write; give --html=DIR, --html=FILE.html or --markdown=FILE")
    found = read_all(results)
    if redact_real:
        found = {name: redacted(result) for name, result in found.items()}
    if html is not None:
        for result, (side, key) in product(found.values(), (("real", "real"), ("synthetic", "images"))):
            files, declared = result.images.get(side), result.declared.get(key)
            # The folder of a table is none of images; a page in one file is no picture.
            if files and declared and files.root.name == Path(declared).name and not is_one_file(html):
                check_outside(html, files.root)
        most = MAX_FINDINGS if max_findings is None else max_findings
        trends, warnings = read_trends(history, found)
        gap = write_html(html, found, max_findings=most, trends=trends, remarks=warnings)
        say(*warnings, *([gap] if gap else []), err=True)
        say(f"written: {html}")
    if markdown is not None:
        from pytest_synthgate.reports.markdown import write_markdown

        write_markdown(markdown, found)
        say(f"written: {markdown}")


@click.command("compare")
@click.argument("was", metavar="EARLIER", type=PATH)
@click.argument("now", metavar="LATER", type=PATH)
@click.option("--markdown", is_flag=True, help="Print Markdown, for a note on a merge request.")
def compare_command(was: Path, now: Path, markdown: bool) -> None:
    """Compare two results files, such as those of two branches.

    Exits with 1 when a score became worse, and with 2 when nothing could be compared.
    """
    from pytest_synthgate.reports.side_by_side import comparison_lines, comparison_markdown
    from pytest_synthgate.results.file import read_results
    from pytest_synthgate.tracking.comparison import compare_results

    found = compare_results(read_results(was), read_results(now))
    if found.nothing:
        files = f"{shown(was)} and {shown(now)}"
        raise ResultsError(f"{files}: nothing to compare, {visible(found.nothing)}; measure the same specs alike")
    say(comparison_markdown(found) if markdown else "\n".join(comparison_lines(found)))
    if found.of("worse"):
        sys.exit(1)


@click.command("waive")
@click.argument("results", type=PATH)
@click.argument("finding", metavar="FINDING_ID")
@click.option("--reason", required=True, help="Why it is acceptable.")
@click.option("--owner", required=True, help="Who answers for it.")
@click.option("--expires", required=True, metavar="DATE", callback=_day, help="The last day it holds, within a year.")
@click.option("--pair", is_flag=True, help="Waive the image beside this twin alone, not whatever it resembles.")
@click.option("--file", type=PATH, help="Spec file; without it, the one that declares the spec.")
def waive_command(
    results: Path, finding: str, reason: str, owner: str, expires: date, pair: bool, file: Path | None
) -> None:
    """Accept a finding of a results file until a day: append a waiver to the spec file."""
    from pytest_synthgate.cli.waive import waive
    from pytest_synthgate.spec.waivers import utc_today

    terms = {"reason": reason, "owner": owner, "expires": expires}
    say(waive(results, finding, terms, utc_today(), pair=pair, file=file))


@click.command("history")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=PATH)
@click.option("--spec", "names", metavar="SPEC", multiple=True, help="Show this spec alone; may be repeated.")
@click.option("--branch", "branches", metavar="NAME", multiple=True, help="Show runs of this branch; may be repeated.")
def history_command(files: tuple[Path, ...], names: tuple[str, ...], branches: tuple[str, ...]) -> None:
    """Print how scores went from run to run and where they changed for good.

    The files are those of `pytest --synth-history=FILE`; several are merged.
    """
    from pytest_synthgate.reports.trend import marks_for, trend_lines
    from pytest_synthgate.tracking.changes import trends
    from pytest_synthgate.tracking.history import of_branches, read_history

    rows, warnings = read_history(*files)
    say(*warnings, err=True)
    rows = of_branches(rows, branches)
    found = trends(rows, names)
    say(*trend_lines(found, marks_for(sys.stdout.encoding)))


@click.command("schema")
@click.argument("file", type=click.Choice(("spec", "results", "baseline", "history")))
def schema_command(file: str) -> None:
    """Print the JSON Schema of a kind of file, for editors and other programs."""
    from pytest_synthgate.results.file import ResultsFile
    from pytest_synthgate.spec.tables import spec_schema
    from pytest_synthgate.tracking.baseline import BaselineFile
    from pytest_synthgate.tracking.row import HistoryRow

    forms: dict[str, type[object]] = {"results": ResultsFile, "baseline": BaselineFile, "history": HistoryRow}
    made = spec_schema() if file == "spec" else Form(forms[file]).schema(f"synthgate {file}")
    say(json.dumps(made, indent=2))
