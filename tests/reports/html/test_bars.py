"""Where the marks of an interval bar stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate.reports.html.bars import MARGIN, WIDTH, Scale, bar, scale_of

SHARE = st.floats(0, 1)


@pytest.mark.parametrize(
    ("score", "values", "ends"),
    [
        ("unvaried", [], (0.0, 0.02)),
        ("unvaried", [0.019, 0.001], (0.0, 0.02)),
        ("unvaried", [0.03], (0.0, 0.05)),
        ("unoriginal", [0.6], (0.0, 1.0)),
        ("unrealistic", [0.97, 0.5], (0.4, 1.0)),
        ("unrealistic", [0.31], (0.3, 1.0)),
        ("obviously_fake", [0.9], (0.0, 1.0)),
    ],
)
def test_an_axis_holds_all_its_values(score: str, values: list[float], ends: tuple[float, float]) -> None:
    scale = scale_of(score, values)
    assert (scale.low, scale.high) == ends


@given(score=st.sampled_from(["unvaried", "unrealistic"]), values=st.lists(SHARE, min_size=1))
def test_no_value_lies_beyond_its_axis(score: str, values: list[float]) -> None:
    scale = scale_of(score, values)
    assert all(scale.low <= value <= scale.high for value in values)


def test_the_ends_of_the_axis_are_the_ends_of_the_drawing() -> None:
    scale = Scale(0.4, 1.0)
    assert (scale.at(0.4), scale.at(1.0)) == (MARGIN, MARGIN + WIDTH)
    assert (scale.at(0.0), scale.at(3.0)) == (MARGIN, MARGIN + WIDTH)
    assert scale.at(0.7) == pytest.approx(MARGIN + WIDTH / 2)


def test_shares_stand_by_their_square_root_so_that_small_limits_are_clear_of_nothing() -> None:
    scale = scale_of("unoriginal", [0.9])
    assert scale.at(0.01) == pytest.approx(MARGIN + WIDTH / 10, abs=0.1)
    assert scale.at(0.0) == MARGIN
    assert scale.text == "axis 0 to 1, square root"
    assert scale_of("unrealistic", [0.9]).text == "axis 0.4 to 1"


def test_a_bar_says_in_words_what_it_shows() -> None:
    found = bar(Scale(0.0, 0.1), (0.01, 0.02, 0.04), limit=0.05, yardstick=0.004)
    assert found.said == "0.02, interval 0.01 to 0.04, limit 0.05, real against real 0.004"
    assert found.baseline is None
    assert found.low < found.value < found.high < (found.limit or 0)
