"""What the commands on spec files share: their options, and the specs that they are about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pytest_synthgate.declaring.specfile import find_spec_files, load_spec_file
from pytest_synthgate.declaring.wording import meant, quoted
from pytest_synthgate.errors import SpecError
from pytest_synthgate.spec import Spec, check_unique

if TYPE_CHECKING:
    from pytest_synthgate.images.provide import Mode
    from pytest_synthgate.measure import Measurer

_Command = Callable[..., Any]


def files_option(command: _Command) -> _Command:
    """Add `--file`."""
    text = "Spec file; may be repeated. Without it, all spec files below the current directory."
    return click.option("--file", "files", multiple=True, type=click.Path(path_type=Path), help=text)(command)


def real_option(command: _Command) -> _Command:
    """Add `--real`."""
    return click.option("--real", type=click.Path(path_type=Path), help="Real set, instead of the declared one.")(
        command
    )


def encoder_option(command: _Command) -> _Command:
    """Add `--encoder`."""
    return click.option("--encoder", help="Encoder, instead of the declared one.")(command)


def cache_option(command: _Command) -> _Command:
    """Add `--cache`."""
    text = "Where images, features and measurements are kept.  [default: the nearest .synthgate upwards, or a new one]"
    path = click.Path(path_type=Path)
    return click.option("--cache", type=path, default=_nearest_cache, help=text)(command)


def _nearest_cache() -> Path:
    """Find the cache of the project that the current directory is in, as a test run in it would."""
    here = Path.cwd()
    there = (folder / ".synthgate" for folder in (here, *here.parents))
    return next((cache for cache in there if cache.is_dir()), here / ".synthgate")


@contextmanager
def measurer_in(cache: Path, mode: Mode = "auto") -> Iterator[Measurer]:
    """Open the store, and say at the end what a user should know about the making of images."""
    from pytest_synthgate.features.store import Store
    from pytest_synthgate.measure import Measurer

    with Store(cache) as store:
        measurer = Measurer(store, mode=mode)
        yield measurer
    for note in measurer.notes:
        click.echo(note, err=True)


def overridden(spec: Spec, real: Path | None, encoder: str | None) -> Spec:
    """Apply what the command line overrides."""
    return replace(spec, real=absolute(real) or spec.real, encoder=encoder or spec.encoder)


def load(files: Iterable[Path]) -> list[Spec]:
    """Load the named spec files, or all below the current directory.

    Raises:
        SpecError: There is none, or one cannot be meant.
    """
    named = tuple(files)
    found = named or find_spec_files(Path.cwd())
    if not found:
        raise SpecError(f"no spec file (synth_*.toml) below {Path.cwd()}; name one, or write one")
    specs = [spec for file in found for spec in load_spec_file(file, named=bool(named))]
    check_unique(specs)
    return specs


def chosen(specs: list[Spec], names: tuple[str, ...]) -> list[Spec]:
    """Pick specs by name, all when no name is given.

    Raises:
        SpecError: There is no such spec.
    """
    known = [spec.name for spec in specs]
    for name in names:
        if name not in known:
            raise SpecError(f"there is no spec {quoted(name)}; {meant(name, known)}")
    return [spec for spec in specs if not names or spec.name in names]


def absolute(path: Path | None) -> Path | None:
    """Take a path of the command line from the current directory."""
    return None if path is None else Path.cwd() / path
