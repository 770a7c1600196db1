"""Hooks that others may implement, in a conftest.py or a plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_synthgate.features.encoder import Encoder
    from pytest_synthgate.spec.model import Spec
    from pytest_synthgate.spec.prompts import Prompt


@pytest.hookspec(firstresult=True)
def pytest_synthgate_encoder(name: str) -> Encoder | None:
    """Give the encoder of that name, or None to leave it to somebody else.

    Args:
        name: What `encoder` in a spec file or `--synth-encoder` says.

    Returns:
        An `Encoder`: something with a name, a preprocessing, a dimension, a fingerprint and `encode`.
    """


@pytest.hookspec(firstresult=True)
def pytest_synthgate_generate(spec: Spec, prompts: Sequence[Prompt], directory: Path) -> bool | None:
    """Make the images of a spec with a generator of your own: an API, Blender, a command line.

    Called, by one process of a run, when images may be made and no hook has completed those of the spec before; return
    None at once for a spec that is somebody else's. Write `prompt.count` images for every prompt into the
    directory, in class folders or flat, and a `metadata.csv` or `metadata.jsonl` with `file_name`, `prompt` and
    `seed` beside them, so that findings can name the prompt. What a killed run left is still there the next time.

    Args:
        spec: The spec.
        prompts: Its prompts, each with its text, class, axis values and count.
        directory: Where the images belong; it exists.

    Returns:
        True when the images are complete, None to leave this spec to another hook or to diffusers.

    Example:
        A conftest.py that draws each prompt as plain colour::

            import csv, zlib
            from PIL import Image

            def pytest_synthgate_generate(spec, prompts, directory):
                with (directory / "metadata.csv").open("w", newline="", encoding="utf-8") as table:
                    rows = csv.writer(table)
                    rows.writerow(["file_name", "prompt", "seed"])
                    for prompt in prompts:
                        for seed in range(prompt.count):
                            colour = zlib.crc32(f"{prompt.text} {seed}".encode()) % 0x1000000
                            name = f"{zlib.crc32(prompt.text.encode()):08x}-{seed}.png"
                            Image.new("RGB", (64, 64), f"#{colour:06x}").save(directory / name)
                            rows.writerow([name, prompt.text, seed])
                return True
    """
