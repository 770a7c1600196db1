"""A spec -> its synthetic set: images that exist, images made before, or images made now.

Second station of the flow (spec -> images): the one place that decides whether anything is generated.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pytest_synthgate.errors import GenerationError, SourceError, foreign, told
from pytest_synthgate.images.mode import Mode
from pytest_synthgate.images.recipe import Notes
from pytest_synthgate.images.sets import ImageSet
from pytest_synthgate.images.sources import open_set
from pytest_synthgate.spec.model import Spec, spec_to_json
from pytest_synthgate.spec.prompts import Prompt, expand, needs_classes
from pytest_synthgate.text.printable import shown

Hook = Callable[[Spec, Sequence[Prompt], Path], object]
"""Another generator: returns something true when it has written the images into the directory, else None."""

BLACK = "the model blacked out every image; change the prompt, or the model"
_COMPLETE = ".complete"


def prompts_of(spec: Spec) -> tuple[Prompt, ...]:
    """Expand the prompts of a spec; classes that it does not declare are those of the real set.

    Raises:
        SpecError: The prompts speak of a class and no classes are known.
    """
    asks = needs_classes(spec) and (spec.classes is None or spec.balance_classes == "real")
    sizes = open_set(spec.real, side="real").class_counts() if asks and spec.real is not None else {}
    return expand(spec, sizes)


def provide(
    spec: Spec,
    cache: Path,
    *,
    mode: Mode = "auto",
    hook: Hook | None = None,
    progress: bool = True,
    run: str | None = None,
    notes: Notes | None = None,
) -> ImageSet:
    """Give the synthetic set of a spec, with a note on what a user should know about how it came about.

    Generated images are kept below the cache, and a hook is asked for them before diffusers is. `run` is what the
    processes of one run have in common: what one of them made again, the others take as it is. What is read in
    the files of images is kept in the notes.

    Raises:
        SourceError: The images of the spec cannot be listed.
        GenerationError: Images are missing and may not be made, or cannot be made.
        SpecError: The prompts cannot be expanded, or nothing can make them.
    """
    if spec.images is not None:
        return open_set(spec.images, side="synthetic", notes=notes)
    prompts = prompts_of(spec)
    directory = hook_directory(spec, prompts, cache)
    if mode != "again" and is_complete(directory):
        return _adopted(spec, prompts, directory, notes)
    if mode == "never":
        return _diffused(spec, prompts, cache, mode, progress=progress)
    with _one_at_a_time(directory, mode, run) as actual:
        made = actual != "again" and is_complete(directory)
        if made or (hook is not None and _made_by(hook, spec, prompts, directory, anew=actual == "again")):
            return _adopted(spec, prompts, directory, notes)
        return _diffused(spec, prompts, cache, actual, progress=progress)


def hook_directory(spec: Spec, prompts: Sequence[Prompt], cache: Path) -> Path:
    """Name the folder that a hook writes into by all that it is told; the spec's name may decide what it does."""
    told = [spec.name, spec_to_json(spec)["generator"], [[prompt.text, prompt.count] for prompt in prompts]]
    return cache / "generated" / f"hook-{hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]}"


def is_complete(directory: Path) -> bool:
    """Whether a hook has made all images of a folder."""
    return (directory / _COMPLETE).exists()


def _made_by(hook: Hook, spec: Spec, prompts: Sequence[Prompt], directory: Path, *, anew: bool) -> bool:
    if anew:
        # The mark goes first: a process killed in between must not leave half a set with it.
        (directory / _COMPLETE).unlink(missing_ok=True)
        shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, exist_ok=True)
    name = f"{spec.where} the hook pytest_synthgate_generate"
    with foreign(name, GenerationError):
        took = hook(spec, prompts, directory)
    if took:
        try:
            adopt(prompts, directory)
        except SourceError as error:
            raise GenerationError(f"{name} returned true, but {error}") from None
        (directory / _COMPLETE).touch()
    elif not any(directory.iterdir()):
        directory.rmdir()
    return bool(took)


def _adopted(spec: Spec, prompts: Sequence[Prompt], directory: Path, notes: Notes | None) -> ImageSet:
    images, asked = adopt(prompts, directory, notes), sum(prompt.count for prompt in prompts)
    if len(images) == asked:
        return images
    return _noted(images, f"{spec.name}: the hook made {len(images):,} images where {asked:,} were asked for")


def _noted(images: ImageSet, *notes: str) -> ImageSet:
    return replace(images, notes=(*images.notes, *notes))


def adopt(prompts: Sequence[Prompt], directory: Path, notes: Notes | None = None) -> ImageSet:
    """Open what a hook wrote: image files, in folders by class if it likes, and a table of metadata beside them.

    A prompt that it was asked for gives its image the axes, and the class if it has none.

    Raises:
        SourceError: There is no image in it, or its metadata cannot be read.
    """
    known = {prompt.text: prompt for prompt in prompts}
    images = open_set(directory, side="synthetic", notes=notes)
    records = list(images.records)
    for place, record in enumerate(records):
        if prompt := known.get(record.prompt or ""):
            records[place] = replace(record, class_name=record.class_name or prompt.class_name, axes=prompt.axes)
    return replace(images, records=tuple(records))


@contextmanager
def _one_at_a_time(directory: Path, mode: Mode, run: str | None) -> Iterator[Mode]:
    """Let one process of a run make the images, and tell those that waited not to make them again."""
    from filelock import FileLock

    made = directory.with_name(f".{directory.name}.again")
    lock = FileLock(directory.with_name(f".{directory.name}.lock"))
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        reason = error.strerror or told(error)
        raise GenerationError(f"{shown(directory.parent)} cannot be written ({reason})") from None
    try:
        before = made.read_text(encoding="utf-8") if made.exists() else None
        yield "auto" if mode == "again" and run is not None and before == run else mode
        if mode == "again" and run is not None:
            made.write_text(run, encoding="utf-8")
    finally:
        lock.release()


def _diffused(spec: Spec, prompts: Sequence[Prompt], cache: Path, mode: Mode, *, progress: bool) -> ImageSet:
    from pytest_synthgate.images.generation.generate import generate
    from pytest_synthgate.images.generation.plan import generated_set, missing_message, plan

    if spec.generator is None and mode == "never":
        raise GenerationError(missing_message(spec, sum(prompt.count for prompt in prompts)))
    planned = plan(spec, prompts, cache)
    if planned.missing and mode == "never":
        raise GenerationError(missing_message(spec, len(planned.missing)))
    again = mode == "again"
    notes = generate(planned, again=again, progress=progress).notes if planned.missing or again else ()
    images = _noted(generated_set(planned), *notes)
    if not len(images):
        raise GenerationError(f"{spec.name}: {BLACK}")
    if black := len(planned.wanted) - len(images):
        return _noted(images, f"{spec.name}: the model blacked out {black:,} of {len(planned.wanted):,} images")
    return images
