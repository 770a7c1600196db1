"""Train a small Stable Diffusion pipeline that draws digits from prompts, on scikit-learn's scanned digits.

The example project needs a text-to-image model that a laptop without a GPU or a network can train and run.
This script makes one, complete: a CLIP text encoder, a VAE, a cross-attention UNet, a DDIM scheduler and a
tokenizer. It draws 32 x 32 digits and obeys two things in a prompt, the digit and the width of its strokes:

    a photo of a three
    a photo of an eight in thick strokes
    a handwritten digit

    python train.py        # some four minutes on one thread: train, save beside this file, measure

Second in the flow: scans -> train -> measure. Here: prompts, tokens, the untrained pipeline, VAE, denoiser.
"""

# ruff: noqa: T201 - a script tells its progress by print

import argparse
import string
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from diffusers import StableDiffusionPipeline as Pipeline
from measure import measure
from scans import SIZE, TRAIN, WORDS, Scans, label_strokes, load_scans
from tokenizers.pre_tokenizers import ByteLevel
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

TOKENS = 40

TEMPLATES = ("a photo of {}", "a picture of {}", "a scan of {}", "a handwritten {}", "the digit {}", "{}")
STROKES = ("in {} strokes", "with {} strokes")
VOCABULARY = " ".join((*TEMPLATES, *STROKES, *WORDS, "an", "digit", "thick", "thin")).replace("{}", "").split()


def write_prompt(digit: int, strokes: str, rng: np.random.Generator) -> str:
    """Describe a scan in one of many ways; what a prompt leaves out, the model learns to vary."""
    if rng.random() < 0.1:
        return ""  # what guidance steers away from
    word = "digit" if rng.random() < 0.1 else str(digit) if rng.random() < 0.1 else WORDS[digit]
    template = str(rng.choice(TEMPLATES))
    article = ("an " if word == "eight" else "a ") if template.endswith(" of {}") else ""
    words = template.format(article + word).split()
    if strokes and rng.random() < 0.6:
        words += str(rng.choice(STROKES)).format(strokes).split()
    if rng.random() < 0.15:  # words of no meaning, so that one in a user's prompt does no harm
        noise = "".join(rng.choice(list(string.ascii_lowercase), rng.integers(1, 8)))
        words.insert(int(rng.integers(len(words) + 1)), noise)
    return " ".join(words)


def make_tokenizer() -> CLIPTokenizer:
    """Make a tokenizer in which each word of the prompts is one token and any other text is bytes."""
    alphabet = sorted(ByteLevel.alphabet())
    tokens = ["<|startoftext|>", "<|endoftext|>", *alphabet, *(letter + "</w>" for letter in alphabet)]
    merges: dict[tuple[str, str], None] = {}
    # Longest first: the rank of a merge is its place, and "in" must not come between the letters of "thin".
    for word in sorted(set(VOCABULARY), key=lambda word: (-len(word), word)):
        letters = [*word[:-1], word[-1] + "</w>"]
        for end in range(1, len(letters)):
            merges["".join(letters[:end]), letters[end]] = None
    vocabulary = {token: number for number, token in enumerate([*tokens, *("".join(m) for m in merges)])}
    tokenizer = CLIPTokenizer(vocabulary, list(merges), model_max_length=TOKENS)
    broken = [word for word in VOCABULARY if len(word) > 1 and len(tokenizer.tokenize(word)) > 1]
    if broken:
        raise RuntimeError(f"words split into several tokens: {broken}")
    return tokenizer


def make_pipeline() -> Pipeline:
    """Put the untrained parts together; only the lower, 4 x 4 level of the UNet reads the prompt."""
    tokenizer = make_tokenizer()
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(8, 16, 32),
        norm_num_groups=8,
        sample_size=SIZE,
        mid_block_add_attention=False,
    )
    with torch.no_grad():  # three equal colours, equally trained, stay equal: what it draws is grey
        vae.decoder.conv_out.weight[:] = vae.decoder.conv_out.weight[:1].clone()
        vae.decoder.conv_out.bias[:] = vae.decoder.conv_out.bias[:1].clone()
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=128,
            projection_dim=64,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=TOKENS,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    unet = UNet2DConditionModel(
        sample_size=SIZE // 4,
        block_out_channels=(48, 96),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=2,  # the number of heads, in spite of its name
        cross_attention_dim=64,
        norm_num_groups=16,
    )
    # Ink is brightness, and a trace of it in the noisiest step would tie the drawn ink to the noise's mean.
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        steps_offset=1,
    )
    return Pipeline(vae, text_encoder, tokenizer, unet, scheduler, None, None, requires_safety_checker=False)


