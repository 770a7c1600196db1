"""Images a second of `generate` against a bare diffusers loop with the same batches, side by side in one run.

    python benchmarks/generation.py --model example_project/digits_model --size 32 --steps 15 --batch 16

The bare loop is what one writes without this package: load, call with one generator an image, save each PNG. Both
include loading; rounds alternate, so that a busy machine slows both. Promise: at least 95%.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_synthgate.images.generation.generate import generate
from pytest_synthgate.images.generation.pipeline import quiet
from pytest_synthgate.images.generation.plan import Plan, plan
from pytest_synthgate.spec.model import Generator, Spec
from pytest_synthgate.spec.prompts import expand

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven")


def main() -> None:
    options = arguments()
    if options.threads:
        import torch

        torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        planned = planned_images(options, Path(folder))
        if planned.model.path is not None and not planned.model.path.is_dir():
            raise SystemExit(f"{planned.model.path}: no such model; name another with --model")
        ways: dict[str, Callable[[Path], None]] = {
            "bare diffusers loop": lambda target: bare_loop(planned, options.batch, target),
            "synthgate": lambda target: synthgate(planned, options, target),
        }
        for way in ways.values():  # imports and first calls
            way(Path(folder, "warm-up"))
        seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for number in range(options.rounds):
            for name in ways if number % 2 else reversed(ways):
                seconds[name].append(timed(ways[name], Path(folder, f"{name}-{number}")))
    report(seconds, len(planned.wanted))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="example_project/digits_model", help="a diffusers directory or a hub id")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1, help="of torch; 0 leaves it alone")
    parser.add_argument("--device", default=None)
    return parser.parse_args()


def planned_images(options: argparse.Namespace, cache: Path) -> Plan:
    spec = Spec(
        name="benchmark",
        file=Path.cwd() / "synth_benchmark.toml",
        templates=("{class}",),
        classes=WORDS,
        total=options.images,
        generator=Generator(
            model=options.model,
            steps=options.steps,
            guidance=options.guidance,
            width=options.size,
            height=options.size,
            batch_size=options.batch,
            device=options.device,
        ),
    )
    return plan(spec, expand(spec), cache)


def synthgate(planned: Plan, options: argparse.Namespace, target: Path) -> None:
    made = generate(planned_images(options, target), progress=False)
    if made.made != len(planned.wanted):
        raise SystemExit(f"made {made.made} of {len(planned.wanted)} images")


def bare_loop(planned: Plan, batch_size: int, target: Path) -> None:
    import torch
    from diffusers import AutoPipelineForText2Image

    target.mkdir(parents=True)
    settings = planned.generator
    device = settings.device or ("cuda" if torch.cuda.is_available() else "cpu")
    source: Any = planned.model.path or planned.model.name
    with quiet():
        pipe = AutoPipelineForText2Image.from_pretrained(
            str(source), use_safetensors=True, dtype=torch.float16 if device.startswith("cuda") else torch.float32
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


def report(seconds: dict[str, list[tuple[float, float]]], images: int) -> None:
    for name, rounds in seconds.items():
        wall, cpu = (statistics.median(column) for column in zip(*rounds, strict=True))
        print(f"{name:20} {images / wall:8.2f} images/s  {1000 * cpu / images:8.2f} CPU ms an image")
    # By pairs: what disturbs a machine shared with others seldom lasts for both halves of a round.
    pairs = list(zip(seconds["bare diffusers loop"], seconds["synthgate"], strict=True))
    for index, clock in enumerate(("wall clock", "CPU time")):
        ratios = sorted(bare[index] / ours[index] for bare, ours in pairs)
        middle = statistics.median(ratios)
        print(f"{middle:.1%} of the bare loop by {clock} (rounds {ratios[0]:.1%} to {ratios[-1]:.1%})")


if __name__ == "__main__":
    main()
