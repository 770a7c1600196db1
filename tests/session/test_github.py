"""Under GitHub Actions a run leaves a step summary and annotations; `--synth-markdown` writes the same anywhere."""

from pathlib import Path

import pytest

from .conftest import Project


@pytest.fixture
def summary(project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The step summary of a GitHub runner, whose checkout is the folder above the project."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", f"{project.path}/summary")
    monkeypatch.setenv("GITHUB_WORKSPACE", f"{project.path.parent}")
    return project.path / "summary"


def commands(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if line.startswith("::")]


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["one process", "two workers"])
def test_a_runner_is_given_the_summary_and_the_annotations(
    project: Project, summary: Path, workers: tuple[str, ...]
) -> None:
    project.specs("collapsed", "few", "honest")
    result = project.run_apart("--synth-markdown=out/note.md", *workers)
    result.assert_outcomes(passed=11, failed=1, warnings=2)
    text = (project.path / "out" / "note.md").read_text("utf-8")
    assert text.startswith("## synthgate: 1 of 9 gates failed: 'collapsed' repeats itself\n\n| spec |")
    assert summary.read_text("utf-8") == f"\n{text}"
    error, *warnings = commands(result)
    file = f"{project.path.name}/synth_x.toml"
    assert error.startswith(
        f"::error file={file},line=3,title=synthgate%3A unvaried failed::collapsed: unvaried 0.500 ["
    )
    assert " failed: 0.500 > 0.05%0A  60 of 120 synthetic images have a near-duplicate in the set; worst:%0A" in error
    assert [line.partition("::few")[0] for line in warnings] == [
        f"::warning file={file},line=5,title=synthgate%3A {score} inconclusive" for score in ("unvaried", "unoriginal")
    ]
    result.stdout.fnmatch_lines([f"Markdown: {project.path}/out/note.md", f"step summary: {summary}"])


def test_elsewhere_nothing_is_printed_or_written(
    project: Project, summary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS")
    project.specs("collapsed")
    result = project.run()
    result.assert_outcomes(passed=3, failed=1)
    assert commands(result) == []
    assert not summary.exists()


def test_a_run_that_measures_nothing_leaves_the_summary_alone(project: Project, summary: Path) -> None:
    project.write("test_it.py", "def test_it(): pass")
    project.write("synth_x.toml", "[spec.a]\nimages = 'x'")
    result = project.run()
    result.assert_outcomes(passed=1, skipped=4)
    result.stdout.no_fnmatch_line("step summary:*")
    assert not summary.exists()


def test_a_summary_that_cannot_be_written_is_told_and_fails_nothing(project: Project, summary: Path) -> None:
    summary.mkdir()
    project.specs("honest")
    result = project.run()
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines([f"step summary: {summary}: cannot be written (*)"])


def test_a_markdown_file_that_cannot_be_written_fails_the_run(project: Project) -> None:
    project.write("note.md/taken", "")
    project.specs("honest")
    result = project.run("--synth-markdown=note.md")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["Markdown: */note.md: cannot be written (*); choose another file"])


def test_a_name_that_a_failure_lists_is_no_command(project: Project, summary: Path) -> None:
    project.pictures("real", 40)
    (picture,) = project.pictures("drawn", 1)
    (project.path / "made").mkdir()
    for number in range(40):
        (project.path / "made" / f"::stop-commands::{number}.png").write_bytes(picture.read_bytes())
    project.picture_spec()
    result = project.run()
    result.stdout.fnmatch_lines(["    \\u003a:stop-commands::*.png = real *"])
    assert {line.split()[0] for line in result.outlines if line.lstrip().startswith("::")} == {"::error", "::warning"}
