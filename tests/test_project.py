"""A project without pytest, as a notebook has it."""

import doctest
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pytest_synthgate import project as module
from pytest_synthgate.catalogue import Catalogue, Settings
from pytest_synthgate.errors import SpecError, SynthgateError
from pytest_synthgate.project import Project


def test_the_example_in_its_documentation_runs() -> None:
    assert doctest.testmod(module) == (0, 6)


def test_it_imports_no_pytest() -> None:
    code = "import sys, pytest_synthgate.project; print('pytest' in sys.modules, '_pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_a_spec_is_overridden_once_and_compared_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "synth_x.toml"
    file.write_text("[spec.a]\nreal = 'photos'\nimages = 'made'", encoding="utf-8")
    catalogue = Catalogue(Settings(root=tmp_path, real=Path("elsewhere"), encoder="mine"))
    (spec,) = catalogue.load(file)
    assert (spec.real, spec.encoder) == (tmp_path / "elsewhere", "mine")
    assert (catalogue.declared["a"]["real"], catalogue.declared["a"]["encoder"]) == ("photos", "mine")
    assert catalogue.load(file) == catalogue.load_all() == [spec]


def test_a_word_that_is_not_known_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SynthgateError, match="generate = 'sometimes' is not valid; give one of auto, never, again"):
        Settings(root=tmp_path, generate="sometimes")  # type: ignore[arg-type]


@pytest.mark.parametrize("place", ["renders", "renders/deep/report"])
def test_a_set_that_pictures_would_be_written_into_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "renders").mkdir()
    (tmp_path / "synth_x.toml").write_text("[spec.a]\nimages = 'renders'", encoding="utf-8")
    with pytest.raises(SpecError, match=r"lies in the image set .*renders, which would grow by them; name a folder"):
        Catalogue(Settings(root=tmp_path, pictures=(tmp_path / place,))).load_all()
    assert Catalogue(Settings(root=tmp_path, pictures=(tmp_path / "renders-report",))).load_all()


def test_a_result_says_why_a_spec_could_not_be_judged(tmp_path: Path) -> None:
    np.save(tmp_path / "real.npy", np.eye(8, dtype=np.float32))
    (tmp_path / "synth_x.toml").write_text("[spec.a]\nreal = 'real.npy'\nimages = 'gone.npy'", encoding="utf-8")
    with Project(Settings(root=tmp_path)) as project:
        (spec,) = project.catalogue.load_all()
        with pytest.raises(SynthgateError, match=r"gone\.npy") as caught:
            project.result(spec)
        assert project.result(spec, str(caught.value)).error == str(caught.value)
