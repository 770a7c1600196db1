"""Threads that compute: as many as there are cores, each with BLAS of one thread.

Part of the fourth station of the flow (features -> scores). Threads of BLAS and OpenMP wait by spinning, so that two of
them on two busy cores cost two to three times the CPU of one; those here sleep. Sums do not depend on their number.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from pytest_synthgate.features.ahead import cores


@contextmanager
def computing() -> Iterator[ThreadPoolExecutor]:
    """Give threads for every core that this process may use, with BLAS and OpenMP held to one thread meanwhile."""
    import sklearn.linear_model  # noqa: F401 (limits hold for libraries that are loaded)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), ThreadPoolExecutor(cores(), "synthgate-compute") as pool:
        yield pool
