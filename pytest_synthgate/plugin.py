"""Hooks, options and fixtures: the last station of the flow, and the only one that pytest knows.

Each hook is a few lines that delegate. What takes time to import waits for a spec file, or for an option, a fixture or
a comparison of ours, so that a run without them pays nothing.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_synthgate import hookspec
from pytest_synthgate.session.current import begun_run, run_of, used_run
from pytest_synthgate.session.declaring import add_options, are_used, is_named, taken_for_a_root
from pytest_synthgate.spec.discovery import is_spec_file

if TYPE_CHECKING:
    from pytest_synthgate.images.sets import ImageSet
    from pytest_synthgate.scores.measurement import Measurement
    from pytest_synthgate.session.outcomes import SynthGate
    from pytest_synthgate.spec.model import Spec


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks that others may implement."""
    pluginmanager.add_hookspecs(hookspec)


def pytest_configure(config: pytest.Config) -> None:
    """Check the options, declare the marker, and listen to reports where they all arrive."""
    if are_used(config):
        from pytest_synthgate.session.options import read_options

        read_options(config)  # an ini that cannot be meant is a usage error, whatever is collected
    config.addinivalue_line("markers", "synth(*names): run the test once for each of these specs, not for all")
    if config.getoption("synth_prompts") and hasattr(config.option, "dist"):
        config.option.dist = "no"  # read by xdist after this: workers would collect what is to be printed here
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Receiver(config), "synthgate-receiver")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say when a word of the command line went astray."""
    if (astray := taken_for_a_root(config)) is None:
        return None
    from pytest_synthgate.text.printable import visible

    return visible(f"synthgate: {astray}")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect spec files, and TOML files named on the command line."""
    config = parent.config
    matches = is_spec_file(file_path, config.rootpath, config.getini("synth_files"))
    named = (matches or file_path.suffix == ".toml") and is_named(file_path, config)
    if not matches and not named:
        return None
    from pytest_synthgate.session.items import SpecFile

    return SpecFile.from_parent(parent, path=file_path, named=named)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Print the prompts and run nothing, when asked to."""
    if not session.config.getoption("synth_prompts"):
        return None
    from pytest_synthgate.session.summary import write_prompts

    write_prompts(session)
    return True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for a spec once per declared spec."""
    if "synth_spec" in metafunc.fixturenames:
        from pytest_synthgate.session.outcomes import chosen_specs

        specs = chosen_specs(metafunc, run_of(metafunc.config).project.catalogue)
        metafunc.parametrize("synth_spec", specs, ids=[spec.name for spec in specs], indirect=True, scope="session")


@pytest.fixture(scope="session")
def synth_spec(request: pytest.FixtureRequest) -> Spec:
    """The spec under test, with what the command line overrides; the test is skipped when it cannot be judged.

    Example:
        def test_prompts(synth_spec):
            assert synth_spec.per_prompt is None or synth_spec.per_prompt >= 30
    """
    run_of(request.config).require(request.param)
    spec: Spec = request.param
    return spec


@pytest.fixture(scope="session")
def real_dataset(request: pytest.FixtureRequest, synth_spec: Spec) -> ImageSet:
    """The real images that the spec is judged against, listed, not decoded.

    Example:
        def test_enough_photos(real_dataset):
            assert min(real_dataset.class_counts().values()) >= 30
    """
    return run_of(request.config).images(synth_spec, "real")


@pytest.fixture(scope="session")
def synth_dataset(request: pytest.FixtureRequest, synth_spec: Spec) -> ImageSet:
    """The synthetic images of the spec, listed, not decoded.

    Example:
        def test_all_classes(real_dataset, synth_dataset):
            assert set(synth_dataset.class_counts()) == set(real_dataset.class_counts())
    """
    return run_of(request.config).images(synth_spec, "synthetic")


@pytest.fixture(scope="session")
def synth_scores(request: pytest.FixtureRequest, synth_spec: Spec) -> Measurement:
    """The measurement of the spec, whatever its limits.

    Example:
        def test_realism(synth_scores):
            assert_scores(synth_scores, unvaried=0.05, unoriginal=0.0)
            assert synth_scores <= Limits(unrealistic=0.9)
    """
    from pytest_synthgate.session.outcomes import plainly

    with plainly():
        return run_of(request.config).project.measurement(synth_spec)


@pytest.fixture
def synth_gate(request: pytest.FixtureRequest, synth_spec: Spec) -> SynthGate:
    """The spec's own limits; `check()` fails the test when one is exceeded.

    Example:
        def test_snacks(synth_gate):
            synth_gate.check()
    """
    from pytest_synthgate.session.outcomes import SynthGate

    return SynthGate(request.node, run_of(request.config), synth_spec)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explain `assert synth_scores <= Limits(...)`."""
    if op != "<=" or type(right).__module__ != "pytest_synthgate.spec.limits":
        return None
    from pytest_synthgate.session.outcomes import explain_comparison

    return explain_comparison(left, right)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach what is known about the item's spec to its report, as plain JSON."""
    report = yield
    # Whether an exception fails the item is said by the report: it may be expected.
    run = begun_run(item.config)
    if run is not None and (parcel := run.parcel_of(item, call, failed=report.failed)):
        report.synthgate = parcel  # type: ignore[attr-defined]  # reports carry what is set on them
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, Any]:
    """Attach why a spec file has no items to its report, for nothing else will tell the controller."""
    report = yield
    if report.failed and (run := begun_run(collector.config)) is not None:
        report.synthgate = run.parcel_of_broken(collector, report)  # type: ignore[attr-defined]
    return report


class _Receiver:
    """Takes in what reports carry, on the controller; the hook itself does not tell whose reports they are."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: Any) -> None:
        parcel = getattr(report, "synthgate", None)
        if parcel is None and report.when == "???":  # xdist's own, of a worker that died
            parcel = run_of(self.config).parcel_of_crashed(report.nodeid)
        if parcel is not None:
            run_of(self.config).receiver.receive(parcel, report.duration)

    def pytest_collectreport(self, report: Any) -> None:
        if (parcel := getattr(report, "synthgate", None)) is not None:
            run_of(self.config).receiver.receive(parcel, 0.0)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the table."""
    if (run := used_run(config)) is not None:
        from pytest_synthgate.session.summary import write_summary

        write_summary(terminalreporter, run)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """Write the results, and the pictures of the JUnit file that pytest has written by then."""
    outcome = yield
    if (run := used_run(session.config)) is not None and not hasattr(session.config, "workerinput"):
        from pytest_synthgate.session.outputs import attach_sheets, write_files

        write_files(session, run)
        attach_sheets(run)
    return outcome


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of the store."""
    if (run := begun_run(config)) is not None:
        run.project.close()
