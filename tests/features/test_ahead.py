"""What works in threads ahead of who asks for its results: in which order, how far ahead, and how it ends."""

import os
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from pytest_synthgate.features.ahead import ahead, cores


def test_results_come_in_the_order_of_the_items() -> None:
    def slow_at_first(item: int) -> int:
        time.sleep(0.02 if item == 0 else 0)
        return item * item

    assert list(ahead(slow_at_first, range(20), limit=4)) == [each * each for each in range(20)]


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_items_are_taken_than_the_limit_before_a_result_is_asked_for(limit: int) -> None:
    taken: list[int] = []

    def counted() -> Iterator[int]:
        for each in range(8):
            taken.append(each)
            yield each

    results = ahead(abs, counted(), limit=limit)
    assert taken == []
    for asked, _ in enumerate(results, start=1):
        assert len(taken) <= asked - 1 + limit


def test_work_runs_in_other_threads_while_the_caller_is_busy() -> None:
    done = threading.Event()

    def work(item: int) -> int:
        if item == 1:
            done.set()
        return item

    results = ahead(work, range(4), limit=4)
    next(results)
    assert done.wait(timeout=10)
    assert list(results) == [1, 2, 3]


def test_an_error_reaches_the_one_who_asks_and_ends_the_work() -> None:
    def work(item: int) -> int:
        if item == 2:
            raise ValueError(item)
        return item

    results = ahead(work, range(100), limit=4)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="2"):
        next(results)


def test_no_thread_is_left_when_the_caller_stops_early() -> None:
    results = ahead(abs, range(100), limit=4)
    next(results)
    results.close()
    assert not [each for each in threading.enumerate() if each.name.startswith("synthgate-ahead")]


def test_so_many_work_at_once_as_there_are_threads() -> None:
    together = threading.Barrier(3)
    assert list(ahead(lambda _: together.wait(timeout=10) >= 0, range(9), limit=9, threads=3)) == [True] * 9


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says which cores a process may use")
def test_cores_that_this_process_may_not_use_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5})
    assert cores() == 3
