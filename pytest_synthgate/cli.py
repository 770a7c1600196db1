"""The `synthgate` command: what can be done with spec files outside a test run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pytest_synthgate.declaring.specfile import find_spec_files, load_spec_file
from pytest_synthgate.declaring.wording import meant, quoted
from pytest_synthgate.errors import GenerationError, ResultsError, SpecError, SynthgateError
from pytest_synthgate.spec import Spec, check_unique, spec_to_json

if TYPE_CHECKING:
    from pytest_synthgate.measure import Measurer


class _Commands(click.Group):
    """Shows this package's own errors as one line, with exit code 2."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SynthgateError as error:
            click.echo(f"synthgate: {error}", err=True)
            sys.exit(2)


def _shard(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, int]:
    """Read `3/16`."""
    number, _, count = value.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise GenerationError(f"--shard={value} is no shard; give 1/N to N/N, such as 3/16")
    return int(number), int(count)


def _day(ctx: click.Context, param: click.Parameter, value: str) -> date:
    """Read `2027-01-31`."""
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise SpecError(f"--expires={quoted(value)} is no day; give one such as 2027-01-31") from None


_Command = Callable[..., Any]


def _files(command: _Command) -> _Command:
    text = "Spec file; may be repeated. Without it, all spec files below the current directory."
    return click.option("--file", "files", multiple=True, type=click.Path(path_type=Path), help=text)(command)


def _real(command: _Command) -> _Command:
    return click.option("--real", type=click.Path(path_type=Path), help="Real set, instead of the declared one.")(
        command
    )


def _encoder(command: _Command) -> _Command:
    return click.option("--encoder", help="Encoder, instead of the declared one.")(command)


def _cache(command: _Command) -> _Command:
    text = "Where images, features and measurements are kept.  [default: the nearest .synthgate upwards, or a new one]"
    path = click.Path(path_type=Path)
    return click.option("--cache", type=path, default=_nearest_cache, help=text)(command)


def _nearest_cache() -> Path:
    """Find the cache of the project that the current directory is in, as a test run in it would."""
    here = Path.cwd()
    there = (folder / ".synthgate" for folder in (here, *here.parents))
    return next((cache for cache in there if cache.is_dir()), here / ".synthgate")


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pytest-synthgate")
def main() -> None:
    """Gate synthetic image sets against a real one."""


@main.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@_real
@_cache
def check(files: tuple[Path, ...], real: Path | None, cache: Path) -> None:
    """Check spec files and print the prompts they stand for, with their cost; nothing is made."""
    from pytest_synthgate.reports.declared import describe_spec

    for spec in _load(files):
        click.echo("\n".join(describe_spec(spec, cache, real=_absolute(real))))


@main.command()
@click.argument("names", metavar="[SPEC]...", nargs=-1)
@_files
@_real
@_cache
@click.option(
    "--shard",
    callback=_shard,
    default="1/1",
    show_default=True,
    metavar="K/N",
    help="Make one part of many, such as 3/16.",
)
@click.option("--again", is_flag=True, help="Make the images that are there once more.")
@click.option("--image", "images", multiple=True, metavar="NAME", help="Make this image alone; may be repeated.")
def generate(
    names: tuple[str, ...],
    files: tuple[Path, ...],
    real: Path | None,
    cache: Path,
    shard: tuple[int, int],
    again: bool,
    images: tuple[str, ...],
) -> None:
    """Make the missing images of specs, all of them by default; a killed run goes on where it stopped."""
    from pytest_synthgate.features.store import Store
    from pytest_synthgate.images.generation.generate import generate as make
    from pytest_synthgate.images.generation.plan import plan
    from pytest_synthgate.images.provide import hook_directory, is_complete, prompts_of

    specs = _chosen(_load(files), names)
    Store(cache).close()  # marks the folder as a cache, which version control and backups leave alone
    for spec in specs:
        if spec.images is not None:
            click.echo(f"{spec.name}: its images exist, nothing to make")
            continue
        prompts = prompts_of(spec, _absolute(real))
        if is_complete(hook_directory(spec, prompts, cache)) or (spec.generator is None and not names):
            click.echo(f"{spec.name}: a hook makes its images, when pytest runs")
            continue
        planned = plan(spec, prompts, cache)
        made = make(planned.only(images) if images else planned, shard=shard, again=again)
        for note in made.notes:
            click.echo(f"{spec.name}: {note}", err=True)
        black = f", {made.blacked_out:,} blacked out" if made.blacked_out else ""
        click.echo(f"{spec.name}: {made.made:,} images made, {made.present:,} were there{black}")


@main.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "to", type=click.Path(path_type=Path), default=Path("synthgate.json"), show_default=True)
@_real
@_encoder
@_cache
def measure(files: tuple[Path, ...], to: Path, real: Path | None, encoder: str | None, cache: Path) -> None:
    """Measure specs where the images are; `pytest --synth-results=FILE` judges the file anywhere.

    Missing images are made.
    """
    from pytest_synthgate.measure import known_classes
    from pytest_synthgate.reports.image_files import files_of
    from pytest_synthgate.reports.results import SpecResult, write_results

    specs = _load(files)
    results = {}
    with _measurer(cache) as measurer:
        for spec in specs:
            overridden = _overridden(spec, real, encoder)
            measurement = measurer.measurement(overridden)
            results[spec.name] = SpecResult(
                measurement,
                compare_to=spec.compare_to,
                expected=spec.xfail,
                declared=spec_to_json(spec),
                classes=known_classes(overridden, measurer),
                images=files_of(overridden, measurer),
            )
            click.echo(f"{spec.name}: {measurement.n_synthetic:,} against {measurement.n_real:,} images measured")
    write_results(to, results)
    click.echo(f"written: {to}")


