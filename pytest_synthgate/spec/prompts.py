"""Templates x axes -> prompts, each with the number of images to make from it.

Last step of the first station of the flow (spec -> images). A template is text with `{placeholders}`, `{{` and `}}` for
braces that are meant. Names are looked up and nothing else: no attribute, index or format is ever evaluated.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from pytest_synthgate.errors import SpecError
from pytest_synthgate.spec.model import Spec
from pytest_synthgate.text.wording import quoted

ARTICLE_PREFIX = "a_"
"""`{a_class}` is the class with its article."""

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")

# By the start of the word, because families share their sound: hour, hourglass, hourly.
_AN = ("hour", "honest", "honor", "honour", "heir", "8")
_AN_WORDS = ("hors", "11", "18")
_A = (
    *("eu", "ewe", "ubiq", "ukr", "uku", "unanim", "unicorn", "unicycl", "unif", "unilat", "union", "uniq"),
    *("unis", "unit", "univers", "ura", "urin", "usa", "use", "usu", "uten", "uter", "util", "utop"),
)
_A_WORDS = ("one", "once", "u", "ufo", "uk", "us", "usb")
_FIRST_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Prompt:
    """One text to generate images from.

    Attributes:
        text: What the generator is given.
        template: The template it was made from.
        class_name: The class it speaks of, if any.
        axes: The value of each axis in it, without the class.
        count: How many images to make, at least 1.
    """

    text: str
    template: str
    class_name: str | None
    axes: Mapping[str, str]
    count: int


def placeholders(template: str) -> tuple[str, ...]:
    """List the names in a template, in order, each once.

    Raises:
        SpecError: A brace stands alone.
    """
    names: dict[str, None] = {}
    for token in _TOKEN.finditer(template):
        if token[0] in ("{", "}"):
            raise SpecError(
                f"prompt {quoted(template)} has a lone {token[0]!r} at character {token.start() + 1}; "
                f"write {token[0] * 2!r} where the brace itself is meant"
            )
        if token[1] is not None:
            names[token[1]] = None
    return tuple(names)


def axis_of(placeholder: str) -> str:
    """Name the axis behind a placeholder: `context` for `{context}` and `{a_context}`."""
    return placeholder.removeprefix(ARTICLE_PREFIX)


def fill(template: str, values: Mapping[str, str]) -> str:
    """Put a value in every placeholder; values are taken as they are, braces included."""
    return _TOKEN.sub(lambda token: token[0][0] if token[1] is None else values[token[1]], template)


def needs_classes(spec: Spec) -> bool:
    """Tell whether a template speaks of the class."""
    return any(axis_of(name) == "class" for template in spec.templates for name in placeholders(template))


def expand(spec: Spec, real_classes: Mapping[str, int] = MappingProxyType({})) -> tuple[Prompt, ...]:
    """Give the prompts of a spec: every template with every combination of the class and the axes that it uses.

    The order is that of the file: templates, then classes, then the values of each axis, the last one fastest. A spec
    that declares no classes has those of the real set, whose numbers of images `balance_classes = "real"` deals by.

    Raises:
        SpecError: No classes are known, two prompts have one text, or there are fewer images than prompts.
    """
    known = spec.classes if spec.classes is not None else tuple(real_classes)
    if needs_classes(spec) and not known:
        raise SpecError(
            f"{spec.where} prompt speaks of a class but no class is known; "
            "give classes = [...], or a real set with a folder for each class"
        )
    drafts = [draft for template in spec.templates for draft in _drafts(spec, template, known)]
    if twice := [text for text, count in Counter(draft.text for draft in drafts).items() if count > 1]:
        raise SpecError(f"{spec.where} prompt {quoted(twice[0])} comes about twice; keep one of the two ways")
    counts = _counts(spec, drafts, real_classes)
    return tuple(replace(draft, count=count) for draft, count in zip(drafts, counts, strict=True))


def with_article(noun: str, exceptions: Mapping[str, str] | None = None) -> str:
    """Put "a" or "an" before one or several words: "an" before a vowel letter, but for the usual words.

    The exceptions are articles by whole noun, in any case; an empty one leaves the noun bare.

    Example:
        >>> with_article("ice cream"), with_article("hourglass"), with_article("unit")
        ('an ice cream', 'an hourglass', 'a unit')
    """
    own = {name.casefold(): article for name, article in (exceptions or {}).items()}
    article = own.get(noun.casefold(), "an" if _sounds_open(noun) else "a")
    return f"{article} {noun}" if article else noun


def _sounds_open(noun: str) -> bool:
    match = _FIRST_WORD.search(unicodedata.normalize("NFD", noun).casefold())
    word = match[0] if match else ""
    if word in _AN_WORDS or word.startswith(_AN):
        return True
    return word.startswith(("a", "e", "i", "o", "u")) and word not in _A_WORDS and not word.startswith(_A)


def _drafts(spec: Spec, template: str, classes: tuple[str, ...]) -> list[Prompt]:
    """Expand one template; the counts come later, when the number of prompts is known."""
    names = placeholders(template)
    used = {axis_of(name) for name in names}
    axes = {axis: values for axis, values in {"class": classes, **spec.axes}.items() if axis in used}
    drafts = []
    for combination in itertools.product(*axes.values()):
        chosen = dict(zip(axes, combination, strict=True))
        shown = {
            name: with_article(chosen[axis_of(name)], spec.article) if name.startswith(ARTICLE_PREFIX) else chosen[name]
            for name in names
        }
        class_name = chosen.pop("class", None)
        drafts.append(Prompt(fill(template, shown), template, class_name, chosen, 0))
    return drafts


def _counts(spec: Spec, drafts: Sequence[Prompt], class_sizes: Mapping[str, int]) -> list[int]:
    if spec.per_prompt is not None or spec.total is None:
        return [spec.per_prompt or 0] * len(drafts)
    if spec.balance_classes == "real":
        return _dealt_like(spec, spec.total, drafts, class_sizes)
    if spec.total < len(drafts):
        raise SpecError(f"{spec.where} total = {spec.total} is less than its {len(drafts)} prompts; raise it")
    return _apportioned(spec.total, [1] * len(drafts))


def _dealt_like(spec: Spec, total: int, drafts: Sequence[Prompt], class_sizes: Mapping[str, int]) -> list[int]:
    members = Counter(draft.class_name for draft in drafts if draft.class_name is not None)
    for name in members:
        if class_sizes.get(name, 0) < 1:
            raise SpecError(
                f"{spec.where} balance_classes = 'real' finds no real image of class {quoted(name)}; "
                "add some, or give classes = [...] without it"
            )
    shares = _apportioned(total, [class_sizes[name] for name in members])
    hands = {}
    for (name, count), share in zip(members.items(), shares, strict=True):
        if share < count:
            raise SpecError(
                f"{spec.where} total = {total} leaves {share} images for the {count} prompts of class {quoted(name)}; "
                "raise it"
            )
        hands[name] = iter(_apportioned(share, [1] * count))
    return [next(hands[draft.class_name]) for draft in drafts if draft.class_name is not None]


def _apportioned(total: int, sizes: Sequence[int]) -> list[int]:
    """Deal in proportion by the largest remainders, the first one where they are equal."""
    whole = sum(sizes)
    shares = [total * size // whole for size in sizes]
    order = sorted(range(len(sizes)), key=lambda hand: (-(total * sizes[hand] % whole), hand))
    for hand in order[: total - sum(shares)]:
        shares[hand] += 1
    return shares
