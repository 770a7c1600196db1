"""What the README and docs/ tell people to copy: files that their own linters accept, options and links that exist."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import tree_sitter
import tree_sitter_groovy
from markdown_it import MarkdownIt
from markdown_it.token import Token
from ruamel.yaml import YAML

from pytest_synthgate.cli import main
from pytest_synthgate.session.declaring import add_options

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [page.name for page in PAGES]

COMMAND = re.compile(r"(?<![\w.-])synthgate +([a-z]+)\b([^\n|;&#]*)")
RUN = re.compile(r"(?:^|[ /])pytest((?: +[^\s|;&#]+)*)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    page: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {self.text[:60]}"


@cache
def tokens(page: Path) -> tuple[Token, ...]:
    found = MarkdownIt("commonmark").enable("table").parse(page.read_text("utf-8"))
    return tuple(inner for token in found for inner in (token, *(token.children or ())))


def blocks(*languages: str) -> list[Block]:
    return [
        Block(page.name, token.info, token.content)
        for page in PAGES
        for token in tokens(page)
        if token.type == "fence" and token.info in languages
    ]


def ci_file(name: str) -> str:
    """Give the block that says in its first line which file it is."""
    (found,) = (each.text for each in blocks("yaml", "groovy") if each.text.split("\n")[0].split()[-1] == name)
    return found


def loaded(name: str) -> Any:
    return YAML(typ="safe").load(ci_file(name))


# Shell


def typed(console: str) -> str:
    """Give what is typed in a terminal, without prompts and what is answered."""
    joined = console.replace("\\\n", " ")
    return "\n".join(line[2:] for line in joined.splitlines() if line.startswith("$ "))


def scripts() -> Iterator[tuple[str, str]]:
    """Give every shell script with the name of the page or file that it stands in."""
    for block in blocks("console"):
        yield block.page, typed(block.text)
    for job, content in loaded(".github/workflows/synthgate.yml")["jobs"].items():
        for step in content["steps"]:
            if "run" in step:
                yield f"GitHub, {job}", step["run"]
    for job, content in loaded(".gitlab-ci.yml").items():
        for part in ("before_script", "script", "after_script"):
            if isinstance(content, dict) and part in content:
                yield f"GitLab, {job}", "\n".join(content[part])
    for long, short in re.findall(r"\bsh (?:'''(.*?)'''|'([^'\n]*)')", ci_file("Jenkinsfile"), re.DOTALL):
        yield "Jenkins", (long or short).replace("\\\n", " ")


SCRIPTS = list(scripts())


def test_every_way_of_writing_a_script_is_found() -> None:
    found = {name.partition(",")[0] for name, _ in SCRIPTS}
    assert found >= {"README.md", "ci.md", "generators.md", "GitHub", "GitLab", "Jenkins"}
    assert len([name for name, _ in SCRIPTS if name == "Jenkins"]) == 4


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash to ask")
@pytest.mark.parametrize(("name", "script"), SCRIPTS, ids=[name for name, _ in SCRIPTS])
def test_a_shell_understands_every_script(name: str, script: str) -> None:
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), script


def test_pytest_takes_every_command_line(pytester: pytest.Pytester) -> None:
    lines = [arguments for _, script in SCRIPTS for arguments in RUN.findall(script.replace("\\\n", " "))]
    lines += [token.content.removeprefix("pytest") for token in spans() if re.match(r"pytest( |$)", token.content)]
    assert len(set(lines)) >= 10
    for arguments in sorted(set(lines)):
        result = pytester.runpytest_inprocess("--collect-only", "-pno:hypothesispytest", *shlex.split(arguments))
        assert result.ret in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED), arguments


def test_a_job_that_only_gates_installs_the_base_alone() -> None:
    jobs: dict[str, str] = {}
    for name, script in SCRIPTS:
        jobs[name] = jobs.get(name, "") + script + "\n"
    jobs["GitLab, gate"] += jobs.pop("GitLab, .judging")
    gating = [script for name, script in jobs.items() if "," in name and "--synth-results" in script]
    gating += [script for name, script in SCRIPTS if name == "Jenkins" and "--synth-results" in script]
    assert len(gating) == 6
    for script in gating:
        assert re.findall(r"pip install (.*)", script) in (["pytest-synthgate"], []), script
    assert sum("pip install" in script for script in gating) == 5


# Options


def spans(page: Path | None = None) -> list[Token]:
    return [token for each in PAGES if page in (None, each) for token in tokens(each) if token.type == "code_inline"]


def code(page: Path) -> Iterator[str]:
    for token in tokens(page):
        if token.type in ("fence", "code_inline"):
            yield token.content.replace("\\\n", " ")


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_option_of_the_plugin_that_a_page_names_exists(page: Path) -> None:
    parser = pytest.Parser(_ispytest=True)
    add_options(parser)
    known = {name for option in parser.getgroup("synthgate").options for name in option.names()}
    named = set(re.findall(r"--(?:no-)?synth-[a-z-]+", page.read_text("utf-8")))
    assert named - known == set()


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_command_and_option_of_synthgate_that_a_page_names_exists(page: Path) -> None:
    for text in code(page):
        for name, arguments in COMMAND.findall(text):
            assert name in main.commands, f"synthgate {name}"
            known = {opt for param in main.commands[name].params for opt in param.opts}
            named = set(re.findall(r"(?<!\S)--[a-z-]+", arguments))
            assert named - known - {"--help"} == set(), f"synthgate {name}{arguments}"


def test_commands_are_found_where_they_stand() -> None:
    text = "pip install pytest-synthgate now\n.venv/bin/synthgate measure --cache=x | tee\nname: synthgate\non:\n"
    assert COMMAND.findall(text) == [("measure", " --cache=x ")]


# Files


def linted(schema: str, file: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *more, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


LINTERS = {
    ".github/workflows/synthgate.yml": ("vendor.github-workflows", (), ("runs-on: ubuntu-latest", "run-on: ubuntu")),
    ".gitlab-ci.yml": ("vendor.gitlab-ci", ("--data-transform", "gitlab-ci"), ("when: always", "when: sometimes")),
}


@pytest.mark.parametrize("name", LINTERS)
def test_the_schema_of_its_maker_accepts_a_ci_file(tmp_path: Path, name: str) -> None:
    schema, more, (right, wrong) = LINTERS[name]
    text = ci_file(name)
    (tmp_path / "good.yml").write_text(text, "utf-8")
    (tmp_path / "bad.yml").write_text(text.replace(right, wrong), "utf-8")
    good = linted(schema, tmp_path / "good.yml", *more)
    assert good.returncode == 0, good.stdout
    assert linted(schema, tmp_path / "bad.yml", *more).returncode == 1


def groovy(text: str) -> tree_sitter.Node:
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_groovy.language()))
    return parser.parse(text.encode()).root_node


def test_the_jenkinsfile_is_groovy() -> None:
    text = ci_file("Jenkinsfile")
    assert not groovy(text).has_error
    for right in ("}", "'''", "("):
        assert groovy(text.replace(right, "", 1)).has_error, right


def test_every_stage_of_the_jenkinsfile_has_an_agent_and_steps() -> None:
    text = ci_file("Jenkinsfile")
    stages = re.split(r"^ {8}stage\(", text, flags=re.MULTILINE)[1:]
    assert len(stages) == 3
    for stage in stages:
        assert re.findall(r"^ {12}(agent|steps) \{", stage, re.MULTILINE) == ["agent", "steps"]


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_toml_is_toml(block: Block) -> None:
    assert tomllib.loads(block.text)


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_is_python(block: Block) -> None:
    compile(block.text, block.page, "exec")


# Links


def slug(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def headings(page: Path) -> set[str]:
    found = tokens(page)
    return {slug(after.content) for each, after in pairwise(found) if each.type == "heading_open"}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    for token in tokens(page):
        target = str(token.attrs.get("href", "")) if token.type == "link_open" else ""
        if not target or "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in headings(file), target


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {str(token.attrs.get("href")).partition("#")[0] for token in tokens(ROOT / "README.md")}
    assert {f"docs/{page.name}" for page in PAGES[1:]} - linked == set()
