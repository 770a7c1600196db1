"""Two sets are told apart by their digests, whatever their order."""

from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate.files.forms import Form
from pytest_synthgate.scores.measurement import Contents, set_digest

DIGESTS = st.lists(st.sampled_from("abcdefgh"), max_size=12)


@given(DIGESTS, DIGESTS)
def test_sets_have_one_digest_when_they_hold_the_same_as_often(one: list[str], other: list[str]) -> None:
    assert (set_digest(one) == set_digest(other)) == (sorted(one) == sorted(other))


def test_contents_survive_the_way_through_json_and_a_sketch_of_old_is_left_alone() -> None:
    contents = Contents.of(["a", "b"], ["c"])
    assert Form(Contents).read({**Form(Contents).plain(contents), "real_sketch": "AA=="}) == contents
    assert contents.real == set_digest(["b", "a"])
    assert contents.synthetic == set_digest(["c"])
