"""Results to render: drawings in place of photos, verdicts of every kind, and texts that mean harm."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import cycle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pytest_synthgate import Finding, Score
from pytest_synthgate.features.matrix import feature_matrix
from pytest_synthgate.images.generation.seeds import image_name, image_seed
from pytest_synthgate.reports.redaction import redacted
from pytest_synthgate.results.image_files import ImageFiles
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.evaluate import Facts, score_sets
from pytest_synthgate.scores.finding import Origin, Unreadable
from pytest_synthgate.scores.groups import Axis
from pytest_synthgate.scores.measurement import Measurement, Projection
from pytest_synthgate.scores.real import Reference, reference
from pytest_synthgate.tracking.changes import SpecTrend, trends
from pytest_synthgate.tracking.row import HistoryRow

from ..conftest import judged, measured

Vectors = NDArray[np.float64]

CLASSES = ("apple", "hot dog")
CONTEXTS = ("in a bowl", "in a bag", "at the supermarket")
SHAPES = ((96, 72), (72, 96), (80, 80), (160, 40))


def prompt(row: int) -> str:
    return f"A photo of {CLASSES[row % 2]} {CONTEXTS[row % 3]}"


def synthetic_names(count: int) -> tuple[str, ...]:
    return tuple(image_name(prompt(row), row) for row in range(count))


REAL = tuple(f"{CLASSES[row % 2]}/photo {row:03}.jpg" for row in range(160))


def noise(seed: int, count: int) -> Vectors:
    return np.random.default_rng(seed).normal(size=(count, 12))


@cache
def real_set() -> Reference:
    return reference(feature_matrix(noise(0, len(REAL)), REAL))


def measure(synthetic: Vectors) -> Measurement:
    """Measure a set as if prompts had made it."""
    names = synthetic_names(len(synthetic))
    of_class = {name: CLASSES[row % 2] for row, name in enumerate(names)}
    of_real = {name: CLASSES[row % 2] for row, name in enumerate(REAL)}
    axes = {
        "prompt": Axis({name: prompt(row) for row, name in enumerate(names)}),
        "class": Axis(of_class, of_real),
        "context": Axis({name: CONTEXTS[row % 3] for row, name in enumerate(names)}),
    }
    origins = {("real", name): Origin(class_name) for name, class_name in of_real.items()}
    for row, name in enumerate(names):
        origins["synthetic", name] = Origin(of_class[name], prompt(row), image_seed(0, prompt(row), row))
    return score_sets(real_set(), feature_matrix(synthetic, names), axes=axes, facts=Facts(origins))


def draw(path: Path, vector: Vectors, size: tuple[int, int]) -> None:
    """Draw what a vector stands for, so that near-duplicates look alike."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tones = (127 + 60 * np.tanh(vector)).astype(int).tolist()
    picture = Image.new("RGB", size, tuple(tones[:3]))
    pen = ImageDraw.Draw(picture)
    for first in (3, 6):
        x, y = tones[first] * size[0] // 255, tones[first + 1] * size[1] // 255
        reach = tones[first + 2] * min(size) // 500
        pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=tuple(tones[12 - first :][:3]))
    picture.save(path)


def drawn(folder: Path, names: Iterable[str], vectors: Vectors) -> ImageFiles:
    for row, (name, vector) in enumerate(zip(names, vectors, strict=False)):
        draw(folder / name, vector, SHAPES[row % len(SHAPES)])
    return ImageFiles(folder)


