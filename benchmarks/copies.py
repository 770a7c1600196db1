"""The check for edited copies beside what others find among the same pictures, and beside what embedding them costs.

    python -m benchmarks.copies [FOLDER]

prints recall by edit. Photos are taken from the folder, or from that of SYNTHGATE_TEST_DATA; without one, pictures are
drawn. Each side is a process with one thread, and sees one folder: photos, edited copies of some, and other photos.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from benchmarks.promise import Figure, Promise
from benchmarks.sides import ONE_THREAD, ROOT

ENCODER = "efficientnet_lite0"
OURS, DATALAB, PHASH, CNN, FASTDUP = "synthgate", "Datalab", "imagededup PHash", "imagededup CNN", "fastdup"
PEERS: Mapping[str, tuple[str, ...]] = {
    DATALAB: ("cleanlab[datalab]",),
    PHASH: ("imagededup",),
    CNN: ("imagededup",),
    FASTDUP: ("fastdup",),
}

Links = set[frozenset[str]]
"""Pairs of file names that a side takes for near-duplicates."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one side found: share of copies by edit, share of other photos taken for copies, CPU seconds an image."""

    recall: dict[str, float]
    alarms: float
    cpu: float


def promises() -> Iterator[Promise]:
    yield Promise("copies", lambda quick: figures(*(3, 6, 3) if quick else (50, 400, 100), quick=quick))


def figures(originals: int, reference: int, honest: int, *, quick: bool = False) -> Iterator[Figure]:
    photos = None if quick else photos_of(os.environ.get("SYNTHGATE_TEST_DATA"))
    with tempfile.TemporaryDirectory() as name:
        found, share = compared_sides(Path(name), photos, originals, reference, honest, peers=not quick)
    enough = photos is not None and originals >= 50
    ours = found[OURS]
    worst = min(ours.recall, key=lambda edit: ours.recall[edit])
    least = min(ours.recall.values())
    yield Figure(
        f"copies of {originals} pictures by twelve edits: found of the worst ({worst})",
        "0.95",
        f"{least:.2f}",
        least >= 0.95 if enough else None,
    )
    for peer in PEERS:
        if peer in found:
            theirs = min(found[peer].recall.values())
            yield Figure(
                f"the same, against {peer}",
                "ahead",
                f"{least:.2f} against {theirs:.2f} ({ours.cpu * 1000:.0f} against {found[peer].cpu * 1000:.0f} ms)",
                least > theirs if enough else None,
            )
    yield Figure(
        "copy check, points and ten pairs an image, against embedding it: CPU",
        "at most 3",
        f"{share:.2f}",
        share <= 3 if enough else None,
    )


def compared_sides(
    folder: Path, photos: list[Path] | None, originals: int, reference: int, honest: int, *, peers: bool
) -> tuple[dict[str, Found], float]:
    """Give what each side found, and the CPU of our check as a share of that of embedding."""
    from benchmarks.peers import python_with

    sets = laid_out(folder, photos, originals, reference, honest)
    answers = {OURS: answer(sys.executable, OURS, folder)}
    for peer, requirements in PEERS.items() if peers else ():
        python = python_with(requirements)
        answers[peer] = answer(python, peer, folder) if python else None
    found = {}
    for side, given in answers.items():
        if given is None:
            print(f"{side} is left out", file=sys.stderr)
            continue
        links = {frozenset(pair) for pair in given["links"]}
        found[side] = Found(
            {edit: sum(frozenset(pair) in links for pair in pairs) / len(pairs) for edit, pairs in sets.copies.items()},
            sum(any(frozenset((other, photo)) in links for photo in sets.reference) for other in sets.honest)
            / len(sets.honest),
            given["cpu"] / sets.count,
        )
    ours = answers[OURS]
    if ours is None:
        sys.exit("the check for edited copies failed")
    return found, ours["check"] / ours["embedding"]


@dataclass(frozen=True, slots=True)
class Sets:
    """Names of the files that a side sees: photos, copies with their originals by edit, and other photos."""

    reference: list[str]
    copies: dict[str, list[tuple[str, str]]]
    honest: list[str]

    @property
    def count(self) -> int:
        return len(self.reference) + len(self.honest) + sum(map(len, self.copies.values()))


def photos_of(folder: str | None) -> list[Path] | None:
    """List photos in the order of their content, so that the sets are the same ones everywhere."""
    found = sorted(Path(folder, "snacks", "train").glob("*/*.jpg")) if folder else []
    found = found or (sorted(Path(folder).rglob("*.jpg")) if folder else [])
    return sorted(found, key=lambda path: zlib.crc32(path.read_bytes())) or None


def laid_out(folder: Path, photos: list[Path] | None, originals: int, reference: int, honest: int) -> Sets:
    """Write the pictures of all sets into one folder."""
    import numpy as np
    from PIL import Image

    from tests.edited import TWELVE, drawn

    def picture(number: int) -> Image.Image:
        if photos is None:
            return drawn(number)
        with Image.open(photos[number]) as image:
            return image.convert("RGB")

    def written(name: str, image: Image.Image) -> str:
        image.save(folder / name, compress_level=1)
        return name

    names = [written(f"reference-{number:04}.png", picture(number)) for number in range(reference)]
    copies = {
        edit: [
            (
                written(
                    f"copy-{which:02}-{number:04}.png",
                    change(picture(number), np.random.default_rng([which, number])),
                ),
                names[number],
            )
            for number in range(originals)
        ]
        for which, (edit, change) in enumerate(TWELVE.items())
    }
    others = [written(f"honest-{number:04}.png", picture(reference + number)) for number in range(honest)]
    return Sets(names, copies, others)


