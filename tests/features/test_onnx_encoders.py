import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import EncoderError, MissingExtraError
from pytest_synthgate.features.encoder import Encoder
from pytest_synthgate.features.encoders import resolve_encoder
from pytest_synthgate.features.lazy_encoder import LazyEncoder
from pytest_synthgate.features.store import Store

pytest.importorskip("openvino")
pytest.importorskip("onnx")
import onnx
from onnx import TensorProto

from .onnx_files import DIM, SIDE, renamed_weights, tokens, unit, vectors, write_model

CPU = Hardware("cpu", "fp32")
MEAN, STD = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
SCALING = f"mean = {list(MEAN)}\nstd = {list(STD)}\n"

Write = Callable[..., np.ndarray]


@pytest.fixture
def batch() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3), dtype=np.uint8)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(settings: str = SCALING, **model: object) -> np.ndarray:
        (tmp_path / "net.toml").write_text(settings)
        return write_model(tmp_path / "net.onnx", **model)  # type: ignore[arg-type]

    return written


@pytest.fixture
def load(tmp_path: Path) -> Callable[[], Encoder]:
    return lambda: resolve_encoder("onnx:net.onnx", tmp_path).load(CPU).encoder


Load = Callable[[], Encoder]


@pytest.mark.parametrize("shape", [("n", 3, SIDE, SIDE), (1, 3, SIDE, SIDE), (2, 3, SIDE, SIDE), (16, 3, SIDE, SIDE)])
def test_vectors_are_the_models_whatever_its_batch(
    write: Write, load: Load, batch: np.ndarray, shape: tuple[int | str, ...]
) -> None:
    kernel = write(shape=shape)
    encoder = load()
    assert (encoder.dim, encoder.preprocessing.shape) == (DIM, (SIDE, SIDE))
    assert encoder.encode(batch) == pytest.approx(vectors(batch, kernel, MEAN, STD), abs=1e-6)


def test_what_the_file_leaves_open_is_said_beside_it(write: Write, load: Load, batch: np.ndarray) -> None:
    settings = f"{SCALING}size = {SIDE}\nlayout = 'NHWC'\nresize_mode = 'squash'\ninterpolation = 'bilinear'\n"
    kernel = write(settings, shape=("n", "h", "w", "c"), layout="NHWC")
    encoder = load()
    assert (encoder.preprocessing.resize_mode, encoder.preprocessing.interpolation) == ("squash", "bilinear")
    assert encoder.encode(batch) == pytest.approx(vectors(batch, kernel, MEAN, STD), abs=1e-6)


def test_channels_that_come_last_are_known_by_their_number(write: Write, load: Load, batch: np.ndarray) -> None:
    kernel = write(shape=("n", SIDE, SIDE, 3), layout="NHWC")
    assert load().encode(batch) == pytest.approx(vectors(batch, kernel, MEAN, STD), abs=1e-6)


def test_a_model_in_half_precision_is_computed_in_single(write: Write, load: Load, batch: np.ndarray) -> None:
    kernel = write(kind=TensorProto.FLOAT16, element=TensorProto.FLOAT16)
    halved = kernel.astype(np.float16).astype(np.float32)
    assert load().encode(batch) == pytest.approx(vectors(batch, halved, MEAN, STD), abs=2e-3)


def test_a_model_that_takes_whole_numbers_gets_the_pixels(write: Write, load: Load, batch: np.ndarray) -> None:
    kernel = write("", kind=TensorProto.UINT8)
    assert load().encode(batch) == pytest.approx(vectors(batch, kernel, (0, 0, 0), (1, 1, 1)), abs=1e-6)


@pytest.mark.parametrize("output", ["pooled", "vector"])
def test_the_named_one_of_several_outputs_is_the_vector(
    write: Write, load: Load, batch: np.ndarray, output: str
) -> None:
    kernel = write(f"{SCALING}output = '{output}'", outputs=("map", "pooled", "vector"))
    assert load().encode(batch) == pytest.approx(vectors(batch, kernel, MEAN, STD), abs=1e-6)


@pytest.mark.parametrize("pooling", ["first", "mean"])
def test_tokens_become_one_vector_by_the_first_or_their_mean(
    write: Write, load: Load, batch: np.ndarray, pooling: str
) -> None:
    kernel = write(f"{SCALING}pooling = '{pooling}'", outputs=("tokens",))
    every = tokens((batch / 255 - MEAN) / STD, kernel)
    expected = every[:, 0] if pooling == "first" else every.mean(axis=1)
    assert load().encode(batch) == pytest.approx(unit(expected), abs=1e-6)


