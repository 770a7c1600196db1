"""`synthgate-baseline.json`: the scores that were accepted, committed beside the spec files.

Part of tracking (gate -> tracking). Changed only on request, and then only what changed: one line a score and rung.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import ConfigDict

from pytest_synthgate.errors import BaselineError
from pytest_synthgate.files.forms import Form, Keys, MisfitError, laid_out, place
from pytest_synthgate.files.replacing import replace_file, writing
from pytest_synthgate.files.texts import decoded
from pytest_synthgate.gating.accepted import Accepted
from pytest_synthgate.kinds import KINDS
from pytest_synthgate.scores.score import Score
from pytest_synthgate.text.printable import shown, storable

_SCHEMA: Literal[1] = 1
"""Version of the file."""

_REMEDY = "mend it, or restore it from version control"
_PATIENCE = 60
"""Seconds to wait for other processes that change the same file."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_CONFLICT = re.compile(r"^(<{7}|={7}|>{7})", re.MULTILINE)
_DEEPEST = 32
_LONGEST = 18
"""Digits of an integer that stays one."""


Baseline: TypeAlias = Mapping[str, Accepted]
"""What was accepted, by the name of the spec."""


@dataclass(frozen=True, slots=True)
class BaselineFile:
    """What stands in the file, and nothing else.

    Attributes:
        schema: Version of the file.
        specs: What was accepted of each spec, by its name, as it was measured: nothing waived.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    schema: Literal[1]
    specs: Baseline


def read_baseline(path: Path) -> Baseline:
    """Read the file; one that is not there yet holds nothing.

    Raises:
        BaselineError: It cannot be read, or is no baseline; the text names the file and the line.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BaselineError(f"{shown(path)}: {error.strerror}; name another file with --synth-baseline") from None
    try:
        return _checked(content)
    except BaselineError as error:
        raise BaselineError(f"{shown(path)}: {error}") from None


def _checked(content: bytes) -> Baseline:
    try:
        raw, lines = parsed(content)
    except BaselineError as error:
        raise BaselineError(f"{error}; {_REMEDY}") from None
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if isinstance(schema, int) and schema > _SCHEMA:
        raise BaselineError(f"schema {schema} of a later version, this one reads {_SCHEMA}; update pytest-synthgate")
    try:
        specs = Form(BaselineFile).read(_without_sketches(raw)).specs
        _check_intervals(specs)
    except MisfitError as error:
        # Of a list that is too short, the item that is missing has no line.
        line = next(lines[keys] for end in range(len(error.keys), -1, -1) if (keys := error.keys[:end]) in lines)
        raise BaselineError(f"line {line}: {error}; {_REMEDY}") from None
    return specs


def _without_sketches(raw: Any) -> Any:
    """Leave out what earlier versions kept to estimate how many photos came and went."""
    specs = raw.get("specs") if isinstance(raw, dict) else None
    for each in specs.values() if isinstance(specs, dict) else ():
        if isinstance(each, dict):
            each.pop("real_sketch", None)
    return raw


def to_document(baseline: Baseline) -> dict[str, Any]:
    """Give the plain JSON form, specs in sorted order."""
    return {"schema": _SCHEMA, "specs": {name: baseline[name].to_json() for name in sorted(baseline)}}


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write the file in one step: a reader sees the old one or the new one, whole.

    Raises:
        BaselineError: The place cannot be written to.
    """
    replace_file(path, storable(laid_out(to_document(baseline)) + "\n").encode(), BaselineError)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes from changing the file meanwhile.

    Raises:
        BaselineError: Another process does not let go of it, or the place cannot be written to.
    """
    from filelock import SoftFileLock

    with writing(path, BaselineError):
        there = path.resolve()
        there.parent.mkdir(parents=True, exist_ok=True)
        # One that leaves nothing behind, for this folder is under version control.
        lock = there.with_name(f".{there.name}.lock")
        try:
            holding = SoftFileLock(lock, timeout=_PATIENCE).acquire()
        except TimeoutError:
            busy = "another run is changing it, or was stopped while it did"
            raise BaselineError(f"{shown(path)}: {busy}; remove {shown(lock)} in that case") from None
    with holding:
        yield


def _check_intervals(specs: Baseline) -> None:
    for spec, entry in specs.items():
        for keys, score in _scores(entry):
            low, value, high = score.interval or (0.0, 1.0, 0.0)
            most = KINDS[next(key for key in reversed(keys) if key in KINDS)].most
            if not 0 <= low <= value <= high:
                raise MisfitError(("specs", spec, *keys), f"{score.low} <= {score.value} <= {score.high} does not hold")
            if most is not None and high > most:
                raise MisfitError(("specs", spec, *keys), f"{high} is more than {most:g}")


def _scores(entry: Accepted) -> Iterator[tuple[tuple[str, ...], Score]]:
    for name, score in entry.scores.items():
        yield ("scores", name), score
    for table, nested in (("rungs", entry.rungs), ("classes", entry.classes)):
        for outer, scores in nested.items():
            for inner, score in scores.items():
                yield (table, outer, inner), score


def parsed(content: bytes) -> tuple[Any, dict[Keys, int]]:
    """Read JSON from any bytes, and the line of every value by the keys that lead to it.

    Raises:
        BaselineError: It is not JSON, says something twice, or holds a number that is not finite; the text starts
            with the line.
    """
    try:
        text = decoded(content)
        document = json.loads(text, parse_int=_integer)
    except json.JSONDecodeError as error:
        if conflict := _CONFLICT.search(text):
            raise _wrong(text.count("\n", 0, conflict.start()) + 1, "a merge conflict") from None
        raise _wrong(error.lineno, f"not JSON ({error.msg})") from None
    except RecursionError:
        raise BaselineError("nested too deeply") from None
    except ValueError as error:
        raise BaselineError(str(error)) from None
    return document, _lines(text)


def _lines(text: str) -> dict[Keys, int]:
    """Go through the tokens of valid JSON with the keys that lead to each value."""
    found: dict[Keys, int] = {}
    keys: list[Any] = []  # a name, a position, or None where a name has to come
    line, at = 1, 0
    for match in _TOKEN.finditer(text):
        word = match[0]
        line, at = line + text.count("\n", at, match.start()), match.start()
        if word in {"}", "]"}:
            keys.pop()
        elif word == ",":
            keys[-1] = keys[-1] + 1 if isinstance(keys[-1], int) else None
        elif keys and keys[-1] is None:
            keys[-1] = json.loads(word)
        elif word != ":":
            here = tuple(keys)
            if here in found:
                raise _wrong(line, f"{place(here)} was on line {found[here]} already")
            if len(here) > _DEEPEST:
                raise _wrong(line, "nested too deeply")
            # Infinities and NaN, which Python reads and JSON does not have.
            if word[0] not in '"{[tfn' and not math.isfinite(float(word)):
                raise _wrong(line, f"{place(here)} is not finite")
            found[here] = line
            if word in {"{", "["}:
                keys.append(None if word == "{" else 0)
    return found


def _wrong(line: int, reason: str) -> BaselineError:
    return BaselineError(f"line {line}: {reason}")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _LONGEST else float(digits)
