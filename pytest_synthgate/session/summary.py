"""What a run leaves behind: the table at its end, and the files that were asked for.

Part of the plugin; the controller's alone.
"""

from __future__ import annotations

from typing import Any

import pytest

from pytest_synthgate.errors import SynthgateError
from pytest_synthgate.reports.declared import describe_spec
from pytest_synthgate.reports.results import write_results
from pytest_synthgate.reports.terminal import notes, reading, table
from pytest_synthgate.session.run import Run, run_of

_TONES = {
    "failed": {"red": True, "bold": True},
    "warned": {"yellow": True},
    "undecided": {"yellow": True},
    "passed": {"green": True},
}


def write_summary(reporter: Any, run: Run) -> None:
    """Print the table of all specs and the lines below it.

    Args:
        reporter: pytest's terminal reporter.
        run: The run that ends.
    """
    results = run.results()
    if not results:
        return
    reporter.section("synthgate: lower is better, 95% intervals", sep="=")
    for row in table(results):
        for cell in row:
            reporter.write(cell.text, **_TONES.get(cell.tone, {}))
        reporter.write("\n")
    for line in reading(results):
        reporter.write_line(line)
    for note in dict.fromkeys([*run.received_notes, *notes(results)]):
        reporter.write_line(f"note: {note}", yellow=True)
    if run.options.json:
        reporter.write_line(f"results: {run.options.json}")


def write_files(run: Run) -> None:
    """Write the results file, if one was asked for and there is anything to write."""
    results = run.results()
    if run.options.json is None or not results:
        return
    try:
        write_results(run.options.json, results)
    except SynthgateError as error:
        pytest.exit(str(error), returncode=int(pytest.ExitCode.USAGE_ERROR))


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
