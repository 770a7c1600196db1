"""What is said of tau when it fares badly on a real set."""

from pytest_synthgate.scores.threshold import Threshold


def warnings(false_alarms: float, **recognised: float) -> tuple[str, ...]:
    return Threshold(0.1, 0.8, 100, false_alarms).warnings(recognised)


def test_a_real_set_that_repeats_itself_is_warned_of() -> None:
    (warning,) = warnings(0.05)
    assert warning.startswith("5.0% of the distinct real images lie within tau of another")
    assert warnings(0.02, jpeg=0.5) == ()


def test_an_edit_that_tau_misses_is_warned_of() -> None:
    assert warnings(0.0, jpeg=0.9, crop=0.2) == (
        "tau recognises only 20% of real photos after a light edit (crop): edited copies may pass",
    )


def test_both_are_told_the_real_set_first() -> None:
    first, second = warnings(0.05, crop=0.2)
    assert (first[:4], second[:14]) == ("5.0%", "tau recognises")
