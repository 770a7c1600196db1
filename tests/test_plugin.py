"""The plugin as pytest sees it: thin, typed to the hooks it names, and gone when it is switched off."""

import ast
import inspect
from pathlib import Path

import pytest
from _pytest import hookspec as pytest_hooks

from pytest_synthgate import hookspec, plugin

FIXTURES = ("synth_spec", "real_dataset", "synth_dataset", "synth_scores", "synth_gate")


def test_every_hook_of_the_plugin_is_one_of_pytest() -> None:
    assert {name for name in vars(plugin) if name.startswith("pytest_")} <= set(dir(pytest_hooks))


def test_every_function_of_the_plugin_is_a_few_lines() -> None:
    tree = ast.parse(Path(plugin.__file__).read_text("utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert [node.name for node in functions if len(node.body) > 7] == []


@pytest.mark.parametrize("name", FIXTURES)
def test_every_fixture_is_listed_with_its_use(pytester: pytest.Pytester, name: str) -> None:
    result = pytester.runpytest_inprocess("--fixtures", "-v", "-pno:hypothesispytest", "-pno:anyio")
    text = result.stdout.str()
    assert f"\n{name} " in text
    assert "Example:" in text[text.index(f"\n{name} ") :][:800]


def test_a_hook_of_ours_that_is_misspelt_is_an_error(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("def pytest_synthgate_encoders(name): pass")
    result = pytester.runpytest_inprocess("-pno:hypothesispytest", "-pno:anyio")
    assert result.ret != pytest.ExitCode.OK
    assert "unknown hook 'pytest_synthgate_encoders'" in result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize("hook", [name for name in vars(hookspec) if name.startswith("pytest_")])
def test_every_hook_is_documented(hook: str) -> None:
    text = inspect.getdoc(getattr(hookspec, hook)) or ""
    assert "Args:" in text
    assert "Returns:" in text


def test_without_the_plugin_spec_files_are_nothing(pytester: pytest.Pytester) -> None:
    pytester.makefile(".toml", synth_x="[spec.a]\nimages = 'x'")
    result = pytester.runpytest_inprocess("-pno:synthgate", "-pno:hypothesispytest", "-pno:anyio")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
