"""What the cache of the hub's client holds is found without asking the network, which can be kept out."""

from pathlib import Path

import pytest

from pytest_synthgate.files.hub import no_network, snapshot, with_reference

huggingface_hub = pytest.importorskip("huggingface_hub")


@pytest.fixture
def reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What says which commit of a repository is the current one, in an otherwise empty cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    file = tmp_path / "models--owner--name" / "refs" / "main"
    file.parent.mkdir(parents=True)
    return file


def test_the_snapshot_of_a_repository_is_that_of_its_current_commit(reference: Path) -> None:
    assert snapshot("owner/name") is None
    reference.write_text("abc\n")
    assert snapshot("owner/name") == reference.parents[1] / "snapshots" / "abc"
    reference.write_bytes(b"\xff")
    assert snapshot("owner/name") is None
    assert snapshot("a b/c") is None


def test_the_reference_of_cached_files_is_watched(reference: Path, tmp_path: Path) -> None:
    files = [reference.parents[1] / "snapshots" / "abc" / name for name in ("a.json", "a.safetensors")]
    elsewhere = tmp_path / "elsewhere.safetensors"
    assert with_reference(*files) == tuple(files)
    reference.write_text("abc")
    assert with_reference(*files) == (*files, reference)
    assert with_reference(elsewhere) == (elsewhere,)


def test_inside_no_network_the_hub_is_not_asked_and_afterwards_as_before() -> None:
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    with no_network(), pytest.raises(huggingface_hub.errors.OfflineModeIsEnabled):
        huggingface_hub.get_session().head(constants.ENDPOINT)
    assert before == constants.HF_HUB_OFFLINE
