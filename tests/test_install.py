"""What is installed: the base gates and no more, and what is missing is said with the command that brings it."""

import os
import re
import subprocess
import sys
import venv
from collections.abc import Callable
from configparser import ConfigParser
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pytest_synthgate.errors import MissingExtraError, missing, require

from .session.conftest import FLAT_ENCODER

SYNTHGATE = ("-c", "from pytest_synthgate.cli import main; main()")
ROOT = Path(__file__).parents[1]
HEAVY = (
    "torch",
    "torchvision",
    "open_clip",
    "timm",
    "faiss",
    "sklearn",
    "cleanlab",
    "diffusers",
    "transformers",
    "tqdm",
)
SPEC = """
[defaults]
real = "real"
encoder = "flat"
[defaults.limits]
unvaried = { max = 0.05, regression = 0.01 }
unrealistic = { regression = 0.02 }
[spec.made]
images = "made"
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_what_is_missing_comes_with_the_command_that_installs_it() -> None:
    error = missing("Parquet needs pyarrow", "tables")
    assert str(error) == "Parquet needs pyarrow; pip install 'pytest-synthgate[tables]'"


def test_all_missing_modules_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    require("measuring", "measure", "numpy", "scipy")
    with pytest.raises(
        MissingExtraError, match=r"^measuring needs faiss, sklearn; pip install 'pytest-synthgate\[measure\]'$"
    ):
        require("measuring", "measure", "numpy", "faiss", "sklearn")


def test_tox_calls_nothing_that_has_to_be_on_the_path() -> None:
    tox = ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    for name in ("testenv:py", "testenv:example"):
        assert re.findall(r"^\w+", tox[name]["commands"], re.MULTILINE) == ["python"]
        assert "allowlist_externals" not in tox[name]
    assert tox["testenv:example"]["commands"].startswith("python -m tox run --workdir {work_dir} ")
    assert tox["testenv:example"]["deps"].startswith("tox>=")


def draw(folder: Path, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    folder.mkdir()
    for number in range(count):
        Image.fromarray(random.integers(0, 256, (6, 6, 3), dtype=np.uint8)).save(folder / f"{number:03}.png")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of pictures, every second of which has a twin, measured where everything is installed."""
    folder = tmp_path_factory.mktemp("project")
    draw(folder / "real", 80, 0)
    draw(folder / "made", 40, 1)
    for path in sorted((folder / "made").glob("0[01]*.png")):
        path.with_name(f"twin{path.name}").write_bytes(path.read_bytes())
    (folder / "conftest.py").write_text(FLAT_ENCODER, "utf-8")
    (folder / "synth_made.toml").write_text(SPEC, "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    subprocess.run([sys.executable, *SYNTHGATE, "measure"], cwd=folder, check=True)
    (folder / "conftest.py").unlink()  # the gate knows no encoder
    return folder


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Run:
    """Python of an environment with a wheel of this tree and no extra, run in the project."""
    folder = tmp_path_factory.mktemp("light")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, *arguments], cwd=project, env=variables, capture_output=True, text=True, check=False
        )

    installed = run("-m", "pip", "install", "--quiet", str(ROOT))
    assert installed.returncode == 0, installed.stderr
    return run


@pytest.mark.slow
def test_the_base_installs_nothing_that_measures(light: Run) -> None:
    found = light("-c", f"import importlib.util as u; print([m for m in {HEAVY} if u.find_spec(m)])")
    assert (found.stdout, found.stderr) == ("[]\n", "")


@pytest.mark.slow
def test_the_base_gates_stored_results_with_every_report(light: Run, project: Path) -> None:
    accepted = light(
        "-m", "pytest", "--synth-results=synthgate.json", "--synth-update-baseline", "--synth-accept-failing"
    )
    assert accepted.returncode == 1, accepted.stdout + accepted.stderr

    outputs = ["--synth-html=report", "--synth-markdown=note.md", "--junitxml=junit.xml", "--synth-json=judged.json"]
    judged = light("-m", "pytest", "--synth-results=synthgate.json", "--synth-history=history.jsonl", *outputs)

    assert judged.returncode == 1, judged.stdout + judged.stderr
    assert "unvaried 0.667" in judged.stdout
    assert "1 failed, 3 passed" in judged.stdout
    for name in (
        "report/index.html",
        "note.md",
        "junit.xml",
        "judged.json",
        "synthgate-baseline.json",
        "history.jsonl",
    ):
        assert (project / name).stat().st_size > 0
    assert list((project / "junit-images").iterdir())

    finding = re.search(r"\[(unvaried-\w+)\]", judged.stdout)
    assert finding, judged.stdout
    soon = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    because = ("--reason=twins", "--owner=Ann", f"--expires={soon}")
    waived = light(*SYNTHGATE, "waive", "synthgate.json", finding[1], *because)
    assert waived.returncode == 0, waived.stderr
    assert "waived" in light("-m", "pytest", "--synth-results=synthgate.json").stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["report", "synthgate.json", "--html", "again"],
        ["compare", "synthgate.json", "synthgate.json"],
        ["schema", "spec"],
        ["schema", "results"],
    ],
    ids=" ".join,
)
def test_the_base_runs_the_commands_that_measure_nothing(light: Run, arguments: list[str]) -> None:
    done = light(*SYNTHGATE, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout


HUB = """
[defaults]
real = "real"
[defaults.generator]
model = "nobody/no-model"
[spec.a]
prompt = "a digit"
per_prompt = 2
"""


@pytest.mark.slow
def test_the_base_lists_prompts_and_says_what_making_their_images_needs(light: Run, project: Path) -> None:
    (project / "hub.toml").write_text(HUB, "utf-8")
    checked = light(*SYNTHGATE, "check", "hub.toml")
    assert checked.returncode == 0, checked.stderr
    assert "a digit" in checked.stdout
    made = light(*SYNTHGATE, "generate", "--file=hub.toml")
    assert made.returncode == 2, made.stderr
    assert made.stderr.endswith("; pip install 'pytest-synthgate[generate]'\n")
    assert len(made.stderr.splitlines()) == 1


@pytest.mark.slow
def test_measuring_with_the_base_says_what_to_install(light: Run, project: Path) -> None:
    np.save(project / "vectors.npy", np.random.default_rng(0).normal(size=(40, 8)))
    (project / "vectors.toml").write_text('[spec.v]\nreal = "vectors.npy"\nimages = "vectors.npy"\n', "utf-8")
    done = light("-m", "pytest", "vectors.toml")
    assert done.returncode == 1
    assert "measuring needs sklearn, cleanlab, faiss; pip install 'pytest-synthgate[measure]'" in done.stdout
    assert "ModuleNotFoundError" not in done.stdout
