"""A whole run against what it gave before: every key and every number of the results, paths masked.

After a change that is meant, run with SYNTHGATE_GOLDEN=write and read the difference.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from .conftest import Project

GOLDEN = Path(__file__).parents[1] / "reference" / "run.json"


def masked(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out what differs from machine to machine and from release to release."""
    document["package"] = "VERSION"
    for spec in document["specs"].values():
        spec["recorded"] = dict.fromkeys(spec["recorded"], "RECORDED")
        for files in spec["images"].values():
            files["root"] = "ROOT"
    return document


def test_a_whole_run_gives_what_it_gave_before(project: Project, tmp_path: Path) -> None:
    real = project.pictures("real", 64)
    made = project.pictures("made", 60, seed=1)
    for number in range(3):
        made[number].write_bytes(real[number].read_bytes())
        made[10 + number].write_bytes(made[20].read_bytes())
    (project.path / "made" / "a" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    prompts = "".join(
        f"{path.parent.name}/{path.name},a photo of {path.parent.name},{n}\n" for n, path in enumerate(made)
    )
    project.write("made/metadata.csv", f"file_name,prompt,seed\n{prompts}")
    project.picture_spec(
        "limits.unvaried = { max = 0.05, regression = 0.01 }\n"
        "limits.unoriginal = { max = 0.01, per_class = true }\n"
        "limits.unrealistic = { max = 0.9, warn = 0.4 }\n"
        'xfail = { unvaried = "known" }\n'
    )
    project.run(f"--synth-json={tmp_path / 'out.json'}", f"--synth-cache={tmp_path / 'cache'}", "--no-synth-strict")
    found = masked(json.loads((tmp_path / "out.json").read_text("utf-8")))
    if os.environ.get("SYNTHGATE_GOLDEN") == "write":
        GOLDEN.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8", newline="\n")
    compare(found, json.loads(GOLDEN.read_text("utf-8")), "")


def compare(found: Any, expected: Any, place: str) -> None:
    """Compare keys, texts and whole numbers exactly, and what a linear algebra library computes to three digits."""
    assert type(found) is type(expected), place
    if isinstance(found, dict):
        assert list(found) == list(expected), place
        for key, value in found.items():
            compare(value, expected[key], f"{place}.{key}")
    elif isinstance(found, list):
        assert len(found) == len(expected), place
        for number, value in enumerate(found):
            compare(value, expected[number], f"{place}[{number}]")
    elif isinstance(found, float):
        assert found == pytest.approx(expected, abs=2e-3), place
    else:
        assert found == expected, place
