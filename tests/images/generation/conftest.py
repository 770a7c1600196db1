"""A Stable Diffusion pipeline of random weights, small enough to make an image in some hundredths of a second."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_synthgate.images.generation.plan import Plan, plan
from pytest_synthgate.spec.model import Generator, Spec
from pytest_synthgate.spec.prompts import expand

Planner = Callable[..., Plan]


@pytest.fixture(scope="session")
def one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _pipeline(tmp_path_factory.mktemp("vocabulary")).save_pretrained(folder)
    return folder


def _pipeline(folder: Path) -> Any:
    import torch
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(0)
    vae = AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        layers_per_block=1,
        norm_num_groups=4,
        latent_channels=4,
        sample_size=32,
    )
    unet = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=8,
        cross_attention_dim=16,
    )
    letters = [chr(code) for code in range(33, 127)]
    tokens = ["<|startoftext|>", "<|endoftext|>", *letters, *(letter + "</w>" for letter in letters)]
    (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer.from_pretrained(str(folder), model_max_length=32)
    text = CLIPTextConfig(
        vocab_size=len(tokens),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=32,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(text),
        tokenizer=tokenizer,
        unet=unet,
        scheduler=DDIMScheduler(clip_sample=False, set_alpha_to_one=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


@pytest.fixture
def planned(tmp_path: Path) -> Planner:
    """Plan a spec in a project of its own: `planned(model, per_prompt=3, steps=2)`."""

    def make(
        model: Path | str,
        *,
        name: str = "fruit",
        classes: tuple[str, ...] = ("apple", "banana"),
        template: str = "a {class}",
        per_prompt: int = 2,
        cache: Path | None = None,
        **settings: Any,
    ) -> Plan:
        defaults: dict[str, Any] = {"steps": 2, "guidance": 2.0, "width": 32, "height": 32, "device": "cpu"}
        generator = Generator(model=str(model), **defaults | settings)
        spec = Spec(
            name=name,
            file=tmp_path / "synth_fruit.toml",
            templates=(template,),
            per_prompt=per_prompt,
            classes=classes if "{class}" in template else None,
            generator=generator,
        )
        return plan(spec, expand(spec), cache or tmp_path / "cache")

    return make
