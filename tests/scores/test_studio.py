"""The flags of the definition `studio` agree with the published package, whatever the order and labels."""

import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_synthgate.scores.links import studio_flags

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "reference" / "studio_scores.json").read_text(encoding="utf-8")
)["cases"]

Images = tuple[NDArray[np.int64], NDArray[np.bool_]]


def _images(components: list[int], is_synthetic: list[int]) -> Images:
    return np.array(components, dtype=np.int64), np.array(is_synthetic, dtype=np.bool_)


def _sets() -> st.SearchStrategy[Images]:
    """Few labels for many images, so that components of every make-up come about."""
    image = st.tuples(st.integers(0, 8), st.integers(0, 1))
    return st.lists(image, max_size=24).map(
        lambda images: _images([label for label, _ in images], [kind for _, kind in images])
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_scores_are_those_of_the_published_package(case: dict[str, Any]) -> None:
    components, is_synthetic = _images(case["components"], case["is_synthetic"])
    quality = 1 - np.array(case["label_issue_scores"])
    unvaried, unoriginal = studio_flags(components, is_synthetic)
    assert {
        "unoriginal": unoriginal.mean(),
        "unrealistic": quality[is_synthetic].mean(),
        "unrepresentative": quality[~is_synthetic].mean(),
        "unvaried": unvaried.mean(),
    } == pytest.approx(case["scores"], abs=1e-9, rel=0)


def test_the_table_holds_components_of_every_make_up() -> None:
    found = set()
    for case in CASES:
        components, is_synthetic = _images(case["components"], case["is_synthetic"])
        for label in components:
            kinds = is_synthetic[components == label]
            found.add((min(len(kinds), 2), bool(kinds.any()), bool(not kinds.all())))
    assert found == {(1, True, False), (1, False, True), (2, True, False), (2, False, True), (2, True, True)}


def test_flags_follow_the_order_of_the_synthetic_images() -> None:
    flags = studio_flags(*_images([7, 5, 7, 3, 5, 5, 9, 4, 4], [1, 1, 0, 1, 1, 1, 0, 0, 0]))
    assert flags[0].tolist() == [False, True, False, True, True]
    assert flags[1].tolist() == [True, False, False, False, False]


@pytest.mark.parametrize("n_real", [0, 3])
def test_without_synthetic_images_there_are_no_flags(n_real: int) -> None:
    flags = studio_flags(*_images([1] * n_real, [0] * n_real))
    assert flags[0].shape == flags[1].shape == (0,)
    assert flags[0].dtype == flags[1].dtype == np.bool_


@given(_sets())
def test_no_image_is_both_unvaried_and_unoriginal(images: Images) -> None:
    flags = studio_flags(*images)
    assert len(flags[0]) == len(flags[1]) == images[1].sum()
    assert not (flags[0] & flags[1]).any()


@given(_sets(), st.integers(0, 8))
def test_a_real_image_makes_its_whole_component_unoriginal_and_no_other(images: Images, joined: int) -> None:
    components, is_synthetic = images
    before = studio_flags(components, is_synthetic)
    after = studio_flags(np.append(components, joined), np.append(is_synthetic, False))
    beside = components[is_synthetic] == joined
    assert after[1].tolist() == (before[1] | beside).tolist()
    assert after[0].tolist() == (before[0] & ~beside).tolist()


@given(_sets(), st.randoms(use_true_random=False))
def test_permuting_the_images_permutes_the_flags(images: Images, random: Random) -> None:
    components, is_synthetic = images
    order = np.array(random.sample(range(len(components)), len(components)), dtype=np.int64)
    flags = studio_flags(components, is_synthetic)
    permuted = studio_flags(components[order], is_synthetic[order])
    place = np.cumsum(is_synthetic) - 1  # of each synthetic image among the synthetic ones
    from_before = place[order[is_synthetic[order]]]
    assert permuted[0].tolist() == flags[0][from_before].tolist()
    assert permuted[1].tolist() == flags[1][from_before].tolist()


@given(_sets(), st.lists(st.integers(-(2**63), 2**63 - 1), min_size=9, max_size=9, unique=True))
def test_the_labels_of_the_components_do_not_matter(images: Images, labels: list[int]) -> None:
    components, is_synthetic = images
    flags = studio_flags(components, is_synthetic)
    relabelled = studio_flags(np.array(labels, dtype=np.int64)[components], is_synthetic)
    assert relabelled[0].tolist() == flags[0].tolist()
    assert relabelled[1].tolist() == flags[1].tolist()
