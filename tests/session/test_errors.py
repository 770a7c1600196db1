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


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_spec_that_breaks_in_a_fixture_is_told_everywhere(half: Project, workers: tuple[str, ...]) -> None:
    half.write("test_it.py", "def test_it(synth_scores, synth_gate): synth_gate.check()")
    run = half.run_apart if workers else half.run
    files = ("--synth-json=out.json", "--synth-html=report.html", "--synth-markdown=note.md", "--junitxml=junit.xml")
    run("test_it.py", *workers, *files).assert_outcomes(passed=1, errors=1)
    specs = json.loads((half.path / "out.json").read_text("utf-8"))["specs"]
    assert "gone.npy" in specs["gone"]["error"]
    assert specs["honest"]["error"] is None
    note = (half.path / "note.md").read_text("utf-8")
    assert note.startswith("## synthgate: 1 of 2 specs could not be judged: 'gone'")
    for file in ("note.md", "report.html", "junit.xml"):
        text = (half.path / file).read_text("utf-8")
        assert ("gone" in text, "honest" in text) == (True, True)


def test_a_fixture_of_the_users_that_breaks_is_told_too(project: Project) -> None:
    project.specs("honest")
    project.write(
        "test_it.py",
        "import pytest\n@pytest.fixture\ndef mine(): raise OSError('disk\\n::error::x')\n"
        "def test_it(synth_gate, mine): pass\ndef test_other(synth_gate): synth_gate.check()",
    )
    project.run("test_it.py", "--synth-json=out.json").assert_outcomes(passed=1, errors=1)
    error = json.loads((project.path / "out.json").read_text("utf-8"))["specs"]["honest"]["error"]
    assert error.startswith("OSError: disk")
    assert "\n" not in error


def test_with_redaction_a_fixture_that_breaks_names_no_real_image(project: Project) -> None:
    project.specs("honest")
    project.write(
        "test_it.py",
        "import pytest\n@pytest.fixture\ndef mine(): raise OSError('/private/anna.jpg')\n"
        "def test_it(synth_scores, mine): pass",
    )
    project.run("test_it.py", "--synth-json=out.json", "--synth-redact-real")
    text = (project.path / "out.json").read_text("utf-8")
    assert "anna" not in text
    assert "could not be judged" in text or "unexpected OSError" in text


def test_what_a_test_in_code_concludes_is_no_obstacle(project: Project) -> None:
    project.specs("honest")
    project.write("test_it.py", "def test_it(synth_scores): assert False")
    project.run("test_it.py", "--synth-json=out.json").assert_outcomes(failed=1)
    assert json.loads((project.path / "out.json").read_text("utf-8"))["specs"]["honest"]["error"] is None


def test_files_of_which_none_can_be_read_stand_in_every_report(project: Project) -> None:
    project.picture_spec()
    project.pictures("real", 4)
    for number in range(3):
        project.write(f"made/{number}.png", "no picture")
    result = project.run("--synth-json=out.json", "--synth-html=report.html")
    result.stdout.fnmatch_lines(["unreadable: a: 0.png, 1.png, 2.png (synthetic): *"])
    unreadable = json.loads((project.path / "out.json").read_text("utf-8"))["specs"]["a"]["unreadable"]
    assert [each["image"] for each in unreadable] == ["0.png", "1.png", "2.png"]
    assert "2.png" in (project.path / "report.html").read_text("utf-8")


FOREIGN = "def pytest_synthgate_{hook}:\n    raise RuntimeError('server said\\n::error::pwned\\x1b[31m')\n"


@pytest.mark.parametrize("hook", ["generate(spec, prompts, directory)", "encoder(name)"])
def test_what_a_hook_raises_is_nothing_that_a_terminal_or_a_runner_obeys(project: Project, hook: str) -> None:
    project.pictures("real", 4)
    project.write("conftest.py", FOREIGN.format(hook=hook))
    made = "prompt = 'a kite'\nper_prompt = 2" if "generate" in hook else "images = 'real'"
    project.write("synth_x.toml", f"[spec.a]\nreal = 'real'\nencoder = 'mine'\n{made}")
    project.write("test_it.py", "def test_it(synth_scores): pass")
    text = project.run("--synth-generate=auto").stdout.str()
    assert "server said" in text
    assert "\x1b[31m" not in text
    assert "\n::error" not in text


