"""Images made by a diffusion model, through pytest and the command; measured in one place, judged in another."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections import Counter
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pytest_synthgate import hookspec
from pytest_synthgate.cli import main
from pytest_synthgate.images.sources import open_set

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "example_project" / "digits_model"
DIGITS = ("one", "two", "three")
MANIFESTS = "generated/*/manifest*.jsonl"

SPECS = f"""
[defaults]
real = "scans"
encoder = "efficientnet_lite0"

[defaults.generator]
model = "{MODEL.as_posix()}"
steps = 2
guidance = 2.0

[spec.subject]
prompt = "a photo of {{a_class}}"
per_prompt = 12
limits.unvaried = {{ max = 0.9, per_class = true }}
limits.unrealistic = 0.6

[spec.strokes]
prompt = "{{a_class}} {{strokes}}"
strokes = ["in thick strokes", "in thin strokes"]
per_prompt = 3
compare_to = "subject"
xfail = {{ unoriginal = "only for the record" }}
"""

NOTHING_HEAVY = """
import socket
import sys

HEAVY = {"torch", "torchvision", "open_clip", "timm", "diffusers", "sklearn", "faiss", "cleanlab", "cv2"}


class Forbid:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HEAVY:
            raise ImportError(f"{name} is forbidden here")


def no_network(*_):
    raise OSError("no network here")


sys.meta_path.insert(0, Forbid())
socket.socket.connect = socket.create_connection = socket.getaddrinfo = no_network
"""


def environment(**extra: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {**kept, "OMP_NUM_THREADS": "1", "COLUMNS": "200", **extra}


def run(folder: Path, *args: str, **extra: str) -> pytest.RunResult:
    """Run pytest in a process of its own."""
    command = [sys.executable, "-m", "pytest", "-pno:hypothesispytest", "-pno:pytest_cov", *args]
    done = subprocess.run(command, cwd=folder, env=environment(**extra), capture_output=True, text=True, check=False)
    return pytest.RunResult(done.returncode, done.stdout.splitlines(), done.stderr.splitlines(), 0)


def command(folder: Path, *args: str) -> Result:
    """Run `synthgate` in a folder."""
    with chdir(folder):
        return CliRunner().invoke(main, args, catch_exceptions=False)


def entries(file: Path) -> dict[str, Any]:
    specs: dict[str, Any] = json.loads(file.read_text("utf-8"))["specs"]
    return specs


def times_made(cache: Path) -> Counter[str]:
    """Count how often each image was made."""
    text = "".join(file.read_text("utf-8") for file in cache.glob(MANIFESTS))
    return Counter(each["file"] for each in map(json.loads, text.splitlines()) if "file" in each)


def outcomes(lines: list[str]) -> list[list[str]]:
    """Read node ids and outcomes from what pytest prints with -vv."""
    words = (line.split()[:2] for line in lines if line.startswith("synth_digits.toml::"))
    return [each for each in words if each[1:] and each[1] in ("PASSED", "FAILED", "XPASS", "XFAIL", "SKIPPED")]


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty-two scans of each of three digits."""
    import runpy

    everything, folder = tmp_path_factory.mktemp("all"), tmp_path_factory.mktemp("digits") / "scans"
    runpy.run_path(str(MODEL / "scans.py"))["write_real_set"](everything)
    for digit in DIGITS:
        (folder / digit).mkdir(parents=True)
        for file in sorted((everything / digit).iterdir())[:32]:
            shutil.copy(file, folder / digit)
    return folder


