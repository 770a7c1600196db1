"""The options of a run, from the command line, an ini or the environment, resolved once.

Part of the plugin. Paths: on the command line from the current directory, in an ini from the rootdir.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest

_OPTIONS = (
    ("real", "DIR", "real images that every spec is judged against"),
    ("encoder", "NAME", "encoder, such as open_clip:ViT-B-32/laion2b_s34b_b79k or efficientnet_lite0"),
    ("json", "FILE", "write all measurements and verdicts to FILE"),
    (
        "results",
        "FILE",
        "judge the measurements in FILE, which `synthgate measure` wrote; needs no images, torch or network",
    ),
    ("html", "DIR", "write a report with pictures to DIR, or to one self-contained FILE.html"),
    ("markdown", "FILE", "write the table and the reasons to FILE, as GitHub shows them in a step summary"),
    (
        "baseline",
        "FILE",
        "accepted scores that limits with `regression` compare with (default: synthgate-baseline.json in the rootdir)",
    ),
    ("history", "FILE", "add a row a spec to FILE, which `synthgate history` and the report read"),
    ("cache", "DIR", "where features and measurements are kept (default: .synthgate in the rootdir)"),
)


@dataclass(frozen=True, slots=True)
class Options:
    """What a run was asked to do.

    Attributes:
        real: Overrides the real set of every spec.
        encoder: Overrides the encoder of every spec.
        json: Where the results go.
        html: Where the report goes: a folder, or a file when it ends in `.html`.
        markdown: Where the table goes as Markdown.
        redact_real: Whether real photos and their names stay out of every report.
        max_findings: Findings that the report shows with pictures.
        baseline: The accepted scores.
        update_baseline: Whether this run's scores are accepted.
        accept_failing: Whether they are accepted for specs with a failed gate too.
        history: The log of runs that this one is added to.
        cache: Folder of the store.
        results: Measurements to judge instead of measuring.
        generate: What to do about missing images.
        strict: Whether what stays undecided fails.
        patterns: Names of spec files.
        quiet: Whether progress is silent.
        step_summary: Where GitHub Actions takes Markdown from; None elsewhere.
        workspace: The checkout that GitHub Actions annotates files of; None elsewhere.
    """

    real: Path | None
    encoder: str | None
    json: Path | None
    html: Path | None
    markdown: Path | None
    redact_real: bool
    max_findings: int
    baseline: Path
    update_baseline: bool
    accept_failing: bool
    history: Path | None
    cache: Path
    results: Path | None
    generate: Literal["auto", "never", "again"]
    strict: bool
    patterns: tuple[str, ...]
    quiet: bool
    step_summary: Path | None
    workspace: Path | None


def add_options(parser: pytest.Parser) -> None:
    """Declare every option, each also as an ini."""
    group = parser.getgroup("synthgate", "synthetic image sets")
    for name, metavar, text in _OPTIONS:
        group.addoption(f"--synth-{name}", metavar=metavar, dest=f"synth_{name}", default=None, help=text)
        parser.addini(f"synth_{name}", f"{text}; as --synth-{name}", type="string", default="")
    strict = "fail what stays undecided: inconclusive, confounded or without a real set (default when CI is set)"
    group.addoption("--synth-strict", action="store_true", dest="synth_strict", default=None, help=strict)
    group.addoption(
        "--no-synth-strict", action="store_false", dest="synth_strict", default=None, help="let it pass with a warning"
    )
    parser.addini("synth_strict", f"{strict}; as --synth-strict", type="bool", default=None)
    redact = "keep real photos, and their names, out of every report"
    group.addoption("--synth-redact-real", action="store_true", dest="synth_redact_real", default=False, help=redact)
    parser.addini("synth_redact_real", f"{redact}; as --synth-redact-real", type="bool", default=False)
    findings = "findings that the report shows with pictures, worst first; the others are listed (default: 200)"
    group.addoption("--synth-max-findings", metavar="N", dest="synth_max_findings", default=None, help=findings)
    parser.addini("synth_max_findings", f"{findings}; as --synth-max-findings", type="string", default="200")
    update = "accept the scores of the specs that ran: write them to the baseline, after all verdicts"
    group.addoption(
        "--synth-update-baseline", action="store_true", dest="synth_update_baseline", default=False, help=update
    )
    accept = "accept the scores of specs with a failed gate too"
    group.addoption(
        "--synth-accept-failing", action="store_true", dest="synth_accept_failing", default=False, help=accept
    )
    generate = "make missing images (auto, but never when CI is set), none (never), or all anew (again)"
    choices = ("auto", "never", "again")
    group.addoption("--synth-generate", choices=choices, dest="synth_generate", default=None, help=generate)
    parser.addini("synth_generate", f"{generate}; as --synth-generate", type="string", default="auto")
    prompts = "print the prompts of every collected spec and what they would cost, and make nothing"
    group.addoption("--synth-prompts", action="store_true", dest="synth_prompts", default=False, help=prompts)
    parser.addini("synth_files", "names of spec files", type="args", default=["synth_*.toml"])


def read_options(config: pytest.Config) -> Options:
    """Resolve the options of a run.

    Raises:
        pytest.UsageError: An ini holds what cannot be meant.
    """

    def path(name: str) -> Path | None:
        if given := config.getoption(f"synth_{name}"):
            return Path(os.path.abspath(config.invocation_params.dir / given))  # noqa: PTH100 (keep symlinks)
        if given := config.getini(f"synth_{name}"):
            return Path(os.path.abspath(config.rootpath / given))  # noqa: PTH100
        return None

    if config.getoption("synth_accept_failing") and not config.getoption("synth_update_baseline"):
        raise pytest.UsageError("--synth-accept-failing accepts nothing by itself; add --synth-update-baseline")
    return Options(
        real=path("real"),
        encoder=config.getoption("synth_encoder") or config.getini("synth_encoder") or None,
        json=path("json"),
        html=path("html"),
        markdown=path("markdown"),
        redact_real=bool(config.getoption("synth_redact_real") or config.getini("synth_redact_real")),
        max_findings=_max_findings(config),
        baseline=path("baseline") or config.rootpath / "synthgate-baseline.json",
        update_baseline=config.getoption("synth_update_baseline"),
        accept_failing=config.getoption("synth_accept_failing"),
        history=path("history"),
        cache=path("cache") or config.rootpath / ".synthgate",
        results=path("results"),
        generate=_generate(config),
        strict=_strict(config),
        patterns=tuple(config.getini("synth_files")),
        quiet=config.option.verbose < 0,
        step_summary=_on_github("GITHUB_STEP_SUMMARY"),
        workspace=_on_github("GITHUB_WORKSPACE"),
    )


def _strict(config: pytest.Config) -> bool:
    given = config.getoption("synth_strict")
    if given is None:
        try:
            given = config.getini("synth_strict")
        except (TypeError, ValueError, pytest.UsageError) as error:
            raise pytest.UsageError(f"{config.inipath}: synth_strict: {error}; give true or false") from None
    return in_ci() if given is None else bool(given)


def _generate(config: pytest.Config) -> Literal["auto", "never", "again"]:
    given = config.getoption("synth_generate") or config.getini("synth_generate")
    if given not in ("auto", "never", "again"):
        raise pytest.UsageError(f"{config.inipath}: synth_generate = {given!r} is not valid; give auto, never or again")
    return "never" if given == "auto" and in_ci() else given


def _max_findings(config: pytest.Config) -> int:
    given = config.getoption("synth_max_findings") or config.getini("synth_max_findings")
    if not str(given).isdecimal():
        raise pytest.UsageError(f"synth_max_findings = {given!r} is not valid; give a whole number from 0 up")
    return int(given)


def _on_github(variable: str) -> Path | None:
    given = os.environ.get(variable) if os.environ.get("GITHUB_ACTIONS") == "true" else None
    return Path(given) if given else None


def in_ci() -> bool:
    """Whether the environment says that this is a CI run."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def taken_for_a_root(config: pytest.Config) -> str | None:
    """Warn about `--synth-real ../photos`, whose second word pytest takes for a place to find its rootdir in."""
    words = [str(word) for word in config.invocation_params.args]
    for option in (f"--synth-{name}" for name, metavar, _ in _OPTIONS if metavar != "NAME"):
        for first, second in pairwise(words):
            if first == option and (config.invocation_params.dir / second).exists():
                return (
                    f"pytest took {second!r} for a place to find its rootdir from (now {config.rootpath}); "
                    f"write {option}={second}"
                )
    return None
