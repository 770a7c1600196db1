"""One row of the history: what one run found out about one spec, small enough to keep for ever.

Part of tracking (gate -> tracking); a line of the file is its plain JSON form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer, Strict, WithJsonSchema

from pytest_synthgate.errors import HistoryError
from pytest_synthgate.files.forms import Count, Form, MisfitError, Rung
from pytest_synthgate.scores.score import KnownScore
from pytest_synthgate.text.wording import written

ROW_SCHEMA: Literal[1] = 1
"""Version of the row."""


class LaterRowError(HistoryError):
    """A row is one of a later version."""


_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z$"


def _time_of(text: object) -> datetime:
    if isinstance(text, datetime):
        return text
    if not isinstance(text, str) or not re.fullmatch(_TIME, text):
        raise ValueError(f"{written(text)} does not match {_TIME}")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{written(text)} is no time ({error})") from None


Time: TypeAlias = Annotated[
    datetime,
    BeforeValidator(_time_of),
    PlainSerializer(lambda time: time.isoformat(timespec="microseconds").replace("+00:00", "Z")),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": _TIME}),
]
Seconds: TypeAlias = Annotated[float, Strict(), Field(ge=-1e9, le=1e9, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One spec in one run.

    Attributes:
        schema: Version of the row.
        time: When the run ended, in UTC.
        spec: Name of the spec.
        commit: Hash of the commit, if known.
        branch: Name of the branch, if known.
        run: Id of the CI run, if known.
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

    __pydantic_config__ = ConfigDict(json_schema_extra=lambda schema: schema["required"].insert(0, "schema"))

    schema: Literal[1] = ROW_SCHEMA
    time: Time
    spec: str
    commit: str | None
    branch: str | None
    run: str | None
    fingerprint: str
    parts: Mapping[str, str]
    n_real: Count
    n_synthetic: Count
    scores: Mapping[str, KnownScore]
    rungs: Mapping[str, Mapping[Rung, KnownScore]] = field(default_factory=dict)
    verdicts: Mapping[str, str] = field(default_factory=dict)
    flagged: Mapping[str, Count] = field(default_factory=dict)
    duration: Seconds | None = None

    def repeats(self, other: HistoryRow) -> bool:
        """Tell whether the same images were measured again: to the last digit, everything is equal."""
        mine, theirs = ((row.n_real, row.n_synthetic, row.scores, row.rungs) for row in (self, other))
        return mine == theirs

    def to_json(self) -> dict[str, Any]:
        """Give the plain JSON form."""
        return Form(HistoryRow).plain(self)

    def to_line(self) -> str:
        """Give the row as one line of ASCII, which no editor, shell or merge breaks in two."""
        return json.dumps(self.to_json(), allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, raw: object) -> HistoryRow:
        """Read the plain JSON form, which may come from anywhere; keys of later versions are left alone.

        Raises:
            HistoryError: It is no row; the text says in a few words why.
        """
        if not isinstance(raw, dict):
            raise HistoryError(f"{written(raw)} is no row")
        # To Python true is 1, to JSON it is not.
        if raw.get("schema") != ROW_SCHEMA or isinstance(raw["schema"], bool):
            later = isinstance(raw.get("schema"), int) and raw["schema"] > ROW_SCHEMA
            failure = LaterRowError if later else HistoryError
            raise failure(f"schema {written(raw.get('schema'))}, this version reads {ROW_SCHEMA}")
        try:
            return Form(HistoryRow).read(raw)
        except MisfitError as error:
            raise HistoryError(str(error)) from None
