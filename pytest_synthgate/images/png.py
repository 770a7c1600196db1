"""The chunks of a PNG file, walked without decoding a pixel.

Second station of the flow, below `decode` (which checks animation headers) and `metadata` (which reads the
texts that image generators leave there).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST_CHUNK = 4 << 20
"""Bytes of one chunk beyond which it is passed over; the largest workflows in the wild take a tenth of it."""


def chunks(stream: BinaryIO, wanted: frozenset[bytes], until: bytes = b"IEND") -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of the wanted chunks, in file order; a damaged or foreign file just ends.

    Args:
        stream: The file, at its start; must be seekable.
        wanted: Names of the chunks to read; all others are passed over.
        until: Name of the chunk to stop at.
    """
    if stream.read(len(SIGNATURE)) != SIGNATURE:
        return
    while len(head := stream.read(8)) == 8:
        length, name = int.from_bytes(head[:4]), head[4:]
        if name == until:
            return
        if name in wanted and length <= LARGEST_CHUNK:
            content = stream.read(length)
            if len(content) < length:
                return
            yield name, content
            stream.seek(4, 1)
        else:
            stream.seek(length + 4, 1)
