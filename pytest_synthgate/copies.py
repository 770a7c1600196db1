"""Pairs of pictures -> those that show one picture, edited: recalled, or looked at now, a batch at a time.

Between the search, which says what is worth a look, and the links: the one place behind the features that comes back to
the pictures. What was found is stored before the next batch is begun, so that a killed run loses one batch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from pytest_synthgate.errors import SourceError, require
from pytest_synthgate.features.local import LocalFeatures, local_features
from pytest_synthgate.features.points import Points
from pytest_synthgate.images.decode import UnreadableError, decode, pixel_digest, read_bytes
from pytest_synthgate.images.formats import without_pillow_warnings
from pytest_synthgate.scores.geometry import Match, compared
from pytest_synthgate.scores.measurement import COPY_RULE
from pytest_synthgate.scores.pairs import RowPairs
from pytest_synthgate.scores.placing import INLIERS
from pytest_synthgate.scores.searched import Searched, searched
from pytest_synthgate.scores.threads import computing
from pytest_synthgate.scores.verified import CANDIDATES, Look, Verified

if TYPE_CHECKING:
    from pytest_synthgate.features.embedding import Sets
    from pytest_synthgate.scores.searched import PairsOfSets

_AT_ONCE = 256
"""Pairs in a batch."""

Pair: TypeAlias = tuple[str, str]
"""Digests of a picture and of the one that it may be a copy of."""


def look(sets: Sets, directory: Path, others: Callable[[], Sets] | None = None, *, progress: bool = True) -> Look:
    """Look for edited copies among the nearest pictures of both sets.

    Args:
        sets: The sets whose pictures are looked at.
        directory: The cache, where what is found is stored.
        others: Embeds the same sets with another encoder, by whose features the nearest pictures are found then.
        progress: Whether to show a bar on a terminal.
    """

    def verify(found: Searched) -> Verified:
        if others is not None:
            by = others()
            if [each.matrix.ids for _, each in by.by_side()] != [each.matrix.ids for _, each in sets.by_side()]:
                raise SourceError("images changed while they were measured; run again")
            found = searched(by.synthetic.matrix, by.real.matrix, 0.0, CANDIDATES)
        with Points(directory) as points:
            return verified(found.candidates(), sets, points, progress=progress)

    return Look(verify, CANDIDATES if others is None else 0)


@without_pillow_warnings()
def verified(candidates: PairsOfSets, sets: Sets, points: Points, *, progress: bool = True) -> Verified:
    """Tell which pairs of pictures show one picture, of those that are worth a look.

    Raises:
        MissingExtraError: What finds points in pictures is not installed.
        StoreError: The store cannot be used.
    """
    made, real = sets.synthetic.matrix.digests, sets.real.matrix.digests
    within, between = _named(candidates.within, made, made), _named(candidates.between, made, real)
    wanted = dict.fromkeys([*within, *between])
    recalled = points.matches({copy for copy, _ in wanted}, COPY_RULE)
    known = {pair: recalled[pair] for pair in wanted if pair in recalled}
    missing = sorted(pair for pair in wanted if pair not in recalled)
    for found in _looked_at(missing, _files(sets), points, progress):
        points.add_matches(found, COPY_RULE)
        known |= found
    matches = {pair: _match(text) for pair, text in known.items() if text is not None}
    pictures = {
        "synthetic": {each for pair in within for each in pair} | {copy for copy, _ in between},
        "real": {original for _, original in between},
    }
    counts = points.counts(set().union(*pictures.values()))
    return Verified(
        within=_kept(candidates.within, within, matches),
        between=_kept(candidates.between, between, matches),
        matches=matches,
        looked_at=len(known),
        pictures={side: len(each) for side, each in pictures.items()},
        few_points={side: sum(counts.get(one, INLIERS) < INLIERS for one in each) for side, each in pictures.items()},
        lost={side: sum(one not in counts for one in each) for side, each in pictures.items()},
    )


def _named(pairs: RowPairs, copies: Sequence[str], originals: Sequence[str]) -> list[Pair]:
    return [(copies[a], originals[b]) for a, b in zip(pairs.a.tolist(), pairs.b.tolist(), strict=True)]


def _kept(pairs: RowPairs, named: Sequence[Pair], matches: Collection[Pair]) -> RowPairs:
    kept = np.array([pair in matches for pair in named], dtype=np.bool_)
    return RowPairs(pairs.a[kept], pairs.b[kept])


def _match(text: str) -> Match:
    found = json.loads(text)
    return Match(**found | {"transform": tuple(map(tuple, found["transform"]))})


def _files(sets: Sets) -> dict[str, Path]:
    """Give each picture one file that shows it, the first by name, a synthetic one before a real one."""
    files: dict[str, Path] = {}
    for _, embedded in sets.by_side():
        for name, digest in embedded.digests.items():
            path = embedded.records[name].path
            if path is not None:
                files.setdefault(digest, path)
    return files


def _looked_at(
    pairs: Sequence[Pair], files: Mapping[str, Path], points: Points, progress: bool
) -> Iterator[dict[Pair, str | None]]:
    """Compare pairs, a batch at a time; those are left out of which a picture cannot be read any more."""
    if not pairs:
        return
    require("finding edited copies", "measure", "cv2", "faiss", "tqdm")
    import faiss  # noqa: F401 (the limit on threads holds for libraries that are loaded)
    from tqdm import tqdm

    with (
        computing() as threads,
        # None: shown on a terminal only.
        tqdm(
            desc="looking for edited copies", total=len(pairs), unit="pair", disable=None if progress else True
        ) as bar,
    ):
        for start in range(0, len(pairs), _AT_ONCE):
            batch = pairs[start : start + _AT_ONCE]
            found = _points_of(batch, files, points, threads)
            there = [pair for pair in batch if pair[0] in found and pair[1] in found]
            matches = threads.map(compared, (found[copy] for copy, _ in there), (found[of] for _, of in there))
            yield {
                pair: None if match is None else json.dumps(asdict(match))
                for pair, match in zip(there, matches, strict=True)
            }
            bar.update(len(batch))


def _points_of(
    pairs: Sequence[Pair], files: Mapping[str, Path], points: Points, threads: Executor
) -> dict[str, LocalFeatures]:
    """Give the points of the pictures in some pairs, mirrored ones of the copies; what has to be found is stored."""
    copies = {copy for copy, _ in pairs}
    originals = {original for _, original in pairs} - copies
    there = {*points.counts(copies, mirrored=True), *points.counts(originals)}
    lacking = sorted((copies | originals) - there)

    def looked_for(digest: str) -> LocalFeatures | None:
        return _seen(digest, files.get(digest), mirrored=digest in copies)

    new = {
        digest: found
        for digest, found in zip(lacking, threads.map(looked_for, lacking), strict=True)
        if found is not None
    }
    points.add_points(new)
    return points.points(there) | new


def _seen(digest: str, path: Path | None, *, mirrored: bool) -> LocalFeatures | None:
    """Find the points of a picture, if its file still shows it."""
    try:
        image = None if path is None else decode(read_bytes(path))
    except UnreadableError:
        return None
    if image is None or pixel_digest(image) != digest:
        return None
    return local_features(image, mirrored=mirrored)
