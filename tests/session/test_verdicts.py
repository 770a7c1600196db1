"""What each verdict does to its item, loosely and strictly, with expected failures, and without a real set."""

import json

import pytest

from .conftest import Project

HONEST = '[spec.a]\nreal = "DATA/real.npy"\nimages = "DATA/honest.npy"\n'
FEW = '[spec.a]\nreal = "DATA/real.npy"\nimages = "DATA/few.npy"\n'
FAKE = '[spec.a]\nreal = "DATA/real.npy"\nimages = "DATA/fake.npy"\n'
COLLAPSED = '[spec.a]\nreal = "DATA/real.npy"\nimages = "DATA/collapsed.npy"\n'

# Verdict -> spec, gate, and what else it says; all scores are those of the sets in `conftest`.
VERDICTS = {
    "passed": (HONEST, "unvaried", "limits.unvaried = 0.05"),
    "warned": (FAKE, "unrealistic", "limits.unrealistic = { max = 0.999, warn = 0.9 }"),
    "failed": (FAKE, "unrealistic", "limits.unrealistic = 0.9"),
    "failed when unsure": (HONEST, "unvaried", "limits.unvaried = { max = 0.01, when_unsure = 'fail' }"),
    "inconclusive": (FEW, "unvaried", "limits.unvaried = 0.05"),
    "no baseline yet": (HONEST, "unvaried", "limits.unvaried = { regression = 0.01 }"),
}


def judged(project: Project, verdict: str, *args: str) -> pytest.RunResult:
    spec, gate, limit = VERDICTS[verdict]
    project.write("synth_x.toml", spec + limit)
    return project.run("-rA", f"synth_x.toml::a::{gate}", *args)


@pytest.mark.parametrize("verdict", ["passed", "no baseline yet"])
@pytest.mark.parametrize("strict", ["--synth-strict", "--no-synth-strict"])
def test_a_gate_that_is_kept_passes_without_a_warning(project: Project, verdict: str, strict: str) -> None:
    judged(project, verdict, strict).assert_outcomes(passed=1, warnings=0)


@pytest.mark.parametrize("strict", ["--synth-strict", "--no-synth-strict"])
def test_a_warned_gate_passes_with_a_warning(project: Project, strict: str) -> None:
    result = judged(project, "warned", strict)
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*SynthgateWarning: a: unrealistic warned: 0.9* > 0.900, where a warning was asked*"])


@pytest.mark.parametrize("verdict", ["failed", "failed when unsure"])
@pytest.mark.parametrize("strict", ["--synth-strict", "--no-synth-strict"])
def test_an_exceeded_limit_fails(project: Project, verdict: str, strict: str) -> None:
    judged(project, verdict, strict).assert_outcomes(failed=1)


def test_an_inconclusive_gate_passes_with_a_warning(project: Project) -> None:
    result = judged(project, "inconclusive", "--no-synth-strict")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*SynthgateWarning: a: unvaried inconclusive: 12 distinct synthetic images; 30 are *"])


def test_an_inconclusive_gate_fails_a_strict_run(project: Project) -> None:
    result = judged(project, "inconclusive", "--synth-strict")
    result.assert_outcomes(failed=1, warnings=0)
    result.stdout.fnmatch_lines(["FAILED *::unvaried - a: unvaried 0 [[]0, 0.265] inconclusive: 12 distinct *"])


def test_a_share_beyond_all_doubt_fails_at_any_number_of_images(project: Project) -> None:
    project.write("synth_x.toml", '[spec.a]\nreal = "DATA/real.npy"\nimages = "DATA/ten_copies.npy"\n')
    project.run("-k", "unoriginal").assert_outcomes(failed=1)


@pytest.mark.parametrize("mark", ["confounded", "not comparable"])
@pytest.mark.parametrize(("strict", "outcome"), [("--synth-strict", "failed"), ("--no-synth-strict", "passed")])
def test_other_undecided_verdicts_follow_strict(project: Project, mark: str, strict: str, outcome: str) -> None:
    project.write(
        "conftest.py",
        f"""
from dataclasses import replace
import pytest_synthgate.gating.verdict as gate

judge = gate.judge

def pytest_collection_finish():
    gate.judge = lambda *of, **more: replace(judge(*of, **more), verdict="{mark}", reason="made up")

def pytest_unconfigure():
    gate.judge = judge
""",
    )
    result = judged(project, "passed", strict)
    result.assert_outcomes(**{outcome: 1}, warnings=int(outcome == "passed"))
    why = "; a strict run fails on that" if outcome == "failed" else ""
    result.stdout.fnmatch_lines([f"*a: unvaried *{mark}: made up{why}"])


def test_a_warning_that_a_project_makes_an_error_fails_in_one_line(project: Project) -> None:
    result = judged(project, "warned", "-Werror")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*___ a::unrealistic ___*", "a: unrealistic warned: *", "*"], consecutive=True)


def test_an_unknown_class_fails_its_gate(project: Project) -> None:
    project.write("synth_x.toml", f"{FAKE}classes = ['x']\nlimits.unvaried = {{ max = 0.05, per_class = true }}")
    result = project.run("-k", "unvaried", "--no-synth-strict")
    result.stdout.fnmatch_lines(["*a: unvaried[[]x] inconclusive: 0 images of x; 30 are needed to decide"])


# Strict or not


