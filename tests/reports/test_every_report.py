"""What holds for all reports alike: a new score needs no change in them, and no text from outside is more than text."""

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree as ET

import pytest
from justhtml import JustHTML

import pytest_synthgate.reports
from pytest_synthgate import Finding, Limit, Score, kinds
from pytest_synthgate.gating.verdict import Verdict
from pytest_synthgate.kinds import KINDS, Kind, Shape, Side, Source
from pytest_synthgate.reports.conclusions import headline, reading
from pytest_synthgate.reports.explain import explain
from pytest_synthgate.reports.github import annotate
from pytest_synthgate.reports.html.page import write_html
from pytest_synthgate.reports.junit import gate_properties, link_pictures
from pytest_synthgate.reports.markdown import markdown
from pytest_synthgate.reports.overview import aligned_rows
from pytest_synthgate.reports.redaction import redacted
from pytest_synthgate.reports.side_by_side import comparison_lines, comparison_markdown
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.scores.finding import Unreadable
from pytest_synthgate.text.printable import visible
from pytest_synthgate.tracking.comparison import compare_results

from .conftest import judged, measured

Results = dict[str, SpecResult]


def lines_of(results: Results) -> list[str]:
    """All that a terminal shows, a line each."""
    table = ["".join(cell.text for cell in row) for row in aligned_rows(results)]
    explained = [
        line
        for name, result in results.items()
        for verdict in result.verdicts
        for line in explain(name, verdict, result.measurement)
    ]
    compared = comparison_lines(compare_results(results, results))
    return [*table, headline(results), *(text for _, text in reading(results)), *explained, *compared]


def page_of(results: Results, folder: Path) -> str:
    write_html(folder / "page.html", results)
    return (folder / "page.html").read_text("utf-8")


def test_no_report_names_a_score() -> None:
    folder = Path(pytest_synthgate.reports.__path__[0])
    sources = {path: path.read_text("utf-8") for path in folder.rglob("*") if path.suffix in (".py", ".html")}
    scores = [name for name, kind in KINDS.items() if kind.source != "files"]
    named = [(path.name, score) for path, text in sources.items() for score in scores if f'"{score}"' in text]
    assert sources
    assert named == []


# A new score


def made_up() -> Iterator[Kind]:
    """Kinds of every shape, source and side, with words and without."""
    words: dict[str, Any] = {
        "title": "Smudges",
        "flagged": "have a smudge",
        "complaint": "smudges",
        "advice": "Wipe the lens.",
    }
    for shape, source, side in product(get_args(Shape), get_args(Source), get_args(Side)):
        for said in (words, {}):
            yield Kind(name="smudged", shape=shape, source=source, side=side, column=True, findings="smudged", **said)


