"""What is below a folder, by names, sizes and times: equal while the set in it is, and different once it may not be."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_synthgate.files.stamps import RACY_NS
from pytest_synthgate.images.folder import walk
from pytest_synthgate.images.tree import OUTPUT_MARK, Tree, tree_of

LONG_AGO = 1_600_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("apple/1.png", "apple/2.png", "kiwi/1.png", "metadata.csv", "deep/er/3.png"):
        write(tmp_path / "set" / name, "same size")
    return tmp_path / "set"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (LONG_AGO, LONG_AGO))


def digest(root: Path) -> str:
    tree = tree_of(root)
    assert tree is not None
    return tree.digest


CHANGES: dict[str, Callable[[Path], object]] = {
    "a new file": lambda root: write(root / "kiwi" / "2.png", "new"),
    "a file less": lambda root: (root / "kiwi" / "1.png").unlink(),
    "another name": lambda root: (root / "kiwi" / "1.png").rename(root / "kiwi" / "2.png"),
    "another folder": lambda root: (root / "kiwi" / "1.png").rename(root / "apple" / "3.png"),
    "another class": lambda root: (root / "kiwi").rename(root / "pear"),
    "another size": lambda root: write(root / "apple" / "1.png", "longer than before"),
    "another time": lambda root: os.utime(root / "apple" / "1.png", ns=(0, LONG_AGO * 10**9 + 1)),
    "other metadata": lambda root: write(root / "metadata.csv", "other"),
    "an empty folder": lambda root: (root / "pear").mkdir(),
    "a mark": lambda root: write(root / "kiwi" / OUTPUT_MARK, ""),
    "a link": lambda root: (root / "more").symlink_to(root / "kiwi"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_can_change_a_set_is_noticed(root: Path, change: Callable[[Path], object]) -> None:
    before = digest(root)
    assert digest(root) == before
    change(root)
    assert digest(root) != before


def test_a_link_that_leads_elsewhere_is_noticed(root: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, "same")
    for target in ("one", "two"):
        (root / "linked.png").unlink(missing_ok=True)
        (root / "linked.png").symlink_to(tmp_path / target)
        if target == "one":
            before = digest(root)
    assert digest(root) != before


def test_links_are_followed_and_loops_end(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "aside" / "4.png", "first")
    (root / "aside").symlink_to(tmp_path / "aside")
    (root / "aside" / "back").symlink_to(root)
    before = digest(root)
    write(tmp_path / "aside" / "5.png", "second")
    assert digest(root) != before


@pytest.mark.parametrize("name", [".hidden/1.png", ".trash.png"])
def test_what_no_walk_looks_at_does_not_count(root: Path, name: str) -> None:
    before, listed = digest(root), walk(root)
    write(root / name, "hidden")
    assert (digest(root), walk(root)) == (before, listed)


def test_what_a_run_wrote_does_not_count(root: Path) -> None:
    write(root / "report" / OUTPUT_MARK, "")
    before, listed = digest(root), walk(root)
    write(root / "report" / "1.png", "a picture")
    assert (digest(root), walk(root)) == (before, listed)


def test_nothing_is_said_of_what_cannot_be_looked_at(root: Path) -> None:
    assert tree_of(root / "nowhere") is None
    (root / "broken.png").symlink_to("nowhere")
    assert tree_of(root) is None


def test_it_is_settled_once_its_last_change_is_a_while_ago(root: Path) -> None:
    tree = tree_of(root)
    assert tree == Tree(digest(root), LONG_AGO * 10**9)
    assert tree.settled(time.time_ns())
    assert not tree.settled(LONG_AGO * 10**9 + RACY_NS - 1)
