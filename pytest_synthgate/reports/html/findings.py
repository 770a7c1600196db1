"""Flagged images as they stand on the page: the worst as cards beside their twins, the rest as a list, and clusters."""

from __future__ import annotations

import shlex
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeVar

from pytest_synthgate.images.generation.seeds import image_name
from pytest_synthgate.reports.evidence import against, describe
from pytest_synthgate.reports.html.album import Album, Picture
from pytest_synthgate.reports.pictures import LEFT_OUT, NOT_FOUND, file_of
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.finding import Finding
from pytest_synthgate.text.printable import visible

LONGEST = 300
"""Letters of a name or a prompt that the page shows."""
_ROW = 8
"""Pictures in the row of a cluster."""
_NAMED = 3
"""Prompts and seeds that are named below a row."""
_ROWS = 12
"""Clusters that have a row."""

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class End:
    """One of the two images of a finding: its set, its name, and its picture where the set has some."""

    side: str
    name: str
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class Card:
    """A finding with pictures.

    Attributes:
        anchor: Its id on the page.
        id: Its id in the results.
        ends: The flagged image and the one it resembles.
        relation: How the two belong together, in words.
        facts: Label and text of what is known of the image.
        command: What makes the image again, if a command does.
    """

    anchor: str
    id: str
    ends: tuple[End, ...]
    relation: str
    facts: tuple[tuple[str, str], ...]
    command: str | None


@dataclass(frozen=True, slots=True)
class Cluster:
    """Near-duplicates of one another in a row.

    Attributes:
        size: How many they are.
        pictures: The first of them.
        more: How many are not shown; below 1 when all are.
        facts: Label and text of what they have in common.
    """

    size: int
    pictures: tuple[Picture, ...]
    more: int
    facts: tuple[tuple[str, str], ...]


def dealt(sizes: Mapping[Key, int], most: int) -> dict[Key, int]:
    """Deal a number of places to groups in turns, so that a big group takes none that a small one could have.

    Args:
        sizes: Wanted places by group.
        most: Places there are.
    """
    given, left = dict.fromkeys(sizes, 0), most
    while left > 0 and (hungry := [key for key in sizes if given[key] < sizes[key]]):
        each = max(1, left // len(hungry))
        for key in hungry:
            taken = min(each, sizes[key] - given[key], left)
            given[key], left = given[key] + taken, left - taken
    return given


def card(spec_name: str, anchor: str, finding: Finding, result: SpecResult, album: Album) -> Card:
    """Lay out a finding beside its twin."""
    waived = any(finding.id in verdict.waived for verdict in result.verdicts)
    facts = [
        ("waived", "left out of the gate" if waived else None),
        *(("prompt", finding.prompt), ("seed", finding.seed), ("class", finding.class_name)),
    ]
    return Card(
        anchor=anchor,
        id=visible(finding.id),
        ends=tuple(
            End(side, cut(image), picture(image, side, result, album))
            for image, side in ((finding.image, finding.image_set), (finding.twin, finding.twin_set))
            if image is not None and side is not None
        ),
        relation=_relation(finding, float(result.measurement.threshold.get("tau", 0.0))),
        facts=tuple((label, cut(str(value))) for label, value in facts if value is not None),
        command=_command(spec_name, finding, result),
    )


def line(finding: Finding, result: SpecResult) -> str:
    """Say a finding without pictures."""
    return cut(describe(finding, result.measurement.threshold))


def clusters(findings: Iterable[Finding], result: SpecResult, album: Album) -> tuple[tuple[Cluster, ...], int]:
    """Lay out the near-duplicate clusters of the synthetic set, largest first.

    Returns:
        Those that have a row, and how many clusters have none.
    """
    members: dict[int, list[Finding]] = {}
    for each in findings:
        if each.cluster is not None and each.score == "unvaried":
            members.setdefault(each.cluster, []).append(each)
    ordered = sorted(members.values(), key=len, reverse=True)
    rows = []
    for found in ordered[:_ROWS]:
        pictures = (picture(each.image, each.image_set, result, album) for each in found[:_ROW])
        shown = tuple(each for each in pictures if each is not None)
        rows.append(Cluster(len(found), shown, len(found) - _ROW, _in_common(found)))
    return tuple(each for each in rows if each.pictures), max(0, len(ordered) - _ROWS)


def _in_common(found: Sequence[Finding]) -> tuple[tuple[str, str], ...]:
    """Say which class and prompts near-duplicates have, and which seeds."""
    known = (
        ("class", [each.class_name for each in found]),
        ("prompt", [each.prompt for each in found]),
        ("seed", [each.seed for each in found]),
    )
    distinct = ((label, [*dict.fromkeys(each for each in values if each is not None)]) for label, values in known)
    return tuple((label, _some(values)) for label, values in distinct if values)


def _some(values: Sequence[object]) -> str:
    """Name one value, or two and how many more there are."""
    text = ", ".join(cut(str(each)) for each in values[:_NAMED])
    return text if len(values) <= _NAMED else f"{text} and {len(values) - _NAMED:,} more"


def picture(image: str, side: str, result: SpecResult, album: Album) -> Picture | None:
    """Ask for the picture of an image; None where its set has none to show."""
    alt = f"{side} image {cut(image)}"
    file = file_of(image, side, result)
    if isinstance(file, str):
        return Picture(alt, None, file) if side in result.images or file == LEFT_OUT else None
    return album.picture(alt, file, NOT_FOUND)


def cut(text: str) -> str:
    """Make a text visible, and short enough to be read."""
    text = visible(text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} letters)"


def _relation(finding: Finding, tau: float) -> str:
    words = against(finding, tau)
    return f"{words}; nearest is the {finding.twin_set} image beside it" if finding.by == "classifier" else words


def _command(spec_name: str, finding: Finding, result: SpecResult) -> str | None:
    """Give the command that makes an image again, where its name proves that the generator of the spec made it."""
    number = PurePosixPath(finding.image).stem
    if finding.image_set != "synthetic" or finding.prompt is None or not result.declared.get("generator"):
        return None
    if not number.isdecimal() or not finding.image.endswith(image_name(finding.prompt, int(number))):
        return None
    words: Sequence[str] = ("synthgate", "generate", spec_name, "--again", "--image", finding.image)
    return visible(shlex.join(words))
