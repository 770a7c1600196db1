"""Tests in code: which specs they run for, what the fixtures give, how failures read."""

import json

import pytest

from .conftest import Project


def test_a_test_runs_once_for_each_declared_spec(project: Project) -> None:
    project.specs("honest", "fake")
    project.write("test_it.py", "def test_it(synth_spec): pass")
    result = project.run("test_it.py", "-v")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["test_it.py::test_it[[]honest] PASSED*", "test_it.py::test_it[[]fake] PASSED*"])


def test_a_marker_chooses_the_specs(project: Project) -> None:
    project.specs("honest", "fake", "copied")
    project.write(
        "test_it.py",
        """
import pytest

@pytest.mark.synth("fake", "copied")
def test_it(synth_spec):
    assert synth_spec.name in ("fake", "copied")
""",
    )
    project.run("test_it.py", "--strict-markers").assert_outcomes(passed=2)


def test_an_unknown_name_in_the_marker_is_an_error_in_one_line(project: Project) -> None:
    project.specs("honest", "fake")
    project.write("test_it.py", "import pytest\n@pytest.mark.synth('honset')\ndef test_it(synth_spec): pass")
    result = project.run("test_it.py")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ERROR collecting test_it.py*", "there is no spec 'honset'; did you mean 'honest'?"])


def test_a_test_without_any_spec_is_an_error_in_one_line(project: Project) -> None:
    project.write("test_it.py", "def test_it(synth_gate): pass")
    result = project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["no spec file (synth_[*].toml) below *; write one, or set synth_files"])


def test_two_files_with_one_name_are_an_error_for_every_module(project: Project) -> None:
    for name in ("a", "b"):
        project.write(f"{name}/synth_x.toml", "[spec.twice]\nimages = 'x'")
        project.write(f"test_{name}.py", "def test_it(synth_spec): pass")
    result = project.run("test_a.py", "test_b.py")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["b/synth_x.toml: [[]spec.twice] is declared in a/synth_x.toml too; *"] * 2)


def test_the_fixtures_give_spec_sets_and_measurement(project: Project) -> None:
    project.specs("copied")
    project.write(
        "test_it.py",
        """
def test_it(synth_spec, real_dataset, synth_dataset, synth_scores):
    assert synth_spec.name == "copied"
    assert (len(real_dataset), len(synth_dataset)) == (300, 120)
    assert (synth_scores.n_real, synth_scores.n_synthetic) == (300, 120)
    assert synth_scores.scores["unoriginal"].value == 0.25
""",
    )
    project.run("test_it.py").assert_outcomes(passed=1)


def test_check_applies_the_limits_of_the_spec(project: Project) -> None:
    project.specs("honest", "collapsed", "copied")
    project.write("test_it.py", "def test_it(synth_gate): synth_gate.check()")
    result = project.run("test_it.py", "-v")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*___ test_it[[]collapsed] ___*",
            "collapsed: unvaried 0.500 [[]*] failed: 0.500 > 0.05",
            "  60 of 120 synthetic images have a near-duplicate in the set; worst:",
            "*___ test_it[[]copied] ___*",
        ],
    )
    result.stdout.no_fnmatch_line("*checks.py*")


def test_check_warns_like_the_items(project: Project) -> None:
    project.specs("few")
    project.write("test_it.py", "def test_it(synth_gate): synth_gate.check()")
    project.run("test_it.py").assert_outcomes(passed=1, warnings=2)
    project.run("test_it.py", "--synth-strict").assert_outcomes(failed=1)


def test_check_of_expected_failures_is_an_expected_failure(project: Project) -> None:
    project.specs("collapsed", extra="xfail.unvaried = 'known'")
    project.write("test_it.py", "def test_it(synth_gate): synth_gate.check()")
    result = project.run("test_it.py", "-rx")
    result.assert_outcomes(xfailed=1)
    result.stdout.fnmatch_lines(["XFAIL test_it.py::test_it[[]collapsed] - unvaried: known"])


def test_check_fails_when_more_than_the_expected_fails(project: Project) -> None:
    project.specs("collapsed", extra="xfail.unvaried = 'known'\nlimits.collision_rate = 0\nlimits.unvaried = 0.05")
    project.write("test_it.py", "def test_it(synth_gate): synth_gate.check()")
    result = project.run("test_it.py")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["collapsed: collision_rate * failed: *"])
    result.stdout.no_fnmatch_line("collapsed: unvaried *")


