import sys
from pathlib import Path

import pytest

from pytest_synthgate.errors import EncoderError
from pytest_synthgate.features import hardware
from pytest_synthgate.features.hardware import Hardware, choose_hardware, choose_precision, cpu_flags
from pytest_synthgate.features.store import Store


@pytest.mark.parametrize(
    ("flags", "expected"),
    [({"avx2", "avx512f"}, "fp32"), ({"avx512_bf16"}, "bf16"), ({"amx_bf16"}, "bf16"), (set(), "fp32")],
)
def test_auto_takes_bf16_on_a_cpu_that_computes_with_it(
    monkeypatch: pytest.MonkeyPatch, flags: set[str], expected: str
) -> None:
    monkeypatch.setattr(hardware, "cpu_flags", lambda: frozenset(flags))
    assert choose_precision("auto", "cpu") == expected


@pytest.mark.parametrize("wish", ["fp32", "bf16"])
def test_a_precision_that_was_asked_for_is_taken_anywhere(wish: str) -> None:
    assert choose_precision(wish, "cpu") == choose_precision(wish, "mps") == wish


def test_auto_takes_fp32_on_mps() -> None:
    assert choose_precision("auto", "mps") == "fp32"


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(EncoderError, match="unknown precision 'fp16'; one of auto, fp32, bf16"):
        choose_precision("fp16", "cpu")


def test_flags_are_read_from_the_first_processor(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu avx512_bf16\n\nprocessor\t: 1\nflags\t\t: fpu\n")
    assert cpu_flags(cpuinfo) == {"fpu", "avx512_bf16"}


def test_flags_are_unknown_where_the_system_does_not_say(tmp_path: Path) -> None:
    assert cpu_flags(tmp_path / "none") == frozenset()
    (tmp_path / "arm").write_text("processor : 0\nFeatures : fp asimd bf16\n")
    assert cpu_flags(tmp_path / "arm") == frozenset()


def test_without_an_accelerator_the_cpu_is_chosen_without_asking_torch(
    monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    monkeypatch.setattr(hardware, "_accelerators", list)
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it would fail
    assert choose_hardware(None, "fp32", store) == Hardware("cpu", "fp32")


def test_torch_is_asked_once_where_there_may_be_an_accelerator(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    monkeypatch.setattr(hardware, "_accelerators", lambda: ["nvidia0"])
    asked: list[str | None] = []

    def device(name: str | None) -> str:
        asked.append(name)
        return "cuda"

    monkeypatch.setattr(hardware, "choose_device", device)
    assert choose_hardware(None, "bf16", store) == Hardware("cuda", "bf16")
    assert choose_hardware(None, "bf16", store) == Hardware("cuda", "bf16")
    assert asked == [None]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    choose_hardware(None, "bf16", store)
    assert asked == [None, None]