@pytest.fixture
def fresh(tmp_path: Path, scans: Path) -> Path:
    """A project of which no image is made."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "synth_digits.toml").write_text(SPECS)
    (tmp_path / "scans").symlink_to(scans)
    return tmp_path


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, scans: Path) -> Path:
    """The project, with all its images, what pytest said of it in `direct.txt`, and the results in `direct.json`."""
    folder = tmp_path_factory.mktemp("here")
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "synth_digits.toml").write_text(SPECS)
    (folder / "scans").symlink_to(scans)
    result = run(folder, "-vv", "--durations=0", "--synth-json=direct.json", "--no-synth-strict")
    (folder / "direct.txt").write_text(result.stdout.str())
    assert result.ret == pytest.ExitCode.TESTS_FAILED, result.stdout.str() + result.stderr.str()
    return folder


@pytest.fixture(scope="module")
def measured(here: Path) -> Path:
    """What `synthgate measure` wrote in the project."""
    result = command(here, "measure")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "subject: 36 against 96 images measured",
        "strokes: 18 against 96 images measured",
        "written: synthgate.json",
    ]
    return here / "synthgate.json"


@pytest.fixture
def there(tmp_path: Path, measured: Path) -> Path:
    """A place with the spec file and the results alone, where nothing heavy can be imported and no network is."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "synth_digits.toml").write_text(SPECS)
    (tmp_path / "conftest.py").write_text(NOTHING_HEAVY)
    shutil.copy(measured, tmp_path)
    return tmp_path


# Through pytest


def test_the_images_are_made_in_the_item_for_images(here: Path) -> None:
    lines = (here / "direct.txt").read_text().splitlines()
    slowest = next(line for line in lines if " call " in line)
    assert slowest.endswith("synth_digits.toml::subject::images")
    made = times_made(here / ".synthgate")
    assert (len(made), set(made.values())) == (36 + 18, {1})


def test_a_second_run_makes_nothing_and_imports_no_torch(here: Path) -> None:
    before = times_made(here / ".synthgate")
    loaded = "def pytest_unconfigure():\n    import sys\n    print('loaded:', 'torch' in sys.modules)\n"
    (here / "conftest.py").write_text(loaded)
    try:
        result = run(here, "--synth-json=second.json", "--no-synth-strict")
    finally:
        (here / "conftest.py").unlink()
    assert "loaded: False" in result.outlines
    assert times_made(here / ".synthgate") == before
    assert entries(here / "second.json") == entries(here / "direct.json")


def test_one_image_is_made_again_by_the_command_of_its_finding(here: Path, tmp_path: Path) -> None:
    shutil.copytree(here, tmp_path / "copy")
    copy, findings = tmp_path / "copy", entries(here / "direct.json")["subject"]["findings"]
    name = next(each["image"] for each in findings if each["set"] == "synthetic")
    file = name.partition("/")[2]
    before = times_made(copy / ".synthgate")
    result = command(copy, "generate", "subject", "--again", "--image", name)
    assert result.stdout == "subject: 1 image made, 0 were there\n"
    assert times_made(copy / ".synthgate") == before + Counter([file])
    unknown = command(copy, "generate", "subject", "--image", name.replace("0000", "0009"))
    assert unknown.exit_code == 2
    assert "[spec.subject] asks for no image" in unknown.stderr
    assert unknown.stderr.count("\n") == 1


def test_the_results_say_every_score_by_prompt_axis_and_class_worst_first(here: Path) -> None:
    specs = entries(here / "direct.json")
    assert set(specs["subject"]["breakdown"]) == {"class", "prompt"}
    assert set(specs["subject"]["breakdown"]["class"]) == set(DIGITS)
    strokes = specs["strokes"]["breakdown"]
    assert set(strokes["strokes"]) == {"in thick strokes", "in thin strokes"}
    assert {f"a {digit} {how}" for digit in DIGITS for how in strokes["strokes"]} == set(strokes["prompt"])
    for axis in specs["subject"]["breakdown"].values():
        badness = [tuple(group[score]["value"] for score in ("unvaried", "unoriginal", "unrealistic")) for group in
                   axis.values()]  # fmt: skip
        assert badness == sorted(badness, reverse=True)
        assert all(group["unvaried"]["n"] == 12 for group in axis.values())


