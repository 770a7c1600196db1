from pathlib import Path

import pytest

from pytest_synthgate.errors import EncoderError
from pytest_synthgate.features.hub import hub_file, no_network, revision_files

pytest.importorskip("huggingface_hub")
import huggingface_hub.errors

REPOSITORY = "owner/name"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the hub's client that is empty, and no network."""

    def unreachable(*_: object, **__: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("socket.getaddrinfo", unreachable)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def cached(cache: Path, *names: str) -> Path:
    snapshot = cache / "models--owner--name" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (cache / "models--owner--name" / "refs").mkdir()
    (cache / "models--owner--name" / "refs" / "main").write_text("abc")
    for name in names:
        (snapshot / name).write_bytes(b"weights")
    return snapshot


def test_a_cached_file_is_taken_without_a_network(cache: Path) -> None:
    snapshot = cached(cache, "b.bin")
    assert hub_file("me", REPOSITORY, ("a.safetensors", "b.bin")) == snapshot / "b.bin"


def test_the_first_cached_alternative_wins(cache: Path) -> None:
    snapshot = cached(cache, "b.bin", "a.safetensors")
    assert hub_file("me", REPOSITORY, ("a.safetensors", "b.bin")) == snapshot / "a.safetensors"


@pytest.mark.parametrize("offline", [True, False])
def test_missing_weights_without_a_network_say_what_to_do_at_once(
    offline: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def unreachable(host: object, *_: object, **__: object) -> None:
        asked.append(host)
        raise OSError("Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unreachable)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", offline)
    with pytest.raises(EncoderError) as caught:
        hub_file("open_clip:hf-hub:owner/name", REPOSITORY, ("a.safetensors",))
    assert len(asked) == (0 if offline else 1)  # a download would try for about 47 seconds
    text = str(caught.value)
    assert text.startswith("open_clip:hf-hub:owner/name: its weights (owner/name) are not on this machine")
    assert all(remedy in text for remedy in ("with a network", "open_clip:local-dir:", "efficientnet_lite0"))
    assert "\n" not in text


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (huggingface_hub.errors.EntryNotFoundError, "me: owner/name has none of a.safetensors, b.bin"),
        (huggingface_hub.errors.LocalEntryNotFoundError, r"me: its weights .* not be fetched \(gone\); run once"),
    ],
)
def test_a_missing_file_is_told_from_a_network_that_goes_away(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception], message: str
) -> None:
    class Reachable:
        def head(self, *_: object, **__: object) -> None:
            pass

    def absent(*_: object) -> str:
        raise error("gone")

    monkeypatch.setattr("huggingface_hub.get_session", Reachable)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", absent)
    with pytest.raises(EncoderError, match=message):
        hub_file("me", REPOSITORY, ("a.safetensors", "b.bin"))


def test_a_name_that_is_no_repository_is_refused() -> None:
    with pytest.raises(EncoderError, match=r"me: its weights \(a b/c\)"):
        hub_file("me", "a b/c", ("a.safetensors",))


def test_the_reference_of_a_cached_file_is_watched(cache: Path) -> None:
    snapshot = cached(cache, "a.safetensors")
    assert revision_files(snapshot / "a.safetensors") == (cache / "models--owner--name" / "refs" / "main",)
    assert revision_files(cache / "elsewhere.safetensors") == ()


def test_inside_no_network_the_hub_is_not_asked_and_afterwards_as_before() -> None:
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    with no_network(), pytest.raises(huggingface_hub.errors.OfflineModeIsEnabled):
        huggingface_hub.get_session().head(constants.ENDPOINT)
    assert before == constants.HF_HUB_OFFLINE
