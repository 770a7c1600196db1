"""A spec and its prompts -> which images are wanted, where each belongs, and which are there.

Second station of the flow (spec -> images). A plan imports no torch and asks no network: a machine without a GPU
takes the images that another one made.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pytest_synthgate.errors import GenerationError, SpecError
from pytest_synthgate.images.generation.manifest import SETTINGS, ManifestEntry, read_entries, read_settings
from pytest_synthgate.images.generation.models import NamedModel, identity, named
from pytest_synthgate.images.generation.seeds import Wanted, image_name, image_seed
from pytest_synthgate.images.sets import ImageRecord, ImageSet
from pytest_synthgate.spec.model import Generator, Spec
from pytest_synthgate.spec.prompts import Prompt
from pytest_synthgate.text.wording import nearest, quoted

_OF_PIXELS = ("steps", "guidance", "width", "height", "seed", "negative_prompt", "scheduler", "variant", "dtype")


@dataclass(frozen=True)
class Plan:
    """The images of one spec: wanted, there, missing.

    Attributes:
        name: Of the spec.
        where: How messages name the place of the spec.
        generator: The settings.
        models: The model and, if there are any, the LoRA weights, by their keys in a spec.
        root: The directory that holds the directories of all settings.
        directory: That of these settings, shared by every spec that has the same.
        wanted: All images, sorted by file.
        entries: What is known of those that were made, by file; blacked out ones included.
    """

    name: str
    where: str
    generator: Generator
    models: Mapping[str, NamedModel]
    root: Path
    directory: Path
    wanted: tuple[Wanted, ...]
    entries: Mapping[str, ManifestEntry] = field(repr=False)

    @cached_property
    def present(self) -> tuple[Wanted, ...]:
        """The images that are there."""
        return tuple(each for each in self.wanted if each.file in self.entries and not self._is_black(each))

    @cached_property
    def blacked_out(self) -> tuple[Wanted, ...]:
        """The images that the model made black; made again, they would be black again."""
        return tuple(each for each in self.wanted if each.file in self.entries and self._is_black(each))

    @cached_property
    def missing(self) -> tuple[Wanted, ...]:
        """The images that are to be made."""
        return tuple(each for each in self.wanted if each.file not in self.entries)

    def only(self, ids: Iterable[str]) -> Plan:
        """Want some of the images alone, by their names in the set.

        Raises:
            GenerationError: The spec asks for no image of that name.
        """
        known = {each.id: each for each in self.wanted}
        for name in (chosen := set(ids)):
            if name not in known:
                near = nearest(name, known)
                remedy = f"did you mean {quoted(near)}?" if near else "take the name from a report"
                raise GenerationError(f"{self.where} asks for no image {quoted(name)}; {remedy}")
        return replace(self, wanted=tuple(each for each in self.wanted if each.id in chosen))

    def _is_black(self, wanted: Wanted) -> bool:
        return self.entries[wanted.file].blacked_out is not None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What making the missing images will take.

    Attributes:
        missing: Their number.
        bytes: Disk space, from the images that are there, else from the declared size; None if neither is known.
        seconds: Time, from the images that are there; None before the first.
    """

    missing: int
    bytes: int | None
    seconds: float | None


def plan(spec: Spec, prompts: Sequence[Prompt], cache: Path) -> Plan:
    """Plan the images of a spec.

    They live in `<cache>/generated/<settings>-<model>/`: the first part is a digest of every setting that changes
    pixels, the second of the model's state. Where the model is not on this machine, so that its state is not known,
    the directory is the latest that was made with these settings and a model of this name.

    Raises:
        SpecError: The spec has no generator.
    """
    if spec.generator is None:
        raise SpecError(
            f'{spec.where} has a prompt and no generator; add [{"spec." + spec.name}.generator] with model = "..."'
        )
    generator, root = spec.generator, cache / "generated"
    models = {"model": generator.model, "lora": generator.lora}
    wanted = (
        Wanted(prompt, index, image_seed(generator.seed, prompt.text, index), image_name(prompt.text, index))
        for prompt in prompts
        for index in range(prompt.count)
    )
    draft = Plan(
        name=spec.name,
        where=spec.where,
        generator=generator,
        models={key: named(name, spec.file.parent) for key, name in models.items() if name is not None},
        root=root,
        directory=root,
        wanted=tuple(sorted(wanted, key=lambda each: each.file)),
        entries={},
    )
    return look_again(draft)


