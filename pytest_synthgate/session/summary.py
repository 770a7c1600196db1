"""What a run leaves behind: the table at its end, and the files that were asked for.

Part of the plugin; the controller's alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pytest_synthgate.errors import ResultsError, SynthgateError
from pytest_synthgate.images.names import shown, visible
from pytest_synthgate.reports.declared import describe_spec
from pytest_synthgate.reports.github import annotate, append_summary
from pytest_synthgate.reports.markdown import write_markdown
from pytest_synthgate.reports.reading import reading
from pytest_synthgate.reports.results import SpecResult, write_results
from pytest_synthgate.reports.table import notes
from pytest_synthgate.reports.terminal import table
from pytest_synthgate.session.run import Run, run_of

_TONES = {
    "failed": {"red": True, "bold": True},
    "warned": {"yellow": True},
    "undecided": {"yellow": True},
    "passed": {"green": True},
}


def write_summary(reporter: Any, run: Run) -> None:
    """Print the table of all specs, the lines below it, where the files are, and what GitHub annotates.

    Args:
        reporter: pytest's terminal reporter.
        run: The run that ends.
    """
    if results := run.receiver.results():
        _write_table(reporter, results, run.receiver.notes)
    for label, path, _ in _outputs(run):
        if label not in run.unwritten:
            reporter.write_line(f"{label}: {shown(path)}")
    for label, reason in run.unwritten.items():
        reporter.write_line(f"{label}: {reason}", red=True, bold=True)
    if run.options.workspace is not None:
        for line in annotate(results, run.receiver.files(), run.options.workspace):
            reporter.write_line(line)


def _write_table(reporter: Any, results: Mapping[str, SpecResult], remarks: Sequence[str]) -> None:
    reporter.section("synthgate: lower is better, 95% intervals", sep="=")
    for row in table(results):
        for cell in row:
            reporter.write(cell.text, **_TONES.get(cell.tone, {}))
        reporter.write("\n")
    for label, text in reading(results):
        reporter.write_line(f"{label}: {text}")
    for note in dict.fromkeys([*remarks, *notes(results)]):
        reporter.write_line(f"note: {visible(note)}", yellow=True)


def write_files(session: pytest.Session, run: Run) -> None:
    """Write the files that were asked for; when one of them cannot be written the run fails, and ends as always."""
    results = run.receiver.results()
    for label, path, write in _outputs(run):
        if not results:
            run.unwritten[label] = f"{shown(path)}: left as it was, for nothing was measured"
            continue
        try:
            write(path, results)
        except ResultsError as error:
            run.unwritten[label] = str(error)
            if path != run.options.step_summary:  # which nobody asked for
                session.exitstatus = pytest.ExitCode.USAGE_ERROR


def _outputs(run: Run) -> Iterator[tuple[str, Path, Callable[[Path, Mapping[str, SpecResult]], None]]]:
    """Give what each file is called in the summary, where it goes, and what writes it."""
    options = run.options
    if options.json is not None:
        yield "results", options.json, write_results
    if options.html is not None:
        yield "report", options.html, partial(_write_html, max_findings=options.max_findings)
    if options.markdown is not None:
        yield "Markdown", options.markdown, write_markdown
    if options.step_summary is not None and run.receiver:
        yield "step summary", options.step_summary, append_summary


def _write_html(path: Path, results: Mapping[str, SpecResult], *, max_findings: int) -> None:
    from pytest_synthgate.reports.html.render import write_html

    write_html(path, results, max_findings=max_findings)


def write_prompts(config: pytest.Config) -> None:
    """Print what the collected specs stand for, with `--synth-prompts`.

    Raises:
        pytest.UsageError: A prompt cannot be expanded.
    """
    run = run_of(config)
    reporter = config.get_terminal_writer()
    reporter.line()
    for spec in run.specs.values():
        try:
            for line in describe_spec(run.resolved(spec), run.options.cache):
                reporter.line(line)
        except SynthgateError as error:
            raise pytest.UsageError(str(error)) from None
