"""`synthgate-baseline.json`: the scores that were accepted, committed beside the spec files.

Part of tracking (gate -> tracking). Changed only on request, and then only what changed: one line a score and rung.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_synthgate.errors import BaselineError
from pytest_synthgate.files.laid_out import laid_out
from pytest_synthgate.files.replacing import replace_file
from pytest_synthgate.files.schema import Keys, breaches, place, shipped_schema
from pytest_synthgate.gating.difference import change_of_real_set
from pytest_synthgate.gating.entry import Entry
from pytest_synthgate.limits import GATED_SCORES
from pytest_synthgate.scores.score import number
from pytest_synthgate.text.printable import shown, storable, visible
from pytest_synthgate.text.wording import differences
from pytest_synthgate.tracking.edited import parsed

if TYPE_CHECKING:
    from pytest_synthgate.results.result import SpecResult

SCHEMA = 1
"""Version of the file."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was accepted.

    Attributes:
        entries: Entry by name of the spec.
    """

    entries: Mapping[str, Entry] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give the plain JSON form, specs in sorted order."""
        return {"schema": SCHEMA, "specs": {name: self.entries[name].to_json() for name in sorted(self.entries)}}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Baseline:
        """Read the plain JSON form, of what keeps to the schema."""
        return cls({name: Entry.from_json(entry) for name, entry in raw["specs"].items()})


@dataclass(frozen=True, slots=True)
class Update:
    """What accepting the scores of a run comes to.

    Attributes:
        baseline: The new baseline.
        changes: What changed, a line each: `subject: unvaried 0.026 -> 0.031`.
        refused: Why entries stay as they were, a line each.
    """

    baseline: Baseline
    changes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def read_baseline(path: Path) -> Baseline:
    """Read the file; one that is not there yet holds nothing.

    Raises:
        BaselineError: It cannot be read, or is no baseline; the text names the file and the line.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Baseline()
    except OSError as error:
        raise BaselineError(f"{shown(path)}: {error.strerror}; name another file with --synth-baseline") from None
    try:
        return Baseline.from_json(_checked(content))
    except BaselineError as error:
        raise BaselineError(f"{shown(path)}: {error}; mend it, or restore it from version control") from None


def _checked(content: bytes) -> dict[str, Any]:
    raw, lines = parsed(content)
    if broken := next(_breaches(raw), None):
        keys, breach = broken
        raise BaselineError(f"line {lines[keys]}: {place(keys)}: {breach}")
    document: dict[str, Any] = raw
    return document


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write the file in one step: a reader sees the old one or the new one, whole.

    Raises:
        BaselineError: The place cannot be written to.
    """
    replace_file(path, storable(laid_out(baseline.to_json()) + "\n").encode(), BaselineError)


def updated(
    baseline: Baseline,
    results: Mapping[str, SpecResult],
    *,
    date: str,
    commit: str | None = None,
    accept_failing: bool = False,
) -> Update:
    """Accept the scores of the specs that ran, as they were measured, and leave all others as they are.

    Args:
        baseline: What was accepted before.
        results: Result by spec name, of a run that judged by that.
        date: The day.
        commit: The commit, if known.
        accept_failing: Whether to accept a spec of which a gate failed; one that is expected to fail is no obstacle.
    """
    entries, changes, refused = dict(baseline.entries), [], []
    for name, result in sorted(results.items()):
        if not result.measurement.n_synthetic:
            refused.append(f"{visible(name)}: not accepted, it could not be measured")
            continue
        failed = [each.name for each in result.verdicts if each.fails() and each.score not in result.expected]
        if failed and not accept_failing:
            refused.append(f"{visible(name)}: not accepted, {visible(', '.join(failed))} failed")
            continue
        was = entries.get(name)
        now = Entry.of(result.measurement, _gated_classes(result, was), date=date, commit=commit)
        if was is None or now != replace(was, date=date, commit=commit):
            entries[name] = now
            changes += [f"{visible(name)}: {change}" for change in _changes(was, now)]
    return Update(Baseline(entries), tuple(changes), tuple(refused))


def _gated_classes(result: SpecResult, was: Entry | None) -> set[tuple[str, str]]:
    """Name class and score of the gates by class that ran, and of those that ran before: one may run alone."""
    before = {} if was is None else was.classes
    return {(group, name) for group, scores in before.items() for name in scores} | {
        (each.group, each.score)
        for each in result.verdicts
        if each.group is not None and each.limit.regression is not None
    }


def _changes(was: Entry | None, now: Entry) -> Iterator[str]:
    """Say what changed, scores as far as their digits are shown."""
    if was is not None:
        yield from map(visible, differences(was.fingerprint, now.fingerprint))
        if change := change_of_real_set(now, was):
            yield change
    before, after = ({} if entry is None else dict(_shown(entry)) for entry in (was, now))
    for name in {**after, **before}:
        old, new = before.get(name, "nothing"), after.get(name, "nothing")
        if old != new:
            yield f"{visible(name)} {old} -> {new}"


def _shown(entry: Entry) -> Iterator[tuple[str, str]]:
    """Name every score and write its value, at the largest rung where it has rungs."""
    for name in GATED_SCORES:
        if (score := entry.scores.get(name)) is not None:
            yield name, number(score.value or 0.0)
        if by_rung := entry.rungs.get(name):
            rung = max(by_rung, key=int)
            yield name, f"{number(by_rung[rung].value or 0.0)} at n0 = {int(rung):,}"
    for group, scores in entry.classes.items():
        for name, score in scores.items():
            yield f"{name}[{group}]", number(score.value or 0.0)


def _breaches(raw: Any) -> Iterator[tuple[Keys, str]]:
    """Say where a document breaks the schema, or else holds scores that cannot be."""
    yield from breaches(raw, shipped_schema("pytest_synthgate.tracking", "baseline.schema.json"))
    for spec, entry in raw["specs"].items():
        for keys, score in _scores(entry):
            low, value, high = score["low"], score["value"], score["high"]
            if not low <= value <= high:
                yield ("specs", spec, *keys), f"{low} <= {value} <= {high} does not hold"
            if high > 1 and "unreadable" not in keys:
                yield ("specs", spec, *keys), f"{high} is more than 1"


def _scores(entry: Mapping[str, Any]) -> Iterator[tuple[Keys, Mapping[str, Any]]]:
    for name, score in entry["scores"].items():
        yield ("scores", name), score
    for table in ("rungs", "classes"):
        for outer, scores in entry[table].items():
            for inner, score in scores.items():
                yield (table, outer, inner), score