def look_again(plan: Plan) -> Plan:
    """Bring a plan up to date with the disk: the state of the model, and the images that are there."""
    directory = _directory(plan)
    return replace(plan, directory=directory, entries=_entries(directory, plan.wanted))


def generated_set(plan: Plan) -> ImageSet:
    """List the wanted images that are there, as of now; ids are unique and the same on every machine."""
    current = look_again(plan)
    records = (
        ImageRecord(
            id=each.id,
            path=current.directory / each.file,
            class_name=each.prompt.class_name,
            prompt=each.prompt.text,
            seed=each.seed,
            axes=each.prompt.axes,
        )
        for each in current.present
    )
    return ImageSet(current.directory, tuple(sorted(records, key=lambda record: record.id)))


def missing_message(spec: Spec, count: int) -> str:
    """Say how many images are missing and what makes them."""
    images = "1 image is" if count == 1 else f"{count:,} images are"
    run = f"run `synthgate generate {shlex.quote(spec.name)}` where"
    if spec.generator is None:
        return f"{spec.name}: {images} missing and no generator is declared; {run} a hook can make them"
    return f"{spec.name}: {images} missing; {run} the GPU is"


def estimate(plan: Plan) -> Estimate:
    """Estimate what making the missing images will take, from all that were made with the same settings."""
    missing, generator = len(plan.missing), plan.generator
    made = [entry for entry in read_entries(plan.directory).values() if entry.blacked_out is None]
    if made:
        size = sum(entry.size for entry in made) / len(made)
        seconds = sum(entry.seconds for entry in made) / len(made)
        return Estimate(missing, round(missing * size), missing * seconds)
    if generator.width is None or generator.height is None:
        return Estimate(missing, None, None)
    # A photo as PNG takes about two thirds of its three bytes a pixel.
    return Estimate(missing, missing * generator.width * generator.height * 2, None)


def settings(generator: Generator) -> dict[str, Any]:
    """Give the settings that change pixels, beside the models: neither batch size nor device do.

    The number format is the declared one: "auto" is fp16 on a GPU and fp32 elsewhere, and what the one made the
    other must find.
    """
    scale = None if generator.lora is None else generator.lora_scale
    return {name: getattr(generator, name) for name in _OF_PIXELS} | {"lora_scale": scale}


def identities(plan: Plan) -> list[str | None]:
    """Give the state of the model and, if there are any, of the LoRA weights."""
    return [identity(each, plan.root / ".digests") for each in plan.models.values()]


def names(plan: Plan) -> list[str]:
    """Give the name of the model and, if there are any, of the LoRA weights."""
    return [each.name for each in plan.models.values()]


def _directory(plan: Plan) -> Path:
    key, states = _digest(settings(plan.generator)), identities(plan)
    if None in states:
        earlier = [each for each in plan.root.glob(f"{key}-*") if read_settings(each).get("names") == names(plan)]
        if earlier:
            return max(earlier, key=lambda each: ((each / SETTINGS).stat().st_mtime_ns, each.name))
        return plan.root / f"{key}-{_digest(names(plan))}"
    return plan.root / f"{key}-{_digest(states)}"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def _entries(directory: Path, wanted: Sequence[Wanted]) -> dict[str, ManifestEntry]:
    """Believe an entry when seed and size of the file agree: a power cut may leave a name without its bytes."""
    known, believed = read_entries(directory), {}
    for each in wanted:
        entry = known.get(each.file)
        if entry is None or entry.seed != each.seed or entry.prompt != each.prompt.text:
            continue
        with suppress(OSError):
            if entry.blacked_out is not None or (directory / each.file).stat().st_size == entry.size:
                believed[each.file] = entry
    return believed
