import os
import shutil
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from pytest_synthgate.device import Hardware
from pytest_synthgate.features.encoder import Encoder, EncoderFacts, EncoderSource, Loaded
from pytest_synthgate.features.lazy_encoder import LazyEncoder
from pytest_synthgate.features.store import Store
from pytest_synthgate.images.normalise import Preprocessing

from .conftest import LONG_AGO, FlatEncoder

pytest.importorskip("torch")
pytest.importorskip("openvino")
import torch

from pytest_synthgate.features.converted import FOLDER, MODEL, keep, recall
from pytest_synthgate.features.openvino_module import module_encoder

INPUT = Preprocessing(size=(8, 6), mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0))
FAST = Hardware("cpu", "fp32", "openvino")
BATCH = np.random.default_rng(0).integers(0, 256, (8, 8, 6, 3), dtype=np.uint8)


def made(seed: int = 0, hardware: Hardware = FAST) -> Encoder:
    torch.manual_seed(seed)
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 2), torch.nn.BatchNorm2d(5), torch.nn.Flatten())
    return module_encoder("net", {"name": "net"}, module, INPUT, hardware)


def kept(directory: Path) -> list[Path]:
    return sorted((directory / FOLDER).iterdir()) if (directory / FOLDER).exists() else []


def test_what_was_kept_gives_the_same_vectors_to_the_last_digit(tmp_path: Path) -> None:
    encoder = made()
    keep(tmp_path, encoder)
    recalled = recall(tmp_path, "net", EncoderFacts.of(encoder), FAST)
    assert recalled is not None
    assert (recalled.name, EncoderFacts.of(recalled)) == ("net", EncoderFacts.of(encoder))
    for size in (8, 3):
        assert np.array_equal(recalled.encode(BATCH[:size]), encoder.encode(BATCH[:size]))


def test_an_encoder_that_computed_already_is_kept_for_any_batch(tmp_path: Path) -> None:
    encoder = made()
    encoder.encode(BATCH[:3])
    keep(tmp_path, encoder)
    recalled = recall(tmp_path, "net", EncoderFacts.of(encoder), FAST)
    assert recalled is not None
    assert np.array_equal(recalled.encode(BATCH), encoder.encode(BATCH))


def test_another_encoder_is_not_taken_for_it(tmp_path: Path) -> None:
    keep(tmp_path, made())
    assert recall(tmp_path, "net", EncoderFacts.of(made(seed=1)), FAST) is None


def test_what_another_version_kept_is_not_used_and_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = made()
    keep(tmp_path, encoder)
    keep(tmp_path, made(seed=1))
    before = kept(tmp_path)
    version = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "9.9" if name == "openvino" else version(name))
    assert recall(tmp_path, "net", EncoderFacts.of(encoder), FAST) is None
    keep(tmp_path, encoder)
    assert recall(tmp_path, "net", EncoderFacts.of(encoder), FAST) is not None
    assert len(kept(tmp_path)) == len(before) == 2
    assert len({*kept(tmp_path)} & {*before}) == 1


def test_keeping_it_twice_changes_nothing(tmp_path: Path) -> None:
    keep(tmp_path, made())
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}
    keep(tmp_path, made())
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("content", [b"", b"<net", b'<?xml version="1.0"?><net name="x" version="11"></net>'])
def test_a_damaged_model_is_converted_anew(tmp_path: Path, content: bytes) -> None:
    encoder = made()
    keep(tmp_path, encoder)
    (kept(tmp_path)[0] / MODEL).write_bytes(content)
    assert recall(tmp_path, "net", EncoderFacts.of(encoder), FAST) is None


def test_weights_that_are_cut_short_are_converted_anew(tmp_path: Path) -> None:
    encoder = made()
    keep(tmp_path, encoder)
    weights = (kept(tmp_path)[0] / MODEL).with_suffix(".bin")
    weights.write_bytes(weights.read_bytes()[:-40])
    assert recall(tmp_path, "net", EncoderFacts.of(encoder), FAST) is None


def test_what_cannot_be_kept_is_let_go_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    keep(tmp_path, made())
    assert [each.name for each in tmp_path.iterdir()] == [FOLDER]
    keep(tmp_path / "torch", made(hardware=Hardware("cpu", "fp32")))
    assert not (tmp_path / "torch").exists()


@pytest.fixture
def loads() -> list[Hardware]:
    return []


@pytest.fixture
def source(tmp_path: Path, loads: list[Hardware]) -> Callable[..., EncoderSource]:
    """An encoder whose weights are a file that holds a number."""
    weights = tmp_path / "weights"

    def load(hardware: Hardware) -> Loaded:
        loads.append(hardware)
        return Loaded(made(int(weights.read_text()), hardware))

    def written(seed: int, *, converted: bool = True) -> EncoderSource:
        weights.write_text(str(seed))
        os.utime(weights, (LONG_AGO, LONG_AGO + seed))
        return EncoderSource("net", load, (weights,), settled=lambda _: FAST, converted=converted)

    return written


def test_a_model_is_loaded_and_converted_once_while_its_files_are_the_same(
    source: Callable[..., EncoderSource], loads: list[Hardware], store: Store
) -> None:
    first, again = (LazyEncoder(source(0), FAST, store) for _ in range(2))
    vectors = first.encode(list(BATCH))
    assert np.array_equal(again.encode(list(BATCH)), vectors)
    assert len(loads) == 1
    others = LazyEncoder(source(1), FAST, store).encode(list(BATCH))
    assert not np.allclose(others, vectors)
    assert len(loads) == 2
    shutil.rmtree(store.directory / FOLDER)
    assert np.array_equal(LazyEncoder(source(1), FAST, store).encode(list(BATCH)), others)
    assert len(loads) == 3


def test_what_openvino_reads_as_it_is_is_not_kept(source: Callable[..., EncoderSource], store: Store) -> None:
    LazyEncoder(source(0, converted=False), FAST, store).encode(list(BATCH))
    assert kept(store.directory) == []


def test_what_a_hook_makes_is_not_kept(encoder: FlatEncoder, store: Store) -> None:
    keep(store.directory, encoder)
    assert kept(store.directory) == []
