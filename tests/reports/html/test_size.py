"""A report of very many findings: small, with pictures of the worst, and silent about none."""

from pathlib import Path

import pytest
from justhtml import JustHTML

from .conftest import FILE, FOLDER, rendered
from .samples import many


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rendered(tmp_path_factory.mktemp("many"), many)


def test_both_forms_keep_within_five_megabytes(report: Path) -> None:
    files = [each for each in (report / FOLDER).parent.rglob("*") if each.is_file()]
    assert len(files) > 200
    assert sum(each.stat().st_size for each in files) < 5e6
    assert (report / FILE).stat().st_size < 5e6


def test_two_hundred_findings_have_pictures_and_the_others_are_named(report: Path) -> None:
    page = JustHTML((report / FOLDER).read_text("utf-8"), sanitize=False)
    assert len(page.query("figure.finding")) == 200
    assert len(page.query("figure.finding img")) == 400
    text = page.to_text()
    assert [row for row in range(5000) if f"/{row:05}.png" not in text] == []
