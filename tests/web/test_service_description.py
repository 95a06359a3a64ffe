"""SPARQL 1.1 Service Description: it is RDF, it has an endpoint, and what it says is so.

https://www.w3.org/TR/sparql11-service-description/
"""

from __future__ import annotations

import pyoxigraph as ox
import pytest
import rdflib
from rdflib.namespace import RDF, Namespace

from .conftest import BASE, WIDE_ROWS

SD = Namespace("http://www.w3.org/ns/sparql-service-description#")
VOID = Namespace("http://rdfs.org/ns/void#")


def described(client, **headers) -> rdflib.Graph:
    answer = client.get("/sparql", headers={"Accept": "text/turtle", **headers})
    assert answer.status_code == 200
    return rdflib.Graph().parse(data=answer.content, format="turtle")


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "text/turtle"),
        ("*/*", "text/turtle"),
        ("application/rdf+xml", "application/rdf+xml"),
        ("application/ld+json", "application/ld+json"),
        ("application/n-triples", "application/n-triples"),
        ("application/trig", "application/trig"),
        ("application/n-quads", "application/n-quads"),
        ("text/html;q=0.1, text/turtle", "text/turtle"),
    ],
)
def test_it_is_rdf_in_every_format(client, accept, media_type):
    answer = client.get("/sparql", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, media_type)
    triples = frozenset(q.triple for q in ox.parse(answer.content, ox.RdfFormat.from_media_type(media_type)))
    service = ox.NamedNode(f"{BASE}sparql#service")
    assert ox.Triple(service, ox.NamedNode(str(SD.endpoint)), ox.NamedNode(f"{client.base_url}/sparql")) in triples


def test_what_it_describes_is_there(client):
    graph = described(client)
    service = graph.value(predicate=RDF.type, object=SD.Service)
    assert list(graph.objects(service, SD.supportedLanguage)) == [SD.SPARQL11Query]
    assert not list(graph.objects(service, SD.inputFormat))
    assert len(list(graph.objects(service, SD.resultFormat))) == 10
    dataset = graph.value(service, SD.defaultDataset)
    assert int(graph.value(graph.value(dataset, SD.defaultGraph), VOID.triples)) == 4
    sizes = {
        str(graph.value(named, SD.name)): int(graph.value(graph.value(named, SD.graph), VOID.triples))
        for named in graph.objects(dataset, SD.namedGraph)
    }
    assert sizes == {f"{BASE}graph/first": 1, f"{BASE}graph/second": 2, f"{BASE}graph/wide": WIDE_ROWS}


def test_every_node_has_the_properties_its_class_demands(client):
    graph = described(client)
    for service in graph.subjects(RDF.type, SD.Service):
        assert len(list(graph.objects(service, SD.endpoint))) == 1
    for named in graph.subjects(RDF.type, SD.NamedGraph):
        assert len(list(graph.objects(named, SD.name))) == 1
        assert (graph.value(named, SD.graph), RDF.type, SD.Graph) in graph
    for dataset in graph.objects(None, SD.defaultDataset):
        assert (dataset, RDF.type, SD.Dataset) in graph


def test_the_functions_it_lists_can_be_called(client):
    graph = described(client)
    functions = list(graph.objects(None, SD.extensionFunction))
    assert len(functions) == 12
    for function in functions:
        for arguments in ("?a", "?a, ?b"):
            query = (
                f"PREFIX geo: <http://www.opengis.net/ont/geosparql#> SELECT (<{function}>({arguments}) AS ?x) "
                '{ VALUES (?a ?b) { ("POINT(1 1)"^^geo:wktLiteral "POINT(1 1)"^^geo:wktLiteral) } }'
            )
            assert client.get("/sparql", params={"query": query}).status_code == 200


def test_scratch_mode_says_that_it_can_be_written(writer):
    writer.post("/sparql", data={"update": "CREATE GRAPH <http://example.org/empty>"})
    graph = described(writer)
    service = graph.value(predicate=RDF.type, object=SD.Service)
    assert set(graph.objects(service, SD.supportedLanguage)) == {SD.SPARQL11Query, SD.SPARQL11Update}
    assert (None, SD.name, rdflib.URIRef("http://example.org/empty")) in graph


def test_a_browser_gets_a_form(client):
    answer = client.get("/sparql", headers={"Accept": "text/html,*/*;q=0.8"})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert 'method="get"' in answer.text
    assert '<textarea id="query" name="query"' in answer.text


def test_it_has_an_entity_tag(client):
    first = client.get("/sparql", headers={"Accept": "text/turtle"})
    condition = {"Accept": "text/turtle", "If-None-Match": first.headers["etag"]}
    assert client.get("/sparql", headers=condition).status_code == 304
    condition["Accept"] = "application/rdf+xml"
    assert client.get("/sparql", headers=condition).status_code == 200