def all_kinds(folder: Path) -> dict[str, SpecResult]:
    """A run with every kind of finding and nearly every verdict, in which two pictures cannot be shown."""
    real = drawn(folder / "real", REAL, noise(0, len(REAL)))
    honest = noise(1, 120)
    sets = {
        "repeats": np.concatenate([honest[:72], np.repeat(honest[72:76], 12, axis=0) + noise(2, 48) / 100]),
        "copies": np.concatenate([honest[:110], noise(0, 10)]),
        "narrow": np.concatenate([np.abs(honest[:60]), honest[:60] * ([1.0] * 6 + [0.2] * 6)]) + 0.6,
        "few": honest[:12],
    }
    images = {
        name: {"real": real, "synthetic": drawn(folder / name, synthetic_names(len(rows)), rows)}
        for name, rows in sets.items()
    }
    images |= {"known": images["repeats"], "confounded": images["copies"]}
    found = {name: measure(rows) for name, rows in sets.items()}
    first, second, *_ = (each.image for each in found["repeats"].findings)
    (folder / "repeats" / first).unlink()
    (folder / "repeats" / second).write_bytes(b"no picture")
    generator = {"templates": ["A photo of {a_class} {context}"], "generator": {"model": "digits"}, "encoder": "flat"}
    realism = {"unrealistic": {"max": 0.97, "warn": 0.6}, "unrepresentative": {"regression": 0.02}}
    broken = replace(found["narrow"], unreadable=(Unreadable("apple/17.png", "synthetic", "truncated after 60 bytes"),))
    confounded = {"confounded": "file format and size explain 61% of it", "format": {"real": "JPEG", "made": "PNG"}}
    xfail = {"unvaried": "four prompts, twelve seeds: known"}
    runs = {
        "repeats": judged(found["repeats"], unvaried={"max": 0.05, "per_class": True}),
        "copies": judged(found["copies"], unoriginal=0.01, unvaried=0.05, **realism),
        "narrow": replace(judged(broken, unreadable=0, **realism), compare_to="copies"),
        "known": replace(judged(found["repeats"], unvaried=0.05), expected=xfail),
        "confounded": judged(replace(found["copies"], audit=confounded), **realism),
        "few": replace(judged(found["few"], unvaried=0.05, unrealistic=0.9), strict=True),
        "vectors": judged(found["copies"], unvaried=0.05, unoriginal=0.1),
        "private": judged(found["copies"], unoriginal=0.01),
    }
    shown = {name: replace(run, images=images.get(name, {}), declared=generator) for name, run in runs.items()}
    return shown | {"private": redacted(replace(shown["private"], images=images["copies"]))}


def course(spec: str, commit: str) -> list[SpecTrend]:
    """Twelve runs of a spec, one a day, the last four of them worse than the others, by commits of one name."""
    rows = [
        HistoryRow(
            time=datetime(2026, 1, 1 + day, tzinfo=UTC),
            spec=spec,
            commit=commit,
            branch=None,
            run=None,
            fingerprint="f",
            parts={},
            n_real=160,
            n_synthetic=100 + day,
            scores={"unvaried": Score(value, value - 0.01, value + 0.01, 100, 100.0)},
        )
        for day, value in enumerate([0.02, 0.03] * 4 + [0.2, 0.21] * 2)
    ]
    return trends(rows)


HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "' onmouseover='alert(1)' x='",
    "</title></style></textarea></svg><svg onload=alert(1)>",
    "javascript:alert(1)",
    "--><!--]]><![CDATA[",
    "{{7*7}}{% raw %}${7*7}#{7*7}",
    "&lt;b&gt;&#60;script&#62;&amp;",
    "\0\x07\x1b[31mred\x1b[0m\r\n\t\u2028\x85",
    "\u202egnp.exe\u2066 \u200f\u200e",
    "\ud800 alone \udcff",
    "x" * 10_000,
    "a b " * 2_500,
    "o" + "\u0301" * 200 + "\U0001f468\u200d\U0001f469" * 100 + "\u0628" * 300,
    "spec-1",
    "",
)
"""Texts that a results file can hold; the last but one is an id of the page."""


def as_file_name(text: str) -> str:
    return text[:40].translate({0: None, ord("/"): None}).encode(errors="ignore").decode()


