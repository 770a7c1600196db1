"""A plan -> its missing images, in batches, resumable at any moment.

Second station of the flow (spec -> images). The first import of torch is behind the look at what is missing.
"""

from __future__ import annotations

import errno
import gc
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import metadata
from typing import TYPE_CHECKING

from pytest_synthgate.errors import GenerationError, require, retold, told
from pytest_synthgate.images.generation.manifest import Manifest, write_settings
from pytest_synthgate.images.generation.models import fetch
from pytest_synthgate.images.generation.pipeline import LIBRARIES, out_of_memory
from pytest_synthgate.images.generation.plan import Plan, identities, look_again, names, settings
from pytest_synthgate.images.generation.seeds import Wanted
from pytest_synthgate.text.printable import shown
from pytest_synthgate.text.wording import quoted

if TYPE_CHECKING:
    from pytest_synthgate.images.generation.pipeline import Pipeline, Sample

_NO_SPACE = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


@dataclass(frozen=True, slots=True)
class Made:
    """What a run of `generate` did to its shard.

    Attributes:
        made: Images it made.
        present: Images that were there before and still count.
        blacked_out: Images that the model made black, now or before; they are not part of the set.
        notes: What a user should know, a line each.
    """

    made: int
    present: int
    blacked_out: int
    notes: tuple[str, ...] = ()


def generate(plan: Plan, *, shard: tuple[int, int] = (1, 1), again: bool = False, progress: bool = True) -> Made:
    """Make the missing images of a plan, or of one shard of it; `again` makes those that are there once more.

    One process at a time makes a shard of a directory; another one waits, looks again, and makes what is still
    missing. Shards of one division, from (1, n) to (n, n), may be made at the same time, on machines that share the
    directory or not. `progress` shows a bar on a terminal.

    Raises:
        GenerationError: The shard, the model or a setting cannot be, memory or disk are too small.
        MissingExtraError: diffusers is not installed.
    """
    number, count = shard
    if not 1 <= number <= count:
        raise GenerationError(f"{plan.name}: there is no shard {number}/{count}; give 1/{count} to {count}/{count}")
    mine = look_again(replace(plan, wanted=shard_of(plan.wanted, shard)))
    if not again and not mine.missing:
        return _made(mine, (), [])
    for key, model in mine.models.items():
        fetch(model, f"{mine.where} generator.{key}")
    mine = look_again(mine)
    # Each shard has files of its own: appends from several machines may tear each other on a network disk.
    part = "" if count == 1 else f"-{number}-of-{count}"
    with _locked(mine, f".lock{part}"):
        mine = look_again(mine)
        todo = mine.wanted if again else mine.missing
        notes: list[str] = []
        if todo:
            _make(mine, todo, f"manifest{part}.jsonl", notes, progress=progress)
        return _made(look_again(mine), todo, notes)


def shard_of(wanted: Sequence[Wanted], shard: tuple[int, int]) -> tuple[Wanted, ...]:
    """Give one shard of the images: every n-th, so that the sizes differ by one at most."""
    number, count = shard
    return tuple(wanted[number - 1 :: count])


def _made(plan: Plan, tried: Sequence[Wanted], notes: list[str]) -> Made:
    there, new = ({each.file for each in images} for images in (plan.present, tried))
    return Made(len(there & new), len(there - new), len(plan.blacked_out), tuple(notes))


def _make(plan: Plan, todo: Sequence[Wanted], file: str, notes: list[str], *, progress: bool) -> None:
    require(f"{plan.where} generator", "generate", *LIBRARIES, "tqdm")
    from tqdm import tqdm

    from pytest_synthgate.images.generation.loading import load_pipeline

    pipeline = load_pipeline(plan)
    texts = list(dict.fromkeys(each.prompt.text for each in todo))
    with _sampling(plan.where):
        truncated = pipeline.truncated(texts)
    if truncated:
        notes.append(
            f"{len(truncated)} of {len(texts)} prompts are too long for the model, which does not see their end: "
            f"{quoted(truncated[0])}"
        )
    note = f"{plan.generator.steps or 'default'}, Model: {plan.models['model'].name}"
    versions = _versions()
    common = {"names": names(plan), "models": identities(plan), "settings": settings(plan.generator)}
    with (
        _written(plan),  # what a pipeline raises is told before it gets here: what does get here is trouble of writing
        Manifest(plan.directory, file) as manifest,
        # None: shown on a terminal only.
        tqdm(total=len(todo), desc=plan.name, unit="image", disable=None if progress else True) as bar,
        ThreadPoolExecutor(1, "synthgate-writer") as thread,  # an interruption waits for what was sampled before it
    ):
        write_settings(plan.directory, common | {"versions": versions})
        making = {"device": pipeline.device, "dtype": pipeline.dtype, "versions": versions}
        saving, before = thread.submit(manifest.add_making, making), time.perf_counter()
        for batch, samples in _batches(pipeline, todo, plan, notes):
            now = time.perf_counter()
            saving.result()  # after a full disk there is no use in going on
            saving = thread.submit(manifest.save, batch, samples, note, (now - before) / len(batch))
            before = now
            bar.update(len(batch))
        saving.result()


def _batches(
    pipeline: Pipeline, todo: Sequence[Wanted], plan: Plan, notes: list[str]
) -> Iterator[tuple[Sequence[Wanted], list[Sample]]]:
    """Sample batch after batch; where memory is too small for one, halve it and all that follow."""
    size, position = pipeline.batch_size, 0
    while position < len(todo):
        batch = todo[position : position + size]
        samples = _try(pipeline, batch, plan.where)
        if samples is not None:
            position += len(batch)
            yield batch, samples
            continue
        if len(batch) == 1:
            raise GenerationError(
                f"{plan.where} generator: {pipeline.device} has not enough memory for one image; "
                "make them smaller, take a smaller model, dtype = 'fp16', or another device"
            )
        size = len(batch) // 2
        notes.append(f"out of memory with {len(batch)} images at a time; going on with {size}")
        import torch

        gc.collect()
        torch.cuda.empty_cache()


def _try(pipeline: Pipeline, batch: Sequence[Wanted], where: str) -> list[Sample] | None:
    """Sample one batch; None when memory is too small. The tensors of the failed try die with its traceback."""
    with _sampling(where):
        try:
            return pipeline.sample(batch)
        except Exception as error:
            if not out_of_memory(error):
                raise
    return None


def _sampling(where: str) -> AbstractContextManager[None]:
    return retold(GenerationError, f"{where} generator: the pipeline failed (", ")")


@contextmanager
def _locked(plan: Plan, name: str) -> Iterator[None]:
    from filelock import FileLock

    with _written(plan):
        plan.directory.mkdir(parents=True, exist_ok=True)
        held = FileLock(plan.directory / name).acquire()
    with held:
        yield


@contextmanager
def _written(plan: Plan) -> Iterator[None]:
    """Tell what keeps the images of a plan from being written."""
    try:
        yield
    except OSError as error:
        done = len(look_again(plan).present)
        state = f"{done:,} of {len(plan.wanted):,} images are done"
        if error.errno in _NO_SPACE:
            raise GenerationError(
                f"{plan.name}: the disk of {shown(plan.directory)} is full; {state}; "
                "make room, and the same command goes on"
            ) from None
        raise GenerationError(
            f"{plan.name}: {shown(plan.directory)} cannot be written ({error.strerror or told(error)}); {state}"
        ) from None


def _versions() -> dict[str, str]:
    versions = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in ("pytest-synthgate", *LIBRARIES, "pillow", "numpy"):
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions
