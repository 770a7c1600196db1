"""Flagged images as they stand on the page: rows of near-duplicates, the worst as cards beside their twins, a list.

The places on a page are dealt to all specs and scores together, so that its size is bounded whatever was found.
"""

from __future__ import annotations

import shlex
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeVar

from pytest_synthgate.images.generation.seeds import image_name
from pytest_synthgate.kinds import FLAGGED, KINDS
from pytest_synthgate.reports import Results
from pytest_synthgate.reports.evidence import against, describe, is_copy, pairs_once, some, within_its_set
from pytest_synthgate.reports.overview import mark
from pytest_synthgate.reports.pictures import Album, Picture
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.finding import Finding
from pytest_synthgate.text.printable import visible

FIRST = 12
"""Findings of a score that are shown without asking."""
LISTED = 5_000
"""Findings without pictures that the page names."""
LETTERS = 300
"""Letters of a name or a prompt that the page shows."""
_ROW = 8
"""Pictures in the row of a cluster."""
_ROWS = 12
"""Clusters that have a row."""
_ORDER = sorted(FLAGGED, key=lambda score: KINDS[score].source != "copies")
"""The scores that images are flagged under; copies, which everybody sees, before what a classifier says."""

Key = TypeVar("Key", bound=Hashable)
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Card:
    """A finding with pictures: the flagged image and the one it resembles, how they belong together, what is known.

    `command` makes the image again, if a command does.
    """

    anchor: str
    finding: Finding
    ends: tuple[Picture, ...]
    relation: str
    facts: Pairs
    command: str | None


