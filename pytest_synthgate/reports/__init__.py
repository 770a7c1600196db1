"""Everything that is rendered from results, each report in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from pytest_synthgate.results.result import SpecResult

Results: TypeAlias = Mapping[str, SpecResult]
"""Result by spec name, in the order of the table."""
