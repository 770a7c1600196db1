"""The prompt and the seed that AUTOMATIC1111 and ComfyUI leave in the text of a PNG file.

Second station of the flow, below `metadata`. Files are untrusted and the texts a courtesy: what is too
large or makes no sense is passed over, and no pixel is decoded.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_synthgate.images import png
from pytest_synthgate.text.printable import storable

_TEXT_CHUNKS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_LONGEST_TEXT = 8 << 20
_MOST_HOPS = 32
# What a ComfyUI node may call a text, or the link towards one; a seed, or the link towards one.
_TEXT_INPUTS = ("text", "text_g", "text_l", "prompt", "string", "value", "positive", "conditioning", "conditioning_1")
_SEED_INPUTS = ("seed", "noise_seed", "value")
_SEED = re.compile(r"(?:^|, )Seed: (\d{1,20})(?:,|$)")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a file says about how it was made."""

    prompt: str | None = None
    seed: int | None = None


def read_recipe(path: Path) -> Recipe:
    """Read prompt and seed from the texts ahead of a PNG file's pixels; both None where there is nothing."""
    try:
        with path.open("rb") as stream:
            texts = dict(_texts(stream))
    except (OSError, ValueError):  # the decoder will say what is wrong with the file
        return Recipe()
    if "parameters" in texts:
        return _automatic1111(texts["parameters"])
    if "prompt" in texts:
        return _comfyui(texts["prompt"])
    return Recipe()


def _texts(stream: Any) -> Iterator[tuple[str, str]]:
    for name, content in png.chunks(stream, _TEXT_CHUNKS, until=b"IDAT"):
        keyword, _, rest = content.partition(b"\0")
        key = keyword.decode("latin-1")
        if name == b"tEXt":
            yield key, rest.decode("latin-1")
            continue
        if name == b"zTXt":
            text, encoding, compressed = rest[1:], "latin-1", True
        else:
            compressed = rest[:1] == b"\1"
            text, encoding = (rest[2:].split(b"\0", 2) + [b""] * 3)[2], "utf-8"
        if compressed:
            try:
                text = zlib.decompressobj().decompress(text, _LONGEST_TEXT)
            except zlib.error:
                continue
        yield key, text.decode(encoding, "replace")


def _automatic1111(text: str) -> Recipe:
    lines = storable(text).replace("\r\n", "\n").split("\n")
    last = next((number for number in reversed(range(len(lines))) if lines[number].startswith("Steps: ")), None)
    if last is None:
        return Recipe()
    negative = (number for number in range(last) if lines[number].startswith("Negative prompt:"))
    prompt = "\n".join(lines[: next(negative, last)]).strip()
    seed = _SEED.search(lines[last])
    return Recipe(prompt or None, int(seed.group(1)) if seed else None)


def _comfyui(text: str) -> Recipe:
    try:
        graph = json.loads(text)
    except (ValueError, RecursionError):
        return Recipe()
    if not isinstance(graph, dict):
        return Recipe()
    for key in sorted(graph, key=_node_order):
        sampler = _inputs(graph, key)
        if "positive" in sampler and ("seed" in sampler or "noise_seed" in sampler):
            return Recipe(_text_behind(graph, sampler["positive"]), _seed_behind(graph, sampler))
    return Recipe()


def _text_behind(graph: dict[str, Any], link: object) -> str | None:
    """Follow a link back to a text, through nodes that change the conditioning or make texts."""
    for _ in range(_MOST_HOPS):
        if isinstance(link, str):
            return storable(link.strip()) or None
        inputs = _inputs(graph, link[0] if isinstance(link, list) and link else None)
        link = next((inputs[name] for name in _TEXT_INPUTS if isinstance(inputs.get(name), str | list)), None)
    return None


def _seed_behind(graph: dict[str, Any], inputs: dict[str, Any]) -> int | None:
    for _ in range(_MOST_HOPS):
        value = next((inputs[name] for name in _SEED_INPUTS if isinstance(inputs.get(name), int | list)), None)
        if isinstance(value, int):
            return None if isinstance(value, bool) else value
        inputs = _inputs(graph, value[0] if value else None)
    return None


def _inputs(graph: dict[str, Any], key: object) -> dict[str, Any]:
    node = graph.get(str(key))
    inputs = node.get("inputs") if isinstance(node, dict) else None
    return inputs if isinstance(inputs, dict) else {}


def _node_order(key: str) -> tuple[int, str]:
    return (len(key), key)  # numbers in order, whatever else after them
