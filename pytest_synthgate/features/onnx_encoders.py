"""Models from ONNX files, each with a small TOML file beside it that says what its input is.

Third station of the flow (images -> features -> scores). A model is data: nothing in it is executed but its arithmetic,
and nothing asks the network. What the file says of itself need not be said again. OpenVINO is imported by loading only.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import EncoderError, first_line, require
from pytest_synthgate.features.encoder import EncoderSource, Loaded
from pytest_synthgate.features.onnx_file import weight_files
from pytest_synthgate.features.openvino_encoder import Layout, OpenVinoEncoder, Pooling, openvino
from pytest_synthgate.images.normalise import Preprocessing
from pytest_synthgate.text.printable import visible
from pytest_synthgate.text.wording import meant, quoted, written

FORMS = ("onnx:FILE.onnx",)

_Numbers = tuple[float, ...]

_NOISE = (
    "Exception from",
    "Check ",
    "FrontEnd ",
    "Model wasn't",
    "Summary",
    "Conversion is failed",
    "While validating",
)


@dataclass(frozen=True, slots=True)
class OnnxSettings:
    """What the TOML file beside a model says; the names and values are those of its keys.

    Attributes:
        size: (height, width) of the input in pixels.
        layout: Where the channels of the input are.
        mean: Per-channel mean to subtract, in units of 0 to 1.
        std: Per-channel deviation to divide by, in units of 0 to 1.
        resize_mode: As `Preprocessing` has it.
        interpolation: As `Preprocessing` has it.
        fill: As `Preprocessing` has it.
        output: Name of the output that holds the vectors.
        pooling: How an output of one vector a token becomes one vector.
    """

    size: tuple[int, int] | None = None
    layout: Layout | None = None
    mean: _Numbers | None = None
    std: _Numbers | None = None
    resize_mode: Any = "shortest"
    interpolation: Any = "bicubic"
    fill: int = 0
    output: str | None = None
    pooling: Pooling | None = None


def onnx_source(name: str, base: Path) -> EncoderSource | None:
    """Take a name of one of the `FORMS`; None for any other.

    Raises:
        EncoderError: It names no ONNX file that is there, whole and with its weights, or the TOML file is wrong.
    """
    family, _, path = name.partition(":")
    if family != "onnx" or not path:
        return None
    file = base.joinpath(path).absolute()
    if file.suffix != ".onnx":
        raise EncoderError(f"{name!r} names no ONNX file; write {FORMS[0]}")
    if not file.is_file():
        raise EncoderError(f"{name}: no file {file}; save the model there")
    beside = file.with_suffix(".toml")
    files = (file, *weight_files(file))
    settings = read_settings(beside) if beside.is_file() else OnnxSettings()
    return EncoderSource(
        f"onnx:{file}",
        partial(load_onnx, name, files, settings),
        (*files, beside) if beside.is_file() else files,
        settled=on_cpu,
    )


def on_cpu(hardware: Hardware) -> Hardware:
    """Name the hardware that an ONNX model runs on: always a CPU, in the precision that was chosen for one."""
    return Hardware("cpu", hardware.precision if hardware.device == "cpu" else "fp32", "openvino")


def read_settings(file: Path) -> OnnxSettings:
    """Read the TOML file beside a model.

    Raises:
        EncoderError: It cannot be read, or a key or a value is none.
    """
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise EncoderError(f"{file} cannot be read as TOML ({first_line(error)}); repair it") from None
    values = {key: _value(file, key, value) for key, value in raw.items()}
    return OnnxSettings(**values)


def _value(file: Path, key: str, value: Any) -> Any:
    if key not in _KEYS:
        raise EncoderError(f"{file}: unknown key {quoted(key)}; {meant(key, _KEYS)}")
    read, wanted = _KEYS[key]
    given = read(value)
    if given is None:
        raise EncoderError(f"{file}: {key} = {written(value)}; {wanted}")
    return given


def _sides(value: Any) -> tuple[int, int] | None:
    sides = [value, value] if _whole(value) is not None else value
    if not isinstance(sides, list) or len(sides) != 2:
        return None
    return (sides[0], sides[1]) if all((_whole(each) or 0) >= 1 for each in sides) else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _channels(value: Any, above: float = float("-inf")) -> _Numbers | None:
    values = value if isinstance(value, list) else [value] * 3
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in values)
    if len(values) != 3 or not numbers or not all(above < each < float("inf") for each in values):
        return None
    return tuple(float(each) for each in values)


def _one_of(*words: str) -> tuple[Callable[[Any], Any], str]:
    return lambda value: value if value in words else None, f"give one of {', '.join(words)}"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _grey(value: Any) -> int | None:
    grey = _whole(value)
    return grey if grey is not None and 0 <= grey <= 255 else None


_KEYS: Mapping[str, tuple[Callable[[Any], Any], str]] = {
    "size": (_sides, "give pixels, 224 or [height, width]"),
    "layout": _one_of("NCHW", "NHWC"),
    "mean": (_channels, "give three numbers in units of 0 to 1, or one for all"),
    "std": (partial(_channels, above=0.0), "give three numbers above 0, in units of 0 to 1, or one for all"),
    "resize_mode": _one_of("shortest", "longest", "squash"),
    "interpolation": _one_of("bicubic", "bilinear"),
    "fill": (_grey, "give a grey value of 0 to 255"),
    "output": (_text, "give the name of an output"),
    "pooling": _one_of("first", "mean"),
}


def load_onnx(name: str, files: tuple[Path, ...], settings: OnnxSettings, hardware: Hardware) -> Loaded:
    """Load a model from its file and those with its weights, and find out what its settings leave open."""
    require(f"the encoder {name}", "fast", "openvino")
    file = files[0]
    beside = file.with_suffix(".toml")
    ov = openvino()
    try:
        model = ov.Core().read_model(file)
    except RuntimeError as error:
        raise EncoderError(f"{name}: {file} cannot be read ({_reason(error)}); save the model anew") from None
    if len(model.inputs) != 1:
        raise EncoderError(f"{name} has {len(model.inputs)} inputs; an encoder has one, the image")
    layout, size = _input(name, beside, model.input(0).get_partial_shape(), settings)
    output = _output(name, beside, [sorted(each.get_names()) for each in model.outputs], settings.output)
    raw = model.input(0).get_element_type() == ov.Type.u8
    mean, std = _scaling(name, beside, raw, settings)
    preprocessing = Preprocessing(
        size=size,
        resize_mode=settings.resize_mode,
        interpolation=settings.interpolation,
        mean=mean,
        std=std,
        fill=settings.fill,
    )
    # What the settings leave open follows from the model.
    shaping = {"layout": layout, "output": output, "pooling": settings.pooling, **preprocessing.to_json()}
    fingerprint = _fingerprint(files, shaping)
    encoder = OpenVinoEncoder(
        name, fingerprint, model, preprocessing, hardware, layout=layout, output=output, pooling=settings.pooling
    )
    return Loaded(encoder)


def _input(name: str, beside: Path, shape: Any, settings: OnnxSettings) -> tuple[Layout, tuple[int, int]]:
    """Find layout and size in the shape of the input, of which any side may be free, and in the settings."""
    if shape.rank.is_dynamic:
        sides: list[int | None] = [None] * 4
    else:
        sides = [None if each.is_dynamic else each.get_length() for each in shape]
    said = ", ".join("?" if each is None else str(each) for each in sides)
    if len(sides) != 4:
        raise EncoderError(
            f"{name} takes an input of shape ({said}); an image has four sides, batch and channels among"
        )
    layouts: dict[Layout, tuple[int | None, ...]] = {
        "NCHW": (sides[1], sides[2], sides[3]),
        "NHWC": (sides[3], sides[1], sides[2]),
    }
    possible = {each: found for each, found in layouts.items() if found[0] in (None, 3)}
    certain = [each for each in possible if layouts[each][0] == 3]
    layout = settings.layout or next(
        iter(certain if len(certain) == 1 else possible if len(possible) == 1 else ()), None
    )
    if layout is None and possible:
        raise EncoderError(f"{name} takes an input of shape ({said}); give layout = 'NCHW' or 'NHWC' in {beside}")
    if layout not in possible:
        asked = f", which is not {layout}" if layout else ""
        raise EncoderError(f"{name} takes an input of shape ({said}){asked}; an image has three channels")
    height, width = possible[layout][1:]
    if settings.size is None and (height is None or width is None):
        raise EncoderError(f"{name} takes an input of shape ({said}); give its size = [height, width] in {beside}")
    size = settings.size or (height or 0, width or 0)
    if (height or size[0], width or size[1]) != size:
        raise EncoderError(f"{beside}: size = {list(size)}, but the model takes ({said}); leave it out")
    return layout, size


def _output(name: str, beside: Path, outputs: list[list[str]], wanted: str | None) -> int:
    """Find which output holds the vectors; each may have several names."""
    for place, names in enumerate(outputs):
        if wanted in names or (wanted is None and len(outputs) == 1):
            return place
    known = [each for names in outputs for each in names]
    if wanted is None:
        raise EncoderError(
            f"{name} has several outputs; give output = one of {', '.join(map(quoted, known))} in {beside}"
        )
    raise EncoderError(f"{beside}: the model has no output {quoted(wanted)}; {meant(wanted, known)}")


def _scaling(
    name: str, beside: Path, raw: bool, settings: OnnxSettings
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    given = {key: value for key, value in (("mean", settings.mean), ("std", settings.std)) if value is not None}
    if raw:
        if given:
            raise EncoderError(
                f"{beside}: {next(iter(given))} is given, but the model takes whole numbers; leave it out"
            )
        return (0.0,) * 3, (1.0,) * 3
    if absent := [key for key in ("mean", "std") if key not in given]:
        raise EncoderError(
            f"{name} does not say how it was trained to see pixels; give {' and '.join(absent)} in {beside}, "
            "such as mean = [0.485, 0.456, 0.406] and std = [0.229, 0.224, 0.225], those of ImageNet"
        )
    mean, std = ((each[0], each[1], each[2]) for each in given.values())
    return mean, std


def _reason(error: RuntimeError) -> str:
    """Leave out where in OpenVINO's own sources an error arose: the last line that says something is the reason."""
    lines = [line.strip().removeprefix("-- ") for line in str(error).splitlines()]
    told = [line for line in lines if line and not line.startswith(_NOISE)]
    return visible(told[-1][:200]) if told else first_line(error)


def _fingerprint(files: tuple[Path, ...], shaping: Mapping[str, Any]) -> str:
    """Hash the bytes of all files, by the names that the model calls them, and what makes vectors of its output."""
    digest = hashlib.sha256(json.dumps(shaping, sort_keys=True).encode())
    for place, file in enumerate(files):
        with file.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").hexdigest()
        called = file.relative_to(files[0].parent).as_posix() if place else "model"
        digest.update(f"\n{called} {content}".encode(errors="surrogateescape"))
    return f"sha256:{digest.hexdigest()}"
