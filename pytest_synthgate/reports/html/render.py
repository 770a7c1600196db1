"""A page and its pictures as files: a folder with a stylesheet and thumbnails, or one file that has all in it.

Last step of the HTML report, and the one that writes. The folder's `index.html` is replaced last, when all that it
shows is there.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path

from pytest_synthgate.files.replacing import replace_file
from pytest_synthgate.reports.html.album import Album, Picture, Thumbnail
from pytest_synthgate.reports.html.page import Page, page
from pytest_synthgate.reports.trend import SpecTrend
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.text.printable import shown
from pytest_synthgate.text.wording import counted

MAX_FINDINGS = 200
"""Findings that have pictures, unless somebody asks for more or fewer."""
FOLDER_POLICY = "default-src 'none'; img-src 'self'; style-src 'self'"
"""Content-security policy that the folder keeps to; many servers of build artifacts ask for it."""

_FOLDERS = 3
"""Folders that are named when pictures are missing."""

_PICTURES = "pictures"
_OURS = re.compile(r"[0-9a-f]{20}\.webp")

Source = Callable[[Picture], Thumbnail | None]


def write_html(
    path: Path,
    results: Mapping[str, SpecResult],
    *,
    max_findings: int = MAX_FINDINGS,
    trends: Iterable[SpecTrend] = (),
    remarks: Sequence[str] = (),
) -> str | None:
    """Write the report.

    Args:
        path: A folder to make or to bring up to date; or a file, when it ends in `.html`, that needs no other.
        results: Result by spec name.
        max_findings: Findings that have pictures, worst first; the others are listed.
        trends: How scores went from run to run, where a history is known.
        remarks: What else a reader should know, such as damaged rows of that history.

    Returns:
        How many pictures could not be shown and where they were looked for, which the report says too; None when all
        could.

    Raises:
        ResultsError: The place cannot be written to.
    """
    one_file = path.suffix.lower() in (".html", ".htm")
    album = Album(inline=one_file)
    laid_out = page(results, album, max_findings, {each.spec: each for each in trends}, remarks)
    thumbnails = album.develop()
    gap = _gap(album, thumbnails, results)
    if one_file:
        replace_file(path, _one_file(laid_out, thumbnails, gap).encode())
    else:
        _write_folder(path, laid_out, thumbnails, gap)
    return gap


def _gap(album: Album, thumbnails: Mapping[Path, Thumbnail], results: Mapping[str, SpecResult]) -> str | None:
    """Say how many pictures could not be shown, and where they were looked for."""
    missing = album.missing(thumbnails)
    if not missing:
        return None
    roots = {files.root for result in results.values() for files in result.images.values()}
    folders = sorted(shown(root.absolute()) for root in roots if any(path.is_relative_to(root) for path in missing))
    more = f" and {len(folders) - _FOLDERS} more folders" if len(folders) > _FOLDERS else ""
    text = f"{len(missing):,} of {counted(len(album), 'picture')} could not be read in {', '.join(folders[:_FOLDERS])}"
    return f"{text}{more}"


def _write_folder(folder: Path, laid_out: Page, thumbnails: Mapping[Path, Thumbnail], gap: str | None) -> None:
    pictures = folder / _PICTURES
    wanted = {each.name: each for each in thumbnails.values()}
    for name, each in wanted.items():
        if not (pictures / name).exists():
            replace_file(pictures / name, each.content)
    replace_file(folder / "style.css", _style().encode())

    def address(each: Thumbnail) -> str:
        return f"{_PICTURES}/{each.name}"

    text = _render(laid_out, thumbnails, gap, address, style=None, policy=FOLDER_POLICY)
    replace_file(folder / "index.html", text.encode())
    for old in pictures.glob("*.webp"):
        if _OURS.fullmatch(old.name) and old.name not in wanted:
            with contextlib.suppress(OSError):
                old.unlink()


def _one_file(laid_out: Page, thumbnails: Mapping[Path, Thumbnail], gap: str | None) -> str:
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'"
    return _render(laid_out, thumbnails, gap, Thumbnail.data_uri, style=style, policy=policy)


def _render(
    laid_out: Page,
    thumbnails: Mapping[Path, Thumbnail],
    gap: str | None,
    address: Callable[[Thumbnail], str],
    *,
    style: str | None,
    policy: str,
) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("pytest_synthgate.reports.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("index.html").render(
        page=laid_out,
        thumbnail=lambda picture: thumbnails.get(picture.path),
        any_shown=lambda pictures: any(picture.path in thumbnails for picture in pictures),
        address=address,
        gap=gap,
        style=None if style is None else Markup(style),  # noqa: S704 (our own file, whose digest the policy names)
        policy=policy,
    )


def _style() -> str:
    return resources.files("pytest_synthgate.reports.html").joinpath("style.css").read_text(encoding="utf-8")
