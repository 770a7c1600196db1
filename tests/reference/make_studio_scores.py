"""Make studio_scores.json: random inputs with the scores that the published cleanlab-studio gives them.

Its pins keep that package out of the project's own environment, so run this in one that can be thrown away:

    python -m venv /tmp/studio
    /tmp/studio/bin/pip install cleanlab-studio==2.5.21
    /tmp/studio/bin/python tests/reference/make_studio_scores.py
"""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import TypedDict

TABLE = Path(__file__).with_name("studio_scores.json")

# What each mix links into components, in this order: images of both kinds, of one kind, or all into one.
MIXES: dict[str, tuple[str, ...]] = {
    "all_in_one": ("all",),
    "both_kinds": ("both",),
    "every_kind": ("both", "synthetic", "real"),
    "no_duplicates": (),
    "only_real": ("real",),
    "only_synthetic": ("synthetic",),
    "separate": ("synthetic", "real"),
}
# (synthetic, real): the smallest sets that hold both kinds, lopsided ones, and the largest.
SIZES = ((1, 1), (2, 1), (1, 2), (3, 4), (9, 3), (4, 17), (20, 20), (45, 15), (12, 48))


class Case(TypedDict):
    """One row of the table; the lists have one entry per image."""

    case: str
    components: list[int]
    is_synthetic: list[int]
    label_issue_scores: list[float]


def make_case(mix: str, n_synthetic: int, n_real: int) -> Case:
    """Draw one case; its name is its seed."""
    name = f"{mix}-{n_synthetic:02d}-{n_real:02d}"
    random = Random(name)
    kinds = [1] * n_synthetic + [0] * n_real
    random.shuffle(kinds)
    labels = random.sample(range(1000), len(kinds))  # distinct: everyone starts alone
    free = {
        1: [image for image, kind in enumerate(kinds) if kind == 1],
        0: [image for image, kind in enumerate(kinds) if kind == 0],
    }
    for what in MIXES[mix]:
        for members in _components(random, what, free):
            for image in members:
                labels[image] = labels[members[0]]
    return Case(
        case=name,
        components=labels,
        is_synthetic=kinds,
        label_issue_scores=[round(random.random(), 6) for _ in kinds],
    )


def _components(random: Random, what: str, free: dict[int, list[int]]) -> list[list[int]]:
    """Take components of two or more images out of the free ones, as many as chance and they allow."""
    if what == "all":
        return [free[1] + free[0]]
    if what == "both":
        wanted = random.randint(1, 1 + min(len(free[1]), len(free[0])) // 3)
        return [
            _take(random, free[1], random.randint(1, 3)) + _take(random, free[0], random.randint(1, 3))
            for _ in range(wanted)
            if free[1] and free[0]
        ]
    pool = free[1 if what == "synthetic" else 0]
    wanted = random.randint(1, 1 + len(pool) // 4)
    return [_take(random, pool, random.randint(2, 4)) for _ in range(wanted) if len(pool) > 1]


def _take(random: Random, pool: list[int], count: int) -> list[int]:
    return [pool.pop(random.randrange(len(pool))) for _ in range(min(count, len(pool)))]


def published_scores(case: Case) -> dict[str, float]:
    """Score a case with the published package, given the columns that Cleanlab Studio exports."""
    import pandas as pd  # type: ignore[import-untyped]
    from cleanlab_studio.utils.synthetic import score_synthetic_dataset  # type: ignore[import-not-found]

    size = Counter(case["components"])
    table = pd.DataFrame(
        {
            "real_or_synthetic": ["synthetic" if kind else "real" for kind in case["is_synthetic"]],
            "label_issue_score": case["label_issue_scores"],
            "is_near_duplicate": [size[label] > 1 for label in case["components"]],
            "near_duplicate_cluster_id": [label if size[label] > 1 else None for label in case["components"]],
        }
    ).astype({"near_duplicate_cluster_id": "Int64"})
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # pandas, of the package's own groupby
        scores = score_synthetic_dataset(table)
    return {name: float(score) for name, score in sorted(scores.items())}


def main() -> None:
    """Write the table, one case a line, sorted by name."""
    cases = [make_case(mix, *size) for mix in MIXES for size in SIZES]
    rows = [
        json.dumps({**case, "scores": published_scores(case)}, separators=(",", ":"))
        for case in sorted(cases, key=lambda case: case["case"])
    ]
    package = json.dumps(f"cleanlab-studio {version('cleanlab-studio')}")
    TABLE.write_text(f'{{"package":{package},"cases":[\n' + ",\n".join(rows) + "\n]}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
