"""Templates, articles and counts."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_synthgate.errors import SpecError
from pytest_synthgate.spec.model import Spec
from pytest_synthgate.spec.prompts import Prompt, expand, fill, placeholders, with_article

FILE = Path("/nowhere/synth_snacks.toml")
WORDS = st.lists(st.text("abcd {}", min_size=1, max_size=4), min_size=1, max_size=4, unique=True).map(tuple)


def declare(*templates: str, **settings: Any) -> Spec:
    return Spec(name="subject", file=FILE, templates=templates, **settings)


def test_the_product_comes_in_declared_order() -> None:
    spec = declare(
        "{a_class} {place}, {light}", "{class}", axes={"place": ("in", "out"), "light": ("dim", "lit")}, per_prompt=3
    )

    assert [prompt.text for prompt in expand(spec, {"apple": 1, "kiwi": 1})] == [
        *("an apple in, dim", "an apple in, lit", "an apple out, dim", "an apple out, lit"),
        *("a kiwi in, dim", "a kiwi in, lit", "a kiwi out, dim", "a kiwi out, lit"),
        *("apple", "kiwi"),
    ]


def test_a_prompt_knows_what_it_was_made_from() -> None:
    spec = declare("{a_class} {place}", axes={"place": ("in a bowl",)}, per_prompt=3)

    assert expand(spec, {"apple": 1}) == (
        Prompt("an apple in a bowl", "{a_class} {place}", "apple", {"place": "in a bowl"}, 3),
    )


def test_an_axis_can_take_an_article() -> None:
    spec = declare("{a_thing} by {a_class}", axes={"thing": ("unit", "owl")}, per_prompt=1)

    assert [prompt.text for prompt in expand(spec, {"hour": 1})] == ["a unit by an hour", "an owl by an hour"]


def test_declared_classes_replace_those_of_the_real_set() -> None:
    spec = declare("{class}", classes=("plum",), per_prompt=1)

    assert [prompt.class_name for prompt in expand(spec, {"apple": 1})] == ["plum"]


def test_images_have_no_prompts() -> None:
    assert expand(Spec(name="renders", file=FILE, images=Path("/nowhere"))) == ()


def test_missing_classes_say_what_to_do() -> None:
    with pytest.raises(SpecError, match=r"\[spec\.subject\] prompt speaks of a class but no class is known; give"):
        expand(declare("{a_class}", per_prompt=1))


def test_a_prompt_without_class_needs_no_classes() -> None:
    assert [prompt.text for prompt in expand(declare("{{class}} {x}", axes={"x": ("y",)}, per_prompt=1))] == [
        "{class} y"
    ]


def test_two_ways_to_one_text_are_refused() -> None:
    spec = declare("{x}{y}", axes={"x": ("a", "ab"), "y": ("bc", "c")}, per_prompt=1)

    with pytest.raises(SpecError, match=r"\[spec\.subject\] prompt 'abc' comes about twice; keep one"):
        expand(spec)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("xyz"), WORDS, min_size=1), WORDS, st.integers(1, 3))
def test_there_are_as_many_prompts_as_the_product_has(
    axes: dict[str, tuple[str, ...]], classes: tuple[str, ...], templates: int
) -> None:
    body = "{class}" + "".join(f"|{{{axis}}}" for axis in axes)
    spec = declare(*(f"{number}: {body}" for number in range(templates)), axes=axes, per_prompt=2)

    prompts = expand(spec, dict.fromkeys(classes, 1))

    assert len(prompts) == templates * len(classes) * math.prod(map(len, axes.values()))
    assert len({prompt.text for prompt in prompts}) == len(prompts)
    assert {prompt.count for prompt in prompts} == {2}


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(0, 1000))
def test_a_total_is_dealt_evenly_the_first_ones_get_what_is_left(prompts: int, more: int) -> None:
    spec = declare("{x}", axes={"x": tuple(map(str, range(prompts)))}, total=prompts + more)

    counts = [prompt.count for prompt in expand(spec)]

    assert sum(counts) == prompts + more
    assert max(counts) - min(counts) <= 1
    assert counts == sorted(counts, reverse=True)


def test_a_total_below_the_number_of_prompts_is_refused() -> None:
    with pytest.raises(SpecError, match=r"\[spec\.subject\] total = 2 is less than its 3 prompts; raise it"):
        expand(declare("{class}", total=2), {"a": 1, "b": 1, "c": 1})


def test_real_balance_deals_as_the_real_set_has_them() -> None:
    spec = declare("{class} {x}", axes={"x": ("1", "2")}, total=10, balance_classes="real")

    prompts = expand(spec, {"a": 300, "b": 100})

    assert [(prompt.text, prompt.count) for prompt in prompts] == [("a 1", 4), ("a 2", 4), ("b 1", 1), ("b 2", 1)]


@settings(deadline=None)
@given(st.lists(st.integers(1, 500), min_size=1, max_size=8), st.integers(8, 10_000))
def test_real_balance_gives_every_class_its_quota_to_within_one(sizes: list[int], total: int) -> None:
    spec = declare("{class}", total=total, balance_classes="real")
    quotas = [total * size / sum(sizes) for size in sizes]
    try:
        prompts = expand(spec, {f"class{number}": size for number, size in enumerate(sizes)})
    except SpecError:
        assert min(quotas) < 1
        return

    assert sum(prompt.count for prompt in prompts) == total
    assert all(abs(prompt.count - quota) < 1 for prompt, quota in zip(prompts, quotas, strict=True))


def test_equal_remainders_go_to_the_first_classes() -> None:
    spec = declare("{class}", total=5, balance_classes="real")

    prompts = expand(spec, {"c": 7, "b": 7, "a": 7})

    assert [prompt.count for prompt in prompts] == [2, 2, 1]


def test_a_class_with_too_few_images_for_its_prompts_is_refused() -> None:
    spec = declare("{class} {x}", axes={"x": ("1", "2")}, total=10, balance_classes="real")

    with pytest.raises(SpecError, match=r"total = 10 leaves 1 images for the 2 prompts of class 'b'; raise it"):
        expand(spec, {"a": 900, "b": 100})


@pytest.mark.parametrize("sizes", [{}, {"a": 3}, {"a": 3, "b": 0}])
def test_a_class_without_real_images_cannot_be_balanced(sizes: dict[str, int]) -> None:
    spec = declare("{class}", classes=("a", "b"), total=10, balance_classes="real")

    with pytest.raises(SpecError, match=r"finds no real image of class '[ab]'; add some"):
        expand(spec, sizes)


@pytest.mark.parametrize(
    "noun",
    [
        *("apple", "egg", "ice cream", "orange", "umbrella", "Apple", "éclair", "uncle", "uninhabited isle", "usher"),
        *("hour", "hourglass", "honest man", "heir", "heirloom", "honour", "Honor", "hors d'oeuvre", "urn"),
        *("8-bit game", "80s car", "11 year old", "oneiric view"),
    ],
)
def test_an_stands_before_an_open_sound(noun: str) -> None:
    assert with_article(noun) == f"an {noun}"


@pytest.mark.parametrize(
    "noun",
    [
        *("banana", "hot dog", "house", "horse", "yacht", "1", "", "漢字", "110 metre hurdle"),
        *("unit", "university", "uniform", "unique vase", "unicorn", "union", "European car", "UNIT", "united front"),
        *("one", "one-eyed cat", "once loved toy", "use", "user", "useful tool", "usual day", "ukulele", "utensil"),
        *("eucalyptus", "UFO", "USB stick", "unicycle", "U-turn"),
    ],
)
def test_a_stands_before_all_others(noun: str) -> None:
    assert with_article(noun) == f"a {noun}"


def test_an_exception_wins_for_the_whole_noun_only() -> None:
    exceptions = {"Hot Dog": "the", "popcorn": ""}

    assert with_article("hot dog", exceptions) == "the hot dog"
    assert with_article("hot", exceptions) == "a hot"
    assert with_article("popcorn", exceptions) == "popcorn"


def test_the_articles_of_the_article_come_out() -> None:
    classes = dict.fromkeys(["apple", "hot dog", "ice cream", "orange"], 1)

    texts = [prompt.text for prompt in expand(declare("A photo of {a_class}", per_prompt=1), classes)]

    assert texts == ["A photo of an apple", "A photo of a hot dog", "A photo of an ice cream", "A photo of an orange"]


@settings(deadline=None)
@given(st.text(), st.text())
def test_doubled_braces_come_out_single_and_nothing_in_a_value_is_a_placeholder(literal: str, value: str) -> None:
    template = literal.replace("{", "{{").replace("}", "}}") + "{x}"

    assert placeholders(template) == ("x",)
    assert fill(template, {"x": value}) == literal + value


@pytest.mark.parametrize(("template", "at"), [("a {b", 3), ("a} b", 2), ("{{{a}}}}", 8), ("{", 1)])
def test_a_lone_brace_is_located(template: str, at: int) -> None:
    with pytest.raises(SpecError, match=rf"has a lone '[{{}}]' at character {at}; write"):
        placeholders(template)


def test_placeholders_are_looked_up_and_never_evaluated() -> None:
    assert placeholders("{a.b} {c!r} {d:>9} {}") == ("a.b", "c!r", "d:>9", "")


def test_counts_by_class_are_even_where_classes_are_equal() -> None:
    spec = declare("{class} {x}", axes={"x": ("1", "2", "3")}, total=600)
    counts: Counter[str] = Counter()
    for prompt in expand(spec, {"a": 1, "b": 1}):
        counts[str(prompt.class_name)] += prompt.count

    assert counts == {"a": 300, "b": 300}
