"""What image generators write into PNG files is found, and nonsense is passed over."""

import json
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, PngImagePlugin

from pytest_synthgate.images import recipe
from pytest_synthgate.images.recipe import Recipe, read_recipe, read_recipes

A1111 = (
    "a photo of an apple,\nin a bowl <lora:x:1>\nNegative prompt: blurry, Steps: 3\n"
    "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1234567890, Size: 512x512, Model: sd"
)


def graph(**changes: Any) -> dict[str, Any]:
    nodes: dict[str, Any] = {
        "10": {"class_type": "KSampler", "inputs": {"seed": 42, "positive": ["6", 0], "negative": ["7", 0]}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "an apple", "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd"}},
    }
    return nodes | changes


def saved(path: Path, key: str, text: str, *, compressed: bool = False) -> Path:
    texts = PngImagePlugin.PngInfo()
    texts.add_text(key, text, zip=compressed)
    Image.new("RGB", (2, 2)).save(path, pnginfo=texts)
    return path


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("subject", ["apple", "\u82f9\u679c"])
def test_automatic1111_parameters(tmp_path: Path, compressed: bool, subject: str) -> None:
    path = saved(tmp_path / "a.png", "parameters", A1111.replace("apple", subject), compressed=compressed)
    assert read_recipe(path) == Recipe(f"a photo of an {subject},\nin a bowl <lora:x:1>", 1234567890)


def test_parameters_without_a_negative_prompt_or_a_seed(tmp_path: Path) -> None:
    assert read_recipe(saved(tmp_path / "a.png", "parameters", "a cup\nSteps: 2")) == Recipe("a cup", None)
    assert read_recipe(saved(tmp_path / "b.png", "parameters", "Steps: 2, Seed: 3")) == Recipe(None, 3)
    assert read_recipe(saved(tmp_path / "c.png", "parameters", '{"model": "x"}')) == Recipe()
    variation = "a\nSteps: 2, Variation seed: 5, Seed: 3"
    assert read_recipe(saved(tmp_path / "d.png", "parameters", variation)) == Recipe("a", 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a cup\nSteps: 2, Sampler: Euler a,\nCFG scale: 7, Seed: 3, Template: {a|b}\nVersion: 1", Recipe("a cup", 3)),
        ("a cup\r\nNegative prompt: dark\r\nSteps: 2, Seed: 3", Recipe("a cup", 3)),
        (
            "a cup\nNegative prompt: dark\nSteps: 20 | Size: 8x8 | Sampler: Euler a | Seed: 3 | CFG: 6",
            Recipe("a cup", 3),
        ),
        ("a cup\nSeed: 3| Steps: 20| Sampler: UniPC", Recipe("a cup", 3)),
        ("a cup, Steps: 20, Seed: 3", Recipe("a cup", 3)),
        ("Steps: leading to a church\nSteps: 20, Seed: 3", Recipe("Steps: leading to a church", 3)),
    ],
)
def test_parameters_may_be_broken_into_lines_or_parted_by_pipes(tmp_path: Path, text: str, expected: Recipe) -> None:
    assert read_recipe(saved(tmp_path / "a.png", "parameters", text)) == expected


@pytest.mark.parametrize(
    "content",
    [
        b"UNICODE\0" + A1111.encode("utf-16-be"),
        b"UNICODE\0" + A1111.encode("utf-16-le"),
        b"ASCII\0\0\0" + A1111.encode(),
        bytes(8) + A1111.encode(),
        "ASCII\0\0\0" + A1111,  # called plain text, which it is not by the standard
    ],
)
@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.png", "a.dat"])
def test_the_comment_in_an_exif_block_says_the_same(tmp_path: Path, content: bytes | str, name: str) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = content
    form = {"jpg": "JPEG", "dat": "JPEG"}.get(name[2:], name[2:].upper())
    Image.new("RGB", (8, 8)).save(tmp_path / name, form, exif=exif.tobytes())
    assert read_recipe(tmp_path / name) == Recipe("a photo of an apple,\nin a bowl <lora:x:1>", 1234567890)


@pytest.mark.parametrize(("endian", "encoding"), [(">", "utf-16-be"), ("<", "utf-16-le")])
def test_a_comment_whose_zeros_do_not_tell_is_in_the_order_of_its_block(
    tmp_path: Path, endian: str, encoding: str
) -> None:
    settings = "\nSteps: 2, Seed: 3"
    prompt = "\u0100" * len(settings)  # a zero for each in a plain letter, on the other side
    exif = Image.Exif()
    exif.endian = endian
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"UNICODE\0" + (prompt + settings).encode(encoding)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", exif=exif.tobytes())
    assert read_recipe(tmp_path / "a.jpg") == Recipe(prompt, 3)


