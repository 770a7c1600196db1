"""What the commands share: their options, the project they work in, and how they say something."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import click

from pytest_synthgate.errors import SpecError, SynthgateError, first_line
from pytest_synthgate.session.options import read_options
from pytest_synthgate.session.outcomes import lines
from pytest_synthgate.session.run import configured, project_of
from pytest_synthgate.spec.discovery import find_spec_files
from pytest_synthgate.text.printable import shown
from pytest_synthgate.text.wording import heading, where

if TYPE_CHECKING:
    from pytest_synthgate.images.mode import Mode
    from pytest_synthgate.project import Project
    from pytest_synthgate.spec.model import Spec

Given: TypeAlias = Path | str | None
"""What an option of the plugin is given, None when it is not."""

_Command = TypeVar("_Command", bound=Callable[..., object])

PATH = click.Path(path_type=Path)
_FILES = "Spec file; may be repeated. Without it, all spec files below the current directory."
_CACHE = "Where images, features and measurements are kept.  [default: .synthgate in the rootdir of pytest]"
_OPTIONS = {
    "names": click.argument("names", metavar="[SPEC]...", nargs=-1),
    "files": click.argument("files", nargs=-1, type=PATH),
    "--file": click.option("--file", "files", multiple=True, type=PATH, help=_FILES),
    "--real": click.option("--real", type=PATH, help="Real set, instead of the declared one."),
    "--encoder": click.option("--encoder", help="Encoder, instead of the declared one."),
    "--cache": click.option("--cache", type=PATH, help=_CACHE),
}


def options(*names: str) -> Callable[[_Command], _Command]:
    """Declare what several commands take."""
    return lambda command: reduce(lambda taking, name: _OPTIONS[name](taking), reversed(names), command)


def say(*texts: str, err: bool = False) -> None:
    """Print lines; whoever wrote them, a terminal and a CI runner find nothing to obey in them."""
    for text in texts:
        click.echo(lines(text), err=err)


@contextmanager
def project_here(
    files: Iterable[Path], generate: Mode = "auto", /, **given: Given
) -> Iterator[tuple[Project, list[Spec]]]:
    """Work by what a test run here goes by: ini, `addopts` and `conftest.py`, and above them the command line.

    With no spec files named, all below the current directory are meant; the options that are given are those of the
    plugin, without their `--synth-`.

    Yields:
        The project, and the specs that are meant.

    Raises:
        SynthgateError: The configuration of pytest or a spec file cannot be meant, or there is no spec.
    """
    named = tuple(files)
    with opened_here(named, generate, **given) as opened:
        settings = opened.settings
        found = named or find_spec_files(Path.cwd(), settings.patterns, settings.norecurse)
        specs = [spec for file in found for spec in opened.catalogue.load(file, named=bool(named))]
        if not found:
            patterns = " or ".join(settings.patterns)
            raise SpecError(f"no spec file ({patterns}) below {shown(Path.cwd())}; name one, or write one")
        if not specs:
            names = ", ".join(where(file.absolute()).removesuffix(":") for file in found)
            raise SpecError(f"no spec in {names}; declare one in a [spec.NAME] table")
        opened.catalogue.check_comparisons(specs)
        yield opened, specs


@contextmanager
def opened_here(files: Iterable[Path] = (), generate: Mode = "auto", /, **given: Given) -> Iterator[Project]:
    """Open the project of the current directory, as `project_here` does, whatever specs it has.

    Raises:
        SynthgateError: The configuration of pytest cannot be meant.
    """
    options = [f"--synth-{name}={value}" for name, value in given.items() if value is not None]
    try:
        config = configured([*options, *map(str, files)])
        settings = replace(read_options(config), generate=generate, results=None, pictures=())
    except Exception as error:
        raise SynthgateError(f"the configuration of pytest cannot be used: {first_line(error)}") from error
    with project_of(config, settings) as opened:
        try:
            yield opened
        finally:
            say(*opened.notes(), err=True)


def each_of(specs: Sequence[Spec], act: Callable[[Spec], None]) -> int:
    """Act on every spec, say which it fails on, count those and go on; exits with 2 when it fails on all."""
    failed = 0
    for spec in specs:
        try:
            act(spec)
        except SynthgateError as error:
            named = heading("spec", spec.name) in str(error) or str(error).startswith(f"{spec.name}: ")
            say(f"synthgate: {error}" if named else f"synthgate: {spec.name}: {error}", err=True)
            failed += 1
    if failed == len(specs):
        sys.exit(2)
    return failed
