"""The report's files: valid HTML with nothing in it that leads elsewhere."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from justhtml import Element, JustHTML

from pytest_synthgate.images.tree import OUTPUT_MARK

from .conftest import FILE, FOLDER

CHECKER = Path(__file__).parents[3] / ".tox/.checker/node_modules/vnu-jar/build/dist/vnu.jar"


@pytest.fixture(params=["kinds", "hostile"])
def report(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.getfixturevalue(request.param)
    return folder


def elements(path: Path, selector: str) -> list[Element]:
    found = JustHTML(path.read_text("utf-8"), sanitize=False, strict=True).query(selector)
    return [each for each in found if isinstance(each, Element)]


def values(path: Path, attribute: str) -> list[str]:
    return [each.attrs[attribute] or "" for each in elements(path, f"[{attribute}]")]


@pytest.mark.parametrize("form", [FOLDER, FILE])
def test_the_nu_checker_has_nothing_to_say(kinds: Path, form: str) -> None:
    assert checked(kinds / form) == []


@pytest.mark.parametrize("form", [FOLDER, FILE])
def test_hostile_texts_are_no_errors(hostile: Path, form: str) -> None:
    assert checked(hostile / form, "--errors-only") == []


def checked(path: Path, *options: str) -> list[tuple[str, str]]:
    """Let the Nu checker judge HTML and CSS; the policy is left to the browser, which knows where a file is served."""
    java = shutil.which("java")
    if java is None or not CHECKER.is_file():
        pytest.skip(f"needs java, and the checker from `npm install --prefix {CHECKER.parents[4]} vnu-jar`")
    form = ("--also-check-css", "--format", "json", "--stdout", "--filterpattern", ".*Content Security Policy.*")
    found = subprocess.run([java, "-jar", CHECKER, *form, *options, path], capture_output=True, check=False)
    return [(each["message"], each.get("extract", "")) for each in json.loads(found.stdout)["messages"]]


@pytest.mark.parametrize("form", [FOLDER, FILE])
def test_it_parses_without_one_error(report: Path, form: str) -> None:
    assert len(elements(report / form, "h1")) == 1
    assert elements(report / form, "html")[0].attrs["lang"] == "en"
    assert not elements(report / form, "script, iframe, object, embed, base, form, [style]")


@pytest.mark.parametrize("form", [FOLDER, FILE])
def test_every_link_leads_to_a_place_on_the_page(report: Path, form: str) -> None:
    places = values(report / form, "id")
    links = [each.attrs["href"] or "" for each in elements(report / form, "a")]
    assert len(places) == len(set(places))
    assert links
    assert {each.removeprefix("#") for each in links} <= set(places)


def test_the_folder_holds_what_the_page_shows_and_nothing_else(report: Path) -> None:
    home = report / Path(FOLDER).parent
    needed = {*values(home / "index.html", "src"), "index.html", "style.css", f"pictures/{OUTPUT_MARK}"}
    assert {each.relative_to(home).as_posix() for each in home.rglob("*") if each.is_file()} == needed


def test_the_file_needs_no_other(report: Path) -> None:
    assert not elements(report / FILE, "link")
    assert all(re.match(r"data:image/webp;base64,[\w+/]+=*$", each) for each in values(report / FILE, "src"))
    assert "url(" not in "".join(each.to_text() for each in elements(report / FILE, "style"))
