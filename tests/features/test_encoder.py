"""What an encoder is taken for, and what becomes of one that fails."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_synthgate.device import Hardware
from pytest_synthgate.errors import EncoderError
from pytest_synthgate.features.encoder import EncoderFacts, EncoderSource, LazyEncoder, Loaded, hooked, source_of
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
