"""Hooks that others may implement, in a conftest.py or a plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_synthgate.features.encoders import Encoder


@pytest.hookspec(firstresult=True)
def pytest_synthgate_encoder(name: str) -> Encoder | None:
    """Give the encoder of that name, or None to leave it to somebody else.

    Args:
        name: What `encoder` in a spec file or `--synth-encoder` says.

    Returns:
        An `Encoder`: something with a name, a preprocessing, a dimension, a fingerprint and `encode`.
    """
