"""What computes holds the libraries to one thread each, whose threads would spin, and fills the cores with its own."""

import os
import sys

import numpy as np
import pytest
import scipy.linalg
from threadpoolctl import threadpool_info, threadpool_limits

from pytest_synthgate.features.matrix import feature_matrix
from pytest_synthgate.scores import fit, neighbourhood, search, threads
from pytest_synthgate.scores.evaluate import score_sets
from pytest_synthgate.scores.real import reference


def test_every_library_has_one_thread_while_something_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, set[int]] = {}

    def watched(owner: object, name: str) -> None:
        work = getattr(owner, name)

        def watching(*args: object, **options: object) -> object:
            seen.setdefault(name, set()).update(each["num_threads"] for each in threadpool_info())
            return work(*args, **options)

        monkeypatch.setattr(owner, name, watching)

    for owner, name in (
        (neighbourhood, "_first"),
        (search, "apart"),
        (fit, "_climb"),
        (scipy.linalg, "eigh"),
        (np.linalg, "qr"),
    ):
        watched(owner, name)
    rng = np.random.default_rng(0)
    with threadpool_limits(3):
        score_sets(reference(feature_matrix(rng.normal(size=(80, 200)))), feature_matrix(rng.normal(size=(70, 200))))
        assert max(each["num_threads"] for each in threadpool_info()) == 3
    assert seen.keys() == {"_first", "apart", "_climb", "eigh", "qr"}
    assert all(found == {1} for found in seen.values())


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says which cores a process may use")


@LINUX
def test_their_number_changes_no_digit(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    real, synthetic = feature_matrix(rng.normal(size=(120, 20)) + 0.2), feature_matrix(rng.normal(size=(110, 20)))
    found = []
    for cores in ({0}, {0, 1, 2, 3}):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: cores)
        found.append(score_sets(reference(real), synthetic).to_json())
    assert found[0] == found[1]


@LINUX
def test_there_is_a_thread_for_every_core_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5})
    with threads.computing() as pool:
        assert pool._max_workers == 3
