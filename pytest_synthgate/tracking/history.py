"""The history of runs: a file of JSON Lines that grows by whole rows and is read whatever became of it.

Part of tracking (gate -> tracking -> reports). Files merge by `cat`; a row that stands in several counts once.
"""

from __future__ import annotations

import codecs
import json
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pytest_synthgate.errors import HistoryError
from pytest_synthgate.files.replacing import writing
from pytest_synthgate.files.texts import decoded
from pytest_synthgate.scores.measurement import short_fingerprint
from pytest_synthgate.scores.score import Score
from pytest_synthgate.text.printable import shown
from pytest_synthgate.text.wording import meant, quoted
from pytest_synthgate.tracking.provenance import Provenance
from pytest_synthgate.tracking.row import ROW_SCHEMA, HistoryRow, LaterRowError

if TYPE_CHECKING:
    from pytest_synthgate.results.result import SpecResult

_START = f'{{"schema": {ROW_SCHEMA}, "time": '.encode()
"""What a row starts with, and what no text within a row can hold, for quotes are escaped there."""

_LONGEST = 1 << 20
"""Bytes of a line that are looked at to tell whether it is a row."""

_PATIENCE = 60
"""Seconds to wait for other processes that add to the same file."""


def history_rows(
    results: Mapping[str, SpecResult],
    provenance: Provenance,
    time: datetime,
    durations: Mapping[str, float] | None = None,
) -> list[HistoryRow]:
    """Give one row a spec that was measured.

    `time` is when the run ended, aware of its zone; `durations` are seconds by spec name, where known.
    """
    seconds = durations or {}
    measured = (name for name in sorted(results) if results[name].measurement.n_synthetic)
    return [_row(name, results[name], provenance, time, seconds.get(name)) for name in measured]


def _row(name: str, result: SpecResult, provenance: Provenance, time: datetime, duration: float | None) -> HistoryRow:
    measurement = result.measurement
    flagged = Counter(finding.score for finding in measurement.findings)
    return HistoryRow(
        time=time.astimezone(UTC),
        spec=name,
        **asdict(provenance),
        fingerprint=short_fingerprint(measurement.fingerprint),
        parts={part: short_fingerprint({part: value}) for part, value in sorted(measurement.fingerprint.items())},
        n_real=measurement.n_real,
        n_synthetic=measurement.n_synthetic,
        scores=_computed(measurement.scores),
        rungs={score: _computed(by_rung) for score, by_rung in measurement.rungs.items() if by_rung},
        verdicts={verdict.name: verdict.verdict for verdict in result.verdicts},
        flagged={**dict(sorted(flagged.items())), "unreadable": len(measurement.unreadable)},
        duration=None if duration is None else round(duration, 3),
    )


def _computed(scores: Mapping[str, Score]) -> dict[str, Score]:
    """Leave out scores without a value, and round the others as the file does."""
    return {name: each for name, score in scores.items() if (each := score.rounded()).value is not None}


def append(path: Path, added: Iterable[HistoryRow]) -> None:
    """Add rows to a file, made when there is none: whole whatever else is added meanwhile, and never to a torn line.

    Raises:
        HistoryError: The place cannot be written to, or holds something else.
    """
    from filelock import FileLock

    lines = "".join(row.to_line() for row in added).encode("ascii")
    with writing(path, HistoryError):
        there = path.resolve()
        there.parent.mkdir(parents=True, exist_ok=True)
        # One write in append mode is whole on local disks; the lock is for network drives and Windows.
        lock = FileLock(there.with_name(f".{there.name}.lock"), timeout=_PATIENCE)
        with lock, there.open("a+b", buffering=0) as file:
            if not _is_history(file):
                raise HistoryError(
                    f"{shown(path)}: line 1 is no row of a history, nothing was added; name another file"
                )
            text = b"\n" + lines if _is_torn(file) else lines
            if file.write(text) != len(text):
                raise HistoryError(f"{shown(path)}: only a part could be written; make space on the disk")


def _is_history(file: BinaryIO) -> bool:
    """Tell whether a file holds nothing yet, or starts with a row, maybe a torn one; leaves the position anywhere."""
    file.seek(0)
    first = file.readline(_LONGEST).strip()
    if not first or first.startswith(_START):
        return True
    try:
        row = json.loads(first)
    except (ValueError, RecursionError):
        return len(first) > 1 and _START.startswith(first)
    return isinstance(row, dict) and {"schema", "time", "spec"} <= row.keys()


def _is_torn(file: BinaryIO) -> bool:
    """Tell whether the last line has no end; leaves the position anywhere."""
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def read_history(*paths: Path) -> tuple[list[HistoryRow], list[str]]:
    """Read one or more files.

    Returns:
        All rows in the order of time, and a warning for everything that was skipped because it is no row.

    Raises:
        HistoryError: A file cannot be read, or holds something but no row.
    """
    found: dict[bytes, HistoryRow] = {}
    warnings: list[str] = []
    for path in paths:
        read, skipped, later = _read(path)
        if skipped and not read:
            remedy = "update pytest-synthgate" if later else "name a file of --synth-history"
            raise HistoryError(f"{shown(path)}: no row of a history ({skipped[0]}); {remedy}")
        found |= read
        warnings += [f"{shown(path)}: {reason}; skipped" for reason in skipped]
    return sorted(found.values(), key=lambda row: row.time), warnings


def of_branches(rows: Sequence[HistoryRow], branches: Collection[str]) -> list[HistoryRow]:
    """Pick the runs of some branches; all when none is named.

    Raises:
        HistoryError: One of them has no run.
    """
    there = {row.branch for row in rows}
    for branch in branches:
        if branch not in there:
            known = sorted(each for each in there if each is not None)
            raise HistoryError(f"the history has no run of branch {quoted(branch)}; {meant(branch, known)}")
    return [row for row in rows if not branches or row.branch in branches]


def _read(path: Path) -> tuple[dict[bytes, HistoryRow], list[str], bool]:
    """Read a file: rows by their text, what is wrong with the rest, and whether some are of a later version."""
    try:
        lines = _as_utf8(path.read_bytes()).split(b"\n")
    except OSError as error:
        raise HistoryError(f"{shown(path)}: {error.strerror}; write it with --synth-history={shown(path)}") from None
    found, skipped, later = {}, [], False
    for number, line in enumerate(lines, start=1):
        for text in _pieces(line):
            try:
                found[text] = _parsed(text)
            except HistoryError as error:
                newer = isinstance(error, LaterRowError)
                later = later or newer
                # What follows the last line end is empty unless a writer was stopped.
                skipped.append(f"line {number}: {'torn' if number == len(lines) and not newer else error}")
    return found, skipped, later


def _as_utf8(content: bytes) -> bytes:
    """Undo what shells and editors make of a file; what is no text is left to be refused line by line."""
    if not content.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content
    try:
        return decoded(content).encode("utf-8", "surrogatepass")
    except ValueError:
        return content


def _pieces(line: bytes) -> Iterator[bytes]:
    """Part a row from the torn one that it was glued to, where files were joined."""
    start = max(line.rfind(_START), 0)
    yield from filter(None, (line[:start].strip(), line[start:].strip()))


def _parsed(text: bytes) -> HistoryRow:
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        raise HistoryError("not JSON") from None
    return HistoryRow.from_json(raw)