def test_findings_say_prompt_and_seed(here: Path) -> None:
    findings = [each for each in entries(here / "direct.json")["subject"]["findings"] if each["score"] == "unrealistic"]
    assert findings
    made = open_set(next((here / ".synthgate" / "generated").glob("[!.]*-*")), side="synthetic")
    origin = {(each.prompt, each.seed) for each in made.records}
    assert {(each["prompt"], each["seed"]) for each in findings} <= origin


def test_under_ci_every_item_fails_with_number_and_command(fresh: Path) -> None:
    result = run(fresh, "-k", "subject", CI="true")
    result.assert_outcomes(failed=6, deselected=4)
    message = "subject: 36 images are missing; run `synthgate generate subject` where the GPU is"
    assert result.outlines.count(message) == 6
    assert "Traceback" not in result.stdout.str()
    assert not any(line.startswith(("E ", ">")) for line in result.outlines)
    result.stdout.fnmatch_lines([f"FAILED synth_digits.toml::subject::unvaried[[]two[]] - {message}"])
    assert not times_made(fresh / ".synthgate")


def test_never_makes_nothing_outside_ci_too(fresh: Path) -> None:
    result = run(fresh, "-k", "strokes and images", "--synth-generate=never")
    result.assert_outcomes(failed=1, deselected=9)
    result.stdout.fnmatch_lines(["strokes: 18 images are missing; *"])


def test_nothing_is_made_while_items_are_collected(fresh: Path) -> None:
    result = run(fresh, "--collect-only", "-q")
    assert "synth_digits.toml::subject::unvaried[three]" in result.outlines
    assert not times_made(fresh / ".synthgate")


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "workers"])
def test_prompts_counts_and_cost_are_printed_and_nothing_runs(fresh: Path, workers: tuple[str, ...]) -> None:
    result = run(fresh, "--synth-prompts", *workers)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "*synth_digits.toml: [[]spec.subject[]] 36 images of 3 prompts",
            " *12  a photo of a one",
            "  36 images are missing",
            "  unvaried at most 0.9, for each class",
            "*synth_digits.toml: [[]spec.strokes[]] 18 images of 6 prompts",
            " *3  a one in thick strokes",
            "  unoriginal at most 0.01, expected to fail: only for the record",
            "*no tests ran*",
        ]
    )
    assert not times_made(fresh / ".synthgate")


def test_the_cost_is_that_of_the_images_before(here: Path) -> None:
    more = here / "more"
    more.mkdir(exist_ok=True)
    file = more / "synth_more.toml"
    file.write_text(SPECS.replace('"scans"', '"../scans"').replace("per_prompt = 12", "per_prompt = 1200"))
    result = command(here, "check", str(file))
    assert "  3,564 images are missing, about " in result.stdout
    assert " to make as the others were made, about " in result.stdout
    shutil.rmtree(more)


@pytest.mark.slow
def test_again_makes_each_image_once_more_also_with_workers(fresh: Path) -> None:
    for expected, workers in enumerate(((), ("-n2",), ("-n2",)), start=1):
        mode = "auto" if expected == 1 else "again"
        run(fresh, f"--synth-generate={mode}", *workers, "-k", "subject and (images or two or three)")
        assert set(times_made(fresh / ".synthgate").values()) == {expected}


@pytest.mark.slow
def test_two_workers_make_each_image_once(fresh: Path) -> None:
    result = run(fresh, "-n2", "--synth-json=two.json")
    assert set(times_made(fresh / ".synthgate").values()) == {1}
    assert len(times_made(fresh / ".synthgate")) == 54
    assert entries(fresh / "two.json")["subject"]["n_synthetic"] == 36, result.stdout.str()


# Measured here, judged there


def test_results_are_judged_as_directly_without_images_libraries_and_network(there: Path, here: Path) -> None:
    result = run(there, "-vv", "--synth-results=synthgate.json", "--synth-json=out.json", "--no-synth-strict")
    assert entries(there / "out.json") == entries(here / "direct.json")
    direct = (here / "direct.txt").read_text().splitlines()
    assert len(outcomes(direct)) == 10
    assert outcomes(result.outlines) == outcomes(direct)
    table = [line for line in direct if line.startswith(("subject ", "strokes ", "real against real", "worst: "))]
    assert [line for line in result.outlines if line in table] == table
    assert not (there / ".synthgate").exists()


