"""The command that prints the JSON Schemas of the files this package reads and writes."""

from __future__ import annotations

import json

import click

from pytest_synthgate.files.schema import shipped_schema

_SCHEMAS = {
    "results": ("pytest_synthgate.results", "synthgate.schema.json"),
    "baseline": ("pytest_synthgate.tracking", "baseline.schema.json"),
    "history": ("pytest_synthgate.tracking", "history.schema.json"),
}


@click.command()
@click.argument("file", type=click.Choice(("spec", *_SCHEMAS)))
def schema(file: str) -> None:
    """Print the JSON Schema of a kind of file, for editors and other programs."""
    from pytest_synthgate.spec.tables import json_schema

    click.echo(json.dumps(json_schema() if file == "spec" else shipped_schema(*_SCHEMAS[file]), indent=2))
