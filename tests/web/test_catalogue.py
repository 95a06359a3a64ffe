"""The catalogue tells the truth: DCAT-AP shapes pass, figures are recounted, dumps are the store, byte for byte."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyoxigraph as ox
import pytest
import rdflib

from tests.web.conftest import SMALL, Server, publish, running
from v4graph import checks
from v4graph.iris import Iris
from v4graph.rdf import RDF_FORMATS, rdf_format
from v4graph.settings import Settings
from v4graph.store.embedded import current
from v4graph.web.app import create_app

IRIS = Iris()
BASE = IRIS.base
VOID = "http://rdfs.org/ns/void#"
DATASET, VIEW = f"{BASE}catalogue#dataset", f"{BASE}catalogue#resolved"
PAGES = {"accept": "text/html"}


@pytest.fixture(scope="module")
def server(workspace_home: Path) -> Iterator[Server]:
    with running(create_app(Settings(home=workspace_home, readers=2))) as server:
        yield server


@pytest.fixture(scope="module")
def workspace_home(published_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged data with a folder of its own for dumps."""
    home = tmp_path_factory.mktemp("catalogue") / "home"
    home.mkdir()
    (home / "store").symlink_to(published_home / "store")
    return home


@pytest.fixture
def web(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def store(published_home: Path) -> ox.Store:
    snapshot = current(published_home)
    assert snapshot is not None
    return ox.Store.read_only(str(snapshot.path))


def values(graph: rdflib.Graph, subject: str, name: str) -> list[str]:
    return sorted(str(o) for o in graph.objects(rdflib.URIRef(subject), rdflib.URIRef(VOID + name)))


def number(graph: rdflib.Graph, subject: str, name: str) -> int:
    [found] = values(graph, subject, name)
    return int(found)


# --- DCAT-AP ------------------------------------------------------------------------------------------------------


def test_the_catalogue_passes_the_official_shapes(web: httpx.Client) -> None:
    answer = web.get("/catalogue", headers={"accept": "text/turtle"})
    assert answer.status_code == 200
    assert answer.headers["content-location"] == "catalogue.ttl"
    triples = [quad.triple for quad in ox.parse(answer.content, ox.RdfFormat.TURTLE)]
    assert list(checks.dcat_faults(triples)) == []
    assert any("modified" in t.predicate.value and t.subject.value == DATASET for t in triples)


def test_the_shapes_catch_a_catalogue_that_is_not_complete(web: httpx.Client) -> None:
    triples = [quad.triple for quad in ox.parse(web.get("/catalogue.ttl").content, ox.RdfFormat.TURTLE)]
    for name in ("title", "publisher"):
        less = [t for t in triples if not (t.subject.value == f"{BASE}catalogue" and t.predicate.value.endswith(name))]
        assert less != triples
        assert any(name in fault for fault in checks.dcat_faults(less)), name


@pytest.mark.parametrize("fmt", RDF_FORMATS, ids=lambda f: f.ending)
def test_every_format_says_the_same(web: httpx.Client, fmt) -> None:
    def said(address: str, accept: str) -> set[ox.Triple]:
        answer = web.get(address, headers={"accept": accept})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].split(";")[0] == accept
        return {quad.triple for quad in ox.parse(answer.content, rdf_format(fmt))}

    turtle = {q.triple for q in ox.parse(web.get("/catalogue.ttl").content, ox.RdfFormat.TURTLE)}
    assert said("/catalogue", fmt.media_type) == said(f"/catalogue.{fmt.ending}", fmt.media_type) == turtle
    void = {q.triple for q in ox.parse(web.get("/.well-known/void").content, ox.RdfFormat.TURTLE)}
    assert said("/.well-known/void", fmt.media_type) == void


def test_the_page_tells_it_in_the_language_asked(web: httpx.Client) -> None:
    page = web.get("/catalogue?lang=cs", headers=PAGES).text
    assert "klastry a spolupráce ve střední Evropě" in page
    assert 'href="dumps/?lang=cs"' in page
    assert "Tvrzení" in page
    assert web.get("/.well-known/void", headers=PAGES).headers["content-type"].startswith("text/html")
    assert web.get("/catalogue", headers={"accept": "image/png"}).status_code == 406