def test_what_is_forbidden_there_is_forbidden(there: Path) -> None:
    (there / "test_it.py").write_text("def test_it():\n    import torch\n")
    result = run(there, "test_it.py")
    result.stdout.fnmatch_lines(["E *torch is forbidden here"])


@pytest.fixture(scope="module")
def loaded() -> None:
    """Import what scores need: a run within this process forgets what it was the first to import."""
    import numpy as np

    from pytest_synthgate import evaluate
    from pytest_synthgate.features import embedding
    from pytest_synthgate.session import items, outcomes, summary

    assert embedding, (items, outcomes, summary)
    random = np.random.default_rng(0)
    evaluate(random.normal(size=(40, 8)), random.normal(size=(40, 8)))


@pytest.fixture
def gate(there: Path, loaded: None, monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester) -> Gate:
    """The same place, judged in this process: nothing heavy is needed, so nothing has to be loaded again."""
    (there / "conftest.py").unlink()
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.chdir(there)
    return Gate(there, pytester)


class Gate:
    def __init__(self, folder: Path, pytester: pytest.Pytester) -> None:
        self.folder, self.pytester = folder, pytester

    def change(self, old: str, new: str) -> None:
        assert old in SPECS
        (self.folder / "synth_digits.toml").write_text(SPECS.replace(old, new))

    def run(self, *args: str) -> pytest.RunResult:
        quietly = ("-Wdefault::pytest_synthgate.errors.SynthgateWarning", "-pno:hypothesispytest", "-pno:pytest_cov")
        return self.pytester.runpytest_inprocess("--synth-results=synthgate.json", "--no-synth-strict", *quietly, *args)


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        ("a photo of {a_class}", "photo of {a_class}", '`templates` was ["a photo of {a_class}"] and is ["photo of'),
        ("per_prompt = 12", "per_prompt = 13", "`per_prompt` was 12 and is 13 now"),
        ("efficientnet_lite0", "flat", '`encoder` was "efficientnet_lite0" and is "flat" now'),
        ("steps = 2", "steps = 3", "`generator.steps` was 2 and is 3 now"),
        ('real = "scans"', 'real = "scans"\nnormalise = false', "`normalise` was true and is false now"),
    ],
    ids=["prompt", "per_prompt", "encoder", "steps", "normalise"],
)
def test_results_of_another_spec_are_stale_and_say_what_differs(
    gate: Gate, old: str, new: str, difference: str
) -> None:
    gate.change(old, new)
    result = gate.run("-k", "subject and (images or unreadable)")
    assert result.parseoutcomes()["failed"] == 2
    assert "passed" not in result.parseoutcomes()
    text = result.stdout.str()
    assert f"synthgate.json: stale for spec 'subject': {difference}" in text
    assert "; measure again with `synthgate measure synth_digits.toml`" in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("limits.unrealistic = 0.6", "limits.unrealistic = 0.999"),
        ("only for the record", "for another reason"),
        ("per_prompt = 12", 'per_prompt = 12\nprecision = "fp32"'),
        ("[spec.subject]", "# a remark\n[spec.subject]"),
        ("guidance = 2.0", "guidance = 2.0\nbatch_size = 7"),
    ],
    ids=["limit", "xfail", "precision", "remark", "batch"],
)
def test_what_changes_no_number_leaves_results_fresh(gate: Gate, old: str, new: str) -> None:
    gate.change(old, new)
    result = gate.run("-k", "images or unoriginal")
    result.assert_outcomes(passed=2, xpassed=1, warnings=1, deselected=7)


