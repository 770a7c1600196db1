"""Images from files to vectors: beside a plain loop around open_clip, on its own, and on all cores.

The photos are drawn and the weights of CLIP are random, so nothing is fetched; both cost what real ones do.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.promise import Figure, Promise
from benchmarks.sides import Cost, measured, side_by_side

OFFLINE = "efficientnet_lite0"
FIRST = 16
"""Photos that are embedded before those that are measured: imports, weights, and what a library makes of them."""
ENOUGH = 64


def promises() -> Iterator[Promise]:
    yield Promise("embedding-clip", lambda quick: beside_a_loop(*(8, 1, 1) if quick else (96, 3, 12)))
    yield Promise("embedding-offline", lambda quick: offline(*(8, 1) if quick else (200, 5)))
    yield Promise("embedding-threads", lambda quick: with_all_cores(*(8, 1) if quick else (200, 5)))


def beside_a_loop(photos: int, rounds: int, layers: int) -> Iterator[Figure]:
    """Measure ViT-B-32, or one with fewer layers, in the precision that a CPU gets."""
    from pytest_synthgate.device import choose_precision

    faster = 3.0 if choose_precision("auto", "cpu") == "bf16" else 1.4
    with tempfile.TemporaryDirectory() as name:
        draw(Path(name, "photos"), FIRST + photos)
        model = clip(Path(name, "clip"), layers)
        command = [sys.executable, "-m", "benchmarks.embedding"]
        sides = {
            "ours": [*command, "embed", f"open_clip:local-dir:{model}", f"{name}/photos"],
            "loop": [*command, "loop", f"local-dir:{model}", f"{name}/photos"],
        }
        cost = side_by_side(sides, rounds)
    ratio = cost["loop"].cpu / cost["ours"].cpu
    yield Figure(
        f"embedding {photos} photos, ViT-B-32, against PIL and open_clip one by one",
        f"{faster:.1f} times less CPU",
        f"{ratio:.2f} ({each(cost['ours'], photos)} against {each(cost['loop'], photos)} a photo)",
        ratio >= faster if photos >= ENOUGH else None,
    )


def offline(photos: int, rounds: int) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as name:
        draw(Path(name), FIRST + photos)
        command = [sys.executable, "-m", "benchmarks.embedding", "embed", OFFLINE, name]
        cost = side_by_side({"ours": command}, rounds)["ours"]
    yield Figure(
        f"embedding {photos} photos, {OFFLINE}",
        "at most 25 ms of CPU a photo",
        each(cost, photos),
        cost.cpu <= 0.025 * photos if photos >= ENOUGH else None,
    )


def with_all_cores(photos: int, rounds: int) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as name:
        draw(Path(name), FIRST + photos)
        command = [sys.executable, "-m", "benchmarks.embedding"]
        sides = {"one": [*command, "embed-on-one", OFFLINE, name], "all": [*command, "embed", OFFLINE, name]}
        # Written out, for it may be one in the environment of the benchmark.
        cost = side_by_side(sides, rounds, {"OMP_NUM_THREADS": str(len(os.sched_getaffinity(0)))})
    many, one = cost["all"], cost["one"]
    ratio, time = many.cpu / one.cpu, many.wall / one.wall
    yield Figure(
        f"embedding {photos} photos, {OFFLINE}: all cores against one",
        "at most 1.10 of the CPU, in less time",
        f"{ratio:.2f} of the CPU ({each(many, photos)} against {each(one, photos)}), {time:.2f} of the time",
        ratio <= 1.1 and time < 1 if photos >= ENOUGH else None,
    )


def each(cost: Cost, photos: int) -> str:
    return f"{1000 * cost.cpu / photos:.1f} ms"


def draw(folder: Path, count: int) -> None:
    """Draw pictures that compress and scale as photos do: noise of many scales, the finer the fainter."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(0)
    for number in range(count):
        width, height = (int(edge) for edge in random.integers(256, 501, 2))
        values = np.full((height, width, 3), 128.0)
        for cell in (1, 4, 16, 64):
            noise = random.normal(scale=2.0 * cell**0.75, size=(height // cell + 2, width // cell + 2, 3))
            for channel in range(3):
                layer = Image.fromarray(noise[..., channel].astype(np.float32))
                values[..., channel] += np.asarray(layer.resize((width, height), Image.Resampling.BICUBIC))
        Image.fromarray(values.clip(0, 255).astype(np.uint8)).save(folder / f"{number:04}.jpg", quality=90)


def clip(folder: Path, layers: int) -> Path:
    """Write CLIP with the image half of ViT-B-32, in which the costs lie, a small text half, and random weights."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder.mkdir()
    vision = {"image_size": 224, "layers": layers, "width": 768, "patch_size": 32}
    text = {"context_length": 8, "vocab_size": 64, "width": 64, "heads": 1, "layers": 1}
    shape = {"embed_dim": 512, "vision_cfg": vision, "text_cfg": text}
    torch.manual_seed(0)
    save_file(open_clip.CLIP(**shape).state_dict(), folder / "open_clip_model.safetensors")
    config = {"model_cfg": shape, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.25] * 3}}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return folder


def embedded(encoder: str, photos: Sequence[Path]) -> None:
    from pytest_synthgate.device import choose_hardware
    from pytest_synthgate.features.embedding import embed
    from pytest_synthgate.features.encoders import resolve_encoder
    from pytest_synthgate.features.lazy_encoder import LazyEncoder
    from pytest_synthgate.features.store import Store
    from pytest_synthgate.images.sets import ImageRecord, ImageSet

    def vectors(some: Sequence[Path]) -> None:
        records = tuple(ImageRecord(path.name, path) for path in some)
        found = embed(ImageSet(some[0].parent, records), model).matrix
        if len(found) != len(some):
            sys.exit(f"{len(some)} photos gave {len(found)} vectors")

    with tempfile.TemporaryDirectory() as folder, Store(Path(folder)) as store:
        model = LazyEncoder(resolve_encoder(encoder), choose_hardware("cpu", "auto", store), store)
        vectors(photos[:FIRST])
        with measured():
            vectors(photos[FIRST:])


def looped(model_name: str, photos: Sequence[Path]) -> None:
    import open_clip
    import torch

    model, _, transform = open_clip.create_model_and_transforms(model_name)
    model.eval()

    def vectors(some: Sequence[Path]) -> None:
        with torch.inference_mode():
            for path in some:
                model.encode_image(transform(Image.open(path)).unsqueeze(0), normalize=True)

    vectors(photos[:FIRST])
    with measured():
        vectors(photos[FIRST:])


if __name__ == "__main__":
    side, name, folder = sys.argv[1:]
    if side == "embed-on-one":
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        os.environ["OMP_NUM_THREADS"] = "1"
    (looped if side == "loop" else embedded)(name, sorted(Path(folder).iterdir()))
