"""A loaded diffusers pipeline, called with what the spec says: a batch of wanted images in, pictures out.

Second station of the flow (spec -> images), below `generate`; `loading` makes it.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from PIL.Image import Image

from pytest_synthgate.errors import GenerationError
from pytest_synthgate.images.generation.seeds import Wanted
from pytest_synthgate.spec.model import Generator

LIBRARIES = ("torch", "transformers", "accelerate", "diffusers")
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
_CALL_NAMES = {
    "steps": "num_inference_steps",
    "guidance": "guidance_scale",
    "width": "width",
    "height": "height",
    "negative_prompt": "negative_prompt",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One image as it came out of a pipeline; `blacked_out` says why there is nothing to see on it, if so."""

    image: Image
    blacked_out: str | None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A loaded pipeline, its settings applied.

    Attributes:
        pipe: The diffusers pipeline.
        arguments: What every call is given, but for prompts and generators.
        device: Where it runs.
        dtype: Its number format.
        batch_size: How many images to begin with.
    """

    pipe: Any
    arguments: dict[str, Any]
    device: str
    dtype: str
    batch_size: int

    def sample(self, batch: Sequence[Wanted]) -> list[Sample]:
        """Make some images, each from a generator of its own, on the CPU, where numbers are the same everywhere."""
        import torch

        arguments = dict(self.arguments)
        if "negative_prompt" in arguments:
            arguments["negative_prompt"] = [arguments["negative_prompt"]] * len(batch)
        with quiet():
            output = self.pipe(
                prompt=[each.prompt.text for each in batch],
                generator=[torch.Generator("cpu").manual_seed(each.seed) for each in batch],
                **arguments,
            )
        flags = getattr(output, "nsfw_content_detected", None) or [False] * len(batch)
        return [Sample(image, _why_black(image, flag)) for image, flag in zip(output.images, flags, strict=True)]

    def truncated(self, prompts: Sequence[str]) -> list[str]:
        """Pick the prompts that are too long for every text encoder, so that their end has no effect."""
        tokenizers = [
            each
            for name, each in self.pipe.components.items()
            if name.startswith("tokenizer") and hasattr(each, "model_max_length")
        ]
        if not tokenizers:
            return []
        widest = max(tokenizers, key=lambda each: int(each.model_max_length))
        with quiet():
            lengths = [len(widest(prompt, truncation=False).input_ids) for prompt in prompts]
        return [prompt for prompt, length in zip(prompts, lengths, strict=True) if length > widest.model_max_length]


def out_of_memory(error: Exception) -> bool:
    """Whether memory was too small; without a GPU this is a plain RuntimeError that says so."""
    said = isinstance(error, RuntimeError) and any(each in str(error).lower() for each in _OUT_OF_MEMORY)
    return said or isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def call_arguments(generator: Generator, pipeline: Callable[..., Any], where: str) -> dict[str, Any]:
    """Give the arguments of a call, but for prompts and generators, in the words of the pipeline.

    Raises:
        GenerationError: The pipeline does not take a declared setting, or the setting would have no effect.
    """
    taken = inspect.signature(pipeline).parameters
    arguments = {}
    for key, name in _CALL_NAMES.items():
        value = getattr(generator, key)
        if value is None:
            continue
        if name not in taken:
            raise GenerationError(f"{where} generator.{key}: {type(pipeline).__name__} takes no {name}; remove it")
        arguments[name] = value
    if generator.negative_prompt is not None and generator.guidance is not None and generator.guidance <= 1:
        raise GenerationError(
            f"{where} generator.negative_prompt has no effect with guidance = {generator.guidance:g}; "
            "raise guidance above 1, or remove it"
        )
    return arguments


@contextmanager
def quiet() -> Iterator[None]:
    """Keep bars, logs and warnings of diffusers and transformers off the terminal, and out of a strict test run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from diffusers.utils import logging as diffusers_logging
        from transformers.utils import logging as transformers_logging

        libraries = (diffusers_logging, transformers_logging)
        before = [(each.get_verbosity(), each.is_progress_bar_enabled()) for each in libraries]
        try:
            for each in libraries:
                each.set_verbosity(each.CRITICAL)
                each.disable_progress_bar()
            yield
        finally:
            for each, (verbosity, bar) in zip(libraries, before, strict=True):
                each.set_verbosity(verbosity)
                if bar:
                    each.enable_progress_bar()


def _why_black(image: Image, flag: bool) -> str | None:
    if flag:
        return "the safety checker of the model blacked it out"
    if image.convert("RGB").getbbox() is None:
        return "it came out all black, as images do whose numbers overflow; try another dtype"
    return None