def test_a_long_profile_hides_no_text(tmp_path: Path) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", "a cup\nSteps: 2, Seed: 3")
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png", icc_profile=bytes(2 << 20), pnginfo=texts)
    assert read_recipe(tmp_path / "a.png") == Recipe("a cup", 3)


CUSTOM = {
    "1": {"class_type": "CLIPTextEncode", "inputs": {"text": "a red kite", "clip": ["9", 0]}},
    "2": {"class_type": "RandomNoise", "inputs": {"noise_seed": 7}},
    "3": {"class_type": "BasicGuider", "inputs": {"model": ["8", 0], "conditioning": ["5", 0]}},
    "4": {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {"noise": ["2", 0], "guider": ["3", 0], "sampler": ["7", 0]},
    },
    "5": {"class_type": "FluxGuidance", "inputs": {"guidance": 3.5, "conditioning": ["1", 0]}},
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"3": {"class_type": "CFGGuider", "inputs": {"cfg": 1, "positive": ["5", 0], "negative": ["6", 0]}}},
        {"1": {"inputs": {"clip_l": "", "t5xxl": "a red kite", "guidance": 3.5}}},
        {
            "1": {"inputs": {"text": ["11", 0]}},
            "11": {"inputs": {"string_a": "", "string_b": "x", "text_a": "a red kite"}},
        },
        {"2": {"inputs": {"noise_seed": ["12", 0]}}, "12": {"class_type": "PrimitiveInt", "inputs": {"value": 7}}},
    ],
)
def test_graphs_of_a_custom_sampler(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert read_recipe(saved(tmp_path / "a.png", "prompt", json.dumps(CUSTOM | changes))) == Recipe("a red kite", 7)


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        (graph(), Recipe("an apple", 42)),
        (
            graph(**{"10": {"inputs": {"noise_seed": 7, "positive": ["6", 0]}}}),
            Recipe("an apple", 7),
        ),
        (
            graph(**{"6": {"inputs": {"text": ["20", 0]}}, "20": {"inputs": {"value": "from elsewhere"}}}),
            Recipe("from elsewhere", 42),
        ),
        (
            graph(
                **{
                    "10": {"inputs": {"seed": ["21", 0], "positive": ["5", 0]}},
                    "5": {"class_type": "ControlNetApply", "inputs": {"conditioning": ["6", 0]}},
                    "21": {"inputs": {"seed": 99}},
                }
            ),
            Recipe("an apple", 99),
        ),
        (graph(**{"6": {"inputs": {"text_g": "big", "text_l": "small"}}}), Recipe("big", 42)),
        (graph(**{"6": {"inputs": {"conditioning": ["6", 0]}}}), Recipe(None, 42)),
        (graph(**{"6": "nonsense"}), Recipe(None, 42)),
        (graph(**{"10": {"inputs": {"seed": True, "positive": ["nowhere", 0]}}}), Recipe()),
        (graph(**{"9": {"inputs": {"seed": 1, "positive": ["7", 0]}}}), Recipe("blurry", 1)),
        ({}, Recipe()),
        ([], Recipe()),
    ],
)
def test_comfyui_graphs(tmp_path: Path, nodes: Any, expected: Recipe) -> None:
    assert read_recipe(saved(tmp_path / "a.png", "prompt", json.dumps(nodes))) == expected


@pytest.mark.parametrize("text", ["not json", "[" * 100_000, '"a"', '{"1": {"inputs": {"seed": 1, "positive": []}}}'])
def test_nonsense_is_passed_over(tmp_path: Path, text: str) -> None:
    assert read_recipe(saved(tmp_path / "a.png", "prompt", text)).prompt is None


def test_a_prompt_with_a_lone_surrogate_can_be_stored(tmp_path: Path) -> None:
    nodes = json.dumps(graph()).replace("an apple", "an \\ud800")
    prompt = read_recipe(saved(tmp_path / "a.png", "prompt", nodes)).prompt
    assert prompt == "an \\ud800"


