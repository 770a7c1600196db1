"""What the baseline keeps of one spec: its accepted scores, and all that a later measurement is compared by.

Part of the gate, which compares with it; written as an entry of `synthgate-baseline.json` (tracking).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pytest_synthgate.kinds import LIMITED
from pytest_synthgate.scores.contents import Contents
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.scores.score import Errors, Score

Scores = Mapping[str, Score]


@dataclass(frozen=True, slots=True)
class Entry:
    """The accepted scores of one spec, as they were measured.

    Attributes:
        n_real: Readable real images.
        n_synthetic: Readable synthetic images.
        fingerprint: All that makes two measurements comparable.
        contents: What the sets held, by digest; None where that was not known.
        rung: n0, the images a side that the realism scores of classes were fitted on.
        scores: The scores of the whole set that have no rungs.
        rungs: The others, at every rung: `rungs["unrealistic"]["100"]`.
        errors: The standard errors of those that are means, by their cause.
        classes: The scores of classes that are gated by a regression: `classes["apple"]["unvaried"]`.
        date: Day of the acceptance.
        commit: Commit that it was measured at, if known.
    """

    n_real: int
    n_synthetic: int
    fingerprint: Mapping[str, Any]
    contents: Contents | None
    rung: int | None
    scores: Scores
    rungs: Mapping[str, Scores] = field(default_factory=dict)
    errors: Mapping[str, Mapping[str, Errors]] = field(default_factory=dict)
    classes: Mapping[str, Scores] = field(default_factory=dict)
    date: str = ""
    commit: str | None = None

    @classmethod
    def of(
        cls,
        measurement: Measurement,
        classes: Iterable[tuple[str, str]] = (),
        *,
        date: str = "",
        commit: str | None = None,
    ) -> Entry:
        """Keep what can be gated of a measurement, with the digits that the file has.

        Args:
            measurement: What was measured, nothing waived.
            classes: Class and score of what is gated by class.
            date: Day of the acceptance.
            commit: Commit that it was measured at.
        """
        by_class: dict[str, dict[str, Score]] = {}
        for group, name in classes:
            by_class.setdefault(group, {})[name] = measurement.score(name, group)
        rungs = {name: measurement.rungs[name] for name in LIMITED if measurement.rungs.get(name)}
        kept = cls(
            n_real=measurement.n_real,
            n_synthetic=measurement.n_synthetic,
            fingerprint=measurement.fingerprint,
            contents=measurement.contents,
            rung=measurement.rung,
            scores={name: measurement.score(name) for name in LIMITED if name not in rungs},
            rungs=rungs,
            errors=measurement.errors,
            classes=by_class,
            date=date,
            commit=commit,
        )
        return cls.from_json(json.loads(json.dumps(kept.to_json(), sort_keys=True)))

    def repeats(self, other: Entry) -> bool:
        """Tell whether another entry is the same but for its day and its commit."""
        return replace(self, date=other.date, commit=other.commit) == other

    def to_json(self) -> dict[str, Any]:
        """Give the plain JSON form, sorted; scores that could not be computed are left out."""
        contents = self.contents
        return {
            "date": self.date,
            "commit": self.commit,
            "n_real": self.n_real,
            "n_synthetic": self.n_synthetic,
            "real": contents and contents.real,
            "real_sketch": contents and contents.real_sketch,
            "synthetic": contents and contents.synthetic,
            "rung": self.rung,
            "scores": _to_json(self.scores),
            "rungs": {
                name: {
                    rung: {**score, **self._errors(name, rung)}
                    for rung, score in sorted(_to_json(by_rung).items(), key=lambda each: int(each[0]))
                }
                for name, by_rung in sorted(self.rungs.items())
            },
            "classes": {group: found for group, scores in sorted(self.classes.items()) if (found := _to_json(scores))},
            "fingerprint": dict(sorted(self.fingerprint.items())),
        }

    def _errors(self, name: str, rung: str) -> dict[str, Any]:
        """Write the errors as a list beside their score, so that a rung is one line."""
        errors = self.errors.get(name, {}).get(rung)
        return {"errors": [*errors.to_json().values()]} if errors else {}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Entry:
        """Read the plain JSON form.

        Args:
            raw: What keeps to the schema.
        """
        known = raw["real"], raw["synthetic"], raw["real_sketch"]
        return cls(
            n_real=raw["n_real"],
            n_synthetic=raw["n_synthetic"],
            fingerprint=raw["fingerprint"],
            contents=None if None in known else Contents(*known),
            rung=raw["rung"],
            scores=_from_json(raw["scores"]),
            rungs={name: _from_json(by_rung) for name, by_rung in raw["rungs"].items()},
            errors={
                name: {rung: Errors(*each["errors"]) for rung, each in by_rung.items() if "errors" in each}
                for name, by_rung in raw["rungs"].items()
            },
            classes={group: _from_json(scores) for group, scores in raw["classes"].items()},
            date=raw["date"],
            commit=raw["commit"],
        )


def _to_json(scores: Scores) -> dict[str, dict[str, Any]]:
    return {name: score.to_json() for name, score in sorted(scores.items()) if score.interval is not None}


def _from_json(raw: Mapping[str, Any]) -> dict[str, Score]:
    return {name: Score.from_json(score) for name, score in raw.items()}
