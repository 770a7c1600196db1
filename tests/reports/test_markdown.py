"""Markdown for people who did not run it: whole within its size, and no name in it is more than text.

What it means is asked of two readers: GitHub's own, and one that is made in another way.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

import cmarkgfm
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pytest_synthgate.errors import ResultsError
from pytest_synthgate.reports.markdown import MOST_BYTES, fenced, markdown, prose, write_markdown
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.finding import Finding, Unreadable
from pytest_synthgate.scores.measurement import Measurement
from pytest_synthgate.text.printable import visible

from .conftest import judged, measured

BREAK = "\u200b"
ACTIVE = re.compile(r"[@#!$%&~^:]\w|GH-|www\.|://")
HOSTILE = [
    *("a|b", "a\\|b", "| --- |", "\\", "\\\\", "`", "``x`", "```", "~~~", "a\nb", "a\r\n# b", "\u2028", "\x00\x1b[31m"),
    *(
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<!--",
        "]]>",
        "</td>",
        "&lt;b&gt;",
        "&amp",
        "&#64;x",
    ),
    *("@octocat", "a@example.com", "@org/team", "#123", "a/b#1", "GH-12", "!7", "$9", "~label", "%v1", "&4", ":smile:"),
    *("![x](http://example.com/x.png)", "[x](javascript:alert(1))", "[x]", "[x]: http://example.com", "[^1]", "[ ] x"),
    *("http://example.com", "https://example.com/a?b=c", "ftp://example.com", "www.example.com", "(www.example.com)"),
    *("<http://example.com>", "mailto:a@example.com", "xmpp:a@example.com", "WWW.example.com", "HTTP://example.com"),
    *("**b** _i_ ~~s~~ *", "__", "# h", "1. x", "- x", "+ x", "===", "---", "> x", "    x", "x  ", "$x$", "{{ x }}"),
    *("\u202egnp.exe", "\u200fa", "\u2066a", "נ", "a\u0301" * 50, "x" * 10_000, "`|" * 5_000, "@\u200b@", "", " "),
    *("::error::x", "##[group]x", "/merge", "constructor", "👩\u200d🚀"),
]


@dataclass
class Page(HTMLParser):
    """What a reader made of a text: its tags in order, the cells of its rows, and the text outside of `pre`."""

    html: str
    tags: list[str] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)
    text: str = ""
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "pre" not in self.open:
            self.text += data
        if "td" in self.open or "th" in self.open:
            self.cells[-1][-1] += data

    def handle_comment(self, data: str) -> None:
        self.tags.append("a comment")

    def handle_decl(self, decl: str) -> None:
        self.tags.append("a declaration")

    def handle_pi(self, data: str) -> None:
        self.tags.append("an instruction")

    def unknown_decl(self, data: str) -> None:
        self.tags.append("a section")


def github(text: str) -> Page:
    return Page(cmarkgfm.github_flavored_markdown_to_html(text, options=cmarkgfm.cmark.Options.CMARK_OPT_UNSAFE))


def other(text: str) -> Page:
    return Page(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text))


Reader = Callable[[str], Page]
READERS = pytest.mark.parametrize("read", [github, other])


def named(name: str) -> dict[str, SpecResult]:
    """Give results in which everything that can be called something is called so."""
    near, far, lost = measured().findings
    findings = (
        replace(near, image=name, twin=name, prompt=name or None, class_name=f"{name}!"),
        far,
        replace(lost, image=name, twin=name),
    )
    plain = measured().breakdown["class"]
    measurement = measured(
        findings=findings,
        breakdown={"class": {"apple": plain["apple"], f"{name}!": plain["hot dog"]}},
        unreadable=(Unreadable(name, "real", name),),
        warnings=(f"{name}.",),
    )
    limits = {"unvaried": {"max": 0.05, "per_class": True}, "unreadable": 0, "unoriginal": 0.001, "unrealistic": 0.9}
    result = judged(measurement, **limits)
    verdicts = tuple(replace(each, reason=f"{each.reason} {name}") for each in result.verdicts)
    return {name: replace(result, verdicts=verdicts)}


# What it says


@READERS
def test_it_says_the_verdict_the_table_the_lines_and_the_reasons(read: Reader) -> None:
    page = read(markdown({"over_guided": judged(unvaried=0.05, unrealistic=0.9)}))
    assert page.tags[:2] == ["h2", "table"]
    assert page.cells == [
        ["spec", "images / real", "n0", "unrealistic", "unrepresentative", "unvaried", "unoriginal"],
        [
            *("over_guided", "200 / 300", "100", "0.600 [.580 .620] ok", "0.550 [.530 .570]"),
            *("0.100 [.060 .150] FAIL", "0.005 [.000 .030]"),
        ],
        [*("real against real", "halves of 300", "100", "0.500 [.490 .510]", "0.500 [.490 .510]"), "-", "-"],
    ]
    assert page.tags[page.tags.index("ul") :] == [*("ul", *["li", "strong"] * 3), "h3", "pre", "code", "p"]


def test_the_reasons_stand_below_their_gate_as_a_terminal_shows_them() -> None:
    text = markdown({"a": judged(unvaried=0.05)})
    assert text.startswith("## synthgate: 1 of 1 gate failed: 'a' repeats itself\n\n| spec |")
    assert "\n- **note**: tau is wide\n" in text
    assert text.endswith(
        "\n### a: unvaried 0.100 \\[0.06, 0.150\\] failed: 0.100 \\> 0.05\n\n"
        "```text\n"
        "2 of 200 synthetic images have a near-duplicate in the set; worst:\n"
        f"  a.png = synthetic b.png (the same pixels) [{measured().findings[0].id}]\n"
        "class 'hot dog' makes 90% of them, with 50% of the images\n"
        "```\n\n"
        "Vary what the prompts say, add an axis to them, or lower the guidance, and look whether seeds repeat; "
        "an export keeps one image of each group.\n"
    )


def test_advice_is_given_once_a_score() -> None:
    results = {name: judged(unvaried=0.05) for name in "abc"}
    assert markdown(results).count("Vary what the prompts say") == 1


def test_a_failed_gate_is_bold_in_the_table_and_no_other() -> None:
    text = markdown({"a": judged(unvaried=0.05, unrealistic=0.9)})
    assert re.findall(r"\| \*\*(.+?)\*\* \|", text) == [r"0.100 \[.060 .150\] FAIL"]


def test_gates_that_did_not_fail_have_no_section() -> None:
    result = judged(unvaried=0.05, unrealistic=0.9)
    assert "###" not in markdown({"a": judged(unrealistic=0.9)})
    assert "###" not in markdown({"a": replace(result, expected={"unvaried": "known"})})


def test_the_gate_that_is_furthest_over_its_limit_comes_first() -> None:
    text = markdown({"a": judged(unvaried=0.09), "b": judged(unvaried=0.01), "c": judged(unvaried=0.05)})
    assert re.findall("^### (.)", text, re.MULTILINE) == ["b", "c", "a"]


def test_nothing_gated_is_said() -> None:
    assert markdown({"a": judged()}).startswith("## synthgate: Measured, and nothing was gated\n")


# Nothing injected


@READERS
@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_no_name_makes_anything_but_text(read: Reader, name: str) -> None:
    page, plain = read(markdown(named(name))), read(markdown(named("plain")))
    assert page.tags == plain.tags
    assert [len(row) for row in page.cells] == [8] * 3
    assert not ACTIVE.search(page.text.replace("synthgate: ", ""))


@READERS
@given(name=st.text(st.sampled_from("ab1@#:/.wWhtp|\\`*_[]()<>!~-+=&;\n \u200b$%^{}\"'")))
@example("www.a@b")
@example("1@.a")
@example("1@@.a")
@example("a\\\n|`")
def test_no_text_of_marks_makes_anything_but_text(read: Reader, name: str) -> None:
    page = read(markdown(named(name)))
    assert page.tags == read(markdown(named("plain"))).tags
    assert [len(row) for row in page.cells] == [8] * 3


@READERS
@given(text=st.text(max_size=80))
@example("a|b\\|c `` * _x_ <b> &amp; [x](y) @a #1 www.x.y")
def test_escaped_text_reads_as_it_was(read: Reader, text: str) -> None:
    page = read(f"| x |\n|---|\n| .{prose(text)}. |\n")
    assert page.cells[1][0].replace(BREAK, "") == f".{visible(text)}.".replace(BREAK, "")


@READERS
@given(text=st.text("ab #\\`*", max_size=9))
@example("a #")
@example("a \\")
def test_an_escaped_heading_reads_as_it_was(read: Reader, text: str) -> None:
    page = read(f"### .{prose(text)}\n")
    assert page.tags == ["h3"]
    assert page.text.strip().replace(BREAK, "") == f".{text}".strip()


@READERS
@given(lines=st.lists(st.text("`~ ab\n<", max_size=9), min_size=1))
@example(["```", "````"])
def test_lines_between_bars_read_as_they_were(read: Reader, lines: list[str]) -> None:
    page = read(f"{fenced(lines)}\nafter\n")
    assert page.tags == ["pre", "code", "p"]
    assert page.text.strip() == "after"


def test_a_long_name_is_cut() -> None:
    text = markdown(named("x" * 120))
    assert f"| {'x' * 99}… |" in text
    assert f"\n  {'x' * 120} = synthetic {'x' * 120} (the same pixels)" in text
    assert max(map(len, markdown(named("x" * 10_000)).splitlines())) < 3_000


# Its size


def many_findings(count: int) -> Measurement:
    finding = Finding("a", "sha256:0", "synthetic", "unvaried", "exact", 0.0, "b", "synthetic", prompt="é" * 400)
    findings = tuple(replace(finding, image=f"{number}.png", twin=f"{number}-twin.png") for number in range(count))
    return measured(findings=findings)


def test_many_findings_and_specs_keep_within_the_limit() -> None:
    measurement = replace(many_findings(5_000), n_synthetic=10_000)
    results = {f"spec {number}": judged(measurement, unvaried=0.05) for number in range(200)}
    text = markdown(results)
    assert text.count("\n### ") == 200
    assert len(text.encode()) < MOST_BYTES


@READERS
def test_what_does_not_fit_is_cut_off_whole_worst_first_and_counted(read: Reader) -> None:
    measurement = many_findings(40)
    results = {f"spec {number}": judged(measurement, unvaried=0.05 - number / 10_000) for number in range(200)}
    text = markdown(results, 100_000)
    assert 50_000 < len(text.encode()) < 100_000
    shown = [int(number) for number in re.findall(r"^### spec (\d+)", text, re.MULTILINE)]
    assert shown == list(range(199, 199 - len(shown), -1))
    assert text.endswith(f"```\n\n{200 - len(shown)} more failed gates are left out here.\n")
    assert read(text).tags.count("pre") == len(shown)


def test_rows_and_notes_are_cut_too() -> None:
    results = {f"spec {number}": judged(measured(warnings=(f"note {number}",))) for number in range(1_000)}
    text = markdown(results, 20_000)
    rows = len(re.findall(r"^\| spec \d", text, re.MULTILINE))
    remarks = text.count("- **note**: note ")
    assert rows > 10
    assert remarks > 10
    assert f"\n\n{1_001 - rows:,} more rows are left out here.\n" in text  # the yardstick is the last row
    assert f"\n\n{1_000 - remarks:,} more lines are left out here.\n" in text


@given(
    name=st.text("@`x\U0001f680", min_size=90, max_size=600), most=st.integers(10_000, 40_000), specs=st.integers(1, 9)
)
def test_no_name_makes_it_larger_than_it_may_be(name: str, most: int, specs: int) -> None:
    results = {f"{number}{name}": named(name)[name] for number in range(specs)}
    assert len(markdown(results, most).encode()) <= most


# Its file


def test_the_file_is_utf_8_with_plain_line_ends(tmp_path: Path) -> None:
    results = {"süß": judged(unvaried=0.05)}
    write_markdown(tmp_path / "deep" / "out.md", results)
    assert (tmp_path / "deep" / "out.md").read_bytes().decode("utf-8") == markdown(results)


def test_a_place_that_cannot_be_written_is_an_error_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r": cannot be written \(.*\); choose another file$"):
        write_markdown(tmp_path, {"a": judged()})
    assert list(tmp_path.parent.glob("*.part")) == []
