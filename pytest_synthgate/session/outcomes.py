"""How verdicts and errors of this package become outcomes of tests: failures in words, warnings, nothing else.

Part of the plugin.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from pytest_synthgate.errors import SynthgateError, SynthgateWarning

if TYPE_CHECKING:
    from pytest_synthgate.gating.gates import Verdict
    from pytest_synthgate.spec.model import Spec


class GateFailure(Exception):  # noqa: N818 (a verdict, not an error)
    """A gate failed; the text explains it."""


def obstruction(item: pytest.Item, call: pytest.CallInfo[None]) -> str | None:
    """Say in a line what kept an item of a spec file from a verdict."""
    if call.excinfo is None or not hasattr(item, "spec") or call.excinfo.errisinstance(GateFailure):
        return None
    text = str(call.excinfo.value).partition("\n")[0]
    return text if isinstance(call.excinfo.value, (SynthgateError, pytest.fail.Exception)) else call.excinfo.exconly()


@contextmanager
def plainly() -> Iterator[None]:
    """Turn this package's own errors into failures without a traceback, for tests in code."""
    try:
        yield
    except SynthgateError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


def announce(node: pytest.Item, spec: Spec, verdict: Verdict) -> None:
    """Warn on behalf of a gate that passes with reservations."""
    if verdict.warns:
        from pytest_synthgate.text.printable import visible

        node.warn(SynthgateWarning(visible(f"{spec.name}: {verdict.name} {verdict.verdict}: {verdict.reason}")))
