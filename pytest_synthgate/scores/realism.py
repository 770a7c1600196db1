"""The realism scores: how well real and synthetic images are told apart, from out-of-fold probabilities.

Lower is better; two sets of one law score 0.5 in `unrealistic`, `unrepresentative` and `c2st_auc`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pytest_synthgate.features.matrix import FeatureMatrix, Floats
from pytest_synthgate.kinds import CLASSIFIED, MEANS
from pytest_synthgate.scores.fit import RUNGS, Examples, Probabilities, balanced_probabilities, raw_probabilities, sides
from pytest_synthgate.scores.links import NearDuplicates
from pytest_synthgate.scores.score import Errors, Score
from pytest_synthgate.scores.uncertainty import (
    effective_size,
    influence_errors,
    normal_interval,
    normal_reach,
    share,
    variance,
    widened,
)
from pytest_synthgate.spec.model import Definition

OBVIOUS = 0.9
"""P(true label) from which an image counts as given away."""

_NO_SCORES = dict.fromkeys(CLASSIFIED, Score(None))


@dataclass(frozen=True, slots=True)
class Realism:
    """How well two sets are told apart.

    Attributes:
        rung: The largest n0 that was fitted; None where there was none, or where all images were.
        scores: The scores there, without a value where nothing could be fitted.
        rungs: The scores by name and n0, none where all images were fitted.
        errors: The standard errors of the means by name and n0.
        fit: The probabilities that they come from.
    """

    rung: int | None
    scores: Mapping[str, Score]
    rungs: Mapping[str, Mapping[str, Score]]
    errors: Mapping[str, Mapping[str, Errors]]
    fit: Probabilities | None


def realism(
    synthetic: FeatureMatrix,
    real: FeatureMatrix,
    copies: NearDuplicates,
    definition: Definition = "balanced",
    at_most: int | None = None,
) -> Realism:
    """Fit and score two sets at every rung that both reach; "studio" has one fit, of all images.

    `at_most` is the largest rung to fit; only that one, or the next smaller that both sides reach, is fitted then.
    """
    pair = sides(synthetic, real, (copies.synthetic, copies.real), copies.joint)
    if definition == "studio":
        whole = raw_probabilities(*pair)
        return Realism(None, realism_scores(whole, *pair) if whole else _NO_SCORES, {}, {}, whole)
    sizes = rungs_within(min(copies.representatives().values()))
    if at_most is not None:
        sizes = tuple(size for size in sizes if size <= at_most)[-1:]
    fits = balanced_probabilities(*pair, sizes)
    scores = {str(size): realism_scores(fit, *pair) for size, fit in fits.items()}
    errors = {str(size): realism_errors(fit, *pair) for size, fit in fits.items()}
    rung = max(fits, default=None)
    return Realism(
        rung,
        _NO_SCORES if rung is None else scores[str(rung)],
        {name: {size: found[name] for size, found in scores.items()} for name in CLASSIFIED},
        {name: {size: found[name] for size, found in errors.items()} for name in MEANS},
        None if rung is None else fits[rung],
    )


def rungs_within(size: int) -> tuple[int, ...]:
    """List the rungs that `size` representatives a side reach, smallest first."""
    return tuple(rung for rung in RUNGS if rung <= size)


def self_confidence(synthetic: Floats, real: Floats) -> tuple[Floats, Floats]:
    """Give each image's label quality for its own label, by cleanlab (method self_confidence).

    Both sets are given by their P(synthetic).

    Returns:
        P(synthetic) of the synthetic images and P(real) of the real ones, as cleanlab scores them.
    """
    from cleanlab.rank import get_label_quality_scores

    both = np.concatenate([synthetic, real])
    labels = np.repeat([1, 0], [len(synthetic), len(real)])
    quality = get_label_quality_scores(labels, np.column_stack([1 - both, both]), method="self_confidence")
    return quality[: len(synthetic)], quality[len(synthetic) :]


def realism_scores(probabilities: Probabilities, synthetic: Examples, real: Examples) -> dict[str, Score]:
    """Score both sets from the out-of-fold probabilities of all their images.

    unrealistic = mean over S of P(synthetic), unrepresentative = mean over R of P(real), obviously_fake = share of
    S with P(synthetic) >= 0.9, c2st_auc = P(a synthetic image gets the higher probability) (Lopez-Paz and Oquab 2017).
    """
    eta_s, eta_r = probabilities.synthetic.mean(axis=0), probabilities.real.mean(axis=0)
    n_s, n_r = _independent(probabilities, synthetic, real)
    quality_s, quality_r = self_confidence(eta_s, eta_r)
    sampling = math.hypot(*influence_errors(eta_s, eta_r, n_s, n_r))

    def mean(quality: Floats, by_draw: Floats, effective: float) -> Score:
        # The classifier is itself a draw; its spread comes on top of that of the images.
        error = math.hypot(sampling, math.sqrt(variance(by_draw)))
        value = float(quality.mean())
        return Score(value, *normal_interval(value, error), len(quality), effective)

    return {
        "unrealistic": mean(quality_s, probabilities.synthetic.mean(axis=1), n_s),
        "unrepresentative": mean(quality_r, 1 - probabilities.real.mean(axis=1), n_r),
        "obviously_fake": _given_away(probabilities.synthetic, synthetic),
        "c2st_auc": area_under_curve(probabilities, n_s, n_r),
    }


def realism_errors(probabilities: Probabilities, synthetic: Examples, real: Examples) -> dict[str, Errors]:
    """Take the standard errors of unrealistic and unrepresentative apart, by what brings them in.

    The classifier's is that of the mean over draws; the intervals of the scores allow for the spread of a single one.
    """
    eta_s, eta_r = probabilities.synthetic.mean(axis=0), probabilities.real.mean(axis=0)
    sampling = influence_errors(eta_s, eta_r, *_independent(probabilities, synthetic, real))
    by_draw = zip(MEANS, (probabilities.synthetic, probabilities.real), strict=True)
    return {name: Errors(*sampling, math.sqrt(variance(found.mean(axis=1)) / len(found))) for name, found in by_draw}


def _independent(probabilities: Probabilities, synthetic: Examples, real: Examples) -> tuple[float, float]:
    """Count independent images a side; what the classifier learned from bounds what its opinion of more is worth."""
    n_s, n_r = (
        min(effective_size(side.clusters), learned)
        for side, learned in zip((synthetic, real), probabilities.learned_from, strict=True)
    )
    return n_s, n_r


def _given_away(by_draw: Floats, side: Examples) -> Score:
    """Share with P(true label) >= 0.9; the spread over draws of the classifier widens the interval of the images."""
    spread = normal_reach(math.sqrt(variance((by_draw >= OBVIOUS).mean(axis=1))))
    return widened(share(by_draw.mean(axis=0) >= OBVIOUS, side.clusters), spread)


def area_under_curve(probabilities: Probabilities, n_synthetic: float, n_real: float) -> Score:
    """Area under the ROC curve with its interval from placement values (DeLong, DeLong and Clarke-Pearson 1988).

    The classifier is itself a draw: the spread of the area over draws is added to that of the images. `n_synthetic` and
    `n_real` count independent images.
    """
    synthetic, real = probabilities.synthetic.mean(axis=0), probabilities.real.mean(axis=0)
    of_synthetic, of_real = _placements(synthetic, real), _placements(real, synthetic)
    value = float(of_synthetic.mean())
    by_draw = np.array(
        [_placements(*draw).mean() for draw in zip(np.sort(probabilities.synthetic), probabilities.real, strict=True)]
    )
    error = math.sqrt(variance(of_synthetic) / n_synthetic + variance(of_real) / n_real + variance(by_draw))
    return Score(value, *normal_interval(value, error), len(synthetic) + len(real), n_synthetic + n_real)


def _placements(values: Floats, others: Floats) -> Floats:
    """Share of the others below each value, ties half."""
    ordered = np.sort(others)
    below, upto = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return np.asarray((below + upto) / (2 * len(others)))