def test_verdicts_of_check_reach_table_and_json(project: Project) -> None:
    project.specs("collapsed")
    project.write("test_it.py", "def test_it(synth_gate): synth_gate.check()")
    result = project.run("test_it.py", "--synth-json=out.json")
    result.stdout.fnmatch_lines(["collapsed *0.500 [[].157 .843] FAIL *"])
    gates = json.loads((project.path / "out.json").read_text("utf-8"))["specs"]["collapsed"]["gates"]
    assert {name: gate["verdict"] for name, gate in gates.items()} == {
        "unvaried": "failed",
        "unoriginal": "passed",
        "unreadable": "passed",
    }


def test_assert_scores_shows_the_evidence(project: Project) -> None:
    project.specs("copied")
    project.write(
        "test_it.py",
        """
from pytest_synthgate import assert_scores

def test_it(synth_scores):
    assert_scores(synth_scores, unvaried=0.05, unoriginal=0.25)
    assert_scores(synth_scores, unvaried=0.05, unoriginal=0.0)
""",
    )
    result = project.run("test_it.py")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            ">*assert_scores(synth_scores, unvaried=0.05, unoriginal=0.0)",
            "E  *AssertionError: scores: unoriginal 0.250 [[]0.175, 0.337] failed: 0.250 > 0",
            "E  *30 of 120 synthetic images are near-copies of real images; worst:",
        ]
    )


def test_a_comparison_with_limits_is_explained(project: Project) -> None:
    project.specs("copied")
    project.write(
        "test_it.py",
        """
from pytest_synthgate import Limits

def test_it(synth_scores):
    assert synth_scores <= Limits(unoriginal=0.25)
    assert synth_scores <= Limits(unoriginal=0.01)
""",
    )
    result = project.run("test_it.py")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E  *assert unoriginal 0.250 [[]0.175, 0.337] <= Limits(unoriginal=0.01)",
            "E  *scores: unoriginal 0.250 [[]0.175, 0.337] failed: 0.250 > 0.01",
            "E  *30 of 120 synthetic images are near-copies of real images; worst:",
        ]
    )


def test_other_comparisons_are_left_to_pytest(project: Project) -> None:
    project.write(
        "test_it.py",
        "from pytest_synthgate import Limits\ndef test_it(): assert {'unoriginal'} <= set()\n"
        "def test_limits(): assert Limits() == Limits(unvaried=1)",
    )
    result = project.run("test_it.py")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["E  *assert {'unoriginal'} <= set()", "E  *assert Limits() == Limits(unvaried=1)"])


@pytest.mark.parametrize("fixture", ["real_dataset", "synth_dataset", "synth_scores"])
def test_an_error_of_a_set_shows_one_line_in_code_too(project: Project, fixture: str) -> None:
    project.write("synth_x.toml", "[spec.a]\nreal = 'nowhere'\nimages = 'nowhere'")
    project.write("test_it.py", f"def test_it({fixture}): pass")
    result = project.run("test_it.py")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*nowhere: there is no such file or folder; *"])
    result.stdout.no_fnmatch_line("*plugin.py*")


def test_items_of_other_plugins_may_have_a_spec_of_their_own(project: Project) -> None:
    project.specs("honest")
    project.write("test_it.py", "def test_it(request): request.node.spec = 'theirs'")
    project.run().assert_outcomes(passed=5)


def test_tests_that_ask_for_nothing_are_left_alone(project: Project) -> None:
    project.write("test_it.py", "def test_it(): pass")
    result = project.run()
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*synthgate:*")


@pytest.mark.parametrize("order", [("extra.toml", "test_it.py"), ("test_it.py", "extra.toml")])
def test_a_named_file_counts_whatever_the_order_of_the_arguments(project: Project, order: tuple[str, str]) -> None:
    project.specs("honest")
    project.write("extra.toml", "[spec.extra]\nreal = 'DATA/real.npy'\nimages = 'DATA/few.npy'")
    project.write("test_it.py", "def test_it(synth_spec): pass")
    result = project.run(*order, "--collect-only", "-q")
    result.stdout.fnmatch_lines_random(["test_it.py::test_it[[]honest]", "test_it.py::test_it[[]extra]"])
    project.run("test_it.py", "--collect-only", "-q").stdout.no_fnmatch_line("*extra*")
