"""`synthgate compare` and `synthgate rebaseline`: two runs side by side, and the accepted images measured anew."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from pytest_synthgate.cli import main
from pytest_synthgate.results.file import read_results
from pytest_synthgate.tracking.acceptance import updated
from pytest_synthgate.tracking.baseline import read_baseline, write_baseline


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a real set, an honest one and one that repeats itself."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    honest = random.normal(size=(80, 8)).astype(np.float32)
    np.save("real.npy", random.normal(size=(120, 8)).astype(np.float32))
    np.save("honest.npy", honest)
    np.save("doubled.npy", np.repeat(honest[:40], 2, axis=0))
    return tmp_path


def run(*args: str) -> Result:
    return CliRunner().invoke(main, args, catch_exceptions=False)


def declare(images: str = "honest", definition: str = "balanced", extra: str = "") -> None:
    text = f'[defaults]\nreal = "real.npy"\ndefinition = "{definition}"\n[spec.a]\nimages = "{images}.npy"\n{extra}'
    Path("synth_x.toml").write_text(text, encoding="utf-8")


def measure(to: str, images: str = "honest") -> None:
    declare(images)
    assert run("measure", "--json", to).exit_code == 0


def accept(name: str) -> None:
    write_baseline(
        Path("synthgate-baseline.json"),
        updated(read_baseline(Path("none")), read_results(Path(name)), date="2026-01-31", accept_failing=True).baseline,
    )


def entry() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("synthgate-baseline.json").read_text("utf-8"))["specs"]["a"]
    return found


def test_branches_that_do_not_differ_exit_with_0() -> None:
    measure("main.json")
    result = run("compare", "main.json", "main.json")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "none of 7 scores became worse by more than noise"


def test_a_regression_exits_with_1_and_is_named() -> None:
    measure("main.json")
    measure("branch.json", "doubled")
    result = run("compare", "main.json", "branch.json")
    assert result.exit_code == 1
    (line,) = (each for each in result.stdout.splitlines() if " unvaried " in each)
    assert line.split()[:4] == ["a", "unvaried", "0", "1"]
    assert line.endswith("<0.001  worse")
    assert "a unvaried" in result.stdout.splitlines()[-1]
    assert run("compare", "branch.json", "main.json").exit_code == 0


def test_a_regression_that_the_spec_accepts_needs_no_verdict() -> None:
    measure("main.json")
    declare("doubled", extra="limits.unvaried = { max = 1.0, regression = 1.0 }\nlimits.collision_rate = 1.0\n")
    assert run("measure", "--json", "branch.json").exit_code == 0
    (line,) = (each for each in run("compare", "main.json", "branch.json").stdout.splitlines() if " unvaried " in each)
    assert line.endswith("<0.001  within its limit")


def test_where_nothing_can_be_compared_there_is_no_all_clear() -> None:
    measure("main.json")
    declare(definition="studio")
    assert run("measure", "--json", "branch.json").exit_code == 0
    Path("none.json").write_text(json.dumps({**json.loads(Path("main.json").read_text("utf-8")), "specs": {}}), "utf-8")
    for file, reason in (
        ("branch.json", 'a: `definition` was "balanced" and is "studio" now'),
        ("none.json", "only in the earlier file: a"),
    ):
        result = run("compare", "main.json", file)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == (
            f"synthgate: main.json and {file}: nothing to compare, {reason}; measure the same specs alike\n"
        )


@pytest.mark.parametrize("charset", ["cp1252", "utf-8"])
def test_a_name_in_letters_that_the_stream_does_not_have_is_escaped(charset: str) -> None:
    measure("main.json")
    text = Path("main.json").read_text("utf-8").replace('"a"', '"\u6a21\u578b"')
    Path("main.json").write_text(text, "utf-8")
    result = CliRunner(charset=charset).invoke(main, ["compare", "main.json", "main.json"], catch_exceptions=False)
    assert result.exit_code == 0
    name = "\u6a21\u578b" if charset == "utf-8" else r"\u6a21\u578b"
    assert result.stdout.splitlines()[0] == f"{name}: the same images, the same scores"


def test_a_baseline_is_no_results_file() -> None:
    measure("main.json")
    accept("main.json")
    result = run("compare", "synthgate-baseline.json", "main.json")
    assert result.exit_code == 2
    assert result.stderr == (
        "synthgate: synthgate-baseline.json: this is a baseline; give a file of --synth-json or `synthgate measure`\n"
    )


def test_markdown_is_a_table() -> None:
    measure("main.json")
    measure("branch.json", "doubled")
    result = run("compare", "main.json", "branch.json", "--markdown")
    assert result.exit_code == 1
    assert result.stdout.startswith("## synthgate: ")
    assert "| a | unvaried | 0 | 1 |" in result.stdout


def test_a_file_that_is_missing_is_an_error_of_one_line() -> None:
    measure("main.json")
    result = run("compare", "main.json", "branch.json")
    assert result.exit_code == 2
    assert result.stderr.startswith("synthgate: branch.json: ")
    assert result.stderr.count("\n") == 1


def test_accepted_images_are_measured_by_a_new_definition_and_both_scores_are_printed() -> None:
    measure("main.json")
    accept("main.json")
    before = entry()
    declare(definition="studio")
    result = run("rebaseline")
    assert result.exit_code == 0, result.output
    assert 'a: `definition` was "balanced" and is "studio" now' in result.stdout
    assert "a: unrealistic 0." in result.stdout
    assert entry()["fingerprint"]["definition"] == "studio"
    assert entry()["synthetic"] == before["synthetic"]


def test_other_images_are_not_accepted_by_it() -> None:
    measure("main.json")
    accept("main.json")
    before = entry()
    declare("doubled")
    result = run("rebaseline", "a")
    assert result.exit_code == 1
    assert "a: left as it is, its images are not those that were accepted" in result.stdout
    assert entry() == before


def test_one_spec_that_cannot_be_measured_does_not_keep_the_others_from_it() -> None:
    declare(extra='[spec.b]\nimages = "honest.npy"\n')
    assert run("measure", "--json", "main.json").exit_code == 0
    accept("main.json")
    declare(definition="studio", extra='[spec.b]\nimages = "gone.npy"\n')
    result = run("rebaseline")
    assert result.exit_code == 1
    assert "a: unrealistic 0." in result.stdout
    (line,) = (each for each in result.stdout.splitlines() if each.startswith("b: "))
    assert line.startswith("b: left as it is, ")
    assert "gone.npy" in line
    assert entry()["fingerprint"]["definition"] == "studio"


def test_the_same_scores_are_not_written_again() -> None:
    measure("main.json")
    accept("main.json")
    before = Path("synthgate-baseline.json").read_bytes()
    result = run("rebaseline")
    assert (result.exit_code, result.stdout) == (0, "nothing changed\n")
    assert Path("synthgate-baseline.json").read_bytes() == before


def test_entries_of_specs_that_are_gone_are_removed_and_nothing_is_measured() -> None:
    declare(extra='[spec.b]\nimages = "honest.npy"\n')
    assert run("measure", "--json", "main.json").exit_code == 0
    accept("main.json")
    before = entry()
    declare("gone")
    other = Path("deep/synth_other.toml")
    other.parent.mkdir()
    other.write_text('[spec.c]\nimages = "c.npy"\n', encoding="utf-8")
    result = run("rebaseline", "--prune", f"--file={other}")  # the other files are no less declared
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "b: removed, no spec file declares it")
    assert {*json.loads(Path("synthgate-baseline.json").read_text("utf-8"))["specs"]} == {"a"}
    assert entry() == before
    assert run("rebaseline", "--prune").stdout == "nothing changed\n"
    assert "give it without names" in run("rebaseline", "--prune", "a").stderr


def test_without_an_entry_there_is_nothing_to_measure_again() -> None:
    declare()
    result = run("rebaseline")
    assert result.exit_code == 2
    assert "synthgate-baseline.json has none of these specs; accept them with --synth-update-baseline" in result.stderr
