"""Images are made once, whatever the batches, the shards, the workers and the moment a run is killed."""

from __future__ import annotations

import errno
import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from pytest_synthgate.errors import GenerationError
from pytest_synthgate.images.decode import decode
from pytest_synthgate.images.generation import generate as module
from pytest_synthgate.images.generation.generate import Made, generate, shard_of
from pytest_synthgate.images.generation.manifest import Manifest, read_entries
from pytest_synthgate.images.generation.pipeline import Pipeline, Sample
from pytest_synthgate.images.generation.plan import Plan, generated_set, look_again
from pytest_synthgate.images.generation.seeds import Wanted
from pytest_synthgate.images.recipe import Recipe, read_recipe

IMPORTED = (
    "diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion",
    "diffusers.pipelines.auto_pipeline",
    "transformers.models.clip.modeling_clip",
)
PROCESSES = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def pixels(plan: Plan) -> dict[str, NDArray[np.int16]]:
    return {each.id: np.asarray(Image.open(str(each.path)), dtype=np.int16) for each in generated_set(plan).records}


def lines(plan: Plan) -> Counter[str]:
    """Count how often each image was made."""
    text = b"".join(file.read_bytes() for file in plan.directory.glob("manifest*.jsonl"))
    return Counter(each["file"] for each in map(json.loads, text.splitlines()) if "file" in each)


def assert_same(one: Plan, other: Plan) -> None:
    """Equal within one level: sums of another batch size round another way."""
    left, right = pixels(one), pixels(other)
    assert left.keys() == right.keys()
    assert max(int(np.abs(left[name] - right[name]).max()) for name in left) <= 1


class FakePipe:
    """Makes one-coloured images from the generators, so that tests of the bookkeeping take no model."""

    def __init__(self, most: int = 99, error: Exception | None = None, black: Sequence[int] = ()) -> None:
        self.most, self.error, self.black = most, error, black
        self.batches: list[int] = []
        self.components: dict[str, object] = {}

    def __call__(self, prompt: list[str], generator: list[Any], **_: object) -> SimpleNamespace:
        import torch

        self.batches.append(len(prompt))
        if len(prompt) > self.most:
            raise self.error or torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        colours = [tuple(torch.randint(1, 255, (3,), generator=each).tolist()) for each in generator]
        images = [Image.new("RGB", (8, 8), colour) for colour in colours]
        flags = [sum(self.batches[:-1]) + number in self.black for number in range(len(prompt))]
        return SimpleNamespace(images=images, nsfw_content_detected=flags)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(pipe: FakePipe, batch_size: int = 8) -> FakePipe:
        pipeline = Pipeline(pipe, {}, "cpu", "fp32", batch_size)
        monkeypatch.setattr("pytest_synthgate.images.generation.loading.load_pipeline", lambda _: pipeline)
        return pipe

    return install


def test_batches_do_not_change_the_image_behind_an_index(planned: Any, tiny_model: Path, tmp_path: Path) -> None:
    plans = [
        planned(tiny_model, per_prompt=5, batch_size=size, cache=tmp_path / str(size), negative_prompt="blurry")
        for size in (1, 3, 8)
    ]
    assert [generate(each).made for each in plans] == [10, 10, 10]
    for one, other in pairwise(plans):
        assert_same(one, other)


@pytest.mark.parametrize("scheduler", ["EulerAncestralDiscreteScheduler", "DDPMScheduler", "LCMScheduler"])
def test_schedulers_that_add_noise_repeat_too(planned: Any, tiny_model: Path, tmp_path: Path, scheduler: str) -> None:
    plans = [planned(tiny_model, scheduler=scheduler, batch_size=size, cache=tmp_path / str(size)) for size in (1, 4)]
    for each in plans:
        generate(each)
    assert_same(*plans)


def test_two_indices_and_two_prompts_are_different_images(planned: Any, tiny_model: Path) -> None:
    plan = planned(tiny_model, per_prompt=3)
    generate(plan)
    assert len({each.tobytes() for each in pixels(plan).values()}) == 6


def test_the_same_run_gives_the_same_files(planned: Any, tiny_model: Path, tmp_path: Path) -> None:
    entries = []
    for name in ("one", "two"):
        plan = planned(tiny_model, cache=tmp_path / name)
        generate(plan)
        entries.append({file: entry.sha256 for file, entry in read_entries(plan.directory).items()})
    assert entries[0] == entries[1]
    assert None not in entries[0].values()


