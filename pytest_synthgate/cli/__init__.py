"""The `synthgate` command: what is done with spec files and results files outside a test run."""

from __future__ import annotations

import sys
import traceback
from io import TextIOWrapper

import click

from pytest_synthgate.cli import copies, results, specs
from pytest_synthgate.cli.shared import say
from pytest_synthgate.errors import SynthgateError
from pytest_synthgate.text.printable import visible


class _Commands(click.Group):
    """Shows this package's own errors as one line, with exit code 2, and names in whatever letters there are."""

    def invoke(self, ctx: click.Context) -> object:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except SynthgateError as error:
            say(f"synthgate: {visible(str(error))}", err=True)
            sys.exit(2)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception:  # noqa: BLE001 (whose text may be anybody's)
            say(traceback.format_exc(), err=True)
            sys.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pytest-synthgate")
def main() -> None:
    """Gate synthetic image sets against a real one."""


for command in (*vars(specs).values(), *vars(results).values(), copies.copies_command, copies.cache_command):
    if isinstance(command, click.Command):
        main.add_command(command)
