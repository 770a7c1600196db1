"""The limits a user sets on scores, and those that hold when none is set.

First station of the flow (declare); applied at the fifth, by the gate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, TypeAlias, get_args

from pytest_synthgate.errors import SpecError
from pytest_synthgate.kinds import KINDS, LIMITED
from pytest_synthgate.text.wording import meant, written

WhenUnsure: TypeAlias = Literal["score", "pass", "fail"]

_BOUNDS = ("max", "warn", "regression")


def _as_checked(schema: dict[str, Any]) -> None:
    """Say in a JSON Schema of `Limit` what it checks of its bounds."""
    for name in _BOUNDS:
        for each in schema["properties"][name].get("anyOf", [schema["properties"][name]]):
            each["minimum"] = 0
    schema["anyOf"] = [{"required": [name], "properties": {name: {"type": "number"}}} for name in _BOUNDS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What one score may be.

    Attributes:
        max: Highest acceptable score; above it the gate fails.
        warn: Above it the gate passes with a warning.
        regression: Largest acceptable rise over the baseline.
        when_unsure: What decides when the interval straddles `max`: the score, or for "pass" and "fail" its ends.
        per_class: Whether each class is judged on its own.

    Raises:
        SpecError: A bound is no finite number from 0 up, `warn` is not below `max`, or no bound is given.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"json_schema_extra": _as_checked}

    max: float | None = None
    warn: float | None = None
    regression: float | None = None
    when_unsure: WhenUnsure = "score"
    per_class: bool = False

    def __post_init__(self) -> None:
        """Check what can be checked without knowing the score."""
        for name in _BOUNDS:
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _plain_number(name, getattr(self, name)))
        if self.max is None and self.warn is None and self.regression is None:
            raise SpecError("the limit has no bound; give max, warn or regression")
        if self.max is not None and self.warn is not None and self.warn >= self.max:
            raise SpecError(f"warn = {self.warn} is not below max = {self.max}; a warning comes before a failure")
        if self.when_unsure not in get_args(WhenUnsure):
            raise SpecError(f"when_unsure = {written(self.when_unsure)} is not valid; give 'score', 'pass' or 'fail'")
        if self.when_unsure != "score" and self.max is None:
            raise SpecError(f"when_unsure = {written(self.when_unsure)} has no max to apply to; give one or remove it")
        if not isinstance(self.per_class, bool):
            raise SpecError(f"per_class = {written(self.per_class)} is not valid; give true or false")

    @property
    def counts(self) -> bool:
        """Whether it judges the score itself, from which waivers leave findings out, and not only its rise."""
        return self.max is not None or self.warn is not None

    def to_json(self) -> dict[str, Any]:
        """Give the plain JSON form, as a spec file has it: what was not given is left out."""
        given = {each: getattr(self, each.name) for each in fields(self)}
        return {each.name: value for each, value in given.items() if value != each.default}


class Limits(Mapping[str, Limit]):
    """Limits by score, in the order of the table, frozen; each a highest value, what `Limit` takes, or a `Limit`.

    Raises:
        SpecError: An unknown score, or a limit that its score cannot have.

    Example:
        >>> from pytest_synthgate import Limits
        >>> Limits(unvaried={"max": 0.05, "warn": 0.03}, unrealistic=0.9)
        Limits(unrealistic=0.9, unvaried=Limit(max=0.05, warn=0.03))
    """

    __slots__ = ("_limits",)

    def __init__(self, **declared: Limit | float | Mapping[str, Any]) -> None:
        limits = {score: as_limit(score, value) for score, value in declared.items()}
        self._limits = {score: limits[score] for score in LIMITED if score in limits}

    def __getitem__(self, score: str) -> Limit:
        return self._limits[score]

    def __iter__(self) -> Iterator[str]:
        return iter(self._limits)

    def __len__(self) -> int:
        return len(self._limits)

    def __ge__(self, measurement: object) -> bool:
        """Tell whether no limit fails, for `measurement <= limits`: the gate in the form of an assertion."""
        from pytest_synthgate.gating.verdict import keeps  # the one way up: the gate is a word of this class alone

        return keeps(measurement, self)

    def __hash__(self) -> int:
        return hash(tuple(self._limits.items()))

    def __repr__(self) -> str:
        return f"Limits({', '.join(f'{score}={_short(limit)}' for score, limit in self.items())})"


def as_limit(score: str, declared: Limit | float | Mapping[str, Any]) -> Limit:
    """Read one declared limit and check it against its score.

    Raises:
        SpecError: An unknown score or key, or a limit that this score cannot have.
    """
    if score not in LIMITED:
        raise SpecError(f"unknown score {written(score)}; {meant(score, LIMITED)}")
    try:
        limit = _read(declared)
        _check_for(score, limit)
    except SpecError as error:
        raise SpecError(f"{score}: {error}") from None
    return limit


def _read(declared: object) -> Limit:
    if isinstance(declared, Limit):
        return declared
    if not isinstance(declared, Mapping):
        return Limit(max=declared)  # type: ignore[arg-type]  # checked there
    keys = [field.name for field in fields(Limit)]
    for key in declared:
        if key not in keys:
            raise SpecError(f"unknown key {written(key)}; {meant(str(key), keys)}")
    return Limit(**declared)


def _check_for(score: str, limit: Limit) -> None:
    kind = KINDS[score]
    for name in _BOUNDS:
        value = getattr(limit, name)
        if value is None:
            continue
        if kind.shape == "count" and not isinstance(value, int):
            raise SpecError(f"{name} = {value} is not a count of files; give a whole number")
        if kind.most is not None and value > kind.most:
            raise SpecError(f"{name} = {written(value)} is out of range; give a number from 0 to {kind.most:g}")
    if limit.per_class and not kind.by_class:
        raise SpecError("per_class is not possible for this score; remove it")
    if limit.when_unsure != "score" and kind.shape == "count":
        raise SpecError("a count has no interval to be unsure about; remove when_unsure")


def _plain_number(name: str, value: object) -> float:
    """Turn any real number into a plain int or float, so that it can be written as JSON."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise SpecError(f"{name} = {written(value)} is not valid; give a number")
    number = int(value) if isinstance(value, Integral) else float(value)
    if not 0 <= number < 2**63:
        raise SpecError(f"{name} = {written(number)} is out of range; give a number from 0 up")
    return number


def _short(limit: Limit) -> str:
    given = limit.to_json()
    if set(given) == {"max"}:
        return repr(limit.max)
    return f"Limit({', '.join(f'{name}={value!r}' for name, value in given.items())})"


DEFAULT_LIMITS = Limits(**{name: kind.default for name, kind in KINDS.items() if kind.default is not None})
"""What is gated when nobody declares a limit."""


def with_defaults(declared: Mapping[str, Limit | None]) -> Limits:
    """Complete the declared limits; None is one that the user switched off.

    The default limits on scores hold only while no score is given one; a count of files is no judgement of the images,
    so its limit holds until it is itself declared, and declaring it alone drops no other.
    """
    scores = any(limit is not None and KINDS[score].shape != "count" for score, limit in declared.items())
    given = {name: each for name, each in DEFAULT_LIMITS.items() if not scores or KINDS[name].shape == "count"}
    merged: dict[str, Limit | None] = {**given, **declared}
    return Limits(**{score: limit for score, limit in merged.items() if limit is not None})
