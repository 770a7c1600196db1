"""What could not be judged stands in every report: a green one would be the worst of all."""

import json
from pathlib import Path

import pytest

from .conftest import Project


@pytest.fixture
def half(project: Project) -> Project:
    """One spec that can be measured, and one whose images are not there."""
    project.specs("honest", "gone")
    return project


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_spec_that_cannot_be_measured_is_told_everywhere(half: Project, workers: tuple[str, ...]) -> None:
    run = half.run_apart if workers else half.run
    result = run(
        *workers,
        "--synth-json=out.json",
        "--synth-html=report.html",
        "--synth-markdown=note.md",
        "--synth-history=log.jsonl",
    )
    assert result.ret == 1
    result.stdout.fnmatch_lines(["FAILED synth_x.toml::gone::images - *gone.npy*"])
    result.stdout.no_fnmatch_line("gone * 0 / 0 *")
    spec = json.loads((half.path / "out.json").read_text("utf-8"))["specs"]["gone"]
    assert "gone.npy" in spec["error"]
    assert (spec["n_synthetic"], spec["gates"]) == (0, {})
    page = (half.path / "report.html").read_text("utf-8")
    assert "<title>1 of 2 specs could not be judged: &#39;gone&#39;</title>" in page
    assert "not judged</span>" in page
    assert (
        (half.path / "note.md").read_text("utf-8").startswith("## synthgate: 1 of 2 specs could not be judged: 'gone'")
    )
    assert [json.loads(line)["spec"] for line in (half.path / "log.jsonl").read_text("ascii").splitlines()] == [
        "honest"
    ]


def test_a_failed_gate_and_an_error_are_both_in_the_headline(project: Project) -> None:
    project.specs("collapsed", "gone")
    project.run("--synth-html=report.html")
    title = "1 of 2 specs could not be judged: &#39;gone&#39;; 1 of 3 gates failed: &#39;collapsed&#39; repeats itself"
    assert f"<title>{title}</title>" in (project.path / "report.html").read_text("utf-8")


def test_it_is_not_accepted_into_the_baseline(half: Project) -> None:
    result = half.run("--synth-update-baseline")
    result.stdout.fnmatch_lines(["  gone: not accepted, it could not be measured"])
    assert list(json.loads((half.path / "synthgate-baseline.json").read_text("utf-8"))["specs"]) == ["honest"]


def test_stored_results_without_a_measurement_are_refused_in_a_line(half: Project) -> None:
    half.run("--synth-json=out.json")
    result = half.run("--synth-results=out.json", "-k", "gone and images")
    result.stdout.fnmatch_lines(["FAILED synth_x.toml::gone::images - *spec 'gone' was not measured; measure again *"])


def test_a_gate_without_a_verdict_is_no_green_report(project: Project) -> None:
    project.specs("honest", extra="limits.unvaried = { regression = 0.01 }")
    project.write("synthgate-baseline.json", "broken")
    project.run("--synth-json=out.json", "--synth-markdown=note.md")
    spec = json.loads((project.path / "out.json").read_text("utf-8"))["specs"]["honest"]
    assert "synthgate-baseline.json" in spec["error"]
    assert spec["n_synthetic"] == 120
    assert "1 of 1 spec could not be judged" in (project.path / "note.md").read_text("utf-8")


def test_a_measured_spec_has_no_error(project: Project) -> None:
    project.specs("collapsed")
    project.run("--synth-json=out.json")
    spec = json.loads((project.path / "out.json").read_text("utf-8"))["specs"]["collapsed"]
    assert spec["error"] is None
    assert Path(spec["declared"]["images"]).name == "collapsed.npy"
