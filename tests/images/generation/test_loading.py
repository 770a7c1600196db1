"""A pipeline is loaded from safetensors alone, and what does not fit is said in one line."""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from pytest_synthgate.errors import GenerationError, MissingExtraError
from pytest_synthgate.images.generation.generate import generate
from pytest_synthgate.images.generation.loading import fault, load_pipeline, loading_arguments, only_variant
from pytest_synthgate.images.generation.models import NamedModel
from pytest_synthgate.images.generation.pipeline import call_arguments
from pytest_synthgate.spec.model import Generator

SD_TURBO = Generator(model="stabilityai/sd-turbo", steps=2, guidance=0.0, width=512, height=512, variant="fp16")
SD_15 = Generator(
    model="stable-diffusion-v1-5/stable-diffusion-v1-5",
    steps=25,
    guidance=7.5,
    width=512,
    height=512,
    negative_prompt="blurry",
    scheduler="DPMSolverMultistepScheduler",
)
SDXL = Generator(
    model="stabilityai/stable-diffusion-xl-base-1.0",
    steps=25,
    guidance=5.0,
    width=1024,
    height=1024,
    variant="fp16",
    negative_prompt="blurry",
)


@pytest.fixture
def copy(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "copy"))


def refused(folder: Path) -> str:
    text = fault(folder, None)
    assert text is not None
    assert "\n" not in text
    return text


def test_a_missing_folder_says_so(tmp_path: Path) -> None:
    assert "is not there; give a diffusers directory or a hub id" in refused(tmp_path / "nothing")


def test_a_file_is_no_pipeline(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"")
    assert "is a file" in refused(tmp_path / "x.safetensors")


def test_a_folder_that_is_no_pipeline_says_so(tmp_path: Path) -> None:
    assert "is no diffusers pipeline (it has no model_index.json)" in refused(tmp_path)


def test_an_index_that_is_no_json_says_so(copy: Path) -> None:
    (copy / "model_index.json").write_text("{")
    assert "unreadable model_index.json" in refused(copy)


@pytest.mark.parametrize("name", [None, ["pipeline", "Mine"], 7])
def test_a_pipeline_of_its_own_code_is_refused(copy: Path, name: object) -> None:
    (copy / "model_index.json").write_text(json.dumps({"_class_name": name}))
    assert "only diffusers' own are run" in refused(copy)


def test_a_component_of_its_own_code_is_refused(copy: Path) -> None:
    (copy / "unet" / "evil.py").write_text("raise SystemExit")
    assert "code of its own (unet/*.py), which is not run" in refused(copy)


def test_pickled_weights_are_refused(copy: Path) -> None:
    (copy / "unet" / "diffusion_pytorch_model.safetensors").rename(copy / "unet" / "diffusion_pytorch_model.bin")
    assert "has weights only as unet/*.bin, which can run code when read" in refused(copy)


def test_pickled_weights_beside_safetensors_are_left_alone(copy: Path, planned: Any) -> None:
    (copy / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"not a pickle")
    load_pipeline(planned(copy))