def test_other_files_have_nothing_to_say(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no png")
    assert read_recipe(tmp_path / "a.png") == Recipe()
    assert read_recipe(tmp_path / "gone.png") == Recipe()
    Image.new("RGB", (2, 2)).save(tmp_path / "b.png")
    assert read_recipe(tmp_path / "b.png") == Recipe()


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def test_large_and_swelling_texts_do_not_fill_the_memory(tmp_path: Path) -> None:
    import tracemalloc

    swelling = chunk(b"zTXt", b"parameters\0\0" + zlib.compress(b"a" * (256 << 20), 9))
    large = chunk(b"tEXt", b"parameters\0" + b"a" * (8 << 20))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + large + swelling + chunk(b"IDAT", b""))
    tracemalloc.start()
    try:
        assert read_recipe(tmp_path / "a.png") == Recipe()
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    chunks=st.lists(
        st.tuples(
            st.sampled_from([b"tEXt", b"zTXt", b"iTXt", b"IHDR"]),
            st.sampled_from([b"prompt\0", b"parameters\0", b""]),
            st.one_of(
                st.binary(max_size=40),
                st.recursive(
                    st.one_of(st.none(), st.integers(), st.text(max_size=4)),
                    lambda inner: st.one_of(
                        st.lists(inner, max_size=3),
                        st.dictionaries(st.sampled_from(["1", "inputs", "positive", "seed", "text"]), inner),
                    ),
                ).map(lambda value: json.dumps(value).encode()),
            ),
        ),
        max_size=4,
    ),
    cut=st.integers(0, 20),
)
def test_any_chunks_are_read_or_passed_over(tmp_path: Path, chunks: list[tuple[bytes, bytes, bytes]], cut: int) -> None:
    data = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, key + content) for name, key, content in chunks)
    (tmp_path / "a.png").write_bytes(data[: len(data) - cut])
    origin = read_recipe(tmp_path / "a.png")
    assert origin.prompt is None or origin.prompt
    assert origin.seed is None or isinstance(origin.seed, int)


class Memory:
    """Notes of one run after another, as the store keeps them."""

    def __init__(self) -> None:
        self.texts: dict[tuple[str, str], str] = {}

    def note(self, kind: str, key: str) -> str | None:
        return self.texts.get((kind, key))

    def add_note(self, kind: str, key: str, text: str) -> None:
        self.texts[kind, key] = text


def settled(path: Path, mtime: int = 1_600_000_000) -> Path:
    os.utime(path, (mtime, mtime))
    return path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were read."""
    names: list[str] = []
    texts = recipe._texts

    def noting(path: Path) -> Mapping[str, str]:
        names.append(path.name)
        return texts(path)

    monkeypatch.setattr(recipe, "_texts", noting)
    return names


def test_a_file_that_has_not_changed_is_not_read_again(tmp_path: Path, opened: list[str]) -> None:
    memory = Memory()
    paths = [settled(saved(tmp_path / "1.png", "parameters", A1111)), settled(saved(tmp_path / "2.png", "x", "y"))]
    first = read_recipes(tmp_path, paths, memory)
    assert [each.seed for each in first.values()] == [1234567890, None]
    assert read_recipes(tmp_path, paths, memory) == first
    assert opened == ["1.png", "2.png"]


def test_a_changed_a_new_and_a_lost_file_are_noticed(tmp_path: Path, opened: list[str]) -> None:
    memory = Memory()
    old, lost, new = (tmp_path / f"{name}.png" for name in ("old", "lost", "new"))
    read_recipes(tmp_path, [settled(saved(old, "parameters", A1111)), settled(saved(lost, "x", "y"))], memory)
    settled(saved(old, "parameters", A1111.replace("1234567890", "1234567891")), 1_600_000_001)
    lost.unlink()
    opened.clear()
    found = read_recipes(tmp_path, [old, lost, settled(saved(new, "parameters", A1111))], memory)
    assert {path.name: each.seed for path, each in found.items()} == {
        **{"old.png": 1234567891, "lost.png": None, "new.png": 1234567890}
    }
    assert opened == ["old.png", "new.png"]


def test_a_file_that_may_still_change_or_could_not_be_read_is_read_again(tmp_path: Path, opened: list[str]) -> None:
    memory, fresh, broken = Memory(), saved(tmp_path / "fresh.png", "parameters", A1111), tmp_path / "broken.png"
    broken.write_bytes(fresh.read_bytes()[:20])
    settled(broken)
    for _ in range(2):
        read_recipes(tmp_path, [fresh, broken], memory)
    assert opened == ["fresh.png", "broken.png"] * 2
