"""Prompt templates: text with `{placeholders}`, `{{` and `}}` for braces that are meant.

First station of the flow. Names are looked up and nothing else: no attribute, index or format of a placeholder is
ever evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pytest_synthgate.errors import SpecError
from pytest_synthgate.text.wording import quoted

ARTICLE_PREFIX = "a_"
"""`{a_class}` is the class with its article."""

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


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
