"""Gates in a JUnit file: properties that are plain strings in one order, and pictures linked from finished files."""

import xml.etree.ElementTree as ET  # written here
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_synthgate import Limits, Score, gate
from pytest_synthgate.errors import ResultsError
from pytest_synthgate.gating.verdict import Verdict
from pytest_synthgate.reports.junit import gate_of, gate_properties, link_pictures, name_properties
from pytest_synthgate.scores.measurement import short_fingerprint

from .conftest import measured

NAMES = st.text(st.characters(codec=None), max_size=12)


def properties(score: str, limit: Any, **changes: object) -> dict[str, str]:
    measurement = measured(**changes)
    verdict = gate(measurement, Limits(**{score: limit}))[0]
    found = gate_properties("subject", verdict, measurement)
    assert all(type(name) is str and type(value) is str for name, value in found)
    return dict(found)


def named(name: str) -> Verdict:
    """A verdict on a class of that name."""
    (verdict,) = gate(measured(), Limits(unvaried=0.05))
    return replace(verdict, group=name)


def test_a_gate_has_its_numbers_in_order() -> None:
    found = properties("unvaried", 0.05)
    assert list(found.items()) == [
        ("synthgate_spec", "subject"),
        ("synthgate_gate", "unvaried"),
        ("synthgate_score", "0.1"),
        ("synthgate_low", "0.06"),
        ("synthgate_high", "0.15"),
        ("synthgate_limit", "0.05"),
        ("synthgate_baseline", ""),
        ("synthgate_n", "200"),
        ("synthgate_flagged", "2"),
        ("synthgate_verdict", "failed"),
        ("synthgate_reason", "0.100 > 0.05"),
        ("synthgate_fingerprint", short_fingerprint(measured().fingerprint)),
    ]


def test_a_gate_says_what_it_was_compared_with() -> None:
    measurement = measured()
    (verdict,) = gate(measurement, Limits(unvaried={"regression": 0.01}))
    found = dict(gate_properties("subject", replace(verdict, baseline=0.0625), measurement))
    assert found["synthgate_baseline"] == "0.0625"


def test_unreadable_counts_the_files() -> None:
    found = properties("unreadable", 0)
    assert (found["synthgate_score"], found["synthgate_flagged"]) == ("1", "1")


def test_a_gate_on_a_class_counts_what_was_flagged_there() -> None:
    findings = [replace(each, class_name="apple") for each in measured().findings[:1]]
    found = properties("unvaried", {"max": 0.05, "per_class": True}, findings=(*findings, *measured().findings[1:]))
    assert (found["synthgate_gate"], found["synthgate_flagged"]) == ("unvaried[apple]", "1")


def test_what_has_no_value_is_empty() -> None:
    found = properties("unvaried", 0.05, scores={"unvaried": Score(None)})
    assert (found["synthgate_score"], found["synthgate_low"], found["synthgate_high"]) == ("", "", "")


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_numbers_of_numpy_become_text(kind: Any) -> None:
    found = properties("unvaried", 0.05, scores={"unvaried": Score(kind(0.25), kind(0), kind(1), int(np.int64(200)))})
    assert (found["synthgate_score"], found["synthgate_n"]) == ("0.25", "200")


def test_fingerprints_are_short_and_equal_for_comparable_measurements() -> None:
    one, same, other = ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1})
    assert short_fingerprint(one) == short_fingerprint(same) != short_fingerprint(other)
    assert len(short_fingerprint(one)) == 12


# Pictures


def written(path: Path, *cases: list[tuple[str, str]], output: str | None = None) -> Path:
    """Write a file as pytest does, with a case for each list of properties."""
    suite = ET.Element("testsuite", name="pytest")
    for number, known in enumerate(cases):
        case = ET.SubElement(suite, "testcase", name=f"{number}")
        table = ET.SubElement(case, "properties")
        for name, value in known:
            ET.SubElement(table, "property", name=name, value=value)
        if output is not None:
            ET.SubElement(case, "system-out").text = output
    path.write_text(ET.tostring(suite, encoding="unicode"), encoding="utf-8")
    return path


def outputs(path: Path) -> list[list[str | None]]:
    """Give what each case printed."""
    return [[each.text for each in case.iter("system-out")] for case in ET.parse(path).iter("testcase")]


def test_a_picture_is_linked_from_the_case_of_its_gate(tmp_path: Path) -> None:
    cases = [name_properties(spec, named(name)) for spec, name in (("a", "x"), ("a", "y"), ("b", "x"))]
    file = written(tmp_path / "out.xml", *cases, [("other", "a")])
    link_pictures(file, {gate_of("a", named("y")): "sheets/y.jpg", ("c", "unvaried"): "never.jpg"})
    assert outputs(file) == [[], ["[[ATTACHMENT|sheets/y.jpg]]\n"], [], []]


def test_a_case_of_several_gates_links_each_picture_once(tmp_path: Path) -> None:
    both = [each for name in ("x", "y", "x") for each in name_properties("a", named(name))]
    file = written(tmp_path / "out.xml", both)
    link_pictures(file, {gate_of("a", named(name)): f"{name}.jpg" for name in ("x", "y")})
    assert outputs(file) == [["[[ATTACHMENT|x.jpg]]\n[[ATTACHMENT|y.jpg]]\n"]]


def test_what_was_printed_before_stays_above(tmp_path: Path) -> None:
    file = written(tmp_path / "out.xml", name_properties("a", named("x")), output="one\ntwo")
    link_pictures(file, {gate_of("a", named("x")): "x.jpg"})
    assert outputs(file) == [["one\ntwo\n[[ATTACHMENT|x.jpg]]\n"]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spec=NAMES, name=NAMES)
def test_any_name_finds_its_case_in_a_file(tmp_path: Path, spec: str, name: str) -> None:
    file = written(tmp_path / "out.xml", name_properties(spec, named(name)))
    link_pictures(file, {gate_of(spec, named(name)): "x.jpg"})
    assert outputs(file) == [["[[ATTACHMENT|x.jpg]]\n"]]


@pytest.mark.parametrize(
    ("content", "links", "reason"),
    [
        ("<testsuite>", {}, "no element found"),
        (None, {}, "No such file"),
        ("<a", {}, "unclosed token"),
        ("", {("a", "unvaried[x]"): "\x07.jpg"}, "not well-formed"),
        ("", {("a", "unvaried[x]"): "\udcff.jpg"}, "invalid"),
    ],
)
def test_a_file_that_would_not_be_read_again_is_not_written(
    tmp_path: Path, content: str | None, links: Mapping[tuple[str, str], str], reason: str
) -> None:
    file = tmp_path / "out.xml"
    if content is not None:
        file.write_text(content)
    if content == "":
        written(file, name_properties("a", named("x")))
    before = file.read_bytes() if content is not None else None
    with pytest.raises(ResultsError, match=rf"out\.xml: no pictures linked from it \(.*{reason}"):
        link_pictures(file, links)
    assert [each.read_bytes() for each in tmp_path.iterdir()] == ([] if before is None else [before])
