"""The gates of a spec on the page: what each concluded, in plain words, and what to do about it.

Gates of many classes that concluded the same, and did not fail, stand behind one line.
"""

from __future__ import annotations

from dataclasses import dataclass

from pytest_synthgate.gating.gates import Verdict
from pytest_synthgate.reports.explain import explain, help_lines, with_interval
from pytest_synthgate.reports.html.findings import cut
from pytest_synthgate.reports.marks import Mark, mark
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.text.printable import visible

MOST = 4
"""Classes with gates of one score and one mark that each have a place of their own."""

_ADVICE = {
    "unvaried": "Vary what the prompts say, add an axis to them, or lower the guidance, and look whether seeds repeat; "
    "an export keeps one image of each group.",
    "unoriginal": "Look at the pairs below: a model gives back photos that it was trained on, or photos got into the "
    "set. Change the prompt or the model; an export with --without-findings leaves them out.",
    "unrealistic": "Compare the two sheets below: what all synthetic images share and no real one has is what the "
    "prompt, the guidance or the model should change.",
    "obviously_fake": "Compare the two sheets below: what all synthetic images share and no real one has is what the "
    "prompt, the guidance or the model should change.",
    "unrepresentative": "Look at the real images without a counterpart below and add prompts for what they show.",
    "collision_rate": "Vary what the prompts say, or add an axis to them: too many pairs of images look alike.",
    "unreadable": "Make the files that are listed below again, or take them out.",
}


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate.

    Attributes:
        name: Its name.
        mark: Its verdict.
        measured: The score and its interval.
        reason: Number and limit, or what stood in the way.
        said: What was found, in a sentence; None where nothing was.
        help: What would help.
    """

    name: str
    mark: Mark
    measured: str
    reason: str
    said: str | None
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
        if verdict.verdict == "failed" and verdict.score not in advised:
            advised.add(verdict.score)  # once, however many classes fail
            helps.append(_ADVICE[verdict.score])
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
        said=_in_words(verdict, result.measurement),
        help=tuple(helps),
    )


def _in_words(verdict: Verdict, measurement: Measurement) -> str | None:
    """Say what was found: `20 of 200 synthetic images have a near-duplicate in the set`."""
    lines = (line.strip() for line in explain("", verdict, measurement)[1:])
    return next((line.removesuffix("; worst:") for line in lines if line.endswith("; worst:")), None)


def _help(result: SpecResult, verdict: Verdict) -> list[str]:
    if verdict.verdict != "failed":
        return []
    known = [f"known: {result.expected[verdict.score]}"] if verdict.score in result.expected else []
    found = (cut(each) for each in (*known, *help_lines(verdict, result.measurement)))
    return [f"{each[0].upper()}{each[1:]}." for each in found]
