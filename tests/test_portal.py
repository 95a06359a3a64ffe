"""The JSON-LD shape: the context is fresh and clash-free, and nothing is lost on the way there and back."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyoxigraph as ox
import pytest
from pyld import jsonld

from tests.test_entities import documents, reading
from v4graph import assets, portal
from v4graph.entities import describe, select
from v4graph.iris import PUBLIC_BASE, Iris
from v4graph.sandbox.pool import Sandbox
from v4graph.statements import Document

IRIS = Iris()
TERMS = json.loads(portal.CONTEXT.read_bytes())["@context"]
ANYTHING = {
    quad.subject.value.rpartition("#")[2]
    for quad in ox.parse(path=assets.ONTOLOGY / "v4graph.ttl")
    if quad.predicate.value == "https://schema.org/rangeIncludes"
    and quad.object == ox.NamedNode("http://www.w3.org/2000/01/rdf-schema#Resource")
}
"""Properties whose value may be a thing or any literal, such as the value that was accepted for another one."""


def test_the_committed_context_is_fresh() -> None:
    assert portal.CONTEXT.read_bytes() == portal.rendered(portal.make_context(Iris(PUBLIC_BASE))), (
        "the ontology has changed: run python -m v4graph.portal"
    )


def test_terms_are_local_names_and_none_means_two_things() -> None:
    assert TERMS["prefLabel"] == {"@id": "skos:prefLabel", "@container": "@language"}
    assert TERMS["altLabel"]["@container"] == ["@language", "@set"]
    assert TERMS["startDate"] == "v4:startDate"
    assert TERMS["leadPartner"] == {"@id": "v4:leadPartner", "@container": "@set"}
    assert TERMS["participations"] == {"@reverse": "v4:project", "@container": "@set"}
    assert TERMS["member"] == "org:member"
    assert TERMS["skos:member"] == {"@id": "skos:member", "@container": "@set"}
    meanings = [
        (str(t.get("@id") or t.get("@reverse")), "@reverse" in t) for t in TERMS.values() if isinstance(t, dict)
    ]
    meanings += [(t, False) for t in TERMS.values() if isinstance(t, str) and not t.endswith(("#", "/"))]
    doubled = {m for m in meanings if meanings.count(m) > 1}
    assert not doubled


def test_every_inverse_name_belongs_to_a_property() -> None:
    inverse = json.loads((assets.ONTOLOGY / "context" / "inverse.json").read_text())
    assert len(set(inverse.values())) == len(inverse)
    for compact, name in inverse.items():
        assert TERMS[name] == {"@reverse": compact, "@container": "@set"}


def test_frames_name_classes_of_the_ontology() -> None:
    text = (assets.ONTOLOGY / "v4graph.ttl").read_bytes()
    known = {q.subject.value for q in ox.parse(text, ox.RdfFormat.TURTLE) if isinstance(q.subject, ox.NamedNode)}
    for kind, classes in portal.kinds(IRIS).items():
        assert set(classes) <= known, kind


def test_nothing_but_our_context_is_loaded() -> None:
    for url in ("https://schema.org/", "file:///etc/passwd", "http://127.0.0.1:1/context.jsonld"):
        with pytest.raises(jsonld.JsonLdError):
            jsonld.expand({"@context": url, "name": "x"}, portal._options(IRIS))


def _framed(home: Path, path: str) -> portal.Json:
    [found] = documents(home, path)
    return portal.framed(found, IRIS)


def test_the_shape_of_a_project(published_home: Path) -> None:
    made = _framed(published_home, "id/project/v4clusters")
    assert made["@context"] == "https://w3id.org/v4graph/context/v1.jsonld"
    assert made["id"] == IRIS.thing("project", "v4clusters")
    assert made["type"] == ["Project"]
    assert made["prefLabel"]["en"] == "V4Clusters"
    assert made["startDate"] == {"type": ["xsd:gYearMonth"], "@value": "2013-10"} or made["startDate"] == {
        "type": "xsd:gYearMonth",
        "@value": "2013-10",
    }
    assert made["declaredPartnerCount"] == 5
    assert made["leadPartner"][0]["prefLabel"]["en"] == "National Cluster Association"
    by_id = {p["participant"]["id"]: p for p in made["participations"]}
    nca = by_id[IRIS.thing("organisation", "nca")]
    assert nca["participant"]["country"]["prefLabel"]["hu"] == "Csehország"
    assert {role["id"].rpartition("/")[2] for role in nca["participationRole"]} >= {"coordinator"}
    assert {output["id"] for output in made["outputs"]} >= {IRIS.thing("output", "v4clusters-portal")}


def test_sets_are_arrays_and_single_values_are_not(published_home: Path) -> None:
    made = _framed(published_home, "id/organisation/nca")
    assert isinstance(made.get("acronym", []), list)
    assert isinstance(made["country"], dict)
    assert isinstance(made["participatesIn"], list)
    for part in made["participatesIn"]:
        assert isinstance(part["participationRole"], list)
        assert isinstance(part["project"], dict)


@pytest.fixture(scope="module")
def everything(published_home: Path) -> list[Document]:
    """The document of every sixth thing in the packaged data; with V4GRAPH_DRILL=full of every one."""

    async def work(sandbox: Sandbox) -> list[Document]:
        rows = await select(sandbox, "SELECT DISTINCT ?s WHERE { ?s ?p ?o }", 60)
        things = sorted(r["s"].value for r in rows if r["s"].value.startswith(f"{IRIS.base}id/"))
        step = 1 if os.environ.get("V4GRAPH_DRILL") == "full" else 6
        return [await describe(sandbox, thing, IRIS, 60) for thing in things[::step]]

    found: list[Document] = reading(published_home, work)
    assert len(found) > 150
    return found


def test_everything_comes_back_from_json_as_it_was(everything: list[Document]) -> None:
    for document in everything:
        made = json.loads(portal.rendered(portal.framed(document, IRIS)))
        assert made["id"] == document.iri
        assert "@graph" not in made and "@reverse" not in made, document.iri
        assert portal.triples_of(made, IRIS) == set(document.triples(IRIS)), document.iri


def test_the_shape_keeps_still_over_all_data(everything: list[Document]) -> None:
    """A key has the same JSON type wherever it occurs: text is a map, a set is an array, a thing an object.

    But for the few properties whose value may be anything.
    """
    types: dict[str, set[str]] = {}

    def visit(node: object) -> None:
        if isinstance(node, list):
            for item in node:
                visit(item)
        elif isinstance(node, dict) and "@value" not in node:
            for key, value in node.items():
                definition = TERMS.get(key)
                types.setdefault(key, set()).add(type(value).__name__)
                if not (isinstance(definition, dict) and "@language" in str(definition.get("@container"))):
                    visit(value)

    for document in everything:
        visit(portal.framed(document, IRIS))
    assert {key: found for key, found in types.items() if len(found) > 1 and key not in ANYTHING} == {}
    assert 0 < len(ANYTHING) < 10


def test_schema_org_says_what_search_engines_know(published_home: Path) -> None:
    project, organisation = documents(published_home, "id/project/v4clusters", "id/organisation/nca")
    assert portal.schema_org(project, IRIS)["@type"] == "Project"
    made = portal.schema_org(organisation, IRIS)
    assert made["@type"] == "Organization"
    assert {"@value": "National Cluster Association", "@language": "en"} in made["name"]


def test_the_vocabulary_is_a_list_of_terms(published_home: Path) -> None:
    [found] = documents(published_home, "ontology", size=1000)
    made = portal.framed(found, IRIS)
    assert made["@graph"][0]["id"] == IRIS.ontology
    assert portal.triples_of(made, IRIS) == set(found.triples(IRIS))


def test_values_json_cannot_say_keep_their_type() -> None:
    subject, predicate = ox.NamedNode("http://e/s"), ox.NamedNode(IRIS.term("amount"))
    xsd = "http://www.w3.org/2001/XMLSchema#"
    literals = [
        ox.Literal("12345678901234567890", datatype=ox.NamedNode(f"{xsd}integer")),
        ox.Literal("1358494.68", datatype=ox.NamedNode(f"{xsd}decimal")),
        ox.Literal("true", datatype=ox.NamedNode(f"{xsd}boolean")),
        ox.Literal("7", datatype=ox.NamedNode(f"{xsd}integer")),
        ox.Literal("plain"),
        ox.Literal("slovo", language="sk"),
    ]
    triples = [ox.Triple(subject, predicate, literal) for literal in literals]
    compacted = portal.listed(["http://e/s"], triples, IRIS)
    assert portal.triples_of(json.loads(portal.rendered(compacted)), IRIS) == set(triples)
