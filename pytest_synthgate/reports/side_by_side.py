"""Two runs side by side, as text for a terminal or as Markdown for a merge request."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from pytest_synthgate.gating.difference import Difference
from pytest_synthgate.kinds import KINDS
from pytest_synthgate.reports.evidence import some
from pytest_synthgate.reports.markdown import prose
from pytest_synthgate.scores.score import number
from pytest_synthgate.text.printable import visible
from pytest_synthgate.text.wording import counted
from pytest_synthgate.tracking.comparison import SIGNIFICANT, Compared, Comparison

_HEADING = ("spec", "score", "earlier", "later", "difference", "p", "")

_FINEST = 7
"""Decimals of a difference, at most."""


def comparison_lines(found: Comparison) -> list[str]:
    """Write a table with aligned columns, what else is to say below it, and the conclusion."""
    rows = [_HEADING, *_rows(found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADING))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    table = [*lines, ""] if len(rows) > 1 else []
    return [*table, *map(visible, _notes(found)), conclusion(found)]


def comparison_markdown(found: Comparison) -> str:
    """Write the same as Markdown, in which names are only text."""
    rows = [tuple(map(prose, row)) for row in _rows(found)]
    rows = [_HEADING, tuple("---" for _ in _HEADING), *rows] if rows else []
    table = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    notes = "".join(f"- {prose(note)}\n" for note in _notes(found))
    return "\n".join(filter(None, (f"## synthgate: {prose(conclusion(found))}\n", table, notes)))


def conclusion(found: Comparison) -> str:
    """Say it in one sentence."""
    count, worse, allowed = len(found.compared), found.of("worse"), found.of("within its limit")
    if worse:
        said = f"{len(worse)} of {counted(count, 'score')} became worse: {_names(worse)}"
    else:
        said = f"none of {counted(count, 'score')} became worse by more than noise{' or its limit' if allowed else ''}"
    parts = [said]
    if perhaps := found.of("perhaps worse"):
        parts.append(f"perhaps worse: {_names(perhaps)}")
    if allowed:
        parts.append(f"worse within the declared regression: {_names(allowed)}")
    if apart := found.of("not comparable"):
        parts.append(f"{len(apart)} could not be compared")
    return "; ".join(parts)


def _names(scores: Sequence[Compared]) -> str:
    return some([f"{visible(each.spec)} {each.score}" for each in scores], 5)


def _moved(found: Comparison) -> set[str]:
    """Name the specs that the table shows: those with a score that is not just what it was."""
    return {each.spec for each in found.compared if each.course != "unchanged"}


def _notes(found: Comparison) -> Iterator[str]:
    moved = _moved(found)
    for spec in dict.fromkeys(each.spec for each in found.scores):
        own = [each for each in found.scores if each.spec == spec]
        for reason in dict.fromkeys(each.obstacle for each in own if each.obstacle):
            names = [each.score for each in own if each.obstacle == reason]
            whole = all(each.obstacle == reason for each in own if KINDS[each.score].shape != "count")
            yield f"{spec}{'' if whole else ' ' + ', '.join(names)}: not comparable, {reason}"
        if spec not in moved and not any(each.obstacle for each in own):
            yield f"{spec}: the same images, the same scores"
    yield from found.remarks
    if looks := sum(each.chance is not None for each in found.scores):
        yield (
            f"difference with its 95% interval; p is adjusted for {counted(looks, 'look')} (Holm), "
            f"below {SIGNIFICANT} it is a change"
        )
    if found.of("perhaps worse", "perhaps better"):
        yield "perhaps: more than the noise of that score alone, but among so many one may differ as much by chance"


def _rows(found: Comparison) -> list[tuple[str, ...]]:
    specs = _moved(found)
    return [_row(each, each.difference) for each in found.scores if each.difference and each.spec in specs]


def _row(compared: Compared, moved: Difference) -> tuple[str, ...]:
    chance = "" if compared.chance is None else "<0.001" if compared.chance < 0.001 else f"{compared.chance:.3f}"
    at = "" if moved.rung is None else f" (n0 = {moved.rung})"
    numbers = (number(moved.was), number(moved.now), _change(moved, exact=KINDS[compared.score].shape == "count"))
    return (visible(compared.spec), compared.score, *numbers, chance, f"{compared.course}{at}")


def _change(moved: Difference, *, exact: bool) -> str:
    """Write a difference and its interval, to two digits of the half that is wider and three decimals at least."""
    if exact:
        return f"{moved.value:+,.0f}" if moved.value else "0"
    reach = max(moved.high - moved.value, moved.value - moved.low)
    decimals = min(_FINEST, max(3, 1 - math.floor(math.log10(reach)))) if reach > 0 else 3
    # Nothing is added so that what rounds to nought has no minus.
    value, low, high = (f"{round(each, decimals) + 0.0:+.{decimals}f}" for each in (moved.value, moved.low, moved.high))
    return f"{value} [{low}, {high}]"
