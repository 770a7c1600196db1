"""What a search of two sets lists for a closer look: the nearest pairs that are not near, each once, copies as one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pytest_synthgate.features.matrix import FeatureMatrix, feature_matrix
from pytest_synthgate.scores.pairs import distances
from pytest_synthgate.scores.searched import Searched, reach_of, searched

few = st.integers(1, 12).flatmap(lambda n: arrays(np.int8, (n, 4), elements=st.integers(-1, 2)))
usable = few.filter(lambda rows: bool(rows.any(axis=1).all()))


def _pictures(rows: np.ndarray, name: str) -> FeatureMatrix:
    """Make equal rows copies of one picture, but every third picture one of its own that the encoder cannot tell."""
    digests = [f"{row.tolist()} {number if number % 3 == 0 else ''}" for number, row in enumerate(rows)]
    return feature_matrix(rows.astype(float), [f"{name}{number}" for number in range(len(rows))], digests)


def _by_hand(found: Searched, k: int) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    """List pairs by a look at all distances."""
    made, real = found.synthetic, found.real

    def listed(row: int, targets: FeatureMatrix, own: bytes | None) -> list[int]:
        distinct = {each.tobytes(): number for number, each in reversed([*enumerate(targets.features + 0)])}
        apart = sorted(
            (float(distances(made.features[row], targets.features[number])), number)
            for mark, number in distinct.items()
            if mark != own
        )
        return [number for distance, number in apart[:k] if distance >= found.reach]

    marks = [each.tobytes() for each in made.features + 0]
    first = {mark: row for row, mark in reversed([*enumerate(marks)])}
    within, between = set(), set()
    for row in {*made.first_copies().tolist()}:
        within |= {
            (min(first[marks[row]], other), max(first[marks[row]], other)) for other in listed(row, made, marks[row])
        }
        between |= {(row, other) for other in listed(row, real, None)}
    return within, between


@settings(max_examples=60, deadline=None)
@given(usable, usable, st.integers(1, 4), st.sampled_from([0.0, 0.2]))
def test_candidates_are_the_nearest_that_are_not_near(a: np.ndarray, b: np.ndarray, k: int, tau: float) -> None:
    found = searched(_pictures(a, "s"), _pictures(b, "r"), tau, k)
    pairs = found.candidates()
    within, between = _by_hand(found, k)
    assert {*zip(pairs.within.a.tolist(), pairs.within.b.tolist(), strict=True)} == within
    assert {*zip(pairs.between.a.tolist(), pairs.between.b.tolist(), strict=True)} == between
    assert len(pairs.within.a) == len(within)
    assert len(pairs.between.a) == len(between)


@settings(max_examples=40, deadline=None)
@given(usable, usable, st.sampled_from([0.0, 0.2, 1.1]))
def test_listing_the_nearest_changes_no_near_pair(a: np.ndarray, b: np.ndarray, tau: float) -> None:
    sets = _pictures(a, "s"), _pictures(b, "r")
    plain, listing = searched(*sets, tau), searched(*sets, tau, 3)
    for one, other in ((plain.within, listing.within), (plain.between, listing.between)):
        assert one.near == other.near
        near = other.forth.within(reach_of(tau))
        np.testing.assert_array_equal(one.forth.index[:, 0], near.index[:, 0])
        assert {*zip(one.pairs.a.tolist(), one.pairs.b.tolist(), strict=True)} == {
            *zip(other.pairs.a.tolist(), other.pairs.b.tolist(), strict=True)
        }
