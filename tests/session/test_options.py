"""Options: where paths start from, what overrides what, and words that pytest takes for something else."""

import json
from pathlib import Path

import pytest

from .conftest import Project

LIMITS = "limits.unoriginal = 0.01"


def real_counts(project: Project, path: str = "out.json") -> dict[str, int]:
    specs = json.loads((project.path / path).read_text("utf-8"))["specs"]
    return {name: spec["n_real"] for name, spec in specs.items()}


@pytest.fixture
def elsewhere(project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the project that pytest is started in; photo sets are links to vectors."""
    folder = project.path / "sub" / "folder"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def test_a_path_in_a_spec_starts_from_its_file(project: Project, elsewhere: Path) -> None:
    (project.path / "specs").mkdir()
    (project.path / "specs" / "photos.npy").symlink_to(project.data / "real.npy")
    project.write("specs/synth_x.toml", f"[spec.a]\nreal = 'photos.npy'\nimages = 'DATA/honest.npy'\n{LIMITS}")
    project.run("../..", "--synth-json=../../out.json").assert_outcomes(passed=3)
    assert real_counts(project) == {"a": 300}


def test_a_path_on_the_command_line_starts_from_the_current_directory(project: Project, elsewhere: Path) -> None:
    (elsewhere / "photos.npy").symlink_to(project.data / "real.npy")
    project.write("synth_x.toml", f"[spec.a]\nreal = 'DATA/few.npy'\nimages = 'DATA/honest.npy'\n{LIMITS}")
    project.run("../..", "--synth-real=photos.npy", "--synth-json=out.json").assert_outcomes(passed=3)
    assert real_counts(project, "sub/folder/out.json") == {"a": 300}


def test_a_path_in_an_ini_starts_from_the_rootdir(project: Project, elsewhere: Path) -> None:
    (project.path / "photos.npy").symlink_to(project.data / "real.npy")
    project.write("tox.ini", "[pytest]\nsynth_real = photos.npy\nsynth_json = out/out.json\nsynth_cache = store")
    project.write("synth_x.toml", f"[spec.a]\nreal = 'DATA/few.npy'\nimages = 'DATA/honest.npy'\n{LIMITS}")
    project.pytester.runpytest_inprocess("../..", "-pno:hypothesispytest").assert_outcomes(passed=3)
    assert real_counts(project, "out/out.json") == {"a": 300}
    assert (project.path / "store" / "store.sqlite").is_file()


def test_the_command_line_overrides_the_ini(project: Project) -> None:
    project.write("tox.ini", "[pytest]\nsynth_real = nowhere")
    project.specs("honest")
    project.run(f"--synth-real={project.data}/real.npy").assert_outcomes(passed=4)


def test_the_store_is_in_the_rootdir_unless_said_otherwise_and_stays_out_of_version_control(project: Project) -> None:
    project.specs("few")
    project.pytester.runpytest_inprocess("-k", "images", "-pno:hypothesispytest").assert_outcomes(passed=1)
    assert (project.path / ".synthgate" / ".gitignore").read_text() == "*\n"


def test_a_store_that_cannot_be_written_is_an_error_in_one_line(project: Project) -> None:
    project.specs("few")
    project.write("file", "")
    result = project.run("--synth-cache=file/store", "-k", "images")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*file/store cannot be written (*); name another directory with --synth-cache=DIR"])


@pytest.mark.parametrize("option", ["--synth-real", "--synth-json", "--synth-cache", "--synth-baseline"])
def test_a_path_that_pytest_took_for_a_root_is_pointed_out(project: Project, option: str) -> None:
    project.write("project/synth_x.toml", "[spec.a]\nimages = 'DATA/honest.npy'")
    project.write("photos/a.png", "")
    result = project.run("project", option, "photos", "--collect-only")
    result.stdout.fnmatch_lines(
        [f"synthgate: pytest took 'photos' for a place to find its rootdir from (now *); write {option}=photos"]
    )


@pytest.mark.parametrize("words", [["--synth-real=photos"], ["--synth-real", "nowhere"]])
def test_other_ways_of_writing_it_are_not(project: Project, words: list[str]) -> None:
    project.write("photos/a.png", "")
    project.run(*words, "--collect-only").stdout.no_fnmatch_line("*synthgate: pytest took*")


def test_every_option_that_a_project_sets_once_is_an_ini_and_has_help(project: Project) -> None:
    text = project.run("--help").stdout.str()
    options = {line.split()[0].split("=")[0] for line in text.splitlines() if line.startswith("  --synth-")}
    inis = {line.split()[0] for line in text.splitlines() if line.startswith("  synth_")}
    assert {"--synth-real", "--synth-json", "--synth-cache", "--synth-encoder", "--synth-results"} <= options
    once = {"synth_prompts", "synth_update_baseline", "synth_accept_failing"}
    assert {name.removeprefix("--").replace("-", "_") for name in options} - inis == once


def test_the_marker_is_described(project: Project) -> None:
    project.run("--markers").stdout.fnmatch_lines(["@pytest.mark.synth([*]names): run the test once for each of *"])


def test_an_ini_that_cannot_be_meant_is_a_usage_error(project: Project) -> None:
    project.write("tox.ini", "[pytest]\nsynth_generate = maybe")
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: *tox.ini: synth_generate = 'maybe' is not valid; give one of auto, never, again"]
    )
