"""The life of a baseline in test runs: nothing yet, recorded, kept, broken, accepted again."""

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Project

REGRESSION = "[defaults.limits]\nunvaried = { regression = 0.01 }\nunreadable = 0\n"


def baseline(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project.path / "synthgate-baseline.json").read_text("utf-8"))
    return found


def specs(project: Project, *names: str, images: str | None = None, limits: str = REGRESSION) -> Path:
    """Declare specs with a regression limit; `images` gives all of them another set under their name."""
    declared = "".join(f'[spec.{name}]\nimages = "DATA/{images or name}.npy"\n' for name in names)
    return project.write("synth_x.toml", f'[defaults]\nreal = "DATA/real.npy"\n{limits}{declared}')


def test_without_a_baseline_the_gate_passes_and_says_so(project: Project) -> None:
    specs(project, "honest", "few")
    result = project.run("--synth-json=out.json", "--no-synth-strict")
    result.assert_outcomes(passed=6, warnings=1)
    result.stdout.fnmatch_lines(
        ["note: 1 regression limit has no baseline yet (*.json is not there); accept * --synth-update-baseline"]
    )
    gate = json.loads((project.path / "out.json").read_text("utf-8"))["specs"]["honest"]["gates"]["unvaried"]
    assert (gate["verdict"], gate["baseline"]) == ("no baseline yet", None)
    assert not (project.path / "synthgate-baseline.json").exists()


def test_limits_that_got_a_regression_later_have_no_baseline_yet_either(project: Project) -> None:
    specs(project, "honest")
    project.run("--synth-update-baseline").stdout.no_fnmatch_line("note: *no baseline yet*")
    project.run().stdout.no_fnmatch_line("note: *")
    specs(project, "honest", "doubled", limits=f"{REGRESSION}collision_rate = {{ regression = 0.1 }}\n")
    project.run("-k", "collision").stdout.fnmatch_lines(
        ["note: 1 regression limit has no baseline yet; accept the scores with --synth-update-baseline"]
    )


def test_a_baseline_that_is_named_but_not_there_fails_the_gates_that_ask_for_it(project: Project) -> None:
    specs(project, "honest")
    result = project.run("--synth-baseline=nope.json")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        ["*nope.json: no such baseline; name the one that is there, or make it with --synth-update-baseline"]
    )
    project.run("--synth-baseline=nope.json", "--synth-update-baseline").assert_outcomes(passed=3)
    project.run("--synth-baseline=nope.json").assert_outcomes(passed=3)


def test_a_baseline_that_only_an_ini_names_may_be_still_to_come(project: Project) -> None:
    project.pytester.makeini("[pytest]\nsynth_baseline = accepted/scores.json\n")
    specs(project, "honest")
    result = project.run()
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        ["note: 1 regression limit has no baseline yet (*accepted/scores.json is not there); *"]
    )


@pytest.mark.parametrize("apart", [False, True])
def test_an_entry_whose_spec_is_gone_is_named(project: Project, apart: bool) -> None:
    specs(project, "old", "kept", images="honest")
    project.run("--synth-update-baseline")
    specs(project, "new", "kept", images="honest")
    result = project.run_apart("-n2") if apart else project.run()
    result.stdout.fnmatch_lines(
        [
            "note: 1 regression limit has no baseline yet; *",
            "note: *synthgate-baseline.json has 'old', which no spec file declares: *`synthgate rebaseline --prune`*",
        ]
    )
    project.run("-k", "new", "--synth-update-baseline").stdout.fnmatch_lines(["note: * has 'old', which *"])
    specs(project, "new", "kept", "old", images="honest")
    project.run("-k", "new").stdout.no_fnmatch_line("note: * has *")


def test_scores_are_recorded_on_request_and_change_no_verdict_of_that_run(project: Project) -> None:
    specs(project, "honest")
    result = project.run("--synth-update-baseline", "--synth-json=out.json")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        ["baseline: *synthgate-baseline.json", "  honest: new, unvaried 0, unreadable 0; not gated: *"]
    )
    gate = json.loads((project.path / "out.json").read_text("utf-8"))["specs"]["honest"]["gates"]["unvaried"]
    assert gate["verdict"] == "no baseline yet"
    assert baseline(project)["specs"]["honest"]["scores"]["unvaried"]["value"] == 0


