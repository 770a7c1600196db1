"""Two runs side by side, as text for a terminal or as Markdown for a merge request."""

from __future__ import annotations

from pytest_synthgate.reports.markdown import prose
from pytest_synthgate.scores.score import number
from pytest_synthgate.text.printable import visible
from pytest_synthgate.tracking.comparison import Compared, Comparison

_NOTHING = 1e-5
"""Reach of the interval below which nothing moved: the images are the same."""

_HEADING = ("spec", "score", "earlier", "later", "difference", "p", "")


def comparison_lines(found: Comparison) -> list[str]:
    """Write a table with aligned columns, and what else differs below it."""
    rows = [_HEADING, *(_row(each) for each in found.scores)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADING))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [*lines, "", *(visible(remark) for remark in found.remarks), conclusion(found)]


def comparison_markdown(found: Comparison) -> str:
    """Write the same as Markdown, in which names are only text."""
    rows = [_HEADING, tuple("---" for _ in _HEADING)]
    rows += [tuple(prose(cell) for cell in _row(each)) for each in found.scores]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    remarks = "".join(f"- {prose(remark)}\n" for remark in found.remarks)
    return f"## synthgate: {prose(conclusion(found))}\n\n{table}\n\nLower is better; 95% intervals.\n\n{remarks}"


def conclusion(found: Comparison) -> str:
    """Say it in one sentence."""
    worse = found.regressions
    if not found.scores:
        return "there is nothing to compare: the files share no spec"
    if worse:
        names = ", ".join(f"{visible(each.spec)} {each.score}" for each in worse[:5])
        more = f" and {len(worse) - 5} more" if len(worse) > 5 else ""
        return f"{len(worse)} of {len(found.scores)} scores became worse: {names}{more}"
    return f"none of {len(found.scores)} scores became worse by more than noise"


def _row(compared: Compared) -> tuple[str, ...]:
    head, moved = (visible(compared.spec), compared.score), compared.difference
    if moved is None:
        return (*head, "", "", "", "", f"{compared.course}: {visible(compared.obstacle or '')}")
    change = f"{_signed(moved.value)} [{_signed(moved.low)}, {_signed(moved.high)}]"
    if max(-moved.low, moved.high) < _NOTHING:
        change = "0"
    chance = "" if compared.chance is None else "<0.001" if compared.chance < 0.001 else f"{compared.chance:.3f}"
    at = "" if moved.rung is None else f" (n0 = {moved.rung})"
    return (*head, number(moved.was), number(moved.now), change, chance, f"{compared.course}{at}")


def _signed(value: float) -> str:
    return f"{value:+.3f}" if abs(value) < 10 else f"{value:+,.0f}"
