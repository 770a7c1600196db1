"""The device and the precision that are chosen, on machines with and without accelerators."""

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from pytest_synthgate import device as module
from pytest_synthgate.device import (
    Hardware,
    choose_device,
    choose_hardware,
    choose_precision,
    choose_runtime,
    cpu_flags,
)
from pytest_synthgate.errors import DeviceError, EncoderError, MissingExtraError

torch = pytest.importorskip("torch")


class Notes(dict[tuple[str, str], str]):
    """Remembers what the store would."""

    def note(self, kind: str, key: str) -> str | None:
        return self.get((kind, key))

    def add_note(self, kind: str, key: str, text: str) -> None:
        self[kind, key] = text


@pytest.mark.parametrize(
    ("cuda", "mps", "best"), [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_the_best_device_there_is_is_chosen(monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, best: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device(None) == best
    assert choose_device("cpu") == "cpu"


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "meta!"])
def test_a_device_that_is_not_there_is_refused_by_name(name: str) -> None:
    with pytest.raises(DeviceError, match=rf"the device '{name}' cannot be used"):
        choose_device(name)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [({"avx2", "avx512f"}, "fp32"), ({"avx512_bf16"}, "bf16"), ({"amx_bf16"}, "bf16"), (set(), "fp32")],
)
def test_auto_takes_bf16_on_a_cpu_that_computes_with_it(
    monkeypatch: pytest.MonkeyPatch, flags: set[str], expected: str
) -> None:
    monkeypatch.setattr(module, "cpu_flags", lambda: frozenset(flags))
    assert choose_precision("auto", "cpu") == expected


@pytest.mark.parametrize("wish", ["fp32", "bf16"])
def test_a_precision_that_was_asked_for_is_taken_anywhere(wish: str) -> None:
    assert choose_precision(wish, "cpu") == choose_precision(wish, "mps") == wish


def test_auto_takes_fp32_on_mps() -> None:
    assert choose_precision("auto", "mps") == "fp32"


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(EncoderError, match="unknown precision 'fp16'; one of auto, fp32, bf16"):
        choose_precision("fp16", "cpu")


@pytest.mark.parametrize("chosen", [Hardware("cpu", "bf16"), Hardware("cuda", "fp32"), Hardware("mps", "fp32")])
def test_what_torch_computes_at_least_as_fast_is_left_to_it(chosen: Hardware, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: ModuleSpec("openvino", None))
    assert choose_runtime(chosen) == chosen
    assert choose_runtime(Hardware("cpu", "fp32")).runtime == "openvino"


def test_vectors_that_are_rounded_otherwise_are_told_apart() -> None:
    hardware = [Hardware("cpu", "fp32"), Hardware("cpu", "bf16"), Hardware("cpu", "fp32", "openvino")]
    assert [each.arithmetic for each in hardware] == ["fp32", "bf16", "fp32 openvino"]


def test_flags_are_read_from_the_first_processor(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu avx512_bf16\n\nprocessor\t: 1\nflags\t\t: fpu\n")
    assert cpu_flags(cpuinfo) == {"fpu", "avx512_bf16"}


def test_flags_are_unknown_where_the_system_does_not_say(tmp_path: Path) -> None:
    assert cpu_flags(tmp_path / "none") == frozenset()
    (tmp_path / "arm").write_text("processor : 0\nFeatures : fp asimd bf16\n")
    assert cpu_flags(tmp_path / "arm") == frozenset()


def test_without_an_accelerator_the_cpu_is_chosen_without_asking_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_accelerators", list)
    monkeypatch.setitem(sys.modules, "torch", None)  # importing it would fail
    assert choose_hardware(None, "fp32", Notes()) == Hardware("cpu", "fp32")


def test_an_encoder_that_needs_no_torch_runs_without_it_beside_an_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_accelerators", lambda: ["nvidia0"])
    monkeypatch.setitem(sys.modules, "torch", None)
    assert choose_hardware(None, "fp32", Notes()) == Hardware("cpu", "fp32")


def test_a_device_that_was_asked_for_names_the_extra_where_torch_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"device cuda needs torch; pip install '.*\[measure\]'$"):
        choose_hardware("cuda", "fp32", Notes())


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """A machine with an accelerator, and what torch is asked about it."""
    asked: list[str | None] = []

    def device(name: str | None) -> str:
        asked.append(name)
        return "cuda"

    monkeypatch.setattr(module, "_accelerators", lambda: ["nvidia0"])
    monkeypatch.setattr(module, "choose_device", device)
    return asked


def test_torch_is_asked_once_where_there_may_be_an_accelerator(
    monkeypatch: pytest.MonkeyPatch, asked: list[str | None]
) -> None:
    notes = Notes()
    assert choose_hardware(None, "bf16", notes) == Hardware("cuda", "bf16")
    assert choose_hardware(None, "bf16", notes) == Hardware("cuda", "bf16")
    assert asked == [None]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    choose_hardware(None, "bf16", notes)
    assert asked == [None, None]


def test_what_one_machine_can_is_not_taken_for_another_that_shares_the_store(
    monkeypatch: pytest.MonkeyPatch, asked: list[str | None]
) -> None:
    notes = Notes()
    choose_hardware(None, "bf16", notes)
    monkeypatch.setattr("platform.node", lambda: "another")
    choose_hardware(None, "bf16", notes)
    assert asked == [None, None]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system has the drivers")
@pytest.mark.parametrize(("cuda", "times"), [("13.0", 2), (None, 1)])
def test_an_accelerator_whose_driver_is_missing_today_is_not_noted_as_none(
    monkeypatch: pytest.MonkeyPatch, cuda: str | None, times: int
) -> None:
    monkeypatch.setattr(module, "_accelerators", lambda: ["nvidia0"])
    monkeypatch.setattr(torch.version, "cuda", cuda)
    notes, looks = Notes(), iter(range(99))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: next(looks) < 0)
    for _ in range(2):
        assert choose_hardware(None, "fp32", notes) == Hardware("cpu", "fp32")
    assert next(looks) == times
