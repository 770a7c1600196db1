"""A file is replaced whole, or left as it was."""

import os
from pathlib import Path

import pytest

from pytest_synthgate.errors import BaselineError, ResultsError
from pytest_synthgate.files.replacing import replace_file

posix = pytest.mark.skipif(os.name == "nt", reason="links, modes and pipes of POSIX")


def test_a_file_takes_the_place_of_the_old_one_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    for content in (b"old", b"new\n"):
        replace_file(tmp_path / "deep" / "out.txt", content)
    assert {path.name: path.read_bytes() for path in (tmp_path / "deep").iterdir()} == {"out.txt": b"new\n"}


def test_a_folder_in_its_place_is_an_error_in_one_line_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(ResultsError, match=r"/taken: cannot be written \(.+\); choose another file$"):
        replace_file(tmp_path / "taken", b"")
    with pytest.raises(BaselineError):
        replace_file(tmp_path / "taken", b"", BaselineError)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@posix
def test_a_link_stays_a_link_and_the_mode_stays(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    file, link = tmp_path / "shared" / "baseline.json", tmp_path / "baseline.json"
    file.write_bytes(b"old")
    file.chmod(0o640)
    link.symlink_to(file)

    replace_file(link, b"new")

    assert link.is_symlink()
    assert (file.read_bytes(), file.stat().st_mode & 0o777) == (b"new", 0o640)
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@posix
def test_a_link_to_nothing_leads_to_the_new_file(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "later" / "out.txt")

    replace_file(link, b"new")

    assert (tmp_path / "later" / "out.txt").read_bytes() == b"new"


@posix
def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        replace_file(pipe, b"new")
        assert os.read(reader, 9) == b"new"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