def test_a_changed_limit_decides_anew(gate: Gate) -> None:
    gate.run("-k", "subject and unrealistic").assert_outcomes(failed=1, deselected=9)
    gate.change("limits.unrealistic = 0.6", "limits.unrealistic = 0.999")
    gate.run("-k", "subject and unrealistic").assert_outcomes(passed=1, deselected=9)


def test_a_spec_that_was_not_measured_is_an_error_of_its_own(gate: Gate) -> None:
    gate.change("[spec.strokes]", "[spec.pen]")
    result = gate.run("-k", "images")
    result.assert_outcomes(passed=1, failed=1, deselected=8)
    result.stdout.fnmatch_lines(["*synthgate.json: spec 'pen' is not in it; measure again with `synthgate measure *"])


def test_results_by_another_scoring_revision_are_stale(gate: Gate) -> None:
    file = gate.folder / "synthgate.json"
    raw = json.loads(file.read_text("utf-8"))
    raw["specs"]["strokes"]["fingerprint"]["revision"] = 0
    file.write_text(json.dumps(raw), encoding="utf-8")
    result = gate.run("-k", "strokes and images")
    result.stdout.fnmatch_lines(["*synthgate.json: stale: scored by revision 0, this version scores by *"])


def test_limits_per_class_are_applied_to_the_classes_in_the_results(gate: Gate) -> None:
    result = gate.run("--collect-only", "-q", "-k", "subject and unvaried")
    names = [line.partition("::")[2] for line in result.outlines if "::" in line]
    assert names == [f"subject::unvaried[{digit}]" for digit in sorted(DIGITS)]


def test_stale_results_do_not_keep_other_specs_from_being_judged(gate: Gate) -> None:
    gate.change("per_prompt = 12", "per_prompt = 13")
    result = gate.run()
    result.assert_outcomes(failed=6, passed=3, xpassed=1, warnings=2)
    result.stdout.fnmatch_lines(
        ["FAILED synth_digits.toml::subject::unvaried*[[]two[]] - *stale for spec 'subject': *"]
    )


def test_tests_that_need_images_are_skipped_with_the_reason(gate: Gate) -> None:
    (gate.folder / "test_it.py").write_text(
        "def test_real(real_dataset): pass\n"
        "def test_synthetic(synth_dataset): pass\n"
        "def test_scores(synth_scores): assert synth_scores.n_real == 96\n"
    )
    result = gate.run("test_it.py", "-rs")
    result.assert_outcomes(passed=2, skipped=4)
    result.stdout.fnmatch_lines(["SKIPPED * --synth-results=*synthgate.json holds no images"])


# The command


def test_shards_together_make_every_image_once(fresh: Path) -> None:
    for number in (1, 2, 3):
        result = command(fresh, "generate", "subject", f"--shard={number}/3")
        assert (result.exit_code, result.stdout) == (0, "subject: 12 images made, 0 were there\n")
    assert set(times_made(fresh / ".synthgate").values()) == {1}
    assert command(fresh, "generate").stdout.splitlines() == [
        "subject: 0 images made, 36 were there",
        "strokes: 18 images made, 0 were there",
    ]
    assert (fresh / ".synthgate" / ".gitignore").exists()


