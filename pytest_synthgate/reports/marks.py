"""What a verdict looks like: a word, signs and a tone, the same in every report, so that colour alone says nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pytest_synthgate.gating.gates import Verdict
from pytest_synthgate.results.result import SpecResult

Tone = Literal["fail", "warn", "ok", "plain"]
"""What to think of it: "fail" only where the build failed."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A verdict as it is shown.

    Attributes:
        word: The verdict, as everywhere else.
        short: The same in a few letters, for a table of plain text.
        sign: A character that stands before the word.
        tone: Colour, and class of the stylesheet.
    """

    word: str
    short: str
    sign: str
    tone: Tone


NOT_JUDGED = Mark("not judged", "not judged", "✕", "fail")
"""Mark of a spec that an error kept from being judged."""
NOT_ALL_JUDGED = Mark("not all judged", "not all judged", "✕", "fail")
"""Mark of a spec of which an error kept some gates from being judged."""

_ORDER = ("not judged", "not all judged", "FAIL", "FAIL?", "xfail", "?", "warn", "new", "ok")


def mark(result: SpecResult, verdict: Verdict) -> Mark:
    """Choose the mark of a verdict of a spec."""
    if verdict.verdict == "failed" and verdict.score in result.expected:
        return Mark("failed as expected", "xfail", "–", "warn")  # noqa: RUF001 (a dash)
    if result.fails(verdict):
        return Mark(verdict.verdict, "FAIL?" if verdict.undecided else "FAIL", "✕", "fail")
    if verdict.undecided:
        return Mark(verdict.verdict, "?", "?", "warn")
    if verdict.verdict == "warned":
        return Mark("warned", "warn", "!", "warn")
    if verdict.verdict == "no baseline yet":
        return Mark("no baseline yet", "new", "+", "plain")
    return Mark("passed", "ok", "✓", "ok")


def gravest(marks: Iterable[Mark]) -> Mark | None:
    """Pick the mark that matters most, the first among equals; None of none."""
    return min(marks, key=lambda each: _ORDER.index(each.short), default=None)
