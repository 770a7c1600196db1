"""The `synthgate` command: what it prints, and errors in one line with exit code 2."""

import json
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from pytest_synthgate import Measurement, Score, evaluate
from pytest_synthgate.cli import main
from pytest_synthgate.results.file import read_results
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.tracking.history import append, history_rows
from pytest_synthgate.tracking.provenance import Provenance


@pytest.fixture(autouse=True, scope="module")
def loaded() -> None:
    """Import what measuring needs: a run in process forgets what it was the first to import, and NumPy minds that."""
    random = np.random.default_rng(0)
    np.fft.fft(random.normal(size=8))
    evaluate(random.normal(size=(60, 8)), random.normal(size=(40, 8)))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def run(*args: str) -> Result:
    return CliRunner().invoke(main, args, catch_exceptions=False)


def fails(*args: str) -> str:
    """Run a command that fails; give its one line."""
    result = run(*args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    return result.stderr


PROMPTS = """
[spec.subject]
prompt = "A photo of {a_class}"
classes = ["apple", "hot dog"]
per_prompt = 1200
limits.unvaried = 0.03
xfail = { unvaried = "known" }

[spec.renders]
images = "out/v3"
"""


def test_check_prints_prompts_counts_and_limits() -> None:
    write("synth_x.toml", PROMPTS)
    result = run("check")
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["1,200", "A", "photo", "of", "an", "apple"] in lines
    assert ["1,200", "A", "photo", "of", "a", "hot", "dog"] in lines
    assert "2,400 images of 2 prompts" in result.stdout
    assert "unvaried at most 0.03, expected to fail: known" in result.stdout
    assert "[spec.renders] images" in result.stdout


def test_check_takes_classes_from_the_real_set() -> None:
    write("synth_x.toml", '[spec.a]\nprompt = "{class}"\nper_prompt = 1')
    for name in ("kiwi", "apple"):
        write(f"photos/{name}/1.png", "")
    assert "1  apple\n" in run("check", "--real=photos").stdout
    assert "classes" in fails("check")


def test_check_prints_limits_as_they_are_written() -> None:
    write("synth_x.toml", '[spec.a]\nimages = "x"\nlimits.unvaried = { max = 0.05, warn = 0.03 }')
    assert "unvaried at most 0.05, a warning above 0.03" in run("check").stdout


def test_check_makes_nothing(here: Path) -> None:
    write("synth_x.toml", PROMPTS)
    run("check")
    assert [path.name for path in here.iterdir()] == ["synth_x.toml"]


def test_check_shows_nothing_raw() -> None:
    write("synth_x.toml", '[spec.a]\nprompt = "\\u001b[31m \\u202e"\nper_prompt = 1')
    text = run("check").stdout
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_no_spec_file_is_an_error_in_one_line() -> None:
    assert fails("check").startswith("synthgate: no spec file (synth_*.toml) below ")


@pytest.mark.parametrize("command", ["check", "measure", "generate"])
def test_spec_files_without_a_spec_are_an_error(command: str) -> None:
    write("synth_x.toml", "[tool.synth]\nvoices = 8")
    write("synth_y.toml", "")
    assert fails(command) == "synthgate: no spec in synth_x.toml, synth_y.toml; declare one in a [spec.NAME] table\n"
    assert not Path("synthgate.json").exists()


@pytest.mark.parametrize("command", ["check", "measure"])
def test_a_named_file_without_a_spec_is_an_error(command: str) -> None:
    write("synth_x.toml", "")
    assert fails(command, "synth_x.toml") == "synthgate: synth_x.toml: declares no spec; add a [spec.NAME] table\n"
    assert not Path("synthgate.json").exists()


def test_a_spec_that_cannot_be_meant_is_an_error_in_one_line() -> None:
    write("synth_x.toml", "[spec.a]\nimage = 'x'")
    assert fails("check") == "synthgate: synth_x.toml: [spec.a] unknown key 'image'; did you mean 'images'?\n"


def test_a_file_that_is_not_there_is_an_error_in_one_line() -> None:
    assert "nowhere.toml: cannot be read" in fails("check", "nowhere.toml")


def test_one_name_in_two_files_is_an_error_in_one_line() -> None:
    for name in ("a", "b"):
        write(f"{name}/synth_x.toml", "[spec.twice]\nimages = 'x'")
    assert "[spec.twice] is declared in a/synth_x.toml too" in fails("check")


def test_a_file_of_somebody_else_is_left_alone_unless_it_is_named() -> None:
    write("synth_voices.toml", "[oscillator]")
    write("synth_x.toml", "[spec.a]\nimages = 'x'")
    assert run("check").exit_code == 0
    assert "unknown table 'oscillator'" in fails("check", "synth_voices.toml")


def test_the_version_is_that_of_the_package() -> None:
    assert metadata.version("pytest-synthgate") in run("--version").stdout


@pytest.mark.parametrize("command", ["check", "generate", "measure", "waive"])
def test_every_command_has_help(command: str) -> None:
    assert run(command, "-h").stdout.startswith("Usage: ")
    assert f"  {command} " in run("--help").stdout


def test_an_unknown_command_is_a_usage_error() -> None:
    assert run("chek").exit_code == 2


# measure


@pytest.fixture
def vectors() -> None:
    random = np.random.default_rng(0)
    np.save("real.npy", random.normal(size=(60, 8)))
    np.save("made.npy", random.normal(size=(40, 8)))
    write("synth_x.toml", "[spec.a]\nreal = 'real.npy'\nimages = 'made.npy'")


@pytest.mark.usefixtures("vectors")
def test_measure_writes_measurements_without_verdicts() -> None:
    result = run("measure", "--json=out.json")
    assert result.exit_code == 0
    assert "a: 40 against 60 images measured" in result.stdout
    assert read_results(Path("out.json"))["a"].verdicts == ()


@pytest.mark.usefixtures("vectors")
def test_measure_writes_the_measurement_that_a_test_run_writes(
    pytester: pytest.Pytester, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(here)
    run("measure", "--json=out.json")
    pytester.runpytest_inprocess(".", "--synth-json=run.json", "-pno:hypothesispytest", "-pno:anyio")
    one, two = (json.loads(Path(name).read_text("utf-8"))["specs"]["a"] for name in ("out.json", "run.json"))
    assert one.pop("gates") == {}
    assert two.pop("gates").keys() == {"unvaried", "unoriginal", "unreadable"}
    assert one == two


def test_measure_of_a_set_that_is_not_there_is_an_error_in_one_line() -> None:
    write("synth_x.toml", "[spec.a]\nreal = 'nowhere'\nimages = 'nowhere'")
    assert "nowhere: there is no such file or folder" in fails("measure")


@pytest.mark.usefixtures("vectors")
def test_measure_to_a_place_that_cannot_be_written_is_an_error() -> None:
    Path("folder").mkdir()
    result = run("measure", "--json=folder")
    assert result.exit_code == 2
    assert "folder: cannot be written" in result.stderr


# what a test run here would go by


@pytest.mark.usefixtures("vectors")
def test_commands_go_by_the_ini_of_pytest(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save("other.npy", np.random.default_rng(1).normal(size=(70, 8)))
    write("pyproject.toml", "[tool.pytest]\nsynth_real = 'other.npy'\nsynth_cache = 'store'\nsynth_files = ['*.spec']")
    Path("synth_x.toml").rename("inner.spec")
    write("sub/x.spec", "[spec.b]\nimages = '../made.npy'")
    monkeypatch.chdir("sub")
    assert "b: 40 against 70 images measured" in run("measure", "--json=out.json").stdout
    assert [path.name for path in here.iterdir() if path.is_dir()] == ["sub", "store"]
    assert "against 60 images" in run("measure", "--real=../real.npy").stdout


def test_commands_know_the_encoders_of_a_conftest(here: Path) -> None:
    for name in ("photos", "made"):
        for number in range(12):
            path = Path(name, f"{number}.png")
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", (8, 8), (number * 20, number, 0)).save(path)
    write("synth_x.toml", "[spec.a]\nreal = 'photos'\nimages = 'made'\nencoder = 'mine'")
    assert "mine" in fails("measure")
    write(
        "conftest.py",
        "import numpy\nfrom pytest_synthgate.images.normalise import Preprocessing\n\n"
        "class Mine:\n    name, dim, fingerprint = 'mine', 3, 'mine 1'\n    preprocessing = Preprocessing(size=8)\n"
        "    def encode(self, images): return images.mean(axis=(1, 2)).astype(numpy.float32) + 1\n\n"
        "def pytest_synthgate_encoder(name): return Mine() if name == 'mine' else None\n",
    )
    assert "a: 12 against 12 images measured" in run("measure").stdout


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("pytest.ini", "[pytest]\nsynth_max_findings = many", "synth_max_findings = 'many' is not valid"),
        ("pytest.ini", "[pytest\n", "pytest.ini:1: "),
        ("conftest.py", "1 / 0", "ZeroDivisionError"),
    ],
)
@pytest.mark.usefixtures("vectors")
def test_what_pytest_cannot_be_configured_by_is_an_error_in_one_line(file: str, text: str, said: str) -> None:
    write(file, text)
    assert said in fails("check")


# generate


def test_generate_leaves_images_that_exist_alone() -> None:
    write("synth_x.toml", "[spec.a]\nimages = 'x'")
    Path("x").mkdir()
    Image.new("RGB", (4, 4)).save("x/1.png")
    assert run("generate").stdout == "a: its images exist, nothing to make\n"


def test_generate_of_an_unknown_spec_is_an_error_in_one_line() -> None:
    write("synth_x.toml", "[spec.subject]\nimages = 'x'")
    assert fails("generate", "subjct") == "synthgate: there is no spec 'subjct'; did you mean 'subject'?\n"


def test_generate_goes_on_with_the_other_specs_and_says_which_failed() -> None:
    hook = "def pytest_synthgate_generate(spec, prompts, directory):\n    if spec.name == 'a': raise OSError('busy')\n"
    write(
        "conftest.py",
        f"{hook}    from PIL import Image\n    Image.new('RGB', (4, 4)).save(directory / '1.png')\n    return True\n",
    )
    write("synth_x.toml", "".join(f"[spec.{name}]\nprompt = 'a kite'\nper_prompt = 1\n" for name in "ab"))
    result = run("generate")
    assert (result.exit_code, result.stdout) == (1, "b: 1 image, made by a hook\n")
    assert result.stderr.startswith("synthgate: ")
    assert ("[spec.a]" in result.stderr, "busy" in result.stderr, "[spec.b]" in result.stderr) == (True, True, False)


@pytest.mark.parametrize("shard", ["0/4", "5/4", "4", "a/b", "-1/4"])
def test_a_shard_that_cannot_be_meant_is_a_usage_error(shard: str) -> None:
    result = run("generate", f"--shard={shard}")
    assert result.exit_code == 2
    assert "is no shard" in result.stderr


# schema


@pytest.mark.parametrize("file", ["spec", "results", "baseline", "history"])
def test_schemas_are_printed(file: str) -> None:
    assert json.loads(run("schema", file).stdout)["$schema"].startswith("http")


# history


def remember(name: str, *specs: str, branch: str | None = None) -> Path:
    """Write a history with one run of each spec."""
    path = Path(name)
    measured = Measurement(300, 200, {"real": 300, "synthetic": 200}, {"unvaried": Score(0.5, 0.4, 0.6, 200, 200.0)})
    append(
        path, history_rows({spec: SpecResult(measured) for spec in specs}, Provenance(branch=branch), datetime.now(UTC))
    )
    return path


def test_history_merges_files_and_prints_the_trend_of_every_spec() -> None:
    remember("one.jsonl", "a", "b")
    remember("two.jsonl", "a")
    result = run("history", "one.jsonl", "two.jsonl")
    assert (result.exit_code, result.stderr) == (0, "")
    headings = [line for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert [heading.split(",")[0] for heading in headings] == ["a: 2 runs", "b: 1 run"]
    assert "  unvaried         ▅▅  0.500 -> 0.500\n" in result.stdout


def test_history_shows_the_specs_that_are_named() -> None:
    remember("h.jsonl", "a", "b", "c")
    assert "b: " not in run("history", "h.jsonl", "--spec=a", "--spec=c").stdout
    assert "the history has no run of spec 'd'" in fails("history", "h.jsonl", "--spec=d")


def test_history_shows_the_branches_that_are_named() -> None:
    for branch in ("main", "main", "try", None):
        remember("h.jsonl", "a", branch=branch)
    counts = {
        named: run("history", "h.jsonl", *named).stdout.partition(",")[0]
        for named in [(), ("--branch=main",), ("--branch=try",), ("--branch=main", "--branch=try")]
    }
    assert [*counts.values()] == ["a: 4 runs", "a: 2 runs", "a: 1 run", "a: 3 runs"]
    assert "the history has no run of branch 'mian'; did you mean 'main'?" in fails(
        "history", "h.jsonl", "--branch=mian"
    )


def test_history_is_plain_where_the_terminal_is() -> None:
    remember("h.jsonl", "a")
    result = CliRunner(charset="ascii").invoke(main, ["history", "h.jsonl"], catch_exceptions=False)
    assert "  unvaried         +  0.500 -> 0.500\n" in result.stdout


def test_history_warns_of_what_it_skips() -> None:
    path = remember("h.jsonl", "a")
    with path.open("ab") as file:
        file.write(b"{")
    result = run("history", "h.jsonl")
    assert result.stdout.startswith("a: 1 run")
    assert result.stderr == "h.jsonl: line 2: torn; skipped\n"


def test_history_of_a_file_that_is_none_is_an_error_in_one_line() -> None:
    assert "nowhere.jsonl: No such file or directory" in fails("history", "nowhere.jsonl")
    write("synth_x.toml", "[spec.a]\n")
    assert "synth_x.toml: no row of a history" in fails("history", "synth_x.toml")


# what pytest would see


@pytest.mark.usefixtures("vectors")
def test_commands_go_by_the_addopts_of_pytest(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save("other.npy", np.random.default_rng(1).normal(size=(70, 8)))
    write("pytest.ini", "[pytest]\nsynth_cache = ini\naddopts = --synth-cache=elsewhere --synth-real=other.npy -x")
    assert "against 70 images" in run("measure", "--json=out.json").stdout
    assert [path.name for path in here.iterdir() if path.is_dir()] == ["elsewhere"]
    monkeypatch.setenv("PYTEST_ADDOPTS", "--synth-cache=env")
    assert "against 60 images" in run("measure", "--json=out.json", "--real=real.npy").stdout
    assert run("measure", "--json=out.json", "--cache=word").exit_code == 0
    assert {path.name for path in here.iterdir() if path.is_dir()} == {"elsewhere", "env", "word"}


@pytest.mark.usefixtures("vectors")
def test_addopts_that_judge_stored_results_do_not_keep_a_command_from_measuring() -> None:
    write("pytest.ini", "[pytest]\naddopts = --synth-results=out.json --synth-html=report")
    assert run("measure", "--json=out.json").exit_code == 0
    assert not Path("report").exists()


@pytest.mark.usefixtures("vectors")
def test_measure_writes_the_specs_that_could_be_measured_and_says_which_could_not() -> None:
    write("synth_y.toml", "[spec.bad]\nreal = 'real.npy'\nimages = 'gone.npy'")
    write("synth_z.toml", "[spec.z]\nreal = 'real.npy'\nimages = 'made.npy'\ncompare_to = 'a'")
    result = run("measure", "--json=out.json")
    assert result.exit_code == 1
    assert result.stderr.startswith("synthgate: bad: ")
    assert "gone.npy" in result.stderr
    assert [*read_results(Path("out.json"))] == ["a", "z"]


def test_a_command_that_meets_code_which_breaks_shows_nothing_raw() -> None:
    for name in ("photos", "made"):
        Path(name).mkdir()
        Image.new("RGB", (8, 8)).save(f"{name}/1.png")
    write("synth_x.toml", "[spec.a]\nreal = 'photos'\nimages = 'made'\nencoder = 'mine'")
    write("conftest.py", "def pytest_synthgate_encoder(name): raise OSError('x\\n::error::pwned\\x1b[31m')")
    error = run("measure").stderr
    assert "\x1b" not in error
    assert "\n::error" not in error


@pytest.mark.parametrize("addopts", ["-p no:capture", "-s", "-p no:terminal"])
def test_commands_work_whatever_plugins_of_pytest_a_project_blocks(addopts: str) -> None:
    write("pytest.ini", f"[pytest]\naddopts = {addopts}")
    write("synth_x.toml", "[spec.a]\nimages = 'x'")
    result = run("check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "[spec.a] images" in result.stdout
