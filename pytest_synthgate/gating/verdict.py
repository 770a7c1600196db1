"""Measurement and limits to verdicts: what each gate concludes, in one word and one line.

Fifth station of the flow (scores -> gate -> reports). Pure: nothing is read, measured or printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from pytest_synthgate.errors import SpecError
from pytest_synthgate.files.forms import Bound, Form, told
from pytest_synthgate.gating.difference import Beside, Outcome, beside_baseline
from pytest_synthgate.gating.settling import more_images
from pytest_synthgate.gating.waived import applied
from pytest_synthgate.kinds import COPIED, KINDS
from pytest_synthgate.scores.measurement import ENOUGH, Measurement
from pytest_synthgate.scores.score import Score, number
from pytest_synthgate.spec.limits import Limit, Limits, WhenUnsure
from pytest_synthgate.spec.waivers import Waiver
from pytest_synthgate.text.wording import written

if TYPE_CHECKING:
    from pytest_synthgate.gating.accepted import Accepted

_UNDECIDED: frozenset[Outcome] = frozenset({"inconclusive", "confounded", "not comparable"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one gate, one limit on one score, concludes.

    Attributes:
        score: Name of the score.
        verdict: One of the seven outcomes.
        reason: Why, in one line that holds the number and the limit.
        limit: The limit that was applied.
        measured: The score it was applied to.
        group: The class it was applied to, None for the whole set.
        baseline: The accepted score that it was compared with, if it was.
        waived: Ids of the findings that waivers left out of the score when it was judged.
        more: About how many more images would settle it, where the interval straddles the limit.
    """

    score: str
    verdict: Outcome
    reason: str
    limit: Limit
    measured: Score
    group: str | None = None
    baseline: float | None = None
    waived: tuple[str, ...] = ()
    more: int | None = None

    @property
    def name(self) -> str:
        """Name of the gate: the score, with the class in brackets when it has one."""
        return gate_name(self.score, self.group)

    def fails(self, *, strict: bool = False) -> bool:
        """Tell whether the build fails on it; strict fails on everything that stays undecided."""
        return self.verdict == "failed" or (strict and self.undecided)

    @property
    def undecided(self) -> bool:
        """Tell whether the gate could say neither yes nor no."""
        return self.verdict in _UNDECIDED

    @property
    def warns(self) -> bool:
        """Tell whether a build that goes on should warn."""
        return self.verdict == "warned" or self.undecided

    @property
    def form(self) -> Gate:
        """What the results keep of it under its name."""
        limit = self.limit
        bounds = limit.warn, limit.regression, limit.when_unsure
        return Gate(limit.max, self.baseline, self.verdict, self.reason, *bounds, self.waived, self.more)

    def to_json(self) -> dict[str, Any]:
        """Give the plain JSON form, one entry under `gates`."""
        return Form(Gate).plain(self.form)

    @classmethod
    def of(cls, name: str, gate: Gate, measurement: Measurement) -> Verdict:
        """Take up what results keep of the gate called `name`, beside the measurement it was made from.

        Raises:
            SpecError: It has an impossible limit.
        """
        score, _, group = name.partition("[")
        limit = Limit(
            max=gate.limit,
            warn=gate.warn,
            regression=gate.regression,
            when_unsure=gate.when_unsure,
            per_class=bool(group),
        )
        of = group.removesuffix("]") or None
        measured = measurement.score(score, of)
        return cls(score, gate.verdict, gate.reason, limit, measured, of, gate.baseline, gate.waived, gate.more)


@dataclass(frozen=True, slots=True)
class Gate:
    """What the results keep of one gate.

    Attributes:
        limit: Highest acceptable score.
        baseline: The accepted score that it was compared with.
        verdict: One of the seven outcomes.
        reason: Why, in one line.
        warn: Above it the gate warns.
        regression: Largest acceptable rise.
        when_unsure: What decides when the interval straddles the limit.
        waived: Findings that waivers left out of the score when it was judged.
        more: About how many more images would settle it, where the interval straddles the limit.
    """

    limit: Bound
    baseline: Bound
    verdict: Outcome
    reason: str
    warn: Bound = None
    regression: Bound = None
    when_unsure: WhenUnsure = "score"
    waived: tuple[str, ...] = ()
    more: Annotated[int, told(Strict={}, Field={"ge": 1})] | None = None


def gate(
    measurement: Measurement, limits: Mapping[str, Limit | float], baseline: Accepted | None = None
) -> list[Verdict]:
    """Apply every limit to a measurement, beside what was accepted of the same spec, if that is given.

    A limit per class gives one verdict per class.

    Returns:
        Verdicts in the order of the table, classes in sorted order and the pooled small ones last.

    Raises:
        SpecError: There is no table of limits, or one is on an unknown score, or one that its score cannot have.
    """
    if not isinstance(limits, Mapping) or not all(isinstance(score, str) for score in limits):
        raise SpecError(f"{written(limits)} is no table of limits; give one by score, such as {{'unvaried': 0.05}}")
    read = limits if isinstance(limits, Limits) else Limits(**limits)
    return [
        judge(measurement, score, read[score], group, baseline=baseline)
        for score, group in gates_on(read, measurement.classes)
    ]