def train_vae(vae: AutoencoderKL, pixels: torch.Tensor, steps: int, batch: int = 32) -> torch.Tensor:
    """Train the VAE on pixels (n, 3, 32, 32) in -1..1; return mean and deviation of its latents, stacked."""
    optimizer = torch.optim.AdamW(vae.parameters(), lr=3e-3)
    schedule = OneCycleLR(optimizer, 3e-3, steps, pct_start=0.1, anneal_strategy="linear")
    for step in range(steps):
        chosen = pixels[torch.randint(len(pixels), (batch,))]
        posterior = vae.encode(chosen).latent_dist
        loss = functional.l1_loss(vae.decode(posterior.sample()).sample, chosen) + 1e-6 * posterior.kl().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        tell("vae", step, steps, loss)
    with torch.inference_mode():
        posterior = vae.encode(pixels).latent_dist
        return standardise(vae, posterior.mean, posterior.std)


def standardise(vae: AutoencoderKL, mean: torch.Tensor, deviation: torch.Tensor) -> torch.Tensor:
    """Give each latent channel mean 0, deviation 1, inside the VAE's 1 x 1 convolutions; no drawing changes.

    A pipeline knows one scaling factor for all channels; this one needs none, and no channel drowns another.
    """
    centre, spread = mean.mean((0, 2, 3)), mean.std((0, 2, 3))
    encode, decode = vae.quant_conv, vae.post_quant_conv
    decode.bias += decode.weight[:, :, 0, 0] @ centre
    decode.weight *= spread[:, None, None]
    encode.weight[: len(spread)] /= spread[:, None, None, None]
    encode.bias[: len(spread)] = (encode.bias[: len(spread)] - centre) / spread
    encode.bias[len(spread) :] -= 2 * spread.log()  # these rows give the log variance
    vae.register_to_config(scaling_factor=1.0)
    shape = (1, -1, 1, 1)
    return torch.stack([(mean - centre.view(shape)) / spread.view(shape), deviation / spread.view(shape)])


def train_denoiser(pipe: Pipeline, latents: torch.Tensor, scans: Scans, steps: int, batch: int = 48) -> None:
    """Train text encoder and UNet together to take the noise from latents, and keep their running average."""
    rng = np.random.default_rng(0)
    strokes = label_strokes(scans)
    mean, deviation = latents
    model = torch.nn.ModuleDict({"unet": pipe.unet, "text_encoder": pipe.text_encoder}).train()
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.995))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    schedule = OneCycleLR(optimizer, 2e-3, steps, pct_start=0.05, anneal_strategy="linear")
    for step in range(steps):
        chosen = torch.as_tensor(rng.integers(len(mean), size=batch))
        prompts = [write_prompt(int(scans.digits[i]), strokes[i], rng) for i in chosen]
        tokens = pipe.tokenizer(prompts, padding="max_length", truncation=True, return_tensors="pt").input_ids
        clean = mean[chosen] + deviation[chosen] * torch.randn(batch, *mean.shape[1:])
        noise = torch.randn_like(clean)
        times = torch.randint(pipe.scheduler.config.num_train_timesteps, (batch,))
        noisy = pipe.scheduler.add_noise(clean, noise, times)
        target = pipe.scheduler.get_velocity(clean, noise, times)
        loss = functional.mse_loss(pipe.unet(noisy, times, pipe.text_encoder(tokens)[0]).sample, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        average.update_parameters(model)
        tell("unet", step, steps, loss)
    model.load_state_dict(average.module.state_dict())


def tell(what: str, step: int, steps: int, loss: torch.Tensor) -> None:
    """Print the progress now and then."""
    if step % 100 == 0 or step == steps - 1:
        print(
            f"{what} {step + 1:5}/{steps}  loss {loss.item():.4f}  {time.process_time():4.0f} s CPU",
            flush=True,
        )


def save(pipe: Pipeline, folder: Path) -> None:
    """Write the pipeline; the VAE and the UNet in half precision."""
    pipe.vae.half()
    pipe.unet.half()
    # Not the text encoder: transformers loads it as it was saved, diffusers the others in single precision.
    pipe.save_pretrained(folder, safe_serialization=True)
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)


def main() -> None:
    """Train, save and measure, on one thread and from fixed seeds."""
    parser = argparse.ArgumentParser(description="Train the digits model.")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent)
    parser.add_argument("--vae-steps", type=int, default=500)
    parser.add_argument("--unet-steps", type=int, default=1000)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    scans = load_scans(TRAIN)
    pipe = make_pipeline()
    pixels = torch.as_tensor(scans.images / 127.5 - 1, dtype=torch.float32)[:, None].expand(-1, 3, -1, -1)
    latents = train_vae(pipe.vae, pixels, asked.vae_steps)
    train_denoiser(pipe, latents, scans, asked.unet_steps)
    save(pipe, asked.folder)
    measure(asked.folder)


if __name__ == "__main__":
    main()
