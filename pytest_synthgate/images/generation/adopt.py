"""Images that a hook made in place of diffusers -> a set that knows classes and axes.

Second station of the flow (spec -> images). A hook writes image files into a directory, in folders by class if it
likes, and a `metadata.csv` or `metadata.jsonl` beside them with `file_name`, `prompt` and `seed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pytest_synthgate.images.sets import ImageRecord, ImageSet
from pytest_synthgate.images.sources import open_set
from pytest_synthgate.spec.prompts import Prompt


def adopt(prompts: Sequence[Prompt], directory: Path) -> ImageSet:
    """Open what a hook wrote; a prompt that was asked for gives its image the axes, and the class if it has none.

    Args:
        prompts: What the hook was asked for.
        directory: Where it wrote.

    Raises:
        SourceError: There is no image in it, or its metadata cannot be read.
    """
    known = {prompt.text: prompt for prompt in prompts}
    images = open_set(directory, side="synthetic")
    return replace(
        images, records=tuple(_with_axes(record, known.get(record.prompt or "")) for record in images.records)
    )


def _with_axes(record: ImageRecord, prompt: Prompt | None) -> ImageRecord:
    if prompt is None:
        return record
    class_name = record.class_name if record.class_name is not None else prompt.class_name
    return replace(record, class_name=class_name, axes=prompt.axes)
