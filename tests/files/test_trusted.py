"""What this package wrote comes back as what was written, as it does where it is checked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np

from pytest_synthgate import evaluate
from pytest_synthgate.files.forms import Count, Form, Number, member
from pytest_synthgate.files.trusted import taken
from pytest_synthgate.scores.measurement import Measurement


@dataclass(frozen=True)
class Leaf:
    number: Number | None
    kind: Annotated[str, member(alias="class")] = "none"


@dataclass(frozen=True)
class Tree:
    leaves: tuple[Leaf, ...]
    place: tuple[Number, Number]
    by_name: Mapping[str, Mapping[str, Leaf]] = field(default_factory=dict)
    counts: Mapping[str, Count] = field(default_factory=dict)
    best: Leaf | None = None
    names: tuple[str, ...] = ()


TREES = (
    Tree((), (0.0, 1.5)),
    Tree(
        (Leaf(0.25, "oak"), Leaf(None)),
        (-1.0, 2.0),
        {"a": {"b": Leaf(1.0)}, "c": {}},
        {"seen": 3},
        Leaf(0.5, "elm"),
        ("x", "y"),
    ),
)


def test_a_form_comes_back_as_it_was() -> None:
    for tree in TREES:
        plain = json.loads(json.dumps(Form(Tree).plain(tree)))
        assert taken(Tree, plain) == tree == Form(Tree).read(plain)


def test_a_measurement_comes_back_as_where_it_is_checked() -> None:
    random = np.random.default_rng(0)
    real, synthetic = random.normal(size=(90, 6)), random.normal(size=(70, 6)) + 1
    synthetic[:9], synthetic[9:12] = real[:9], synthetic[20:23]
    text = evaluate(real, synthetic).to_text()
    found = taken(Measurement, json.loads(text))
    assert found.findings
    assert found == Measurement.from_json(json.loads(text))
    assert found.to_text() == text
