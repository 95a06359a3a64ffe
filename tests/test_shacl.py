"""The shapes are asked of a contribution's own records only; what they find is what pySHACL finds in everything."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pyoxigraph as ox
import pyshacl
import pytest
import rdflib
from rdflib.namespace import SH
from rdflib.term import Node

from tests.test_shapes import CASES, EXAMPLES, IRIS, NEIGHBOURHOOD, lines_of
from v4graph import rdf, shacl, shapes, sieve
from v4graph.rules import load_rules
from v4graph.shapes import RDF_TYPE
from v4graph.sieve import Sieve

XSD = "http://www.w3.org/2001/XMLSchema#"

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
    """The sieve knows classes, subjects and objects as targets; a shape with another would be asked of nothing."""
    assert [found for property_ in NO_TARGETS for found in SHAPES.subject_objects(property_)] == []


def test_the_sieve_understands_every_shape() -> None:
    """One that it does not would send every record on to pySHACL."""
    assert Sieve(RULES.triples).not_understood == []


def odd_values() -> list[str]:
    """Values of every kind: spellings right, wrong and unusual."""
    typed = [
        ("integer", ("7", "007", "-3", "+5", "1.0", "", "9" * 30)),
        ("decimal", ("seven", "7", "0.5", "-0.0", "+5.5", ".5", "5.", "1e3", "99.9", "4000")),
        ("boolean", ("true", "1", "TRUE")),
        ("date", ("2013-10-01", "2013-02-30", "2013-10-01Z", "0000-01-01", "1700-01-01")),
        ("gYearMonth", ("2013-10", "2013-13", "2013-10Z")),
        ("gYear", ("2013", "02013", "0000", "2013Z", "1700")),
        ("double", ("7", "INF")),
        ("string", ("plain", r"two\nlines", r"\u00e9 \"quoted\" \\ ", "<b>", "long " * 500)),
        ("token", ("one",)),
    ]
    values = [f'"{text}"^^<{XSD}{name}>' for name, texts in typed for text in texts]
    tags = ("en", "EN", "en-GB", "cz", "cs", "x-klingon")
    values += [f'"Name {number}"@{tag}' for number, tag in enumerate(tags)]
    values += ['"  "@en', r'"two\tcolumns"@en', f'"{"long " * 500}"@en', '"second"@en']
    iris = (IRIS.concept("sector", "ict"), "https://example.org/", "mailto:nobody", f"{IRIS.base}id/Odd/X_")
    return values + [f"<{iri}>" for iri in iris]


def asked_of_values() -> list[tuple[Node, Node | None, list[Node]]]:
    """Of shapes that differ in nothing but property and kinds, one: path, a kind it aims at, the kinds of values."""
    unlike: dict[object, tuple[Node, Node | None, list[Node]]] = {}
    for shape, path in sorted(SHAPES.subject_objects(SH.path)):
        said = {
            (predicate, *(SHAPES.items(value) if predicate in (SH["or"], SH.languageIn) else (value,)))
            for predicate, value in SHAPES.predicate_objects(shape)
            if predicate not in (SH.path, SH.severity, SH.targetClass, SH.targetSubjectsOf, SH["class"])
        }
        kind = min(SHAPES.objects(shape, SH.targetClass), default=None)
        of_values = list(SHAPES.objects(shape, SH["class"]))
        key = (shape,) if STEP == 1 else (frozenset(said), len(of_values))
        unlike.setdefault(key, (path, kind, of_values))
    return list(unlike.values())


def odd_records() -> list[str]:
    """For each shape records with each value, some with two; and records whose addresses are odd."""
    values, lines = odd_values(), []
    for number, (path, kind, of_values) in enumerate(asked_of_values()):
        fitting = [f"<{IRIS.thing('organisation', f'value-{number}-{i}')}>" for i in range(len(of_values))]
        lines += [f"{value} {RDF_TYPE} <{of}> ." for value, of in zip(fitting, of_values, strict=True)]
        of_shape = [*fitting, *(values if STEP == 1 else values[number % 4 :: 4])]
        for i in range(len(of_shape)):
            record = f"<{IRIS.thing('organisation', f'odd-{number}-{i}')}>"
            lines += [f"{record} {RDF_TYPE} <{kind}> ."] if kind is not None else []
            lines += [f"{record} <{path}> {value} ." for value in of_shape[i : i + 1 + (i % 3 == 0)]]
    for kind in set(SHAPES.objects(None, SH.targetClass)):
        things = [IRIS.thing(name, slug) for name in ("project", "organisation") for slug in ("a-b", "A", "a/b")]
        lines += [f"<{thing}> {RDF_TYPE} <{kind}> ." for thing in things]
    return rdf.ntriples(rdf.parse_lines(lines))


def test_the_sieve_clears_nothing_that_is_at_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches of any size, pySHACL finds in what is left what it finds in everything; other tests have one batch."""
    lines = [*odd_records(), *RULES.vocabulary.hierarchy]
    own = set(odd_records())
    found = plain(lines, own)
    assert len({one.shape for one in found}) > 100 and len({one.component for one in found}) >= 12
    monkeypatch.setattr(sieve, "BATCH", 100)
    assert set(shacl.find(lines, own, IRIS)) == found


def test_what_is_not_understood_is_left_to_shacl() -> None:
    """A shape that looks further than a value and its kinds gets all lines, and every record it aims at."""
    triples = [
        quad.triple
        for quad in ox.parse(
            b"""@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix : <urn:x-rule:> .
            :Closed sh:targetClass :Kind ; sh:closed true .
            :Inverse sh:targetSubjectsOf :p ; sh:path [ sh:inversePath :p ] ; sh:maxCount 1 .
            :Aimed sh:targetObjectsOf :p ; sh:path :p ; sh:minCount 1 .
            :Many sh:targetClass :Kind ; sh:path :p ; sh:minCount 2 .
            :Flags sh:targetClass :Kind ; sh:path :p ; sh:pattern "x" ; sh:flags "i" .
            :Some sh:targetClass :Kind ; sh:path :p ; sh:or ( :Aimed ) .
            :Fine sh:targetClass :Kind ; sh:path :p ; sh:nodeKind sh:IRI .""",
            ox.RdfFormat.TURTLE,
        )
    ]
    lines = [f"<urn:a> {RDF_TYPE} <urn:x-rule:Kind> .", "<urn:a> <urn:x-rule:p> <urn:b> .", "<urn:b> <urn:q> <urn:c> ."]
    asked = Sieve(triples)
    names = ("Closed", "Flags", "Inverse", "Many", "Some")
    assert asked.not_understood == [f"urn:x-rule:{name}" for name in names]
    of_subjects, of_objects = asked.doubtful(lines, lines)
    assert of_subjects.shapes == {f"urn:x-rule:{name}": ["urn:a"] for name in names}
    assert of_objects.shapes == {"urn:x-rule:Aimed": ["urn:b"]}
    assert of_subjects.lines == of_objects.lines == sorted(lines)
