"""95% intervals for shares and means of images that may come in near-duplicate clusters."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_synthgate.scores.score import Score

if TYPE_CHECKING:
    from pytest_synthgate.features.matrix import Flags, Floats, Indices

LEVEL = 0.95
"""Coverage of every interval, unless several looks share it."""


def effective_size(clusters: Indices) -> float:
    """Independent images that clustered ones are worth: n / deff with deff = sum(m^2) / sum(m).

    Equals the number of clusters when all have the same size (Kish 1965, section 5.4). Every image has one label.
    """
    import numpy as np

    if len(clusters) == 0:
        return 0.0
    _, sizes = np.unique(clusters, return_counts=True)
    return float(sizes.sum() ** 2 / (sizes.astype(np.float64) ** 2).sum())


def clopper_pearson(successes: float, n: float, level: float = LEVEL) -> tuple[float, float]:
    """Exact interval of a binomial share; counts may be fractional.

    Args:
        successes: Between 0 and n.
        n: Trials, above 0.
        level: Coverage, between 0 and 1.

    Returns:
        (low, high) in [0, 1] (Clopper and Pearson 1934, in the beta form).
    """
    from scipy.special import betaincinv  # scipy.stats takes long to import

    tail = (1 - level) / 2
    low = 0.0 if successes <= 0 else float(betaincinv(successes, n - successes + 1, tail))
    high = 1.0 if successes >= n else float(betaincinv(successes + 1, n - successes, 1 - tail))
    return low, high


def share(flags: Flags, clusters: Indices, level: float = LEVEL) -> Score:
    """Share of flagged images, with the Clopper-Pearson interval on n / deff.

    deff = sum(m^2) / sum(m) over the flagged clusters of size m: images copied from one another do not count as
    independent evidence. Every image has a flag and the label of its cluster; `level` is the coverage of the interval.
    """
    import numpy as np

    _, sizes = np.unique(clusters[flags], return_counts=True)
    return share_of(sizes, len(flags), level)


def share_of(sizes: Indices, n: int, level: float = LEVEL) -> Score:
    """Share of flagged images among n, from the sizes of the flagged clusters alone.

    `sizes` are the flagged images of each cluster, above 0; `level` is the coverage of the interval.
    """
    if n == 0:
        return Score(None)
    flagged = int(sizes.sum())
    design_effect = float((sizes.astype(float) ** 2).sum() / flagged) if flagged else 1.0
    low, high = clopper_pearson(flagged / design_effect, n / design_effect, level)
    return Score(flagged / n, low, high, n, n / design_effect)


def shared_level(looks: int) -> float:
    """Coverage of each of several intervals that share the 5% of error of one (Bonferroni)."""
    return 1 - (1 - LEVEL) / max(1, looks)


def rate_of_pairs(clusters: Indices, pairs: int, level: float = LEVEL) -> Score:
    """Share of all pairs that are near-duplicates, with a Poisson interval on the count of independent ones.

    The pairs of one cluster arrive together, so the count is divided by sum(c^2) / sum(c) over the pairs c that each
    cluster could hold (Garwood 1936 on the rest). Every image has one label; `pairs` are near-duplicate pairs among
    them, `level` is the coverage of the interval.
    """
    import numpy as np
    from scipy.special import gammaincinv

    n = len(clusters)
    if n < 2:
        return Score(None)
    possible = n * (n - 1) / 2
    _, sizes = np.unique(clusters, return_counts=True)
    held = sizes * (sizes - 1.0) / 2
    together = float((held**2).sum() / held.sum()) if pairs else 1.0
    count, tail = pairs / together, (1 - level) / 2
    low = 0.0 if pairs == 0 else float(gammaincinv(count, tail)) * together / possible
    high = float(gammaincinv(count + 1, 1 - tail)) * together / possible
    return Score(pairs / possible, min(low, 1.0), min(high, 1.0), n, n / together)


def normal_reach(error: float, level: float = LEVEL) -> float:
    """Half the width of the normal interval of a standard error."""
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2)) * error


def normal_interval(value: float, error: float, level: float = LEVEL) -> tuple[float, float]:
    """Interval of an estimate with a standard error, kept within [0, 1]."""
    reach = normal_reach(error, level)
    return max(0.0, value - reach), min(1.0, value + reach)


def widened(score: Score, spread: float) -> Score:
    """Widen an interval within [0, 1] by the half width of another one, of a cause of its own."""
    if score.value is None or score.low is None or score.high is None:
        return score
    return replace(
        score,
        low=max(0.0, score.value - math.hypot(score.value - score.low, spread)),
        high=min(1.0, score.value + math.hypot(score.high - score.value, spread)),
    )


def variance(values: Floats) -> float:
    """Sample variance, 0 for a single value."""
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0


def influence_errors(synthetic: Floats, real: Floats, n_synthetic: float, n_real: float) -> tuple[float, float]:
    """Standard errors that the two sets bring into unrealistic (and, by symmetry, into unrepresentative).

    From the influence function: SE_S^2 = Var_S(1 - (1 - eta)^2) / n_S and SE_R^2 = Var_R(eta^2) / n_R, eta the
    out-of-fold P(synthetic); squared they add up. `n_synthetic` and `n_real` count independent images.
    """
    return math.sqrt(variance(1 - (1 - synthetic) ** 2) / n_synthetic), math.sqrt(variance(real**2) / n_real)
