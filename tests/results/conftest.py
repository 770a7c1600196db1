"""The result that the tests of reports have."""

from ..reports.conftest import result

__all__ = ["result"]
