"""JUnit files: a test case for each gate, a contact sheet for each that failed, and links that CI systems follow."""

import re
import shutil
import xml.etree.ElementTree as ET  # written by this very run
from pathlib import Path

import pytest
from PIL import Image

from pytest_synthgate.images.folder import walk

from .conftest import Project
from .junit_rules import violations

LINK = re.compile(r"\[\[ATTACHMENT\|([^\[\]|]+)\]\]")  # as GitLab reads it
HOSTILE = "]] <script>\"'&amp;|[x\x1b\x07\u202e\uffff"


@pytest.fixture
def album(project: Project) -> Project:
    """A project in which two of 84 synthetic pictures are stolen, and none looks like another."""
    real = project.pictures("real", 64)
    project.pictures("made", 82, seed=1)
    for number, path in enumerate(real[:4:2]):
        shutil.copy(path, project.path / "made" / "a" / f"stolen-{number}.png")
    project.picture_spec("limits.unvaried = 0.05\nlimits.unoriginal = 0.01")
    return Project(project.pytester, project.data, project.path / "store")


def cases(project: Project, file: str = "out.xml") -> dict[str, ET.Element]:
    """Test case by name, of a file that keeps to the rules."""
    assert violations(project.path / file) == []
    return {case.get("name", ""): case for case in ET.parse(project.path / file).iter("testcase")}


def links(case: ET.Element) -> list[str]:
    """Give the paths of the pictures that a test case links, each on a line of its own."""
    output = "\n".join(each.text or "" for each in case.iter("system-out"))
    found = LINK.findall(output)
    assert output.count("ATTACHMENT") == len(found)
    assert {f"[[ATTACHMENT|{path}]]" for path in found} <= set(output.splitlines())
    return found


def properties(case: ET.Element) -> dict[str, str]:
    return {each.get("name", ""): each.get("value", "") for each in case.iter("property")}


def hooks(project: Project, text: str) -> None:
    """Add to what the project has pytest do."""
    project.write("conftest.py", (project.path / "conftest.py").read_text() + text)


def assert_jpeg(path: Path) -> None:
    with Image.open(path) as sheet:
        assert sheet.format == "JPEG"


def test_a_failed_gate_links_its_sheet_and_no_other_case_does(album: Project) -> None:
    album.run("--junitxml=reports/out.xml").assert_outcomes(passed=3, failed=1)
    found = cases(album, "reports/out.xml")
    assert {name: links(case) for name, case in found.items() if links(case)} == {
        "unoriginal": ["reports/out-images/a-unoriginal.sheet.jpg"]
    }
    assert_jpeg(album.path / "reports/out-images/a-unoriginal.sheet.jpg")
    assert [each.name for each in (album.path / "reports").rglob("*.jpg")] == ["a-unoriginal.sheet.jpg"]


def test_each_gate_is_one_case_with_its_numbers(album: Project) -> None:
    album.run("--junitxml=out.xml")
    found = cases(album)
    assert set(found) == {"images", "unvaried", "unoriginal", "unreadable"}
    assert properties(found["images"]) == {}
    gate = properties(found["unoriginal"])
    known = {"spec": "a", "gate": "unoriginal", "limit": "0.01", "n": "84", "flagged": "2", "verdict": "failed"}
    assert {f"synthgate_{name}": value for name, value in known.items()}.items() <= gate.items()
    assert float(gate["synthgate_score"]) == pytest.approx(2 / 84, abs=1e-5)


def test_two_processes_link_what_one_does(album: Project) -> None:
    album.run("--junitxml=one.xml")
    album.run_apart("-n2", "--junitxml=two.xml").assert_outcomes(passed=3, failed=1)
    one, two = (cases(album, f"{name}.xml") for name in ("one", "two"))
    assert {name: properties(case) for name, case in one.items()} == {
        name: properties(case) for name, case in two.items()
    }
    (first,), (second,) = (links(found["unoriginal"]) for found in (one, two))
    assert (album.path / first).read_bytes() == (album.path / second).read_bytes()


# Where a link leads


