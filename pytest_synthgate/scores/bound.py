"""A bound on similarities that costs a fraction of them, and rules most pairs out before any is computed.

Fourth station of the flow (features -> scores), below the search. Two unit vectors, written in a few orthogonal axes
and the length of the rest: the product of what the axes see, and that of the lengths of the rest, is never below the
similarity (Cauchy-Schwarz).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pytest_synthgate.features.matrix import Features, Floats
from pytest_synthgate.scores.blocks import SAMPLED, Blocks
from pytest_synthgate.scores.pairs import ONE_PAIR

_AXES = (32, 64, 96, 128, 160, 256)
_FEWEST = 8192
"""Rows a side below which everything is cheap anyway."""
_WORTH = 0.8
"""Cost, against that of the whole similarities, up to which a bound is used."""
_SLACK = 2e-6
"""Room for rounding in the squared length of the rest."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Coordinates of the rows of both sets whose inner products are never below the similarities.

    Attributes:
        a: float32 (n, k + 1).
        b: float32 (m, k + 1).
    """

    a: Features
    b: Features


def bound_for(a: Features, b: Features, wanted_a: Features, wanted_b: Features, blocks: Blocks) -> Bound | None:
    """Find a bound that rules out most pairs of float32 (n, d) and (m, d) which nobody wants.

    A pair is wanted when it is as similar as `wanted_a`, (n,), says of its one row, or `wanted_b`, (m,), of the other;
    only those in `blocks` are ever looked at.

    Returns:
        None where it would not pay.
    """
    if min(len(a), len(b)) < _FEWEST:
        return None
    both = np.concatenate([each[:: max(2, len(each) // SAMPLED)] for each in (a, b)]).astype(np.float64)
    axes = np.linalg.eigh(both.T @ both)[1][:, ::-1]
    # Other rows tell what it is worth: the axes fit those that they were taken from too well.
    typical = [
        (a[rows], b[columns], np.minimum(wanted_a[rows, None], wanted_b[columns])) for rows, columns in blocks.typical()
    ]
    pairs = sum(least.size for _, _, least in typical)
    options = []
    for count in _AXES:
        if pairs and count < _WORTH * a.shape[1]:
            remain = sum(
                int((_coordinates(left, axes[:, :count]) @ _coordinates(right, axes[:, :count]).T >= least).sum())
                for left, right, least in typical
            )
            options.append(((count + 1) / a.shape[1] + min(1.0, ONE_PAIR * remain / pairs), count))
    cost, count = min(options, default=(1.0, 0))
    if cost > _WORTH:
        return None
    left = _coordinates(a, axes[:, :count])
    return Bound(left, left if a is b else _coordinates(b, axes[:, :count]))


def _coordinates(rows: Features, axes: Floats) -> Features:
    seen = rows @ axes.astype(np.float32)
    rest = np.maximum(0, 1 - np.einsum("nk,nk->n", seen, seen, dtype=np.float64)) + _SLACK
    return np.column_stack([seen, np.sqrt(rest)]).astype(np.float32)
