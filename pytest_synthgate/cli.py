"""The `synthgate` command: what can be done with spec files outside a test run."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pytest_synthgate.declaring.specfile import find_spec_files, load_spec_file
from pytest_synthgate.errors import SpecError, SynthgateError
from pytest_synthgate.images.names import printable
from pytest_synthgate.images.sources import open_set
from pytest_synthgate.prompts import expand
from pytest_synthgate.spec import Spec, check_unique


class _Commands(click.Group):
    """Shows this package's own errors as one line, with exit code 2."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SynthgateError as error:
            click.echo(f"synthgate: {error}", err=True)
            sys.exit(2)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pytest-synthgate")
def main() -> None:
    """Gate synthetic image sets against a real one."""


@main.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--real", type=click.Path(path_type=Path), help="Real set whose class folders the prompts speak of.")
def check(files: tuple[Path, ...], real: Path | None) -> None:
    """Check spec files and print every prompt they stand for; nothing is made.

    Without FILES, all spec files below the current directory.
    """
    specs = _load(files)
    for spec in specs:
        click.echo(_heading(spec))
        if spec.images is None:
            source = real or spec.real
            sizes = open_set(source, side="real").class_counts() if spec.needs_classes and source else {}
            prompts = expand(spec, tuple(sizes), class_sizes=sizes or None)
            for prompt in prompts:
                click.echo(f"  {prompt.count:>6,}  {printable(prompt.text)}")
            click.echo(f"  {sum(prompt.count for prompt in prompts):>6,}  images of {len(prompts):,} prompts")
        for score, limit in spec.limits.items():
            xfail = f", expected to fail: {printable(spec.xfail[score])}" if score in spec.xfail else ""
            click.echo(f"  limit {score} {limit}{xfail}")


def _load(files: tuple[Path, ...]) -> list[Spec]:
    found = files or find_spec_files(Path.cwd())
    if not found:
        raise SpecError(f"no spec file (synth_*.toml) below {Path.cwd()}; name one, or write one")
    specs = [spec for file in found for spec in load_spec_file(file, named=file in files)]
    check_unique(specs)
    return specs


def _heading(spec: Spec) -> str:
    source = f"images {printable(str(spec.images))}" if spec.images else "to be generated"
    return f"{printable(spec.file.name)} {printable(spec.name)}: {source}"
