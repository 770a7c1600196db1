"""The prompt and the seed that AUTOMATIC1111, SD.Next and ComfyUI leave in the files of their images.

Second station of the flow, below `table`. Files are untrusted and the texts a courtesy: what is too large or makes no
sense is passed over, and no pixel is decoded. What was read is noted, so that a file is opened again only when it
changed.
"""

from __future__ import annotations

import json
import re
import struct
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

from PIL import ExifTags, Image, PngImagePlugin
from PIL import __version__ as pillow_version

from pytest_synthgate.files.stamps import FileStamp, spelt
from pytest_synthgate.images.formats import exif_of, format_of, png_with
from pytest_synthgate.text.printable import storable

_READER = f"pillow {pillow_version}, 1"
"""Another version may find other texts; the number counts what this file itself came to read otherwise."""

_TEXT_CHUNKS = frozenset({b"IHDR", b"IDAT", b"tEXt", b"zTXt", b"iTXt"})
_MOST_NODES = 200
# What a ComfyUI node may call a text or the link towards one, the likeliest first; and a seed.
_TEXT_INPUTS = (
    *("text", "text_g", "t5xxl", "text_l", "clip_l", "prompt", "string", "value", "positive", "guider"),
    *("conditioning", "conditioning_1", "conditioning_to", "cond1", "cond", "text1", "text_a", "string_a"),
)
_SEED_INPUTS = ("seed", "noise_seed", "noise", "value")
_SAMPLER_INPUTS = ("positive", "guider", "conditioning")
_STEPS = re.compile(r"(?:^|[,|])[ \t]*Steps: ?\d+[ \t]*(?=[,|\n]|$)", re.MULTILINE)
_PARAMETER = re.compile(r"[A-Z][\w ]{0,40}: ")
_NEGATIVE = re.compile(r"^[ \t]*Negative prompt:", re.MULTILINE)
_SEED = re.compile(r"(?:^|[,|])[ \t]*Seed: ?(\d{1,20})[ \t]*(?=[,|\n]|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a file says about how it was made."""

    prompt: str | None = None
    seed: int | None = None


class Notes(Protocol):
    """What keeps texts from one run to the next, by their kind and key: the store."""

    def note(self, kind: str, key: str) -> str | None:
        """Give what was noted."""

    def add_note(self, kind: str, key: str, text: str) -> None:
        """Note something in place of what was."""


def read_recipes(root: Path, paths: Iterable[Path], notes: Notes | None = None) -> dict[Path, Recipe]:
    """Read the recipes of files of a set, as `read_recipe` does, or recall those of files that have not changed."""
    if notes is None:
        return {path: read_recipe(path) for path in paths}
    key, now = f"{_READER} {spelt(root)}", time.time_ns()
    noted: dict[str, list[Any]] = json.loads(notes.note("recipes", key) or "{}")
    found: dict[Path, Recipe] = {}
    lasting: dict[str, list[Any]] = {}
    for path in paths:
        try:
            stamp = FileStamp.of(path)
        except (OSError, ValueError):  # the decoder will tell why
            found[path] = Recipe()
            continue
        known = noted.get(stamp.path)
        if known is not None and known[:2] == [stamp.size, stamp.mtime_ns]:
            found[path], lasting[stamp.path] = Recipe(*known[2:]), known
            continue
        recipe = _read(path)
        found[path] = recipe or Recipe()
        if recipe is not None and stamp.settled(now):
            lasting[stamp.path] = [stamp.size, stamp.mtime_ns, recipe.prompt, recipe.seed]
    if lasting != noted:
        notes.add_note("recipes", key, json.dumps(lasting))
    return found


def read_recipe(path: Path) -> Recipe:
    """Read prompt and seed from the texts ahead of the pixels of a file; both None where there is nothing."""
    return _read(path) or Recipe()


def _read(path: Path) -> Recipe | None:
    """Give none where the file cannot be read, which may pass."""
    try:
        texts = _texts(path)
    except Exception:  # noqa: BLE001  the decoder will say what is wrong with the file
        return None
    for read, keys in ((_automatic1111, ("parameters", "comment")), (_comfyui, ("prompt", "comment"))):
        for text in filter(None, map(texts.get, keys)):
            if (found := read(storable(text))) != Recipe():
                return found
    return Recipe()


def _texts(path: Path) -> Mapping[str, str]:
    """Give the texts of a PNG file by their keys, and the comment of the user in an EXIF block as "comment"."""
    with path.open("rb") as stream:
        head = stream.read(4096)
        form = format_of(head[:16])
        if form is None or form.name not in {"PNG", "JPEG", "WebP"}:
            return {}
        stream.seek(0)
        if form.name != "PNG":
            # Most files have no such block, and are not read any further: JPEG has it first, WebP a bit that tells.
            if not (head[12:16] == b"VP8X" and head[20] & 8 if form.name == "WebP" else b"Exif\0\0" in head):
                return {}
            return {"comment": _comment(form.open(stream.read(-1 if form.name == "WebP" else 1 << 20)))}
        try:
            picture: Image.Image = PngImagePlugin.PngImageFile(stream)
        except ValueError:  # a long colour profile
            stream.seek(0)
            picture = PngImagePlugin.PngImageFile(BytesIO(png_with(_TEXT_CHUNKS, stream.read())))
        texts = {str(key): text for key, text in picture.info.items() if isinstance(text, str)}
        return {"comment": _comment(picture), **texts}


def _comment(picture: Image.Image) -> str:
    exif, comment = exif_of(picture), None
    with suppress(ValueError, struct.error):  # the block leads out of itself
        comment = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment)
    if isinstance(comment, str):  # some writers call it plain text
        comment = comment.encode("latin-1", "replace")
    if not isinstance(comment, bytes):
        return ""
    code, content = comment[:8].rstrip(b"\0 "), comment[8:]
    if code != b"UNICODE":
        return content.decode("utf-8", "replace").rstrip("\0")
    # Some write it in the byte order of the block, others always big-endian: the zeros of plain letters tell.
    high, low = content[::2].count(0), content[1::2].count(0)
    big = exif.endian == ">" if high == low else high > low
    return content.decode("utf-16-be" if big else "utf-16-le", "replace").lstrip("\ufeff").rstrip("\0")


