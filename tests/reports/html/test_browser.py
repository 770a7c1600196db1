"""The report as a browser shows it: quiet, complete, within its window, and open to everybody."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import pytest

from pytest_synthgate.text.printable import visible

from .conftest import FILE, FOLDER, Visiting
from .samples import HOSTILE

if TYPE_CHECKING:
    from playwright.sync_api import Page

WIDTHS = (360, 768, 1440)
SCHEMES = ("light", "dark")
PAPER = 718
"""Width of the page box of A4 paper with margins of a centimetre, in CSS pixels."""

MOST_PAGES = 30
"""On paper, of the eight specs of the sample."""

OPEN_ALL = "for (const each of document.querySelectorAll('details')) each.open = true"
OVERFLOWING = r"""() => {
    const scrolls = each => ['auto', 'scroll'].includes(getComputedStyle(each).overflowX)
    const within = each => each !== null && (scrolls(each) || within(each.parentElement))
    const cuts = each => ['hidden', 'clip'].includes(getComputedStyle(each).overflowX)
    const width = document.documentElement.clientWidth
    const found = [...document.body.querySelectorAll('*')].filter(each => {
        const box = each.getBoundingClientRect()
        if (box.width <= 1 || box.height <= 1 || each.ownerSVGElement || within(each.parentElement)) return false
        if (cuts(each) && each.scrollWidth > each.clientWidth + 1) return true
        return box.right > width + 0.5 || box.left < -0.5 && box.right > 0
    }).map(each => each.outerHTML.replace(/\s+/g, ' ').slice(0, 120))
    return document.documentElement.scrollWidth > width ? ['the page', ...found] : found
}"""
HIDDEN_PICTURES = """async () => {
    for (const each of document.images) each.loading = 'eager'
    await Promise.allSettled([...document.images].map(each => each.decode()))
    return [...document.images].filter(each => !each.naturalWidth || !each.alt.trim()).map(each => each.outerHTML)
}"""
WORDS = "[...document.querySelectorAll('*')].flatMap(each => [each.tagName, ...each.getAttributeNames()])"
STOPS = "a[href], area[href], summary, button, input, select, textarea, [tabindex='0']"
REACHABLE = "found => [...found.keys()].filter(each => found[each].checkVisibility())"
FOCUSED = """stops => {
    const each = document.activeElement, style = getComputedStyle(each), box = each.getBoundingClientRect()
    return {
        stop: [...document.querySelectorAll(stops)].indexOf(each),
        ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0,
        seen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
        html: each.outerHTML.slice(0, 120),
    }
}"""


@pytest.fixture(params=["served folder", "opened folder", "served file", "opened file"])
def form(request: pytest.FixtureRequest, address: str, kinds: Path) -> str:
    how, what = request.param.split()
    return f"{address if how == 'served' else kinds.as_uri()}/{FOLDER if what == 'folder' else FILE}"


def overflowing(page: Page, width: int) -> str:
    """List what is wider than the window, a line each."""
    page.set_viewport_size({"width": width, "height": 900})
    return "".join(f"\n{width}: {each}" for each in page.evaluate(OVERFLOWING))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_without_scripts_it_is_quiet_and_keeps_within_its_window(visit: Visiting, form: str, scheme: str) -> None:
    found = visit(form, scheme=scheme, scripts=False)
    assert "".join(overflowing(found.page, width) for width in WIDTHS) == ""
    found.page.evaluate(OPEN_ALL)
    assert "".join(overflowing(found.page, width) for width in WIDTHS) == ""
    assert found.complaints == []


def test_every_picture_loads_and_has_a_text_in_its_place(visit: Visiting, form: str) -> None:
    found = visit(form)
    assert found.page.locator("img").count() > 100
    assert found.page.evaluate(HIDDEN_PICTURES) == []
    assert found.complaints == []


def test_pictures_that_cannot_be_shown_are_said(visit: Visiting, form: str) -> None:
    page = visit(form).page
    assert page.get_by_text("picture not found", exact=True).count() >= 2
    assert page.get_by_text("real photo left out", exact=True).count() >= 10


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1440), ("light", 360)])
def test_axe_finds_nothing_serious(visit: Visiting, address: str, scheme: str, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = visit(f"{address}/{FOLDER}", scheme=scheme, width=width, lenient=True).page
    page.evaluate(OPEN_ALL)
    violations: list[dict[str, Any]] = Axe().run(page).response["violations"]
    serious = [each for each in violations if each["impact"] in ("serious", "critical")]
    assert [(each["id"], each["nodes"][0]["failureSummary"], each["nodes"][0]["html"]) for each in serious] == []


def test_light_is_light_and_dark_is_dark(visit: Visiting, address: str) -> None:
    light, dark = (colours(visit(f"{address}/{FOLDER}", scheme=scheme).page) for scheme in SCHEMES)
    assert light["text"] < 60 < 200 < light["page"]
    assert dark["page"] < 60 < 200 < dark["text"]


def colours(page: Page) -> dict[str, float]:
    """Measure how light text and page are, 0 to 255."""
    found = page.evaluate("(style => [style.color, style.backgroundColor])(getComputedStyle(document.body))")
    text, ground = (fmean(map(int, re.findall(r"\d+", each)[:3])) for each in found)
    return {"text": text, "page": ground}


def test_the_headings_are_in_order(visit: Visiting, address: str) -> None:
    headings = visit(f"{address}/{FOLDER}").page.locator("h1, h2, h3, h4, h5, h6")
    levels = [int(each[1]) for each in headings.evaluate_all("found => found.map(each => each.tagName)")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("width", [WIDTHS[0], WIDTHS[-1]])
def test_tab_reaches_everything_in_order_and_shows_where_it_is(visit: Visiting, address: str, width: int) -> None:
    page = visit(f"{address}/{FOLDER}", width=width).page
    expected = page.locator(STOPS).evaluate_all(REACHABLE)
    assert expected
    reached: list[int] = []
    for _ in range(3 * len(expected)):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED, STOPS)
        if focused["stop"] < 0:  # a region that scrolls, or past the end
            continue
        assert focused["ring"], focused["html"]
        assert focused["seen"], focused["html"]
        reached.append(focused["stop"])
        if focused["stop"] == expected[-1]:
            break
    assert reached == expected


def test_a_details_opens_by_the_keyboard(visit: Visiting, address: str) -> None:
    page = visit(f"{address}/{FOLDER}", scripts=False).page
    summary = page.locator("summary").first
    summary.press("Enter")
    assert page.locator("details").first.get_attribute("open") is not None


@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_prints_dark_on_light_and_is_not_cut(visit: Visiting, address: str, scheme: str) -> None:
    page = visit(f"{address}/{FOLDER}", scheme=scheme).page
    page.emulate_media(media="print")
    assert colours(page)["text"] < 60 < 200 < colours(page)["page"]
    assert overflowing(page, PAPER) == ""
    broken = "found => found.filter(each => getComputedStyle(each).breakInside !== 'avoid').map(each => each.outerHTML)"
    assert page.locator("main figure, main tr").evaluate_all(broken) == []
    printed = page.pdf(format="A4", margin={"top": "1cm", "right": "1cm", "bottom": "1cm", "left": "1cm"})
    assert printed.startswith(b"%PDF-")
    assert 8 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= MOST_PAGES


def test_what_is_closed_stays_closed_on_paper_and_commands_do_not_vanish(visit: Visiting, address: str) -> None:
    page = visit(f"{address}/{FOLDER}").page
    page.emulate_media(media="print")
    shown = page.locator("details > :not(summary)").evaluate_all("found => found.map(each => each.checkVisibility())")
    assert shown
    assert not any(shown)
    assert page.locator(".command:visible").count() > 0


@pytest.mark.parametrize("width", [WIDTHS[0], WIDTHS[1], PAPER])
def test_the_scores_are_a_table_at_every_width(visit: Visiting, address: str, width: int) -> None:
    page = visit(f"{address}/{FOLDER}", width=width).page
    if width == PAPER:
        page.emulate_media(media="print")
    parts = page.locator("table.scores, table.scores tr, table.scores td, table.scores th")
    shown = "found => [...new Set(found.map(each => getComputedStyle(each).display))].sort()"
    assert parts.evaluate_all(shown) == ["table", "table-cell", "table-row"]
    frame = page.get_by_role("region", name="Table of scores")
    frame.focus()
    inner, outer = frame.evaluate("each => [each.scrollWidth, each.clientWidth]")
    assert (inner > outer) == (width == WIDTHS[0])


def test_a_section_leads_back_to_the_scores_and_the_top_to_every_section(visit: Visiting, address: str) -> None:
    page = visit(f"{address}/{FOLDER}").page
    specs = page.locator("section.spec").evaluate_all("found => found.map(each => `#${each.id}`)")
    links = page.get_by_role("navigation", name="Specs").locator("a")
    assert links.evaluate_all("found => found.map(each => each.getAttribute('href'))") == specs
    assert page.locator("section.spec .back a[href='#scores']").count() == len(specs)


# Texts that mean harm


@pytest.mark.parametrize("form", [FOLDER, FILE])
def test_a_hostile_text_does_nothing_even_where_scripts_may_run(visit: Visiting, hostile: Path, form: str) -> None:
    found = visit(f"{hostile.as_uri()}/{form}", lenient=True)
    found.page.evaluate(OPEN_ALL)
    found.page.wait_for_timeout(200)
    assert found.complaints == []


@pytest.mark.parametrize("form", [FOLDER, FILE])
def test_a_hostile_text_adds_nothing_but_text(visit: Visiting, hostile: Path, kinds: Path, form: str) -> None:
    tame, page = (visit(f"{folder.as_uri()}/{form}").page for folder in (kinds, hostile))
    assert set(page.evaluate(WORDS)) <= set(tame.evaluate(WORDS))
    links = page.evaluate("[...document.querySelectorAll('[href]')].map(each => each.getAttribute('href'))")
    assert [each for each in links if not re.fullmatch(r"#[a-z0-9-]+|style\.css", each)] == []
    places = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert [each for each in places if not re.fullmatch(r"[a-z][a-z0-9-]*", each)] == []
    assert len(places) == len(set(places))


def test_every_hostile_text_is_shown_as_it_is(visit: Visiting, hostile: Path) -> None:
    shown = visit(f"{hostile.as_uri()}/{FOLDER}").page.locator("body").text_content() or ""
    assert [text for text in HOSTILE if visible(text)[:300] not in shown] == []


def test_no_character_on_the_page_controls_anything(visit: Visiting, hostile: Path) -> None:
    page = visit(f"{hostile.as_uri()}/{FOLDER}").page
    shown = page.evaluate("document.documentElement.outerHTML").replace("\n", "")
    assert shown == visible(shown)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_hostile_text_keeps_within_the_window(visit: Visiting, hostile: Path, width: int) -> None:
    page = visit(f"{hostile.as_uri()}/{FOLDER}").page
    page.evaluate(OPEN_ALL)
    assert overflowing(page, width) == ""


# What the judges above would notice

HARM = {
    "console": ("<script>console.log(1)</script>", "console: 1"),
    "error": ("<script>x.y</script>", "error: x is not defined"),
    "dialog": ("<script>alert(1)</script>", "dialog: 1"),
    "missing picture": ("<img src='none.png' alt=''>", "failed: *none.png"),
    "another host": ("<img src='http://127.0.0.1:9/x.png' alt=''>", "asked for http://127.0.0.1:9/x.png"),
    "policy": (
        "<meta http-equiv=Content-Security-Policy content=\"style-src 'none'\"><p style='color:red'>",
        "console: *",
    ),
}


@pytest.mark.parametrize(("body", "complaint"), HARM.values(), ids=HARM)
def test_harm_is_noticed(visit: Visiting, tmp_path: Path, body: str, complaint: str) -> None:
    file = tmp_path / "page.html"
    file.write_text(f"<!doctype html><title>x</title>{body}")
    found = visit(file.as_uri())
    assert any(re.match(re.escape(complaint).replace(r"\*", ".*"), each) for each in found.complaints)


@pytest.mark.parametrize(
    "body", ["<div style='width:800px'>x</div>", "<p style='overflow:hidden;white-space:nowrap'>" + "x" * 200]
)
def test_overflow_is_noticed(visit: Visiting, tmp_path: Path, body: str) -> None:
    file = tmp_path / "page.html"
    file.write_text(f"<!doctype html><title>x</title>{body}")
    page = visit(file.as_uri(), scripts=False).page
    assert overflowing(page, 360) != ""
    assert overflowing(page, 2000) == ""
