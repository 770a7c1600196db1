"""What the commands on spec files share: their options, the project they work in, and the specs they are about."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from pytest_synthgate.errors import SpecError, SynthgateError, first_line
from pytest_synthgate.session.run import run_of
from pytest_synthgate.spec.discovery import find_spec_files
from pytest_synthgate.spec.files import load_spec_file
from pytest_synthgate.spec.model import check_unique
from pytest_synthgate.text.wording import where

if TYPE_CHECKING:
    from pytest_synthgate.images.provide import Mode
    from pytest_synthgate.session.run import Run
    from pytest_synthgate.spec.model import Spec

_Command = Callable[..., Any]
_PATH = click.Path(path_type=Path)


def files_option(command: _Command) -> _Command:
    """Add `--file`."""
    text = "Spec file; may be repeated. Without it, all spec files below the current directory."
    return click.option("--file", "files", multiple=True, type=_PATH, help=text)(command)


def real_option(command: _Command) -> _Command:
    """Add `--real`."""
    return click.option("--real", type=_PATH, help="Real set, instead of the declared one.")(command)


def encoder_option(command: _Command) -> _Command:
    """Add `--encoder`."""
    return click.option("--encoder", help="Encoder, instead of the declared one.")(command)


def cache_option(command: _Command) -> _Command:
    """Add `--cache`."""
    text = "Where images, features and measurements are kept.  [default: .synthgate in the rootdir of pytest]"
    return click.option("--cache", type=_PATH, help=text)(command)


@contextmanager
def project(files: Iterable[Path] = (), *, generate: Mode = "auto", **given: Path | str | None) -> Iterator[Run]:
    """Work by what a test run here goes by: its ini and its `conftest.py`, and above them the command line.

    Args:
        files: Spec files that are named; with none, all below the current directory are meant.
        generate: What to do about missing images, in CI too.
        given: Options of the plugin, without their `--synth-`; None is not given.

    Raises:
        SynthgateError: The configuration of pytest or a spec file cannot be meant, or there is no spec file.
    """
    named = tuple(files)
    run = _run([*(f"--synth-{name}={value}" for name, value in given.items() if value is not None), *map(str, named)])
    run.options = replace(run.options, generate=generate)
    try:
        run.catalogue.add(_load(named, run))
        check_unique(list(run.catalogue.specs.values()))
        yield run
    finally:
        run.close()
        for note in run.notes():
            click.echo(note, err=True)


def _run(arguments: list[str]) -> Run:
    try:
        # What pytest captures it would have to be told to give back.
        return run_of(pytest.Config.fromdictargs({}, ["--capture=no", *arguments]))
    except Exception as error:
        raise SynthgateError(f"the configuration of pytest cannot be used: {first_line(error)}") from error


def _load(named: tuple[Path, ...], run: Run) -> list[Spec]:
    config, patterns = run.config, run.options.patterns
    found = named or find_spec_files(Path.cwd(), patterns, tuple(config.getini("norecursedirs")))
    if not found:
        raise SpecError(f"no spec file ({' or '.join(patterns)}) below {Path.cwd()}; name one, or write one")
    if not (specs := [spec for file in found for spec in load_spec_file(file, named=bool(named))]):
        files = ", ".join(where(file.absolute()).removesuffix(":") for file in found)
        raise SpecError(f"no spec in {files}; declare one in a [spec.NAME] table")
    return specs
