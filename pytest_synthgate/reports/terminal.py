"""The article's table as a terminal shows it, in aligned columns."""

from __future__ import annotations

from collections.abc import Mapping
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
    widths[-1] = 0
    return [
        [replace(cell, text=cell.text.ljust(width)) for cell, width in zip(row, widths, strict=True)] for row in bare
    ]