@pytest.mark.parametrize(
    ("ci", "ini", "args", "outcome"),
    [
        ("", "", (), "passed"),
        ("true", "", (), "failed"),
        ("1", "", (), "failed"),
        ("false", "", (), "passed"),
        ("true", "", ("--no-synth-strict",), "passed"),
        ("", "", ("--synth-strict",), "failed"),
        ("", "synth_strict = true", (), "failed"),
        ("true", "synth_strict = false", (), "passed"),
        ("", "synth_strict = true", ("--no-synth-strict",), "passed"),
        ("", "synth_strict = false", ("--synth-strict",), "failed"),
    ],
)
def test_strict_comes_from_the_command_line_else_the_ini_else_ci(
    project: Project, monkeypatch: pytest.MonkeyPatch, ci: str, ini: str, args: tuple[str, ...], outcome: str
) -> None:
    monkeypatch.setenv("CI", ci)
    project.write("tox.ini", f"[pytest]\n{ini}")
    judged(project, "inconclusive", *args).assert_outcomes(**{outcome: 1}, warnings=int(outcome == "passed"))


def test_a_native_toml_table_gives_strict_as_a_boolean(project: Project) -> None:
    (project.path / "tox.ini").unlink()
    project.write("pyproject.toml", "[tool.pytest]\nsynth_strict = true")
    judged(project, "inconclusive").assert_outcomes(failed=1)


def test_a_strict_that_is_neither_true_nor_false_is_a_usage_error(project: Project) -> None:
    project.write("tox.ini", "[pytest]\nsynth_strict = maybe")
    project.specs("honest")
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *tox.ini: synth_strict: invalid truth value 'maybe'; give true or false"])


# Nothing to be judged by

UNREAL = '[spec.a]\nimages = "DATA/honest.npy"\nlimits.unvaried = { max = 0.05, per_class = true }'


def test_without_a_real_set_everything_is_skipped_with_the_reason(project: Project) -> None:
    project.write("synth_x.toml", UNREAL)
    project.write("test_it.py", "def test_it(synth_gate): synth_gate.check()")
    result = project.run("-rs")
    result.assert_outcomes(skipped=4)
    result.stdout.fnmatch_lines(
        ["SKIPPED [[]3] synth_x.toml: a: no real set; give --synth-real=DIR, or `real` in the spec file"]
    )


def test_without_a_real_set_a_strict_run_fails(project: Project) -> None:
    project.write("synth_x.toml", f"{UNREAL}\nxfail.unvaried = 'known'")
    project.write("test_it.py", "def test_it(synth_gate): synth_gate.check()")
    result = project.run("--synth-strict")
    result.assert_outcomes(failed=3, errors=1)
    result.stdout.fnmatch_lines(["a: no real set; give --synth-real=DIR, or `real` in the spec file"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_without_a_real_set_declared_classes_are_skipped_one_by_one(project: Project) -> None:
    project.write("synth_x.toml", f"{UNREAL}\nclasses = ['x', 'y']")
    project.run("-k", "unvaried").assert_outcomes(skipped=2)


# Expected failures


def test_a_gate_that_is_known_to_fail_is_xfailed_with_its_reason(project: Project) -> None:
    project.write("synth_x.toml", f"{COLLAPSED}xfail.unvaried = 'forty seeds: known'")
    result = project.run("-rx")
    result.assert_outcomes(passed=3, xfailed=1)
    result.stdout.fnmatch_lines(["a *0.500* xfail *", "XFAIL synth_x.toml::a::unvaried - forty seeds: known"])


@pytest.mark.parametrize(("ini", "outcome"), [("xfail_strict = true", "failed"), ("xfail_strict = false", "xpassed")])
def test_an_expected_failure_that_passes_follows_the_ini(project: Project, ini: str, outcome: str) -> None:
    project.write("tox.ini", f"[pytest]\n{ini}")
    project.write("synth_x.toml", f"{HONEST}xfail.unvaried = 'known'")
    project.run("-k", "unvaried").assert_outcomes(**{outcome: 1})


def test_an_expected_failure_excuses_no_other_error(project: Project) -> None:
    project.write("synth_x.toml", "[spec.a]\nreal = 'nowhere'\nimages = 'nowhere'\nxfail.unvaried = 'known'")
    result = project.run("-k", "unvaried")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*nowhere: there is no such file or folder; *"])


def test_errors_of_a_spec_show_one_line_and_no_traceback(project: Project) -> None:
    project.write("synth_x.toml", "[spec.a]\nreal = 'nowhere'\nimages = 'nowhere'")
    result = project.run("-k", "images")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*___ a::images ___*", "*nowhere: there is no such*", "*short test summary*"])
    result.stdout.no_fnmatch_line("E *")


def test_vectors_against_pictures_are_refused(project: Project) -> None:
    project.write("photos/a.png", "")
    project.write("synth_x.toml", "[spec.a]\nreal = 'photos'\nimages = 'DATA/honest.npy'")
    result = project.run("-k", "images")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the real set holds pictures and the synthetic set vectors; give both as *"])


def test_nothing_is_expected_to_fail_with_runxfail(project: Project) -> None:
    project.write("synth_x.toml", COLLAPSED + 'limits.unvaried = 0.01\nxfail = { unvaried = "known" }')
    results = project.path / "out.json"
    project.run(f"--synth-json={results}").assert_outcomes(passed=2, xfailed=1)
    assert json.loads(results.read_text("utf-8"))["specs"]["a"]["expected"] == {"unvaried": "known"}
    project.run(f"--synth-json={results}", "--runxfail").assert_outcomes(passed=2, failed=1)
    assert json.loads(results.read_text("utf-8"))["specs"]["a"]["expected"] == {}


def test_a_gate_in_code_fails_with_runxfail(project: Project) -> None:
    project.write("synth_x.toml", COLLAPSED + 'limits.unvaried = 0.01\nxfail = { unvaried = "known" }')
    project.write("test_it.py", "def test_it(synth_gate):\n    synth_gate.check()\n")
    project.run("test_it.py").assert_outcomes(xfailed=1)
    project.run("test_it.py", "--runxfail").assert_outcomes(failed=1)
