"""Every run adds a row a spec to the history, which the report draws."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from .conftest import Project


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("ascii").splitlines()]


def test_every_run_adds_a_row_a_spec(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_SHA", "c" * 40)
    project.specs("honest", "collapsed")
    result = project.run("--synth-history=log/history.jsonl")
    file = project.path / "log" / "history.jsonl"
    result.stdout.fnmatch_lines([f"history: {file.as_posix()}"])
    project.run("--synth-history=log/history.jsonl")
    found = rows(file)
    assert [row["spec"] for row in found] == ["collapsed", "honest"] * 2
    collapsed = found[0]
    assert collapsed["verdicts"]["unvaried"] == "failed"
    assert (collapsed["n_real"], collapsed["n_synthetic"], collapsed["commit"]) == (300, 120, "c" * 40)
    assert collapsed["scores"]["unvaried"]["value"] == pytest.approx(0.5)
    assert collapsed["flagged"]["unvaried"] == 60
    assert collapsed["duration"] > 0


def test_workers_leave_it_to_the_controller(project: Project) -> None:
    project.specs("honest", "collapsed")
    project.run_apart("-n2", "--synth-history=history.jsonl")
    assert [row["spec"] for row in rows(project.path / "history.jsonl")] == ["collapsed", "honest"]


def test_a_run_that_measures_nothing_adds_nothing(project: Project) -> None:
    project.specs("honest")
    project.run("--synth-history=history.jsonl", "-k", "nothing")
    assert not (project.path / "history.jsonl").exists()


def test_the_report_draws_it(project: Project) -> None:
    project.specs("honest", "collapsed")
    for _ in range(2):
        project.run("--synth-history=history.jsonl", "--synth-html=report.html")
    page = (project.path / "report.html").read_text("utf-8")
    assert page.count("From run to run") == 2
    assert "in 2 runs" in page
    assert re.search(r"synthgate report · \d{4}-\d\d-\d\d \d\d:\d\d UTC", page)


def test_the_report_and_the_summary_say_what_of_it_is_damaged(project: Project) -> None:
    project.specs("honest")
    project.run("--synth-history=history.jsonl")
    history = project.path / "history.jsonl"
    history.write_bytes(b"{damaged\n" + history.read_bytes())
    result = project.run("--synth-history=history.jsonl", "--synth-html=report.html")
    result.stdout.fnmatch_lines(["note: *history.jsonl: line 1: *; skipped"])
    assert "history.jsonl: line 1: " in (project.path / "report.html").read_text("utf-8")


def test_a_history_that_is_none_is_told_and_fails_the_run(project: Project) -> None:
    project.specs("honest")
    project.write("history.jsonl/x", "")
    result = project.run("--synth-history=history.jsonl", "--synth-json=out.json")
    result.stdout.fnmatch_lines(["history: *history.jsonl: cannot be written (*); choose another file"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert (project.path / "out.json").exists()


def test_the_time_of_a_spec_is_that_of_its_fixtures_too(project: Project) -> None:
    project.specs("honest")
    project.write("test_it.py", "def test_it(synth_scores): pass")
    project.write(
        "conftest.py",
        "import pytest\n@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport(item, call):\n"
        "    report = yield\n    report.duration = {'setup': 8.0, 'call': 1.0, 'teardown': 0.5}[report.when]\n"
        "    return report\n",
    )
    project.run("test_it.py", "--synth-history=log.jsonl")
    assert json.loads((project.path / "log.jsonl").read_text("ascii"))["duration"] == 9.5