def test_the_manifest_has_the_digest_of_every_file(planned: Any, tiny_model: Path) -> None:
    plan = planned(tiny_model)
    assert generate(plan) == Made(made=4, present=0, blacked_out=0)
    for file, entry in read_entries(plan.directory).items():
        content = (plan.directory / file).read_bytes()
        assert (entry.sha256, entry.size) == (hashlib.sha256(content).hexdigest(), len(content))
        assert (entry.class_name, entry.template, entry.axes) == (entry.prompt[2:], "a {class}", {})


def test_settings_and_versions_are_recorded(planned: Any, tiny_model: Path) -> None:
    plan = planned(tiny_model)
    generate(plan)
    settings = json.loads((plan.directory / "settings.json").read_text())
    assert settings["settings"]["steps"] == 2
    assert settings["models"][0].startswith("sha256:")
    assert {"torch", "diffusers", "transformers"} <= settings["versions"].keys()
    making = json.loads((plan.directory / "manifest.jsonl").read_text().splitlines()[0])["making"]
    assert (making["device"], making["dtype"]) == ("cpu", "fp32")


@pytest.mark.parametrize("prompt", ["a photo of a cup", "\u82f9\u679c, \u202ered"])
def test_a_file_says_itself_from_which_prompt_and_seed_it_was_made(planned: Any, fake: Any, prompt: str) -> None:
    fake(FakePipe())
    plan = planned("model", template=prompt, per_prompt=1)
    generate(plan)
    (record,) = generated_set(plan).records
    assert record.path is not None
    assert read_recipe(record.path) == Recipe(prompt, record.seed)
    assert decode(record.path.read_bytes()).size == (8, 8)


