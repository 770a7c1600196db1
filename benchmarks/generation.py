"""Images a second of `generate` against a bare diffusers loop with the same batches, side by side in one run.

The bare loop is what one writes without this package: load, call with one generator an image, save each PNG. Both
include loading; rounds alternate, so that a busy machine slows both. Promise: at least 95%.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.promise import Figure, Promise
from pytest_synthgate.images.generation.generate import generate
from pytest_synthgate.images.generation.pipeline import quiet
from pytest_synthgate.images.generation.plan import Plan, plan
from pytest_synthgate.spec.model import Generator, Spec
from pytest_synthgate.spec.prompts import expand

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven")


MODEL = "example_project/digits_model"


@dataclass(frozen=True, slots=True)
class Load:
    """What is generated: images of an edge in pixels, in batches."""

    images: int
    batch: int
    steps: int = 15
    guidance: float = 3.0
    size: int = 32


def promises() -> Iterator[Promise]:
    yield Promise(
        "generation", lambda quick: beside_a_bare_loop(*(Load(8, 4, steps=2), 1) if quick else (Load(256, 16), 4))
    )


def beside_a_bare_loop(load: Load, rounds: int) -> Iterator[Figure]:
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        planned = planned_images(load, Path(folder))
        ways: dict[str, Callable[[Path], None]] = {
            "bare diffusers loop": lambda target: bare_loop(planned, load.batch, target),
            "synthgate": lambda target: synthgate(planned, load, target),
        }
        for way in ways.values():  # imports and first calls
            way(Path(folder, "warm-up"))
        seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for number in range(rounds):
            for name in ways if number % 2 else reversed(ways):
                seconds[name].append(timed(ways[name], Path(folder, f"{name}-{number}")))
    # By pairs: what disturbs a machine shared with others seldom lasts for both halves of a round.
    pairs = list(zip(seconds["bare diffusers loop"], seconds["synthgate"], strict=True))
    for index, clock in enumerate(("wall clock", "CPU time")):
        ratio = statistics.median(bare[index] / ours[index] for bare, ours in pairs)
        yield Figure(
            f"generating {load.images} images, batches of {load.batch}: {clock}",
            "at least 95% of a bare diffusers loop",
            f"{ratio:.1%}",
            ratio >= 0.95 if rounds > 1 else None,
        )


def planned_images(load: Load, cache: Path) -> Plan:
    spec = Spec(
        name="benchmark",
        file=Path.cwd() / "synth_benchmark.toml",
        templates=("{class}",),
        classes=WORDS,
        total=load.images,
        generator=Generator(
            model=MODEL,
            steps=load.steps,
            guidance=load.guidance,
            width=load.size,
            height=load.size,
            batch_size=load.batch,
        ),
    )
    return plan(spec, expand(spec), cache)


def synthgate(planned: Plan, load: Load, target: Path) -> None:
    made = generate(planned_images(load, target), progress=False)
    if made.made != len(planned.wanted):
        raise SystemExit(f"made {made.made} of {len(planned.wanted)} images")


def bare_loop(planned: Plan, batch_size: int, target: Path) -> None:
    import torch
    from diffusers import AutoPipelineForText2Image

    target.mkdir(parents=True)
    settings = planned.generator
    device = settings.device or ("cuda" if torch.cuda.is_available() else "cpu")
    with quiet():
        pipe = AutoPipelineForText2Image.from_pretrained(
            MODEL, use_safetensors=True, dtype=torch.float16 if device.startswith("cuda") else torch.float32
        ).to(device)
        pipe.set_progress_bar_config(disable=True)
        for start in range(0, len(planned.wanted), batch_size):
            batch = planned.wanted[start : start + batch_size]
            images = pipe(
                prompt=[each.prompt.text for each in batch],
                generator=[torch.Generator().manual_seed(each.seed) for each in batch],
                num_inference_steps=settings.steps,
                guidance_scale=settings.guidance,
                width=settings.width,
                height=settings.height,
            ).images
            for number, image in enumerate(images, start):
                image.save(target / f"{number:05d}.png")


def timed(way: Callable[[Path], None], target: Path) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    way(target)
    return time.perf_counter() - wall, time.process_time() - cpu
