"""Which prompt is to blame: every score by prompt, axis value and class.

Intervals share their 5% of error among the groups of an axis (Bonferroni), since many are looked at.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pytest_synthgate.features.matrix import FeatureMatrix, Floats, Indices
from pytest_synthgate.images.sets import ImageRecord
from pytest_synthgate.scores.fit import Probabilities
from pytest_synthgate.scores.links import NearDuplicates
from pytest_synthgate.scores.measurement import grouped
from pytest_synthgate.scores.realism import OBVIOUS, self_confidence
from pytest_synthgate.scores.score import Score
from pytest_synthgate.scores.uncertainty import effective_size, share, shared_level, variance


@dataclass(frozen=True, slots=True)
class Axis:
    """The group of each image along one axis, such as its class or its prompt; an image may be in none.

    Attributes:
        synthetic: Group by id of the synthetic image.
        real: Group by id of the real image, where real images have one.
    """

    synthetic: Mapping[str, str]
    real: Mapping[str, str] = field(default_factory=dict)


def axes_of(synthetic: Mapping[str, ImageRecord], real: Mapping[str, ImageRecord]) -> dict[str, Axis]:
    """Group the images by class, by prompt and by every axis that the sources know of.

    An axis whose groups hold fewer than two synthetic images on average is none, as where every image has its prompt.
    Both sets are given as what their sources say of each image, by id.
    """
    classes = [{name: each.class_name for name, each in side.items() if each.class_name} for side in (synthetic, real)]
    counts = Counter(classes[1].values())
    group = grouped({*classes[0].values(), *counts}, counts)
    of_synthetic, of_real = ({name: group[each] for name, each in side.items()} for side in classes)
    axes = {
        "class": Axis(of_synthetic, of_real),
        "prompt": Axis({name: each.prompt for name, each in synthetic.items() if each.prompt}),
    }
    for axis in sorted({axis for each in synthetic.values() for axis in each.axes}):
        axes[axis] = Axis({name: each.axes[axis] for name, each in synthetic.items() if axis in each.axes})
    return {name: axis for name, axis in axes.items() if len(axis.synthetic) >= 2 * len({*axis.synthetic.values()}) > 0}


def breakdown(
    axes: Mapping[str, Axis],
    synthetic: FeatureMatrix,
    real: FeatureMatrix,
    copies: NearDuplicates,
    fit: Probabilities | None,
) -> dict[str, dict[str, dict[str, Score]]]:
    """Score every group of every axis, worst first (by unvaried, then unoriginal, then unrealistic).

    An image is flagged as in the whole set, whatever the group of its twin; without probabilities (`fit`) there are no
    realism scores.

    Returns:
        `breakdown[axis][group][score]`.
    """
    quality = self_confidence(fit.synthetic.mean(axis=0), fit.real.mean(axis=0)) if fit else None
    clusters = copies.joint[: len(synthetic)]
    found = {}
    for name, axis in axes.items():
        of_synthetic, of_real = _rows(axis.synthetic, synthetic.ids), _rows(axis.real, real.ids)
        groups = sorted(of_synthetic)
        level = shared_level(len(groups))
        by_group = {}
        for group in groups:
            rows = of_synthetic[group]
            scores = {
                "unvaried": share(copies.unvaried[rows], clusters[rows], level),
                "unoriginal": share(copies.unoriginal[rows], clusters[rows], level),
            }
            if quality:
                scores["unrealistic"] = _mean(quality[0], rows, copies.synthetic, level)
                scores["obviously_fake"] = share(quality[0][rows] >= OBVIOUS, copies.synthetic[rows], level)
                if group in of_real:
                    scores["unrepresentative"] = _mean(quality[1], of_real[group], copies.real, level)
            by_group[group] = scores
        found[name] = dict(sorted(by_group.items(), key=_badness))
    return found


def _rows(group_of: Mapping[str, str], ids: Sequence[str]) -> dict[str, Indices]:
    """List the rows of each group: one pass over the images, however many groups there are."""
    rows: dict[str, list[int]] = {}
    for row, each in enumerate(ids):
        if group := group_of.get(each):
            rows.setdefault(group, []).append(row)
    return {group: np.array(found, dtype=np.int64) for group, found in rows.items()}


def _mean(values: Floats, rows: Indices, clusters: Indices, level: float) -> Score:
    """Mean of a group given the classifier, whose own uncertainty all groups share; a Student interval.

    Two images that happen to agree are no sure thing: a group counts as at least as spread as its whole set.
    """
    from scipy.stats import t

    mine = values[rows]
    effective = effective_size(clusters[rows])
    value = float(mine.mean())
    if effective <= 1:
        return Score(value, 0.0, 1.0, len(mine), effective)
    error = math.sqrt(max(variance(mine), variance(values)) / effective)
    reach = float(t.ppf((1 + level) / 2, effective - 1)) * error
    return Score(value, max(0.0, value - reach), min(1.0, value + reach), len(mine), effective)


def _badness(entry: tuple[str, Mapping[str, Score]]) -> tuple[float, ...]:
    _, scores = entry
    return tuple(
        -(scores[name].value or 0.0) if name in scores else 0.0 for name in ("unvaried", "unoriginal", "unrealistic")
    )