def test_nothing_missing_loads_nothing(planned: Any, fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(FakePipe())
    plan = planned("model")
    generate(plan)
    monkeypatch.setattr(module, "_make", lambda *_, **__: pytest.fail("made again"))
    assert generate(plan) == Made(made=0, present=4, blacked_out=0)


def test_more_images_of_a_prompt_make_only_the_new_ones(planned: Any, fake: Any) -> None:
    fake(FakePipe())
    generate(planned("model", per_prompt=2))
    assert generate(planned("model", per_prompt=5)) == Made(made=6, present=4, blacked_out=0)
    more = planned("model", per_prompt=5, classes=("fig", "banana", "apple"))
    assert generate(more) == Made(made=5, present=10, blacked_out=0)
    assert set(lines(more).values()) == {1}


def test_again_makes_what_is_there_once_more(planned: Any, fake: Any) -> None:
    fake(FakePipe())
    plan = planned("model")
    generate(plan)
    before = pixels(plan)
    assert generate(plan, again=True) == Made(made=4, present=0, blacked_out=0)
    assert set(lines(plan).values()) == {2}
    assert all(np.array_equal(before[name], image) for name, image in pixels(plan).items())


@given(st.integers(0, 200), st.integers(1, 20))
def test_shards_are_a_balanced_partition(count: int, shards: int) -> None:
    wanted: Any = tuple(range(count))
    parts = [shard_of(wanted, (number, shards)) for number in range(1, shards + 1)]
    assert sorted(each for part in parts for each in part) == list(wanted)  # type: ignore[type-var]
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_sixteen_shards_together_are_the_whole(planned: Any, fake: Any, tmp_path: Path) -> None:
    fake(FakePipe())
    whole = planned("model", per_prompt=13, cache=tmp_path / "whole")
    generate(whole)
    parts = planned("model", per_prompt=13)
    assert sum(generate(parts, shard=(number, 16)).made for number in range(1, 17)) == 26
    assert set(lines(parts).values()) == {1}
    assert {name: image.tobytes() for name, image in pixels(parts).items()} == {
        name: image.tobytes() for name, image in pixels(whole).items()
    }
    assert generate(parts) == Made(made=0, present=26, blacked_out=0)


def test_shards_of_several_machines_merge_by_copying(planned: Any, fake: Any, tmp_path: Path) -> None:
    fake(FakePipe())
    target = planned("model")
    for number in (1, 2):
        plan = planned("model", cache=tmp_path / str(number))
        generate(plan, shard=(number, 2))
        shutil.copytree(plan.directory, target.directory, dirs_exist_ok=True)
    assert look_again(target).missing == ()


@pytest.mark.parametrize("shard", [(0, 4), (5, 4), (1, 0), (-1, 3)])
def test_a_shard_that_cannot_be_is_refused(planned: Any, shard: tuple[int, int]) -> None:
    with pytest.raises(GenerationError, match=f"there is no shard {shard[0]}/{shard[1]}"):
        generate(planned("model"), shard=shard)


@pytest.mark.parametrize(
    "error",
    [
        None,
        RuntimeError("MPS backend out of memory (MPS allocated: 18 GB)"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        RuntimeError("DefaultCPUAllocator: not enough memory"),
    ],
)
def test_out_of_memory_halves_the_batch_and_goes_on(planned: Any, fake: Any, error: Exception | None) -> None:
    pipe = fake(FakePipe(most=2, error=error))
    plan = planned("model", per_prompt=5)
    made = generate(plan)
    assert pipe.batches == [8, 4, 2, 2, 2, 2, 2]
    assert made.made == 10
    assert made.notes == (
        "out of memory with 8 images at a time; going on with 4",
        "out of memory with 4 images at a time; going on with 2",
    )


def test_no_memory_for_one_image_ends_the_run(planned: Any, fake: Any) -> None:
    pipe = fake(FakePipe(most=0))
    with pytest.raises(GenerationError, match="has not enough memory for one image") as caught:
        generate(planned("model"))
    assert pipe.batches == [4, 2, 1]
    assert "\n" not in str(caught.value)


def test_what_else_a_pipeline_raises_is_one_line(planned: Any, fake: Any) -> None:
    pipe = fake(FakePipe(most=0, error=ValueError("`height` must be divisible\nby 8")))
    with pytest.raises(GenerationError, match=r"the pipeline failed \(ValueError: `height` must be divisible\)$"):
        generate(planned("model"))
    assert pipe.batches == [4]


def test_a_tokenizer_that_fails_is_one_line_too(planned: Any, fake: Any) -> None:
    class Tokenizer:
        model_max_length = 77

        def __call__(self, *_: object, **__: object) -> None:
            raise OSError("libtokens.so: cannot open shared object file")

    fake(FakePipe()).components = {"tokenizer": Tokenizer()}
    with pytest.raises(GenerationError, match=r"the pipeline failed \(OSError: libtokens\.so: cannot open"):
        generate(planned("model"))


def test_images_a_safety_checker_blacked_out_are_counted_and_not_made_again(planned: Any, fake: Any) -> None:
    pipe = fake(FakePipe(black=(1, 2)))
    plan = planned("model")
    assert generate(plan) == Made(made=2, present=0, blacked_out=2)
    assert len(generated_set(plan)) == 2
    assert {entry.blacked_out for entry in read_entries(plan.directory).values()} == {
        None,
        "the safety checker of the model blacked it out",
    }
    assert len(list(plan.directory.glob("*/*.png"))) == 2
    assert generate(plan) == Made(made=0, present=2, blacked_out=2)
    assert pipe.batches == [4]
    pipe.black = (4,)
    more = planned("model", classes=("apple", "banana", "fig"))
    assert generate(more) == Made(made=1, present=2, blacked_out=3)


def test_an_all_black_image_is_never_part_of_a_set(
    planned: Any, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from diffusers import AutoencoderKL

    def overflow(self: object, latents: torch.Tensor, **_: object) -> tuple[torch.Tensor]:
        return (torch.full((len(latents), 3, 32, 32), float("nan")),)

    monkeypatch.setattr(AutoencoderKL, "decode", overflow)
    plan = planned(tiny_model)
    assert generate(plan) == Made(made=0, present=0, blacked_out=4)
    assert "numbers overflow" in next(iter(read_entries(plan.directory).values())).blacked_out  # type: ignore[operator]


def test_a_prompt_that_is_cut_by_the_model_is_mentioned(planned: Any, tiny_model: Path) -> None:
    made = generate(planned(tiny_model, classes=("fig", "long" * 20), per_prompt=1))
    (note,) = made.notes
    assert note.startswith("1 of 2 prompts are too long for the model, which does not see their end: 'a longlong")


def test_a_run_is_silent_when_there_is_no_terminal(
    planned: Any, tiny_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    generate(planned(tiny_model))
    assert capfd.readouterr() == ("", "")


class Killed(BaseException):
    """Ends a run between two steps, as a signal would."""


@pytest.mark.parametrize("step", ["replace", "add", "write_bytes"])
def test_a_run_that_ends_between_two_steps_goes_on(
    planned: Any, fake: Any, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    fake(FakePipe(), batch_size=2)
    plan = planned("model", per_prompt=4)
    owner: Any = Manifest if step == "add" else Path
    original, calls = getattr(owner, step), Counter[str]()

    def ends(self: Any, *arguments: Any) -> Any:
        mine = step == "add" or str(self).endswith(".png.part")
        calls[step] += mine
        if mine and calls[step] == 4:
            raise Killed
        return original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(owner, step, ends)
        with pytest.raises(Killed):
            generate(plan)
    there = len(look_again(plan).present)
    assert 3 <= there < 8
    assert generate(plan) == Made(made=8 - there, present=there, blacked_out=0)
    assert set(lines(plan).values()) == {1}


def in_child(plan: Plan, **options: Any) -> Any:
    """Make a plan in a process of its own: a copy of one that has the imports, and no thread that could hold a lock."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*IMPORTED, generate.__module__])
    child = context.Process(target=generate, args=(plan,), kwargs=options)
    child.start()
    return child


@PROCESSES
def test_killed_at_ten_moments_a_run_gives_what_an_undisturbed_one_does(
    planned: Any, tiny_model: Path, tmp_path: Path
) -> None:
    whole = planned(tiny_model, per_prompt=40, batch_size=2, cache=tmp_path / "whole")
    generate(whole)
    plan = planned(tiny_model, per_prompt=40, batch_size=2)
    progress, exits = [0], []
    for moment in range(0, 80, 8):
        child = in_child(plan)
        while child.is_alive() and len(look_again(plan).present) < moment:
            time.sleep(0.001)
        child.kill()
        child.join(60)
        exits.append(child.exitcode)
        current = look_again(plan)
        progress.append(len(current.present))
        for each in current.present:
            assert decode((current.directory / each.file).read_bytes()).size == (32, 32)
    assert exits.count(-signal.SIGKILL) > 5
    assert progress == sorted(progress)
    generate(plan)
    assert_same(plan, whole)
    assert not list(plan.directory.glob("*/.*.part"))


@PROCESSES
def test_two_processes_and_four_specs_make_each_image_once(planned: Any, tiny_model: Path) -> None:
    plans = [
        planned(tiny_model, name=name, per_prompt=count) for name, count in zip("abcd", (6, 12, 9, 3), strict=True)
    ]
    children = [in_child(plan) for plan in plans for _ in range(2)]
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0] * 8
    assert all(look_again(plan).missing == () for plan in plans)
    assert lines(plans[1]) == Counter(each.file for each in plans[1].wanted)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_ends_the_run_in_one_line_and_room_lets_it_go_on(
    planned: Any, tiny_model: Path, small_disk: Path
) -> None:
    plan = planned(tiny_model, per_prompt=40, batch_size=4, cache=small_disk)
    with pytest.raises(GenerationError, match=r"is full; \d+ of 80 images are done; make room, and the same") as caught:
        generate(plan)
    assert "\n" not in str(caught.value)
    done = len(look_again(plan).present)
    assert 10 < done < 80
    assert not list(plan.directory.glob("*/.*.part"))
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    assert generate(plan) == Made(made=80 - done, present=done, blacked_out=0)


def test_a_full_disk_is_told_from_other_trouble(planned: Any, fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(FakePipe())

    def fails(number: int) -> Any:
        def write(self: Path, content: bytes) -> int:
            raise OSError(number, os.strerror(number))

        return write

    for number, message in ((errno.ENOSPC, "is full; 0 of 4 images"), (errno.EROFS, "cannot be written .Read-only")):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_bytes", fails(number))
            with pytest.raises(GenerationError, match=message):
                generate(planned("model"))


def test_saving_overlaps_sampling(planned: Any, fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from pytest_synthgate.images.generation import manifest

    fake(FakePipe(), batch_size=1)
    original, order = manifest.png, []

    def slow(image: Image.Image, wanted: Wanted, note: str) -> bytes:
        time.sleep(0.05)
        order.append("saved")
        return original(image, wanted, note)

    sample = Pipeline.sample

    def sampled(self: Pipeline, batch: Sequence[Wanted]) -> list[Sample]:
        order.append("sampled")
        return sample(self, batch)

    monkeypatch.setattr(manifest, "png", slow)
    monkeypatch.setattr(Pipeline, "sample", sampled)
    generate(planned("model", per_prompt=5))
    assert order[:2] == ["sampled", "sampled"]
    # The queue is bounded: no more than two images wait, and one is being saved.
    ahead = [order[:end].count("sampled") - order[:end].count("saved") for end in range(len(order))]
    assert max(ahead) <= 4