def test_the_weights_may_lie_in_a_file_beside_it(write: Write, load: Load, batch: np.ndarray) -> None:
    kernel = write(weights="net.data")
    assert load().encode(batch) == pytest.approx(vectors(batch, kernel, MEAN, STD), abs=1e-6)


def test_the_files_of_an_encoder_are_model_weights_and_settings(write: Write, tmp_path: Path) -> None:
    write(weights="net.data")
    source = resolve_encoder("onnx:net.onnx", tmp_path)
    assert source.name == f"onnx:{tmp_path / 'net.onnx'}"
    assert source.files == tuple(tmp_path / name for name in ("net.onnx", "net.data", "net.toml"))
    (tmp_path / "net.toml").unlink()
    assert resolve_encoder("onnx:net.onnx", tmp_path).files == source.files[:2]


def test_the_fingerprint_is_a_function_of_weights_and_settings_not_of_the_place(
    write: Write, load: Load, tmp_path: Path
) -> None:
    write(weights="net.data")
    fingerprint = load().fingerprint
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for file in resolve_encoder("onnx:net.onnx", tmp_path).files:
        (elsewhere / file.name).write_bytes(file.read_bytes())
    assert resolve_encoder("onnx:net.onnx", elsewhere).load(CPU).encoder.fingerprint == fingerprint
    (tmp_path / "net.toml").write_text(SCALING + f"# a comment\nsize = {SIDE}")
    assert load().fingerprint == fingerprint
    (tmp_path / "net.toml").write_text(SCALING + "interpolation = 'bilinear'")
    assert load().fingerprint != fingerprint
    (tmp_path / "net.toml").write_text(SCALING)
    model = (tmp_path / "net.onnx").read_bytes()
    (tmp_path / "net.data").unlink()  # or it would be added to
    write(weights="net.data", seed=1)
    assert (tmp_path / "net.onnx").read_bytes() == model
    assert load().fingerprint != fingerprint


def test_several_threads_encode_to_the_last_digit_as_one_does(write: Write, load: Load) -> None:
    write()
    batches = np.random.default_rng(0).integers(0, 256, (12, 8, SIDE, SIDE, 3), dtype=np.uint8)
    encoder = load()
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(encoder.encode, batches))
    assert np.array_equal(together, [encoder.encode(each) for each in batches])


@pytest.mark.parametrize(("said", "expected"), [("1", 1), ("1,2", 1), ("", 2), ("nothing", 2), ("0", 2), ("64", 2)])
def test_as_many_threads_encode_as_may_compute(
    write: Write, load: Load, said: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write()
    monkeypatch.setattr("pytest_synthgate.features.openvino_encoder.cores", lambda: 2)
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    with load().in_threads() as threads:  # type: ignore[attr-defined]
        assert threads == expected


def test_a_picture_goes_from_the_store_through_the_encoder_in_full_batches(
    write: Write, tmp_path: Path, batch: np.ndarray
) -> None:
    kernel = write(shape=(1, 3, SIDE, SIDE))
    with Store(tmp_path / "store") as store:
        lazy = LazyEncoder(resolve_encoder("onnx:net.onnx", tmp_path), Hardware("cuda", "bf16"), store)
        assert (lazy.hardware, lazy.batch_size) == (Hardware("cpu", "fp32", "openvino"), 8)
        assert lazy.encode(list(batch)) == pytest.approx(vectors(batch, kernel, MEAN, STD), abs=1e-6)


def test_nothing_is_sent_or_written_when_openvino_is_imported(write: Write, tmp_path: Path) -> None:
    write()
    code = """
import sys
from pathlib import Path
from pytest_synthgate.device import Hardware
from pytest_synthgate.features.encoders import resolve_encoder
source = resolve_encoder("onnx:net.onnx")
print([each for each in ("openvino", "torch", "numpy", "onnx") if each in sys.modules])
source.load(Hardware("cpu", "fp32"))
print([each for each in ("openvino", "torch", "openvino_telemetry") if each in sys.modules])
print([each.name for each in Path.home().iterdir()])
"""
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"HOME": str(home), "PYTHONPATH": ":".join(filter(None, sys.path))},
    )
    assert done.stdout == "[]\n['openvino']\n[]\n"


def test_a_missing_runtime_is_named_with_the_extra_that_brings_it(
    write: Write, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    write()
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError) as caught:
        load()
    told = "the encoder onnx:net.onnx needs openvino; pip install 'pytest-synthgate[fast]'"
    assert str(caught.value) == told


