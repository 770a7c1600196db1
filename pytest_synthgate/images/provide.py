"""A spec -> its synthetic set: images that exist, images made before, or images made now.

Second station of the flow (spec -> images): the one place that decides whether anything is generated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pytest_synthgate.errors import GenerationError
from pytest_synthgate.images.generation.adopt import adopt
from pytest_synthgate.images.generation.generate import generate
from pytest_synthgate.images.generation.plan import generated_set, missing_message, plan
from pytest_synthgate.images.sets import ImageSet
from pytest_synthgate.images.sources import open_set
from pytest_synthgate.prompts import Prompt, expand
from pytest_synthgate.spec import Spec, spec_to_json

Mode = Literal["auto", "never", "again"]
"""Make what is missing, make nothing, or make everything anew."""

Hook = Callable[[Spec, Sequence[Prompt], Path], object]
"""Another generator: returns something true when it has written the images into the directory, else None."""


@dataclass(frozen=True, slots=True)
class Provided:
    """A synthetic set and what a user should know about how it came about.

    Attributes:
        images: The set.
        notes: A line each.
    """

    images: ImageSet
    notes: tuple[str, ...] = ()


def prompts_of(spec: Spec, real: Path | None = None) -> tuple[Prompt, ...]:
    """Expand the prompts of a spec; classes that it does not declare are those of the real set.

    Args:
        spec: The spec.
        real: Real set to take classes from; the spec's own when absent.

    Raises:
        SpecError: The prompts speak of a class and no classes are known.
    """
    source = real or spec.real
    asks = spec.needs_classes and (spec.classes is None or spec.balance_classes == "real")
    sizes = open_set(source, side="real").class_counts() if asks and source is not None else {}
    return expand(spec, tuple(sizes), class_sizes=sizes or None)


def provide(
    spec: Spec, cache: Path, *, mode: Mode = "auto", hook: Hook | None = None, progress: bool = True
) -> Provided:
    """Give the synthetic set of a spec.

    Args:
        spec: The spec.
        cache: Folder under which generated images are kept.
        mode: What to do about missing images.
        hook: Asked before diffusers is.
        progress: Whether making shows a bar.

    Raises:
        SourceError: The images of the spec cannot be listed.
        GenerationError: Images are missing and may not be made, or cannot be made.
        SpecError: The prompts cannot be expanded, or nothing can make them.
    """
    if spec.images is not None:
        return Provided(open_set(spec.images, side="synthetic"))
    prompts = prompts_of(spec)
    directory = cache / "generated" / f"hook-{_key(spec, prompts)}"
    complete = directory / ".complete"
    if mode != "again" and complete.exists():
        return Provided(adopt(prompts, directory))
    if mode != "never" and hook is not None:
        directory.mkdir(parents=True, exist_ok=True)
        if hook(spec, prompts, directory):
            complete.touch()
            return Provided(adopt(prompts, directory))
        if not any(directory.iterdir()):
            directory.rmdir()
    return _diffused(spec, prompts, cache, mode, progress=progress)


def _diffused(spec: Spec, prompts: Sequence[Prompt], cache: Path, mode: Mode, *, progress: bool) -> Provided:
    planned = plan(spec, prompts, cache)
    if planned.missing and mode == "never":
        raise GenerationError(missing_message(spec, planned))
    notes: tuple[str, ...] = ()
    if planned.missing or mode == "again":
        made = generate(planned, again=mode == "again", progress=progress)
        notes = made.notes
    images = generated_set(planned)
    if black := len(planned.wanted) - len(images):
        notes = (*notes, f"{spec.name}: the model blacked out {black:,} of {len(planned.wanted):,} images")
    if not len(images):
        raise GenerationError(f"{spec.name}: the model blacked out every image; change the prompt, or the model")
    return Provided(images, notes)


def _key(spec: Spec, prompts: Sequence[Prompt]) -> str:
    """Name the images a hook would make by everything that it is told; the name of the spec may decide what it does."""
    told = [spec.name, spec_to_json(spec)["generator"], [[prompt.text, prompt.count] for prompt in prompts]]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
