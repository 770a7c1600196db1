"""Where a run stands: what CI says, else what git says, else nothing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pytest_synthgate.tracking.provenance import Provenance, provenance

GITHUB = {"GITHUB_SHA": "a1", "GITHUB_REF_NAME": "main", "GITHUB_RUN_ID": "7", "GITHUB_HEAD_REF": ""}
GITLAB = {"CI_COMMIT_SHA": "b2", "CI_COMMIT_REF_NAME": "feature/x", "CI_PIPELINE_ID": "8"}
JENKINS = {"GIT_COMMIT": "c3", "GIT_BRANCH": "origin/main", "BUILD_TAG": "jenkins-x-9"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (GITHUB, Provenance("a1", "main", "7")),
        ({**GITHUB, "GITHUB_REF_NAME": "12/merge", "GITHUB_HEAD_REF": "topic"}, Provenance("a1", "topic", "7")),
        (GITLAB, Provenance("b2", "feature/x", "8")),
        (JENKINS, Provenance("c3", "origin/main", "jenkins-x-9")),
        ({**JENKINS, "BRANCH_NAME": "PR-3", "CHANGE_BRANCH": "topic"}, Provenance("c3", "topic", "jenkins-x-9")),
    ],
)
def test_ci_says_where_it_is(tmp_path: Path, environment: dict[str, str], expected: Provenance) -> None:
    assert provenance(tmp_path, environment) == expected


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit on the branch `topic`."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    git(tmp_path, "init", "--quiet", "--initial-branch=topic")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--allow-empty", "--message=x")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_git_is_asked_where_ci_says_nothing(repository: Path) -> None:
    below = repository / "deep" / "below"
    below.mkdir(parents=True)
    assert provenance(below, {}) == Provenance(git(repository, "rev-parse", "HEAD"), "topic")


def test_a_detached_head_has_no_branch(repository: Path) -> None:
    git(repository, "checkout", "--quiet", "--detach")
    assert provenance(repository, {}) == Provenance(git(repository, "rev-parse", "HEAD"))


def test_git_completes_what_ci_leaves_out(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    assert provenance(repository, {"BRANCH_NAME": "main", "BUILD_TAG": "b-1"}) == Provenance(head, "main", "b-1")


def test_without_a_commit_nothing_is_known(repository: Path) -> None:
    shutil.rmtree(repository / ".git")
    git(repository, "init", "--quiet")
    assert provenance(repository, {}) == Provenance()


@pytest.mark.parametrize("folder", [".", "nowhere"])
def test_outside_of_a_repository_nothing_is_known(tmp_path: Path, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance(tmp_path / folder, {}) == Provenance()


def test_without_git_nothing_is_known(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert provenance(repository, {}) == Provenance()


def test_a_git_that_never_answers_is_given_up(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(command: list[str], *, timeout: float, **_: object) -> None:
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", never)
    assert provenance(repository, {}) == Provenance()