@pytest.mark.parametrize("shard", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3", "1/3/5", ""])
def test_a_shard_that_cannot_be_is_one_clear_line(fresh: Path, shard: str) -> None:
    result = command(fresh, "generate", f"--shard={shard}")
    assert result.exit_code == 2
    assert result.stderr == f"synthgate: --shard={shard} is no shard; give 1/N to N/N, such as 3/16\n"


def test_a_misspelt_spec_is_corrected_and_nothing_is_made(fresh: Path) -> None:
    result = command(fresh, "generate", "subject", "stroke")
    assert (result.exit_code, result.stderr) == (2, "synthgate: there is no spec 'stroke'; did you mean 'strokes'?\n")
    assert not (fresh / ".synthgate").exists()


def test_a_model_that_is_not_there_is_one_line(fresh: Path) -> None:
    (fresh / "synth_digits.toml").write_text(SPECS.replace(MODEL.as_posix(), "./nowhere"))
    result = command(fresh, "generate", "subject")
    assert result.exit_code == 2
    assert result.stderr.startswith("synthgate: synth_digits.toml: [spec.subject] generator.model = './nowhere'")
    assert result.stderr.count("\n") == 1


def test_images_that_are_all_black_are_an_error_of_the_command_in_one_line(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_synthgate.images.generation.pipeline._why_black", lambda *_: "unsafe")
    for _ in range(2):
        result = command(fresh, "generate", "subject")
        assert (result.exit_code, result.stdout) == (1, "subject: 0 images made, 0 were there, 36 blacked out\n")
        assert result.stderr == "subject: the model blacked out every image; change the prompt, or the model\n"


def test_again_makes_images_once_more(fresh: Path) -> None:
    for again in ((), ("--again",)):
        result = command(fresh, "generate", "strokes", *again)
        assert result.stdout == "strokes: 18 images made, 0 were there\n"
    assert set(times_made(fresh / ".synthgate").values()) == {2}


def test_a_generated_set_is_exported_with_prompts_seeds_and_axes(here: Path, tmp_path: Path) -> None:
    result = command(here, "export", "strokes", f"--to={tmp_path / 'train'}")
    assert result.exit_code == 0
    exported = open_set(tmp_path / "train", side="real")
    assert f"{len(exported)} of 18 images written to " in result.stdout
    assert set(exported.class_counts()) == set(DIGITS)
    assert all(each.prompt and each.seed is not None for each in exported.records)
    assert "strokes" in (tmp_path / "train" / "metadata.csv").read_text("utf-8").splitlines()[0].replace('"', "").split(
        ","
    )


# Hooks

HOOK_SPECS = """
[defaults]
real = "scans"
encoder = "flat"

[spec.art]
prompt = "{a_class} {where}"
where = ["on a table", "in a bag"]
per_prompt = 20
"""

FLAT_ENCODER = """
import random
import numpy as np
from PIL import Image
from pytest_synthgate.images.normalise import Preprocessing

class Flat:
    name, fingerprint, preprocessing, dim = "flat", "flat 1", Preprocessing(size=6), 108

    def encode(self, batch):
        rows = batch.reshape(len(batch), -1).astype(np.float32) + 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

def pytest_synthgate_encoder(name):
    return Flat() if name == "flat" else None
"""

STUCK = """
def pytest_synthgate_generate(spec, prompts, directory):
    with (directory.parent.parent / "calls").open("a") as calls:
        calls.write(spec.name)
    rows = ["file_name,prompt,seed"]
    for number, prompt in enumerate(prompts):
        for seed in range(prompt.count):
            draw = random.Random(f"{prompt.text} {seed // 2 if prompt.axes['where'] == 'in a bag' else seed}")
            Image.frombytes("RGB", (6, 6), draw.randbytes(108)).save(directory / f"{number}-{seed}.png")
            rows.append(f"{number}-{seed}.png,{prompt.text},{seed}")
    (directory / "metadata.csv").write_text("\\n".join(rows))
    return True
"""


def noise(folder: Path) -> None:
    """Draw sixty noisy photos of two classes."""
    import random

    from PIL import Image

    for number in range(60):
        path = folder / ("cup", "fork")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.frombytes("RGB", (6, 6), random.Random(number).randbytes(108)).save(path)


@pytest.fixture
def hooked(gate: Gate) -> Path:
    """A project whose images a hook makes; those in a bag come in pairs."""
    (gate.folder / "synth_digits.toml").write_text(HOOK_SPECS)
    (gate.folder / "conftest.py").write_text(FLAT_ENCODER + STUCK)
    noise(gate.folder / "scans")
    return gate.folder


def hook_run(gate: Gate, *args: str) -> pytest.RunResult:
    return gate.run(*args, "--synth-results=")


def test_the_prompt_to_blame_is_named_below_the_table_and_in_the_results(gate: Gate, hooked: Path) -> None:
    result = hook_run(gate, "--synth-json=out.json")
    result.stdout.fnmatch_lines(
        [
            "art: unvaried 0.500 * failed: 0.500 > 0.05",
            "worst: art, * (unvaried 1, 0.500 in the whole set)",
        ]
    )
    worst = [line for line in result.outlines if line.startswith("worst: ")]
    assert "where 'in a bag'" in worst[0]
    art = entries(hooked / "out.json")["art"]
    assert list(art["breakdown"]["where"]) == ["in a bag", "on a table"]
    assert [each.endswith("in a bag") for each in art["breakdown"]["prompt"]] == [True, True, False, False]
    flagged = [each for each in art["findings"] if each["score"] == "unvaried"]
    assert len(flagged) == 40
    assert {each["prompt"] for each in flagged} == {"a cup in a bag", "a fork in a bag"}
    assert {each["seed"] for each in flagged} == set(range(20))


def test_a_hook_is_called_once_and_its_images_are_taken_without_it(gate: Gate, hooked: Path) -> None:
    hook_run(gate, "-k", "images").assert_outcomes(passed=1, deselected=3)
    hook_run(gate, "-k", "images").assert_outcomes(passed=1, deselected=3)
    assert (hooked / ".synthgate" / "calls").read_text() == "art"
    (hooked / "conftest.py").write_text(FLAT_ENCODER)
    assert command(hooked, "generate").stdout == "art: 80 images, made by a hook\n"
    assert "  all images are there, made by a hook\n" in command(hooked, "check").stdout


def test_the_commands_ask_the_hook_too_in_ci_as_well(gate: Gate, hooked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "1")
    assert "  no generator is declared: a hook makes the images\n" in command(hooked, "check").stdout
    assert command(hooked, "generate").stdout == "art: 80 images, made by a hook\n"
    assert command(hooked, "generate").stdout == "art: 80 images, made by a hook\n"
    assert (hooked / ".synthgate" / "calls").read_text() == "art"
    assert command(hooked, "generate", "--again").stdout == "art: 80 images, made by a hook\n"
    assert (hooked / ".synthgate" / "calls").read_text() == "artart"
    assert "art: 80 against " in command(hooked, "measure").stdout


def test_what_neither_a_hook_nor_a_generator_makes_is_an_error_of_the_command(gate: Gate, hooked: Path) -> None:
    (hooked / "conftest.py").write_text(FLAT_ENCODER)
    failed = command(hooked, "generate")
    assert (failed.exit_code, failed.stderr.count("\n")) == (2, 1)
    assert "[spec.art] has a prompt and no generator" in failed.stderr


def test_a_hook_that_raises_is_asked_once_a_run_and_fails_every_item_in_one_line(gate: Gate, hooked: Path) -> None:
    broken = STUCK.replace("rows = [", "raise OSError('the server is busy') #")
    (hooked / "conftest.py").write_text(FLAT_ENCODER + broken)
    result = hook_run(gate)
    result.assert_outcomes(failed=4)
    line = "*[[]spec.art[]] the hook pytest_synthgate_generate failed: OSError: the server is busy; *conftest.py:*"
    result.stdout.fnmatch_lines([line] * 4)
    result.stdout.no_fnmatch_line("E *")
    assert (hooked / ".synthgate" / "calls").read_text() == "art"
    (hooked / "conftest.py").write_text(FLAT_ENCODER + STUCK)
    hook_run(gate, "-k", "images").assert_outcomes(passed=1, deselected=3)


def test_in_ci_a_hook_is_not_asked(gate: Gate, hooked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "1")
    result = hook_run(gate, "-k", "images")
    result.stdout.fnmatch_lines(
        ["art: 80 images are missing and no generator is declared; run `synthgate generate art` *"]
    )
    assert not (hooked / ".synthgate" / "calls").exists()


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["auto", "again"])
def test_two_workers_ask_a_hook_once(gate: Gate, hooked: Path, mode: str) -> None:
    result = run(hooked, "-n2", f"--synth-generate={mode}", "--no-synth-strict")
    result.assert_outcomes(passed=3, failed=1)
    assert (hooked / ".synthgate" / "calls").read_text() == "art"


def documented_hook() -> str:
    """Cut the example out of the documentation of the hook."""
    text = hookspec.pytest_synthgate_generate.__doc__ or ""
    return textwrap.dedent(text.partition("::\n\n")[2])


def test_the_documented_hook_runs_as_it_stands(gate: Gate, hooked: Path) -> None:
    (hooked / "conftest.py").write_text(FLAT_ENCODER + documented_hook())
    hook_run(gate, "--synth-json=out.json", "-k", "images or unreadable").assert_outcomes(passed=2, deselected=2)
    art = entries(hooked / "out.json")["art"]
    assert (art["n_synthetic"], art["unreadable"]) == (80, [])
    assert set(art["breakdown"]) == {"class", "prompt", "where"}


def test_a_class_without_images_has_its_gate_among_results_too(gate: Gate, hooked: Path) -> None:
    (hooked / "synth_digits.toml").write_text(HOOK_SPECS + "limits.unvaried = { max = 0.9, per_class = true }\n")
    (hooked / "conftest.py").write_text(FLAT_ENCODER + STUCK.replace("enumerate(prompts)", "enumerate(prompts[:2])"))
    direct = outcomes(hook_run(gate, "-vv", "--synth-json=synthgate.json").outlines)
    assert [name.rpartition("::")[2] for name, _ in direct] == [
        "images",
        "unvaried[cup]",
        "unvaried[fork]",
        "unreadable",
    ]
    shutil.rmtree(hooked / "scans")
    assert outcomes(gate.run("-vv", "--synth-json=out.json").outlines) == direct
    assert entries(hooked / "out.json") == entries(hooked / "synthgate.json")


DOCS = ROOT / "docs" / "generators.md"

RENDERER = """
import random
import sys
from PIL import Image

_, text, seed, file = sys.argv
Image.frombytes("RGB", (6, 6), random.Random(text + seed).randbytes(108)).save(file)
"""


@pytest.fixture(scope="module")
def shown_hooks() -> list[str]:
    """The hooks that the page on generators shows."""
    if not DOCS.exists():
        pytest.skip(f"no {DOCS}: the pages are not part of a source distribution")
    return [block.partition("```")[0] for block in DOCS.read_text("utf-8").split("```python\n")[1:]]


def test_the_page_on_generators_shows_the_documented_hook(shown_hooks: list[str]) -> None:
    assert [line for line in shown_hooks[0].splitlines() if line] == [
        line for line in documented_hook().splitlines() if line
    ]


def test_the_hook_that_calls_a_command_line_runs_and_goes_on_where_it_stopped(
    gate: Gate, hooked: Path, shown_hooks: list[str]
) -> None:
    specs = HOOK_SPECS.replace("spec.art", "spec.renders").replace("per_prompt = 20", "per_prompt = 2")
    (hooked / "synth_digits.toml").write_text(specs)
    (hooked / "conftest.py").write_text(FLAT_ENCODER + shown_hooks[1])
    (hooked / "render.py").write_text(
        RENDERER.replace("_, text", "if 'fork' in sys.argv[1]: sys.exit('full')\n_, text")
    )
    hook_run(gate, "-k", "images").stdout.fnmatch_lines(
        ["*failed: CalledProcessError: Command *returned non-zero*; *conftest.py:*"]
    )
    (half_made,) = (hooked / ".synthgate" / "generated").glob("hook-*")
    before = {each: each.stat().st_mtime_ns for each in half_made.glob("*.png")}
    assert len(before) == 4
    (hooked / "render.py").write_text(RENDERER)
    hook_run(gate, "-k", "images", "--synth-json=out.json").assert_outcomes(passed=1, deselected=3)
    assert len(list(half_made.glob("*.png"))) == 8
    assert {each: each.stat().st_mtime_ns for each in before} == before
