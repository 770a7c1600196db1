"""A file as a small picture, for every report that shows some; decoded as carefully as for a measurement."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from pytest_synthgate.images.decode import Unreadable, decode, read_bytes


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
    except Unreadable:
        return None
    picture.thumbnail((edge, edge), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return picture
