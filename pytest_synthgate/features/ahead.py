"""Work done in threads ahead of the one who needs the results, in order and within bounds.

Third station of the flow (images -> features -> scores): images are decoded while the model computes, and
however large a set is, only a few of them are in memory.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")

MAX_THREADS = 4


def ahead(work: Callable[[In], Out], items: Iterable[In], limit: int) -> Generator[Out, None, None]:
    """Map in threads; results come in the order of the items, at most `limit` of them before they are asked for."""
    with ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1), "synthgate-decode") as threads:
        running: deque[Future[Out]] = deque()
        try:
            for item in items:
                running.append(threads.submit(work, item))
                if len(running) >= limit:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for each in running:
                each.cancel()
