"""The state of a model: by content for a directory, by commit for a hub id, and no network without a hub id."""

import os
from pathlib import Path

import pytest

from pytest_synthgate.errors import GenerationError
from pytest_synthgate.images.generation.models import NamedModel, commit, fetch, identity, named

LARGE = 1 << 20


@pytest.fixture
def model(tmp_path: Path) -> NamedModel:
    folder = tmp_path / "model"
    (folder / "unet").mkdir(parents=True)
    (folder / "model_index.json").write_text("{}")
    (folder / "unet" / "weights.safetensors").write_bytes(b"w" * 100)
    return NamedModel("model", folder)


def test_the_state_of_a_directory_is_that_of_the_files_that_decide(model: NamedModel, tmp_path: Path) -> None:
    assert model.path is not None
    before = identity(model, tmp_path / "digests")
    assert before is not None
    (model.path / "README.md").write_text("hello")
    (model.path / ".cache").mkdir()
    (model.path / ".cache" / "lock.json").write_text("{}")
    assert identity(model, tmp_path / "digests") == before
    (model.path / "unet" / "config.json").write_text("{}")
    assert identity(model, tmp_path / "digests") != before


def test_the_state_moves_with_the_directory(model: NamedModel, tmp_path: Path) -> None:
    assert model.path is not None
    before = identity(model, tmp_path / "digests")
    model.path.rename(tmp_path / "elsewhere")
    assert identity(NamedModel("x", tmp_path / "elsewhere"), tmp_path / "digests") == before


def test_weights_trained_again_are_another_state_of_the_same_size(model: NamedModel, tmp_path: Path) -> None:
    assert model.path is not None
    file = model.path / "unet" / "weights.safetensors"
    states = set()
    for letter in (b"a", b"b"):
        file.write_bytes(letter * LARGE)
        states.add(identity(model, tmp_path / "digests"))
    assert len(states) == 2


def test_a_large_file_at_rest_is_hashed_once(model: NamedModel, tmp_path: Path) -> None:
    assert model.path is not None
    file, digests = model.path / "unet" / "weights.safetensors", tmp_path / "digests"
    file.write_bytes(b"w" * LARGE)
    os.utime(file, (1_000_000, 1_000_000))
    before = identity(model, digests)
    (kept,) = digests.iterdir()
    kept.write_text("0" * 64)  # what is kept is what is believed
    assert identity(model, digests) != before


def test_a_large_file_that_may_still_change_is_hashed_each_time(model: NamedModel, tmp_path: Path) -> None:
    assert model.path is not None
    (model.path / "unet" / "weights.safetensors").write_bytes(b"w" * LARGE)
    identity(model, tmp_path / "digests")
    assert not (tmp_path / "digests").exists()


def test_a_model_that_cannot_be_read_says_so(model: NamedModel, tmp_path: Path) -> None:
    assert model.path is not None
    (model.path / "config.json").symlink_to("nowhere")
    with pytest.raises(GenerationError, match=r"the model cannot be read \(No such file"):
        identity(model, tmp_path / "digests")


def test_a_single_file_of_weights_has_a_state_too(tmp_path: Path) -> None:
    (tmp_path / "lora.safetensors").write_bytes(b"w")
    assert (identity(NamedModel("x", tmp_path / "lora.safetensors"), tmp_path) or "").startswith("sha256:")
    assert identity(NamedModel("x", tmp_path / "nothing"), tmp_path) is None


@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("stabilityai/sd-turbo", False),
        ("digits", True),
        ("models/missing", True),  # `models` is there, so that this is a misspelt folder and not a hub id
        ("../a/b", True),
        ("/tmp/x", True),
        ("~/x", True),
        ("a/b/c", True),
        ("a b/c", True),
    ],
)
def test_only_what_can_be_a_hub_id_and_no_path_is_one(tmp_path: Path, name: str, local: bool) -> None:
    (tmp_path / "models").mkdir()
    assert (named(name, tmp_path).path is not None) == local


def test_a_folder_beside_the_spec_file_wins_over_a_hub_id(tmp_path: Path) -> None:
    (tmp_path / "stabilityai" / "sd-turbo").mkdir(parents=True)
    assert named("stabilityai/sd-turbo", tmp_path).path == tmp_path / "stabilityai" / "sd-turbo"


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_a_hub_id_has_the_commit_of_the_local_cache(hub_cache: Path, tmp_path: Path) -> None:
    model = NamedModel("stabilityai/sd-turbo", None)
    assert commit(model) is None
    assert identity(model, tmp_path) is None
    reference = hub_cache / "models--stabilityai--sd-turbo" / "refs" / "main"
    reference.parent.mkdir(parents=True)
    reference.write_text("b" * 40)
    assert identity(model, tmp_path) == f"stabilityai/sd-turbo@{'b' * 40}"
    fetch(model, "nobody asks the network for what is known")


def test_without_a_network_a_hub_id_is_refused_at_once(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Session:
        def head(self, url: str, timeout: float) -> None:
            raise ConnectionError("Network is unreachable\nand more")

    monkeypatch.setattr("huggingface_hub.get_session", Session)
    with pytest.raises(
        GenerationError, match=r"^here = 'a/b' is no folder .* \(ConnectionError: Network is unreachable\);"
    ):
        fetch(NamedModel("a/b", None), "here")