def test_the_same_images_pass_and_change_nothing(project: Project) -> None:
    specs(project, "honest")
    project.run("--synth-update-baseline")
    before = (project.path / "synthgate-baseline.json").read_bytes()
    result = project.run("--synth-update-baseline", "--synth-json=out.json")
    result.stdout.fnmatch_lines(["  nothing changed"])
    gate = json.loads((project.path / "out.json").read_text("utf-8"))["specs"]["honest"]["gates"]["unvaried"]
    assert (gate["verdict"], gate["baseline"]) == ("passed", 0)
    assert (project.path / "synthgate-baseline.json").read_bytes() == before


def test_a_regression_fails_the_gates_own_item(project: Project) -> None:
    specs(project, "x", images="honest")
    project.run("--synth-update-baseline")
    specs(project, "x", images="doubled")
    result = project.run("--junitxml=junit.xml")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        ["FAILED synth_x.toml::x::unvaried - x: unvaried 1 [[]*] failed: 1, 1 above the baseline of 0, *"]
    )
    assert 'name="synthgate_baseline" value="0"' in (project.path / "junit.xml").read_text("utf-8")


def test_a_failed_spec_is_accepted_only_when_asked_for(project: Project) -> None:
    specs(project, "x", images="honest")
    project.run("--synth-update-baseline")
    specs(project, "x", images="doubled")
    refused = project.run("--synth-update-baseline")
    refused.stdout.fnmatch_lines(
        ["  x: not accepted, unvaried failed", "  run all gates and mend what fails, or add --synth-accept-failing"]
    )
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    assert baseline(project)["specs"]["x"]["scores"]["unvaried"]["value"] == 0
    accepted = project.run("--synth-update-baseline", "--synth-accept-failing")
    accepted.stdout.fnmatch_lines(["  x: unvaried 0 -> 1", "  x: accepted although unvaried failed: 1, 1 above *"])
    assert accepted.ret == pytest.ExitCode.TESTS_FAILED
    project.run().assert_outcomes(passed=3)


