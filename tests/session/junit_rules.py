"""What a JUnit file may hold, after `junit-10.xsd` of Jenkins' xUnit plugin, revision ae25da5.

No package installs that schema, so its rules stand here: children, attributes, and which must be there. One is left
out, as by pytest and by those who read it: a test case may have properties.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Rule(NamedTuple):
    """What one element may hold; `text` that is not blank, too."""

    children: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    text: bool = False


def _rule(children: str = "", required: str = "", optional: str = "", *, text: bool = False) -> Rule:
    return Rule(frozenset(children.split()), frozenset(required.split()), frozenset(optional.split()), text)


_RULES = {
    "testsuites": _rule("testsuite", "", "name time tests failures errors"),
    "testsuite": _rule(
        "testsuite properties testcase system-out system-err",
        "name tests failures errors",
        "group time skipped timestamp hostname id package file log url version",
    ),
    "testcase": _rule("skipped error failure system-out system-err properties", "name", "time classname group"),
    "properties": _rule("property"),
    "property": _rule("", "name value"),
    "skipped": _rule("", "", "type message", text=True),
    "error": _rule("", "", "type message", text=True),
    "failure": _rule("", "", "type message", text=True),
    "system-out": _rule(text=True),
    "system-err": _rule(text=True),
}
_TIME = re.compile(r"\d*(\.\d{1,3})?")


def violations(file: Path) -> list[str]:
    """List what a file breaks; one that is not well-formed raises.

    Raises:
        ET.ParseError: It is no XML.
    """
    root = ET.parse(file).getroot()
    found = [] if root.tag in ("testsuites", "testsuite") else [f"the root is {root.tag}"]
    for element in root.iter():
        found += _of_element(element)
    for suite in root.iter("testsuite"):
        found += _of_counts(suite)
    return found


def _of_element(element: ET.Element) -> Iterator[str]:
    rule = _RULES.get(element.tag)
    if rule is None:
        yield f"unknown element {element.tag}"
        return
    yield from (f"{child.tag} in {element.tag}" for child in element if child.tag not in rule.children)
    yield from (f"{element.tag} without {name}" for name in rule.required - set(element.keys()))
    yield from (f"{element.tag} with {name}" for name in set(element.keys()) - rule.required - rule.optional)
    texts = [element.text, *(child.tail for child in element)]
    if not rule.text and any(text and text.strip() for text in texts):
        yield f"text in {element.tag}"
    if not _TIME.fullmatch(element.get("time", "")):
        yield f"time {element.get('time')}"


def _of_counts(suite: ET.Element) -> Iterator[str]:
    """Compare the numbers of a suite with its cases; the schema cannot, and readers believe them."""
    tags = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    counts = {"tests": len(suite.findall("testcase"))}
    counts |= {name: len(suite.findall(f"testcase/{tag}")) for name, tag in tags.items()}
    for name, count in counts.items():
        if suite.get(name, str(count)) != str(count):
            yield f"{name}={suite.get(name)} of {count}"
