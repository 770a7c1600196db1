"""What GitHub is told: workflow commands that it takes apart as meant, and a summary that it does not drop."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_synthgate import Score
from pytest_synthgate.errors import ResultsError
from pytest_synthgate.reports.github import SUMMARY_BYTES, annotate, append_summary
from pytest_synthgate.reports.markdown import markdown
from pytest_synthgate.results.result import SpecResult
from pytest_synthgate.text.printable import visible

from .conftest import judged, measured


@dataclass(frozen=True, slots=True)
class Annotation:
    """A workflow command, taken apart as GitHub's runner does."""

    level: str
    properties: dict[str, str]
    message: str


def understood(line: str) -> Annotation:
    found = re.fullmatch(r"::(error|warning) ([^:\r\n]*)::([^\r\n]*)", line)
    assert found is not None, line
    level, properties, message = found.groups()
    pairs = (each.split("=", 1) for each in properties.split(","))
    return Annotation(level, {key: unescaped(value, ":,") for key, value in pairs}, unescaped(message))


def unescaped(text: str, more: str = "") -> str:
    for letter in f"\r\n{more}%":
        text = text.replace(f"%{ord(letter):02X}", letter)
    return text


def annotated(
    results: dict[str, SpecResult], files: dict[str, Path] | None = None, workspace: Path | None = None
) -> list[Annotation]:
    return [understood(line) for line in annotate(results, files or {}, workspace or Path("/checkout"))]


def failing(over: float = 0.05) -> SpecResult:
    return judged(unvaried=over)


FEW = judged(measured(representatives={"real": 300, "synthetic": 12}), unvaried=0.5)
WARNED = judged(unvaried={"max": 0.5, "warn": 0.05})


# Annotations


def test_a_failed_gate_is_an_error_with_its_reasons() -> None:
    (found,) = annotated({"subject": judged(unvaried=0.05, unrealistic=0.9)})
    assert (found.level, found.properties) == ("error", {"title": "synthgate: unvaried failed"})
    lines = found.message.split("\n")
    assert lines[0] == "subject: unvaried 0.100 [0.06, 0.150] failed: 0.100 > 0.05"
    assert lines[1] == "  2 of 200 synthetic images have a near-duplicate in the set; worst:"


def test_what_could_not_be_judged_comes_first() -> None:
    lost = replace(judged(), error="made: there is no such folder\nanywhere")
    first, second = annotated({"a": failing(), "b": lost})
    assert (first.level, first.properties) == ("error", {"title": "synthgate: not judged"})
    assert first.message == "b: made: there is no such folder\\u000aanywhere"
    assert second.properties["title"] == "synthgate: unvaried failed"


@pytest.mark.parametrize(
    ("result", "levels"),
    [
        (judged(unvaried=0.5), []),
        (FEW, ["warning"]),
        (replace(FEW, strict=True), ["error"]),
        (WARNED, ["warning"]),
        (replace(failing(), expected={"unvaried": "known"}), []),
    ],
    ids=["passed", "undecided", "undecided and strict", "warned", "failed as expected"],
)
def test_other_verdicts_are_warnings_or_nothing(result: SpecResult, levels: list[str]) -> None:
    assert [each.level for each in annotated({"a": result})] == levels


def test_there_are_ten_at_most_failures_first_and_the_worst_of_them() -> None:
    results = {"few": FEW, **{f"{number}": failing(0.09 - number / 1_000) for number in range(30)}}
    found = annotated(results)
    assert [each.message.partition(":")[0] for each in found] == [f"{number}" for number in range(29, 19, -1)]
    assert {each.level for each in found} == {"error"}


def test_what_failed_comes_before_what_a_strict_run_could_not_decide() -> None:
    results = {**{f"few {number}": replace(FEW, strict=True) for number in range(10)}, "a": failing(0.09)}
    found = annotated(results)
    assert found[0].properties["title"] == "synthgate: unvaried failed"
    assert [each.properties["title"] for each in found[1:]] == ["synthgate: unvaried inconclusive"] * 9


def test_the_classes_of_a_score_make_one_annotation() -> None:
    classes = {f"class {number}": Score(0.1 + number / 100, 0.09, 0.3, 100) for number in range(20)}
    breakdown = {"class": {name: {"unvaried": score} for name, score in classes.items()}}
    per_class = judged(measured(breakdown=breakdown), unvaried={"max": 0.05, "per_class": True}, unoriginal=0.001)
    first, second = annotated({"a": per_class})
    titles = {each.properties["title"] for each in (first, second)}
    assert titles == {"synthgate: unvaried[class 19] and 19 more failed", "synthgate: unoriginal failed"}
    by_class = next(each for each in (first, second) if "class" in each.properties["title"])
    lines = by_class.message.split("\n")
    assert lines[0].startswith("a: unvaried[class 19] 0.290")
    assert lines[-1] == "  unvaried[class 0] failed: 0.100 > 0.05"


def test_warnings_take_the_room_that_failures_leave() -> None:
    results = {**{f"few {number}": FEW for number in range(30)}, "a": failing(), "b": failing()}
    assert [each.level for each in annotated(results)] == ["error"] * 2 + ["warning"] * 8


