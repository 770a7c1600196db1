"""What a run leaves behind: the table at its end, and the files that were asked for.

Part of the plugin; the controller's alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pytest_synthgate.errors import SynthgateError
from pytest_synthgate.reports.declared import describe_spec
from pytest_synthgate.reports.github import annotate, append_summary
from pytest_synthgate.reports.markdown import write_markdown
from pytest_synthgate.reports.reading import reading
from pytest_synthgate.reports.table import notes
from pytest_synthgate.reports.terminal import table
from pytest_synthgate.results.file import write_results
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.session.run import Run, run_of
from pytest_synthgate.text.printable import shown, visible
from pytest_synthgate.text.wording import counted, quoted

_TONES = {"fail": {"red": True, "bold": True}, "warn": {"yellow": True}, "ok": {"green": True}}


def write_summary(reporter: Any, run: Run) -> None:
    """Print the table of all specs, the lines below it, where the files are, and what GitHub annotates.

    Args:
        reporter: pytest's terminal reporter.
        run: The run that ends.
    """
    results = run.receiver.results()
    measured = _measured(results)
    if measured:
        _write_table(reporter, measured)
    for note in dict.fromkeys([*run.receiver.notes, *notes(measured), *_baseline_notes(run, measured)]):
        reporter.write_line(f"note: {visible(note)}", yellow=True)
    for label, path, _ in _outputs(run):
        if label not in run.unwritten:
            reporter.write_line(f"{label}: {shown(path)}")
        if label == "baseline":
            _write_accepted(reporter, run)
    for label, reason in run.unwritten.items():
        reporter.write_line(f"{label}: {reason}", red=True, bold=True)
    if run.options.workspace is not None:
        for line in annotate(results, run.receiver.files(), run.options.workspace):
            reporter.write_line(line)


def _write_accepted(reporter: Any, run: Run) -> None:
    for line in run.accepted:
        reporter.write_line(f"  {visible(line)}")
    for line in run.refused:
        reporter.write_line(f"  {visible(line)}", red=True, bold=True)


def _measured(results: Mapping[str, SpecResult]) -> dict[str, SpecResult]:
    return {name: result for name, result in results.items() if result.measurement.n_synthetic}


def _write_table(reporter: Any, results: Mapping[str, SpecResult]) -> None:
    reporter.section("synthgate: lower is better, 95% intervals", sep="=")
    for row in table(results):
        for cell in row:
            reporter.write(cell.text, **_TONES.get(cell.tone, {}))
        reporter.write("\n")
    for label, text in reading(results):
        if label != "error":  # which the failures above have told
            reporter.write_line(f"{label}: {text}")


def _baseline_notes(run: Run, results: Mapping[str, SpecResult]) -> Iterator[str]:
    """Say which regressions nobody would see: those of limits without an accepted score, and of renamed specs."""
    regressions = [each for result in results.values() for each in result.verdicts if each.limit.regression is not None]
    if not regressions:
        return
    path, update = run.options.baseline, run.options.update_baseline
    if not update and (new := sum(each.verdict == "no baseline yet" for each in regressions)):
        gone = "" if path.exists() else f" ({shown(path)} is not there)"
        text = f"{counted(new, 'regression limit')} {'has' if new == 1 else 'have'} no baseline yet{gone}"
        yield f"{text}; accept the scores with --synth-update-baseline"
    if undeclared := _undeclared(run, results):
        names = ", ".join(map(quoted, undeclared))
        yield (
            f"{shown(path)} has {names}, which no spec file declares: "
            "a spec that was renamed has no baseline; `synthgate rebaseline --prune` removes what is left of it"
        )


def _undeclared(run: Run, results: Mapping[str, SpecResult]) -> list[str]:
    from pytest_synthgate.tracking.acceptance import undeclared
    from pytest_synthgate.tracking.baseline import read_baseline

    try:
        baseline = read_baseline(run.options.baseline)
        # Looking for spec files takes a walk through the project, which a run of all specs is spared.
        if not undeclared(baseline, results):
            return []
        run.catalogue.declared()
    except SynthgateError:  # of which the gates, or the collection, have told
        return []
    return undeclared(baseline, {*results, *run.catalogue.specs})


def write_files(session: pytest.Session, run: Run) -> None:
    """Write the files that were asked for; when one of them cannot be written the run fails, and ends as always."""
    results = run.receiver.results()
    measured = _measured(results)
    for label, path, write in _outputs(run):
        if not results or (
            label == "results" and not measured
        ):  # a report of errors is one, results of errors are none
            run.unwritten[label] = f"{shown(path)}: left as it was, for nothing was measured"
            if label == "baseline":
                _end_as_not_accepted(session)
            continue
        try:
            write(path, results)
        except SynthgateError as error:
            run.unwritten[label] = str(error)
            if path != run.options.step_summary:  # which nobody asked for
                session.exitstatus = pytest.ExitCode.USAGE_ERROR
    if run.refused:
        _end_as_not_accepted(session)


def _end_as_not_accepted(session: pytest.Session) -> None:
    """End as a run does whose options were not followed; a job that accepts failed gates lets those pass."""
    if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        session.exitstatus = pytest.ExitCode.USAGE_ERROR


def _outputs(run: Run) -> Iterator[tuple[str, Path, Callable[[Path, Mapping[str, SpecResult]], None]]]:
    """Give what each file is called in the summary, where it goes, and what writes it."""
    options = run.options
    if options.json is not None:
        yield "results", options.json, write_results
    if options.history is not None:
        yield "history", options.history, partial(_add_to_history, run)
    if options.html is not None:
        yield "report", options.html, partial(_write_html, run)
    if options.update_baseline:
        yield "baseline", options.baseline, partial(_accept, run)
    if options.markdown is not None:
        yield "Markdown", options.markdown, write_markdown
    if options.step_summary is not None and run.receiver:
        yield "step summary", options.step_summary, append_summary


def _accept(run: Run, path: Path, results: Mapping[str, SpecResult]) -> None:
    """Write the scores of this run into the baseline, and keep what there is to say about it."""
    from pytest_synthgate.tracking.acceptance import rewrite, updated
    from pytest_synthgate.tracking.provenance import provenance

    update = rewrite(
        path,
        partial(
            updated,
            results=results,
            date=run.today.isoformat(),
            commit=provenance(run.config.rootpath, os.environ).commit,
            accept_failing=run.options.accept_failing,
        ),
    )
    run.accepted += update.changes or ("nothing changed",)
    run.refused += update.refused
    if run.refused and not run.options.accept_failing:
        run.refused.append("run all gates and mend what fails, or add --synth-accept-failing")


def _add_to_history(run: Run, path: Path, results: Mapping[str, SpecResult]) -> None:
    from pytest_synthgate.tracking.history import append, rows
    from pytest_synthgate.tracking.provenance import provenance

    origin = provenance(run.config.rootpath, os.environ)
    append(path, rows(results, origin, datetime.now(UTC), run.receiver.durations))


def _write_html(run: Run, path: Path, results: Mapping[str, SpecResult]) -> None:
    """Write the report, and keep what there is to say about it for the summary."""
    from pytest_synthgate.reports.html.render import write_html
    from pytest_synthgate.reports.trend import read_trends

    trends, warnings = read_trends([] if run.options.history is None else [run.options.history], results)
    gap = write_html(path, results, max_findings=run.options.max_findings, trends=trends, remarks=warnings)
    run.receiver.notes += [*warnings, *([f"report: {gap}"] if gap else [])]


def write_prompts(config: pytest.Config) -> None:
    """Print what the collected specs stand for, with `--synth-prompts`.

    Raises:
        pytest.UsageError: A prompt cannot be expanded.
    """
    run = run_of(config)
    reporter = config.get_terminal_writer()
    reporter.line()
    for spec in run.catalogue.specs.values():
        try:
            for line in describe_spec(run.resolved(spec), run.options.cache):
                reporter.line(line)
        except SynthgateError as error:
            raise pytest.UsageError(str(error)) from None
