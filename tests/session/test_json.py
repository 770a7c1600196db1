"""`--synth-json` and `--synth-results`: written whole or not at all, and judged where there are no images."""

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_synthgate.results.file import read_results

from .conftest import Project


def written(project: Project) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((project.path / "out.json").read_text("utf-8"))
    return document


def test_the_file_holds_specs_in_sorted_order_with_their_gates(project: Project) -> None:
    project.specs("honest", "copied", extra="xfail.unoriginal = 'known'\ncompare_to = 'honest'")
    project.run("--synth-json=out.json").stdout.fnmatch_lines([f"results: {project.path}/out.json"])
    assert list(written(project)["specs"]) == ["copied", "honest"]
    result = read_results(project.path / "out.json")["copied"]
    assert [(each.name, each.verdict) for each in result.verdicts] == [
        ("unvaried", "passed"),
        ("unoriginal", "failed"),
        ("unreadable", "passed"),
    ]
    assert (result.compare_to, dict(result.expected)) == ("honest", {"unoriginal": "known"})


def test_nothing_is_left_beside_the_file(project: Project) -> None:
    project.specs("honest")
    project.run("--synth-json=out/deep/out.json")
    assert [path.name for path in (project.path / "out" / "deep").iterdir()] == ["out.json"]


@pytest.mark.parametrize("place", ["directory", "file/out.json"])
def test_a_place_that_cannot_be_written_fails_the_run_but_keeps_its_summary(project: Project, place: str) -> None:
    project.specs("collapsed")
    project.write("directory/note.txt", "")
    project.write("file", "")
    result = project.run(f"--synth-json={place}", "--junitxml=junit.xml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        [f"results: */{place}: cannot be written (*); choose another file", "FAILED *unvaried*"]
    )
    assert (project.path / "junit.xml").is_file()
    assert not list(project.path.rglob("*.part"))


def test_a_run_that_measures_nothing_leaves_the_file_and_says_so(project: Project) -> None:
    project.write("synth_x.toml", "[spec.a]\nimages = 'x'")
    project.write("out.json", "before")
    result = project.run("--synth-json=out.json")
    result.assert_outcomes(skipped=4)
    result.stdout.fnmatch_lines(["results: */out.json: left as it was, for nothing was measured"])
    assert (project.path / "out.json").read_text() == "before"


def test_a_run_that_fails_to_measure_leaves_the_file_and_says_so(project: Project) -> None:
    project.write("synth_x.toml", "[spec.a]\nreal = 'x'\nimages = 'x'")
    project.write("out.json", "before")
    result = project.run("--synth-json=out.json")
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(["results: */out.json: left as it was, for nothing was measured"])
    assert (project.path / "out.json").read_text() == "before"


def test_a_run_without_spec_files_writes_nothing(project: Project) -> None:
    project.write("test_it.py", "def test_it(): pass")
    project.run("--synth-json=out.json").assert_outcomes(passed=1)
    assert not (project.path / "out.json").exists()


def test_numbers_are_plain_json(project: Project) -> None:
    project.specs("few", "fake")
    project.run("--synth-json=out.json")
    text = (project.path / "out.json").read_text("utf-8")
    assert "NaN" not in text
    assert "Infinity" not in text
    assert written(project)["specs"]["few"]["scores"]["unrealistic"]["value"] is None


# Judged elsewhere


@pytest.fixture
def elsewhere(project: Project) -> Project:
    """A project with results, whose sets are gone."""
    for name in ("real", "copied"):
        (project.path / f"{name}.npy").write_bytes((project.data / f"{name}.npy").read_bytes())
    project.write("synth_x.toml", "[spec.a]\nreal = 'real.npy'\nimages = 'copied.npy'")
    project.run("--synth-json=out.json")
    for name in ("real", "copied"):
        (project.path / f"{name}.npy").unlink()
    return project


def test_results_are_judged_without_images(elsewhere: Project) -> None:
    elsewhere.write("test_it.py", "def test_it(synth_gate): synth_gate.check()")
    result = elsewhere.run("--synth-results=out.json", "--synth-json=again.json", "--synth-real=ignored")
    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines(["a: unoriginal 0.250 [[]*] failed: 0.250 > 0.01"])
    assert (elsewhere.path / "again.json").read_bytes() == (elsewhere.path / "out.json").read_bytes()


def test_limits_are_those_of_the_run_not_of_the_results(elsewhere: Project) -> None:
    spec = elsewhere.path / "synth_x.toml"
    spec.write_text(f"{spec.read_text()}\nlimits.unoriginal = 0.5", "utf-8")
    elsewhere.run("--synth-results=out.json").assert_outcomes(passed=3)


def test_results_of_another_encoder_are_stale_whoever_named_it(elsewhere: Project) -> None:
    result = elsewhere.run("--synth-results=out.json", "--synth-encoder=efficientnet_lite0", "-k", "unvaried")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*out.json: stale for spec 'a': `encoder` was * and is \"efficientnet_lite0\" now*"])
    other = json.loads((elsewhere.path / "out.json").read_text("utf-8"))
    other["specs"]["a"]["declared"]["encoder"] = "efficientnet_lite0"
    elsewhere.write("out.json", json.dumps(other))
    elsewhere.run("--synth-results=out.json", "--synth-encoder=efficientnet_lite0").assert_outcomes(passed=3, failed=1)
    elsewhere.run("--synth-results=out.json").assert_outcomes(failed=4)


def test_results_of_another_spec_are_stale(elsewhere: Project) -> None:
    spec = elsewhere.path / "synth_x.toml"
    spec.write_text(f"{spec.read_text()}\ndefinition = 'studio'", "utf-8")
    result = elsewhere.run("--synth-results=out.json", "-k", "unvaried")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*out.json: stale for spec 'a': `definition` was *"])


def test_results_that_cannot_be_read_are_an_error_in_one_line(elsewhere: Project) -> None:
    Path(elsewhere.path / "out.json").write_text("{", "utf-8")
    result = elsewhere.run("--synth-results=out.json", "-k", "unvaried")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*out.json: not JSON (*); write it again"])
    result.stdout.no_fnmatch_line("E *")


def test_tests_that_need_images_are_skipped(elsewhere: Project) -> None:
    elsewhere.write("test_it.py", "def test_it(real_dataset): pass")
    elsewhere.run("--synth-results=out.json", "test_it.py").assert_outcomes(skipped=1)
