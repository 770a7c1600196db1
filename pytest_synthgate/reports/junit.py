"""Gates in a JUnit file: their numbers as properties of their test cases, and pictures linked from the failed ones.

Last station of the flow. Properties are plain strings, since nothing else crosses processes safely; the links are
added to the finished file, for pytest leaves all output out of it unless told otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from pytest_synthgate.errors import ResultsError
from pytest_synthgate.files.replacing import replace_file
from pytest_synthgate.gating.verdict import Verdict
from pytest_synthgate.kinds import KINDS
from pytest_synthgate.reports.evidence import flagged
from pytest_synthgate.scores.measurement import Measurement, short_fingerprint
from pytest_synthgate.text.printable import shown, visible

GateKey = tuple[str, str]
"""A gate as a JUnit file names it: its spec and its own name, in letters that XML can hold."""

_SPEC, _GATE = "synthgate_spec", "synthgate_gate"
_NO_XML = re.compile("[\ufffe\uffff]")  # the only letters that are visible and yet not allowed


def gate_of(spec_name: str, verdict: Verdict) -> GateKey:
    """Name a gate as its test case does."""
    return _letters(spec_name), _letters(verdict.name)


def name_properties(spec_name: str, verdict: Verdict) -> list[tuple[str, str]]:
    """List spec and gate, by which a test case is known to be about a gate."""
    return list(zip((_SPEC, _GATE), gate_of(spec_name, verdict), strict=True))


def gate_properties(spec_name: str, verdict: Verdict, measurement: Measurement) -> list[tuple[str, str]]:
    """List spec, gate, score, low, high, limit, baseline, n, flagged, verdict, reason and fingerprint of a gate."""
    measured, of_files = verdict.measured, KINDS[verdict.score].source == "files"
    values: dict[str, Any] = {
        "score": measured.value,
        "low": measured.low,
        "high": measured.high,
        "limit": verdict.limit.max,
        "baseline": verdict.baseline,
        "n": measured.n,
        "flagged": len(measurement.unreadable if of_files else flagged(verdict, measurement)),
        "verdict": verdict.verdict,
        "reason": _letters(verdict.reason),
        "fingerprint": short_fingerprint(measurement.fingerprint),
    }
    numbers = [(f"synthgate_{name}", _text(value)) for name, value in values.items()]
    return name_properties(spec_name, verdict) + numbers


def link_pictures(path: Path, pictures: Mapping[GateKey, str]) -> None:
    """Link pictures from the test cases of gates, in the way that GitLab and Jenkins understand.

    The JUnit file is replaced in one step; the path of a picture is as the file is to show it.

    Raises:
        ResultsError: The file cannot be read or written.
    """
    try:
        document = ET.parse(path)  # noqa: S314 (what this very run wrote)
        for case in document.iter("testcase"):
            for gate in _gates(case):
                if gate in pictures:
                    _print(case, f"[[ATTACHMENT|{pictures[gate]}]]")
        content = ET.tostring(document.getroot(), encoding="utf-8", xml_declaration=True)
        ET.fromstring(content)  # noqa: S314 (a folder may be called what XML cannot hold)
    except (OSError, ValueError, ET.ParseError) as error:
        raise ResultsError(f"{shown(path)}: no pictures linked from it ({error})") from None
    replace_file(path, content)


def _gates(case: ET.Element) -> Iterable[GateKey]:
    """Give the gates that a test case is about, each once."""
    properties = [(each.get("name"), each.get("value", "")) for each in case.iter("property")]
    specs, gates = ([value for name, value in properties if name == wanted] for wanted in (_SPEC, _GATE))
    return dict.fromkeys(zip(specs, gates, strict=False))


def _print(case: ET.Element, line: str) -> None:
    """Add a line to what a test case printed; one element holds it all, for a reader may look at one alone."""
    output = case.find("system-out")
    if output is None:
        output = ET.SubElement(case, "system-out")
    before = (output.text or "").rstrip("\n")
    output.text = f"{before}\n{line}\n" if before else f"{line}\n"


def _letters(text: str) -> str:
    return _NO_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", visible(text))


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else "" if value is None else str(value)