@pytest.mark.parametrize("part", [("-k", "unreadable"), ("-x",), ("--deselect=synth_x.toml::x::unvaried",)])
def test_a_part_of_the_gates_does_not_take_a_failing_spec_into_the_baseline(
    project: Project, part: tuple[str, ...]
) -> None:
    specs(project, "x", images="honest")
    project.run("--synth-update-baseline")
    specs(project, "x", images="doubled")
    result = project.run("--synth-update-baseline", *part)
    result.stdout.fnmatch_lines(["  x: not accepted, *"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert baseline(project)["specs"]["x"]["scores"]["unvaried"]["value"] == 0


def test_a_gate_that_breaks_down_keeps_its_spec_out(project: Project) -> None:
    specs(project, "honest")
    project.write(
        "conftest.py",
        "import pytest\n\n@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_call(item):\n"
        "    if item.name == 'unvaried':\n        raise OSError('disk on fire')\n",
    )
    refused = project.run("--synth-update-baseline")
    refused.stdout.fnmatch_lines(["  honest: not accepted, not all could be judged"])
    assert not (project.path / "synthgate-baseline.json").exists()


def test_a_test_in_code_that_checks_the_gate_judges_all_of_it(project: Project) -> None:
    specs(project, "honest")
    project.write("test_x.py", "def test_gate(synth_gate):\n    synth_gate.check()\n")
    result = project.run("test_x.py", "--synth-update-baseline")
    result.stdout.fnmatch_lines(["  honest: new, *"])
    assert result.ret == 0
    assert {*baseline(project)["specs"]} == {"honest"}


def test_limits_per_class_are_whole_too(project: Project) -> None:
    project.pictures("real", 64)
    project.pictures("made", 60, seed=1)
    project.picture_spec("limits.unvaried = { regression = 0.5, per_class = true }\n")
    assert project.run("--synth-update-baseline", "--synth-json=out.json").ret == 0
    assert {*baseline(project)["specs"]["a"]["classes"]} == {"a", "b"}
    again = project.run("--synth-results=out.json", "--synth-update-baseline")
    again.stdout.fnmatch_lines(["  nothing changed"])
    assert again.ret == 0


def test_results_that_are_stale_are_not_accepted_whatever_is_asked_for(project: Project) -> None:
    """A job that accepts failed gates, which exit with 1, must not take this for one."""
    specs(project, "honest")
    project.run("--synth-json=out.json", "--synth-update-baseline")
    before = baseline(project)
    specs(project, "honest", images="doubled")
    result = project.run("--synth-results=out.json", "--synth-update-baseline", "--synth-accept-failing")
    result.stdout.fnmatch_lines(["  honest: not accepted, it could not be measured"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert baseline(project) == before


def test_an_update_of_which_all_was_skipped_is_no_success(project: Project) -> None:
    project.write("synth_x.toml", '[spec.honest]\nimages = "DATA/honest.npy"\n')
    result = project.run("--synth-update-baseline", "--no-synth-strict")
    result.assert_outcomes(skipped=4)
    result.stdout.fnmatch_lines(["baseline: *: left as it was, for nothing was measured"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_specs_that_did_not_run_keep_their_entries(project: Project) -> None:
    specs(project, "honest", "collapsed")
    project.run("--synth-update-baseline")
    before = baseline(project)["specs"]
    specs(project, "honest", "collapsed", images="few")
    project.run("--synth-update-baseline", "-k", "honest", "--synth-accept-failing")
    after = baseline(project)["specs"]
    assert after["collapsed"] == before["collapsed"]
    assert after["honest"]["n_synthetic"] == 12


def test_another_definition_is_not_comparable_and_says_what_differs(project: Project) -> None:
    specs(project, "honest", limits="[defaults.limits]\nunrealistic = { regression = 0.01 }\n")
    project.run("--synth-update-baseline")
    specs(project, "honest", limits='definition = "studio"\n[defaults.limits]\nunrealistic = { regression = 0.01 }\n')
    result = project.run("--no-synth-strict")
    result.stdout.fnmatch_lines(
        ["*honest: unrealistic not comparable: 0.280, not comparable with the baseline: `definition` was*"]
    )
    assert result.ret == 0
    assert project.run("--synth-strict").ret == 1


def test_a_baseline_that_is_none_fails_the_gates_that_ask_for_it_in_a_line(project: Project) -> None:
    specs(project, "honest")
    project.write("synthgate-baseline.json", '{"schema": 1,\n "specs": {,}}')
    result = project.run()
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["FAILED synth_x.toml::honest::unvaried - *synthgate-baseline.json: line 2: *"])


def test_an_update_leaves_a_baseline_that_is_none_as_it_is(project: Project) -> None:
    specs(project, "honest", limits="")
    project.write("synthgate-baseline.json", "mine")
    result = project.run("--synth-update-baseline")
    result.stdout.fnmatch_lines(["baseline: *synthgate-baseline.json: line 1: *"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert (project.path / "synthgate-baseline.json").read_text("utf-8") == "mine"


def test_the_file_can_be_named_in_an_ini_and_workers_read_it(project: Project) -> None:
    project.pytester.makeini("[pytest]\nsynth_baseline = accepted/scores.json\n")
    specs(project, "x", "y", images="honest")
    project.run_apart("-n2", "--synth-update-baseline")
    assert {*json.loads((project.path / "accepted" / "scores.json").read_text("utf-8"))["specs"]} == {"x", "y"}
    specs(project, "x", "y", images="doubled")
    project.run_apart("-n2").assert_outcomes(passed=4, failed=2)


def test_accepting_failures_alone_is_refused(project: Project) -> None:
    result = project.run("--synth-accept-failing")
    result.stderr.fnmatch_lines(["*--synth-accept-failing accepts nothing by itself; add --synth-update-baseline"])


def test_stored_results_are_compared_too(project: Project) -> None:
    specs(project, "honest")
    project.run("--synth-json=out.json", "--synth-update-baseline")
    result = project.run("--synth-results=out.json", "--synth-json=again.json")
    result.assert_outcomes(passed=3)
    gate = json.loads((project.path / "again.json").read_text("utf-8"))["specs"]["honest"]["gates"]["unvaried"]
    assert (gate["verdict"], gate["baseline"]) == ("passed", 0)
