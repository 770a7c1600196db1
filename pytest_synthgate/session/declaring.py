"""The options of a run as pytest gets to know them, whether any was used, and which files were named.

Part of the plugin; light, for every run of pytest comes by here.
"""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pytest_synthgate.images.mode import MODES
from pytest_synthgate.spec.discovery import PATTERNS, is_spec_file

_VALUES = (
    ("real", "DIR", "real images that every spec is judged against"),
    ("encoder", "NAME", "encoder, such as open_clip:ViT-B-32/laion2b_s34b_b79k or efficientnet_lite0"),
    ("json", "FILE", "write all measurements and verdicts to FILE"),
    ("results", "FILE", "judge what `synthgate measure` wrote to FILE; needs no images, torch or network"),
    ("html", "DIR", "write a report with pictures to DIR, or to one self-contained FILE.html"),
    ("markdown", "FILE", "write the table and the reasons to FILE, as GitHub shows them in a step summary"),
    ("baseline", "FILE", "accepted scores, for `regression` (default: synthgate-baseline.json in the rootdir)"),
    ("history", "FILE", "add a row a spec to FILE, which `synthgate history` and the report read"),
    ("cache", "DIR", "where features and measurements are kept (default: .synthgate in the rootdir)"),
    ("max-findings", "N", "findings that the report shows with pictures; others are listed (default: 200)"),
)
_FLAGS = (
    ("update-baseline", "accept the scores of the specs that ran: write them to the baseline, after all verdicts"),
    ("accept-failing", "accept the scores of specs too of which a gate failed or was not judged"),
    ("prompts", "print the prompts of every collected spec and what they would cost, and make nothing"),
)
_INIS = {
    **{f"synth_{name.replace('-', '_')}": "" for name, *_ in _VALUES},
    "synth_strict": None,
    "synth_redact_real": False,
    "synth_generate": "auto",
    "synth_files": list(PATTERNS),
}
"""What a project may set once, and what it is without that."""


def add_options(parser: pytest.Parser) -> None:
    """Declare every option; what a project sets once is an ini too."""
    group = parser.getgroup("synthgate", "synthetic image sets")

    def declare(name: str, text: str, ini: str | None = None, **how: Any) -> None:
        dest = f"synth_{name.replace('-', '_')}"
        group.addoption(f"--synth-{name}", dest=dest, default=None, help=text, **how)
        if ini is not None:
            parser.addini(dest, f"{text}; as --synth-{name}", type=ini, default=_INIS[dest])  # type: ignore[arg-type]

    for name, metavar, text in _VALUES:
        declare(name, text, "string", metavar=metavar)
    for name, text in _FLAGS:
        declare(name, text, action="store_true")
    strict = "fail what stays undecided: inconclusive, confounded or without a real set (default when CI is set)"
    declare("strict", strict, "bool", action="store_true")
    group.addoption("--no-synth-strict", action="store_false", dest="synth_strict", help="let it pass with a warning")
    declare("redact-real", "keep real photos, and their names, out of every report", "bool", action="store_true")
    generate = "make missing images (auto, but never when CI is set), none (never), or all anew (again)"
    declare("generate", generate, "string", choices=MODES)
    parser.addini("synth_files", "names of spec files", type="args", default=_INIS["synth_files"])


def are_used(config: pytest.Config) -> bool:
    """Tell whether any option or ini is other than by default, or cannot be meant."""
    if any(name.startswith("synth_") and given is not None for name, given in vars(config.option).items()):
        return True
    try:
        return any(config.getini(name) != default for name, default in _INIS.items())
    except (TypeError, ValueError, pytest.UsageError):
        return True


def named_files(config: pytest.Config) -> tuple[Path, ...]:
    """Give the arguments that are spec files, by their name or because somebody names TOML."""
    patterns = config.getini("synth_files")
    paths = [absolute(config.invocation_params.dir, str(each).partition("::")[0]) for each in config.args]
    return tuple(path for path in paths if path.suffix == ".toml" or is_spec_file(path, config.rootpath, patterns))


def is_named(path: Path, config: pytest.Config) -> bool:
    """Tell whether a file is one of those."""
    return path.resolve() in {each.resolve() for each in named_files(config)}


def absolute(start: Path, given: str) -> Path:
    """Give the path that is written, from a folder; links are kept."""
    return Path(os.path.abspath(start / given))  # noqa: PTH100


def taken_for_a_root(config: pytest.Config) -> str | None:
    """Warn about `--synth-real ../photos`, whose second word pytest takes for a place to find its rootdir in."""
    words = [str(word) for word in config.invocation_params.args]
    for option in (f"--synth-{name}" for name, metavar, _ in _VALUES if metavar in ("DIR", "FILE")):
        for first, second in pairwise(words):
            if first == option and (config.invocation_params.dir / second).exists():
                return (
                    f"pytest took {second!r} for a place to find its rootdir from (now {config.rootpath}); "
                    f"write {option}={second}"
                )
    return None
