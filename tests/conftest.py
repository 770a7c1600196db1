"""What several tests share."""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import hypothesis
import pytest

# A busy machine makes any deadline fail now and then; found examples are printed, so that they can be repeated.
hypothesis.settings.register_profile("calm", deadline=None, print_blob=True)
hypothesis.settings.load_profile("calm")

# The runs that the tests make are not the CI run that runs the tests: they are not strict for it, write no summary to
# it, and take no commit from it. A test of such a run sets what it needs.
for _name in [*os.environ]:
    if _name in {"CI", "BUILD_TAG"} or _name.startswith(("BRANCH_", "CHANGE_", "CI_", "GIT_", "GITHUB_", "JENKINS_")):
        del os.environ[_name]


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder with the Snacks photos and the Stable Diffusion images, or a skip that says so."""
    default = Path(__file__).parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("SYNTHGATE_TEST_DATA", default))
    if not (folder / "snacks" / "train").is_dir():
        pytest.skip(f"no test photos in {folder}; set SYNTHGATE_TEST_DATA")
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """Give processes of one thread each."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            patch.setenv(name, "1")
        with ProcessPoolExecutor(min(2, os.cpu_count() or 1), mp_context=get_context("spawn")) as processes:
            yield processes