def answer(python: str, side: str, folder: Path) -> dict[str, float | list[tuple[str, str]]] | None:
    """Have a side look at a folder in a process of its own; None where it cannot."""
    done = subprocess.run(
        [python, "-m", "benchmarks.copies", "--side", side, str(folder)],
        cwd=ROOT,
        env={**os.environ, **ONE_THREAD},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(f"{side}: {done.stderr.strip().splitlines()[-1][:300]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def by_synthgate(folder: Path) -> dict[str, object]:
    """Embed, look at the five nearest in the reference and among the rest, and time both steps."""
    import numpy as np

    from pytest_synthgate.device import Hardware
    from pytest_synthgate.features.embedding import embed
    from pytest_synthgate.features.encoders import resolve_encoder
    from pytest_synthgate.features.lazy_encoder import LazyEncoder
    from pytest_synthgate.features.local import local_features
    from pytest_synthgate.features.store import Store
    from pytest_synthgate.images.decode import decode
    from pytest_synthgate.images.sources import open_set
    from pytest_synthgate.scores.geometry import compared

    with tempfile.TemporaryDirectory() as cache, Store(Path(cache)) as store:
        start = time.process_time()
        model = LazyEncoder(resolve_encoder(ENCODER), Hardware("cpu", "fp32"), store)
        matrix = embed(open_set(folder, side="real"), model, progress=False).matrix
        embedding = time.process_time() - start
    names, features = matrix.ids, matrix.features
    np.save(folder / "features.npy", features)
    (folder / "names.json").write_text(json.dumps(names))
    images = [decode((folder / name).read_bytes()) for name in names]
    start = time.process_time()
    points = [local_features(image) for image in images]
    check = (time.process_time() - start) / len(names)
    is_real = np.array([name.startswith("reference") for name in names])
    links = []
    spent = 0.0  # on pictures that are no copies, as most are
    for row in np.flatnonzero(~is_real):
        start = time.process_time()
        for targets in (np.flatnonzero(is_real), np.flatnonzero(~is_real)):
            closeness = np.where(targets == row, -2, features[targets] @ features[row])
            near = targets[np.argsort(-closeness, kind="stable")[:5]]
            links += [
                (names[row], names[target])
                for target in near
                if target != row and compared(points[row], points[target]) is not None
            ]
        spent += (time.process_time() - start) * names[row].startswith("honest")
    check += spent / sum(name.startswith("honest") for name in names)
    return {"links": links, "embedding": embedding / len(names), "check": check}


def by_datalab(folder: Path) -> dict[str, object]:
    import numpy as np
    from cleanlab import Datalab

    names = json.loads((folder / "names.json").read_text())
    lab = Datalab({"name": names}, verbosity=0)
    lab.find_issues(features=np.load(folder / "features.npy"), issue_types={"near_duplicate": {"k": 30}})
    sets = lab.get_issues("near_duplicate")["near_duplicate_sets"]
    return {"links": [(names[row], names[other]) for row, near in enumerate(sets) for other in near]}


def by_imagededup(folder: Path, method: str) -> dict[str, object]:
    from imagededup import methods

    found = getattr(methods, method)(verbose=False).find_duplicates(image_dir=str(folder))
    return {"links": [(name, other) for name, near in found.items() for other in near]}


def by_fastdup(folder: Path) -> dict[str, object]:
    import fastdup

    with tempfile.TemporaryDirectory() as work:
        run = fastdup.create(work_dir=work, input_dir=str(folder))
        run.run(nearest_neighbors_k=20, overwrite=True, verbose=False)
        found = run.similarity()
    near = found[found["distance"] >= 0.9]
    ends = zip(near["filename_from"], near["filename_to"], strict=True)
    return {"links": [(Path(one).name, Path(other).name) for one, other in ends]}


SIDES: Mapping[str, Callable[[Path], dict[str, object]]] = {
    OURS: by_synthgate,
    DATALAB: by_datalab,
    PHASH: lambda folder: by_imagededup(folder, "PHash"),
    CNN: lambda folder: by_imagededup(folder, "CNN"),
    FASTDUP: by_fastdup,
}


IMPORTED = {
    OURS: "timm",
    DATALAB: "cleanlab",
    PHASH: "imagededup.methods",
    CNN: "imagededup.methods",
    FASTDUP: "fastdup",
}


def look(side: str, folder: Path) -> None:
    """Print what a side finds, as `answer` reads it."""
    import_module(IMPORTED[side])
    before = _cpu()
    with contextlib.redirect_stdout(sys.stderr):
        found = SIDES[side](folder)
    print()
    print(json.dumps({"cpu": _cpu() - before, **found}))


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def table(folder: str | None) -> None:
    photos = photos_of(folder)
    with tempfile.TemporaryDirectory() as name:
        found, share = compared_sides(Path(name), photos, *(50, 400, 100), peers=True)
    print(f"| | {' | '.join(found)} |\n|---|{'---|' * len(found)}")
    for edit in found[OURS].recall:
        print(f"| {edit} | {' | '.join(f'{each.recall[edit]:.2f}' for each in found.values())} |")
    print(f"| other photos taken for copies | {' | '.join(f'{each.alarms:.1%}' for each in found.values())} |")
    print(f"| CPU ms an image | {' | '.join(f'{1000 * each.cpu:.0f}' for each in found.values())} |")
    print(f"\nThe check for edited copies costs {share:.2f} of the embedding.")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--side"]:
        look(sys.argv[2], Path(sys.argv[3]))
    else:
        table((sys.argv[1:] or [os.environ.get("SYNTHGATE_TEST_DATA")])[0])
