"""The shapes are asked of a contribution's own records only; what they find is what pySHACL finds in everything."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pyshacl
import pytest
import rdflib
from rdflib.namespace import SH

from tests.test_shapes import CASES, EXAMPLES, IRIS, NEIGHBOURHOOD, lines_of
from v4graph import rdf, shacl, shapes
from v4graph.rules import load_rules

RULES = load_rules(IRIS)
SHAPES = shacl.fill(rdflib.Graph(), RULES.triples)
STEP = 1 if os.environ.get("V4GRAPH_DRILL") == "full" else 12
FILES = [*EXAMPLES, *sorted(CASES.rglob("*.ttl"))][::STEP]
NO_TARGETS = (SH.targetNode, SH.target)


def told(statements: list[str], known: Iterable[str]) -> list[str]:
    return [*statements, *shapes._needed(statements, set(known)), *RULES.vocabulary.hierarchy]


def plain(lines: list[str], own: set[str]) -> set[shacl.Found]:
    """What pySHACL says of the data as a whole, told of the contribution's own records."""
    data = shacl.fill(rdflib.Graph(), rdf.parse_lines(lines))
    result = pyshacl.validate(data, shacl_graph=SHAPES, inference="none", advanced=False, do_owl_imports=False)[1]
    return set(shacl.read(result, data, own))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_findings_are_those_of_pyshacl(path: Path) -> None:
    try:
        statements = sorted(set(lines_of(path)))
    except SyntaxError:  # a fault of the document, found before any shape is asked
        return
    found = {
        shacl.Found(one.shape, one.focus, one.path, one.value, one.component or "")
        for one in shapes._of_shapes(statements, set(NEIGHBOURHOOD), RULES, IRIS)
    }
    assert found == plain(told(statements, NEIGHBOURHOOD), set(statements))


def test_no_shape_aims_in_another_way() -> None:
    """``_Aims`` knows classes, subjects and objects as targets; a shape with another would be asked of nothing."""
    assert [found for property_ in NO_TARGETS for found in SHAPES.subject_objects(property_)] == []