@main.command()
@click.argument("name", metavar="SPEC")
@click.option("--to", type=click.Path(path_type=Path), required=True, help="Folder to make.")
@click.option("--without-findings", is_flag=True, help="Leave out near-copies of real photos and obvious fakes too.")
@_files
@_real
@_encoder
@_cache
def export(
    name: str,
    to: Path,
    without_findings: bool,
    files: tuple[Path, ...],
    real: Path | None,
    encoder: str | None,
    cache: Path,
) -> None:
    """Copy the images of a spec into class folders for training, one of each near-duplicate cluster."""
    from pytest_synthgate.export import export as copy

    (spec,) = _chosen(_load(files), (name,))
    spec = _overridden(spec, real, encoder)
    with _measurer(cache) as measurer:
        measurement, sets = measurer.measurement(spec), measurer.sets(spec)
        copied = copy(sets, measurement, to, without_findings=without_findings, sources=(spec.real, spec.images))
    for line in copied.lines():
        click.echo(line)


@main.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--html", type=click.Path(path_type=Path), help="Folder, or one self-contained FILE.html.")
@click.option("--markdown", type=click.Path(path_type=Path), help="File for a step summary or a merge-request note.")
@click.option("--redact-real", is_flag=True, help="Keep real photos, and their names, out of it.")
@click.option("--max-findings", type=click.IntRange(0), help="Findings with pictures.  [default: 200]")
def report(
    results: tuple[Path, ...], html: Path | None, markdown: Path | None, redact_real: bool, max_findings: int | None
) -> None:
    """Render results files, several as one; pictures are shown where they are still in their place."""
    from pytest_synthgate.reports.html.render import MAX_FINDINGS, write_html
    from pytest_synthgate.reports.redaction import redacted
    from pytest_synthgate.reports.results import read_all

    if html is None and markdown is None:
        raise ResultsError("nothing to write; give --html=DIR, --html=FILE.html or --markdown=FILE")
    found = read_all(results)
    if redact_real:
        found = {name: redacted(result) for name, result in found.items()}
    if html is not None:
        write_html(html, found, max_findings=MAX_FINDINGS if max_findings is None else max_findings)
        click.echo(f"written: {html}")
    if markdown is not None:
        from pytest_synthgate.reports.markdown import write_markdown

        write_markdown(markdown, found)
        click.echo(f"written: {markdown}")


@main.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.argument("finding", metavar="FINDING_ID")
@click.option("--reason", required=True, help="Why it is acceptable.")
@click.option("--owner", required=True, help="Who answers for it.")
@click.option("--expires", required=True, metavar="DATE", callback=_day, help="The last day it holds, within a year.")
@click.option("--pair", is_flag=True, help="Waive the image beside this twin alone, not whatever it resembles.")
@click.option("--file", type=click.Path(path_type=Path), help="Spec file; without it, the one that declares the spec.")
def waive(results: Path, finding: str, reason: str, owner: str, expires: date, pair: bool, file: Path | None) -> None:
    """Accept a finding of a results file until a day: append a waiver to the spec file."""
    from pytest_synthgate.waive import waive as accept
    from pytest_synthgate.waivers import utc_today

    terms = {"reason": reason, "owner": owner, "expires": expires}
    click.echo(accept(results, finding, terms, utc_today(), pair=pair, file=file))


@main.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--spec", "names", metavar="SPEC", multiple=True, help="Show this spec alone; may be repeated.")
def history(files: tuple[Path, ...], names: tuple[str, ...]) -> None:
    """Print how scores went from run to run and where they changed for good.

    The files are those of `pytest --synth-history=FILE`; several are merged.
    """
    from pytest_synthgate.reports.trend import marks_for, trend_lines, trends
    from pytest_synthgate.tracking.history import read_history

    rows, warnings = read_history(*files)
    for warning in warnings:
        click.echo(warning, err=True)
    found = trends(rows, names)
    click.echo("\n".join(trend_lines(found, marks_for(sys.stdout.encoding))))


@contextmanager
def _measurer(cache: Path) -> Iterator[Measurer]:
    """Open the store, and say at the end what a user should know about the making of images."""
    from pytest_synthgate.features.store import Store
    from pytest_synthgate.measure import Measurer

    with Store(cache) as store:
        measurer = Measurer(store)
        yield measurer
    for note in measurer.notes:
        click.echo(note, err=True)


def _overridden(spec: Spec, real: Path | None, encoder: str | None) -> Spec:
    return replace(spec, real=_absolute(real) or spec.real, encoder=encoder or spec.encoder)


def _load(files: Iterable[Path]) -> list[Spec]:
    named = tuple(files)
    found = named or find_spec_files(Path.cwd())
    if not found:
        raise SpecError(f"no spec file (synth_*.toml) below {Path.cwd()}; name one, or write one")
    specs = [spec for file in found for spec in load_spec_file(file, named=bool(named))]
    check_unique(specs)
    return specs


def _chosen(specs: list[Spec], names: tuple[str, ...]) -> list[Spec]:
    known = [spec.name for spec in specs]
    for name in names:
        if name not in known:
            raise SpecError(f"there is no spec {quoted(name)}; {meant(name, known)}")
    return [spec for spec in specs if not names or spec.name in names]


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else Path.cwd() / path
