"""Specs that are remembered are those that would be read, and are not taken for those of anything else."""

from datetime import date
from pathlib import Path

import pytest

from pytest_synthgate.errors import SpecError
from pytest_synthgate.spec import kept
from pytest_synthgate.spec.files import load_spec_file
from pytest_synthgate.spec.kept import key_of_specs, specs_from_text, specs_to_text

DIGEST, TWIN = (f"sha256:{letter * 64}" for letter in "ab")
TODAY = date(2026, 7, 1)
FULL = f"""
[defaults]
real = "../photos"
encoder = "efficientnet_lite0"
definition = "studio"
normalise = false
precision = "fp32"
batch_size = 4
device = "cpu"
classes = ["apple", "käse"]
article = {{ apple = "the" }}
[defaults.limits]
unvaried = {{ max = 0.05, warn = 0.01, when_unsure = "pass", per_class = true }}
unrealistic = {{ regression = 0.02 }}
unreadable = 3
[defaults.generator]
model = "some/model"
guidance = 0.0
size = 512
lora = "l"
lora_scale = 0.5
[spec.made]
prompt = ["A photo of {{a_class}} {{place}}", "{{class}}"]
place = ["in a bowl", "on a plate"]
total = 500
balance_classes = "real"
compare_to = "found"
xfail = {{ unvaried = "known" }}
limits.unvaried = false
limits.unoriginal = 0
[spec.found]
images = "out/v3"
[[waiver]]
pair = ["{DIGEST}", "{TWIN}"]
score = "unvaried"
reason = "twins"
owner = "Ann"
expires = 2026-08-01
""".replace("xfail = { unvaried", "xfail = { unoriginal")


class Memory:
    """Remembers in a table, and counts what it was asked and told."""

    def __init__(self) -> None:
        self.notes: dict[tuple[str, str], str] = {}
        self.recalled = 0

    def note(self, kind: str, key: str) -> str | None:
        found = self.notes.get((kind, key))
        self.recalled += found is not None
        return found

    def add_note(self, kind: str, key: str, text: str) -> None:
        self.notes[kind, key] = text


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "synth_x.toml"
    path.write_text(FULL, encoding="utf-8")
    return path


def test_specs_come_back_as_they_were(file: Path) -> None:
    specs = load_spec_file(file, today=TODAY)
    assert [spec.name for spec in specs] == ["made", "found"]
    assert specs_from_text(specs_to_text(specs)) == specs


def test_a_file_is_read_once_and_again_when_it_changed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory, first = Memory(), load_spec_file(file, today=TODAY)
    for recalled in (0, 1, 2):
        assert load_spec_file(file, today=TODAY, memory=lambda: memory) == first
        assert memory.recalled == recalled
    file.write_text(FULL.replace("total = 500", "total = 600"), encoding="utf-8")
    assert load_spec_file(file, today=TODAY, memory=lambda: memory)[0].total == 600
    assert memory.recalled == 2


def test_a_day_later_the_dates_of_waivers_are_looked_at_again(file: Path) -> None:
    memory = Memory()
    load_spec_file(file, today=TODAY, memory=lambda: memory)
    with pytest.raises(SpecError, match="over 365 days ahead"):
        load_spec_file(file, today=date(2025, 1, 1), memory=lambda: memory)


def test_a_copy_in_another_folder_has_its_own_paths(file: Path) -> None:
    memory = Memory()
    load_spec_file(file, today=TODAY, memory=lambda: memory)
    other = file.parent / "deep" / file.name
    other.parent.mkdir()
    other.write_bytes(file.read_bytes())
    assert load_spec_file(other, today=TODAY, memory=lambda: memory) == load_spec_file(other, today=TODAY)
    assert memory.recalled == 0


def test_what_another_version_kept_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    state = (b"[spec.a]", Path("synth_x.toml"), TODAY)
    before = key_of_specs(*state)
    assert key_of_specs(*state) == before
    with monkeypatch.context() as patched:
        patched.setattr("pytest_synthgate.spec.kept.metadata.version", lambda name: "99")
        assert key_of_specs(*state) != before
    (tmp_path / "tables.py").touch()
    monkeypatch.setattr(kept, "__file__", str(tmp_path / "kept.py"))
    assert key_of_specs(*state) != before


def test_a_file_with_a_mistake_is_told_of_each_time(file: Path) -> None:
    memory = Memory()
    file.write_text("[spec.a]\nimagse = 'x'", encoding="utf-8")
    for _ in range(2):
        with pytest.raises(SpecError, match="imagse"):
            load_spec_file(file, memory=lambda: memory)
    assert memory.notes == {}


def test_a_file_of_somebody_else_asks_for_no_memory(file: Path) -> None:
    file.write_text("[oscillator]", encoding="utf-8")
    assert load_spec_file(file, memory=lambda: pytest.fail("asked")) == ()
