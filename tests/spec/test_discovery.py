"""Which files below a folder are spec files."""

import os
from pathlib import Path

import pytest

from pytest_synthgate.spec.discovery import find_spec_files, is_spec_file
from pytest_synthgate.spec.files import heading_line


def place(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_spec_files_are_found_sorted(tmp_path: Path) -> None:
    place(tmp_path, "synth_b.toml", "a/synth_z.toml", "a-b/synth_a.toml", "synth_a.toml", "other.toml", "a/synth.toml")

    found = find_spec_files(tmp_path)

    assert [path.relative_to(tmp_path).as_posix() for path in found] == [
        *("a/synth_z.toml", "a-b/synth_a.toml", "synth_a.toml", "synth_b.toml")
    ]


def test_places_that_hold_no_tests_are_not_entered(tmp_path: Path) -> None:
    skipped = [".tox", "node_modules", "build", "dist", "venv", "x.egg", "env", "conda"]
    place(tmp_path, "tests/synth_a.toml", *(f"{name}/deep/synth_x.toml" for name in skipped))
    (tmp_path / "env/pyvenv.cfg").touch()
    (tmp_path / "conda/conda-meta").mkdir()

    assert find_spec_files(tmp_path) == (tmp_path / "tests/synth_a.toml",)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("mode", [0o000, 0o400, 0o100])
def test_places_that_may_not_be_searched_or_listed_are_not_entered(tmp_path: Path, mode: int) -> None:
    place(tmp_path, "a/synth_a.toml", "locked/synth_x.toml")
    (tmp_path / "locked").chmod(mode)
    try:
        assert find_spec_files(tmp_path) == (tmp_path / "a/synth_a.toml",)
    finally:
        (tmp_path / "locked").chmod(0o700)


def test_the_root_is_entered_whatever_its_name(tmp_path: Path) -> None:
    place(tmp_path, "build/.x/synth_a.toml")

    assert find_spec_files(tmp_path / "build/.x") == (tmp_path / "build/.x/synth_a.toml",)


def test_loops_of_links_end(tmp_path: Path) -> None:
    place(tmp_path, "a/synth_a.toml")
    (tmp_path / "a/loop").symlink_to(tmp_path, target_is_directory=True)

    assert find_spec_files(tmp_path) == (tmp_path / "a/synth_a.toml",)


def test_patterns_and_skipped_folders_can_be_chosen(tmp_path: Path) -> None:
    place(tmp_path, "build/exp.toml", "a/exp.toml", "a/b.toml", "c/exp.toml", "synth_a.toml")

    assert find_spec_files(tmp_path, ["exp.toml"], norecurse=["c"]) == (
        tmp_path / "a/exp.toml",
        tmp_path / "build/exp.toml",
    )
    assert find_spec_files(tmp_path, ["a/*.toml", "synth_*.toml"]) == (
        tmp_path / "a/b.toml",
        tmp_path / "a/exp.toml",
        tmp_path / "synth_a.toml",
    )


def test_patterns_with_folders_start_below_the_root(tmp_path: Path) -> None:
    assert is_spec_file(tmp_path / "gates/a.toml", tmp_path, ["gates/*.toml"])
    assert not is_spec_file(tmp_path / "gates/a.toml", tmp_path / "gates", ["gates/*.toml"])
    assert is_spec_file(Path("/elsewhere/synth_a.toml"), tmp_path)
    assert not is_spec_file(tmp_path / "synth_a.gate", tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_heading_of_a_spec_is_found_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "synth_a.toml").write_bytes("# é\r\n[spec.a]\r\n[spec.'é']\r\n".encode(encoding))

    assert heading_line(tmp_path / "synth_a.toml", "é") == 3
