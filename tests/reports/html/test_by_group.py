"""Scores by group: how many images of which set, what is too small to have a row, and what is worse than the whole."""

from pytest_synthgate import Score
from pytest_synthgate.reports.html.by_group import GROUPS_SHOWN, group_table

WHOLE = {"unvaried": Score(0.1, 0.05, 0.2, 200), "unrepresentative": Score(0.6, 0.5, 0.7, 900)}


def of(images: int, unvaried: float = 0.1, low: float = 0.0) -> dict[str, Score]:
    return {"unvaried": Score(unvaried, low, 1.0, images)}


def test_images_are_those_of_the_synthetic_set_and_real_ones_are_counted_apart() -> None:
    found = group_table("class", {"apple": {**of(10), "unrepresentative": Score(0.5, 0.4, 0.6, 200)}}, WHOLE)
    (row,) = found.rows
    assert (row.images, row.real) == (10, 200)
    assert found.scores == ("unrepresentative", "unvaried")
    assert found.has_real


def test_an_axis_without_real_groups_has_no_column_for_them() -> None:
    found = group_table("prompt", {"a photo": of(10)}, WHOLE)
    assert not found.has_real
    assert found.rows[0].real is None


def test_groups_of_a_few_images_are_one_row() -> None:
    found = group_table("prompt", {"big": of(40, 0.2), "a": of(1, 1.0), "b": of(3, 0.0)}, WHOLE)
    big, small = found.rows
    assert (big.name, big.pooled) == ("big", False)
    assert (small.name, small.images, small.pooled) == ("2 groups under 5 images", 4, True)
    assert small.scores == {"unvaried": Score(0.25, n=4)}


def test_a_lone_small_group_keeps_its_name() -> None:
    found = group_table("prompt", {"big": of(40), "a": of(1)}, WHOLE)
    assert [row.name for row in found.rows] == ["big", "a"]


def test_a_group_that_is_clear_of_the_whole_set_is_marked_and_never_pooled() -> None:
    found = group_table("prompt", {"bad": of(4, 1.0, low=0.4), "a": of(1), "b": of(1), "c": of(40)}, WHOLE)
    assert [row.name for row in found.rows] == ["bad", "c", "2 groups under 5 images"]
    assert [row.worse for row in found.rows] == [{"unvaried"}, set(), set()]
    assert found.has_worse


def test_many_groups_stand_behind_the_first_and_the_small_ones_do_not() -> None:
    found = group_table("prompt", {str(number): of(9) for number in range(25)} | {"a": of(1), "b": of(1)}, WHOLE)
    assert (len(found.rows), len(found.more)) == (GROUPS_SHOWN + 1, 5)
    assert found.rows[-1].pooled
