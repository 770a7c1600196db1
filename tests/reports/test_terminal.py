"""The table as a terminal shows it."""

from pytest_synthgate.reports.table import rows
from pytest_synthgate.reports.terminal import table

from .conftest import judged


def test_columns_are_aligned() -> None:
    lines = ["".join(cell.text for cell in row) for row in table({"a": judged(), "a long name": judged()})]
    assert len({text.rindex("[") for text in lines[1:3]}) == 1
    assert [text for text in lines if text != text.rstrip()] == []


def test_no_line_ends_in_space_where_a_last_column_is_empty() -> None:
    found = table({"a": judged(unreadable=0), "b": judged()})
    lines = ["".join(cell.text for cell in row) for row in found]
    assert lines[1].endswith("  unreadable FAIL")
    assert [text for text in lines if text != text.rstrip()] == []


def test_nothing_but_space_is_added() -> None:
    results = {"a": judged(unvaried=0.05), "a long name": judged()}
    assert [[cell.text.rstrip() for cell in row] for row in table(results)] == [
        [cell.text for cell in row] for row in rows(results)
    ]
