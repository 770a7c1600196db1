"""A plan's model -> a diffusers pipeline on its device, its scheduler and LoRA weights in place.

Second station of the flow (spec -> images), below `generate`. Only safetensors are read, and no code that a model
directory may hold is run.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from pytest_synthgate.device import choose_device
from pytest_synthgate.errors import DeviceError, GenerationError, first_line, require, retold, told
from pytest_synthgate.files.hub import snapshot
from pytest_synthgate.images.generation.models import NamedModel, commit
from pytest_synthgate.images.generation.pipeline import LIBRARIES, Pipeline, call_arguments, out_of_memory, quiet
from pytest_synthgate.images.generation.plan import Plan
from pytest_synthgate.spec.model import Generator
from pytest_synthgate.text.wording import meant, quoted

_INDEX = "model_index.json"
_WEIGHTS = re.compile(r"[\w./-]+\.safetensors")
_VARIANT = re.compile(r"[^.]+\.(\w+?)(?:-\d+-of-\d+)?\.safetensors")
_PICKLED = (".bin", ".ckpt", ".pt", ".pth")
_DTYPES = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
# What a device takes at once if nothing is declared, in pixels; every out-of-memory halves it.
_BATCH_PIXELS = {"cuda": 8 * 512**2, "mps": 4 * 512**2, "cpu": 2 * 512**2}
_LARGEST_BATCH = 64
_CROWDED = 0.6


def load_pipeline(plan: Plan) -> Pipeline:
    """Load the pipeline of a plan.

    Raises:
        GenerationError: There is no such model, it is no pipeline, or it does not take the settings.
        MissingExtraError: diffusers is not installed.
    """
    generator, model = plan.generator, plan.models["model"]
    place = f"{plan.where} generator.model = {quoted(model.name)}"
    if model.path is not None and (wrong := fault(model.path, generator.variant)):
        raise GenerationError(f"{place} {wrong}")
    loader, torch = _imported(place)
    device = _device(generator.device, plan.where)
    dtype = generator.dtype
    if dtype == "auto":
        dtype = "fp16" if device.startswith("cuda") else "fp32"
    with quiet():
        try:
            pipe = loader.from_pretrained(
                str(model.path or model.name),
                dtype=getattr(torch, _DTYPES[dtype]),
                **loading_arguments(model, generator.variant),
            )
        except Exception as error:  # noqa: BLE001  what a foreign directory makes diffusers raise has no common type
            here = snapshot(model.name) if model.path is None else None
            files = [each.name for each in here.rglob("*")] if here is not None else []
            found = only_variant(files) or only_variant(_WEIGHTS.findall(str(error)))
            remedy = f'; its weights are all {found}: add variant = "{found}"'
            remedy = remedy if found and generator.variant is None else ""
            raise GenerationError(f"{place} cannot be loaded: {told(error)}{remedy}") from None
        pipe.set_progress_bar_config(disable=True)
        _set_scheduler(pipe, generator.scheduler, plan.where)
        arguments = call_arguments(generator, pipe, plan.where)
        if lora := plan.models.get("lora"):
            _add_lora(pipe, lora, generator.lora_scale, plan.where)
        _place(pipe, device, plan.where)
    return Pipeline(pipe, arguments, device, dtype, generator.batch_size or _batch_size(pipe, generator, device))


def _imported(place: str) -> tuple[Any, Any]:
    """Import what loads a pipeline, and torch, a library at a time: each may lack one of the system's."""
    require(place, "generate", *LIBRARIES)
    for name in LIBRARIES:
        needs = f"{place} needs {name}, which is installed and cannot be imported ("
        with retold(GenerationError, needs, "); repair it"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a strict test run would take those of an import for errors
            module = import_module(name)
            loader = getattr(module, "AutoPipelineForText2Image", None)
    return loader, import_module("torch")


def loading_arguments(model: NamedModel, variant: str | None = None) -> dict[str, Any]:
    """Give the arguments that say which files of a model, or of LoRA weights, are loaded.

    A hub id is pinned to the commit that the plan has seen, so that no update slips in between two runs.
    """
    arguments: dict[str, Any] = {"use_safetensors": True}
    if variant is not None:
        arguments["variant"] = variant
    if model.path is not None:
        arguments["local_files_only"] = True
    elif revision := commit(model):
        arguments["revision"] = revision
    return arguments


def only_variant(files: Iterable[str]) -> str | None:
    """Name the variant of which all safetensors are, such as fp16: diffusers finds none of them without its name."""
    weights = [Path(each).name for each in files if each.endswith(".safetensors")]
    variants = {found[1] if (found := _VARIANT.fullmatch(each)) else None for each in weights}
    return variants.pop() if len(variants) == 1 else None


def fault(directory: Path, variant: str | None) -> str | None:
    """Say why a local directory is no diffusers pipeline in safetensors and without code of its own, if it is none."""
    if not directory.is_dir():
        found = "is a file" if directory.exists() else "is not there"
        return f"{found}; give a diffusers directory or a hub id"
    try:
        index = json.loads((directory / _INDEX).read_bytes())
    except FileNotFoundError:
        return f"is no diffusers pipeline (it has no {_INDEX}); save it with pipeline.save_pretrained(...)"
    except (OSError, ValueError) as error:
        return f"has an unreadable {_INDEX} ({first_line(error)}); save it again"
    if not isinstance(index, dict) or not isinstance(index.get("_class_name"), str):
        return f"names no pipeline class in its {_INDEX}; only diffusers' own are run"
    for name in sorted(name for name in index if (directory / name).is_dir()):
        try:
            files = [path.name for path in (directory / name).iterdir()]
        except OSError as error:
            return f"has a {name} that cannot be read ({error.strerror})"
        suffixes = {Path(file).suffix for file in files}
        if ".py" in suffixes:
            return f"brings code of its own ({name}/*.py), which is not run"
        if ".safetensors" not in suffixes and (pickled := suffixes.intersection(_PICKLED)):
            found = f"weights only as {name}/*{min(pickled)}, which can run code when read"
            return f"has {found}; save it again with safe_serialization=True"
        if variant is None and (only := only_variant(files)):
            return f'has weights only as {name}/*.{only}.safetensors; add variant = "{only}"'
    return None


def _device(wish: str | None, where: str) -> str:
    try:
        return choose_device(wish)
    except DeviceError as error:
        raise GenerationError(f"{where} generator.device: {error}") from None


def _set_scheduler(pipe: Any, name: str | None, where: str) -> None:
    import diffusers

    if name is not None:
        place = f"{where} generator.scheduler = {quoted(name)}"
        names = [each for each in dir(diffusers) if each.endswith("Scheduler") and not each.startswith("Flax")]
        if name not in names:
            raise GenerationError(f"{place} is no scheduler of diffusers; {meant(name, names)}")
        with retold(GenerationError, f"{place} cannot be used: "):
            pipe.scheduler = getattr(diffusers, name).from_config(pipe.scheduler.config)
    if "noise_sampler_seed" in getattr(getattr(pipe, "scheduler", None), "config", ()):
        # It draws its noise for a batch as a whole: neither batches nor a resumed run would repeat.
        raise GenerationError(
            f"{where} generator.scheduler: the noise of {type(pipe.scheduler).__name__} follows no seed of an image; "
            "choose another, such as DPMSolverMultistepScheduler"
        )


def _add_lora(pipe: Any, lora: NamedModel, scale: float, where: str) -> None:
    place = f"{where} generator.lora = {quoted(lora.name)}"
    if not hasattr(pipe, "load_lora_weights"):
        raise GenerationError(f"{place}: {type(pipe).__name__} takes no LoRA weights; remove it")
    require(place, "generate", "peft")
    source, arguments = lora.path or lora.name, loading_arguments(lora)
    if isinstance(source, Path):
        if not source.exists():
            raise GenerationError(f"{place} is not there; give a .safetensors file, a folder with one, or a hub id")
        if source.is_file():
            if source.suffix != ".safetensors":
                raise GenerationError(f"{place} is no .safetensors file; only those are read")
            source, arguments["weight_name"] = source.parent, source.name
    with retold(GenerationError, f"{place} cannot be loaded: "):
        pipe.load_lora_weights(str(source), **arguments)
        pipe.fuse_lora(lora_scale=scale)


def _place(pipe: Any, device: str, where: str) -> None:
    """Move the pipeline to its device; where it would leave no room to work in, one component at a time."""
    import torch

    try:
        if device.startswith("cuda"):
            modules = [each for each in pipe.components.values() if isinstance(each, torch.nn.Module)]
            weights = sum(each.numel() * each.element_size() for module in modules for each in module.parameters())
            if weights > _CROWDED * torch.cuda.get_device_properties(device).total_memory:
                pipe.enable_model_cpu_offload(device=device)
                return
        pipe.to(device)
    except Exception as error:  # noqa: BLE001  what drivers make torch raise has no common type
        what = "does not fit" if out_of_memory(error) else "cannot be moved to"
        raise GenerationError(f"{where} generator: the model {what} {device} ({told(error)})") from None


def _batch_size(pipe: Any, generator: Generator, device: str) -> int:
    """Fill the budget of a device with images of the declared size, else of the model's own."""
    denoiser = getattr(pipe, "unet", None) or getattr(pipe, "transformer", None)
    side = getattr(getattr(denoiser, "config", None), "sample_size", None)
    own = int((side * getattr(pipe, "vae_scale_factor", 8)) ** 2) if isinstance(side, int) else 1024**2
    pixels = (generator.width or 0) * (generator.height or 0) or own
    budget = _BATCH_PIXELS.get(device.partition(":")[0], _BATCH_PIXELS["cpu"])
    return min(_LARGEST_BATCH, max(1, budget // pixels))
