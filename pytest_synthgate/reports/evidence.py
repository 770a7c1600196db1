"""What a finding says and which are shown first: the words and the order that every report shares.

Plain text; names are made visible where they stand in a sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pytest_synthgate.gating.verdict import Verdict
from pytest_synthgate.kinds import KINDS
from pytest_synthgate.scores.finding import WHOLE, Finding, Unreadable
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.scores.score import number
from pytest_synthgate.text.printable import visible

SHOWN = 3
"""Findings, files and reasons that are named in a few lines."""


def flagged(verdict: Verdict, measurement: Measurement) -> list[Finding]:
    """List the findings that a gate is about, worst first, without waived ones."""
    found = measurement.flagged(verdict.score, verdict.group)
    return [each for each in found if each.id not in verdict.waived] if verdict.waived else found


def against(finding: Finding, threshold: Mapping[str, Any]) -> str:
    """Say what speaks against a flagged image: `a near-copy, distance 0.01 < 0.0455`, which is the threshold's tau."""
    match finding.by:
        case "exact":
            return "the same pixels"
        case "geometry":
            return _edited(finding)
        case "classifier":
            other = "synthetic" if finding.image_set == "real" else "real"
            certainty = f"{finding.value:.1%}" if finding.value < 0.9995 else "over 99.9%"
            return f"told from {other} images with {certainty} certainty"
        case _:
            return _near(finding.value, float(threshold.get("tau", 0.0)))


def _edited(finding: Finding) -> str:
    """Say what was done to the twin, and how sure that is."""
    if (found := finding.geometry) is None:
        return f"an edited copy, distance {number(finding.value)}"
    of = "of the whole picture" if found.edit == WHOLE else f"({found.edit})"
    return f"an edited copy {of}: {found.inliers} points agree, correlation {found.agreement:.2f}"


def _near(distance: float, tau: float) -> str:
    """Say how near two images are; one may belong to a chain of near-copies and not be near to the twin beside it."""
    own, most = number(distance), number(tau)
    if not tau:
        return f"a near-copy, distance {own}"
    if distance >= tau:
        return f"in a chain of near-copies, distance {own}"
    return f"a near-copy, distance {own} < {most}" if own != most else f"a near-copy, distance just below {most}"


def made(finding: Finding) -> str | None:
    """Say how an image was made, where that is known: `"a photo of an apple", seed 7`."""
    prompt = [f'"{visible(finding.prompt)}"'] if finding.prompt else []
    seed = [f"seed {finding.seed}"] if finding.seed is not None else []
    return ", ".join([*prompt, *seed]) or None


def describe(finding: Finding, threshold: Mapping[str, Any]) -> str:
    """Show a finding beside its twin in a line."""
    image, words = visible(finding.image), against(finding, threshold)
    twin = f"{finding.twin_set} {visible(finding.twin)}" if finding.twin is not None else "an unknown image"
    if not is_copy(finding):
        text = f"{image} ({words}), nearest is {twin}"
    else:
        text = f"{image} {'=' if finding.by == 'exact' else '~'} {twin} ({words})"
    return "; ".join(filter(None, (text, made(finding))))


def worst(findings: Iterable[Finding], most: int) -> list[Finding]:
    """Take the first few in turns, a pair of twins once and not from both ends."""
    return pairs_once(findings)[0][:most]


def pairs_once(findings: Iterable[Finding]) -> tuple[list[Finding], list[Finding]]:
    """Put findings in turns, and those apart that show a pair which another one shows from its other end."""
    seen: set[frozenset[str | None]] = set()
    first: list[Finding] = []
    again: list[Finding] = []
    for each in in_turns(findings):
        pair = frozenset((each.image, each.twin))
        (again if each.image_set == each.twin_set and pair in seen else first).append(each)
        seen.add(pair)
    return first, again


def in_turns(findings: Iterable[Finding]) -> list[Finding]:
    """Put one near-duplicate of every cluster before the second of any, those of the largest clusters first.

    A hundred copies of one picture would hide all others, and a pair that is a hair closer would hide the hundred. The
    findings are those of one score, worst first.
    """
    found = list(findings)
    sizes = group_sizes(found)
    earlier: Counter[int | None] = Counter()
    order: list[tuple[int, int, Finding]] = []
    for each in found:
        order.append((earlier[each.cluster], -sizes.get(each.cluster, 1), each))
        if each.cluster in sizes:
            earlier[each.cluster] += 1
    return [each for *_, each in sorted(order, key=lambda place: place[:2])]


def group_sizes(findings: Iterable[Finding]) -> dict[int | None, int]:
    """Count the near-duplicates of each cluster; findings of a classifier are in none."""
    return Counter(each.cluster for each in findings if is_copy(each) and each.cluster is not None)


def is_copy(finding: Finding) -> bool:
    """Tell whether an image is flagged for what it resembles, and not for what a classifier makes of it."""
    kind = KINDS.get(finding.score)
    return finding.by != "classifier" if kind is None else kind.source == "copies"


def within_its_set(finding: Finding) -> bool:
    """Tell whether an image is a near-duplicate of others of its own set, of which one may stay."""
    kind = KINDS.get(finding.score)
    return is_copy(finding) and (finding.twin_set if kind is None else kind.twins) == finding.image_set


def unread(files: Iterable[Unreadable]) -> list[str]:
    """Say which files cannot be read and why, a line a reason: `a.png, b.png, c.png and 7 more (real): truncated`."""
    alike: dict[tuple[str, str], list[str]] = {}
    for each in files:
        alike.setdefault((each.image_set, each.reason), []).append(visible(each.image))
    commonest = sorted(alike.items(), key=lambda found: -len(found[1]))
    lines = [f"{some(names)} ({side}): {visible(reason)}" for (side, reason), names in commonest[:SHOWN]]
    left = sum(len(names) for _, names in commonest[SHOWN:])
    return [*lines, *([f"{left:,} more for other reasons"] if left else [])]


def nothing_read(measurement: Measurement) -> list[str]:
    """Say of a set of which no file can be read which those are; nothing of sets that could be measured."""
    return [] if measurement.n_real and measurement.n_synthetic else unread(measurement.unreadable)


def some(texts: Sequence[str], most: int = SHOWN) -> str:
    """Name a few, and say how many more there are."""
    more = f" and {len(texts) - most:,} more" if len(texts) > most else ""
    return f"{', '.join(texts[:most])}{more}"
