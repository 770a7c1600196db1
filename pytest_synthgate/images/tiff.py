"""The tag directory that TIFF files and EXIF blocks share, read just far enough to decode in peace.

Second station of the flow, below `decode`. Pillow warns about damaged tags while it reads them, and a warning
cannot be silenced for one thread alone; so the tags that it would warn about are taken out beforehand.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import TiffTags

_ORIENTATION = 274
_PHOTOMETRIC = 262
_SUB_DIRECTORIES = frozenset({34665, 34853, 40965})  # EXIF, GPS, interoperability: nothing in them changes pixels
_UNIT_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
_ONE_VALUE_TYPES = frozenset({1, 2, 7})  # bytes, text, undefined: any count is one value
_NO_TYPE = 0  # readers skip a tag whose type they do not know


@dataclass(frozen=True, slots=True)
class _Layout:
    """How one directory is written: plain TIFF, or BigTIFF with 64-bit offsets."""

    order: str
    header: str
    count: str
    number: str

    @property
    def field(self) -> int:
        return struct.calcsize(self.order + self.number)

    @property
    def entry_format(self) -> str:
        return f"{self.order}HH{self.number}{self.field}x"

    @property
    def entry(self) -> int:
        return struct.calcsize(self.entry_format)


@dataclass(frozen=True, slots=True)
class _Entry:
    position: int
    tag: int
    kind: int
    count: int


def orientation(exif: bytes) -> int:
    """Read the orientation, 1 to 8, from an EXIF block; 1 when there is none or the block is damaged."""
    block = exif
    while block.startswith(b"Exif\0\0"):
        block = block[6:]
    try:
        layout = _layout(block)
        for entry in _entries(block, layout):
            if entry.tag == _ORIENTATION and entry.kind == 3:
                (value,) = struct.unpack_from(layout.order + "H", block, entry.position + 4 + layout.field)
                return value if 1 <= value <= 8 else 1
    except (ValueError, struct.error):
        return 1
    return 1


def without_damaged_tags(data: bytes) -> bytes:
    """Copy a TIFF file with every tag disabled that leaves the file, and every single value truly single.

    Raises:
        ValueError: The file has no readable tag directory.
    """
    try:
        layout = _layout(data)
        entries = list(_entries(data, layout))
    except struct.error:
        raise ValueError("the tag directory leaves the file") from None
    mended = bytearray(data) + bytes(8)  # some writers leave out the pointer to a next directory
    total = 0
    for entry in entries:
        size = entry.count * _UNIT_SIZES.get(entry.kind, 0)
        value_at = entry.position + 4 + layout.field
        if size > layout.field:
            (value_at,) = struct.unpack_from(layout.order + layout.number, data, value_at)
            total += size
        if entry.tag in _SUB_DIRECTORIES or total > len(data) or value_at + size > len(data):
            struct.pack_into(layout.order + "H", mended, entry.position + 2, _NO_TYPE)
            total -= size if size > layout.field else 0
        elif _should_be_single(entry):
            _keep_first_value(mended, entry, layout, value_at)
    return bytes(mended)


def _layout(data: bytes) -> _Layout:
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        raise ValueError("no byte order mark")
    (version,) = struct.unpack_from(order + "H", data, 2)
    if version == 43:
        return _Layout(order, header="8xQ", count="Q", number="Q")
    return _Layout(order, header="4xL", count="H", number="L")


def _entries(data: bytes, layout: _Layout) -> Iterator[_Entry]:
    (start,) = struct.unpack_from(layout.order + layout.header, data)
    (count,) = struct.unpack_from(layout.order + layout.count, data, _inside(start, data))
    first = start + struct.calcsize(layout.order + layout.count)
    for position in range(first, first + count * layout.entry, layout.entry):
        tag, kind, number = struct.unpack_from(layout.entry_format, data, _inside(position, data))
        yield _Entry(position, tag, kind, number)


def _inside(position: int, data: bytes) -> int:
    if position >= len(data):
        raise ValueError("the tag directory leaves the file")
    return position


def _should_be_single(entry: _Entry) -> bool:
    return (
        entry.count > 1
        and entry.kind in _UNIT_SIZES
        and entry.kind not in _ONE_VALUE_TYPES
        and entry.tag != _PHOTOMETRIC
        and TiffTags.lookup(entry.tag).length == 1
    )


def _keep_first_value(mended: bytearray, entry: _Entry, layout: _Layout, value_at: int) -> None:
    struct.pack_into(layout.order + layout.number, mended, entry.position + 4, 1)
    unit = _UNIT_SIZES[entry.kind]
    if unit <= layout.field:
        field_at = entry.position + 4 + layout.field
        mended[field_at : field_at + unit] = mended[value_at : value_at + unit]
