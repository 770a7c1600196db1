"""Commands on spec files: check them, make their images, measure them, export what passed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pytest_synthgate.cli.shared import PATH, Given, each_of, options, project_here, say
from pytest_synthgate.errors import GenerationError, SpecError
from pytest_synthgate.text.printable import shown
from pytest_synthgate.text.wording import counted

if TYPE_CHECKING:
    from pytest_synthgate.spec.model import Spec

_BASELINE = "File to rewrite.  [default: synthgate-baseline.json in the rootdir of pytest]"


def _shard(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, int]:
    """Read `3/16`."""
    number, _, count = value.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise GenerationError(f"--shard={value} is no shard; give 1/N to N/N, such as 3/16")
    return int(number), int(count)


@click.command("check")
@options("files", "--real", "--cache")
def check_command(files: tuple[Path, ...], **given: Given) -> None:
    """Check spec files and print the prompts they stand for, with their cost; nothing is made."""
    from pytest_synthgate.reports.spec_in_words import describe_spec

    with project_here(files, **given) as (opened, specs):
        for spec in specs:
            say(*describe_spec(spec, opened.settings.cache))


@click.command("generate")
@options("names", "--file", "--real", "--cache")
@click.option(
    "--shard", callback=_shard, default="1/1", show_default=True, metavar="K/N", help="Make one part of many, as 3/16."
)
@click.option("--again", is_flag=True, help="Make the images that are there once more.")
@click.option("--image", "images", multiple=True, metavar="NAME", help="Make this image alone; may be repeated.")
def generate_command(
    names: tuple[str, ...],
    files: tuple[Path, ...],
    shard: tuple[int, int],
    again: bool,
    images: tuple[str, ...],
    **given: Given,
) -> None:
    """Make the missing images of specs, all of them by default; a killed run goes on where it stopped.

    Exits with 1 when those of a spec could not be made, and with 2 when none could.
    """
    from pytest_synthgate.features.store import Store
    from pytest_synthgate.images.generation.generate import generate
    from pytest_synthgate.images.generation.plan import plan
    from pytest_synthgate.images.provide import BLACK, hook_directory, is_complete, prompts_of

    unusable = []
    with project_here(files, "again" if again else "auto", **given) as (opened, specs):
        chosen, cache = opened.catalogue.choose(names, specs), opened.settings.cache
        Store(cache).close()  # marks the folder as a cache, which version control and backups leave alone

        def make_one(spec: Spec) -> None:
            if spec.images is not None:
                say(f"{spec.name}: its images exist, nothing to make")
                return
            prompts = prompts_of(spec)
            if spec.generator is None or is_complete(hook_directory(spec, prompts, cache)):
                say(f"{spec.name}: {counted(len(opened.images(spec, 'synthetic')), 'image')}, made by a hook")
                return
            planned = plan(spec, prompts, cache)
            made = generate(planned.only(images) if images else planned, shard=shard, again=again)
            say(*(f"{spec.name}: {note}" for note in made.notes), err=True)
            black = f", {made.blacked_out:,} blacked out" if made.blacked_out else ""
            say(f"{spec.name}: {counted(made.made, 'image')} made, {made.present:,} were there{black}")
            if made.blacked_out and not made.made + made.present:
                unusable.append(spec.name)

        failed = each_of(chosen, make_one)
    if unusable:
        say(f"{', '.join(unusable)}: {BLACK}", err=True)
    if failed or unusable:
        sys.exit(1)


@click.command("measure")
@options("files")
@click.option("--json", "to", type=PATH, default=Path("synthgate.json"), show_default=True)
@options("--real", "--encoder", "--cache")
def measure_command(files: tuple[Path, ...], to: Path, **given: Given) -> None:
    """Measure specs where the images are; `pytest --synth-results=FILE` judges the file anywhere.

    Missing images are made. Exits with 1 when a spec could not be measured, and with 2 when none could.
    """
    from pytest_synthgate.results.file import write_results

    results = {}
    with project_here(files, **given) as (opened, specs):

        def measure_one(spec: Spec) -> None:
            results[spec.name] = opened.result(spec)
            measured = results[spec.name].measurement
            say(f"{spec.name}: {measured.n_synthetic:,} against {measured.n_real:,} images measured")

        failed = each_of(specs, measure_one)
    write_results(to, results)
    say(f"written: {to}")
    if failed:
        sys.exit(1)


@click.command("export")
@click.argument("name", metavar="SPEC")
@click.option("--to", type=PATH, required=True, help="Folder to make.")
@click.option("--without-findings", is_flag=True, help="Leave out near-copies of real photos and obvious fakes too.")
@options("--file", "--real", "--encoder", "--cache")
def export_command(name: str, to: Path, without_findings: bool, files: tuple[Path, ...], **given: Given) -> None:
    """Copy the images of a spec into class folders for training, one of each near-duplicate cluster."""
    from pytest_synthgate.export import export

    with project_here(files, **given) as (opened, specs):
        (spec,) = opened.catalogue.choose([name], specs)
        measurement, sets = opened.measurer.measurement(spec), opened.measurer.sets(spec)
        copied = export(sets, measurement, to, without_findings=without_findings, sources=(spec.real, spec.images))
    say(*copied.lines())


@click.command("rebaseline")
@options("names", "--file")
@click.option("--baseline", type=PATH, help=_BASELINE)
@click.option("--prune", is_flag=True, help="Only remove the entries of specs that no spec file declares.")
@options("--real", "--encoder", "--cache")
def rebaseline_command(names: tuple[str, ...], files: tuple[Path, ...], prune: bool, **given: Given) -> None:
    """Measure the accepted images again, as after a change of the encoder, and print old and new scores.

    Specs whose images are no longer those that were accepted stay as they are.
    """
    from pytest_synthgate.tracking.acceptance import pruned, remeasured, rewrite
    from pytest_synthgate.tracking.baseline import read_baseline

    if prune and names:
        raise SpecError("--prune is about specs that are gone; give it without names")
    with project_here(files, "never", **given) as (opened, specs):
        path = opened.settings.baseline
        if prune:
            declared = {spec.name for spec in opened.catalogue.load_all()}
            update = rewrite(path, lambda accepted: pruned(accepted, declared))
        else:
            accepted = read_baseline(path)
            chosen = [spec for spec in opened.catalogue.choose(names, specs) if spec.name in accepted]
            if not chosen:
                raise SpecError(
                    f"{shown(path)} has none of these specs; accept them with --synth-update-baseline first"
                )
            update = rewrite(path, remeasured(chosen, opened.measurer, Path.cwd()))
    say(*(update.changes or ("nothing changed",)), *update.refused)
    if update.changes:
        say(f"written: {shown(path)}")
    if update.refused:
        sys.exit(1)
