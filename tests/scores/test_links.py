"""What counts as near depends on distinct real images only, and shares of near-duplicates are what was put in."""

import json
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pytest_synthgate.features.matrix import FeatureMatrix, feature_matrix
from pytest_synthgate.scores import links, neighbourhood
from pytest_synthgate.scores import searched as search
from pytest_synthgate.scores.links import BY, CHAIN, FEATURES, Links, NearDuplicates, near_duplicates, studio_flags
from pytest_synthgate.scores.pairs import distances
from pytest_synthgate.scores.real import reference
from pytest_synthgate.scores.searched import searched
from pytest_synthgate.scores.threshold import FACTOR, Threshold

Floats = NDArray[np.float64]
D = 32
JITTER = 0.02
"""Moves a copy by about 4e-4 in cosine distance, where strangers are 0.4 apart and tau is 0.05."""


def _photos(n: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).normal(size=(n, D))


def _copies(originals: Floats, n: int, jitter: float, seed: int = 9) -> Floats:
    """Give n copies, dealt evenly to the originals."""
    rng = np.random.default_rng(seed)
    return originals[np.arange(n) % len(originals)] + jitter * rng.normal(size=(n, D))


def _all_distances(matrix: FeatureMatrix) -> Floats:
    table = np.array([distances(row, matrix.features) for row in matrix.features])
    np.fill_diagonal(table, np.inf)
    return table


def duplicate_threshold(real: FeatureMatrix) -> Threshold:
    return reference(real).threshold


def _median_beyond(matrix: FeatureMatrix, tau: float) -> float:
    """Median nearest-neighbour distance of one image per cluster, by a search over all pairs."""
    table = _all_distances(matrix)
    a, b = np.nonzero(table < tau)
    _, first = np.unique(Links.of(a, b, 0.0, FEATURES).clusters(len(matrix)), return_index=True)
    return float(np.median(table[np.ix_(first, first)].min(axis=1)))


def test_tau_is_a_share_of_the_median_distance_to_the_nearest_neighbour() -> None:
    real = feature_matrix(_photos(400))
    found = duplicate_threshold(real)
    assert found.tau == pytest.approx(0.13 * np.median(_all_distances(real).min(axis=1)), rel=1e-12)
    assert (found.kept, found.false_alarms) == (400, 0.0)


def test_where_duplicates_are_few_the_pairs_are_those_of_cleanlab() -> None:
    from cleanlab.datalab.internal.issue_manager.duplicate import NearDuplicateIssueManager
    from scipy.sparse import csr_matrix

    photos = _photos(300)
    real = feature_matrix(np.concatenate([photos, _copies(photos[:6], 12, JITTER), _copies(photos[:9], 9, 0.4)]))
    table = _all_distances(real)
    twins = NearDuplicateIssueManager._neighbors_within_radius(
        csr_matrix(np.where(np.isinf(table), 0, table)), FACTOR, float(np.median(table.min(axis=1)))
    )
    found = table < duplicate_threshold(real).tau
    assert [sorted(each) for each in twins] == [np.flatnonzero(row).tolist() for row in found]
    assert found.any()


@pytest.mark.parametrize("copied", [1, 10, 100])
@pytest.mark.parametrize("jitter", [0.0, 1e-4, JITTER])
def test_copies_in_the_real_set_leave_tau_where_it_was(copied: int, jitter: float) -> None:
    """80% of the set are copies, also of a single photo, and clusters outgrow the list of 16 neighbours."""
    photos = _photos(300)
    alone = duplicate_threshold(feature_matrix(photos))
    copies = _copies(photos[:copied], 1200, jitter)
    crowded = duplicate_threshold(feature_matrix(np.concatenate([photos, copies])))
    assert crowded.tau == pytest.approx(alone.tau, rel=0.01)
    assert crowded.kept == 300


def test_tau_is_consistent_with_what_it_sets_aside() -> None:
    photos = _photos(200)
    real = feature_matrix(np.concatenate([photos, _copies(photos[:20], 300, JITTER)]))
    found = duplicate_threshold(real)
    assert found.median == pytest.approx(_median_beyond(real, found.tau), rel=0.01)
    assert found.tau == FACTOR * found.median


def test_false_alarms_are_the_distinct_images_with_another_within_tau() -> None:
    photos = _photos(200)
    real = feature_matrix(np.concatenate([photos, _copies(photos[:10], 30, JITTER), photos[50:60]]))
    found = duplicate_threshold(real)
    assert found.false_alarms == pytest.approx((10 + 30) / 230)


@pytest.mark.parametrize(
    ("vectors", "tau", "kept"),
    [
        (np.ones((1, 3)), 0.0, 1),
        (np.ones((7, 3)), 0.0, 1),
        (np.eye(2), FACTOR * 1.0, 2),
        (np.repeat(np.eye(2), 50, axis=0), FACTOR * 1.0, 2),
    ],
    ids=["one image", "equal images", "two images", "two images, many times"],
)
def test_the_smallest_sets_have_a_tau(vectors: Floats, tau: float, kept: int) -> None:
    found = duplicate_threshold(feature_matrix(vectors))
    assert found.tau == pytest.approx(tau)
    assert found.kept == kept


