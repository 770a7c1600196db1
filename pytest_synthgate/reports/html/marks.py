"""What a verdict looks like: a word, a sign and a tone, so that nothing is said by colour alone."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_synthgate.gating.gates import Verdict
from pytest_synthgate.results.result import SpecResult


@dataclass(frozen=True, slots=True)
class Mark:
    """A verdict on the page.

    Attributes:
        word: The verdict, as everywhere else.
        sign: A character that stands before it.
        tone: Class of the stylesheet: "fail", "warn", "ok" or "plain".
    """

    word: str
    sign: str
    tone: str


def mark(result: SpecResult, verdict: Verdict) -> Mark:
    """Choose the mark of a verdict of a spec."""
    if verdict.verdict == "failed" and verdict.score in result.expected:
        return Mark("failed as expected", "–", "warn")  # noqa: RUF001 (a dash)
    if result.fails(verdict):
        return Mark(verdict.verdict, "✕", "fail")
    if verdict.undecided:
        return Mark(verdict.verdict, "?", "warn")
    if verdict.verdict == "warned":
        return Mark("warned", "!", "warn")
    if verdict.verdict == "no baseline yet":
        return Mark("no baseline yet", "+", "plain")
    return Mark("passed", "✓", "ok")


_GRAVEST = ("fail", "warn", "ok", "plain")


def gravest(marks: list[Mark]) -> Mark | None:
    """Pick the mark that matters most, the first among equals."""
    return min(marks, key=lambda each: _GRAVEST.index(each.tone), default=None)
