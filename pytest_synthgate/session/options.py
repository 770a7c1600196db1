"""The options of a run, from the command line, an ini or the environment, resolved once.

Part of the plugin. Paths: on the command line from the current directory, in an ini from the rootdir.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pytest_synthgate.catalogue import BASELINE, CACHE, MODES, Settings
from pytest_synthgate.spec.files import PATTERNS, is_spec_file
from pytest_synthgate.text.printable import visible

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Settings):
    """What a run was asked to do: what its project goes by, and which files it is to leave.

    What has the name of an option is what the help of that says.

    Attributes:
        junit: Where pytest writes its JUnit file.
        step_summary: Where GitHub Actions takes Markdown from; None elsewhere.
        workspace: The checkout that GitHub Actions annotates files of; None elsewhere.
    """

    json: Path | None
    html: Path | None
    markdown: Path | None
    junit: Path | None
    max_findings: int
    update_baseline: bool
    accept_failing: bool
    history: Path | None
    step_summary: Path | None
    workspace: Path | None


def add_options(parser: pytest.Parser) -> None:
    """Declare every option; what a project sets once is an ini too."""
    group = parser.getgroup("synthgate", "synthetic image sets")

    def declare(name: str, text: str, ini: str | None, default: Any = None, **how: Any) -> None:
        dest = f"synth_{name.replace('-', '_')}"
        group.addoption(f"--synth-{name}", dest=dest, default=None, help=text, **how)
        if ini is not None:
            parser.addini(dest, f"{text}; as --synth-{name}", type=ini, default=default)  # type: ignore[arg-type]

    for name, metavar, text in _VALUES:
        declare(name, text, "string", "", metavar=metavar)
    for name, text in _FLAGS:
        declare(name, text, None, action="store_true")
    strict = "fail what stays undecided: inconclusive, confounded or without a real set (default when CI is set)"
    declare("strict", strict, "bool", action="store_true")
    group.addoption("--no-synth-strict", action="store_false", dest="synth_strict", help="let it pass with a warning")
    declare("redact-real", "keep real photos, and their names, out of every report", "bool", False, action="store_true")
    generate = "make missing images (auto, but never when CI is set), none (never), or all anew (again)"
    declare("generate", generate, "string", "auto", choices=MODES)
    parser.addini("synth_files", "names of spec files", type="args", default=list(PATTERNS))


def read_options(config: pytest.Config) -> Options:
    """Resolve the options of a run; what another plugin declares need not be there.

    Raises:
        pytest.UsageError: An ini holds what cannot be meant.
    """
    here, root = config.invocation_params.dir, config.rootpath

    def given(name: str) -> Any:
        return config.getoption(f"synth_{name}") or _ini(config, name) or None

    def path(name: str) -> Path | None:
        start = here if config.getoption(f"synth_{name}") else root
        return _absolute(start, found) if (found := given(name)) else None

    update, accept = (bool(config.getoption(f"synth_{name}")) for name in ("update_baseline", "accept_failing"))
    if accept and not update:
        raise pytest.UsageError("--synth-accept-failing accepts nothing by itself; add --synth-update-baseline")
    if not str(most := given("max_findings") or 200).isdecimal():
        raise pytest.UsageError(f"synth_max_findings = {most!r} is not valid; give a whole number from 0 up")
    if (generate := given("generate")) not in MODES:
        raise pytest.UsageError(
            f"{config.inipath}: synth_generate = {generate!r} is not valid; give one of {', '.join(MODES)}"
        )
    if (strict := config.getoption("synth_strict")) is None and (strict := _ini(config, "strict")) is None:
        strict = in_ci()
    patterns, html = tuple(_ini(config, "files")), path("html")
    if junit := config.getoption("xmlpath", None):
        junit = _absolute(here, os.path.expanduser(os.path.expandvars(junit)))  # noqa: PTH111 (as pytest does)
    folders = (None if html is None or html.suffix.lower() in (".html", ".htm") else html, junit and junit.parent)
    return Options(
        root=root,
        named=tuple(_named(config, patterns)),
        patterns=patterns,
        norecurse=tuple(config.getini("norecursedirs")),
        real=path("real"),
        encoder=given("encoder"),
        start=here if config.getoption("synth_encoder") else root,
        cache=path("cache") or CACHE,
        pictures=tuple(folder for folder in folders if folder),
        generate="never" if generate == "auto" and in_ci() else generate,
        results=path("results"),
        baseline=path("baseline") or BASELINE,
        needs_baseline=bool(config.getoption("synth_baseline")) and not update,
        strict=bool(strict),
        xfail=not config.getoption("runxfail", True),  # nor where the plugin is blocked by which a test may fail
        redact_real=bool(given("redact_real")),
        progress=config.getoption("verbose", 0) >= 0,
        process=getattr(config, "workerinput", {}).get("testrunuid"),
        json=path("json"),
        html=html,
        markdown=path("markdown"),
        junit=junit or None,
        max_findings=int(most),
        update_baseline=update,
        accept_failing=accept,
        history=path("history"),
        step_summary=_on_github("GITHUB_STEP_SUMMARY"),
        workspace=_on_github("GITHUB_WORKSPACE"),
    )


def _absolute(start: Path, given: str) -> Path:
    return Path(os.path.abspath(start / given))  # noqa: PTH100 (keep symlinks)


def _ini(config: pytest.Config, name: str) -> Any:
    try:
        return config.getini(f"synth_{name}")
    except (TypeError, ValueError, pytest.UsageError) as error:
        remedy = "give true or false" if name in ("strict", "redact_real") else "mend it, or remove it"
        raise pytest.UsageError(visible(f"{config.inipath}: synth_{name}: {error}; {remedy}")) from None


def _named(config: pytest.Config, patterns: Sequence[str]) -> Iterator[Path]:
    """Give the arguments that are spec files, by their name or because somebody names TOML."""
    for argument in config.args:
        path = _absolute(config.invocation_params.dir, str(argument).partition("::")[0])
        if path.suffix == ".toml" or is_spec_file(path, config.rootpath, patterns):
            yield path


def _on_github(variable: str) -> Path | None:
    given = os.environ.get(variable) if os.environ.get("GITHUB_ACTIONS") == "true" else None
    return Path(given) if given else None


def in_ci() -> bool:
    """Whether the environment says that this is a CI run."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


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
