"""The tag directory that TIFF files and EXIF blocks share, read just far enough to decode in peace.

Second station of the flow, below `decode` and `recipe`. Pillow warns about damaged tags while it reads them, and a
warning cannot be silenced for one thread alone; so a damaged directory is refused before Pillow sees it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from PIL import ExifTags, TiffTags

ORIENTATION = int(ExifTags.Base.Orientation)
USER_COMMENT = int(ExifTags.Base.UserComment)

Order = Literal["little", "big"]

_UNIT_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
_ONE_VALUE_TYPES = frozenset({1, 2, 7})  # bytes, text, undefined: any count is one value
_PHOTOMETRIC = 262  # Pillow takes several values of this one without a word


class _Tag(NamedTuple):
    number: int
    kind: int
    values: int
    value: bytes
    count_at: int
    field: int


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
    order, found = _order(block), dict[int, bytes]()
    try:
        for tag in _tags(block):
            inner = _tags(block, int.from_bytes(tag.value[:4], order)) if tag.number == ExifTags.IFD.Exif else ()
            found |= {each.number: each.value for each in (tag, *inner) if each.number in wanted}
    except ValueError:
        pass
    return order, found


def with_single_values(data: bytes) -> bytes:
    """Copy a TIFF file with one value in every tag that may have but one: Pillow takes the first, and warns.

    Raises:
        ValueError: Its tag directory is damaged.
    """
    mended, order = bytearray(data) + bytes(8), _order(data)  # some writers leave out the next directory
    for number, kind, count, value, count_at, field in _tags(data):
        unit = _UNIT_SIZES.get(kind, 0)
        single = count > 1 and unit and kind not in _ONE_VALUE_TYPES and number != _PHOTOMETRIC
        if single and TiffTags.lookup(number).length == 1:
            mended[count_at : count_at + field] = (1).to_bytes(field, order)
            if unit <= field:
                mended[count_at + field : count_at + field + unit] = value[:unit]
    return bytes(mended)


def _order(block: bytes) -> Order:
    return "little" if block[:2] == b"II" else "big"


def _tags(block: bytes, start: int | None = None) -> Iterator[_Tag]:
    """Walk the directory that begins at `start`, or else the first one.

    Raises:
        ValueError: There is none, or it or one of its values leaves the block.
    """
    if block[:2] not in {b"II", b"MM"}:
        raise ValueError("no byte order mark")
    order, total = _order(block), 0

    def whole(at: int, size: int) -> int:
        if at + size > len(block):
            raise ValueError("the tag directory leaves the file")
        return int.from_bytes(block[at : at + size], order)

    field = 8 if whole(2, 2) == 43 else 4  # BigTIFF or plain
    start = whole(field, field) if start is None else start
    first = start + (8 if field == 8 else 2)
    for entry in range(whole(start, first - start)):
        at = first + entry * (4 + 2 * field)
        kind, count, value_at = whole(at + 2, 2), whole(at + 4, field), at + 4 + field
        size = count * _UNIT_SIZES.get(kind, 0)  # readers skip a tag whose type they do not know
        if size > field:
            value_at, total = whole(value_at, field), total + size
        if max(value_at + size, total, at + 4 + 2 * field) > len(block):
            raise ValueError("a tag leaves the file")
        yield _Tag(whole(at, 2), kind, count, block[value_at : value_at + size], at + 4, field)
