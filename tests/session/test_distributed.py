"""Under pytest-xdist, and in JUnit files: what crosses between processes is plain, and nothing is lost."""

import xml.etree.ElementTree as ET  # written by this very run
from pathlib import Path

import pytest

from .conftest import Project

NUMBERS = ("score", "low", "high", "limit", "baseline", "n", "flagged")
PROPERTIES = ("spec", "gate", *NUMBERS, "verdict", "reason", "fingerprint")


def properties(file: Path) -> dict[str, dict[str, str]]:
    """Test case -> its properties."""
    return {
        f"{case.get('classname')}::{case.get('name')}": {
            each.get("name", ""): each.get("value", "") for each in case.iter("property")
        }
        for case in ET.parse(file).iter("testcase")
    }


@pytest.fixture
def both(project: Project) -> Project:
    """A project that has been run in one process and in two, with the results of each."""
    project.specs("collapsed", "copied", "few")
    project.write("test_it.py", "def test_it(synth_scores): assert synth_scores.n_real == 300")
    project.run("--synth-json=one.json", "--junitxml=one.xml").assert_outcomes(passed=13, failed=2, warnings=2)
    result = project.run_apart("-n2", "--synth-json=two.json", "--junitxml=two.xml", "-v")
    result.assert_outcomes(passed=13, failed=2, warnings=2)
    result.stdout.fnmatch_lines(
        [
            "collapsed: unvaried 0.500 [[]*] failed: 0.500 > 0.05",
            "*SynthgateWarning: few: unvaried inconclusive: *",
            "collapsed *",
            "copied *",
            "few *",
            "FAILED synth_x.toml::collapsed::unvaried - collapsed: unvaried 0.500 * failed: 0.500 > 0.05",
        ]
    )
    return project


def test_two_processes_report_what_one_does(both: Project) -> None:
    assert (both.path / "one.json").read_bytes() == (both.path / "two.json").read_bytes()
    one, two = (properties(both.path / f"{name}.xml") for name in ("one", "two"))
    assert one == two
    gate = one["synth_x.toml.collapsed::unvaried"]
    assert list(gate) == [f"synthgate_{name}" for name in PROPERTIES]
    assert (gate["synthgate_score"], gate["synthgate_n"], gate["synthgate_flagged"]) == ("0.5", "120", "60")
    assert (gate["synthgate_verdict"], gate["synthgate_reason"]) == ("failed", "0.500 > 0.05")
    assert one["synth_x.toml.few::images"] == {}


def test_an_error_in_a_comparison_stops_a_distributed_run_too(project: Project) -> None:
    project.specs("honest", extra="compare_to = 'honesty'")
    result = project.run_apart("-n1")
    assert result.ret in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    result.stdout.fnmatch_lines(["*[[]spec.honest] compare_to = 'honesty' is no spec of this run; *"])


def test_a_junit_file_of_the_second_xunit_schema_puts_properties_into_test_cases(project: Project) -> None:
    project.specs("collapsed")
    project.run("--junitxml=out.xml", "-ojunit_family=xunit2").assert_outcomes(passed=3, failed=1)
    suite = next(ET.parse(project.path / "out.xml").iter("testsuite"))
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "0")
    assert {child.tag for child in suite} <= {"properties", "testcase", "system-out", "system-err"}
    assert {child.tag for case in suite.iter("testcase") for child in case} == {"properties", "failure"}
    failure = next(suite.iter("failure"))
    assert (failure.get("message") or "").startswith("collapsed: unvaried 0.500 [")
    assert "worst:" in (failure.text or "")
