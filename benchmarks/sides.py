"""Two commands side by side: each a process with one thread, by turns, the least CPU time of several rounds.

What a side measures of itself it prints as JSON on its last line: `cpu` and `wall`, in seconds, and `mib`, its largest
memory.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "PYTHONDONTWRITEBYTECODE": "",  # or every process would compile all that it imports
}


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds, seconds on the clock, and the largest memory in MiB."""

    cpu: float
    wall: float
    mib: float

    def __str__(self) -> str:
        return f"{self.cpu:.2f} s, {self.mib:.0f} MiB"


def side_by_side(
    sides: Mapping[str, Sequence[str]], rounds: int, environment: Mapping[str, str] = ONE_THREAD
) -> dict[str, Cost]:
    """Run commands by turns, and give the least cost of each by its name."""
    found: dict[str, list[Cost]] = {name: [] for name in sides}
    for number in range(rounds):
        for name in sides if number % 2 else reversed(sides):
            found[name].append(_run(sides[name], environment))
    return {
        name: Cost(*(min(getattr(each, part) for each in costs) for part in ("cpu", "wall", "mib")))
        for name, costs in found.items()
    }


def _run(command: Sequence[str], environment: Mapping[str, str]) -> Cost:
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


@contextmanager
def measured() -> Iterator[None]:
    """Print what the body costs, as `side_by_side` reads it."""
    start, began = time.process_time(), time.perf_counter()
    yield
    spent, wall = time.process_time() - start, time.perf_counter() - began
    print(json.dumps({"cpu": spent, "wall": wall, "mib": _peak()}))


def _peak() -> float:
    """Give the largest memory of this process in MiB; what Linux counts as its usage begins with that of its parent."""
    if sys.platform == "linux":
        return int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[0]) / (1 << 10)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def cpu_by_turns(sides: Mapping[str, Sequence[str]], rounds: int, folder: Path) -> dict[str, float]:
    """Run commands by turns in a folder, and give the least CPU seconds of each whole process by its name."""
    least = dict.fromkeys(sides, float("inf"))
    for number in range(rounds):
        for name in sides if number % 2 else reversed(sides):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run(
                sides[name], cwd=folder, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.exit(f"{' '.join(sides[name])} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            least[name] = min(least[name], spent)
    return least