def hostile(folder: Path) -> dict[str, SpecResult]:
    """A run in which every name, prompt and reason means harm, also the names of files as far as they can."""
    files = {text: Path(f"{row}{as_file_name(text)}.png") for row, text in enumerate(HOSTILE)}
    for row, name in enumerate(files.values()):
        draw(folder / name, noise(row, 1)[0], (40, 30))
    digest = f"sha256:{0:064}"
    findings = tuple(
        Finding(text, digest, "synthetic", score, by, 0.01, twin, side, digest, row, row, text, text, row)
        for score, by, side in (
            ("unvaried", "features", "synthetic"),
            ("unrealistic", "classifier", "real"),
            (HOSTILE[0], "geometry", "real"),
        )
        for row, (text, twin) in enumerate(zip(HOSTILE, reversed(HOSTILE), strict=True))
    )
    places = {text: (float(row), 0.0) for row, text in enumerate(HOSTILE)}
    measurement = measured(
        findings=findings,
        breakdown={text: dict.fromkeys(HOSTILE, measured().scores) for text in ("class", *HOSTILE)},
        unreadable=tuple(Unreadable(text, "real", text) for text in HOSTILE),
        projection=Projection((0.5, 0.1), places, places),
        audit=dict(zip(HOSTILE, HOSTILE, strict=True)) | {"nested": {text: [text] for text in HOSTILE}},
        fingerprint=dict(zip(HOSTILE, HOSTILE, strict=True)),
        warnings=HOSTILE,
    )
    images = ImageFiles(folder, files)
    result = judged(measurement, unvaried={"max": 0.05, "per_class": True}, unoriginal=0.001)
    result = replace(
        result,
        verdicts=tuple(replace(each, reason=text) for each, text in zip(result.verdicts, cycle(HOSTILE), strict=False)),
        images={"real": images, "synthetic": images},
        declared={"templates": list(HOSTILE), "encoder": HOSTILE[0], "generator": {"model": HOSTILE[0]}},
        expected={"unvaried": HOSTILE[0]},
    )
    short = judged(measured(), unvaried=0.05)
    return {text: replace(short, compare_to=text) for text in HOSTILE} | {"all": result}


def many(folder: Path) -> dict[str, SpecResult]:
    """5,000 findings in groups of ten; pictures of 512 pixels, of which hardly two in a report are the same."""
    files = {f"a-photo-of-an-apple-3f2a1b0c9d8e/{row:05}.png": Path(f"{row % 499}.jpg") for row in range(5205)}
    photos(folder, sorted(set(files.values())))
    names = [*files]
    digest = f"sha256:{0:064}"
    findings = tuple(
        Finding(
            image=names[row],
            digest=digest,
            image_set="synthetic",
            score="unvaried" if row < 2500 else "unoriginal",
            by="features",
            value=row / 1e6,
            twin=names[row + 205],
            twin_set="synthetic" if row < 2500 else "real",
            twin_digest=digest,
            cluster=row // 10,
            joint_cluster=row // 10,
            prompt="A photo of an apple",
            seed=row,
        )
        for row in range(5000)
    )
    places = dict(zip(names[:2000], map(tuple, noise(0, 2000)[:, :2].tolist()), strict=True))
    measurement = measured(n_synthetic=10_000, findings=findings, projection=Projection((0.4, 0.2), places, places))
    images = dict.fromkeys(("real", "synthetic"), ImageFiles(folder, files))
    return {"many": replace(judged(measurement, unvaried=0.05, unoriginal=0.01), images=images)}


def photos(folder: Path, names: Iterable[Path]) -> None:
    """Cut pictures from noise of five scales, so strong that a thumbnail takes 5.6 kB, as one of a photo does."""
    random = np.random.default_rng(0)
    canvas = np.full((2048, 2048, 3), 127.0)
    for edge, strength in ((8, 40), (32, 30), (128, 22), (512, 13), (2048, 6)):
        for channel in range(3):
            octave = Image.fromarray(random.normal(size=(edge, edge)).astype(np.float32))
            canvas[:, :, channel] += strength * np.asarray(octave.resize((2048, 2048), Image.Resampling.BICUBIC))
    pixels = canvas.clip(0, 255).astype(np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        x, y = random.integers(0, 2048 - 512, 2)
        Image.fromarray(pixels[y : y + 512, x : x + 512]).save(folder / name)
