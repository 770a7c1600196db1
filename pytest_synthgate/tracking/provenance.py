"""Which commit, branch and CI run a measurement belongs to, as far as that can be known.

Part of tracking; asked once, at the end of a run.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# The variables of GitHub, GitLab and Jenkins; of a pull request, its own branch comes first.
_COMMIT = ("GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT")
_BRANCH = ("GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME", "CHANGE_BRANCH", "BRANCH_NAME", "GIT_BRANCH")
_RUN = ("GITHUB_RUN_ID", "CI_PIPELINE_ID", "BUILD_TAG")
_PATIENCE = 5
"""Seconds that git may take."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where in the life of a project a run stands; None is unknown.

    Attributes:
        commit: Hash of the commit.
        branch: Name of the branch, or of a tag that CI builds.
        run: Id of the CI run.
    """

    commit: str | None = None
    branch: str | None = None
    run: str | None = None


def provenance(folder: Path, environment: Mapping[str, str]) -> Provenance:
    """Ask the variables of the CI run, and git in any folder of the project for what they do not say."""
    commit, branch, run = (next(filter(None, map(environment.get, names)), None) for names in (_COMMIT, _BRANCH, _RUN))
    if commit is None:
        commit, checked_out = _head(folder)
        branch = branch or checked_out
    return Provenance(commit, branch, run)


def _head(folder: Path) -> tuple[str | None, str | None]:
    """Ask git for the commit and the branch that are checked out."""
    if (git := shutil.which("git")) is None:
        return None, None
    command = [git, "-C", str(folder), "rev-parse", "HEAD", "--abbrev-ref", "HEAD"]
    try:
        # It reads references and runs nothing that the repository brings along.
        asked = subprocess.run(  # noqa: S603
            command, capture_output=True, check=True, stdin=subprocess.DEVNULL, timeout=_PATIENCE
        )
    except (OSError, subprocess.SubprocessError):
        return None, None
    commit, _, branch = asked.stdout.decode(errors="replace").strip().partition("\n")
    return commit, None if branch == "HEAD" else branch
