"""The examples of the vocabulary: one for every class, valid, and the same in JSON-LD; and the alignments."""

from __future__ import annotations

import json
from pathlib import Path

import pyoxigraph as ox
import pytest

from v4graph import assets, portal, rdf, vocabulary
from v4graph.iris import Iris
from v4graph.shapes import validate

IRIS = Iris()
V4 = IRIS.term("")
TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
SUBCLASS = "http://www.w3.org/2000/01/rdf-schema#subClassOf"
SKOS = "http://www.w3.org/2004/02/skos/core#"
PROV = "http://www.w3.org/ns/prov#"

EXAMPLES = sorted(portal.EXAMPLES.glob("*.ttl"))
ALIGNMENTS = assets.ONTOLOGY / "alignments.ttl"
# Their things are made by the graph itself, so nobody contributes one.
MADE_BY_THE_GRAPH = {"Contribution", "Revision", "SourceDescription", "Disagreement", "Claim", "MergePolicy"}


def triples(path: Path) -> list[ox.Triple]:
    return [quad.triple for quad in ox.parse(path.read_bytes(), ox.RdfFormat.TURTLE)]


ONTOLOGY = triples(assets.ONTOLOGY / "v4graph.ttl")
CLASSES = {
    t.subject.value.removeprefix(V4) for t in ONTOLOGY if t.predicate.value == TYPE and t.object.value.endswith("Class")
}
# Their things are concepts: the schemes are their examples.
CONCEPT_CLASSES = {
    t.subject.value.removeprefix(V4)
    for t in ONTOLOGY
    if t.predicate.value == SUBCLASS and t.object.value == f"{SKOS}Concept"
}


def test_every_class_has_an_example() -> None:
    wanted = CLASSES - CONCEPT_CLASSES - MADE_BY_THE_GRAPH
    assert {path.stem for path in EXAMPLES} == wanted, "add ontology/examples/{Class}.ttl, or take the stray file out"


@pytest.mark.parametrize("name", sorted(CONCEPT_CLASSES - MADE_BY_THE_GRAPH))
def test_every_class_of_concepts_has_concepts(name: str) -> None:
    files = (assets.ONTOLOGY / "schemes").glob("*.ttl")
    assert any(t.predicate.value == TYPE and t.object.value == V4 + name for f in files for t in triples(f))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_example_shows_its_class_in_declared_terms(path: Path) -> None:
    said = triples(path)
    assert said[0].predicate.value == TYPE, "begin with the thing that the example is about"
    first = {t.object.value for t in said if t.subject == said[0].subject and t.predicate.value == TYPE}
    assert V4 + path.stem in first
    assert not [t for t in said if isinstance(t.subject, ox.BlankNode) or isinstance(t.object, ox.BlankNode)]
    known = vocabulary.load_vocabulary(IRIS)
    words = {t.predicate.value for t in said} | {t.object.value for t in said if t.predicate.value == TYPE}
    assert {word for word in words if word.startswith(V4)} <= known.terms
    concepts = {t.object.value for t in said if isinstance(t.object, ox.NamedNode) and "/scheme/" in t.object.value}
    assert concepts - {"http://data.europa.eu/nuts/scheme/2021"} <= known.concepts
    described = {t.subject.value for t in said if t.predicate.value == TYPE}
    things = {t.object.value for t in said if isinstance(t.object, ox.NamedNode) and "/id/" in t.object.value}
    assert things <= described, "describe in the example all that it refers to"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_example_passes_the_shapes(path: Path) -> None:
    report = validate(rdf.ntriples(ox.parse(path.read_bytes(), ox.RdfFormat.TURTLE)), iris=IRIS)
    found = [(f.shape, f.focus, f.path, f.value) for f in report.findings if f.severity == "violation"]
    assert not found


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_the_twin_says_the_same(path: Path) -> None:
    committed = path.with_suffix(".jsonld").read_bytes()
    assert committed == portal.rendered(portal.twin(path, IRIS)), "run python -m v4graph.portal"
    assert portal.triples_of(json.loads(committed), IRIS) == set(triples(path))


def test_alignments_only_compare() -> None:
    """Nothing of the file is an axiom, no equivalence is said, and the graph does not load it."""
    said = [t for t in triples(ALIGNMENTS) if t.subject.value.startswith(V4)]
    declared = {t.subject.value for t in ONTOLOGY}
    assert len(said) > 30
    assert {t.subject.value for t in said} <= declared
    assert {t.predicate.value.removeprefix(SKOS) for t in said} <= {"closeMatch", "broadMatch", "relatedMatch"}
    assert not [t for t in said if t.object.value.startswith(V4)]
    assert (V4 + "Project", "http://data.europa.eu/s66#Project") in {(t.subject.value, t.object.value) for t in said}
    assert f"{PROV}Entity" in {t.object.value for t in said if t.subject.value == f"{V4}SourceDocument"}
    loaded = (Path(__file__).parent.parent / "v4graph" / "workspace.py").read_text(encoding="utf-8")
    assert "alignments" not in loaded
