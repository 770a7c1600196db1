"""Names and seeds follow from prompt and index alone, and neither ever clashes or escapes."""

import re
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate.images.generation.seeds import image_name, image_seed


def test_seeds_are_what_they_were_in_every_earlier_version() -> None:
    assert image_seed(0, "a photo of an apple", 0) == 5079161480077171552
    assert image_seed(0, "a photo of an apple", 1) == 7256504262545594229
    assert image_name("A photo of an apple", 7) == "a-photo-of-an-apple-257dfdfd498a/00007.png"


@given(st.integers(0, 2**63 - 1), st.text(), st.integers(0, 10**6))
def test_a_seed_has_63_bits(base: int, prompt: str, index: int) -> None:
    assert 0 <= image_seed(base, prompt, index) < 2**63


def test_no_two_images_of_a_prompt_share_what_torch_reads_of_a_seed() -> None:
    assert len({image_seed(3, "an apple", index) % 2**32 for index in range(100_000)}) == 100_000


def test_torch_reads_the_low_32_bits_of_a_seed_only() -> None:
    import torch

    low, high = (torch.randn(4, generator=torch.Generator().manual_seed(seed)) for seed in (5, 5 + 2**40))
    assert torch.equal(low, high)


def test_base_and_prompt_move_every_seed() -> None:
    seeds = {image_seed(base, prompt, 0) for base in range(50) for prompt in ("a", "b", "a ", "A", "1")}
    assert len(seeds) == 250


@pytest.mark.parametrize(
    "prompt", ["../../etc/passwd", "a\0b", "\x1b[31mred", "C:\\con", "/", "..", "\u202egnp.exe", "a" * 5000, "苹果", ""]
)
def test_whatever_a_prompt_says_its_file_stays_in_the_directory(prompt: str) -> None:
    assert re.fullmatch(r"([a-z0-9][a-z0-9-]*-)?[0-9a-f]{12}/00000\.png", image_name(prompt, 0))


@given(st.text(), st.text(), st.integers(0, 10**5), st.integers(0, 10**5))
def test_two_images_have_two_names_also_where_case_is_ignored(one: str, other: str, i: int, j: int) -> None:
    names = {image_name(one, i), image_name(other, j)}
    assert len({name.casefold() for name in names}) == len({(one, i), (other, j)})
    assert all(len(PurePosixPath(name).parts) == 2 for name in names)