def keeps(measurement: object, limits: Limits) -> bool:
    """Tell whether no limit fails, as the answer of an operator: one that is no measurement is not for it to judge."""
    if not isinstance(measurement, Measurement):
        no_answer: bool = NotImplemented
        return no_answer
    return not any(verdict.fails() for verdict in gate(measurement, limits))


def gates_on(limits: Mapping[str, Limit], classes: Iterable[str | None]) -> list[tuple[str, str | None]]:
    """List the gates that limits stand for: score and class, which is None for the whole set.

    A limit per class stands for a gate of each class; without any, for one of the whole set.
    """
    groups = tuple(classes) or (None,)
    return [(score, group) for score, limit in limits.items() for group in (groups if limit.per_class else (None,))]


def gate_name(score: str, group: str | None) -> str:
    """Name a gate: the score, with the class in brackets when it has one."""
    return score if group is None else f"{score}[{group}]"


def judge(
    measurement: Measurement,
    name: str,
    limit: Limit,
    group: str | None = None,
    *,
    baseline: Accepted | None = None,
    waivers: Sequence[Waiver] = (),
    today: date = date.min,
) -> Verdict:
    """Apply one limit to one score of the whole set, or of one class.

    `group` is a class, "pooled" for the small ones together, or None for the whole set. Scores are compared with the
    baseline as they were measured. The waivers are those of the spec; they expire by `today`, and without it none has.
    """
    score = measurement.score(name, group)
    beside = beside_baseline(measurement, name, score, limit, group, baseline)
    waived = applied(score, name, measurement, waivers, today, group)
    both = f" ({number(score.value or 0.0)} with {len(waived.left_out):,} waived)" if waived.left_out else ""
    if both and beside.was is not None:
        beside = replace(beside, words=f"a regression counts waived ones too: {beside.words}")
    outcome, reason, more = _conclude(measurement, name, waived.score, limit, group, beside, both)
    if waived.overdue:
        outcome, reason, more = "failed", _with_number(waived.overdue, waived.score, both), None
    return Verdict(name, outcome, reason, limit, score, group, beside.was, waived.left_out, more)


def _conclude(
    measurement: Measurement, name: str, score: Score, limit: Limit, group: str | None, beside: Beside, both: str
) -> tuple[Outcome, str, int | None]:
    """Conclude from a score without waived findings; `both` tells the one with them, if there are any.

    Returns:
        The outcome, the words for it, and how many more images would settle it.
    """
    if limit.per_class and group is None:
        return "failed", f"{name} per class could not be computed: no synthetic image has a class", None
    shortage = None if KINDS[name].shape == "count" else _shortage(measurement, score, group)
    interval = score.interval
    if interval is None:
        return ("inconclusive", shortage, None) if shortage else ("failed", f"{name} could not be computed", None)
    low, value, high = interval
    most = limit.max
    if shortage:
        if name in COPIED and most is not None and low > most:
            return "failed", f"{number(value)} > {number(most)}, and so is the whole interval{both}", None
        return "inconclusive", _with_number(shortage, score, both), None
    if KINDS[name].confoundable and (confounded := measurement.audit.get("confounded")):
        return "confounded", _with_number(str(confounded), score, both), None
    comparison, noise, more = _comparison(measurement, name, score, limit, group)
    if most is not None and {"score": value, "pass": low, "fail": high}[limit.when_unsure] > most:
        if beside.outcome == "failed":  # then more images would settle nothing
            noise, more = "", None
        words = "" if beside.outcome == "no baseline yet" else beside.words
        return "failed", "; ".join(filter(None, (comparison + noise + both, words))), more
    if beside.outcome in {"failed", "not comparable"}:
        return beside.outcome, f"{number(value)}{both}, {beside.words}", None
    if limit.warn is not None and value > limit.warn:
        return "warned", f"{number(value)} > {number(limit.warn)}, where a warning was asked for{both}", None
    if most is None:
        return beside.outcome, f"{number(value)}{both}, {beside.words or 'below the warning'}", None
    return beside.outcome, "; ".join(filter(None, (comparison + noise + both, beside.words))), more


def _with_number(reason: str, score: Score, both: str) -> str:
    """Add the number to a reason without one, where waivers make two of it."""
    return f"{reason}; {number(score.value or 0.0)}{both}" if both else reason


def _comparison(
    measurement: Measurement, name: str, score: Score, limit: Limit, group: str | None
) -> tuple[str, str, int | None]:
    """Compare a score with its limit; where its interval straddles that, say how many more images would settle it."""
    if limit.max is None or score.interval is None:
        return "", "", None
    low, value, high = score.interval
    text = f"{number(value)} {'<=' if value <= limit.max else '>'} {number(limit.max)}"
    if not low <= limit.max < high:
        return text, "", None
    text += "" if limit.when_unsure == "score" else f", unsure counts as {limit.when_unsure}"
    more = more_images(measurement, name, score, limit.max, group)
    images = "no reasonable number of" if more is None else f"about {more:,} more"
    return text, f", within noise: {images} images would settle it", more


def _shortage(measurement: Measurement, score: Score, group: str | None) -> str | None:
    if group is not None and score.n < ENOUGH:
        return f"{score.n} images of {group}; {ENOUGH} are needed to decide"
    for side in ("synthetic", "real"):
        if (count := measurement.representatives.get(side, 0)) < ENOUGH:
            return f"{count} distinct {side} images; {ENOUGH} are needed to decide"
    return None
