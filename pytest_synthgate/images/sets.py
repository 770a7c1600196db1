"""The one form in which every source hands its images to the rest: records in a set.

Second station of the flow (spec -> images -> features): a source lists, it does not decode.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Box:
    """One labelled object: its class, and its centre, width and height as shares of the image's."""

    class_name: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image as its source lists it.

    Attributes:
        id: Name that is unique in its set: a path relative to the set's root with `/`, or a row.
        path: The file, or None when the source holds vectors instead of pictures.
        class_name: The class the source gives it (its folder, a column), if any.
        prompt: The prompt it was made from, where the source knows.
        seed: The seed it was made from, where the source knows.
        axes: Axis values behind the prompt, such as `{"context": "in a bowl"}`.
        boxes: Labelled objects in it, where the source has them.
    """

    id: str
    path: Path | None
    class_name: str | None = None
    prompt: str | None = None
    seed: int | None = None
    axes: Mapping[str, str] = field(default_factory=dict)
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageSet:
    """A real or a synthetic set, listed.

    Attributes:
        root: The folder or file it was read from, for messages.
        records: One per image, sorted by id; ids are unique.
        vectors: float32 (n, d), one row per record, when the set is embeddings and not pictures.
        notes: What was passed over while listing, and how many: one printable line each, told once a run.
        contained: Whether nothing outside the root had a part in the listing.
    """

    root: Path
    records: tuple[ImageRecord, ...]
    vectors: NDArray[np.float32] | None = None
    notes: tuple[str, ...] = ()
    contained: bool = False

    def __len__(self) -> int:
        """Count the records, readable or not."""
        return len(self.records)

    def class_counts(self) -> dict[str, int]:
        """Count the records of each class, in sorted order; records without a class are left out."""
        counts = Counter(record.class_name for record in self.records if record.class_name is not None)
        return dict(sorted(counts.items()))
