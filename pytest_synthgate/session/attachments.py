"""A contact sheet for each failed gate, beside the JUnit file and linked from it.

Part of the plugin; the controller's alone, once pytest has written the file.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_synthgate.files.replacing import replace_file
from pytest_synthgate.reports.junit import GateKey, gate_of, link_pictures
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.session.run import Run
from pytest_synthgate.text.printable import portable, unused, visible

_SUFFIX = ".sheet.jpg"
# Brackets and bars end the path for those who read `[[ATTACHMENT|path]]`, and XML cannot hold every letter.
_NOT_IN_A_LINK = re.compile(r"[^\w.-]+")


def attach_sheets(run: Run) -> None:
    """Draw the sheets and link them; what cannot be written is told at the end of the run, and changes nothing else."""
    xml = _junit_file(run.config)
    if xml is None:
        return
    folder = xml.with_name(_linkable(f"{xml.stem}-images"))
    try:
        if sheets := _write_sheets(folder, run.receiver.results()):
            link_pictures(xml, {gate: _reference(run.config, sheet) for gate, sheet in sheets.items()})
    except Exception as error:  # noqa: BLE001 (no picture is worth a run)
        run.unwritten["contact sheets"] = visible(str(error) or type(error).__name__)


def _junit_file(config: pytest.Config) -> Path | None:
    given = config.getoption("xmlpath", None)
    if not given:
        return None
    expanded = os.path.expanduser(os.path.expandvars(given))  # noqa: PTH111 (as pytest does)
    return Path(os.path.abspath(config.invocation_params.dir / expanded))  # noqa: PTH100


def _write_sheets(folder: Path, results: Mapping[str, SpecResult]) -> dict[GateKey, Path]:
    """Write a sheet for each failed gate that has one, and remove those of an earlier run."""
    from pytest_synthgate.reports.contact_sheet import contact_sheet

    for old in folder.glob(f"*{_SUFFIX}"):
        old.unlink(missing_ok=True)
    written: dict[GateKey, Path] = {}
    names: set[str] = set()
    for name, result in results.items():
        for verdict in filter(result.fails, result.verdicts):
            if (sheet := contact_sheet(name, verdict, result)) is None:
                continue
            path = folder / _file_name(name, verdict.name, names)
            replace_file(path, sheet)
            written[gate_of(name, verdict)] = path
    return written


def _file_name(spec_name: str, gate_name: str, used: set[str]) -> str:
    stem = _linkable(f"{spec_name}-{gate_name}")
    mark = hashlib.sha256(f"{spec_name}\0{gate_name}".encode("utf-8", "surrogatepass")).hexdigest()
    return unused(stem, _SUFFIX, mark, used)


def _linkable(name: str) -> str:
    return portable(_NOT_IN_A_LINK.sub("-", name).strip("-"))


def _reference(config: pytest.Config, sheet: Path) -> str:
    """Write a path as the CI system looks for it: Jenkins in its file system, GitLab from the root of the project."""
    if os.environ.get("JENKINS_URL"):
        return str(sheet)
    start = os.environ.get("CI_PROJECT_DIR") or config.invocation_params.dir
    try:
        return Path(os.path.relpath(sheet, start)).as_posix()
    except ValueError:  # on another drive
        return str(sheet)
