"""The files that a run leaves: which were asked for, what writes each, and how the run ends when one is not written.

For each failed gate a contact sheet goes beside the JUnit file, and is linked from it.

Part of the plugin; the controller's alone.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_synthgate.errors import SynthgateError
from pytest_synthgate.files.replacing import replace_file
from pytest_synthgate.images.tree import OUTPUT_MARK
from pytest_synthgate.text.printable import portable, shown, unused, visible

if TYPE_CHECKING:
    from pytest_synthgate.reports.junit import GateKey
    from pytest_synthgate.results.result import SpecResult
    from pytest_synthgate.session.run import Run

_SUFFIX = ".sheet.jpg"
# Brackets and bars end the path for those who read `[[ATTACHMENT|path]]`, and XML cannot hold every letter.
_NOT_IN_A_LINK = re.compile(r"[^\w.-]+")


def write_files(session: pytest.Session, run: Run) -> None:
    """Write the files that were asked for; when one of them cannot be written the run fails, and ends as always."""
    results = run.receiver.results()
    measured = only_measured(results)
    unreadable = any(result.measurement.unreadable for result in results.values())
    for label, path, write in outputs(run):
        # A report of errors is one, results of errors are none; but those say which files cannot be read.
        if not results or (label == "results" and not (measured or unreadable)):
            run.unwritten[label] = f"{shown(path)}: left as it was, for nothing was measured"
            if label == "baseline":
                _end_as_not_accepted(session)
            continue
        try:
            write(path, results)
        except SynthgateError as error:
            run.unwritten[label] = visible(str(error))
            if path != run.options.step_summary:  # which nobody asked for
                session.exitstatus = pytest.ExitCode.USAGE_ERROR
    if run.refused:
        _end_as_not_accepted(session)


def _end_as_not_accepted(session: pytest.Session) -> None:
    """End as a run does whose options were not followed; a job that accepts failed gates lets those pass."""
    if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        session.exitstatus = pytest.ExitCode.USAGE_ERROR


def outputs(run: Run) -> Iterator[tuple[str, Path, Callable[[Path, Mapping[str, SpecResult]], None]]]:
    """Give what each file is called in the summary, where it goes, and what writes it."""
    options = run.options
    files = (
        ("results", options.json, _write_results),
        ("history", options.history, partial(_add_to_history, run)),
        ("report", options.html, partial(_write_html, run)),
        ("baseline", options.baseline if options.update_baseline else None, partial(_accept, run)),
        ("Markdown", options.markdown, _write_markdown),
        ("step summary", options.step_summary if run.receiver else None, _append_summary),
    )
    return ((label, path, write) for label, path, write in files if path is not None)


def _write_results(path: Path, results: Mapping[str, SpecResult]) -> None:
    from pytest_synthgate.results.file import write_results

    write_results(path, results)


def _write_markdown(path: Path, results: Mapping[str, SpecResult]) -> None:
    from pytest_synthgate.reports.markdown import write_markdown

    write_markdown(path, results)


def _append_summary(path: Path, results: Mapping[str, SpecResult]) -> None:
    from pytest_synthgate.reports.github import append_summary

    append_summary(path, results)


def _accept(run: Run, path: Path, results: Mapping[str, SpecResult]) -> None:
    """Write the scores of this run into the baseline, and keep what there is to say about it."""
    from pytest_synthgate.tracking.acceptance import rewrite, updated
    from pytest_synthgate.tracking.provenance import provenance

    update = rewrite(
        path,
        partial(
            updated,
            results=results,
            date=run.project.today.isoformat(),
            commit=provenance(run.config.rootpath, os.environ).commit,
            accept_failing=run.options.accept_failing,
        ),
    )
    run.accepted += update.changes or ("nothing changed",)
    run.refused += update.refused
    if run.refused and not run.options.accept_failing:
        run.refused.append("run all gates and mend what fails, or add --synth-accept-failing")


def _add_to_history(run: Run, path: Path, results: Mapping[str, SpecResult]) -> None:
    from pytest_synthgate.tracking.history import append, history_rows
    from pytest_synthgate.tracking.provenance import provenance

    origin = provenance(run.config.rootpath, os.environ)
    append(path, history_rows(results, origin, datetime.now(UTC), run.receiver.durations))


def _write_html(run: Run, path: Path, results: Mapping[str, SpecResult]) -> None:
    """Write the report, and keep what there is to say about it for the summary."""
    from pytest_synthgate.reports.html.page import write_html
    from pytest_synthgate.reports.trend import read_trends

    trends, warnings = read_trends([] if run.options.history is None else [run.options.history], results)
    gap = write_html(path, results, max_findings=run.options.max_findings, trends=trends, remarks=warnings)
    run.receiver.notes += [*warnings, *([f"report: {gap}"] if gap else [])]


def only_measured(results: Mapping[str, SpecResult]) -> dict[str, SpecResult]:
    """Leave out the specs of which nothing is known but an error."""
    return {name: result for name, result in results.items() if result.measurement.n_synthetic}


def attach_sheets(run: Run) -> None:
    """Draw the sheets and link them; what cannot be written is told at the end of the run, and changes nothing else."""
    xml = run.options.junit
    if xml is None:
        return
    from pytest_synthgate.reports.junit import link_pictures

    folder = xml.with_name(_linkable(f"{xml.stem}-images"))
    try:
        if sheets := _write_sheets(folder, run.receiver.results()):
            link_pictures(xml, {gate: _reference(run.config, sheet) for gate, sheet in sheets.items()})
    except Exception as error:  # noqa: BLE001 (no picture is worth a run)
        run.unwritten["contact sheets"] = visible(str(error) or type(error).__name__)


def _write_sheets(folder: Path, results: Mapping[str, SpecResult]) -> dict[GateKey, Path]:
    """Write a sheet for each failed gate that has one, and remove those of an earlier run."""
    from pytest_synthgate.reports.conclusions import failed_gates
    from pytest_synthgate.reports.contact_sheet import contact_sheet
    from pytest_synthgate.reports.junit import gate_of

    for old in (*folder.glob(f"*{_SUFFIX}"), *folder.glob(OUTPUT_MARK)):
        old.unlink(missing_ok=True)
    written: dict[GateKey, Path] = {}
    names: set[str] = set()
    for name, verdict in failed_gates(results):
        if (sheet := contact_sheet(name, verdict, results[name])) is None:
            continue
        mark = hashlib.sha256(f"{name}\0{verdict.name}".encode("utf-8", "surrogatepass")).hexdigest()
        path = folder / unused(_linkable(f"{name}-{verdict.name}"), _SUFFIX, mark, names)
        replace_file(folder / OUTPUT_MARK, b"")
        replace_file(path, sheet)
        written[gate_of(name, verdict)] = path
    return written


def _linkable(name: str) -> str:
    return portable(_NOT_IN_A_LINK.sub("-", name).strip("-"))


def _reference(config: pytest.Config, sheet: Path) -> str:
    """Write a path as the CI system looks for it: Jenkins in its file system, GitLab from the root of the project."""
    if os.environ.get("JENKINS_URL"):
        return str(sheet)
    start = os.environ.get("CI_PROJECT_DIR") or config.invocation_params.dir
    try:
        return Path(os.path.relpath(sheet, start)).as_posix()
    except ValueError:  # on another drive
        return str(sheet)
