"""What enters the baseline: the scores of specs whose every gate was judged and none failed, or that are wanted anyway.

Part of tracking (results -> baseline). Scores of accepted images may be measured anew; nothing else here measures.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_synthgate.errors import SynthgateError
from pytest_synthgate.gating.accepted import Accepted
from pytest_synthgate.gating.difference import change_of_real_set, same_images
from pytest_synthgate.gating.verdict import gates_on
from pytest_synthgate.kinds import LIMITED
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.scores.score import number
from pytest_synthgate.spec.waivers import utc_today
from pytest_synthgate.text.printable import visible
from pytest_synthgate.text.wording import counted, differences
from pytest_synthgate.tracking.baseline import Baseline, locked, read_baseline, write_baseline
from pytest_synthgate.tracking.provenance import provenance

if TYPE_CHECKING:
    from pytest_synthgate.measure import Measurer
    from pytest_synthgate.spec.model import Spec


@dataclass(frozen=True, slots=True)
class Update:
    """What accepting scores comes to.

    Attributes:
        baseline: The new baseline.
        changes: What changed, a line each: `subject: unvaried 0.026 -> 0.031`.
        refused: Why entries stay as they were, a line each.
    """

    baseline: Baseline
    changes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def rewrite(path: Path, change: Callable[[Baseline], Update]) -> Update:
    """Change the file, while no other process does; it stays as it is where the change comes to nothing.

    Raises:
        BaselineError: The file cannot be read or written, is no baseline, or another process does not let go of it.
    """
    with locked(path):
        before = read_baseline(path)
        update = change(before)
        if update.baseline != before:
            write_baseline(path, update.baseline)
    return update


def updated(
    baseline: Baseline,
    results: Mapping[str, SpecResult],
    *,
    date: str,
    commit: str | None = None,
    accept_failing: bool = False,
) -> Update:
    """Accept the scores of the specs that ran, as they were measured, and leave all others as they are.

    With `accept_failing`, also those of a spec of which a gate failed or was not judged.
    """
    entries, changes, refused = dict(baseline), [], []
    for name, result in sorted(results.items()):
        label, against = visible(name), list(_against(result))
        if not result.measurement.n_synthetic:
            refused.append(f"{label}: not accepted, it could not be measured")
        elif against and not accept_failing:
            refused.append(f"{label}: not accepted, {', '.join(visible(what) for what, _ in against)}")
        else:
            was = entries.get(name)
            by_class = [(each.group, each.score) for each in result.verdicts if each.limit.regression is not None]
            entries[name] = entry(result.measurement, by_class, was, date=date, commit=commit)
            gates = {*(each.name for each in result.verdicts), *result.unjudged()}
            told = list(told_changes(was, entries[name], gates))
            changes += [f"{label}: {each}" for each in told]
            changes += [f"{label}: accepted although {visible(what + why)}" for what, why in against if told]
    return Update(entries, tuple(changes), tuple(refused))


def remeasured(specs: Iterable[Spec], measurer: Measurer, folder: Path) -> Callable[[Baseline], Update]:
    """Measure the images of specs that the baseline has anew, as when what measures them has changed and they have not.

    The measurer should make no images; `folder` is any folder of the project, for the commit.

    Returns:
        What puts the scores in the place of the old ones, as far as the images are those that were accepted.
    """
    found: list[tuple[Spec, Measurement]] = []
    unmeasured = []
    for spec in specs:
        try:
            found.append((spec, measurer.measurement(spec)))
        except SynthgateError as error:
            unmeasured.append(visible(f"{spec.name}: left as it is, {error}"))
    date, commit = utc_today().isoformat(), provenance(folder, os.environ).commit

    def change(baseline: Baseline) -> Update:
        entries, changes, refused = dict(baseline), [], list(unmeasured)
        for spec, measurement in found:
            was, label = entries.get(spec.name), visible(spec.name)
            if was is None or not same_images(measurement, was, "synthetic"):
                refused.append(f"{label}: left as it is, its images are not those that were accepted")
                continue
            gates = gates_on(spec.limits, measurement.classes)
            by_class = [(group, score) for score, group in gates if spec.limits[score].regression is not None]
            entries[spec.name] = entry(measurement, by_class, was, date=date, commit=commit)
            changes += [f"{label}: {each}" for each in told_changes(was, entries[spec.name])]
        return Update(entries, tuple(changes), tuple(refused))

    return change


def pruned(baseline: Baseline, declared: Collection[str]) -> Update:
    """Remove the entries of specs that no file declares any more."""
    gone = undeclared(baseline, declared)
    kept = {name: each for name, each in baseline.items() if name not in gone}
    return Update(kept, tuple(f"{visible(name)}: removed, no spec file declares it" for name in gone))


def undeclared(baseline: Baseline, declared: Collection[str]) -> list[str]:
    """Name the entries of specs that no file declares any more, as after one was renamed."""
    return [name for name in sorted(baseline) if name not in declared]


def _against(result: SpecResult) -> Iterator[tuple[str, str]]:
    """List what stands in the way of accepting a spec, and why that is.

    What is not comparable with the baseline does not, for an update is its remedy.
    """
    for each in result.verdicts:
        if result.fails(each) and each.verdict != "not comparable":
            yield f"{each.name} {'failed' if each.verdict == 'failed' else f'is {each.verdict}'}", f": {each.reason}"
    if result.error is not None:
        yield "not all could be judged", f": {result.error}"
    elif missing := result.unjudged():
        judged = len(result.verdicts)
        gates = counted(judged + len(missing), "gate")
        yield f"{judged:,} of {gates} {'was' if judged == 1 else 'were'} judged", ""


def entry(
    measurement: Measurement,
    by_class: Iterable[tuple[str | None, str]],
    was: Accepted | None,
    *,
    date: str,
    commit: str | None,
) -> Accepted:
    """Make the entry of a spec; the very one that was there where nothing is new but the day and the commit.

    Nothing is waived in the measurement. `by_class` are class and score of the gates with a regression, those of whole
    sets, without a class, being kept anyway; the classes that were there are kept up, for a gate may run alone.
    """
    before = {} if was is None else was.classes
    kept = {(group, name) for group, scores in before.items() for name in scores}
    kept |= {(group, name) for group, name in by_class if group is not None}
    now = Accepted.of(measurement, kept, date=date, commit=commit)
    return was if was is not None and now.repeats(was) else now


def told_changes(was: Accepted | None, now: Accepted, gates: Iterable[str] = ()) -> Iterator[str]:
    """Say what changed, scores as far as their digits are shown; of a new entry what it holds, in one line.

    `gates` are names of gates, which come first in a new entry.
    """
    if was is None:
        yield _first(dict(_shown(now)), set(gates))
    elif now != was:
        said = [
            *map(visible, differences(was.fingerprint, now.fingerprint)),
            *filter(None, [change_of_real_set(now, was)]),
        ]
        before, after = dict(_shown(was)), dict(_shown(now))
        for name in {**after, **before}:
            old, new = before.get(name, "nothing"), after.get(name, "nothing")
            if old != new:
                said.append(f"{visible(name)} {old} -> {new}")
        if not said:
            other = was.contents and now.contents and was.contents.synthetic != now.contents.synthetic
            said = [f"same scores, {'other images' if other else 'but for digits that are not shown'}"]
        yield from said


def _first(scores: Mapping[str, str], gates: set[str]) -> str:
    """Write all scores of an entry in one line, those that are gated first; those of classes are counted."""
    whole = {name: f"{name} {value}" for name, value in scores.items() if "[" not in name}
    gated = [text for name, text in whole.items() if name in gates]
    if by_class := len(scores) - len(whole):
        gated.append(counted(by_class, "score") + " by class")
    others = [text for name, text in whole.items() if name not in gates]
    parts = (", ".join(gated), f"not gated: {', '.join(others)}" if others else "")
    return f"new, {'; '.join(filter(None, parts))}"


def _shown(entry: Accepted) -> Iterator[tuple[str, str]]:
    """Name every score and write its value, at the largest rung where it has rungs."""
    for name in LIMITED:
        if (score := entry.scores.get(name)) is not None:
            yield name, number(score.value or 0.0)
        if by_rung := entry.rungs.get(name):
            rung = max(by_rung, key=int)
            yield name, f"{number(by_rung[rung].value or 0.0)} at n0 = {int(rung):,}"
    for group, scores in entry.classes.items():
        for name, score in scores.items():
            yield f"{name}[{group}]", number(score.value or 0.0)
