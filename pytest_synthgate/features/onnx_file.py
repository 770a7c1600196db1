"""An ONNX file -> the files beside it that hold its weights, read from its bytes without a library.

Third station of the flow (images -> features -> scores). An ONNX file is a protobuf message; a large model keeps its
tensors in other files, which it names, and which are as much part of it as its own bytes.
Source of the numbers: `onnx.proto` of ONNX 1.17.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from pytest_synthgate.errors import EncoderError
from pytest_synthgate.text.printable import visible

_WITHIN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}
"""Which fields of a message hold messages that can name a file, by number."""

_GRAPH = 7


class _DamagedError(Exception):
    """The bytes are no protobuf message."""


def weight_files(file: Path) -> tuple[Path, ...]:
    """Find the files beside an ONNX file that hold its tensors, in the order of their names; none where it holds all.

    Raises:
        EncoderError: It is no ONNX file, or a file that it names is not there or outside its folder.
    """
    try:
        with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
            locations = sorted(set(_locations(content)))
    except (_DamagedError, ValueError, OSError) as error:
        reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
        raise EncoderError(f"{file} is no ONNX file, or is damaged{reason}; save it anew") from None
    return tuple(_beside(file, location) for location in locations)


def _beside(file: Path, location: bytes) -> Path:
    name = location.decode(errors="replace")
    folder = file.parent.resolve()
    # A null character, and whatever else no file can be called.
    path = folder / name if name.isprintable() else folder.parent
    outside = PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor or ".." in PureWindowsPath(name).parts
    if outside or folder not in path.resolve().parents:
        raise EncoderError(
            f"{file} names weights outside its folder, {visible(name)}; save it with its weights beside it"
        )
    if not path.is_file():
        raise EncoderError(f"{file} keeps weights in {visible(name)}, which is not beside it; copy it there")
    return file.parent / name


def _locations(content: mmap.mmap) -> Iterator[bytes]:
    """Go through the messages without recursion, since a file may nest them as deep as it likes."""
    waiting = [("model", 0, len(content))]
    graphs = 0
    while waiting:
        kind, start, end = waiting.pop()
        within = _WITHIN[kind]
        for number, first, last in _fields(content, start, end):
            graphs += kind == "model" and number == _GRAPH
            if (inner := within.get(number)) is None:
                continue
            if inner != "entry":
                waiting.append((inner, first, last))
                continue
            entry = {field: content[begin:stop] for field, begin, stop in _fields(content, first, last)}
            if entry.get(1) == b"location":
                yield entry.get(2, b"")
    if not graphs:
        raise _DamagedError


def _fields(content: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Give number, start and end of each field of a message that has a length."""
    while start < end:
        tag, start = _varint(content, start, end)
        match tag & 7:
            case 0:
                _, start = _varint(content, start, end)
            case 1:
                start += 8
            case 2:
                length, start = _varint(content, start, end)
                if start + length > end:
                    raise _DamagedError
                yield tag >> 3, start, start + length
                start += length
            case 5:
                start += 4
            case _:
                raise _DamagedError
    if start != end:
        raise _DamagedError


def _varint(content: mmap.mmap, start: int, end: int) -> tuple[int, int]:
    value = 0
    for place, at in enumerate(range(start, min(end, start + 10))):
        byte = content[at]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + 1
    raise _DamagedError
