"""Specs in plain JSON of this package's own: a spec file that did not change is not checked again.

First station of the flow. To know what a spec file may say takes longer than to read what it says.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any

from pytest_synthgate import kinds
from pytest_synthgate.spec.limits import Limits
from pytest_synthgate.spec.model import Generator, Spec
from pytest_synthgate.spec.waivers import Waiver


def key_of_specs(content: bytes, file: Path, today: date) -> str:
    """Name the specs of a file by all that they depend on: what it holds, where it lies, the day, and what reads it."""
    with os.scandir(Path(__file__).parent) as entries:
        files = sorted(entry.path for entry in entries if entry.name.endswith(".py"))
    readers = [[found.st_size, found.st_mtime_ns] for found in map(os.stat, [*files, kinds.__file__])]
    state = [metadata.version("pytest-synthgate"), readers, str(file), today.isoformat()]
    return hashlib.sha256(json.dumps(state).encode() + content).hexdigest()


def specs_to_text(specs: Sequence[Spec]) -> str:
    """Write specs as JSON text, which `specs_from_text` reads."""
    return json.dumps([_plain(spec) for spec in specs])


def specs_from_text(text: str) -> tuple[Spec, ...]:
    """Read specs that were checked before they were written."""
    return tuple(_spec(raw) for raw in json.loads(text))


def _plain(spec: Spec) -> dict[str, Any]:
    return {
        **{each.name: getattr(spec, each.name) for each in fields(spec)},
        **{name: None if (path := getattr(spec, name)) is None else str(path) for name in ("file", "real", "images")},
        **{name: dict(getattr(spec, name)) for name in ("axes", "article", "xfail")},
        "generator": None if spec.generator is None else asdict(spec.generator),
        "limits": {score: limit.to_json() for score, limit in spec.limits.items()},
        "waivers": [
            {**asdict(waiver), "digests": sorted(waiver.digests), "expires": waiver.expires.isoformat()}
            for waiver in spec.waivers
        ],
    }


def _spec(raw: Mapping[str, Any]) -> Spec:
    made = {
        **{name: None if raw[name] is None else Path(raw[name]) for name in ("file", "real", "images")},
        "templates": tuple(raw["templates"]),
        "axes": {axis: tuple(values) for axis, values in raw["axes"].items()},
        "classes": None if raw["classes"] is None else tuple(raw["classes"]),
        "generator": None if raw["generator"] is None else Generator(**raw["generator"]),
        "limits": Limits(**raw["limits"]),
        "waivers": tuple(
            Waiver(
                **{**each, "digests": frozenset(each["digests"]), "expires": date.fromisoformat(each["expires"])},
            )
            for each in raw["waivers"]
        ),
    }
    return Spec(**{**raw, **made})
