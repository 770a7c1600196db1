"""What the spec file cannot say, as ordinary tests."""

import numpy as np
import pytest
from PIL import Image
from sklearn.svm import SVC

from pytest_synthgate import Limits


@pytest.mark.synth("subject", "in_context")
def test_the_model_draws_the_digit_it_was_asked_for(real_dataset, synth_dataset):
    """Judged by a classifier that has only seen scans, none of them known to the model."""
    judge = SVC(C=10).fit(*pixels_and_classes(real_dataset))
    drawings, asked_for = pixels_and_classes(synth_dataset)
    assert judge.score(drawings, asked_for) >= 0.9


@pytest.mark.synth("subject", "in_context")
def test_naming_the_digit_does_not_cost_variety(synth_scores):
    assert synth_scores <= Limits(unvaried=0.05, collision_rate=0.001)


def pixels_and_classes(dataset):
    pictures = [np.asarray(Image.open(record.path).convert("L")) for record in dataset.records]
    return np.stack(pictures).reshape(len(pictures), -1) / 255, [record.class_name for record in dataset.records]
