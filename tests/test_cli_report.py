"""`synthgate report`: results files rendered later, several as one."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pytest_synthgate import Finding
from pytest_synthgate.cli import main
from pytest_synthgate.results.file import write_results
from pytest_synthgate.results.image_files import ImageFiles
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.tracking.history import append, history_rows
from pytest_synthgate.tracking.provenance import Provenance

from .reports.conftest import judged, measured


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results of two shards."""
    monkeypatch.chdir(tmp_path)
    copied = Finding("a.png", "sha256:1", "synthetic", "unoriginal", "exact", 0.0, "secret.jpg", "real", "sha256:2")
    write_results(Path("one.json"), {"a": judged(unvaried=0.05)})
    write_results(
        Path("two.json"),
        {
            "b": SpecResult(
                measured(findings=(replace(copied, digest=f"sha256:{1:064}", twin_digest=f"sha256:{2:064}"),))
            )
        },
    )
    return tmp_path


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["report", *args], catch_exceptions=False)


def test_shards_are_rendered_as_one() -> None:
    result = run("one.json", "two.json", "--html", "site", "--markdown", "note.md")
    assert result.exit_code == 0
    assert result.stdout == "written: site\nwritten: note.md\n"
    page = Path("site/index.html").read_text("utf-8")
    assert page.index('id="spec-1-name">a<') < page.index('id="spec-2-name">b<')
    assert "secret.jpg" in page
    assert "1 of 1 gate failed: 'a' repeats itself" in Path("note.md").read_text("utf-8")


def test_real_photos_can_be_left_out_later() -> None:
    assert run("two.json", "--html", "page.html", "--redact-real").exit_code == 0
    assert "secret" not in Path("page.html").read_text("utf-8")


def test_how_many_findings_have_pictures_can_be_said() -> None:
    run("one.json", "--html", "page.html", "--max-findings", "1")
    assert Path("page.html").read_text("utf-8").count('class="finding"') == 1


def test_pictures_that_are_gone_are_counted_with_the_folder_they_were_looked_for_in(here: Path) -> None:
    images = {"synthetic": ImageFiles(here / "made")}
    write_results(Path("one.json"), {"a": replace(judged(unvaried=0.05), images=images)})
    result = run("one.json", "--html", "site")
    assert result.stderr == f"2 of 2 pictures could not be read in {(here / 'made').as_posix()}\n"
    assert result.stderr.strip() in Path("site/index.html").read_text("utf-8")


def test_a_folder_of_pictures_is_not_put_into_an_image_set_and_a_page_may_be(here: Path) -> None:
    (here / "made").mkdir()
    listed = replace(judged(), images={"synthetic": ImageFiles(here / "made")}, declared={"images": "made"})
    write_results(Path("one.json"), {"a": listed})
    refused = run("one.json", "--html", "made/site")
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert "lies in the image set" in refused.stderr
    assert run("one.json", "--html", "made/page.html", "--markdown", "made/note.md").exit_code == 0
    table = replace(listed, images={"synthetic": ImageFiles(here)}, declared={"images": "made.csv"})
    write_results(Path("one.json"), {"a": table})
    assert run("one.json", "--html", "site").exit_code == 0


def test_damaged_rows_of_a_history_are_told(here: Path) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    append(here / "history.jsonl", history_rows({"a": judged()}, Provenance(), now))
    with (here / "history.jsonl").open("a") as file:
        file.write("{damaged\n")
    result = run("one.json", "--html", "page.html", "--history", "history.jsonl")
    assert result.stderr.startswith("history.jsonl: line 2: ")
    assert result.stderr.strip() in Path("page.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["one.json"], "nothing to write; give --html=DIR, --html=FILE.html or --markdown=FILE"),
        (["one.json", "one.json", "--html", "site"], "one.json: spec 'a' is in one.json too; give each spec once"),
        (["none.json", "--html", "site"], "none.json: No such file or directory"),
        (["one.json", "--html", "site", "--history", "none.jsonl"], "none.jsonl: No such file or directory"),
        (["one.json", "--html", "one.json/site"], "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_an_error_of_one_line(args: list[str], text: str) -> None:
    result = run(*args)
    assert result.exit_code == 2
    assert text in result.stderr
    assert result.stderr.count("\n") == 1


def test_results_of_a_later_version_are_refused() -> None:
    Path("later.json").write_text(json.dumps({"schema": 2, "package": "9", "specs": {}}), "utf-8")
    assert "schema 2, this version reads 1" in run("later.json", "--html", "site").stderr
