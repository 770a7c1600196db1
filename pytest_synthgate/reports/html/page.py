"""A results file as a page: the verdict, the table, what to read from it, a section for every spec, and its files.

Values say what stands where and in which words, the templates how it looks. The files are a folder with a stylesheet
and thumbnails, of which `index.html` is replaced last, when all that it shows is there; or one file that has all in it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path

from pytest_synthgate.errors import ResultsError
from pytest_synthgate.files.replacing import replace_file
from pytest_synthgate.images.tree import OUTPUT_MARK
from pytest_synthgate.reports import Results
from pytest_synthgate.reports.conclusions import failed_gates, headline, reading
from pytest_synthgate.reports.evidence import SHOWN, some
from pytest_synthgate.reports.explain import with_interval
from pytest_synthgate.reports.html.drawings import Scale
from pytest_synthgate.reports.html.finding_cards import cut, finding_groups
from pytest_synthgate.reports.html.scoretable import axes, bounds, drawn_rows, in_words, levels
from pytest_synthgate.reports.html.section import Section, facts, section
from pytest_synthgate.reports.overview import ScoreRow, Tone, mark_of_error, notes
from pytest_synthgate.reports.pictures import Album, Thumbnail
from pytest_synthgate.reports.trend import measured_in
from pytest_synthgate.text.printable import shown, visible
from pytest_synthgate.text.wording import counted
from pytest_synthgate.tracking.changes import SpecTrend

MAX_FINDINGS = 200
"""Findings that have pictures, unless somebody asks for more or fewer."""
FOLDER_POLICY = "default-src 'none'; img-src 'self'; style-src 'self'"
"""Content-security policy that the folder keeps to; many servers of build artifacts ask for it."""

_PICTURES = "pictures"
_BRAND = b'<p class="brand">synthgate report'
_OURS = re.compile(r"[0-9a-f]{20}\.webp")


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report: the verdict in one sentence, the table, the lines below it, and a section a spec.

    `run` says when and of which commit the numbers are, where a history knows that and it is one run.
    """

    verdict: str
    tone: Tone
    run: str | None
    rows: tuple[ScoreRow, ...]
    axes: Mapping[str, Scale]
    anchors: Mapping[str, str]
    reading: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    redacted: bool


def page(
    results: Results,
    album: Album,
    max_findings: int,
    trends: Mapping[str, SpecTrend],
    remarks: Sequence[str] = (),
) -> Page:
    """Lay out the report; the pictures that it shows are asked of the album."""
    anchors = {name: f"spec-{number}" for number, name in enumerate(results, 1)}
    groups = finding_groups(results, anchors, max_findings, album)
    sections = tuple(
        section(name, anchors[name], result, album, groups[name], trends.get(name)) for name, result in results.items()
    )
    failing = {name for name, _ in failed_gates(results)} | {name for name, each in results.items() if each.error}
    rows = drawn_rows(results)
    by_name = zip(results, sections, strict=True)
    return Page(
        verdict=headline(results),
        tone="fail" if failing else "ok",
        run=_one_run(results, trends),
        rows=tuple(rows),
        axes=axes(rows),
        anchors=anchors,
        reading=(*reading(results), *(("note", text) for text in (*remarks, *notes(results)))),
        sections=tuple(each for _, each in sorted(by_name, key=lambda pair: pair[0] not in failing)),
        redacted=any(result.redacted for result in results.values()),
    )


def _one_run(results: Results, trends: Mapping[str, SpecTrend]) -> str | None:
    measured = [(name, each) for name, each in results.items() if each.measurement.n_synthetic]
    found = {measured_in(trends[name], each) if name in trends else None for name, each in measured}
    return found.pop() if len(found) == 1 else None


def is_one_file(path: Path) -> bool:
    """Tell whether a report of this name is one file, not a folder with pictures."""
    return path.suffix.lower() in (".html", ".htm")