def test_texts_of_a_spec_file_are_shown_escaped(project: Project) -> None:
    project.specs("collapsed", extra='xfail.unvaried = "known\\n::error::x\\u001b[31m"')
    project.write("test_it.py", "def test_it(synth_gate): synth_gate.check()")
    result = project.run("-rx")
    result.assert_outcomes(xfailed=2, passed=3)
    assert "\x1b[31m" not in result.stdout.str()
    assert "\n::error" not in result.stdout.str()


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_spec_file_that_is_broken_is_told_by_its_name_in_every_report(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.specs("honest")
    project.write("more/synth_bad.toml", "[spec.b]\nimagse = 'x'\n")
    run = project.run_apart if workers else project.run
    files = ("--synth-json=out.json", "--synth-html=report.html", "--synth-markdown=note.md")
    run("--continue-on-collection-errors", *workers, *files).assert_outcomes(passed=4, errors=1)
    specs = json.loads((project.path / "out.json").read_text("utf-8"))["specs"]
    assert list(specs) == ["honest", "more/synth_bad.toml"]
    assert "did you mean 'images'" in specs["more/synth_bad.toml"]["error"]
    note = (project.path / "note.md").read_text("utf-8")
    assert note.startswith("## synthgate: 1 of 2 specs could not be judged: 'more/synth")
    assert "All" not in note.partition("\n")[0]
    assert "synth_bad.toml" in (project.path / "report.html").read_text("utf-8")


def test_a_spec_whose_gates_cannot_be_listed_is_told_by_its_own_name(project: Project) -> None:
    project.specs("honest")
    project.write(
        "synth_y.toml",
        "[spec.y]\nreal = 'gone'\nimages = 'gone'\nlimits.unvaried = { max = 0.1, per_class = true }\n",
    )
    project.run("--continue-on-collection-errors", "--synth-json=out.json").assert_outcomes(passed=4, errors=1)
    specs = json.loads((project.path / "out.json").read_text("utf-8"))["specs"]
    assert list(specs) == ["honest", "y"]
    assert "gone" in specs["y"]["error"]


def test_a_gate_of_a_class_is_told_under_its_spec_not_under_one_of_that_name(project: Project) -> None:
    project.pictures("real", 64)
    project.pictures("made", 60, seed=1)
    project.picture_spec()
    project.write(
        "synth_x.toml",
        '[defaults]\nreal = "real"\nencoder = "flat"\n'
        '[spec.a]\nimages = "made"\nlimits.unvaried = 1.0\n'
        '[spec.all]\nimages = "made"\nlimits.unoriginal = { max = 1.0, per_class = true }\n',
    )
    item = "synth_x.toml::all::unoriginal[a]"
    conftest = (project.path / "conftest.py").read_text("utf-8")
    project.write("conftest.py", f"import pytest\n{conftest}\n{CRASH}    if item.nodeid == {item!r}: os._exit(1)\n")
    project.run_apart("-n1", "--synth-json=out.json")
    specs = json.loads((project.path / "out.json").read_text("utf-8"))["specs"]
    assert specs["all"]["error"] == f"the worker that ran {item} crashed"
    assert specs["a"]["error"] is None


IN_CODE = """
import pytest

def test_it(synth_spec): pass

@pytest.mark.parametrize("n", [1])
def test_mark(n, synth_spec): pass

@pytest.fixture(params=["a-b"])
def n(request): return request.param

def test_fixture(n, synth_spec): pass
"""
CRASH = "import os\n@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_call(item):\n"


@pytest.mark.parametrize(
    "item",
    [
        "synth_x.toml::few::unvaried",
        "test_it.py::test_it[few]",
        "test_it.py::test_mark[few-1]",
        "test_it.py::test_fixture[a-b-few]",
    ],
)
def test_a_spec_whose_worker_crashes_is_told(project: Project, item: str) -> None:
    project.specs("honest", "few")
    project.write("test_it.py", IN_CODE)
    project.write("conftest.py", f"import pytest\n{CRASH}    if item.nodeid == {item!r}: os._exit(1)\n")
    project.run_apart("-n1", "--synth-json=out.json", "--synth-markdown=note.md")
    specs = json.loads((project.path / "out.json").read_text("utf-8"))["specs"]
    assert specs["few"]["error"] == f"the worker that ran {item} crashed"
    assert specs["honest"]["error"] is None
    assert "1 of 2 specs could not be judged" in (project.path / "note.md").read_text("utf-8")
