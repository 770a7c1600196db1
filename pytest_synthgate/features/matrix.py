"""The features of one set: unit-norm rows with the digest and the id of the image behind each.

Third station of the flow (images -> features -> scores), and all that the scores ever see.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pytest_synthgate.errors import SourceError

Features: TypeAlias = NDArray[np.float32]
Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

_HEAD = 4
"""Numbers that hardly two rows share."""
_AT_ONCE = 4096
"""Rows in float64 at a time."""


@dataclass(frozen=True, slots=True)
class Distinct:
    """The images of a set with equal features taken together: what a search has to look at.

    Attributes:
        rows: First image of each group, ascending.
        group: Group of each image.
        counts: Images of each group.
    """

    rows: Indices
    group: Indices
    counts: Indices

    def of(self, features: Features) -> Features:
        """Give the features of each group; no copy where all images differ."""
        return features if len(self.rows) == len(features) else features[self.rows]


@dataclass(frozen=True, slots=True)
class FeatureMatrix:
    """Features of a set in canonical order: sorted by digest, then id, so that input order never matters.

    Attributes:
        features: float32 (n, d), every row of Euclidean length 1.
        digests: n content digests, `sha256:...`; equal digests mean exact copies.
        ids: n names, unique in the set.
    """

    features: Features
    digests: tuple[str, ...]
    ids: tuple[str, ...]

    def __len__(self) -> int:
        """Count the images."""
        return len(self.ids)

    def subset(self, rows: Indices) -> FeatureMatrix:
        """Keep some rows, given in ascending order."""
        return FeatureMatrix(
            features=np.ascontiguousarray(self.features[rows]),
            digests=tuple(self.digests[row] for row in rows),
            ids=tuple(self.ids[row] for row in rows),
        )

    def first_copies(self) -> Indices:
        """Give for each image the first one of its digest: itself, unless it is an exact copy of one before it."""
        first = {digest: row for row, digest in reversed([*enumerate(self.digests)])}
        return np.array([first[digest] for digest in self.digests], dtype=np.int64)

    def distinct(self) -> Distinct:
        """Group the images by their features; copies, and what the encoder cannot tell apart, come together."""
        groups: dict[bytes, int] = {}
        # Adding zero makes -0.0 and 0.0 one. Where the first numbers differ from all others, so does the row.
        heads = [row.tobytes() for row in self.features[:, :_HEAD] + 0]
        alone = Counter(heads)
        marks = (
            head if alone[head] == 1 else hashlib.blake2b((row + 0).tobytes()).digest()
            for head, row in zip(heads, self.features, strict=True)
        )
        group = np.array([groups.setdefault(mark, len(groups)) for mark in marks], dtype=np.int64)
        _, rows, counts = np.unique(group, return_index=True, return_counts=True)
        return Distinct(rows, group, counts)


def feature_matrix(
    vectors: ArrayLike,
    ids: Sequence[str] | None = None,
    digests: Sequence[str] | None = None,
    *,
    name: str = "set",
) -> FeatureMatrix:
    """Check, normalise and order the vectors of one set.

    Args:
        vectors: (n, d) numbers, any float type; rows need not be of unit length.
        ids: n unique names; row numbers when absent.
        digests: n content digests; taken from the bytes of each float32 row when absent.
        name: What to call the set in an error.

    Returns:
        The rows as unit-norm float32, sorted by (digest, id); rows of equal digest share the first one's vector.

    Raises:
        SourceError: Not a matrix, no columns, a NaN, an infinity, a row of zeros, ids that repeat, or not
            one id or digest per row.
    """
    try:
        with np.errstate(over="ignore"):
            rows = np.asarray(vectors, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise SourceError(f"{name}: vectors are not numbers ({error}); pass an (n, d) float array") from None
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise SourceError(f"{name}: vectors have shape {rows.shape}; pass an (n, d) float array")
    names = tuple(map(str, ids)) if ids is not None else tuple(str(row) for row in range(len(rows)))
    if len(names) != len(rows):
        raise SourceError(f"{name}: {len(names)} ids for {len(rows)} vectors; pass one id per row")
    if digests is not None and len(digests) != len(rows):
        raise SourceError(f"{name}: {len(digests)} digests for {len(rows)} vectors; pass one digest per row")
    if repeated := [each for each, count in Counter(names).items() if count > 1]:
        raise SourceError(f"{name}: the id {repeated[0]!r} is used twice; ids must be unique")
    parts = [slice(start, start + _AT_ONCE) for start in range(0, len(rows), _AT_ONCE)]
    lengths = np.empty(len(rows))
    for part in parts:
        lengths[part] = np.linalg.norm(rows[part].astype(np.float64), axis=1)
    bad = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
    if len(bad):
        raise SourceError(
            f"{name}: vector {names[bad[0]]!r} is zero or not finite ({len(bad)} such rows); remove or repair them"
        )
    marks = tuple(map(str, digests)) if digests is not None else tuple(_row_digest(row) for row in rows)
    order = sorted(range(len(rows)), key=lambda row: (marks[row], names[row]))
    first = {marks[row]: row for row in reversed(order)}
    taken, features = np.array([first[marks[row]] for row in order], dtype=np.int64), np.empty(rows.shape, np.float32)
    for part in parts:
        features[part] = rows[taken[part]] / lengths[taken[part], None]
    return FeatureMatrix(
        features=features,
        digests=tuple(marks[row] for row in order),
        ids=tuple(names[row] for row in order),
    )


def _row_digest(row: Features) -> str:
    return "sha256:" + hashlib.sha256(row.astype("<f4").tobytes()).hexdigest()
