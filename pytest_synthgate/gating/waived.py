"""Waivers applied: a score without the findings that they leave out, of as many images as before.

Fifth station of the flow (scores -> gate). Pure; the measurement stays as it is, and is what a baseline keeps.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pytest_synthgate.kinds import KINDS, WAIVABLE
from pytest_synthgate.scores.finding import Finding
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.scores.score import Score
from pytest_synthgate.scores.uncertainty import share_of, shared_level, widened
from pytest_synthgate.spec.limits import Limit
from pytest_synthgate.spec.waivers import Subject, Waiver

if TYPE_CHECKING:
    from pytest_synthgate.features.matrix import Indices


@dataclass(frozen=True, slots=True)
class Waived:
    """What waivers make of a score.

    Attributes:
        score: The score without the waived findings; the very same where there are none.
        left_out: Ids of the findings that are left out.
        used: The waivers that left them out.
        expired: The waivers that would have, and hold no longer.
    """

    score: Score
    left_out: tuple[str, ...] = ()
    used: tuple[Waiver, ...] = ()
    expired: tuple[Waiver, ...] = ()

    @property
    def overdue(self) -> str | None:
        """Name the waiver that expired first, if one did."""
        if not self.expired:
            return None
        first, more = min(self.expired, key=lambda waiver: waiver.expires), len(self.expired) - 1
        others = f" (and {more} more)" if more else ""
        return f"{first.name} expired on {first.expires}{others}; remove it, or look again and give it a new day"


def applied(
    score: Score, name: str, measurement: Measurement, waivers: Sequence[Waiver], today: date, group: str | None = None
) -> Waived:
    """Leave the waived findings out of a share, and n alone.

    Its interval is made as that of the score was: Clopper-Pearson on n / deff, deff from the clusters that the findings
    left are in; the spread over the draws of the classifier stays what it was. The waivers are those of the spec, of
    any score, and expire by `today`; `group` is a class, or None for the whole set.
    """
    # Without a waiver there may be very many findings to name in vain.
    if score.interval is None or all(waiver.score != name for waiver in waivers):
        return Waived(score)
    flagged = measurement.flagged(name, group)
    holding = {waiver.subject for waiver in waivers if today <= waiver.expires}
    left = [each for each in flagged if holding.isdisjoint(_subjects(each))]
    left_out = tuple(each.id for each in flagged if not holding.isdisjoint(_subjects(each)))
    met = {subject for each in flagged for subject in _subjects(each)}
    return Waived(
        _share(score, name, measurement, group, flagged, left) if left_out else score,
        left_out,
        used=tuple(waiver for waiver in waivers if waiver.subject in met and today <= waiver.expires),
        expired=tuple(waiver for waiver in waivers if waiver.subject in met and today > waiver.expires),
    )


def useless(waivers: Sequence[Waiver], judged: Iterable[tuple[Measurement, Mapping[str, Limit]]]) -> dict[Waiver, str]:
    """Say why waivers are of no use, expired or not: they name no finding, or one that no gate counts.

    The waivers are those of one spec file; `judged` holds the measurement and the limits of its specs that ran.
    """
    met: set[Subject] = set()
    counted: set[Subject] = set()
    for measurement, limits in judged:
        subjects = {subject for each in measurement.findings for subject in _subjects(each)}
        met |= subjects
        counted |= {(score, digests) for score, digests in subjects if score in limits and limits[score].counts}
    return {
        waiver: f"no spec with its finding has a max or warn for {waiver.score}"
        if waiver.subject in met
        else "it names nothing that is flagged"
        for waiver in waivers
        if waiver.subject not in counted
    }


def _subjects(finding: Finding) -> Iterator[Subject]:
    """Name what a waiver of this finding can be of: the image, or the pair that it makes with its twin."""
    if (score := WAIVABLE.get(finding.score)) is not None:
        yield score, frozenset({finding.digest})
        if finding.twin_digest is not None:
            yield score, frozenset({finding.digest, finding.twin_digest})


def _share(
    score: Score,
    name: str,
    measurement: Measurement,
    group: str | None,
    flagged: Sequence[Finding],
    left: Sequence[Finding],
) -> Score:
    if group is not None:
        return share_of(_sizes(left), score.n, shared_level(len(measurement.breakdown["class"])))
    share = share_of(_sizes(left), measurement.n_synthetic)
    if KINDS[name].source != "classifier":
        return share
    return widened(share, _spread(score, share_of(_sizes(flagged), measurement.n_synthetic)))


def _sizes(findings: Sequence[Finding]) -> Indices:
    """Count the findings of each cluster; one whose cluster is not known stands alone."""
    import numpy as np

    marks = ((each.joint_cluster, each.cluster, each.image) for each in findings)
    sizes = Counter(next(each for each in of if each is not None) for of in marks)
    return np.array([*sizes.values()], dtype=np.int64)


def _spread(wide: Score, narrow: Score) -> float:
    """Give the half width by which an interval was widened, from the side that was not cut off at 0 or 1."""
    if wide.interval is None or narrow.interval is None:
        return 0.0
    (low, value, high), (low_before, value_before, high_before) = wide.interval, narrow.interval
    below = (value - low) ** 2 - (value_before - low_before) ** 2
    above = (high - value) ** 2 - (high_before - value_before) ** 2
    return math.sqrt(max(0.0, below, above))
