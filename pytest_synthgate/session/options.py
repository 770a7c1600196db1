"""The options of a run, from the command line, an ini or the environment, resolved once.

Part of the plugin. Paths: on the command line from the current directory, in an ini from the rootdir.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_synthgate.catalogue import BASELINE, CACHE, Settings
from pytest_synthgate.images.mode import MODES
from pytest_synthgate.session.declaring import absolute, named_files
from pytest_synthgate.text.printable import visible


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
        return absolute(start, found) if (found := given(name)) else None

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
        junit = absolute(here, os.path.expanduser(os.path.expandvars(junit)))  # noqa: PTH111 (as pytest does)
    folders = (None if html is None or html.suffix.lower() in (".html", ".htm") else html, junit and junit.parent)
    return Options(
        root=root,
        named=named_files(config),
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


def _ini(config: pytest.Config, name: str) -> Any:
    try:
        return config.getini(f"synth_{name}")
    except (TypeError, ValueError, pytest.UsageError) as error:
        remedy = "give true or false" if name in ("strict", "redact_real") else "mend it, or remove it"
        raise pytest.UsageError(visible(f"{config.inipath}: synth_{name}: {error}; {remedy}")) from None


def _on_github(variable: str) -> Path | None:
    given = os.environ.get(variable) if os.environ.get("GITHUB_ACTIONS") == "true" else None
    return Path(given) if given else None


def in_ci() -> bool:
    """Whether the environment says that this is a CI run."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")