def test_weights_that_are_missing_are_named(copy: Path, planned: Any) -> None:
    (copy / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(GenerationError, match=r"generator\.model = .* cannot be loaded: .*diffusion_pytorch_model"):
        load_pipeline(planned(copy))


def test_damaged_weights_are_refused(copy: Path, planned: Any) -> None:
    (copy / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(GenerationError, match="cannot be loaded: "):
        load_pipeline(planned(copy))


def test_an_unknown_scheduler_names_the_nearest(tiny_model: Path, planned: Any) -> None:
    with pytest.raises(GenerationError, match=r"'DDIMSchedular' is no scheduler .* did you mean 'DDIMScheduler'\?"):
        load_pipeline(planned(tiny_model, scheduler="DDIMSchedular"))


def test_what_is_no_scheduler_is_not_taken_for_one(tiny_model: Path, planned: Any) -> None:
    with pytest.raises(GenerationError, match="is no scheduler of diffusers"):
        load_pipeline(planned(tiny_model, scheduler="AutoencoderKL"))


def test_a_scheduler_takes_over_the_configuration_of_the_model(tiny_model: Path, planned: Any) -> None:
    pipe = load_pipeline(planned(tiny_model, scheduler="PNDMScheduler")).pipe
    assert (type(pipe.scheduler).__name__, pipe.scheduler.config.steps_offset) == ("PNDMScheduler", 1)


def test_a_scheduler_whose_noise_follows_no_seed_is_refused(
    copy: Path, planned: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffusers import DDIMScheduler

    class Unseeded(DDIMScheduler):  # type: ignore[misc]
        @property
        def config(self) -> dict[str, object]:
            return {"noise_sampler_seed": None}

    monkeypatch.setattr("diffusers.DDIMScheduler", Unseeded)
    with pytest.raises(GenerationError, match="the noise of Unseeded follows no seed of an image"):
        load_pipeline(planned(copy, scheduler="DDIMScheduler"))


def test_an_unknown_device_is_named(tiny_model: Path, planned: Any) -> None:
    with pytest.raises(GenerationError, match=r"generator\.device: the device 'cuda:99' cannot be used"):
        load_pipeline(planned(tiny_model, device="cuda:99"))


def test_device_and_number_format_are_chosen_by_what_is_there(tiny_model: Path, planned: Any) -> None:
    import torch

    if torch.cuda.is_available() or torch.backends.mps.is_available():
        pytest.skip("there is an accelerator")
    pipeline = load_pipeline(planned(tiny_model, device=None))
    assert (pipeline.device, pipeline.dtype, pipeline.pipe.unet.dtype) == ("cpu", "fp32", torch.float32)


def test_a_number_format_reaches_the_weights(tiny_model: Path, planned: Any) -> None:
    import torch

    assert load_pipeline(planned(tiny_model, dtype="bf16")).pipe.unet.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({"batch_size": 5}, 5),
        ({}, 64),
        ({"width": None, "height": None}, 64),
        ({"width": 512, "height": 512}, 2),
        ({"width": 2048, "height": 2048}, 1),
    ],
)
def test_the_batch_follows_from_the_size_of_an_image(
    tiny_model: Path, planned: Any, settings: dict[str, Any], size: int
) -> None:
    assert load_pipeline(planned(tiny_model, **settings)).batch_size == size


def test_loading_is_silent_and_leaves_the_loggers_as_they_were(
    tiny_model: Path, planned: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    from diffusers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    load_pipeline(planned(tiny_model))
    assert capfd.readouterr() == ("", "")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


@pytest.mark.parametrize("setting", [{"lora": "missing.safetensors"}, {"lora": "weights.bin"}])
def test_lora_weights_must_be_safetensors_that_are_there(
    tiny_model: Path, planned: Any, tmp_path: Path, setting: dict[str, str]
) -> None:
    (tmp_path / "weights.bin").write_bytes(b"")
    with pytest.raises(GenerationError, match=r"generator\.lora = '.*' is (not there|no \.safetensors file)"):
        load_pipeline(planned(tiny_model, **setting))


def test_lora_weights_are_loaded_by_file_and_fused_at_their_scale(
    tiny_model: Path, planned: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffusers import StableDiffusionPipeline

    calls: list[object] = []
    monkeypatch.setattr(StableDiffusionPipeline, "load_lora_weights", lambda _, *at, **how: calls.append((at, how)))
    monkeypatch.setattr(StableDiffusionPipeline, "fuse_lora", lambda _, **how: calls.append(how))
    (tmp_path / "style.safetensors").write_bytes(b"")
    load_pipeline(planned(tiny_model, lora="style.safetensors", lora_scale=0.7))
    arguments = {"use_safetensors": True, "local_files_only": True, "weight_name": "style.safetensors"}
    assert calls == [((str(tmp_path),), arguments), {"lora_scale": 0.7}]


def test_lora_without_peft_says_what_to_install(
    tiny_model: Path, planned: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_synthgate.errors.installed", lambda module: module != "peft")
    (tmp_path / "style.safetensors").write_bytes(b"")
    with pytest.raises(MissingExtraError, match=r"needs peft; pip install 'pytest-synthgate\[generate\]'"):
        load_pipeline(planned(tiny_model, lora="style.safetensors"))


def test_without_diffusers_the_extra_is_named(tiny_model: Path, planned: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(MissingExtraError, match=r"needs diffusers; pip install 'pytest-synthgate\[generate\]'"):
        load_pipeline(planned(tiny_model))


LIBRARY = "libcudart.so.12: cannot open shared object file: No such file or directory"


@pytest.mark.parametrize("error", [OSError(LIBRARY), ImportError(LIBRARY), RuntimeError(LIBRARY)])
@pytest.mark.parametrize("name", ["torch", "diffusers"])
def test_a_library_that_lacks_one_of_the_system_is_named_with_the_model(
    tiny_model: Path, planned: Any, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception
) -> None:
    def broken(module: str) -> Any:
        if module == name:
            raise error
        return import_module(module)

    monkeypatch.setattr("pytest_synthgate.images.generation.loading.import_module", broken)
    with pytest.raises(GenerationError) as caught:
        generate(planned(tiny_model))
    assert f"generator.model = '{tiny_model}' needs {name}, which is installed and" in str(caught.value)
    assert str(caught.value).endswith(f"({type(error).__name__}: {LIBRARY}); repair it")


@pytest.mark.parametrize("error", [OSError(LIBRARY), MemoryError(), PermissionError(13, "Permission denied")])
def test_trouble_of_loading_a_pipeline_is_not_called_trouble_of_writing(
    tiny_model: Path, planned: Any, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from diffusers import AutoPipelineForText2Image

    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(AutoPipelineForText2Image, "from_pretrained", fails)
    with pytest.raises(GenerationError, match=rf"'{tiny_model}' cannot be loaded: {type(error).__name__}") as caught:
        generate(planned(tiny_model))
    assert "written" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RuntimeError("CUDA out of memory. Tried"), r"the model does not fit cpu \("),
        (RuntimeError("CUDA error: no kernel image is available"), r"the model cannot be moved to cpu \("),
        (OSError(LIBRARY), r"the model cannot be moved to cpu \(OSError: libcudart"),
    ],
)
def test_too_little_memory_for_a_model_is_told_from_other_trouble_of_a_device(
    tiny_model: Path, planned: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    from diffusers import StableDiffusionPipeline

    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(StableDiffusionPipeline, "to", fails)
    with pytest.raises(GenerationError, match=message):
        load_pipeline(planned(tiny_model))


def as_variant(folder: Path, variant: str) -> None:
    """Name the weights the way `save_pretrained(variant=...)` does."""
    for file in list(folder.glob("*/*.safetensors")):
        file.rename(file.with_name(f"{file.stem}.{variant}.safetensors"))


def test_a_folder_of_fp16_weights_alone_names_the_setting(copy: Path, planned: Any) -> None:
    as_variant(copy, "fp16")
    assert 'has weights only as text_encoder/*.fp16.safetensors; add variant = "fp16"' in refused(copy)
    load_pipeline(planned(copy, variant="fp16"))


def test_fp16_weights_beside_others_need_no_setting(copy: Path, planned: Any) -> None:
    for file in list(copy.glob("*/*.safetensors")):
        shutil.copy(file, file.with_name(f"{file.stem}.fp16.safetensors"))
    load_pipeline(planned(copy))


@pytest.mark.parametrize(
    ("files", "variant"),
    [
        (["model.fp16.safetensors"], "fp16"),
        (["unet/model.fp16-00001-of-00002.safetensors", "unet/model.fp16-00002-of-00002.safetensors"], "fp16"),
        (["model-00001-of-00002.fp16.safetensors"], "fp16"),
        (["model.safetensors", "model.fp16.safetensors"], None),
        (["model-00001-of-00002.safetensors"], None),
        (["model.bf16.safetensors", "model.fp16.safetensors"], None),
        (["config.json"], None),
        ([], None),
    ],
)
def test_a_variant_is_named_where_there_is_no_other(files: list[str], variant: str | None) -> None:
    assert only_variant(files) == variant


def test_a_hub_id_of_fp16_weights_alone_names_the_setting(
    copy: Path, planned: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    as_variant(copy, "fp16")
    cached = tmp_path / "hub" / "models--owner--name"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("c" * 40)
    shutil.copytree(copy, cached / "snapshots" / ("c" * 40))
    with pytest.raises(GenerationError, match=r"'owner/name' cannot be loaded: .*all fp16: add variant = \"fp16\"$"):
        load_pipeline(planned("owner/name"))


def test_a_plan_needs_no_hub_client(planned: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert planned("owner/name").missing
    with pytest.raises(MissingExtraError, match=r"'owner/name' needs huggingface_hub; pip install"):
        generate(planned("owner/name"))


def test_a_hub_id_is_pinned_to_the_commit_of_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    assert loading_arguments(NamedModel("a/b", None), "fp16") == {"use_safetensors": True, "variant": "fp16"}
    (tmp_path / "models--a--b" / "refs").mkdir(parents=True)
    (tmp_path / "models--a--b" / "refs" / "main").write_text("c" * 40)
    assert loading_arguments(NamedModel("a/b", None), "fp16")["revision"] == "c" * 40


def test_a_directory_is_loaded_from_there_alone() -> None:
    assert loading_arguments(NamedModel("x", Path("x"))) == {"use_safetensors": True, "local_files_only": True}


class Bare:
    """Takes nothing but prompts, a generator and steps."""

    def __call__(self, prompt: list[str], num_inference_steps: int = 4, generator: object = None) -> None: ...


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"negative_prompt": "blurry"}, "generator.negative_prompt: Bare takes no negative_prompt; remove it"),
        ({"guidance": 3.0}, "generator.guidance: Bare takes no guidance_scale; remove it"),
        ({"width": 8, "height": 8}, "generator.width: Bare takes no width; remove it"),
    ],
)
def test_a_setting_that_a_pipeline_does_not_take_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(GenerationError, match=f"^here {message}$"):
        call_arguments(Generator(model="x", steps=3, **settings), Bare(), "here")


def test_only_declared_settings_are_passed() -> None:
    assert call_arguments(Generator(model="x"), Bare(), "here") == {}
    assert call_arguments(Generator(model="x", steps=3), Bare(), "here") == {"num_inference_steps": 3}


@pytest.mark.parametrize("guidance", [0.0, 1.0])
def test_a_negative_prompt_without_guidance_is_refused(guidance: float) -> None:
    with pytest.raises(GenerationError, match="negative_prompt has no effect with guidance = "):
        call_arguments(replace(SD_15, guidance=guidance), _unbound("StableDiffusionPipeline"), "here")


@pytest.mark.parametrize(
    ("generator", "pipeline", "expected"),
    [
        (SD_TURBO, "StableDiffusionPipeline", {"num_inference_steps": 2, "guidance_scale": 0.0}),
        (SD_15, "StableDiffusionPipeline", {"num_inference_steps": 25, "guidance_scale": 7.5}),
        (SDXL, "StableDiffusionXLPipeline", {"num_inference_steps": 25, "guidance_scale": 5.0}),
    ],
    ids=["sd-turbo", "sd-1.5", "sdxl"],
)
def test_the_documented_settings_are_arguments_of_their_pipelines(
    generator: Generator, pipeline: str, expected: dict[str, object]
) -> None:
    expected |= {"width": generator.width, "height": generator.height}
    if generator.negative_prompt is not None:
        expected["negative_prompt"] = "blurry"
    assert call_arguments(generator, _unbound(pipeline), "here") == expected


def _unbound(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import diffusers

        return getattr(diffusers, name).__call__
