"""Commands without a spec: which images are copies of others, and the room that looking for them takes in the cache."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_synthgate.cli.shared import PATH, Given, opened_here, options, say

if TYPE_CHECKING:
    from pytest_synthgate.scores.finding import Finding

COLUMNS = ("image", "twin", "twin_set", "by", "distance", "edit", "inliers", "agreement", "digest", "twin_digest")


@click.command("copies")
@click.argument("real", type=PATH)
@click.argument("synthetic", metavar="SYNTH", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list instead of CSV.")
@options("--encoder", "--cache")
def copies_command(real: Path, synthetic: Path, as_json: bool, **given: Given) -> None:
    """Print the images of SYNTH that are near-copies of one in REAL or in SYNTH, each with its twin.

    Exits with 1 when there are any.
    """
    from pytest_synthgate.spec.model import Spec

    with opened_here(**given) as project:
        spec = Spec(name="copies", file=Path.cwd() / "copies", real=real.absolute(), images=synthetic.absolute())
        if project.settings.encoder is not None:
            spec = replace(spec, encoder=project.settings.encoder)
        findings, warnings = project.measurer.copies(spec)
    say(*warnings, err=True)
    rows = [_row(each) for each in findings]
    say(json.dumps(rows, indent=1, ensure_ascii=False) if as_json else _csv(rows))
    if rows:
        sys.exit(1)


def _row(finding: Finding) -> dict[str, object]:
    found = finding.geometry
    geometry = {} if found is None else {"edit": found.edit, "inliers": found.inliers, "agreement": found.agreement}
    values = {name: getattr(finding, name, None) for name in COLUMNS} | {"distance": finding.value} | geometry
    return {key: round(value, 6) if isinstance(value, float) else value for key, value in values.items()}


def _csv(rows: list[dict[str, object]]) -> str:
    text = StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue().rstrip("\n")


@click.group("cache")
def cache_command() -> None:
    """Look after the cache."""


@cache_command.command("prune")
@options("--cache")
def prune_command(**given: Given) -> None:
    """Remove what the search for edited copies has stored, the largest part; it is found again where it is needed."""
    from pytest_synthgate.features.points import prune

    with opened_here(**given) as project:
        freed = prune(project.settings.cache)
    say(f"{freed / 1e6:,.1f} MB freed" if freed else "nothing to remove")
