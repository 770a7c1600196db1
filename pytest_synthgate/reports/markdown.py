"""Results as Markdown, for a step summary or a merge-request note: the verdict, the table, and the reasons.

Rendered from the results. Whatever a name in them holds, it stays text: no markup, link, mention or reference.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pytest_synthgate.files.replacing import replace_file
from pytest_synthgate.gating.verdict import Verdict
from pytest_synthgate.kinds import KINDS
from pytest_synthgate.reports import Results
from pytest_synthgate.reports.conclusions import failed_gates, headline, reading
from pytest_synthgate.reports.explain import explain
from pytest_synthgate.reports.overview import Cell, notes, table_rows
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.text.printable import visible

MOST_BYTES = 900_000
"""GitHub drops a step summary above 1 MiB whole, GitLab takes notes of a million characters."""

_LONGEST = 500
"""Characters of a line; a name of 10,000 is cut."""

_LONGEST_CELL = 100
_LEFT_OUT = 100
"""Bytes kept free to say how much is left out."""

_MARKUP = re.compile(r"[\\`*_\[\]<>|~#]")
# What sites look for in the finished text, whatever was escaped: mentions, references, emoji, addresses.
_ACTIVE = re.compile(r"[@#!$%&~^:](?=[\w\"/+-])|@(?=[.@])|\b(?:www(?=\.)|GH(?=-))", re.IGNORECASE)
_BREAK = "\u200b"


def markdown(results: Results, most: int = MOST_BYTES) -> str:
    """Render results, the worst gates first; what does not fit in `most` bytes is cut off whole, and counted.

    The verdict alone needs a few thousand.
    """
    heading, *body = table_rows(results)
    top = f"## synthgate: {prose(headline(results))}\n\n{_row(heading)}{'|---' * len(heading)}|\n"
    top += _fitting([_row(cells) for cells in body], most // 3, "rows")
    top += "\nLower is better; 95% intervals in brackets.\n\n"
    lines = [*reading(results), *(("note", text) for text in notes(results))]
    top += _fitting([f"- **{label}**: {prose(text)}\n" for label, text in lines], most // 10, "lines")
    told: set[str] = set()
    sections = []
    for name, verdict in failed_gates(results):
        sections.append(_section(name, verdict, results[name].measurement, advised=verdict.score in told))
        told.add(verdict.score)
    return top + _fitting(sections, most - len(top.encode()), "failed gates")


def write_markdown(path: Path, results: Results) -> None:
    """Write the file in one step.

    Raises:
        ResultsError: The place cannot be written to.
    """
    replace_file(path, markdown(results).encode())


def prose(text: str, longest: int = _LONGEST) -> str:
    """Escape a text to stand within a line of Markdown; a zero-width space breaks what a site would act upon."""
    return _MARKUP.sub(r"\\\g<0>", _ACTIVE.sub(rf"\g<0>{_BREAK}", _cut(visible(text), longest)))


def fenced(lines: Sequence[str]) -> str:
    """Show lines as they are, between bars that are longer than any in them."""
    text = "\n".join(_cut(visible(line), _LONGEST) for line in lines)
    bar = "`" * max(3, *(len(ticks) + 1 for ticks in re.findall("`*", text)))
    return f"{bar}text\n{text}\n{bar}\n"


def _row(cells: Sequence[Cell]) -> str:
    return f"| {' | '.join(map(_cell, cells))} |\n"


def _cell(cell: Cell) -> str:
    text = prose(cell.text, _LONGEST_CELL)
    return f"**{text}**" if cell.tone == "fail" else text


def _section(name: str, verdict: Verdict, measurement: Measurement, *, advised: bool) -> str:
    """Give the verdict, the evidence, and what to do about such a score, once for each."""
    head, *evidence = explain(name, verdict, measurement)
    shown = f"\n{fenced([line.removeprefix('  ') for line in evidence])}" if evidence else ""
    advice = "" if advised or verdict.undecided else KINDS[verdict.score].advice
    return f"\n### {prose(head)}\n{shown}" + (f"\n{prose(advice)}\n" if advice else "")


def _fitting(blocks: Sequence[str], room: int, kind: str) -> str:
    """Join blocks as long as they fit, and say how many do not."""
    room -= _LEFT_OUT
    kept = ""
    for count, block in enumerate(blocks):
        room -= len(block.encode())
        if room < 0:
            return f"{kept}\n{len(blocks) - count:,} more {kind} are left out here.\n"
        kept += block
    return kept


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
