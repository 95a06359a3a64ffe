"""``/queries`` over real HTTP: the list, answers in every format, errors, entity tags, and the export."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import httpx
import pyoxigraph as ox
import pytest
import rdflib

from v4graph import queries
from v4graph.iris import Iris

from .conftest import Server

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PARTNERS = "/queries/projects/list-partners"
V4CLUSTERS = {"project": "https://w3id.org/v4graph/id/project/v4clusters"}
NAMES = [query.name for query in queries.list_library(Iris())]
SH = rdflib.Namespace("http://www.w3.org/ns/shacl#")


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=20) as found:
        yield found


def test_the_list(client: httpx.Client) -> None:
    told = client.get("/queries").json()["queries"]
    assert [query["name"] for query in told] == NAMES
    assert not any(name.startswith(("platform/", "rules/")) for name in NAMES)
    [partners] = [query for query in told if query["name"] == "projects/list-partners"]
    assert partners["title"]["pl"].startswith("Kto był partnerem")
    assert partners["description"]["hu"].startswith("Partnerenként")
    assert partners["parameters"][0]["type"] == "iri"
    invented = {query["name"] for query in told if query["answeredOn"] == "invented data"}
    assert "matchmaking/match-offers" in invented and PARTNERS.removeprefix("/queries/") not in invented
    page = client.get("/queries", headers=BROWSER)
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert all(f'href="queries/{name}"' in page.text for name in NAMES)
    czech = client.get("/queries?lang=cs", headers=BROWSER)
    assert "Kdo byli partneři projektu" in czech.text
    assert "Jeden řádek pro každého partnera" in czech.text
    assert page.text.count("it is tested on invented data") == len(invented)
    again = client.get("/queries", headers={**BROWSER, "If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/queries.json").json()["queries"] == told
    assert client.get("/queries?format=ttl").status_code == 400


def test_json_and_csv(client: httpx.Client) -> None:
    answer = client.get(PARTNERS, params=V4CLUSTERS)
    assert answer.headers["content-type"] == "application/sparql-results+json"
    rows = answer.json()["results"]["bindings"]
    assert any(row["organisation"]["value"].endswith("/id/organisation/uks") for row in rows)
    for address, accept in ((f"{PARTNERS}.csv", "*/*"), (PARTNERS, "text/csv")):
        told = client.get(address, params=V4CLUSTERS, headers={"Accept": accept})
        assert told.headers["content-type"] == "text/csv; charset=utf-8"
        assert len(list(csv.DictReader(io.StringIO(told.text)))) == len(rows)
    assert client.get(PARTNERS, params={**V4CLUSTERS, "format": "csv"}).text == told.text
    short = client.get(f"{PARTNERS}.json", params={"project": "id/project/v4clusters"})
    assert short.json() == answer.json()


def test_a_graph(client: httpx.Client) -> None:
    answer = client.get("/queries/cooperation/export-network.ttl", params={"project": "id/project/ketgate"})
    assert answer.headers["content-type"].startswith("text/turtle")
    graph = rdflib.Graph().parse(data=answer.text, format="turtle")
    involves = rdflib.URIRef("https://w3id.org/v4graph/ontology#involves")
    assert set(graph.subjects(involves)) == {rdflib.URIRef("https://w3id.org/v4graph/id/project/ketgate")}
    page = client.get("/queries/cooperation/export-network.html", params={"project": "id/project/ketgate"})
    assert "JSON-LD" in page.text
    assert client.get(f"{PARTNERS}.ttl").status_code == 406


def test_the_page(client: httpx.Client) -> None:
    page = client.get(PARTNERS, params=V4CLUSTERS, headers={**BROWSER, "Accept-Language": "sk"})
    assert page.status_code == 200
    assert "Kto boli partneri projektu" in page.text
    assert "Jeden riadok pre každého partnera" in page.text
    assert 'value="https://w3id.org/v4graph/id/project/v4clusters"' in page.text
    assert '<option value="sk" selected>' in page.text
    assert 'organisation/nca" lang="en">National Cluster Association</a>' in page.text
    assert "Accept-Language" in page.headers["vary"]
    again = client.get(
        PARTNERS,
        params=V4CLUSTERS,
        headers={**BROWSER, "Accept-Language": "sk", "If-None-Match": page.headers["etag"]},
    )
    assert again.status_code == 304
    hostile = client.get("/queries/projects/find-by-topic.html", params={"topic": '"><script>alert(1)</script>'})
    assert hostile.status_code == 200
    assert "<script>" not in hostile.text


def test_entity_tags(client: httpx.Client) -> None:
    first = client.get(f"{PARTNERS}.csv", params=V4CLUSTERS)
    tag = first.headers["etag"]
    for _ in range(2):
        same = client.get(f"{PARTNERS}.csv", params=V4CLUSTERS, headers={"If-None-Match": tag})
        assert (same.status_code, same.content) == (304, b"")
    assert client.get(f"{PARTNERS}.json", params=V4CLUSTERS).headers["etag"] != tag
    assert client.get(f"{PARTNERS}.csv", params={"project": "id/project/ketgate"}).headers["etag"] != tag
    assert client.head(f"{PARTNERS}.csv", params=V4CLUSTERS).headers["content-length"]


@pytest.mark.parametrize(
    ("address", "says"),
    [
        (f"{PARTNERS}?project=v4clusters", "project is an IRI"),
        (f"{PARTNERS}?proyect=x", "no parameter proyect. It has project, lang"),
        (f"{PARTNERS}?project=id/project/a&project=id/project/b", "given twice"),
        (f"{PARTNERS}?lang=xx", "one of en"),
        ("/queries/projects/list-projects?from=1.2.2014", "a day such as"),
        ("/queries/cooperation/find-brokers?atLeast=many", "a whole number"),
        (f"{PARTNERS}?timeout=never", "timeout is"),
    ],
)
def test_bad_parameters(client: httpx.Client, address: str, says: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert says in answer.json()["detail"]
    page = client.get(address, headers=BROWSER)
    assert page.status_code == 400
    assert page.headers["content-type"].startswith("text/html")
    assert says in page.text


def test_what_is_not_there(client: httpx.Client) -> None:
    missing = client.get("/queries/projects/list-partner")
    assert missing.status_code == 404
    assert "Did you mean projects/list-partners" in missing.json()["detail"]
    for path in ("platform/describe", "rules/partner", "projects/x.y", "projects"):
        assert client.get(f"/queries/{path}").status_code == 404
    assert client.post(PARTNERS).status_code == 405


@pytest.mark.parametrize("ending", ["ttl", "nt", "rdf", "jsonld", "trig", "nq"])
def test_examples_in_every_format(client: httpx.Client, ending: str) -> None:
    told = client.get(f"/.well-known/sparql-examples.{ending}")
    assert told.status_code == 200
    formats = {
        "ttl": "TURTLE",
        "nt": "N_TRIPLES",
        "rdf": "RDF_XML",
        "jsonld": "JSON_LD",
        "trig": "TRIG",
        "nq": "N_QUADS",
    }
    quads = list(ox.parse(told.content, getattr(ox.RdfFormat, formats[ending])))
    executables = {q.subject.value for q in quads if str(q.object) == f"<{SH}SPARQLExecutable>"}  # type: ignore[union-attr]
    assert executables == {f"https://w3id.org/v4graph/queries/{name}" for name in NAMES}
    assert not any(isinstance(term, ox.BlankNode) for q in quads for term in (q.subject, q.object))


def test_examples_run(client: httpx.Client) -> None:
    told = client.get("/.well-known/sparql-examples", headers={"Accept": "text/turtle"})
    graph = rdflib.Graph().parse(data=told.text, format="turtle")
    node = rdflib.URIRef("https://w3id.org/v4graph/queries/projects/count-by-funder")
    assert {term.language for term in graph.objects(node, rdflib.RDFS.comment)} == set(queries.LANGUAGES)  # type: ignore[attr-defined]
    told_in = {term.language for term in graph.objects(node, rdflib.DCTERMS.description)}  # type: ignore[attr-defined]
    assert told_in == set(queries.LANGUAGES)
    assert rdflib.Literal("funders") in set(graph.objects(node, rdflib.URIRef("https://schema.org/keywords")))
    [endpoint] = graph.objects(node, rdflib.URIRef("https://schema.org/target"))
    assert str(endpoint) == "https://w3id.org/v4graph/sparql"
    [prefixes] = graph.objects(node, SH.prefixes)
    declared = {str(d) for x in graph.objects(prefixes, SH.declare) for d in graph.objects(x, SH.prefix)}
    assert {"v4", "skos", "org"} <= declared
    [text] = graph.objects(node, SH.select)
    assert client.get("/sparql", params={"query": str(text), "format": "csv"}).status_code == 200
    assert client.get("/.well-known/sparql-examples", headers={"Accept": "image/png"}).status_code == 406
    tag = told.headers["etag"]
    headers = {"Accept": "text/turtle", "If-None-Match": tag}
    assert client.get("/.well-known/sparql-examples", headers=headers).status_code == 304


def test_openapi_describes_them(client: httpx.Client) -> None:
    paths = json.loads(client.get("/openapi.json").text)["paths"]
    assert {f"/queries/{name}" for name in NAMES} | {"/queries", "/.well-known/sparql-examples"} <= set(paths)
    given = {p["name"]: p["schema"] for p in paths["/queries/projects/list-projects"]["get"]["parameters"]}
    assert given["from"] == {"type": "string", "format": "date"}
    assert "/health" in paths
    identifiers = [operation["get"]["operationId"] for path, operation in paths.items() if path.startswith("/queries")]
    assert len(identifiers) == len(set(identifiers))
