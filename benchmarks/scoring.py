"""`evaluate` beside cleanlab's Datalab (near_duplicate) with scikit-learn's cross_val_predict, on the same vectors.

Datalab finds near-duplicates over both sets together and judges the labels by one cross-validated fit; `evaluate` finds
them within and between the sets, fits at every rung, and adds intervals, twins, groups, a yardstick and a map.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.promise import Figure, Promise
from benchmarks.sides import measured, side_by_side

WIDTH = 512


def promises() -> Iterator[Promise]:
    yield Promise("scoring-5000", lambda quick: beside_datalab(*(500, 1) if quick else (5_000, 3), 0.55, 1 / 3))
    yield Promise("scoring-25000", lambda quick: beside_datalab(*(1_000, 1) if quick else (25_000, 2), 0.25, 0.25))
    yield Promise("growth", lambda quick: growth(*(500, 2_000) if quick else (25_000, 100_000)))
    yield Promise("threads", lambda quick: with_all_cores(*(500, 1) if quick else (5_000, 3)))


def beside_datalab(n: int, rounds: int, of_cpu: float, of_memory: float) -> Iterator[Figure]:
    from benchmarks.peers import DATALAB, python_with

    peer = python_with(DATALAB)
    with tempfile.TemporaryDirectory() as folder:
        arrays = str(vectors(Path(folder, "vectors.npz"), n))
        sides = {"evaluate": [sys.executable, "-m", "benchmarks.scoring", "evaluate", arrays]}
        if peer:
            sides["Datalab"] = [peer, "-m", "benchmarks.scoring", "datalab", arrays]
        cost = side_by_side(sides, rounds)
    what = f"evaluate, {n:,} + {n:,} x {WIDTH}, against Datalab"
    if not peer:
        yield Figure(what, f"at most {of_cpu:.2f} of the CPU", str(cost["evaluate"]), None)
        return
    ours, theirs = cost["evaluate"], cost["Datalab"]
    enough = n >= 5_000
    for unit, share, mine, other in (
        ("CPU", of_cpu, ours.cpu, theirs.cpu),
        ("memory", of_memory, ours.mib, theirs.mib),
    ):
        amount = f"{mine:.1f} s against {other:.1f} s" if unit == "CPU" else f"{mine:.0f} MiB against {other:.0f} MiB"
        yield Figure(
            f"{what}: {unit}",
            f"at most {share:.2f}",
            f"{mine / other:.2f} ({amount})",
            mine / other <= share if enough else None,
        )


def growth(n: int, of_more: int) -> Iterator[Figure]:
    """Memory is to grow with the images; CPU time with the pairs, which are all looked at up to 200,000 a side."""
    with tempfile.TemporaryDirectory() as folder:
        arrays = {size: str(vectors(Path(folder, f"{size}.npz"), size)) for size in (n, of_more)}
        command = [sys.executable, "-m", "benchmarks.scoring", "evaluate"]
        cost = side_by_side({str(size): [*command, path] for size, path in arrays.items()}, 1)
    few, more, times = cost[str(n)], cost[str(of_more)], of_more / n
    what, enough = f"evaluate, {of_more:,} + {of_more:,} x {WIDTH}, against {n:,} + {n:,}", n >= 25_000
    yield Figure(
        f"{what}: memory",
        f"at most {times:.0f} times as much",
        f"{more.mib / few.mib:.1f} ({more.mib:.0f} MiB against {few.mib:.0f} MiB)",
        more.mib <= times * few.mib if enough else None,
    )
    yield Figure(
        f"{what}: CPU",
        f"at most {times**2:.0f} times as much, as the pairs",
        f"{more.cpu / few.cpu:.1f} ({more.cpu:.0f} s against {few.cpu:.0f} s)",
        more.cpu <= times**2 * few.cpu if enough else None,
    )


def with_all_cores(n: int, rounds: int) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        arrays = str(vectors(Path(folder, "vectors.npz"), n))
        command = [sys.executable, "-m", "benchmarks.scoring"]
        sides = {"one": [*command, "evaluate-on-one", arrays], "all": [*command, "evaluate", arrays]}
        cost = side_by_side(sides, rounds, {})
    ratio = cost["all"].cpu / cost["one"].cpu
    yield Figure(
        f"evaluate, {n:,} + {n:,} x {WIDTH}: all cores against one",
        "at most 1.10 of the CPU",
        f"{ratio:.2f} ({cost['all'].cpu:.1f} s against {cost['one'].cpu:.1f} s)",
        ratio <= 1.1 if n >= 5_000 else None,
    )


def vectors(path: Path, n: int) -> Path:
    """Draw two sets of normal vectors one deviation apart."""
    random = np.random.default_rng(0)
    real, synthetic = (random.normal(size=(n, WIDTH)).astype(np.float32) for _ in range(2))
    synthetic[:, 0] += 1
    np.savez(path, real=real, synthetic=synthetic)
    return path


def evaluated(real: np.ndarray, synthetic: np.ndarray) -> None:
    from pytest_synthgate import evaluate

    evaluate(real[:100], synthetic[:100])  # imports
    with measured():
        evaluate(real, synthetic)


def datalab(real: np.ndarray, synthetic: np.ndarray) -> None:
    from cleanlab import Datalab
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    features = np.concatenate([real, synthetic])
    features /= np.linalg.norm(features, axis=1)[:, None]
    labels = np.repeat([0, 1], [len(real), len(synthetic)])

    def judge(rows: slice) -> None:
        some, of = features[rows], labels[rows]
        model = LogisticRegression(max_iter=1000)
        probabilities = cross_val_predict(model, some, of, cv=5, method="predict_proba")
        lab = Datalab({"label": of}, label_name="label", verbosity=0)
        lab.find_issues(features=some, pred_probs=probabilities, issue_types={"near_duplicate": {}, "label": {}})

    judge(slice(len(real) - 50, len(real) + 50))  # imports
    with measured():
        judge(slice(None))


if __name__ == "__main__":
    import os

    side, file = sys.argv[1:]
    if side == "evaluate-on-one":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with np.load(file) as found:
        (datalab if side == "datalab" else evaluated)(found["real"], found["synthetic"])
