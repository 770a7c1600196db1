"""The Hugging Face hub: what of a repository is on this machine, and whether the hub is there to ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

PROBE_SECONDS = 3.0


def snapshot(repository: str) -> Path | None:
    """Name the folder of the local cache for the current commit of a repository; None when none is known here."""
    if find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import constants

    cached = Path(constants.HF_HUB_CACHE, f"models--{repository.replace('/', '--')}")
    try:
        commit = (cached / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
    return cached / "snapshots" / commit if commit else None


def with_reference(*files: Path) -> tuple[Path, ...]:
    """Add to cached files of a repository what decides which commit is current, so that an update is noticed."""
    snapshots = next((each for each in files[0].parents if each.name == "snapshots"), None)
    reference = snapshots.parent / "refs" / "main" if snapshots else None
    return (*files, reference) if reference and reference.is_file() else files


def probe() -> None:
    """Ask once whether the hub is there: a download would try for the better part of a minute.

    Raises:
        Exception: It is not; the type is that of whichever HTTP library the hub's client uses.
    """
    from huggingface_hub import constants, get_session

    get_session().head(constants.ENDPOINT, timeout=PROBE_SECONDS)


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