@dataclass(frozen=True, slots=True)
class Cluster:
    """Near-duplicates of one another in a row: how many, the first pictures, and what they have in common."""

    size: int
    pictures: tuple[Picture, ...]
    facts: Pairs


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one score, worst first: cards, of which a few are shown unasked, then a line for each other one.

    `open` where a gate on them did not pass; `clusters` are near-duplicates in rows, `more_clusters` have no row.
    """

    score: str
    title: str
    total: int
    open: bool
    cards: tuple[Card, ...]
    more_cards: tuple[Card, ...]
    rest: tuple[str, ...]
    clusters: tuple[Cluster, ...]
    more_clusters: int

    @property
    def unnamed(self) -> int:
        """How many have no line either."""
        return self.total - len(self.cards) - len(self.more_cards) - len(self.rest)


def finding_groups(
    results: Results, anchors: Mapping[str, str], max_findings: int, album: Album
) -> dict[str, tuple[Group, ...]]:
    """Sort the findings of all specs by score, deal them the places of the page, and lay them out.

    `max_findings` have pictures, the worst of every spec and score in turns; a pair stands once before it is shown from
    the other end.
    """
    found = {
        (name, score): findings for name, result in results.items() for score, findings in _by_score(result).items()
    }
    pictured = dealt({key: len(findings) for key, findings in found.items()}, max_findings)
    listed = dealt({key: len(findings) - pictured[key] for key, findings in found.items()}, LISTED)
    groups: dict[str, list[Group]] = {name: [] for name in results}
    for (name, score), findings in found.items():
        result, anchor, places = results[name], f"{anchors[name]}-{len(groups[name]) + 1}", pictured[name, score]
        clusters, more = _clusters(findings, result, album) if places else ((), 0)
        shown, rest = findings[:places], findings[places : places + listed[name, score]]
        cards = tuple(_card(name, f"{anchor}-{at}", each, result, album) for at, each in enumerate(shown, 1))
        group = Group(
            score=score,
            title=(KINDS[score].title if score in KINDS else None) or score,
            total=len(findings),
            open=_in_doubt(score, result),
            cards=cards[:FIRST],
            more_cards=cards[FIRST:],
            rest=tuple(cut(describe(each, result.measurement.threshold)) for each in rest),
            clusters=clusters,
            more_clusters=more,
        )
        groups[name].append(group)
    return {name: tuple(each) for name, each in groups.items()}


def _by_score(result: SpecResult) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {score: [] for score in _ORDER}
    for each in result.measurement.findings:
        found.setdefault(each.score, []).append(each)
    return {
        score: [each for part in pairs_once(findings) for each in part] for score, findings in found.items() if findings
    }


def dealt(sizes: Mapping[Key, int], most: int) -> dict[Key, int]:
    """Deal places to groups of these sizes in turns, so that a big one takes none that a small one could have."""
    given, left = dict.fromkeys(sizes, 0), most
    while left > 0 and (hungry := [key for key in sizes if given[key] < sizes[key]]):
        each = max(1, left // len(hungry))
        for key in hungry:
            taken = min(each, sizes[key] - given[key], left)
            given[key], left = given[key] + taken, left - taken
    return given


def _in_doubt(score: str, result: SpecResult) -> bool:
    """Tell whether a gate on the findings of a score failed, was expected to, warned or stayed undecided."""
    about = [each for each in result.verdicts if KINDS[each.score].findings == score]
    return any(mark(result, each).tone in ("fail", "warn") for each in about)


def _clusters(findings: Iterable[Finding], result: SpecResult, album: Album) -> tuple[tuple[Cluster, ...], int]:
    """Lay out those clusters of near-duplicates that have a row, largest first, and count those that have none."""
    members: dict[int, list[Finding]] = {}
    for each in findings:
        if each.cluster is not None and within_its_set(each):
            members.setdefault(each.cluster, []).append(each)
    ordered = sorted(members.values(), key=len, reverse=True)
    rows = []
    for found in ordered[:_ROWS]:
        pictures = tuple(album.picture(each.image, each.image_set, result) for each in found[:_ROW])
        if any(each.instead for each in pictures):
            rows.append(Cluster(len(found), pictures, _in_common(found)))
    return tuple(rows), max(0, len(ordered) - _ROWS)


def _in_common(found: Sequence[Finding]) -> Pairs:
    """Say which class and prompts near-duplicates have, and which seeds."""
    known = [{"class": each.class_name, "prompt": each.prompt, "seed": each.seed} for each in found]
    distinct = {label: dict.fromkeys(each[label] for each in known if each[label] is not None) for label in known[0]}
    return tuple((label, some([cut(str(each)) for each in values])) for label, values in distinct.items() if values)


def _card(spec_name: str, anchor: str, finding: Finding, result: SpecResult, album: Album) -> Card:
    waived = any(finding.id in verdict.waived for verdict in result.verdicts)
    facts = [
        ("waived", "left out of the gate" if waived else None),
        *(("prompt", finding.prompt), ("seed", finding.seed), ("class", finding.class_name)),
    ]
    words = against(finding, result.measurement.threshold)
    return Card(
        anchor=anchor,
        finding=finding,
        ends=tuple(
            album.picture(image, side, result)
            for image, side in ((finding.image, finding.image_set), (finding.twin, finding.twin_set))
            if image is not None and side is not None
        ),
        relation=words if is_copy(finding) else f"{words}; nearest is the {finding.twin_set} image beside it",
        facts=tuple((label, cut(str(value))) for label, value in facts if value is not None),
        command=_command(spec_name, finding, result),
    )


def _command(spec_name: str, finding: Finding, result: SpecResult) -> str | None:
    """Give the command that makes an image again, where its name proves that the generator of the spec made it."""
    number = PurePosixPath(finding.image).stem
    if finding.image_set != "synthetic" or finding.prompt is None or not result.declared.get("generator"):
        return None
    if not number.isdecimal() or len(number) > 9 or not finding.image.endswith(image_name(finding.prompt, int(number))):
        return None
    words: Sequence[str] = ("synthgate", "generate", spec_name, "--again", "--image", finding.image)
    return visible(shlex.join(words))


def cut(text: str) -> str:
    """Make a text visible, and short enough to be read."""
    text = visible(text)
    return text if len(text) <= LETTERS else f"{text[:LETTERS]}… ({len(text):,} letters)"
