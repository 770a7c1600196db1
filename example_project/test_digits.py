"""What the spec file cannot say, as ordinary tests."""

import pytest

from pytest_synthgate import Limits


@pytest.mark.synth("varied")
def test_every_digit_is_there(real_dataset, synth_dataset):
    assert set(synth_dataset.class_counts()) == set(real_dataset.class_counts())


@pytest.mark.synth("varied", "copied")
def test_copies_are_the_only_trouble(synth_scores):
    assert synth_scores <= Limits(unvaried=0.05, unrealistic=0.60)
