"""A file of a model hub repository -> a local path: from the cache if it is there, else over the network.

Third station of the flow (images -> features -> scores), and the only part of it that asks the network; it
does so only for encoders that name a hub id. Without a network it says so at once: a repeat would not help.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pytest_synthgate.errors import EncoderError, first_line

PROBE_SECONDS = 3.0


def hub_file(encoder: str, repository: str, alternatives: Sequence[str]) -> Path:
    """Find or fetch the first of some files that a repository has.

    Args:
        encoder: Who needs it, for messages.
        repository: `OWNER/NAME`.
        alternatives: File names, best first.

    Raises:
        EncoderError: Not in the cache, and the hub cannot be reached or does not have it.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
    )

    try:
        for name in alternatives:
            cached = try_to_load_from_cache(repository, name)
            if isinstance(cached, str):
                return Path(cached)
        _probe(encoder, repository)
        for name in alternatives:
            try:
                return Path(hf_hub_download(repository, name))
            except LocalEntryNotFoundError as error:  # the network went away meanwhile
                raise _unavailable(encoder, repository, error) from None
            except EntryNotFoundError:
                continue
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise _unavailable(encoder, repository, error) from None
    raise EncoderError(f"{encoder}: {repository} has none of {', '.join(alternatives)}; name another encoder")


def revision_files(file: Path) -> tuple[Path, ...]:
    """Name what decides which revision of a cached file is current, so that an update is noticed."""
    snapshots = next((each for each in file.parents if each.name == "snapshots"), None)
    reference = snapshots.parent / "refs" / "main" if snapshots else None
    return (reference,) if reference and reference.is_file() else ()


@contextmanager
def no_network() -> Iterator[None]:
    """Keep what is loaded inside from asking the hub, whatever the configuration in a model's directory says."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    # The library reads this on each request; its environment variable only once, when it is imported.
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _probe(encoder: str, repository: str) -> None:
    """Ask once whether the hub is there: a download would try for the better part of a minute."""
    from huggingface_hub import constants, get_session

    try:
        get_session().head(constants.ENDPOINT, timeout=PROBE_SECONDS)
    except Exception as error:  # noqa: BLE001  the type is that of whichever HTTP library the hub's client uses
        raise _unavailable(encoder, repository, error) from None


def _unavailable(encoder: str, repository: str, error: Exception) -> EncoderError:
    return EncoderError(
        f"{encoder}: its weights ({repository}) are not on this machine and could not be fetched "
        f"({first_line(error)}); run once with a network, or name local weights with open_clip:local-dir:DIRECTORY, "
        "or use the encoder efficientnet_lite0, which needs no network"
    )