def test_different_pictures_with_equal_features_have_a_tau() -> None:
    same = feature_matrix(np.ones((5, 3)), digests=list("abcde"))
    assert duplicate_threshold(same).tau == 0.0
    but_one = feature_matrix([*[[1.0, 0.0]] * 5, [0.0, 1.0]], digests=list("abcdef"))
    assert duplicate_threshold(but_one).tau == pytest.approx(FACTOR)


def test_a_set_so_dense_that_the_first_tau_leaves_one_image_has_a_tau() -> None:
    """Photos along an arc, each nearer to the next than to any other."""
    angle = np.random.default_rng(4).random(40)
    found = duplicate_threshold(feature_matrix(np.column_stack([np.cos(angle), np.sin(angle)])))
    assert found.kept > 1
    assert 0 < found.tau <= FACTOR * found.median


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32), st.integers(2, 40), st.integers(1, 4))
@example(30, 12, 1)
def test_any_set_has_a_tau_that_spares_most_of_what_it_keeps(seed: int, n: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(max(1, n // 3), d))[rng.integers(max(1, n // 3), size=n)]
    rows = rows + rng.choice([0, 1e-3, 0.3]) * rng.normal(size=rows.shape) + 1e-6
    real = feature_matrix(rows)
    found = duplicate_threshold(real)
    assert (found.tau > 0) == (len(np.unique(real.features, axis=0)) > 1)
    assert 0 <= found.tau <= FACTOR * found.median
    assert 1 <= found.kept <= n
    assert 0 <= found.false_alarms <= 1


def _shares(synthetic: Floats, real: Floats) -> tuple[float, float]:
    against = feature_matrix(real)
    copies = near_duplicates(searched(feature_matrix(synthetic), against, duplicate_threshold(against).tau))
    return float(copies.unvaried.mean()), float(copies.unoriginal.mean())


@pytest.mark.parametrize("jitter", [0.0, JITTER])
@pytest.mark.parametrize("copied", [1, 10, 60])
def test_a_real_set_of_mostly_duplicates_changes_neither_score(copied: int, jitter: float) -> None:
    photos = _photos(300)
    strangers = _photos(140, seed=1)
    synthetic = np.concatenate([strangers, _copies(strangers[:20], 20, JITTER), _copies(photos[:40], 40, JITTER, 3)])
    crowded = np.concatenate([photos, _copies(photos[:copied], 1200, jitter)])
    expected = (40 / 200, 40 / 200)
    assert _shares(synthetic, photos) == expected
    assert _shares(synthetic, crowded) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("n", [150, 300, 600])
@pytest.mark.parametrize("q", [0.0, 0.25, 0.5, 0.75, 0.9, 1.0])
def test_unvaried_is_the_share_that_collapsed_onto_ten_images(q: float, n: int) -> None:
    """At any ratio of the sizes; a median over both sets together would go blind beyond one half."""
    collapsed = round(q * n)
    synthetic = np.concatenate([_copies(_photos(10, seed=1), collapsed, JITTER), _photos(n - collapsed, seed=2)])
    assert _shares(synthetic, _photos(300)) == pytest.approx((q, 0), abs=0.01)


def test_synthetic_twins_never_hide_a_real_one() -> None:
    photos = _photos(100)
    synthetic = np.concatenate([_copies(photos[:1], 50, 1e-3), _photos(50, seed=1)])
    assert _shares(synthetic, photos) == (0.5, 0.5)


def test_exact_copies_count_even_where_tau_is_zero() -> None:
    assert _shares(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([[0.0, 1.0]])) == (2 / 3, 1 / 3)


def test_clusters_and_pairs_of_a_small_case_by_hand() -> None:
    east, north, up = np.eye(3)
    near_east = east + 0.01 * north
    synthetic = feature_matrix([east, near_east, north, up], ["e", "e2", "n", "u"], ["1", "2", "3", "4"])
    real = feature_matrix([up, up, -north, near_east], ["u1", "u2", "s", "e3"], ["4", "4", "5", "6"])
    found = near_duplicates(searched(synthetic, real, 1e-3))
    assert found.unvaried.tolist() == [True, True, False, False]
    assert found.unoriginal.tolist() == [True, True, False, True]
    assert found.synthetic.tolist() == [0, 0, 1, 2]
    assert found.real.tolist() == [0, 0, 1, 2]
    assert found.joint.tolist() == [0, 0, 1, 2, 2, 2, 3, 0]
    assert found.pairs == 1


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 40), st.sampled_from([0.0, 1e-4, 0.05, 0.5]))
def test_flags_are_those_of_a_search_over_all_pairs(seed: int, n: int, m: int, tau: float) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(8, 6))[rng.integers(8, size=n + m)] + rng.choice([0, 1e-3, 0.3]) * rng.normal(size=(1, 6))
    rows[::3] += 0.01
    synthetic, real = feature_matrix(rows[:n]), feature_matrix(rows[n:])
    found = near_duplicates(searched(synthetic, real, tau))
    reach = max(tau, 1e-9)
    within = _all_distances(synthetic) < reach
    across = np.array([distances(row, real.features) for row in synthetic.features]) < reach
    assert found.unvaried.tolist() == within.any(axis=1).tolist()
    assert found.unoriginal.tolist() == across.any(axis=1).tolist()
    assert found.pairs == within.sum() // 2


