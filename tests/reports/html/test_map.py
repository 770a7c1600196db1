"""The map: every place within the frame, and a link for every flagged image that is drawn."""

import re

from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate.reports.html.map import LINKS, MAP_HEIGHT, MAP_WIDTH, draw
from pytest_synthgate.scores.measurement import Projection

PLACES = st.dictionaries(st.text(max_size=3), st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=9)


@given(synthetic=PLACES, real=PLACES)
def test_every_place_is_within_the_frame(
    synthetic: dict[str, tuple[float, float]], real: dict[str, tuple[float, float]]
) -> None:
    found = draw(Projection((0.4, 0.2), synthetic, real), {("real", image): ("a", "b") for image in real}, (99, 99))
    moves = re.findall(r"M(\S+?) (\S+?)(?:h0|l)", found.real + found.synthetic)
    assert len(moves) == len(synthetic) + len(real)
    assert all(0 <= float(x) <= MAP_WIDTH and 0 <= float(y) <= MAP_HEIGHT for x, y in moves)
    assert len(found.flags) == min(len(real), LINKS)


def test_up_is_up() -> None:
    found = draw(
        Projection((0.5, 0.5), {"low": (0.0, 0.0), "high": (0.0, 1.0)}, {}),
        {
            ("synthetic", "low"): ("a", "low"),
            ("synthetic", "high"): ("b", "high"),
            ("synthetic", "absent"): ("c", "absent"),
        },
        (0, 3),
    )
    low, high = found.flags
    assert (low.label, high.label) == ("low", "high")
    assert high.place[1] < low.place[1]
    assert found.counts == ("0", "2 of 3")
