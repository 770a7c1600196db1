"""`synthgate-baseline.json`: the scores that were accepted, committed beside the spec files.

Part of tracking (gate -> tracking). Changed only on request, and then only what changed: one line a score and rung.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_synthgate.errors import BaselineError
from pytest_synthgate.files.laid_out import laid_out
from pytest_synthgate.files.replacing import replace_file
from pytest_synthgate.files.schema import Keys, breaches, place, shipped_schema
from pytest_synthgate.gating.entry import Entry
from pytest_synthgate.text.printable import printable, shown, storable
from pytest_synthgate.tracking.edited import parsed

SCHEMA = 1
"""Version of the file."""

_REMEDY = "mend it, or restore it from version control"
_PATIENCE = 60
"""Seconds to wait for other processes that change the same file."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was accepted.

    Attributes:
        entries: Entry by name of the spec.
    """

    entries: Mapping[str, Entry] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Give the plain JSON form, specs in sorted order."""
        return {"schema": SCHEMA, "specs": {name: self.entries[name].to_json() for name in sorted(self.entries)}}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Baseline:
        """Read the plain JSON form, of what keeps to the schema."""
        return cls({name: Entry.from_json(entry) for name, entry in raw["specs"].items()})


def read_baseline(path: Path) -> Baseline:
    """Read the file; one that is not there yet holds nothing.

    Raises:
        BaselineError: It cannot be read, or is no baseline; the text names the file and the line.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Baseline()
    except OSError as error:
        raise BaselineError(f"{shown(path)}: {error.strerror}; name another file with --synth-baseline") from None
    try:
        return Baseline.from_json(_checked(content))
    except BaselineError as error:
        raise BaselineError(f"{shown(path)}: {error}") from None


def _checked(content: bytes) -> dict[str, Any]:
    try:
        raw, lines = parsed(content)
    except BaselineError as error:
        raise BaselineError(f"{error}; {_REMEDY}") from None
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise BaselineError(f"schema {schema} of a later version, this one reads {SCHEMA}; update pytest-synthgate")
    if broken := next(_breaches(raw), None):
        keys, breach = broken
        raise BaselineError(f"line {lines[keys]}: {place(keys)}: {breach}; {_REMEDY}")
    document: dict[str, Any] = raw
    return document


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write the file in one step: a reader sees the old one or the new one, whole.

    Raises:
        BaselineError: The place cannot be written to.
    """
    replace_file(path, storable(laid_out(baseline.to_json()) + "\n").encode(), BaselineError)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes from changing the file meanwhile.

    Raises:
        BaselineError: Another process does not let go of it, or the place cannot be written to.
    """
    from filelock import SoftFileLock

    try:
        there = path.resolve()
        there.parent.mkdir(parents=True, exist_ok=True)
        # One that leaves nothing behind, for this folder is under version control.
        lock = there.with_name(f".{there.name}.lock")
        holding = SoftFileLock(lock, timeout=_PATIENCE).acquire()
    except TimeoutError:
        raise BaselineError(
            f"{shown(path)}: another run is changing it, or was stopped while it did; remove {shown(lock)} in that case"
        ) from None
    except (OSError, RuntimeError) as error:  # the latter for links in circles
        reason = getattr(error, "strerror", None) or error
        raise BaselineError(
            f"{shown(path)}: cannot be written ({printable(str(reason))}); choose another file"
        ) from None
    with holding:
        yield


def _breaches(raw: Any) -> Iterator[tuple[Keys, str]]:
    """Say where a document breaks the schema, or else holds scores that cannot be."""
    yield from breaches(raw, shipped_schema("pytest_synthgate.tracking", "baseline.schema.json"))
    for spec, entry in raw["specs"].items():
        for keys, score in _scores(entry):
            low, value, high = score["low"], score["value"], score["high"]
            if not low <= value <= high:
                yield ("specs", spec, *keys), f"{low} <= {value} <= {high} does not hold"
            if high > 1 and "unreadable" not in keys:
                yield ("specs", spec, *keys), f"{high} is more than 1"


def _scores(entry: Mapping[str, Any]) -> Iterator[tuple[Keys, Mapping[str, Any]]]:
    for name, score in entry["scores"].items():
        yield ("scores", name), score
    for table in ("rungs", "classes"):
        for outer, scores in entry[table].items():
            for inner, score in scores.items():
                yield (table, outer, inner), score
