"""The `synthgate` command: what is done with spec files and results files outside a test run."""

from __future__ import annotations

import sys

import click

from pytest_synthgate.cli.results import compare, history, report, waive
from pytest_synthgate.cli.schemas import schema
from pytest_synthgate.cli.sets import check, export, generate, measure, rebaseline
from pytest_synthgate.errors import SynthgateError


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


for command in (check, generate, measure, export, report, compare, waive, history, rebaseline, schema):
    main.add_command(command)
