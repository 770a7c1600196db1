"""Runs in which plugins that pytest brings are blocked: no option of theirs is there to be read."""

import pytest

from .conftest import Project

PLUGINS = ("terminal", "skipping", "junitxml", "cacheprovider", "xdist", "warnings", "capture", "assertion", "reports")


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_project_without_specs_runs_as_without_the_plugin(project: Project, plugin: str) -> None:
    project.write("test_it.py", "def test_it(): pass")
    assert project.run_apart("-p", f"no:{plugin}").ret == pytest.ExitCode.OK


@pytest.mark.parametrize("plugin", PLUGINS)
def test_specs_are_judged_all_the_same(project: Project, plugin: str) -> None:
    project.specs("honest", "collapsed", extra="xfail.unvaried = 'known'")
    project.write("test_it.py", "def test_it(synth_gate): synth_gate.check()")
    result = project.run_apart("-p", f"no:{plugin}", "--synth-json=out.json", "--synth-html=report")
    # What lets a test fail is gone with `skipping`.
    assert result.ret == (pytest.ExitCode.TESTS_FAILED if plugin == "skipping" else pytest.ExitCode.OK)
    assert (project.path / "out.json").is_file()
    assert (project.path / "report" / "index.html").is_file()


def test_prompts_are_printed_without_a_terminal_reporter(project: Project) -> None:
    project.write("synth_x.toml", "[spec.a]\nreal = 'x'\nprompt = 'A kite'\nper_prompt = 2")
    result = project.run_apart("-p", "no:terminal", "--synth-prompts")
    assert "2  A kite" in result.stdout.str()
