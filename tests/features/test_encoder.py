"""What an encoder is taken for, and what becomes of one that fails."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import EncoderError
from pytest_synthgate.features.encoder import EncoderFacts, EncoderSource, Loaded, hooked, source_of
from pytest_synthgate.features.lazy_encoder import LazyEncoder
from pytest_synthgate.features.store import Store
from pytest_synthgate.files.stamps import FileStamp
from pytest_synthgate.images.normalise import Preprocessing

from .conftest import LONG_AGO, FlatEncoder

CPU = Hardware("cpu", "fp32")


def test_an_encoder_in_memory_is_a_source(encoder: FlatEncoder) -> None:
    source = source_of(encoder)
    assert source.facts == EncoderFacts("flat 1", Preprocessing(size=4), 48)
    assert source.load(Hardware("cpu", "fp32")).encoder is encoder


@pytest.mark.parametrize("size", [224, (32, 48)])
def test_facts_are_remembered_until_a_file_changes(
    encoder: FlatEncoder, store: Store, tmp_path: Path, size: int | tuple[int, int]
) -> None:
    encoder.preprocessing = Preprocessing(size, "longest", "bilinear", (0.1, 0.2, 0.3), fill=9)
    weights, loads = tmp_path / "weights", []
    weights.touch()
    os.utime(weights, (LONG_AGO, LONG_AGO))

    def load(hardware: Hardware) -> Loaded:
        loads.append(hardware)
        return Loaded(encoder)

    first, again = (LazyEncoder(EncoderSource("net", load, (weights,)), CPU, store) for _ in range(2))
    assert (again.facts, again.key(True)) == (first.facts, first.key(True))
    assert len(loads) == 1
    os.utime(weights, (LONG_AGO, LONG_AGO + 1))
    assert LazyEncoder(EncoderSource("net", load, (weights,)), CPU, store).facts == first.facts
    assert len(loads) == 2


def test_facts_that_were_noted_with_a_square_written_out_are_the_same(store: Store, tmp_path: Path) -> None:
    (tmp_path / "w").touch()
    stamp = FileStamp.of(tmp_path / "w")
    seen = {"size": [4, 4], "resize_mode": "squash", "interpolation": "bicubic", "mean": [0, 0, 0], "std": [1, 1, 1]}
    facts = {"fingerprint": "flat 1", "preprocessing": seen | {"fill": 0}, "dim": 48}
    store.add_note("weights", "net", json.dumps({"files": [[stamp.path, 0, stamp.mtime_ns]], "facts": facts}))
    noted = LazyEncoder(EncoderSource("net", raises(AssertionError()), (tmp_path / "w",)), CPU, store)
    assert noted.facts == EncoderFacts("flat 1", Preprocessing((4, 4), "squash"), 48)


def test_features_of_another_runtime_are_kept_apart(encoder: FlatEncoder, store: Store) -> None:
    def key(hardware: Hardware) -> str:
        return LazyEncoder(source_of(encoder), hardware, store).key(normalise=True)

    assert key(Hardware("cpu", "fp32", "openvino")) != key(CPU) == key(Hardware("cuda", "fp32"))


def test_a_hook_that_leaves_the_name_to_others_gives_no_source(encoder: FlatEncoder) -> None:
    assert hooked(lambda name: None, "flat") is None
    source = hooked(lambda name: encoder if name == "flat" else None, "flat")
    assert source is not None
    assert source.facts == EncoderFacts.of(encoder)


def raises(error: BaseException) -> Callable[..., Any]:
    def fails(*_: object, **__: object) -> Any:
        raise error

    return fails


HOSTILE = RuntimeError("\n::error file=x::pwned\x1b[31m\nmore")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (HOSTILE, r"RuntimeError: \u003a:error file=x::pwned\u001b[31m; "),
        (SystemExit("no key"), "SystemExit: no key; "),
        (SystemExit(3), "SystemExit: 3; "),
        (MemoryError(), "MemoryError; "),
    ],
    ids=repr,
)
def test_whatever_the_hook_for_encoders_raises_is_one_line(error: BaseException, told: str) -> None:
    with pytest.raises(EncoderError) as caught:
        hooked(raises(error), "mine")
    text = str(caught.value)
    assert text.startswith(f"the hook pytest_synthgate_encoder failed: {told}{__file__}:")
    assert text.isprintable()


def test_whatever_the_encoder_of_a_hook_raises_is_one_line(encoder: FlatEncoder, store: Store) -> None:
    encoder.encode = raises(HOSTILE)  # type: ignore[method-assign]
    encoder.name = "fl\x1bat"
    lazy = LazyEncoder(source_of(encoder), CPU, store, batch_size=1)
    with pytest.raises(EncoderError, match=r"^the encoder fl\\u001bat failed: RuntimeError: .*test_encoder\.py:\d+$"):
        lazy.encode([np.zeros((4, 4, 3), np.uint8)])


def test_an_encoder_whose_facts_cannot_be_read_is_one_line() -> None:
    class Broken(FlatEncoder):
        def __getattribute__(self, name: str) -> Any:
            raise ValueError(name)

    with pytest.raises(EncoderError, match=r"^the encoder Broken failed: ValueError: name; .*test_encoder\.py:\d+$"):
        source_of(Broken())


@pytest.mark.parametrize("change", [{"preprocessing": {"size": 4}}, {"fingerprint": None}])
def test_an_encoder_whose_facts_are_of_another_type_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(EncoderError, match=r"its fingerprint must be a str, and its preprocessing a Preprocessing"):
        source_of(FlatEncoder(**change))


def test_a_library_that_lacks_one_of_its_own_is_named_with_the_encoder(store: Store) -> None:
    error = OSError("libcudart.so.12: cannot open shared object file: No such file or directory")
    source = EncoderSource("timm:net@w.safetensors", raises(error))
    with pytest.raises(EncoderError) as caught:
        LazyEncoder(source, CPU, store)
    assert str(caught.value) == f"the encoder timm:net@w.safetensors cannot be loaded (OSError: {error})"


def prepared(count: int) -> list[tuple[str, np.ndarray]]:
    pictures = np.random.default_rng(0).integers(1, 256, (count, 4, 4, 3), dtype=np.uint8)
    return [(str(number), each) for number, each in enumerate(pictures)]


class Together(FlatEncoder):
    """Encodes a batch only while as many others are being encoded as it has threads."""

    def __init__(self, threads: int) -> None:
        super().__init__()
        self.threads, self.barrier, self.fails = threads, threading.Barrier(threads), False

    @contextmanager
    def in_threads(self) -> Iterator[int]:
        yield self.threads

    def encode(self, batch: np.ndarray) -> np.ndarray:
        self.barrier.wait(timeout=10)
        if self.fails:
            raise ValueError
        return super().encode(batch)


def test_an_encoder_that_allows_it_encodes_in_several_threads_at_once(store: Store, encoder: FlatEncoder) -> None:
    images = prepared(24)
    LazyEncoder(source_of(Together(3)), CPU, store, 4).add_features("threads", images)
    LazyEncoder(source_of(encoder), CPU, store, 4).add_features("alone", images)
    names = [name for name, _ in images]
    ours, theirs = (store.features(names, key) for key in ("threads", "alone"))
    assert len(ours) == 24
    assert all(np.array_equal(ours[name], theirs[name]) for name in names)


def test_any_other_is_called_by_one_thread_at_a_time(store: Store) -> None:
    busy = threading.Lock()

    class Alone(FlatEncoder):
        def encode(self, batch: np.ndarray) -> np.ndarray:
            assert busy.acquire(blocking=False)
            time.sleep(0.005)
            busy.release()
            return super().encode(batch)

    alone = Alone()
    LazyEncoder(source_of(alone), CPU, store, 4).add_features("key", prepared(24))
    assert len(alone.batches) == 6


def test_what_goes_wrong_in_one_of_several_threads_is_told_and_what_was_done_is_kept(store: Store) -> None:
    images, failing = prepared(12), Together(2)

    def breaking() -> Iterator[tuple[str, np.ndarray]]:
        yield from images[:8]
        until = time.monotonic() + 10
        while len(store.embedded([name for name, _ in images], "key")) < 8 and time.monotonic() < until:
            time.sleep(0.001)
        failing.fails = True
        failing.barrier = threading.Barrier(1)
        yield from images[8:]

    with pytest.raises(EncoderError, match="the encoder flat failed: ValueError"):
        LazyEncoder(source_of(failing), CPU, store, 4).add_features("key", breaking())
    assert store.embedded([name for name, _ in images], "key") == {name for name, _ in images[:8]}


def test_nothing_is_loaded_where_nothing_is_encoded(encoder: FlatEncoder, store: Store) -> None:
    source = EncoderSource("net", raises(AssertionError()), facts=EncoderFacts.of(encoder))
    LazyEncoder(source, CPU, store).add_features("key", [])
