"""A file is replaced whole, or left as it was."""

from pathlib import Path

import pytest

from pytest_synthgate.errors import ResultsError
from pytest_synthgate.files.replacing import replace_file


def test_a_file_takes_the_place_of_the_old_one_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    for content in (b"old", b"new\n"):
        replace_file(tmp_path / "deep" / "out.txt", content)
    assert {path.name: path.read_bytes() for path in (tmp_path / "deep").iterdir()} == {"out.txt": b"new\n"}


def test_a_folder_in_its_place_is_an_error_in_one_line_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(ResultsError, match=r"/taken: cannot be written \(.+\); choose another file$"):
        replace_file(tmp_path / "taken", b"")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
