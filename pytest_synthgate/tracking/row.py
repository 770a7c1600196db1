"""One row of the history: what one run found out about one spec, small enough to keep for ever.

Part of tracking (gate -> tracking); `history.schema.json` describes the same row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import NoneType
from typing import Any

from pytest_synthgate.errors import HistoryError
from pytest_synthgate.scores.score import Score
from pytest_synthgate.text.wording import written
from pytest_synthgate.tracking.provenance import Provenance

SCHEMA = 1
"""Version of the row."""

LARGEST = 1e9
"""No count, score or duration is larger; sums over what a file holds stay finite."""

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
_RUNG = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Row:
    """One spec in one run.

    Attributes:
        time: When the run ended, in UTC.
        spec: Name of the spec.
        provenance: Commit, branch and CI run.
        fingerprint: Short form of the fingerprint; rows with the same one can be compared.
        parts: Short form of every part of it, by its name; they tell why two rows cannot be compared.
        n_real: Readable real images.
        n_synthetic: Readable synthetic images.
        scores: Every score that could be computed.
        rungs: The realism scores at every rung: `rungs["unrealistic"]["100"]`.
        verdicts: What each gate concluded.
        flagged: Flagged images by score, and unreadable ones.
        duration: Seconds that the spec took, if they were taken.
    """

    time: datetime
    spec: str
    provenance: Provenance
    fingerprint: str
    parts: Mapping[str, str]
    n_real: int
    n_synthetic: int
    scores: Mapping[str, Score]
    rungs: Mapping[str, Mapping[str, Score]] = field(default_factory=dict)
    verdicts: Mapping[str, str] = field(default_factory=dict)
    flagged: Mapping[str, int] = field(default_factory=dict)
    duration: float | None = None

    def repeats(self, other: Row) -> bool:
        """Tell whether the same images were measured again: to the last digit, everything is equal."""
        mine, theirs = ((row.n_real, row.n_synthetic, row.scores, row.rungs) for row in (self, other))
        return mine == theirs

    def to_json(self) -> dict[str, Any]:
        """Give the plain JSON form."""
        return {
            "schema": SCHEMA,
            "time": self.time.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "spec": self.spec,
            "commit": self.provenance.commit,
            "branch": self.provenance.branch,
            "run": self.provenance.run,
            "fingerprint": self.fingerprint,
            "parts": dict(self.parts),
            "n_real": self.n_real,
            "n_synthetic": self.n_synthetic,
            "scores": _to_json(self.scores),
            "rungs": {name: _to_json(by_rung) for name, by_rung in self.rungs.items()},
            "verdicts": dict(self.verdicts),
            "flagged": dict(self.flagged),
            "duration": self.duration,
        }

    def to_line(self) -> str:
        """Give the row as one line of ASCII, which no editor, shell or merge breaks in two."""
        return json.dumps(self.to_json(), allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, raw: object) -> Row:
        """Read the plain JSON form, which may come from anywhere; keys of later versions are left alone.

        Raises:
            HistoryError: It is no row; the text says in a few words why.
        """
        if not isinstance(raw, dict):
            raise HistoryError(f"{written(raw)} is no row")
        if raw.get("schema") != SCHEMA or isinstance(raw["schema"], bool):
            raise HistoryError(f"schema {written(raw.get('schema'))}, this version reads {SCHEMA}")
        return cls(
            time=_time(_value(raw, "time", str)),
            spec=_value(raw, "spec", str),
            provenance=Provenance(*(_value(raw, name, str, NoneType) for name in ("commit", "branch", "run"))),
            fingerprint=_value(raw, "fingerprint", str),
            parts=_table(raw, "parts", str),
            n_real=_count(raw, "n_real"),
            n_synthetic=_count(raw, "n_synthetic"),
            scores=_scores(raw, "scores"),
            rungs=_rungs(_value(raw, "rungs", dict)),
            verdicts=_table(raw, "verdicts", str),
            flagged={name: _count(raw["flagged"], name) for name in _value(raw, "flagged", dict)},
            duration=_value(raw, "duration", float, int, NoneType),
        )


def _to_json(scores: Mapping[str, Score]) -> dict[str, Any]:
    return {name: score.to_json() for name, score in scores.items()}


def _time(text: str) -> datetime:
    if not _TIME.fullmatch(text):
        raise HistoryError(f"time: {written(text)} is no time like 2026-01-31T12:00:00Z")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise HistoryError(f"time: {written(text)} is no time ({error})") from None


def _value(raw: Mapping[str, Any], name: str, *types: type) -> Any:
    """Give a value of one of the types; a number no larger than it can be."""
    if name not in raw:
        raise HistoryError(f"{written(name)} is missing")
    value = raw[name]
    # To Python true is a number, to JSON it is none.
    if isinstance(value, bool) or not isinstance(value, types):
        raise HistoryError(f"{written(name)}: {written(value)} is not valid")
    if isinstance(value, int | float) and not -LARGEST <= value <= LARGEST:
        raise HistoryError(f"{written(name)}: {written(value)} is out of range")
    return value


def _count(raw: Mapping[str, Any], name: str) -> int:
    count: int = _value(raw, name, int)
    if count < 0:
        raise HistoryError(f"{written(name)}: {count} is out of range")
    return count


def _table(raw: Mapping[str, Any], name: str, kind: type) -> dict[str, Any]:
    table = _value(raw, name, dict)
    return {key: _value(table, key, kind) for key in table}


def _scores(raw: Mapping[str, Any], name: str) -> dict[str, Score]:
    return {key: _score(each) for key, each in _table(raw, name, dict).items()}


def _score(raw: Mapping[str, Any]) -> Score:
    value = _value(raw, "value", float, int)
    low, high = (_value(raw, end, float, int, NoneType) for end in ("low", "high"))
    return Score(value, low, high, _count(raw, "n"), _value(raw, "effective", float, int))


def _rungs(raw: Mapping[str, Any]) -> dict[str, dict[str, Score]]:
    rungs = {name: _scores(raw, name) for name in raw}
    for rung in {rung for by_rung in rungs.values() for rung in by_rung}:
        if not _RUNG.fullmatch(rung):
            raise HistoryError(f"rungs: {written(rung)} is no number of images")
    return rungs
