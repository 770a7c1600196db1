"""The gates of a spec on the page: what each concluded, in plain words, and what to do about it.

Gates of many classes that concluded the same, and did not fail, stand behind one line.
"""

from __future__ import annotations

from dataclasses import dataclass

from pytest_synthgate.gating.gates import Verdict
from pytest_synthgate.reports.advice import ADVICE, help_lines, plainly
from pytest_synthgate.reports.explain import with_interval
from pytest_synthgate.reports.html.findings import cut
from pytest_synthgate.reports.marks import Mark, mark
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.text.printable import visible

MOST = 4
"""Classes with gates of one score and one mark that each have a place of their own."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate.

    Attributes:
        name: Its name.
        mark: Its verdict.
        measured: The score and its interval.
        reason: Number and limit, or what stood in the way.
        said: What was found and what is allowed, in a sentence.
        help: What would help.
    """

    name: str
    mark: Mark
    measured: str
    reason: str
    said: str
    help: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """Gates of many classes on one score that concluded the same."""

    score: str
    mark: Mark
    gates: tuple[Gate, ...]


def gates_of(result: SpecResult) -> tuple[tuple[Gate, ...], tuple[Fold, ...]]:
    """Lay out the gates of a spec.

    Returns:
        Those that have a place of their own, in the order of the verdicts, and the others by score and mark.
    """
    advised: set[str] = set()
    gates: list[Gate] = []
    alike: dict[tuple[str, Mark], list[Gate]] = {}
    for verdict in result.verdicts:
        helps = _help(result, verdict)
        if verdict.verdict in ("failed", "warned") and verdict.score not in advised:
            advised.add(verdict.score)  # once, however many classes are concerned
            helps.append(ADVICE[verdict.score])
        found = _gate(result, verdict, helps)
        gates.append(found)
        if verdict.group is not None and found.mark.tone != "fail":
            alike.setdefault((verdict.score, found.mark), []).append(found)
    folds = [Fold(visible(score), each, tuple(many)) for (score, each), many in alike.items() if len(many) > MOST]
    folded = {id(gate) for fold in folds for gate in fold.gates}
    return tuple(gate for gate in gates if id(gate) not in folded), tuple(folds)


def _gate(result: SpecResult, verdict: Verdict, helps: list[str]) -> Gate:
    return Gate(
        name=visible(verdict.name),
        mark=mark(result, verdict),
        measured=with_interval(verdict.measured),
        reason=visible(verdict.reason),
        said=_sentence(plainly(verdict, result.measurement)),
        help=tuple(helps),
    )


def _help(result: SpecResult, verdict: Verdict) -> list[str]:
    expected = verdict.verdict == "failed" and verdict.score in result.expected
    known = [f"known: {result.expected[verdict.score]}"] if expected else []
    return [_sentence(each) for each in (*known, *help_lines(verdict, result.measurement))]


def _sentence(text: str) -> str:
    """Begin with a capital and end with a full stop; a command in backquotes stays as it is."""
    text = cut(text)
    return f"{text[:1].upper()}{text[1:]}."