def test_a_precision_that_the_processor_lacks_is_refused(write: Write, tmp_path: Path) -> None:
    import openvino

    if "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor computes in bf16")
    write()
    with pytest.raises(EncoderError, match="cannot be computed in bf16 on this processor; name the precision fp32"):
        resolve_encoder("onnx:net.onnx", tmp_path).load(Hardware("cpu", "bf16"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("[broken", r"net\.toml cannot be read as TOML \(.*; repair it"),
        ("sise = 224", r"net\.toml: unknown key 'sise'; did you mean 'size'\?"),
        ("size = [8, 8, 3]", r"size = \[\.\.\.\]; give pixels, 224 or \[height, width\]"),
        ("size = true", "size = true; give pixels"),
        ("size = 0", "size = 0; give pixels"),
        ("layout = 'nchw'", "layout = 'nchw'; give one of NCHW, NHWC"),
        ("mean = [0.1, 0.2]", "give three numbers in units of 0 to 1, or one for all"),
        ("mean = [0.1, 0.2, nan]", "give three numbers in units of 0 to 1"),
        ("std = [0.5, 0.5, 0]", "give three numbers above 0"),
        ("std = 'one'", "give three numbers above 0"),
        ("resize_mode = 'crop'", "give one of shortest, longest, squash"),
        ("interpolation = 2", "give one of bicubic, bilinear"),
        ("fill = 256", "give a grey value of 0 to 255"),
        ("output = 1", "output = 1; give the name of an output"),
        ("pooling = 'last'", "give one of first, mean"),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_is_loaded(
    write: Write, tmp_path: Path, settings: str, message: str
) -> None:
    write(settings)
    with pytest.raises(EncoderError, match=message) as caught:
        resolve_encoder("onnx:net.onnx", tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "model", "message"),
    [
        ("", {}, r"give mean and std in .*net\.toml, such as mean = \[0\.485"),
        ("mean = 0.5", {}, r"give std in .*net\.toml"),
        (SCALING, {"kind": TensorProto.UINT8}, "mean is given, but the model takes whole numbers; leave it out"),
        (SCALING + "size = 9", {}, r"size = \[9, 9\], but the model takes \(\?, 3, 8, 8\); leave it out"),
        (SCALING + "layout = 'NHWC'", {}, r"shape \(\?, 3, 8, 8\), which is not NHWC"),
        (SCALING, {"shape": ("n", 3, "h", "w")}, r"shape \(\?, 3, \?, \?\); give its size = \[height, width\] in"),
        (SCALING, {"shape": ("n", "c", "h", "w")}, r"shape \(\?, \?, \?, \?\); give layout = 'NCHW' or 'NHWC' in"),
        (SCALING, {"outputs": ("vector", "other")}, "several outputs; give output = one of 'vector', 'other' in"),
        (SCALING + "output = 'vectr'", {}, r"net\.toml: the model has no output 'vectr'; did you mean 'vector'\?"),
        (SCALING, {"outputs": ("map",)}, r"gives an output of shape \(\?, 5, 2, 2\), not \(n, dim\); name another"),
        (SCALING, {"outputs": ("tokens",)}, r"\(\?, 4, 5\), not \(n, dim\); name another output, or the pooling"),
        (SCALING + "pooling = 'mean'", {}, r"\(\?, 5\), not \(n, tokens, dim\); leave out pooling"),
        (SCALING + "size = 2", {"shape": ("n", 3, "h", "w")}, r"cannot encode images of \(2, 2\)"),
    ],
)
def test_settings_that_do_not_fit_the_model_are_refused_in_a_line(
    write: Write, load: Load, settings: str, model: dict[str, object], message: str
) -> None:
    write(settings, **model)
    with pytest.raises(EncoderError, match=message) as caught:
        load()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("onnx:net.pt", r"names no ONNX file; write onnx:FILE\.onnx"),
        ("onnx:none.onnx", r"no file .*none\.onnx; save the model there"),
        ("onnx:", "unknown encoder 'onnx:'"),
    ],
)
def test_a_name_of_no_file_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        resolve_encoder(name, tmp_path)


def test_a_model_that_the_runtime_cannot_read_is_refused_in_a_line(write: Write, load: Load, tmp_path: Path) -> None:
    write()
    model = onnx.load(str(tmp_path / "net.onnx"))
    model.graph.node[0].op_type, model.graph.node[0].domain = "Unheard", "org.unheard"
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(EncoderError, match=r"net\.onnx cannot be read \(.*Unheard.*\); save the model anew") as caught:
        load()
    assert "\n" not in str(caught.value)


def test_weights_outside_the_folder_are_refused(write: Write, load: Load, tmp_path: Path) -> None:
    write(weights="net.data")
    renamed_weights(tmp_path / "net.onnx", "../secret")
    with pytest.raises(EncoderError, match=r"names weights outside its folder, \.\./secret"):
        load()