def _automatic1111(text: str) -> Recipe:
    text = text.replace("\r\n", "\n")
    steps = next(reversed(list(_STEPS.finditer(text))), None)
    if steps is None:
        return Recipe()
    line = text.rfind("\n", 0, steps.start() + 1) + 1
    start = line if line > steps.start() or _PARAMETER.match(text, line) else steps.start()
    negative = _NEGATIVE.search(text, 0, start)
    prompt = text[: negative.start() if negative else start].strip()
    seed = _SEED.search(text, min(line, start))  # to the end, for an extension may break the line
    return Recipe(prompt or None, int(seed.group(1)) if seed else None)


def _comfyui(text: str) -> Recipe:
    try:
        graph = json.loads(text)
    except (ValueError, RecursionError):
        return Recipe()
    if not isinstance(graph, dict):
        return Recipe()
    for key in sorted(graph, key=lambda each: (len(each), each)):  # numbers in order, whatever else after them
        inputs = _inputs(graph, key)
        start = next((inputs[name] for name in _SAMPLER_INPUTS if name in inputs), None)
        if start is None or not any(name in inputs for name in _SEED_INPUTS[:3]):
            continue
        texts = (each.strip() for each in _behind(graph, start, _TEXT_INPUTS) if isinstance(each, str))
        own = [inputs[name] for name in _SEED_INPUTS if name in inputs]
        seeds = (each for link in own for each in _behind(graph, link, _SEED_INPUTS) if type(each) is int)
        return Recipe(next(map(storable, filter(None, texts)), None), next(seeds, None))
    return Recipe()


def _behind(graph: dict[str, Any], start: object, names: tuple[str, ...]) -> Iterator[object]:
    """Follow a link back through nodes that change a conditioning or make texts, to what is no link."""
    waiting, seen = [start], set[str]()
    while waiting and len(seen) < _MOST_NODES:
        value = waiting.pop()
        if not isinstance(value, list):
            yield value
        elif value and str(value[0]) not in seen:
            seen.add(str(value[0]))
            inputs = _inputs(graph, value[0])
            waiting += [inputs[name] for name in reversed(names) if name in inputs]


def _inputs(graph: dict[str, Any], key: object) -> dict[str, Any]:
    node = graph.get(str(key))
    inputs = node.get("inputs") if isinstance(node, dict) else None
    return inputs if isinstance(inputs, dict) else {}
