"""The report of a run: written where it was asked for, with its pictures, and without those that are private."""

import json
import re
from pathlib import Path

import pytest

from pytest_synthgate.images.tree import OUTPUT_MARK

from .conftest import Project


@pytest.fixture
def album(project: Project) -> Project:
    """Forty real pictures, forty made ones, of which four are copies."""
    real = project.pictures("real", 40)
    made = project.pictures("made", 40, seed=1)
    for number in range(4):
        made[number].write_bytes(real[number].read_bytes())
    for path in real:
        path.rename(path.with_name(f"secret-{path.name}"))
    project.picture_spec("limits.unoriginal = 0.01")
    return project


def pictures(page: str) -> list[str]:
    return re.findall(r'<img src="([^"]+)"', page)


def test_a_folder_holds_the_page_the_stylesheet_and_the_pictures(album: Project) -> None:
    result = album.run("--synth-html=out/report")
    folder = album.path / "out" / "report"
    result.stdout.fnmatch_lines([f"report: {folder.as_posix()}"])
    page = (folder / "index.html").read_text("utf-8")
    assert "<h1>" in page
    assert "1 of 2 gates failed: &#39;a&#39; copies real images" in page
    assert len(pictures(page)) >= 8
    there = {each.name for each in (folder / "pictures").iterdir()}
    assert there == {OUTPUT_MARK, *(Path(each).name for each in pictures(page))}
    assert (folder / "style.css").stat().st_size


def test_a_file_holds_everything(album: Project) -> None:
    album.run("--synth-html=report.html")
    page = (album.path / "report.html").read_text("utf-8")
    assert len(pictures(page)) >= 8
    assert all(each.startswith("data:image/webp;base64,") for each in pictures(page))
    assert sorted(each.name for each in album.path.iterdir() if "report" in each.name) == ["report.html"]


def test_an_ini_sets_it_from_the_rootdir(album: Project) -> None:
    album.pytester.makeini("[pytest]\nsynth_html = site\nsynth_max_findings = 0\n")
    album.run()
    page = (album.path / "site" / "index.html").read_text("utf-8")
    assert 'class="finding"' not in page
    assert "4 without pictures" in page


def test_the_same_results_give_the_same_page_later(album: Project) -> None:
    album.run("--synth-html=now.html", "--synth-json=out.json")
    from click.testing import CliRunner

    from pytest_synthgate.cli import main

    result = CliRunner().invoke(
        main, ["report", str(album.path / "out.json"), "--html", str(album.path / "later.html")]
    )
    assert result.exit_code == 0, result.output
    assert (album.path / "later.html").read_bytes() == (album.path / "now.html").read_bytes()


def test_a_second_report_leaves_nothing_of_the_first_and_spares_what_is_not_its_own(album: Project) -> None:
    album.run("--synth-html=report")
    folder = album.path / "report"
    (folder / "pictures" / "mine.webp").write_bytes(b"mine")
    (folder / "notes.txt").write_text("mine")
    before = {each.name for each in (folder / "pictures").glob("*.webp")}
    album.run("--synth-html=report", "--synth-max-findings=0")
    after = {each.name for each in (folder / "pictures").glob("*.webp")}
    assert "mine.webp" in after
    assert (folder / "notes.txt").exists()
    assert len(after) < len(before)
    assert after - {"mine.webp", OUTPUT_MARK} == {
        Path(each).name for each in pictures((folder / "index.html").read_text("utf-8"))
    }


def test_private_photos_are_in_no_report(album: Project) -> None:
    result = album.run(
        "--synth-redact-real", "--synth-html=out/report", "--synth-json=out/results.json", "--junitxml=out/junit.xml"
    )
    assert "secret" not in result.stdout.str()
    for file in (album.path / "out").rglob("*"):
        assert file.is_dir() or b"secret" not in file.read_bytes(), file
    page = (album.path / "out" / "report" / "index.html").read_text("utf-8")
    assert "real photo left out" in page
    assert "real photos and their names are left out" in page
    assert pictures(page)  # the synthetic ones
    assert json.loads((album.path / "out" / "results.json").read_text("utf-8"))["specs"]["a"]["redacted"] is True


def test_a_report_of_stored_results_says_which_pictures_are_gone(album: Project) -> None:
    album.run("--synth-json=out.json")
    (album.path / "real").rename(album.path / "elsewhere")
    result = album.run("--synth-results=out.json", "--synth-html=report")
    result.stdout.fnmatch_lines([f"note: report: * of * pictures could not be read in {album.path.as_posix()}/real"])
    page = (album.path / "report" / "index.html").read_text("utf-8")
    assert re.search(rf"[1-9]\d* of \d+ pictures could not be read in {album.path.as_posix()}/real</p>", page)
    assert "picture not found" in page
    assert pictures(page)


def test_a_place_that_cannot_be_written_fails_the_run_in_a_line(album: Project) -> None:
    album.write("report", "a file")
    result = album.run("--synth-html=report/page", "--synth-json=out.json")
    result.stdout.fnmatch_lines(["report: *report/page/*: cannot be written (*); choose another file"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert (album.path / "out.json").exists()


def test_a_number_of_findings_that_is_none_is_refused(album: Project) -> None:
    result = album.run("--synth-max-findings=many")
    result.stderr.fnmatch_lines(["*synth_max_findings = 'many' is not valid; give a whole number from 0 up"])


@pytest.mark.parametrize("file", ["index.html", "style.css"])
def test_a_folder_of_somebody_else_is_left_alone(project: Project, file: str) -> None:
    project.specs("few")
    project.write(f"site/{file}", "about pytest-synthgate")
    result = project.run("--synth-html=site")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines([f"report: *site/{file}: is there, and no report of synthgate; name another place, *"])
    assert [each.name for each in (project.path / "site").iterdir()] == [file]
    assert (project.path / "site" / file).read_text() == "about pytest-synthgate"


def test_a_page_of_somebody_else_is_left_alone_and_ours_is_replaced(project: Project) -> None:
    project.specs("few")
    page = project.write("page.html", "mine")
    assert project.run("--synth-html=page.html").ret == pytest.ExitCode.USAGE_ERROR
    assert page.read_text() == "mine"
    for _ in range(2):
        assert project.run("--synth-html=ours.html", "--no-synth-strict").ret == pytest.ExitCode.OK
        assert project.run("--synth-html=ours", "--no-synth-strict").ret == pytest.ExitCode.OK
