"""One row of the history: what one run found out about one spec, small enough to keep for ever.

Part of tracking (gate -> tracking); what is read keeps to `history.schema.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pytest_synthgate.errors import HistoryError
from pytest_synthgate.files.schema import breaches, place, shipped_schema
from pytest_synthgate.scores.score import Score
from pytest_synthgate.text.wording import written
from pytest_synthgate.tracking.provenance import Provenance

SCHEMA = 1
"""Version of the row."""


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
        # To Python true is 1, to JSON it is not.
        if raw.get("schema") != SCHEMA or isinstance(raw["schema"], bool):
            raise HistoryError(f"schema {written(raw.get('schema'))}, this version reads {SCHEMA}")
        if broken := next(breaches(raw, _schema()), None):
            keys, breach = broken
            raise HistoryError(f"{place(keys)}: {breach}")
        return cls(
            time=_time(raw["time"]),
            spec=raw["spec"],
            provenance=Provenance(raw["commit"], raw["branch"], raw["run"]),
            fingerprint=raw["fingerprint"],
            parts=raw["parts"],
            n_real=raw["n_real"],
            n_synthetic=raw["n_synthetic"],
            scores=_from_json(raw["scores"]),
            rungs={name: _from_json(by_rung) for name, by_rung in raw["rungs"].items()},
            verdicts=raw["verdicts"],
            flagged=raw["flagged"],
            duration=raw["duration"],
        )


def _schema() -> dict[str, Any]:
    return shipped_schema("pytest_synthgate.tracking", "history.schema.json")


def _to_json(scores: Mapping[str, Score]) -> dict[str, Any]:
    return {name: score.to_json() for name, score in scores.items()}


def _from_json(raw: Mapping[str, Any]) -> dict[str, Score]:
    return {name: Score.from_json(score) for name, score in raw.items()}


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise HistoryError(f"time: {written(text)} is no time ({error})") from None
