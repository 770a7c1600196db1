"""One picture that says why a gate failed: the worst of what it flagged, each image beside what it resembles.

Last station of the flow, for reports that can carry a picture and little else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw, ImageFont, ImageOps

from pytest_synthgate.gating.verdict import Verdict
from pytest_synthgate.images.formats import without_pillow_warnings
from pytest_synthgate.reports.evidence import against, flagged, made, worst
from pytest_synthgate.reports.explain import with_interval
from pytest_synthgate.reports.pictures import NOT_FOUND, file_of, thumbnail
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.finding import Finding
from pytest_synthgate.text.printable import visible

PAIRS_SHOWN = 12
"""Findings on a sheet."""
SHEET_WIDTH = 1200
"""Pixels across a sheet."""
LARGEST = 400_000
"""Bytes that a sheet may have."""

_MARGIN = 40
_HEAD = 156
_GUTTER = 32
_SEAM = 6
_LINE = 24
_SMALL = 18
_PAPER, _INK, _PALE, _RULE, _FRAME, _FAILED = "#ffffff", "#1b2330", "#5c6675", "#d9dde3", "#f1f3f6", "#b3261e"
_QUALITIES = (85, 75, 60, 45, 30)
"""Tried in turn until the sheet is small enough; photos seldom need the second."""

Corner = tuple[int, int]
Content = Image.Image | str
"""What stands in a frame: a picture, or the words that say why there is none."""
Mounted = tuple[Content, Content, Sequence[str]]
"""A finding as it is drawn: the flagged image, its twin, and lines of text."""


@dataclass(frozen=True, slots=True)
class _Grid:
    """Where pairs stand: a few are shown larger than many."""

    columns: int
    lines: int

    @property
    def cell(self) -> int:
        """Width of a pair."""
        return (SHEET_WIDTH - 2 * _MARGIN - (self.columns - 1) * _GUTTER) // self.columns

    @property
    def edge(self) -> int:
        """Width and height of a frame."""
        return (self.cell - _SEAM) // 2

    def place(self, number: int) -> Corner:
        """Left upper corner of a pair."""
        row, column = divmod(number, self.columns)
        step = self.edge + self.lines * _LINE + _MARGIN
        return _MARGIN + column * (self.cell + _GUTTER), _HEAD + row * step


@without_pillow_warnings()
def contact_sheet(spec_name: str, verdict: Verdict, result: SpecResult) -> bytes | None:
    """Draw the worst findings of a gate, each beside its twin; no real photo, and no copy, of a redacted result.

    Returns:
        A JPEG without metadata, or None where there is no picture to show: nothing was flagged, the sets are
        vectors, or the files are gone.
    """
    found = flagged(verdict, result.measurement)
    distinct = worst(found, len(found))
    chosen = distinct[:PAIRS_SHOWN]
    captions = [_caption(each, result.measurement.threshold) for each in chosen]
    grid = _Grid(2 if len(chosen) <= 4 else 3, max(map(len, captions), default=0))
    images = [_content(each.image, each.image_set, result, grid.edge) for each in chosen]
    twins = [_content(each.twin, each.twin_set, result, grid.edge) for each in chosen]
    if all(isinstance(content, str) for content in (*images, *twins)):
        return None
    shown = "worst first" if len(chosen) == len(distinct) else f"the {len(chosen)} worst first"
    head = (
        f"{spec_name}: {verdict.name} {with_interval(verdict.measured)} {verdict.verdict}",
        verdict.reason,
        f"{len(found):,} flagged, {shown}: on the left the flagged image, on the right the one it resembles most",
    )
    return _jpeg(_drawn(head, list(zip(images, twins, captions, strict=True)), grid))


def _content(image: str | None, side: str | None, result: SpecResult, edge: int) -> Content:
    if image is None or side is None:
        return "no twin"
    file = file_of(image, side, result)
    return file if isinstance(file, str) else thumbnail(file, edge) or NOT_FOUND


def _caption(finding: Finding, threshold: Mapping[str, Any]) -> list[str]:
    """Name both images, say what speaks against the first, and how it was made where that is known."""
    twin = f"{finding.twin_set} {finding.twin}" if finding.twin is not None else None
    return [each for each in (finding.image, twin, against(finding, threshold), made(finding)) if each is not None]


def _drawn(head: tuple[str, str, str], pairs: Sequence[Mounted], grid: _Grid) -> Image.Image:
    rows = -(-len(pairs) // grid.columns)
    sheet = Image.new("RGB", (SHEET_WIDTH, grid.place(rows * grid.columns)[1]), _PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.rectangle((0, 0, SHEET_WIDTH, 5), fill=_FAILED)
    for text, top, size, colour in zip(head, (30, 76, 108), (32, 20, _SMALL), (_INK, _FAILED, _PALE), strict=True):
        _write(pen, (_MARGIN, top), text, size, SHEET_WIDTH - 2 * _MARGIN, colour)
    for number, (image, twin, caption) in enumerate(pairs):
        x, y = grid.place(number)
        _mount(sheet, pen, (x, y), grid.edge, image)
        _mount(sheet, pen, (x + grid.edge + _SEAM, y), grid.edge, twin)
        for line, text in enumerate(caption):
            below = y + grid.edge + 10 + line * _LINE
            _write(pen, (x, below), text, _SMALL, grid.cell, _PALE if line else _INK)
    return sheet


def _mount(sheet: Image.Image, pen: ImageDraw.ImageDraw, at: Corner, edge: int, content: Content) -> None:
    x, y = at
    pen.rectangle((x, y, x + edge - 1, y + edge - 1), fill=_FRAME, outline=_RULE)
    if isinstance(content, str):
        middle = (x + edge // 2, y + edge // 2)
        pen.text(middle, content, fill=_PALE, font=ImageFont.load_default(size=_SMALL), anchor="mm")
        return
    # The pixels of a tiny picture are what there is to see; a larger one is better smoothed.
    tiny = 2 * max(content.size) <= edge
    method = Image.Resampling.NEAREST if tiny else Image.Resampling.LANCZOS
    picture = ImageOps.contain(content, (edge, edge), method)
    sheet.paste(picture, (x + (edge - picture.width) // 2, y + (edge - picture.height) // 2))


def _write(pen: ImageDraw.ImageDraw, at: Corner, text: str, size: int, width: int, colour: str) -> None:
    font = ImageFont.load_default(size=size)
    pen.text(at, fitting(visible(text), font, width), fill=colour, font=font)


def fitting(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """Take the middle out of a line that is wider than so many pixels, for a path tells most at its ends."""
    shown, kept = text, min(len(text), width)  # hardly a letter is narrower than a pixel
    while kept and font.getlength(shown) > width:
        kept -= max(1, kept // 20)
        shown = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
    return shown


def _jpeg(sheet: Image.Image) -> bytes:
    for quality in _QUALITIES:
        content = BytesIO()
        sheet.save(content, "JPEG", quality=quality, optimize=True)
        if content.tell() <= LARGEST:
            break
    return content.getvalue()
