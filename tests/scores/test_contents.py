"""Two sets are told apart by their digests, and the images that came and went are counted from a kilobyte each."""

import hashlib
import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_synthgate.scores.contents import Contents, came_and_went, set_digest, sketch

DIGESTS = st.lists(st.sampled_from("abcdefgh"), max_size=12)
MANY = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(20_000)]


def _moved(was: Sequence[str], now: Sequence[str]) -> tuple[int, int, bool]:
    return came_and_went((sketch(was), len(was)), (sketch(now), len(now)))


@given(DIGESTS, DIGESTS)
def test_sets_have_one_digest_when_they_hold_the_same_as_often(one: list[str], other: list[str]) -> None:
    assert (set_digest(one) == set_digest(other)) == (sorted(one) == sorted(other))


@given(DIGESTS, st.randoms(use_true_random=False))
def test_order_does_not_matter(digests: list[str], random: object) -> None:
    shuffled = list(digests)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert (set_digest(shuffled), sketch(shuffled)) == (set_digest(digests), sketch(digests))


@settings(max_examples=50)
@given(st.integers(0, 500), st.integers(0, 8), st.integers(0, 8))
def test_a_few_changes_are_counted_to_the_image(stay: int, gone: int, came: int) -> None:
    was, now = MANY[: stay + gone], MANY[gone : gone + stay] + MANY[1000 : 1000 + came]
    assert _moved(was, now) == (came, gone, True)


def test_copies_count_as_often_as_they_come() -> None:
    assert _moved(MANY[:50], MANY[:50] + MANY[:3] + MANY[:1]) == (4, 0, True)


@pytest.mark.parametrize(("gone", "came"), [(0, 200), (200, 0), (12, 212), (300, 300), (2000, 100)])
def test_many_changes_are_counted_within_a_few_per_cent(gone: int, came: int) -> None:
    """Four standard deviations of the estimate, which are 4 images at 300 changes and 40 at 2,100."""
    found_came, found_gone, certain = _moved(MANY[:4838], MANY[gone:4838] + MANY[5000 : 5000 + came])
    assert not certain
    assert found_came - found_gone == came - gone
    assert found_gone == pytest.approx(gone, abs=0.04 * (gone + came))


def test_sets_that_share_nothing_are_known_to() -> None:
    came, gone, _ = _moved(MANY[:4838], MANY[5000:9000])
    assert came - gone == 4000 - 4838
    assert 0.8 * 4838 <= gone <= 4838


def test_beyond_its_reach_the_count_is_a_lower_bound() -> None:
    came, gone, certain = _moved(MANY[:1], MANY[10:])
    assert (came - gone, certain) == (len(MANY) - 11, False)
    came, gone, _ = _moved(MANY[:10_000], MANY[10_000:])
    assert math.isclose(came, gone)
    assert 6_000 <= came <= 10_000


def test_contents_survive_the_way_through_json() -> None:
    contents = Contents.of(["a", "b"], ["c"])
    assert Contents.from_json(contents.to_json()) == contents
    assert contents.real == set_digest(["b", "a"])
    assert contents.synthetic == set_digest(["c"])
    assert len(contents.real_sketch) == 1368
