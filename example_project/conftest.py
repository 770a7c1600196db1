"""Writes the real scans on first use, and holds a generator with a bug; your project needs neither."""

import csv
import runpy
import shutil
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
DATA = HERE / "data"


def pytest_configure() -> None:
    """Write the real set; a project of its own has its photos on disk."""
    if not DATA.exists():
        part = Path(tempfile.mkdtemp(dir=HERE, prefix="data-"))
        runpy.run_path(str(HERE / "digits_model" / "scans.py"))["write_real_set"](part / "scans", every=2)
        try:
            part.rename(DATA)
        except OSError:  # another process was faster
            shutil.rmtree(part)


def pytest_synthgate_generate(spec, prompts, directory):
    """Stand in for a script that forgets to change the seed: every image of a prompt is the same."""
    if spec.name != "stuck_seed":
        return None
    import torch
    from diffusers import AutoPipelineForText2Image

    pipeline = AutoPipelineForText2Image.from_pretrained(HERE / "digits_model")
    pipeline.set_progress_bar_config(disable=True)
    with (directory / "metadata.csv").open("w", newline="", encoding="utf-8") as table:
        rows = csv.writer(table)
        rows.writerow(["file_name", "prompt", "seed"])
        for number, prompt in enumerate(prompts):
            noise = torch.Generator().manual_seed(0)
            image = pipeline(prompt.text, num_inference_steps=15, guidance_scale=2.0, generator=noise).images[0]
            for copy in range(prompt.count):
                name = f"{number:02}-{copy:02}.png"
                image.save(directory / name)
                rows.writerow([name, prompt.text, 0])
    return True