def test_gitlab_gets_a_path_from_the_root_of_its_project(album: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI_PROJECT_DIR", str(album.path.parent))
    album.run("--junitxml=out.xml")
    (link,) = links(cases(album)["unoriginal"])
    assert link == f"{album.path.name}/out-images/a-unoriginal.sheet.jpg"
    assert_jpeg(album.path.parent / link)


def test_jenkins_gets_an_absolute_path(album: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI_PROJECT_DIR", str(album.path.parent))
    monkeypatch.setenv("JENKINS_URL", "https://jenkins.example/")
    album.run("--junitxml=out.xml")
    (link,) = links(cases(album)["unoriginal"])
    assert Path(link).is_absolute()
    assert_jpeg(Path(link))


def test_a_file_is_found_where_pytest_puts_it(album: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", str(album.path / "elsewhere"))
    album.run("--junitxml=$PLACE/out.xml")
    (link,) = links(cases(album, "elsewhere/out.xml")["unoriginal"])
    assert_jpeg(album.path / link)


# Names


def test_no_name_breaks_the_file_or_a_link(album: Project) -> None:
    for side in ("real", "made"):
        (album.path / side / "a").rename(album.path / side / HOSTILE)
    stolen = album.path / "made" / HOSTILE / "stolen-0.png"
    stolen.rename(stolen.with_name(f"{HOSTILE}.png"))
    album.picture_spec("limits.unoriginal = { max = 0.01, per_class = true }")
    album.run("--junitxml=]] [x] & y.xml")
    found = cases(album, "]] [x] & y.xml")
    linked = [each for case in found.values() for each in links(case)]
    assert linked
    for link in linked:
        assert_jpeg(album.path / link)


def test_names_that_differ_by_what_a_file_cannot_have_get_two_sheets(album: Project) -> None:
    for name, new in (("a", "x?"), ("b", "X*")):
        for side in ("real", "made"):
            (album.path / side / name).rename(album.path / side / new)
    (album.path / "made" / "x?" / "stolen-0.png").rename(album.path / "made" / "X*" / "stolen-0.png")
    album.picture_spec("limits.unoriginal = { max = 0.01, per_class = true }")
    album.run("--junitxml=out.xml").assert_outcomes(passed=2, failed=2)
    linked = [each for case in cases(album).values() for each in links(case)]
    assert len({each.casefold() for each in linked}) == len(linked) == 2
    for link in linked:
        assert_jpeg(album.path / link)


# What gets none


def test_a_run_without_a_failed_gate_leaves_the_file_as_pytest_wrote_it(album: Project) -> None:
    album.picture_spec("limits.unoriginal = 0.5")
    album.run("--junitxml=out.xml").assert_outcomes(passed=3)
    assert (album.path / "out.xml").read_bytes().startswith(b'<?xml version="1.0" encoding="utf-8"?><testsuites')
    assert not (album.path / "out-images").exists()


def test_a_known_failure_gets_no_sheet(album: Project) -> None:
    album.picture_spec("limits.unoriginal = 0.01\nxfail.unoriginal = 'known'")
    album.run("--junitxml=out.xml").assert_outcomes(passed=2, xfailed=1)
    assert not (album.path / "out-images").exists()


def test_what_stays_undecided_gets_a_sheet_where_it_fails(album: Project) -> None:
    for path in sorted((album.path / "made").rglob("0*.png"))[10:]:
        path.unlink()
    album.picture_spec("limits.unoriginal = 0.5")  # of 12 images
    album.run("--junitxml=out.xml", "-k", "unoriginal").assert_outcomes(passed=1, warnings=1)
    assert not links(cases(album)["unoriginal"])
    album.run("--junitxml=out.xml", "-k", "unoriginal", "--synth-strict").assert_outcomes(failed=1)
    assert links(cases(album)["unoriginal"])


def test_vectors_have_no_pictures(project: Project) -> None:
    project.specs("collapsed")
    project.run("--junitxml=out.xml").assert_outcomes(passed=3, failed=1)
    assert not any(links(case) for case in cases(project).values())


def test_without_a_junit_file_nothing_is_drawn(album: Project) -> None:
    before = set(album.path.iterdir())
    album.run().assert_outcomes(passed=3, failed=1)
    assert set(album.path.iterdir()) - before <= {album.cache, album.path / ".pytest_cache", album.path / "__pycache__"}


# Runs of other kinds


def test_a_gate_that_is_checked_in_code_links_its_sheet_too(album: Project) -> None:
    album.write("test_it.py", "def test_it(synth_gate): synth_gate.check()")
    album.run("test_it.py", "--junitxml=out.xml").assert_outcomes(failed=1)
    assert links(cases(album)["test_it[a]"]) == ["out-images/a-unoriginal.sheet.jpg"]


def test_stored_measurements_show_pictures_that_are_still_there(album: Project) -> None:
    album.run("--synth-json=measured.json")
    album.run("--synth-results=measured.json", "--junitxml=out.xml").assert_outcomes(passed=3, failed=1)
    assert links(cases(album)["unoriginal"])
    shutil.rmtree(album.path / "made")
    shutil.rmtree(album.path / "real")
    album.run("--synth-results=measured.json", "--junitxml=out.xml").assert_outcomes(passed=3, failed=1)
    assert not links(cases(album)["unoriginal"])


def test_real_photos_can_be_left_out(album: Project) -> None:
    album.run("--junitxml=shown.xml")
    album.run("--junitxml=out.xml", "--synth-redact-real")
    sheets = [album.path / f"{name}-images" / "a-unoriginal.sheet.jpg" for name in ("shown", "out")]
    assert [sheet.exists() for sheet in sheets] == [True, False]  # on either side of each pair is a private photo
    assert not links(cases(album)["unoriginal"])
    assert "real/" not in (album.path / "out.xml").read_text("utf-8")


def test_sheets_are_no_part_of_a_set_that_they_lie_in(album: Project) -> None:
    album.run("--junitxml=reports/out.xml")
    assert walk(album.path / "reports")[0] == ()


def test_sheets_of_an_earlier_run_are_removed_and_nothing_else(album: Project) -> None:
    album.run("--junitxml=out.xml")
    album.write("out-images/mine.jpg", "")
    album.picture_spec("limits.unoriginal = 0.5")
    album.run("--junitxml=out.xml")
    assert [each.name for each in (album.path / "out-images").iterdir()] == ["mine.jpg"]


def test_what_a_test_printed_stays_in_one_element(album: Project) -> None:
    album.write(
        "conftest.py", (album.path / "conftest.py").read_text() + "\ndef pytest_runtest_call(): print('hello')\n"
    )
    album.run("--junitxml=out.xml", "-ojunit_logging=all")
    (output,) = cases(album)["unoriginal"].iter("system-out")
    assert "hello" in (output.text or "")
    assert links(cases(album)["unoriginal"])


# Failures


def test_a_sheet_that_cannot_be_written_is_told_and_changes_nothing_else(album: Project) -> None:
    album.write("out-images", "not a folder")
    result = album.run("--junitxml=out.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["contact sheets: *out-images*"])
    assert not any(links(case) for case in cases(album).values())


def test_a_file_that_is_no_xml_is_left_alone(album: Project) -> None:
    hooks(
        album,
        """
import pytest

@pytest.hookimpl(trylast=True)
def pytest_sessionfinish():
    with open("out.xml", "w") as file:
        file.write("<")
""",
    )
    result = album.run("--junitxml=out.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["contact sheets: *out.xml: no pictures linked from it (*)"])
    assert (album.path / "out.xml").read_text() == "<"


def test_an_error_of_any_kind_while_drawing_is_told(album: Project) -> None:
    hooks(
        album,
        """
from pytest_synthgate.reports import contact_sheet

def broken(*args):
    raise ImportError("no font \\x1b[31m")

def pytest_collection_finish():
    contact_sheet.contact_sheet = broken
""",
    )
    result = album.run_apart("--junitxml=out.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["contact sheets: no font \\u001b*"])
