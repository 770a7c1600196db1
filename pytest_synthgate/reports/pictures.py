"""Where a picture is and what it looks like small, for every report that shows some.

Decoded as carefully as for a measurement; what may not be shown has no file here, but words in its place.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from pytest_synthgate.images.decode import UnreadableError, decode, read_bytes
from pytest_synthgate.reports.redaction import REAL
from pytest_synthgate.results.result import SpecResult

NOT_FOUND = "picture not found"
LEFT_OUT = "real photo left out"


def file_of(image: str, side: str, result: SpecResult) -> Path | str:
    """Find the file of an image, or the words that stand in the place of its picture.

    Args:
        image: Its id.
        side: "real" or "synthetic", the set that it is in.
        result: What is known about the spec.
    """
    if side == REAL and result.redacted:
        return LEFT_OUT
    if (files := result.images.get(side)) is None:
        return NOT_FOUND
    if image in files.hidden:
        return "copy of a real photo left out"
    return files.path(image) or NOT_FOUND


def thumbnail(path: Path, edge: int) -> Image.Image | None:
    """Make a small copy of a picture.

    Args:
        path: The file, of any format that sets may have.
        edge: Most pixels along the longer edge; a smaller picture keeps its size.

    Returns:
        An RGB picture, upright and free of metadata; None when the file is gone or cannot be decoded.
    """
    try:
        picture = decode(read_bytes(path), edge=edge)
    except UnreadableError:
        return None
    picture.thumbnail((edge, edge), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return picture
