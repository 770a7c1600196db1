"""The tag directory that TIFF files and EXIF blocks share, read just far enough to decode in peace.

Second station of the flow, below `decode` and `recipe`. Pillow warns about damaged tags while it reads them, and a
warning cannot be silenced for one thread alone; so a damaged directory is refused before Pillow sees it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from PIL import ExifTags, TiffTags

ORIENTATION = int(ExifTags.Base.Orientation)
USER_COMMENT = int(ExifTags.Base.UserComment)

Order = Literal["little", "big"]

_UNIT_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
_ONE_VALUE_TYPES = frozenset({1, 2, 7})  # bytes, text, undefined: any count is one value
_PHOTOMETRIC = 262  # Pillow takes several values of this one without a word


@dataclass(frozen=True, slots=True)
class Tag:
    """One entry: its number, where it and its value stand, how many values it has and of how many bytes each."""

    number: int
    kind: int
    count: int
    unit: int
    entry_at: int
    value_at: int
    order: Order

    def value(self, block: bytes) -> bytes:
        """Cut out its value, or its values."""
        return block[self.value_at : self.value_at + self.count * self.unit]

    def whole(self, block: bytes) -> int:
        """Give its first value as a whole number."""
        return int.from_bytes(self.value(block)[: self.unit], self.order)


def tags(block: bytes, start: int | None = None) -> Iterator[Tag]:
    """Walk one directory of a TIFF file or an EXIF block.

    Args:
        block: All of it.
        start: Where the directory is; the first one when absent.

    Raises:
        ValueError: There is no directory, or it or one of its values leaves the block.
    """
    order: Order = "little" if block[:2] == b"II" else "big"
    if block[:2] not in {b"II", b"MM"}:
        raise ValueError("no byte order mark")

    def whole(at: int, size: int) -> int:
        if at + size > len(block):
            raise ValueError("the tag directory leaves the file")
        return int.from_bytes(block[at : at + size], order)

    field = 8 if whole(2, 2) == 43 else 4  # BigTIFF or plain
    start = whole(field, field) if start is None else start
    first, total = start + (8 if field == 8 else 2), 0
    for number in range(whole(start, first - start)):
        at = first + number * (4 + 2 * field)
        kind, count, value_at = whole(at + 2, 2), whole(at + 4, field), at + 4 + field
        unit = _UNIT_SIZES.get(kind, 0)  # readers skip a tag whose type they do not know
        if count * unit > field:
            value_at, total = whole(value_at, field), total + count * unit
        if max(value_at + count * unit, total, at + 4 + 2 * field) > len(block):
            raise ValueError("a tag leaves the file")
        yield Tag(whole(at, 2), kind, count, unit, at, value_at, order)


def with_single_values(data: bytes) -> bytes:
    """Copy a TIFF file with one value in every tag that may have but one: Pillow takes the first, and warns.

    Raises:
        ValueError: Its tag directory is damaged.
    """
    mended, big = bytearray(data) + bytes(8), data[2:4] in {b"+\0", b"\0+"}  # some leave out the next pointer
    for tag in tags(data):
        single = tag.count > 1 and tag.unit and tag.kind not in _ONE_VALUE_TYPES and tag.number != _PHOTOMETRIC
        if single and TiffTags.lookup(tag.number).length == 1:
            order, field = "<" if tag.order == "little" else ">", 8 if big else 4
            struct.pack_into(order + ("Q" if big else "L"), mended, tag.entry_at + 4, 1)
            if tag.unit <= field:
                at = tag.entry_at + 4 + field
                mended[at : at + tag.unit] = tag.value(data)[: tag.unit]
    return bytes(mended)


def exif_values(info: object, wanted: frozenset[int]) -> tuple[Order, dict[int, bytes]]:
    """Find the values of some tags in an EXIF block, as far as it is sound.

    Args:
        info: The block as Pillow gives it, or anything else where there is none.
        wanted: Numbers of the tags, of the picture or of its taking.

    Returns:
        The byte order, "little" or "big", and tag -> value.
    """
    block = info if isinstance(info, bytes) else b""
    while block.startswith(b"Exif\0\0"):
        block = block[6:]
    found: dict[int, bytes] = {}
    try:
        for tag in tags(block):
            inner = tags(block, tag.whole(block)) if tag.number == ExifTags.IFD.Exif else ()
            found |= {each.number: each.value(block) for each in (tag, *inner) if each.number in wanted}
    except ValueError:
        pass
    return ("little" if block[:2] == b"II" else "big"), found
