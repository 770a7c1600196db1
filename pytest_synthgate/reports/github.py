"""What GitHub shows of a run: Markdown as its step summary, and annotations on the spec files.

Rendered from the results; only a GitHub runner has a place for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pytest_synthgate.errors import ResultsError
from pytest_synthgate.gating.verdict import Verdict
from pytest_synthgate.reports import Results
from pytest_synthgate.reports.conclusions import failed_gates
from pytest_synthgate.reports.evidence import nothing_read
from pytest_synthgate.reports.explain import explain
from pytest_synthgate.reports.markdown import MOST_BYTES, markdown
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.spec.files import heading_line
from pytest_synthgate.text.printable import shown, visible

SUMMARY_BYTES = 1 << 20
"""A summary that is larger is not shown at all, and every command of a step adds to the same one."""

ANNOTATIONS = 10
"""Annotations of a step that GitHub shows."""

_LONGEST = 4000
"""Characters of one annotation."""
_LONGEST_PROPERTY = 500


def append_summary(path: Path, results: Results) -> None:
    """Add Markdown to a step summary, as much as it has room for.

    Raises:
        ResultsError: The file cannot be written to, or others filled it.
    """
    try:
        room = SUMMARY_BYTES - (path.stat().st_size if path.exists() else 0)
        text = f"\n{markdown(results, min(MOST_BYTES, room))}".encode()
        if len(text) > room:
            raise ResultsError(f"{shown(path)}: has no room left; GitHub shows no summary above 1 MiB")
        with path.open("ab") as file:
            file.write(text)
    except OSError as error:
        raise ResultsError(f"{shown(path)}: cannot be written ({error.strerror})") from None


def annotate(results: Results, files: Mapping[str, Path], workspace: Path) -> list[str]:
    """Write workflow commands that annotate spec files: what could not be judged, what failed, and what is in doubt.

    Failed gates come before undecided ones, and all classes of a score make one annotation, for only ten are shown.
    `files` are the spec files by spec name, `workspace` the checkout that GitHub finds files in.
    """
    unjudged = [
        ("error", name, "not judged", "\n  ".join([visible(f"{name}: {each.error}"), *nothing_read(each.measurement)]))
        for name, each in results.items()
        if each.error is not None
    ]
    judged = [(name, verdict) for name, result in results.items() for verdict in result.verdicts]
    doubtful = [(name, each) for name, each in judged if each.warns and not results[name].fails(each)]
    told = [
        (level, name, *_told(name, verdicts, results[name]))
        for level, gates in (("error", failed_gates(results)), ("warning", doubtful))
        for (name, *_), verdicts in _by_score(gates).items()
    ]
    return [
        _command(level, title, message, _place(files.get(name), name, workspace))
        for level, name, title, message in [*unjudged, *told][:ANNOTATIONS]
    ]


def _by_score(gates: Iterable[tuple[str, Verdict]]) -> dict[tuple[str, str, str], list[Verdict]]:
    """Put the gates of all classes on one score together, for each would take the place of another failure."""
    found: dict[tuple[str, str, str], list[Verdict]] = {}
    for name, verdict in gates:
        found.setdefault((name, verdict.score, verdict.verdict), []).append(verdict)
    return found


def _told(name: str, verdicts: Sequence[Verdict], result: SpecResult) -> tuple[str, str]:
    """Give the title and the message of the gates of a spec on one score: the first explained, the others named."""
    first, *others = verdicts
    more = f" and {len(others):,} more" if others else ""
    lines = explain(name, first, result.measurement)
    lines += [f"  {visible(each.name)} {each.verdict}: {visible(each.reason)}" for each in others]
    return f"{first.name}{more} {first.verdict}", "\n".join(lines)


def _command(level: str, title: str, message: str, place: Mapping[str, str]) -> str:
    properties = {**place, "title": f"synthgate: {title}"}
    written = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{level} {written}::{_data(message[:_LONGEST])}"


def _place(file: Path | None, name: str, workspace: Path) -> dict[str, str]:
    """Tell a file the way GitHub does, and the line that the spec starts in."""
    if file is None:
        return {}
    full, checkout = file.resolve(), workspace.resolve()
    below = full.relative_to(checkout) if full.is_relative_to(checkout) else full
    line = heading_line(file, name)
    return {"file": below.as_posix()} | ({} if line is None else {"line": str(line)})


def _property(text: str) -> str:
    return _data(visible(text)[:_LONGEST_PROPERTY]).replace(":", "%3A").replace(",", "%2C")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
