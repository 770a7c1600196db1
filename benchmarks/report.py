"""Seconds and bytes of an HTML report of 5,000 findings, beside plainly decoding the pictures that it shows."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.promise import Figure, Promise
from pytest_synthgate import Finding, Limits, Measurement, Score, gate
from pytest_synthgate.reports.html.page import write_html
from pytest_synthgate.results.image_files import ImageFiles
from pytest_synthgate.results.result import SpecResult

PICTURES, EDGE, CANVAS = 499, 512, 2048


def promises() -> Iterator[Promise]:
    yield Promise("report", lambda quick: findings(*(50, 1) if quick else (5_000, 3)))


def findings(count: int, rounds: int) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures = draw(folder / "images", ".jpg")
        results = {"benchmark": result(folder / "images", pictures, count)}
        forms = {"folder": folder / "report", "file": folder / "report.html"}
        write_html(forms["folder"], results)  # imports
        decoded = pictures[: len([*forms["folder"].rglob("*.webp")])]
        ways: dict[str, Callable[[], None]] = {
            "decoding": partial(decode, decoded),
            **{form: partial(write, path, results) for form, path in forms.items()},
        }
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(rounds):
            for way in ways if number % 2 else reversed(ways):
                seconds[way].append(timed(ways[way]))
        beside = min(seconds.pop("decoding"))
        for form, found in seconds.items():
            yield Figure(
                f"HTML report of {count:,} findings, as a {form}",
                "under 5 s of CPU and 5 MB",
                f"{min(found):.1f} s (decoding its {len(decoded)} pictures takes {beside:.1f}), "
                f"{size(forms[form]) / 1e6:.1f} MB",
                (min(found) < 5 and size(forms[form]) < 5e6) if count >= 5_000 else None,
            )


def draw(folder: Path, suffix: str) -> list[Path]:
    """Cut pictures from noise of five scales, so strong that a thumbnail takes as many bytes as one of a photo."""
    random = np.random.default_rng(0)
    canvas = np.full((CANVAS, CANVAS, 3), 127.0)
    for edge, strength in ((8, 40), (32, 30), (128, 22), (512, 13), (CANVAS, 6)):
        for channel in range(3):
            octave = Image.fromarray(random.normal(size=(edge, edge)).astype(np.float32))
            canvas[:, :, channel] += strength * np.asarray(octave.resize((CANVAS, CANVAS), Image.Resampling.BICUBIC))
    pixels = canvas.clip(0, 255).astype(np.uint8)
    folder.mkdir()
    paths = [folder / f"{number}{suffix}" for number in range(PICTURES)]
    for path in paths:
        x, y = random.integers(0, CANVAS - EDGE, 2)
        Image.fromarray(pixels[y : y + EDGE, x : x + EDGE]).save(path)
    return paths


def result(folder: Path, pictures: list[Path], count: int) -> SpecResult:
    """Flag images in groups of ten, half of them as unvaried and half as unoriginal."""
    names = [f"a-photo-of-an-apple-3f2a1b0c9d8e/{number:05}.png" for number in range(count + 205)]
    files = {name: pictures[number % PICTURES].relative_to(folder) for number, name in enumerate(names)}
    findings = []
    for number in range(count):
        score, side = ("unvaried", "synthetic") if number < count // 2 else ("unoriginal", "real")
        findings.append(
            Finding(
                image=names[number],
                digest=f"sha256:{number:064}",
                image_set="synthetic",
                score=score,
                by="features",
                value=number / 1e6,
                twin=names[number + 205],
                twin_set=side,
                cluster=number // 10,
                prompt="A photo of an apple",
                seed=number,
            )
        )
    share = Score(0.25, 0.2, 0.3, 2 * count, 2.0 * count)
    measurement = Measurement(
        n_real=2 * count,
        n_synthetic=2 * count,
        representatives={"real": 2 * count, "synthetic": count},
        scores={"unvaried": share, "unoriginal": share},
        threshold={"tau": 0.05},
        findings=tuple(findings),
    )
    verdicts = tuple(gate(measurement, Limits(unvaried=0.05, unoriginal=0.01)))
    return SpecResult(measurement, verdicts, images=dict.fromkeys(("real", "synthetic"), ImageFiles(folder, files)))


def decode(paths: list[Path]) -> None:
    for path in paths:
        with Image.open(path) as picture:
            picture.convert("RGB")


def write(path: Path, results: dict[str, SpecResult]) -> None:
    shutil.rmtree(path, ignore_errors=True)
    write_html(path, results)


def timed(way: Callable[[], None]) -> float:
    cpu = time.process_time()
    way()
    return time.process_time() - cpu


def size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(each.stat().st_size for each in files if each.is_file())