def write_html(
    path: Path,
    results: Results,
    *,
    max_findings: int = MAX_FINDINGS,
    trends: Iterable[SpecTrend] = (),
    remarks: Sequence[str] = (),
) -> str | None:
    """Write the report: a folder to make or bring up to date, or one file that needs no other when it ends in `.html`.

    The worst `max_findings` have pictures, the others are listed; `remarks` are what else a reader should know, such as
    damaged rows of the history that the trends are from.

    Returns:
        How many pictures could not be shown and where they were looked for, which the report says too; None when all
        could.

    Raises:
        ResultsError: The place cannot be written to, or holds a page of somebody else.
    """
    one_file = is_one_file(path)
    _check_ours(path, one_file=one_file)
    album = Album(inline=one_file)
    laid_out = page(results, album, max_findings, {each.spec: each for each in trends}, remarks)
    thumbnails = album.develop()
    gap = _gap(album, thumbnails, results)
    values = {"page": laid_out, "gap": gap}
    if one_file:
        replace_file(path, _one_file(values, thumbnails).encode())
    else:
        _write_folder(path, values, thumbnails)
    return gap


def _check_ours(path: Path, *, one_file: bool) -> None:
    """Leave alone what is no report, as in the folder of a web site; a killed run may have left the style alone."""
    index = path if one_file else path / "index.html"
    if index.is_file() and _BRAND in index.read_bytes():
        return
    for each in (index,) if one_file else (index, path / "style.css"):
        if each.is_file() and each.read_bytes() not in (b"", _style().encode()):
            raise ResultsError(f"{shown(each)}: is there, and no report of synthgate; name another place, or remove it")


def _gap(album: Album, thumbnails: Mapping[Path, Thumbnail], results: Results) -> str | None:
    """Say how many pictures could not be shown, and where they were looked for."""
    missing = [path for path in album.wanted if path not in thumbnails]
    if not missing:
        return None
    roots = {files.root for result in results.values() for files in result.images.values()}
    folders = sorted(shown(root.absolute()) for root in roots if any(path.is_relative_to(root) for path in missing))
    more = " folders" if len(folders) > SHOWN else ""
    return f"{len(missing):,} of {counted(len(album.wanted), 'picture')} could not be read in {some(folders)}{more}"


def _write_folder(folder: Path, values: Mapping[str, object], thumbnails: Mapping[Path, Thumbnail]) -> None:
    pictures = folder / _PICTURES
    wanted = {each.name: each for each in thumbnails.values()}
    if wanted:
        replace_file(pictures / OUTPUT_MARK, b"")
    for name, each in wanted.items():
        if not (pictures / name).exists():
            replace_file(pictures / name, each.content)
    replace_file(folder / "style.css", _style().encode())

    text = _render(thumbnails, lambda each: f"{_PICTURES}/{each.name}", **values, style=None, policy=FOLDER_POLICY)
    replace_file(folder / "index.html", text.encode())
    for old in pictures.glob("*.webp"):
        if _OURS.fullmatch(old.name) and old.name not in wanted:
            with contextlib.suppress(OSError):
                old.unlink()


def _one_file(values: Mapping[str, object], thumbnails: Mapping[Path, Thumbnail]) -> str:
    from markupsafe import Markup

    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'"
    ours = Markup(style)  # noqa: S704 (our own file, whose digest the policy names)
    return _render(thumbnails, Thumbnail.data_uri, **values, style=ours, policy=policy)


def _render(thumbnails: Mapping[Path, Thumbnail], address: Callable[[Thumbnail], str], **values: object) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("pytest_synthgate.reports.html"),
        autoescape=True,
        undefined=StrictUndefined,
        # Whatever a value comes from, nothing that is printed breaks a line or turns a text around.
        finalize=lambda value: visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (bounds, cut, facts, in_words, levels, mark_of_error, with_interval)
    environment.filters |= {each.__name__: each for each in filters}
    return environment.get_template("index.html").render(
        values,
        version=metadata.version("pytest-synthgate"),
        thumbnail=lambda picture: thumbnails.get(picture.path),
        any_shown=lambda pictures: any(picture.path in thumbnails for picture in pictures),
        address=address,
    )


def _style() -> str:
    return resources.files("pytest_synthgate.reports.html").joinpath("style.css").read_text(encoding="utf-8")
