"""The tables of one file -> its specs: defaults merged in, axes told from misspelt keys, contradictions refused.

First station of the flow. What is wrong is gathered, so that the message can say how much there is to mend.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from unicodedata import normalize

from pytest_synthgate.errors import SpecError
from pytest_synthgate.kinds import LIMITED
from pytest_synthgate.spec.checking import Located, as_waiver, read_table, unknown_key
from pytest_synthgate.spec.limits import Limit, Limits, as_limit, with_defaults
from pytest_synthgate.spec.model import Generator, Spec
from pytest_synthgate.spec.prompts import ARTICLE_PREFIX, axis_of, placeholders
from pytest_synthgate.spec.tables import NAME, DefaultsTable, GeneratorTable, SpecTable
from pytest_synthgate.spec.waivers import Subject, Waiver
from pytest_synthgate.text.wording import as_key, meant, nearest, quoted, where, written

_TABLES = ("defaults", "spec", "waiver")
_ONLY_WITH_PROMPT = ("per_prompt", "total", "balance_classes", "article", "generator")
_TAKEN_AS_THEY_ARE = (
    *("encoder", "definition", "copies", "copy_encoder", "normalise", "precision", "batch_size", "device"),
    *("per_prompt", "total", "balance_classes", "compare_to"),
)


def specs_of(document: Mapping[str, Any], file: Path, today: date) -> tuple[Spec, ...]:
    """Turn what a spec file holds into its specs, in the order of the file.

    The path of the file is absolute, and the dates of its waivers are compared to `today`.

    Raises:
        SpecError: Something in it cannot be meant; the line names the first such thing and counts the others.
    """
    _check_document(document, file)
    top = Located(file)
    raw_defaults = document.get("defaults", {})
    defaults = read_table(DefaultsTable, raw_defaults, top.below("defaults"))
    default_limits = _read_limits(raw_defaults, top.below("defaults"))
    waivers = _read_waivers(document.get("waiver", []), today, top)
    specs = []
    for name, raw in document["spec"].items():
        at = top.below("spec", name)
        unknown = _unknown_keys(raw, at)
        own = read_table(SpecTable, {key: value for key, value in raw.items() if key not in unknown}, at)
        limits = with_defaults({**default_limits, **_read_limits(raw, at)})
        if defaults is not None and own is not None and not unknown:
            with at.noting():
                specs.append(_spec(normalize("NFC", name), file, defaults, own, limits))
    if problems := top.problems:
        more = len(problems) - 1
        raise SpecError(problems[0] + (f" (and {more} more error{'s' * (more > 1)} in this file)" if more else ""))
    return tuple(replace(spec, waivers=waivers) for spec in specs)


def _check_document(document: Mapping[str, Any], file: Path) -> None:
    for key, value in document.items():
        if key not in _TABLES:
            raise SpecError(f"{where(file)} unknown table {quoted(key)}; {meant(key, _TABLES)}")
        if key == "waiver":
            if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
                raise SpecError(f"{where(file)} waiver = {written(value)} is no list of tables; write [[waiver]]")
        elif not isinstance(value, dict):
            raise SpecError(f"{where(file)} {key} = {written(value)} is not a table; write [defaults] and [spec.NAME]")
    if not document.get("spec"):
        raise SpecError(f"{where(file)} declares no spec; add a [spec.NAME] table")
    for name, value in document["spec"].items():
        if not isinstance(value, dict):
            raise SpecError(
                f"{where(file, 'spec')} {as_key(name)} = {written(value)} is not a table; specs are written [spec.NAME]"
            )
        if not re.fullmatch(NAME, normalize("NFC", name)):
            raise SpecError(
                f"{where(file, 'spec')} {quoted(name)} cannot name a spec; use letters, digits, '_', '-', '.' or spaces"
            )


def _unknown_keys(raw: Mapping[str, Any], at: Located) -> set[str]:
    """List the keys of a spec that are neither its own nor axes, or a prompt that tells no axes; all are noted."""
    extra = {*raw} - {*SpecTable.model_fields}
    prompt = raw.get("prompt")
    try:
        templates = [each for each in (prompt if isinstance(prompt, list) else [prompt]) if isinstance(each, str)]
        used = [name for template in templates for name in placeholders(template)]
    except SpecError as error:
        at.add(error)
        return extra | {"prompt"}
    wanted = {axis_of(name) for name in used} - {"class"}
    unknown = [key for key in raw if key in extra - wanted]
    for key in unknown:
        at.add(_why_no_axis(key, raw[key], at.table, used, sorted(wanted - extra)))
    return {*unknown}


def _why_no_axis(key: str, value: object, table: tuple[str, ...], used: list[str], without_values: list[str]) -> str:
    if key in used and key.startswith(ARTICLE_PREFIX):
        return f"axis {quoted(key)} begins with {ARTICLE_PREFIX!r}, which asks for an article; rename it"
    if not isinstance(value, list) or nearest(key, [*without_values, *SpecTable.model_fields]):
        return unknown_key(key, SpecTable, table, tuple(without_values))
    return f"axis {quoted(key)} is not used by the prompt; write {quoted('{' + key + '}')} in it or remove it"


def _read_limits(raw: Mapping[str, Any], at: Located) -> dict[str, Limit | None]:
    """Read a table of limits, None for a limit switched off; `read_table` says so when it is no table."""
    declared = raw.get("limits")
    limits: dict[str, Limit | None] = {}
    for score, value in declared.items() if isinstance(declared, dict) else ():
        with at.below("limits").noting():
            limits[score] = None if value is False and score in LIMITED else as_limit(score, value)
    return limits


def _read_waivers(declared: list[dict[str, Any]], today: date, at: Located) -> tuple[Waiver, ...]:
    """Read the waivers of a file, counted from 1 in what is noted."""
    waivers: dict[int, Waiver] = {}
    for number, raw in enumerate(declared, 1):
        with at.noting(f"[[waiver]] {number} "):
            waivers[number] = as_waiver(raw, today)
    first: dict[Subject, int] = {}
    for number, waiver in waivers.items():
        if (same := first.setdefault(waiver.subject, number)) != number:
            at.add(f"[[waiver]] {number} waives what [[waiver]] {same} does; keep one")
    return tuple(waivers.values())


def _spec(name: str, file: Path, defaults: DefaultsTable, own: SpecTable, limits: Limits) -> Spec:
    given = {**defaults.given(), **own.given()}
    if own.images is None:
        _check_prompt(own)
    else:
        _check_images(own)
    if given.get("copies") == "features" and "copy_encoder" in given:
        raise SpecError('copy_encoder has no effect where copies = "features"; remove one of them')
    if own.compare_to == name:
        raise SpecError(f"compare_to = {quoted(name)} is this spec itself; name another one")
    classes = given.get("classes")
    return Spec(
        name=name,
        file=file,
        real=file.parent / given["real"] if "real" in given else None,
        images=file.parent / own.images if own.images is not None else None,
        templates=tuple(own.prompt or ()),
        axes={axis: tuple(values) for axis, values in own.axes.items()},
        classes=tuple(classes) if classes is not None else None,
        article=given.get("article", {}) if own.images is None else {},
        generator=_generator(defaults.generator, own.generator) if own.images is None else None,
        xfail=_expected_failures(own.xfail or {}, limits),
        limits=limits,
        **{key: given[key] for key in _TAKEN_AS_THEY_ARE if key in given},
    )


def _check_images(own: SpecTable) -> None:
    if own.prompt is not None:
        raise SpecError("has both images and prompt; keep the one that says where its images come from")
    for key in _ONLY_WITH_PROMPT:
        if key in own.given():
            raise SpecError(f"{key} has no effect on images that exist already; remove it")


def _check_prompt(own: SpecTable) -> None:
    if own.prompt is None:
        raise SpecError("has neither images nor prompt; give images that exist or a prompt to generate from")
    names = ("class", *own.axes)
    valid = [*names, *(ARTICLE_PREFIX + name for name in names)]
    used = [set(placeholders(template)) for template in own.prompt]
    for template in own.prompt:
        for placeholder in placeholders(template):
            if placeholder not in valid:
                raise SpecError(
                    f"prompt has an unknown placeholder {quoted('{' + placeholder + '}')}; {meant(placeholder, valid)}"
                )
    with_class = [not names.isdisjoint({"class", ARTICLE_PREFIX + "class"}) for names in used]
    if own.classes is not None and not any(with_class):
        raise SpecError("classes are not used by the prompt; write {class} in it or remove them")
    if own.article is not None and not any(name.startswith(ARTICLE_PREFIX) for names in used for name in names):
        raise SpecError("article is not used by the prompt; write {a_class} in it or remove it")
    if own.per_prompt is None and own.total is None:
        raise SpecError("says not how many images; give per_prompt or total")
    if own.per_prompt is not None and own.total is not None:
        raise SpecError("has both per_prompt and total; keep one")
    if own.balance_classes == "real" and (own.total is None or not all(with_class)):
        raise SpecError("balance_classes = 'real' deals a total to classes; give total, and {class} in every prompt")


def _generator(default: GeneratorTable | None, own: GeneratorTable | None) -> Generator | None:
    if default is None and own is None:
        return None
    settings = _settings(default) | _settings(own)
    if "model" not in settings:
        raise SpecError("generator has no model; name a hub id or a local diffusers directory")
    if ("width" in settings) != ("height" in settings):
        raise SpecError("generator has only one of width and height; give both, or size")
    if "lora_scale" in settings and "lora" not in settings:
        raise SpecError("generator.lora_scale has no lora to scale; name one or remove it")
    return Generator(**settings)


def _settings(table: GeneratorTable | None) -> dict[str, Any]:
    settings = table.given() if table is not None else {}
    if "size" in settings:
        if "width" in settings or "height" in settings:
            raise SpecError("generator.size stands for width and height; keep the one or the others")
        settings["width"] = settings["height"] = settings.pop("size")
    return settings


def _expected_failures(xfail: Mapping[str, str], limits: Limits) -> dict[str, str]:
    for score in xfail:
        if score not in LIMITED:
            raise SpecError(f"xfail has an unknown score {quoted(score)}; {meant(score, LIMITED)}")
        if score not in limits:
            raise SpecError(f"xfail.{score} has no limit that could fail; set limits.{score} or remove it")
    return dict(xfail)
