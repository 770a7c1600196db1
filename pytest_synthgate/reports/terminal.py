"""The article's table as a terminal shows it, in aligned columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pytest_synthgate.reports.table import Cell, rows
from pytest_synthgate.results.result import SpecResult


def table(results: Mapping[str, SpecResult]) -> list[list[Cell]]:
    """Pad the cells of the table so that its columns are aligned.

    Args:
        results: Result by spec name.
    """
    bare = rows(results)
    widths = [max(len(cell.text) for cell in column) + 2 for column in zip(*bare, strict=True)]
    return [_aligned(row, widths) for row in bare]


def _aligned(row: Sequence[Cell], widths: Sequence[int]) -> list[Cell]:
    cells = [replace(cell, text=cell.text.ljust(width)) for cell, width in zip(row, widths, strict=True)]
    while not cells[-1].text.strip():
        del cells[-1]
    return [*cells[:-1], replace(cells[-1], text=cells[-1].text.rstrip())]
