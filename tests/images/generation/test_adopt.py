"""What a hook wrote becomes a set that knows prompts, seeds, classes and axes."""

from pathlib import Path

import pytest
from PIL import Image

from pytest_synthgate.errors import SourceError
from pytest_synthgate.images.generation.adopt import adopt
from pytest_synthgate.spec.prompts import Prompt

PROMPT = Prompt("a fig in a bowl", "a {class} {context}", "fig", {"context": "in a bowl"}, 2)


def test_a_prompt_that_was_asked_for_gives_class_and_axes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    (tmp_path / "metadata.csv").write_text(
        "file_name,prompt,seed,class\na.png,a fig in a bowl,1,\nb.png,a fig in a bowl,2,green fig\nc.png,another,3,\n"
    )
    first, second, third = adopt([PROMPT], tmp_path).records
    assert (first.class_name, first.prompt, first.seed, first.axes) == ("fig", PROMPT.text, 1, PROMPT.axes)
    assert (second.class_name, second.axes) == ("green fig", PROMPT.axes)
    assert (third.class_name, third.prompt, third.axes) == (None, "another", {})


def test_folders_are_classes_and_need_no_metadata(tmp_path: Path) -> None:
    (tmp_path / "fig").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "fig" / "a.png")
    (record,) = adopt([PROMPT], tmp_path).records
    assert (record.id, record.class_name, record.prompt) == ("fig/a.png", "fig", None)


def test_a_hook_that_wrote_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no synthetic images"):
        adopt([PROMPT], tmp_path)
