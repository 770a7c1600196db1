"""What was accepted of one spec: its scores, and all that a later measurement is compared by.

Part of the gate, which compares with it; an entry of `synthgate-baseline.json` (tracking) is its plain JSON form.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, ClassVar, TypeAlias

from pytest_synthgate.files.forms import Count, Digest, Form, Number, Rung, rounded, told
from pytest_synthgate.kinds import LIMITED
from pytest_synthgate.scores.measurement import Contents, Measurement
from pytest_synthgate.scores.score import Errors, KnownScore, Score

Limited: TypeAlias = Annotated[str, told(Field={"pattern": f"^({'|'.join(LIMITED)})$"})]
Day: TypeAlias = Annotated[str, told(Field={"pattern": "^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"})]


@dataclass(frozen=True, slots=True)
class AcceptedScore(Score):
    """A score at a rung, with what its error is made of.

    Attributes:
        errors: Standard errors from the synthetic images, the real images and the classifier, for a mean.
    """

    errors: tuple[Number, Number, Number] | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The accepted scores of one spec, as they were measured.

    Attributes:
        date: Day of the acceptance.
        commit: Commit that it was measured at, if known.
        n_real: Readable real images.
        n_synthetic: Readable synthetic images.
        real: Digest of the real set, if known.
        synthetic: Digest of the synthetic set, if known.
        rung: n0, the images a side that the realism scores of classes were fitted on.
        scores: The scores of the whole set that have no rungs.
        rungs: The others, at every rung: `rungs["unrealistic"]["100"]`.
        classes: The scores of classes that are gated by a regression: `classes["apple"]["unvaried"]`.
        fingerprint: All that makes two measurements comparable.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    date: Day
    commit: str | None
    n_real: Count
    n_synthetic: Count
    real: Digest | None
    synthetic: Digest | None
    rung: Count | None
    scores: Mapping[Limited, KnownScore]
    rungs: Mapping[Limited, Mapping[Rung, AcceptedScore]]
    classes: Mapping[str, Mapping[Limited, KnownScore]]
    fingerprint: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        measurement: Measurement,
        classes: Iterable[tuple[str, str]] = (),
        *,
        date: str = "",
        commit: str | None = None,
    ) -> Accepted:
        """Keep what can be gated of a measurement, with the digits that the file has.

        Nothing is waived in it. `classes` names class and score of what is gated by class.
        """
        by_class: dict[str, dict[str, Score]] = {}
        for group, name in classes:
            by_class.setdefault(group, {})[name] = measurement.score(name, group)
        ranked = [name for name in LIMITED if measurement.rungs.get(name)]
        contents = measurement.contents
        return cls(
            date=date,
            commit=commit,
            n_real=measurement.n_real,
            n_synthetic=measurement.n_synthetic,
            real=contents.real if contents else None,
            synthetic=contents.synthetic if contents else None,
            rung=measurement.rung,
            scores=_computed({name: measurement.score(name) for name in LIMITED if name not in ranked}),
            rungs={name: _at_rungs(measurement, name) for name in ranked},
            classes={group: found for group, scores in by_class.items() if (found := _computed(scores))},
            fingerprint=json.loads(json.dumps(dict(measurement.fingerprint), sort_keys=True)),
        )

    @property
    def contents(self) -> Contents | None:
        """What the sets held; None where that was not known."""
        return Contents(self.real, self.synthetic) if self.real and self.synthetic else None

    def errors(self, name: str, rung: str | None) -> Errors | None:
        """Give the standard errors of a score at a rung by their cause, where they are known."""
        score = self.rungs.get(name, {}).get(rung or "")
        return Errors(*score.errors) if score is not None and score.errors else None

    def repeats(self, other: Accepted) -> bool:
        """Tell whether another one is the same but for its day and its commit."""
        return replace(self, date=other.date, commit=other.commit) == other

    def to_json(self) -> dict[str, Any]:
        """Give the plain JSON form, names in sorted order."""
        plain = Form(Accepted).plain(self)
        for by_rung in plain["rungs"].values():
            for score in by_rung.values():
                if score["errors"] is None:
                    del score["errors"]
        plain["rungs"] = {
            name: {rung: each[rung] for rung in sorted(each, key=int)} for name, each in sorted(plain["rungs"].items())
        }
        plain["classes"] = {group: dict(sorted(each.items())) for group, each in sorted(plain["classes"].items())}
        return {**plain, **{key: dict(sorted(plain[key].items())) for key in ("scores", "fingerprint")}}


def _computed(scores: Mapping[str, Score]) -> dict[str, Score]:
    """Leave out scores that could not be computed, and round the others as the file does."""
    return {name: score.rounded() for name, score in scores.items() if score.interval is not None}


def _at_rungs(measurement: Measurement, name: str) -> dict[str, AcceptedScore]:
    errors = measurement.errors.get(name, {})
    return {
        rung: AcceptedScore(**asdict(score.rounded()), errors=_three(errors.get(rung)))
        for rung, score in measurement.rungs[name].items()
        if score.interval is not None
    }


def _three(errors: Errors | None) -> tuple[float, float, float] | None:
    if errors is None:
        return None
    parts = [rounded(each) or 0.0 for each in (errors.synthetic, errors.real, errors.classifier)]
    return parts[0], parts[1], parts[2]
