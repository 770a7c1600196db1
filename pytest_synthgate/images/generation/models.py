"""Which model a spec names, and which state of it: a local directory by its content, a hub id by its commit.

Second station of the flow (spec -> images), below `plan`. Nothing here imports torch or asks the network, but for
`fetch`, which `generate` calls for a hub id that is not on this machine.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pytest_synthgate.errors import GenerationError, require, retold
from pytest_synthgate.files.hub import probe, snapshot
from pytest_synthgate.files.replacing import put_in_place
from pytest_synthgate.files.stamps import FileStamp
from pytest_synthgate.text.printable import shown

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_DECIDING = frozenset({".json", ".txt", ".model", ".safetensors"})
_LARGE = 1 << 20


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model, or LoRA weights, as a spec names them; the path of a local file or directory, None for a hub id."""

    name: str
    path: Path | None


def named(name: str, folder: Path) -> NamedModel:
    """Tell a local path, from a folder, from a hub id: what exists is local, and so is what cannot be `owner/name`."""
    path = folder / Path(name).expanduser()
    # `models/digits` that is not there is a path too where `models` is: no network for a misspelt folder.
    if path.exists() or not _HUB_ID.fullmatch(name) or path.parent.is_dir():
        return NamedModel(name, path)
    return NamedModel(name, None)


def identity(model: NamedModel, digests: Path) -> str | None:
    """Say which state of the model is on this machine; None when it is not here.

    Digests of large files are kept in a folder, by path, size and time of change.

    Raises:
        GenerationError: It is here and cannot be read.
    """
    if model.path is None:
        revision = commit(model)
        return None if revision is None else f"{model.name}@{revision}"
    if not model.path.exists():
        return None
    try:
        return f"sha256:{_file_digest(model.path, digests) if model.path.is_file() else _state(model.path, digests)}"
    except OSError as error:
        raise GenerationError(f"{shown(model.path)}: the model cannot be read ({error.strerror or error})") from None


def commit(model: NamedModel) -> str | None:
    """Say which commit of a hub id the local hub cache holds; None for a path, or when it is not there."""
    here = snapshot(model.name) if model.path is None else None
    return None if here is None else here.name


def fetch(model: NamedModel, where: str) -> None:
    """See to it that the commit of a hub id is known here; the weights follow when the pipeline is loaded.

    `where` is what names it, for messages: `synth.toml: [spec.a] generator.model`.

    Raises:
        GenerationError: Not in the cache, and the hub cannot be reached or does not have it.
    """
    if model.path is not None or commit(model) is not None:
        return
    require(f"{where} = {model.name!r}", "generate", "huggingface_hub")
    from huggingface_hub import snapshot_download

    nowhere = "is no folder beside the spec file, is not in the hub's cache, and could not be fetched"
    remedy = "correct it, or run once with a network"
    with retold(GenerationError, f"{where} = {model.name!r} {nowhere} (", f"); {remedy}"):
        probe()
        snapshot_download(model.name, allow_patterns=["model_index.json"])


def _state(directory: Path, digests: Path) -> str:
    """Hash what decides about pixels: weights, configurations, vocabularies; no readme and nothing hidden."""
    state = hashlib.sha256()
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for file in (Path(folder, name) for name in sorted(names) if not name.startswith(".")):
            if file.suffix in _DECIDING:
                state.update(f"{file.relative_to(directory).as_posix()}\0{_file_digest(file, digests)}\n".encode())
    return state.hexdigest()


def _file_digest(file: Path, digests: Path) -> str:
    """Hash a file; of a large one the digest is kept, since weights take seconds and a plan is made in every run.

    Headers and sizes alone would be quick too, but a model that is trained again keeps both.
    """
    stamp = FileStamp.of(file.resolve())
    if stamp.size < _LARGE:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    key = f"{stamp.path}\0{stamp.size}\0{stamp.mtime_ns}"
    kept = digests / hashlib.sha256(key.encode()).hexdigest()
    try:
        return kept.read_text(encoding="ascii")
    except OSError:
        pass
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if stamp.settled(time.time_ns()):
        # A cache that cannot be written costs the time to hash again, nothing else.
        with suppress(OSError):
            put_in_place(kept, digest.encode())
    return digest
