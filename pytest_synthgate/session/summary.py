"""What a run says at its end: the table, what follows from it, and which files it left.

Part of the plugin; the controller's alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from pytest_synthgate.errors import SynthgateError
from pytest_synthgate.reports.conclusions import reading
from pytest_synthgate.reports.overview import aligned_rows, notes
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.session.current import run_of
from pytest_synthgate.session.outputs import only_measured, outputs
from pytest_synthgate.session.run import Run, spec_of
from pytest_synthgate.text.printable import shown, visible
from pytest_synthgate.text.wording import counted, quoted

_TONES = {"fail": {"red": True, "bold": True}, "warn": {"yellow": True}, "ok": {"green": True}}


def write_summary(reporter: Any, run: Run) -> None:
    """Print the table of all specs, the lines below it, where the files are, and what GitHub annotates."""
    results = run.receiver.results()
    measured = only_measured(results)
    _write_table(reporter, measured, reading(results))
    for note in dict.fromkeys([*run.receiver.notes, *notes(measured), *_baseline_notes(run, measured)]):
        reporter.write_line(f"note: {visible(note)}", yellow=True)
    for label, path, _ in outputs(run):
        if label not in run.unwritten:
            reporter.write_line(f"{label}: {shown(path)}")
        if label == "baseline":
            for line in run.accepted:
                reporter.write_line(f"  {visible(line)}")
            for line in run.refused:
                reporter.write_line(f"  {visible(line)}", red=True, bold=True)
    for label, reason in run.unwritten.items():
        reporter.write_line(f"{label}: {visible(reason)}", red=True, bold=True)
    if run.options.workspace is not None:
        from pytest_synthgate.reports.github import annotate

        for line in annotate(results, run.receiver.files(), run.options.workspace):
            reporter.write_line(line)


def _write_table(reporter: Any, results: Mapping[str, SpecResult], lines: Sequence[tuple[str, str]]) -> None:
    told = [(label, text) for label, text in lines if label != "error"]  # which the failures above have told
    if not results and not told:
        return
    reporter.section("synthgate: lower is better, 95% intervals", sep="=")
    for row in aligned_rows(results) if results else ():
        for cell in row:
            reporter.write(cell.text, **_TONES.get(cell.tone, {}))
        reporter.write("\n")
    for label, text in told:
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
        run.project.catalogue.load_all()
    except SynthgateError:  # of which the gates, or the collection, have told
        return []
    return undeclared(baseline, {*results, *run.project.catalogue.specs})


def write_prompts(session: pytest.Session) -> None:
    """Print what the specs of the collected items stand for, with `--synth-prompts`.

    Raises:
        pytest.UsageError: A prompt cannot be expanded.
    """
    from pytest_synthgate.reports.spec_in_words import describe_spec

    run = run_of(session.config)
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    write = sys.stdout.write if reporter is None else reporter.write
    write("\n")
    for spec in {spec.name: spec for item in session.items if (spec := spec_of(item))}.values():
        try:
            for line in describe_spec(spec, run.options.cache):
                write(f"{visible(line)}\n")
        except SynthgateError as error:
            raise pytest.UsageError(visible(str(error))) from None
