"""What a run costs that has nothing to do, or nothing new: modules are what it would have to import."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import FLAT_ENCODER

PROBE = """
import json, sys, pytest
code = pytest.main(sys.argv[1:])
print()
print(json.dumps([int(code), sorted(sys.modules)]))
"""
HEAVY = {
    "torch",
    "openvino",
    "open_clip",
    "timm",
    "sklearn",
    "scipy",
    "faiss",
    "cleanlab",
    "pandas",
    "cv2",
    "diffusers",
}


def python(folder: Path, *args: str) -> str:
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [sys.executable, *args], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def modules(folder: Path, *args: str) -> tuple[int, set[str]]:
    """Run pytest in a process of its own; give its exit code and all that was imported."""
    code, names = json.loads(python(folder, "-c", PROBE, *args).splitlines()[-1])
    return code, set(names)


def packages(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


PLUGIN = ("-p", "pytest_synthgate.plugin")
LIGHT = {
    "pytest_synthgate",
    *(f"pytest_synthgate.{name}" for name in ("hookspec", "plugin", "images", "session", "spec")),
    *("pytest_synthgate.images.mode", "pytest_synthgate.session.current", "pytest_synthgate.session.declaring"),
    "pytest_synthgate.spec.discovery",
}
"""What declares and tells apart, and itself imports nothing that pytest has not."""


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"pyproject.toml": "[tool.pytest]", "other.toml": "", "test_it.py": "def test_it(): pass"},
    ],
    ids=["an empty folder", "a project without spec files"],
)
def test_a_run_that_does_not_use_the_plugin_imports_nothing_but_it(tmp_path: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    code, without = modules(tmp_path)
    same, with_it = modules(tmp_path, *PLUGIN)
    assert same == code
    assert with_it - without == LIGHT
    assert sorted(tmp_path.rglob(".synthgate")) == []


def test_an_ini_that_cannot_be_meant_is_told_of_in_a_run_without_spec_files(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.pytest]\nsynth_json = 3")
    code, _ = modules(tmp_path, *PLUGIN)
    assert code == pytest.ExitCode.USAGE_ERROR


def test_a_file_of_somebody_else_makes_no_store_and_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "synth_voices.toml").write_text("[oscillator]")
    code, names = modules(tmp_path, *PLUGIN)
    assert code == pytest.ExitCode.NO_TESTS_COLLECTED
    assert packages(names).isdisjoint({*HEAVY, "numpy"})
    assert not (tmp_path / ".synthgate").exists()


def test_collecting_specs_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "synth_x.toml").write_text("[spec.a]\nreal = 'x'\nimages = 'y'")
    code, names = modules(tmp_path, *PLUGIN, "--collect-only")
    assert code == pytest.ExitCode.OK
    assert packages(names).isdisjoint(HEAVY)


@pytest.mark.parametrize("encoder", ["flat", pytest.param("efficientnet_lite0", marks=pytest.mark.slow)])
def test_a_warm_run_imports_no_model_and_no_classifier_and_decodes_nothing(tmp_path: Path, encoder: str) -> None:
    random = np.random.default_rng(0)
    for folder, count in [("real", 34), ("made", 31)]:
        (tmp_path / folder).mkdir()
        for number in range(count):
            path = tmp_path / folder / f"{number:02}.png"
            Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((64, 64)).save(path)
            os.utime(path, (1_600_000_000, 1_600_000_000))
    (tmp_path / "synth_x.toml").write_text(
        f"[spec.a]\nreal = 'real'\nimages = 'made'\nencoder = '{encoder}'\n"
        "limits.unoriginal = 0.5\nlimits.unrealistic = 1\n"
    )
    (tmp_path / "conftest.py").write_text(FLAT_ENCODER)
    arguments = (*PLUGIN, "--synth-json=out.json")
    code, cold = modules(tmp_path, *arguments)
    assert code == pytest.ExitCode.OK
    assert packages(cold) >= ({"sklearn"} if encoder == "flat" else {"sklearn", "torch", "timm"})
    before = (tmp_path / "out.json").read_bytes()
    # Whatever is decoded now is unreadable, which would show in the results.
    with (tmp_path / "conftest.py").open("a") as conftest:
        conftest.write("\nfrom PIL import ImageFile\nImageFile.ImageFile.__init__ = None\n")
    code, warm = modules(tmp_path, *arguments)
    assert code == pytest.ExitCode.OK
    assert packages(warm).isdisjoint(HEAVY)
    assert (tmp_path / "out.json").read_bytes() == before


def test_where_nothing_changed_nothing_is_imported_that_computes_or_checks(tmp_path: Path) -> None:
    """From the third run on: the first one makes the store, the second finds it and remembers the specs."""
    random = np.random.default_rng(0)
    for folder in ("real", "made"):
        (tmp_path / folder).mkdir()
        for number in range(31):
            path = tmp_path / folder / f"{number:02}.png"
            Image.fromarray(random.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
            os.utime(path, (1_600_000_000, 1_600_000_000))
    (tmp_path / "synth_x.toml").write_text(
        "[spec.a]\nreal = 'real'\nimages = 'made'\nencoder = 'flat'\nlimits.unvaried = 1\nlimits.unoriginal = 1\n"
    )
    (tmp_path / "conftest.py").write_text(
        FLAT_ENCODER.replace("import numpy as np", "").replace("rows", "import numpy as np; rows", 1)
    )
    outputs = []
    for _ in range(3):
        code, names = modules(tmp_path, *PLUGIN)
        assert code == pytest.ExitCode.OK
        outputs.append(names)
    assert packages(outputs[0]) >= {"numpy", "pydantic", "filelock"}
    assert packages(outputs[2]).isdisjoint({*HEAVY, "numpy", "pydantic", "filelock", "jinja2"})
    assert "PIL.Image" not in outputs[2]


def imported_by(statements: Sequence[str]) -> set[str]:
    code = "; ".join(["import sys", *statements, "print(*sys.modules)"])
    return packages(set(python(Path(), "-c", code).split()))


def test_importing_the_package_imports_nothing_else() -> None:
    assert imported_by(["import pytest_synthgate"]) - sys.stdlib_module_names <= imported_by([]) | {"pytest_synthgate"}


def test_limits_can_be_written_without_anything_heavy() -> None:
    found = imported_by(["from pytest_synthgate import Limit, Limits, Measurement, assert_scores, gate"])
    assert found.isdisjoint(HEAVY)
