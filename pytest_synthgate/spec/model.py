"""A spec: one declared experiment, complete and checked, as every later station takes it.

First station of the flow (spec -> images). Values only; `files` makes them from TOML.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from pytest_synthgate.errors import SpecError
from pytest_synthgate.spec.limits import DEFAULT_LIMITS, Limits
from pytest_synthgate.spec.waivers import Waiver
from pytest_synthgate.text.wording import meant, quoted, where

DEFAULT_ENCODER = "open_clip:ViT-B-32/laion2b_s34b_b79k"

Definition = Literal["balanced", "studio"]
Copies = Literal["geometry", "features"]
Precision = Literal["auto", "fp32", "bf16"]
Balance = Literal["equal", "real"]
Dtype = Literal["auto", "fp32", "fp16", "bf16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """A diffusers pipeline and its settings; None leaves a setting to the pipeline or to the hardware.

    Attributes:
        model: A hub id, or a local diffusers directory relative to the spec file.
        steps: Denoising steps.
        guidance: Scale of classifier-free guidance.
        width: Pixels, a multiple of 8; None together with the height.
        height: Pixels, a multiple of 8.
        seed: What the seed of every image is derived from.
        negative_prompt: What the images should not show.
        scheduler: Class name of a diffusers scheduler.
        variant: Variant of the weight files, such as "fp16".
        dtype: Number format of the weights.
        lora: LoRA weights: a hub id, or a path relative to the spec file.
        lora_scale: Their weight.
        batch_size: Images at a time; never changes which image an index is.
        device: Torch device.
    """

    model: str
    steps: int | None = None
    guidance: float | None = None
    width: int | None = None
    height: int | None = None
    seed: int = 0
    negative_prompt: str | None = None
    scheduler: str | None = None
    variant: str | None = None
    dtype: Dtype = "auto"
    lora: str | None = None
    lora_scale: float = 1.0
    batch_size: int | None = None
    device: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One declared experiment: how a synthetic set comes about, how it is measured, and its limits.

    Attributes:
        name: Unique in a run.
        file: The spec file, an absolute path.
        real: The real set: a folder, a YOLO data.yaml, a table or vectors; None where only the command line can say.
        encoder: Name of the encoder, such as open_clip:ViT-B-32/laion2b_s34b_b79k or efficientnet_lite0.
        definition: How the realism scores are defined: by balanced draws, or by all images as they are.
        copies: How edited copies are found: among the nearest pictures by their geometry too, or by features alone.
        copy_encoder: Name of the encoder that finds the nearest pictures for that; None for the same one.
        normalise: Whether both sets take the same road before encoding.
        precision: Number format of the encoder.
        batch_size: Images encoded at a time; None to choose.
        device: Torch device of the encoder; None to choose.
        images: Images that exist already, in what a real set can be; None for a spec with prompt templates.
        templates: Prompt templates; empty for a spec with images.
        axes: Values by axis, in declared order, without `class`.
        per_prompt: Images of each prompt.
        total: Images of all prompts together, instead of `per_prompt`.
        balance_classes: How `total` is dealt to the classes: evenly, or as the real set has them.
        classes: Declared classes; None for the class folders of the real set.
        article: Article by noun, where "a" or "an" by the rule is wrong.
        generator: What turns the prompts into images; None for images, or where a hook does.
        compare_to: Name of the spec it is compared to.
        xfail: Reason by score, for gates that are known to fail.
        limits: Its limits, the defaults merged in.
        waivers: The exceptions of its file.
    """

    name: str
    file: Path
    real: Path | None = None
    encoder: str = DEFAULT_ENCODER
    definition: Definition = "balanced"
    copies: Copies = "geometry"
    copy_encoder: str | None = None
    normalise: bool = True
    precision: Precision = "auto"
    batch_size: int | None = None
    device: str | None = None
    images: Path | None = None
    templates: tuple[str, ...] = ()
    axes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    per_prompt: int | None = None
    total: int | None = None
    balance_classes: Balance = "equal"
    classes: tuple[str, ...] | None = None
    article: Mapping[str, str] = field(default_factory=dict)
    generator: Generator | None = None
    compare_to: str | None = None
    xfail: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = DEFAULT_LIMITS
    waivers: tuple[Waiver, ...] = ()

    @property
    def where(self) -> str:
        """How a message says where it was declared: `synth_snacks.toml: [spec.subject]`."""
        return where(self.file, "spec", self.name)


def check_compared(specs: Sequence[Spec]) -> None:
    """Say in a `SpecError` which spec of a run is compared to one that is not there."""
    names = [spec.name for spec in specs]
    for spec in specs:
        if spec.compare_to is not None and spec.compare_to not in names:
            others = [name for name in names if name != spec.name]
            raise SpecError(
                f"{spec.where} compare_to = {quoted(spec.compare_to)} is no spec of this run; "
                f"{meant(spec.compare_to, others)}"
            )


def check_names(specs: Iterable[Spec]) -> None:
    """Say in a `SpecError` which two specs, met so far in a run, have one name, and in which files."""
    by_name: dict[str, Spec] = {}
    for spec in specs:
        if (other := by_name.setdefault(spec.name, spec)) is not spec:
            raise SpecError(
                f"{spec.where} is declared in {where(other.file).removesuffix(':')} too; "
                "a name is unique in a run, rename one of them"
            )


def spec_to_json(spec: Spec) -> dict[str, Any]:
    """Give what identifies the declared sets and their measurement in plain JSON types, the same on every machine.

    Limits, expected failures and waivers are left out, for they change no measurement, and so are batch sizes,
    devices and the encoder's precision, which no fingerprint holds. Paths are relative to the spec file; take the
    form before an option overrides the real set.
    """
    folder = spec.file.parent
    generator = {} if spec.generator is None else asdict(spec.generator)
    return {
        "real": _portable(spec.real, folder),
        "encoder": spec.encoder,
        "definition": spec.definition,
        "copies": spec.copies,
        "copy_encoder": spec.copy_encoder,
        "normalise": spec.normalise,
        "images": _portable(spec.images, folder),
        "templates": list(spec.templates),
        # A list of pairs, because the order of the axes is the order of the prompts and JSON objects may be sorted.
        "axes": [[axis, list(values)] for axis, values in spec.axes.items()],
        "per_prompt": spec.per_prompt,
        "total": spec.total,
        "balance_classes": spec.balance_classes,
        "classes": None if spec.classes is None else list(spec.classes),
        "article": dict(sorted(spec.article.items())),
        "generator": {key: generator[key] for key in generator if key not in ("batch_size", "device")} or None,
    }


def _portable(path: Path | None, folder: Path) -> str | None:
    """Write a path below or beside a folder without that folder; `..` is kept as it was written."""
    if path is None:
        return None
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()