@given(name=st.text("ab:,%=\r\n\x1b\u2028\u202e;|", max_size=20))
def test_no_name_ends_a_command_or_begins_another(name: str) -> None:
    (found,) = annotated({name: failing()}, {name: Path("/checkout") / f"x{name}.toml".replace("\0", "")})
    assert found.properties["title"] == "synthgate: unvaried failed"
    assert found.properties["file"] == visible(f"x{name}.toml")
    assert found.message.split("\n")[0].endswith(": unvaried 0.100 [0.06, 0.150] failed: 0.100 > 0.05")


@pytest.mark.parametrize("name", ["a,b:c", "a\n::error::b", "\x1b[2J", "%0A", "x" * 100_000], ids=range(5))
def test_the_name_of_a_class_is_escaped_and_cut(name: str) -> None:
    breakdown = {"class": {name: measured().breakdown["class"]["hot dog"]}}
    (line,) = annotate(
        {"a": judged(measured(breakdown=breakdown), unvaried={"max": 0.05, "per_class": True})}, {}, Path("/checkout")
    )
    title = f"synthgate: unvaried[{visible(name)}] failed"
    assert understood(line).properties == {"title": title[:500]}
    assert line.isprintable()
    assert len(line) < 5_000


# Where they stand


def place(file: Path, workspace: Path, name: str = "subject") -> dict[str, str]:
    (found,) = annotated({name: failing()}, {name: file}, workspace)
    return {key: value for key, value in found.properties.items() if key != "title"}


@pytest.mark.parametrize(
    ("text", "name", "line"),
    [
        ("[spec.subject]\n", "subject", "1"),
        ("# [spec.subject]\r\n\r\n[spec.subject]  # here\r\n", "subject", "3"),
        ("x = '\x0b\u2028'\n[ spec . subject ]", "subject", "2"),
        ('[spec."hot dog"]\n[spec.\'a "b"\']', 'a "b"', "2"),
        ("[spec.subject.limits]\nunvaried = 1\n  [spec.subject]\n", "subject", "3"),
        ("[spec.subjects]\n[defaults]\n[[waiver]]\n[\n", "subject", None),
        ("spec.subject.images = 'x'", "subject", None),
    ],
)
def test_the_line_is_that_of_the_heading(tmp_path: Path, text: str, name: str, line: str | None) -> None:
    (tmp_path / "synth_x.toml").write_bytes(text.encode())
    wanted = {"file": "synth_x.toml"} | ({"line": line} if line else {})
    assert place(tmp_path / "synth_x.toml", tmp_path, name) == wanted


def test_a_file_is_told_from_the_checkout_also_where_a_link_leads_there(tmp_path: Path) -> None:
    (tmp_path / "checkout" / "specs").mkdir(parents=True)
    (tmp_path / "checkout" / "specs" / "synth_x.toml").write_text("[spec.subject]")
    (tmp_path / "link").symlink_to(tmp_path / "checkout")
    wanted = {"file": "specs/synth_x.toml", "line": "1"}
    assert place(tmp_path / "link" / "specs" / "synth_x.toml", tmp_path / "checkout") == wanted
    assert place(tmp_path / "checkout" / "specs" / "synth_x.toml", tmp_path / "link") == wanted


def test_a_file_elsewhere_is_told_whole(tmp_path: Path) -> None:
    assert place(tmp_path / "gone.toml", tmp_path / "checkout") == {"file": (tmp_path / "gone.toml").as_posix()}


def test_a_file_that_is_not_text_has_no_line(tmp_path: Path) -> None:
    (tmp_path / "synth_x.toml").write_bytes(b"\x81\n[spec.subject]")
    assert place(tmp_path / "synth_x.toml", tmp_path) == {"file": "synth_x.toml"}


# The summary


def test_the_summary_is_added_to_what_others_wrote(tmp_path: Path) -> None:
    summary, results = tmp_path / "summary", {"süß": failing()}
    append_summary(summary, results)
    summary.write_text("# Others", "utf-8")
    append_summary(summary, results)
    append_summary(summary, results)
    assert summary.read_text("utf-8") == "# Others" + f"\n{markdown(results)}" * 2


@pytest.mark.parametrize("free", [200_000, 50_000, 10_000])
def test_what_others_wrote_counts(tmp_path: Path, free: int) -> None:
    summary = tmp_path / "summary"
    summary.write_bytes(b"x" * (SUMMARY_BYTES - free))
    append_summary(summary, {f"{'é' * 300} {number}": failing() for number in range(500)})
    assert SUMMARY_BYTES - free / 2 < summary.stat().st_size <= SUMMARY_BYTES
    assert "more failed gates are left out here" in summary.read_bytes()[-100:].decode()


@pytest.mark.parametrize("size", [SUMMARY_BYTES - 100, SUMMARY_BYTES, SUMMARY_BYTES + 10])
def test_a_full_summary_is_left_alone(tmp_path: Path, size: int) -> None:
    summary = tmp_path / "summary"
    summary.write_bytes(b"x" * size)
    with pytest.raises(ResultsError, match=r"/summary: has no room left; GitHub shows no summary above 1 MiB$"):
        append_summary(summary, {"a": failing()})
    assert summary.stat().st_size == size


def test_a_summary_that_cannot_be_written_is_an_error_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"/gone/summary: cannot be written \(.+\)$"):
        append_summary(tmp_path / "gone" / "summary", {"a": failing()})
