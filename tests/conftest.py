"""What several tests share."""

import os
from pathlib import Path

import hypothesis
import pytest

# A busy machine makes any deadline fail now and then; found examples are printed, so that they can be repeated.
hypothesis.settings.register_profile("calm", deadline=None, print_blob=True)
hypothesis.settings.load_profile("calm")


@pytest.fixture(autouse=True)
def not_on_github(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what the runs of the tests say out of the summary of a job that runs the tests."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder with the Snacks photos and the Stable Diffusion images, or a skip that says so."""
    default = Path(__file__).parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("SYNTHGATE_TEST_DATA", default))
    if not (folder / "snacks" / "train").is_dir():
        pytest.skip(f"no test photos in {folder}; set SYNTHGATE_TEST_DATA")
    return folder