def test_it_is_not_sent_twice(web: httpx.Client) -> None:
    for path in ("/catalogue.ttl", "/.well-known/void"):
        first = web.get(path)
        again = web.get(path, headers={"if-none-match": first.headers["etag"]})
        assert again.status_code == 304


# --- VoID ---------------------------------------------------------------------------------------------------------


def test_figures_are_those_of_a_recount(web: httpx.Client, store: ox.Store) -> None:
    answer = web.get("/.well-known/void")
    assert answer.headers["content-type"] == "text/turtle; charset=utf-8"
    told = rdflib.Graph().parse(data=answer.text, format="turtle")
    quads = list(store.quads_for_pattern(None, None, None, ox.DefaultGraph()))
    assert number(told, DATASET, "triples") == len(store)
    assert number(told, VIEW, "triples") == len(quads) > 1000
    assert number(told, VIEW, "distinctSubjects") == len({q.subject for q in quads})
    assert number(told, VIEW, "distinctObjects") == len({q.object for q in quads})
    assert number(told, VIEW, "properties") == len({q.predicate for q in quads})
    things = {q.subject for q in quads if q.subject.value.startswith(f"{BASE}id/")}
    assert number(told, VIEW, "entities") == len(things)
    properties = {
        values(told, part, "property")[0]: number(told, part, "triples")
        for part in values(told, VIEW, "propertyPartition")
    }
    assert properties == Counter(q.predicate.value for q in quads)
    classes = {
        values(told, part, "class")[0]: number(told, part, "entities") for part in values(told, VIEW, "classPartition")
    }
    types = {(q.subject, q.object.value) for q in quads if q.predicate.value.endswith("rdf-syntax-ns#type")}
    assert classes == Counter(name for _, name in types)
    assert number(told, VIEW, "classes") == len(classes)
    graphs = {graph for graph in values(told, DATASET, "subset") if graph != VIEW}
    assert graphs == {g.value for g in store.named_graphs()}
    for graph in graphs:
        size = sum(1 for _ in store.quads_for_pattern(None, None, None, ox.NamedNode(graph)))
        assert number(told, graph, "triples") == size, graph


def test_links_to_authorities_are_counted(web: httpx.Client, store: ox.Store) -> None:
    told = rdflib.Graph().parse(data=web.get("/.well-known/void").text, format="turtle")
    space = "http://publications.europa.eu/resource/authority/country/"
    expected = Counter(
        q.predicate.value
        for q in store.quads_for_pattern(None, None, None, ox.DefaultGraph())
        if isinstance(q.object, ox.NamedNode) and q.object.value.startswith(space) and q.subject.value.startswith(BASE)
    )
    linksets = [
        s for s in values(told, VIEW, "subset") if values(told, s, "objectsTarget") == [f"{BASE}catalogue#eu-country"]
    ]
    found = {values(told, s, "linkPredicate")[0]: number(told, s, "triples") for s in linksets}
    assert found == expected
    assert f"{BASE}ontology#country" in found


def test_addresses_it_names_answer(web: httpx.Client) -> None:
    told = rdflib.Graph().parse(data=web.get("/.well-known/void").text, format="turtle")
    for name in ("exampleResource", "sparqlEndpoint", "dataDump"):
        addresses = values(told, DATASET, name)
        assert addresses, name
        for address in addresses:
            answer = web.get("/" + address.removeprefix(BASE), follow_redirects=True)
            assert answer.status_code == 200, address


def test_another_base_is_told_everywhere(tmp_path: Path) -> None:
    publish(tmp_path, SMALL)
    with running(create_app(Settings(home=tmp_path, base_iri="https://example.org/kg/", readers=1))) as server:
        for path in ("/catalogue.nt", "/.well-known/void"):
            text = httpx.get(server.url + path).text
            assert "https://example.org/kg/catalogue#dataset" in text or "kg/catalogue#dataset" in text
            named = [line for line in text.splitlines() if "w3id.org" in line and "/graph/" not in line]
            assert named == []
