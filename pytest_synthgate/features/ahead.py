"""Work in threads, ahead of who asks for its results.

Part of the third station of the flow (images -> features -> scores): pictures are decoded while the model computes, and
a model that allows it computes in several threads. All of them sleep while they wait, where threads of BLAS and OpenMP
spin: two of those on two busy cores cost three times the CPU of one.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")

MOST_DECODING = 16
"""Pictures that are decoded at once; each takes four bytes a pixel, and some for what becomes of it."""


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def ahead(
    work: Callable[[In], Out], items: Iterable[In], limit: int, threads: int | None = None
) -> Generator[Out, None, None]:
    """Map in threads; results come in the order of the items.

    At most `limit` of them are made before they are asked for: however large a set is, few are in memory.
    """
    with ThreadPoolExecutor(threads or min(MOST_DECODING, cores()), "synthgate-ahead") as pool:
        running: deque[Future[Out]] = deque()
        try:
            for item in items:
                running.append(pool.submit(work, item))
                if len(running) >= limit:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for each in running:
                each.cancel()
