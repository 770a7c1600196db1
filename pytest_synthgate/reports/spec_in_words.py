"""A spec in words: its prompts with their counts, what making the images would take, and its limits.

Text for `synthgate check` and `pytest --synth-prompts`; nothing is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_synthgate.images.generation.plan import Estimate, estimate, plan
from pytest_synthgate.images.provide import hook_directory, is_complete, prompts_of
from pytest_synthgate.spec.limits import Limit
from pytest_synthgate.spec.model import Spec
from pytest_synthgate.spec.prompts import Prompt
from pytest_synthgate.text.printable import printable, visible


def describe_spec(spec: Spec, cache: Path) -> list[str]:
    """Describe a spec in lines; generated images are looked for in the cache.

    Raises:
        SynthgateError: Its prompts cannot be expanded, or its model cannot be found.
    """
    lines = []
    if spec.images is not None:
        lines.append(f"{spec.where} images {printable(str(spec.images))}")
    else:
        prompts = prompts_of(spec)
        total = sum(prompt.count for prompt in prompts)
        lines.append(f"{spec.where} {total:,} images of {len(prompts):,} prompts")
        lines += [f"  {prompt.count:>7,}  {printable(prompt.text)}" for prompt in prompts]
        lines.append(f"  {_state(spec, prompts, cache)}")
    for score, limit in spec.limits.items():
        xfail = f", expected to fail: {printable(spec.xfail[score])}" if score in spec.xfail else ""
        lines.append(f"  {score} {_bounds(limit)}{xfail}")
    return list(map(visible, lines))


def _state(spec: Spec, prompts: Sequence[Prompt], cache: Path) -> str:
    if is_complete(hook_directory(spec, prompts, cache)):
        return "all images are there, made by a hook"
    if spec.generator is None:
        return "no generator is declared: a hook makes the images"
    return _cost(estimate(plan(spec, prompts, cache)))


def _bounds(limit: Limit) -> str:
    parts = [] if limit.max is None else [f"at most {limit.max}"]
    parts += [] if limit.warn is None else [f"a warning above {limit.warn}"]
    parts += [] if limit.regression is None else [f"at most {limit.regression} worse than the baseline"]
    parts += [] if limit.when_unsure == "score" else [f"unsure counts as {limit.when_unsure}"]
    parts += ["for each class"] if limit.per_class else []
    return ", ".join(parts)


def _cost(estimated: Estimate) -> str:
    if not estimated.missing:
        return "all images are there"
    text = "1 image is missing" if estimated.missing == 1 else f"{estimated.missing:,} images are missing"
    if estimated.seconds is not None:
        text += f", about {_duration(estimated.seconds)} to make as the others were made"
    if estimated.bytes is not None:
        text += f", about {max(1, round(estimated.bytes / 1e6)):,} MB"
    return text


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{round(seconds / 60)} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