# Links


def _linked(synthetic: FeatureMatrix, real: FeatureMatrix, tau: float = 1e-3) -> NearDuplicates:
    return near_duplicates(searched(synthetic, real, tau), definition="studio")


def test_exact_copies_are_one_item_to_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight thousand equal rows have 32 million pairs: counted and joined, never listed."""
    sizes = []

    def looked(a: NDArray[np.float32], *rest: NDArray[np.float32], **options: object) -> object:
        sizes.append((len(a), *map(len, rest)))
        return neighbourhood.compared(a, *rest, **options)  # type: ignore[arg-type]

    for each in (links, search):
        monkeypatch.setattr(each, "compared", looked)
    synthetic, real = feature_matrix(np.repeat(np.eye(2), 4000, axis=0)), feature_matrix(np.eye(2)[:1])
    found = near_duplicates(searched(synthetic, real, 1e-3))
    assert sizes == [(2,), (2, 1), (1,)]
    assert found.pairs == 2 * (4000 * 3999 // 2)
    assert found.unvaried.all()
    assert (found.unoriginal.sum(), found.synthetic.max()) == (4000, 1)


def test_pictures_that_the_encoder_cannot_tell_apart_are_no_exact_copies() -> None:
    same = feature_matrix(np.ones((3, 2)), list("abc"), ["x", "x", "y"])
    twins = _linked(same, feature_matrix([[1.0, -1.0]])).twins["unvaried"]
    assert [(row, BY[by]) for row, by in zip(twins.row, twins.by, strict=True)] == [
        (1, "exact"),
        (0, "exact"),
        (0, "features"),
    ]


def test_a_real_image_reached_through_others_is_the_twin_at_the_end_of_the_chain() -> None:
    angle = np.array([0.03, 0.06, 0.09])
    synthetic = feature_matrix(np.column_stack([np.cos(angle), np.sin(angle)]), list("abc"), list("123"))
    real = feature_matrix([[1.0, 0.0], [np.cos(1), np.sin(1)]], ["near", "far"], ["4", "5"])
    found = _linked(synthetic, real)
    twins = found.twins["unoriginal"]
    assert found.unoriginal.all()
    assert [real.ids[row] for row in twins.row] == ["near"] * 3
    assert [BY[by] for by in twins.by] == ["features", "chain", "chain"]
    assert twins.distance == pytest.approx(1 - np.cos(angle), abs=1e-6)
    balanced = near_duplicates(searched(synthetic, real, 1e-3))
    assert balanced.unoriginal.tolist() == [True, False, False]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 20), st.sampled_from([1e-4, 0.01, 0.1]))
def test_under_studio_every_twin_is_in_the_component_and_near_unless_it_is_said_to_be_chained(
    seed: int, n: int, m: int, tau: float
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(8, 3))[rng.integers(8, size=n + m)] + rng.choice([0, 0.01, 0.2]) * rng.normal(
        size=(n + m, 3)
    )
    synthetic, real = feature_matrix(rows[:n]), feature_matrix(rows[n:])
    found = _linked(synthetic, real, tau)
    for score, flags, others, offset in (
        ("unvaried", found.unvaried, synthetic, 0),
        ("unoriginal", found.unoriginal, real, n),
    ):
        twins = found.twins[score]
        for row in np.flatnonzero(flags).tolist():
            twin = int(twins.row[row])
            assert found.joint[row] == found.joint[offset + twin]
            assert twins.distance[row] == pytest.approx(
                distances(synthetic.features[row], others.features[twin]), abs=1e-12
            )
            assert (twins.distance[row] < tau) == (twins.by[row] != CHAIN)


def test_links_survive_the_way_through_json() -> None:
    photos = _photos(30)
    found = reference(feature_matrix(np.concatenate([photos, photos[:5], _copies(photos[:9], 9, JITTER)]))).links
    again = Links.from_json(json.loads(json.dumps(found.to_json())))
    assert len(found.a) >= 14
    for name in ("a", "b", "distance", "by"):
        assert getattr(again, name).dtype == getattr(found, name).dtype
        assert getattr(again, name).tolist() == getattr(found, name).tolist()


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