@pytest.mark.parametrize("kind", [*made_up()], ids=lambda kind: f"{kind.shape}-{kind.source}-{kind.side}-{kind.title}")
def test_a_new_score_is_in_every_report(kind: Kind, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_it(kind, monkeypatch)
    score, finding = Score(0.2, 0.1, 0.3, 200, 200), measured().findings[0]
    known = measured()
    measurement = replace(
        known,
        scores={**known.scores, "smudged": score},
        yardstick={**known.yardstick, "smudged": replace(score, value=0.1)},
        breakdown={"class": {name: {"smudged": score} for name in ("apple", "pooled")}},
        findings=(replace(finding, score="smudged", image_set=kind.side, class_name="apple"), *known.findings),
    )
    whole = Verdict("smudged", "failed", "0.2 > 0.1", Limit(max=0.1, warn=0.05), score)
    few = replace(whole, verdict="inconclusive", reason="few", group="apple", measured=replace(score, n=7))
    results = {"a": SpecResult(measurement, (whole, few), strict=True), "b": SpecResult(known)}
    for shown in (results, {name: redacted(each) for name, each in results.items()}):
        assert any(line.startswith("a: smudged 0.200") and "failed" in line for line in lines_of(shown))
        assert "| smudged |" in markdown(shown)
        page = JustHTML(page_of(shown, tmp_path), sanitize=False)
        assert "smudged" in [each.to_text().partition(" ")[0] for each in page.query("table.scores thead th")]
        assert len(page.query("li.gate")) == 2
        assert any(each.to_text().startswith(kind.title or "smudged") for each in page.query(".spec h3"))
        assert annotate(shown, {}, tmp_path)[0].startswith(
            "::error title=synthgate%3A smudged failed::a%3A ".replace("a%3A", "a:")
        )
        assert dict(gate_properties("a", whole, measurement))["synthgate_score"] == "0.2"


def with_it(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a row to the table, and to what was made of the table when it was imported."""
    monkeypatch.setitem(KINDS, kind.name, kind)
    for name in ("LIMITED", "COLUMNS", "FLAGGED"):
        names: tuple[str, ...] = getattr(kinds, name)
        for module in [each for key, each in sys.modules.items() if key.startswith("pytest_synthgate")]:
            if getattr(module, name, None) is names:
                monkeypatch.setattr(module, name, [*names, kind.name])


# A spec that was not judged


def unread(count: int, reason: str = "a Git LFS pointer") -> tuple[Unreadable, ...]:
    return tuple(Unreadable(f"made/{number:05}.png", "synthetic", reason) for number in range(count))


def lost(count: int) -> SpecResult:
    """A spec of which no image can be read."""
    files = (*unread(count), Unreadable("x.png", "synthetic", "empty"))
    nothing = measured(
        **{"n_synthetic": 0, "representatives": {}, "scores": {}, "rung": None, "rungs": {}, "yardstick": {}},
        **{"breakdown": {}, "findings": (), "warnings": (), "unreadable": files},
    )
    return SpecResult(nothing, error=f"none of the {count + 1} files can be read")


def test_where_nothing_can_be_read_every_report_says_which_files_and_why(tmp_path: Path) -> None:
    results = {"good": judged(unvaried=0.5), "lost": lost(5000)}
    line = "lost: made/00000.png, made/00001.png, made/00002.png and 4,997 more (synthetic): a Git LFS pointer"
    assert [text for label, text in reading(results) if label == "unreadable"] == [
        line,
        "lost: x.png (synthetic): empty",
    ]
    assert f"- **unreadable**: {line}" in markdown(results)
    assert line.removeprefix("lost: ") in annotate(results, {}, tmp_path)[0]
    page = JustHTML(page_of(results, tmp_path), sanitize=False)
    names = [each.to_text() for each in page.query("#spec-2 ul.rest li")]
    assert (names[0], len(names)) == ("made/00000.png (synthetic): a Git LFS pointer", 200)
    assert "4,801 more stand in the results file alone." in page.to_text()


def test_an_error_beside_gates_that_passed_is_not_all_passed(tmp_path: Path) -> None:
    results = {"good": judged(unvaried=0.5, unoriginal=0.5), "lost": lost(3)}
    assert headline(results) == "1 of 2 specs could not be judged: 'lost'"
    for text in (markdown(results), page_of(results, tmp_path)):
        assert "1 of 2 specs could not be judged" in text
        assert "passed" not in text.partition("\n")[0]
        assert "gates passed" not in text
    assert 'class="top fail"' in page_of(results, tmp_path)


def test_what_was_recorded_stands_apart_from_what_is_compared(tmp_path: Path) -> None:
    made_with = {"device": "cuda:0", "libraries": {"torch": "2.14.1", "numpy": "2.4.6"}}
    page = page_of({"a": SpecResult(measured(recorded=made_with))}, tmp_path)
    fingerprint, recorded = page.split("Recorded, not compared")
    assert "<dt>device</dt><dd>cuda:0</dd>" in recorded
    assert "<dd>torch 2.14.1, numpy 2.4.6</dd>" in recorded
    assert "cuda:0" not in fingerprint
    assert "Recorded" not in page_of({"a": SpecResult(measured())}, tmp_path)


# Texts from outside

FOREIGN = (
    "first line\n::error::second line",
    "::error file=x::obeyed",
    "##[error]x ##vso[task.complete]y ##teamcity[z]",
    "\x1b[2J\x1b[31mred\x07\x00",
    "<img src=x onerror=alert(1)> &amp; <!-- ]]> \"'",
    "a|b `code` **bold** [link](javascript:x) @octocat #12",
    "\u202egnp.exe\u2028\ud800\ufffe",
)


def saying(text: str) -> Results:
    """Results in which everything that can come from outside is this text."""
    finding = Finding(text, f"sha256:{0:064}", "synthetic", "unvaried", "features", 0.01, text, "synthetic", cluster=0)
    measurement = measured(
        breakdown={axis: {text: measured().scores, "b": measured().scores} for axis in ("class", text)},
        findings=(replace(finding, class_name=text, prompt=text, seed=1), replace(finding, score=text)),
        unreadable=(Unreadable(text, "synthetic", text),),
        audit={text: text},
        fingerprint={"encoder": text, text: [text]},
        recorded={"device": text, "libraries": {text: text}},
        warnings=(text,),
    )
    result = judged(
        measurement, unvaried={"max": 0.01, "per_class": True}, unoriginal={"regression": 0.1}, unreadable=0
    )
    result = replace(
        result,
        verdicts=tuple(replace(each, reason=text) for each in result.verdicts),
        declared={"encoder": text, "templates": [text], "generator": {"model": text}},
        compare_to=text,
        expected={"unoriginal": text},
    )
    return {text: result, "hook": replace(result, error=text, verdicts=())}


@pytest.mark.parametrize("text", FOREIGN, ids=range(len(FOREIGN)))
def test_a_text_from_outside_stays_one_harmless_line_in_a_terminal(text: str) -> None:
    assert [line for line in lines_of(saying(text)) if line != visible(line)] == []


@pytest.mark.parametrize("text", FOREIGN, ids=range(len(FOREIGN)))
def test_a_text_from_outside_is_no_command_of_a_runner(text: str, tmp_path: Path) -> None:
    lines = annotate(saying(text), {text: tmp_path / "synth_x.toml"}, tmp_path)
    assert lines
    for line in lines:
        found = re.fullmatch(r"::(?:error|warning) [^:\r\n]*::([^\r\n]*)", line)
        assert found is not None
        for each in found[1].split("%0A"):
            assert visible(each) == each


@pytest.mark.parametrize("text", FOREIGN, ids=range(len(FOREIGN)))
def test_a_text_from_outside_is_text_on_the_page(text: str, tmp_path: Path) -> None:
    source = page_of(saying(text), tmp_path)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e\ud800]", source)
    page = JustHTML(source, sanitize=False, strict=True)
    assert not page.query("img, script, [onerror]")
    shown = page.to_text(separator=" ", strip=True)
    assert all(visible(part) in shown for part in text.split(" "))


@pytest.mark.parametrize("text", FOREIGN, ids=range(len(FOREIGN)))
def test_a_text_from_outside_is_text_in_markdown(text: str) -> None:
    for source in (markdown(saying(text)), comparison_markdown(compare_results(saying(text), saying(text)))):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e\ud800]", source)
        assert not re.search(r"(?m)^\s*::|^##\w*\[", source)
        outside = re.sub(r"(?ms)^(`{3,})text\n.*?^\1$", "", source)
        assert not re.search(r"(?<!\\)<|(?<!\\)`|(?<!\\)\]\(|@octocat", outside)


@pytest.mark.parametrize("text", FOREIGN, ids=range(len(FOREIGN)))
def test_a_text_from_outside_is_text_in_junit(text: str, tmp_path: Path) -> None:
    ((name, result), _) = saying(text).items()
    case = ET.Element("testcase")
    for verdict in result.verdicts:
        for key, value in gate_properties(name, verdict, result.measurement):
            assert visible(value) == value
            ET.SubElement(case, "property", name=key, value=value)
    file = tmp_path / "junit.xml"
    file.write_bytes(ET.tostring(case))
    link_pictures(file, {})
    assert len(list(ET.parse(file).iter("property"))) == len(case)
