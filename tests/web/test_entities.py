"""Every IRI answers: pages and documents of a real server over the packaged data, and over data made to hurt."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pyoxigraph as ox
import pytest

from tests.web.conftest import Server, publish, running
from v4graph import portal
from v4graph.errors import V4GraphError
from v4graph.iris import Iris
from v4graph.rdf import N_QUADS, N_TRIPLES, RDF_FORMATS, RDF_XML, TRIG, rdf_format
from v4graph.settings import Settings
from v4graph.store.embedded import current
from v4graph.web.app import create_app
from v4graph.web.built import early_script

IRIS = Iris()
BASE = IRIS.base
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PAGES = {"accept": "text/html"}


class Page(HTMLParser):
    """What a test wants to know of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.data: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag in ("h1", "title", "dt") or (tag == "script" and ("type", "application/ld+json") in attrs):
            self._open.append(tag)
            self.data.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for tag in self._open:
            self.data[tag][-1] += data

    def all(self, tag: str, attribute: str) -> list[str]:
        return [attrs[attribute] for name, attrs in self.tags if name == tag and attribute in attrs]


def assert_sound(text: str, language: str = "en") -> Page:
    """The basics of a valid, accessible and self-contained page."""
    page = Page(text)
    assert text.startswith("<!doctype html>")
    assert page.all("html", "lang") == [language]
    assert len(page.data["h1"]) == 1 and page.data["h1"][0].strip()
    assert page.data["title"][0].strip()
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids)), [i for i in ids if ids.count(i) > 1]
    labelled = set(page.all("label", "for"))
    for tag, attrs in page.tags:
        if tag in ("input", "select", "textarea") and attrs.get("type") != "hidden":
            assert attrs.get("id") in labelled or "aria-label" in attrs
        if tag in ("img", "script", "iframe", "source"):
            assert "://" not in attrs.get("src", "")
        if tag == "script":
            early = attrs == {"id": "page-early"} and f'<script id="page-early">{early_script()}</script>' in text
            assert early or attrs.get("type") in ("application/ld+json", "application/json") or "src" in attrs
        if tag == "link" and attrs.get("rel") != "canonical":
            assert "://" not in attrs["href"] and not attrs["href"].startswith("/")
        assert "style" not in attrs and not any(name.startswith("on") for name in attrs)
        href = attrs.get("href", "")
        if "://" in href and not (tag == "link" and attrs.get("rel") == "canonical"):
            assert href.startswith(("http://", "https://")) and not href.startswith(BASE), href
        for name in ("aria-labelledby", "aria-describedby"):
            assert set(attrs.get(name, "").split()) <= set(ids), (name, attrs)
        assert not href.startswith(("/", "javascript:", "data:"))
        if href.startswith("#"):
            assert href[1:] in ids, href
    return page


@pytest.fixture(scope="module")
def atlas(published_home: Path) -> Iterator[Server]:
    """A server on the packaged data."""
    with running(create_app(Settings(home=published_home, readers=2, client_queries=64))) as found:
        yield found


@pytest.fixture
def web(atlas: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=atlas.url, timeout=60) as found:
        yield found


# --- things and documents ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "ending"),
    [
        (BROWSER["accept"], ""),
        ("*/*", ""),
        ("text/turtle", ".ttl"),
        ("application/ld+json", ".jsonld"),
        ("application/json", ".jsonld"),
        ("application/n-triples", ".nt"),
        ("application/rdf+xml", ".rdf"),
        ("application/trig", ".trig"),
        ("application/n-quads", ".nq"),
        ("text/csv", ".csv"),
        ("text/turtle;q=0.5, application/ld+json", ".jsonld"),
    ],
)
def test_a_thing_is_told_by_a_document(web: httpx.Client, accept: str, ending: str) -> None:
    found = web.get("/id/project/ketgate", headers={"accept": accept})
    assert found.status_code == 303
    assert found.headers["location"] == f"../../project/ketgate{ending}"
    assert "Accept" in found.headers["vary"]
    document = web.get(urljoin("/id/project/ketgate", found.headers["location"]), headers={"accept": accept})
    assert document.status_code == 200
    assert f'<{BASE}id/project/ketgate>; rel="canonical"' in document.headers.get_list("link")


def test_the_page_negotiates_and_says_where_the_document_is(web: httpx.Client) -> None:
    found = web.get("/project/ketgate", headers={"accept": "text/turtle"})
    assert found.headers["content-type"] == "text/turtle; charset=utf-8"
    assert found.headers["content-location"] == "ketgate.ttl"
    assert found.headers["vary"] == "Accept, Accept-Encoding, Accept-Datetime"
    assert found.content == web.get("/project/ketgate.ttl").content
    assert found.headers["access-control-allow-origin"] == "*"
    page = web.get("/project/ketgate", headers=PAGES)
    assert page.headers["vary"] == "Accept, Accept-Encoding, Accept-Datetime, Accept-Language"
    assert "content-location" not in page.headers
    assert '<ketgate.jsonld>; rel="alternate"; type="application/ld+json"' in page.headers.get_list("link", True)


def test_all_formats_hold_the_same_triples(web: httpx.Client) -> None:
    for path in ("project/v4clusters", "organisation/nca", "ontology", "scheme/sector", "scheme/sector/ict"):
        turtle = {q.triple for q in ox.parse(web.get(f"/{path}.ttl").content, ox.RdfFormat.TURTLE)}
        assert turtle
        for fmt in (N_TRIPLES, RDF_XML):
            body = web.get(f"/{path}.{fmt.ending}").content
            assert {q.triple for q in ox.parse(body, rdf_format(fmt))} == turtle, (path, fmt)
        assert portal.triples_of(web.get(f"/{path}.jsonld").json(), IRIS) == turtle
        quads = {
            fmt: set(ox.parse(web.get(f"/{path}.{fmt.ending}").content, rdf_format(fmt))) for fmt in (TRIG, N_QUADS)
        }
        assert quads[TRIG] == quads[N_QUADS]
        assert {q.triple for q in quads[TRIG] if isinstance(q.graph_name, ox.DefaultGraph)} <= turtle
        rows = list(csv.reader(io.StringIO(web.get(f"/{path}.csv").text)))
        assert rows[0][:3] == ["property", "property_name", "value"]
        assert all(len(row) == 7 for row in rows)


def test_who_says_what_is_in_the_quads(web: httpx.Client) -> None:
    quads = set(ox.parse(web.get("/project/v4clusters.trig").content, ox.RdfFormat.TRIG))
    starts = {
        (q.object.value, q.graph_name.value)
        for q in quads
        if q.predicate.value == IRIS.term("startDate") and isinstance(q.graph_name, ox.NamedNode)
        if isinstance(q.object, ox.Literal) and q.subject == ox.NamedNode(IRIS.thing("project", "v4clusters"))
    }
    assert ("2013-11", IRIS.graph("gapr-v4clusters")) in starts
    assert ("2013-10", IRIS.graph("nca-projects")) in starts
    assert any(q.graph_name == ox.NamedNode(IRIS.disagreements) for q in quads)


def test_geojson_only_where_there_are_coordinates(web: httpx.Client) -> None:
    missing = web.get("/project/ketgate.geojson")
    assert missing.status_code == 404
    assert "no coordinates" in missing.json()["detail"].lower()
    refused = web.get("/project/ketgate", headers={"accept": "application/geo+json"})
    assert refused.status_code == 406
    assert "no coordinates" in refused.json()["detail"].lower()


def test_unknown_things_are_told_in_json_and_on_a_page(web: httpx.Client) -> None:
    for path in ("/id/project/nothing", "/project/nothing", "/project/nothing.ttl", "/nothing", "/scheme/x/y", "/id/"):
        found = web.get(path)
        assert found.status_code == 404, path
        assert found.headers["content-type"] == "application/problem+json"
        assert found.json()["type"].startswith(f"{BASE}problems/")
        page = web.get(path, headers=BROWSER)
        assert page.status_code == 404
        if page.headers["content-type"].startswith("text/html"):
            assert_sound(page.text)
    for path in ("/project/%3Cscript%3Ealert(1)%3C/script%3E", "/id/a%20b", "/id/%00", "/id/%22%3E", "/%F0%9F%92%A9"):
        found = web.get(path, headers=PAGES)
        assert found.status_code == 404, path
        assert "<script>alert" not in found.text
    assert web.get("/project/ketgate", headers={"accept": "image/png"}).status_code == 406
    assert web.post("/project/ketgate").status_code == 405


def test_parameters_are_checked(web: httpx.Client) -> None:
    for query in ("page=0", "page=x", "size=100000", "lang=xx", "page=-1", "size=1e3", "page=٣"):
        assert web.get(f"/project/ketgate?{query}").status_code == 400, query
        assert web.get(f"/project/ketgate?{query}", headers=PAGES).status_code == 400, query


def test_head_and_gzip(web: httpx.Client) -> None:
    for path, accept in (("/project/v4clusters", "text/html"), ("/project/v4clusters.jsonld", "*/*")):
        for encoding in ("gzip", "identity"):
            headers = {"accept": accept, "accept-encoding": encoding}
            head, got = web.head(path, headers=headers), web.get(path, headers=headers)
            assert head.content == b""
            assert head.headers["etag"] == got.headers["etag"]
            assert head.headers["content-length"] == got.headers["content-length"]
            assert got.headers.get("content-encoding") == ("gzip" if encoding == "gzip" else None)
    tags = {
        web.get("/project/v4clusters.ttl", headers={"accept-encoding": e}).headers["etag"] for e in ("gzip", "identity")
    }
    assert len(tags) == 2


# --- all of it --------------------------------------------------------------------------------------------------


def _paths(home: Path) -> list[str]:
    snapshot = current(home)
    assert snapshot is not None
    found = set()
    for quad in ox.Store.read_only(str(snapshot.path)):
        for term in (quad.subject, quad.predicate, quad.object, quad.graph_name):
            if isinstance(term, ox.NamedNode) and term.value.startswith(BASE):
                found.add(term.value.removeprefix(BASE).split("#")[0])
    return sorted(found)


@pytest.mark.timeout(1200)
def test_every_iri_in_the_store_answers_in_every_format(published_home: Path, atlas: Server) -> None:
    """Every twentieth IRI and one of each kind, in Turtle and another format; all in all with V4GRAPH_DRILL=full."""
    paths = _paths(published_home)
    assert len(paths) > 800
    full = os.environ.get("V4GRAPH_DRILL") == "full"
    if not full:
        kinds: dict[str, list[str]] = {}
        for path in paths:
            kinds.setdefault(path.rpartition("/")[0], []).append(path)
        paths = sorted({*paths[::20], *(path for of_kind in kinds.values() for path in of_kind[:1])})

    async def walk() -> list[str]:
        wrong: list[str] = []
        gate = asyncio.Semaphore(8)
        limits = httpx.Limits(max_connections=8)

        async def visit(client: httpx.AsyncClient, number: int, path: str) -> None:
            async with gate:
                bodies: dict[str, bytes] = {}
                others = [accept for turn in TURNS for accept in turn] if full else TURNS[number % len(TURNS)]
                for accept in ("text/turtle", *others):
                    if _is_file(path) and accept in TURNS[3]:
                        continue  # it has no other graphs
                    got = await client.get(f"/{path}", headers={"accept": accept}, follow_redirects=True)
                    bodies[accept] = got.content
                    if got.status_code != 200 or not got.headers["content-type"].startswith(accept):
                        wrong.append(f"{got.status_code} {accept} {path}")
                        return
                wrong.extend(f"{fault}: {path}" for fault in _faults(path, bodies))

        async with httpx.AsyncClient(base_url=atlas.url, timeout=60, limits=limits) as client:
            await asyncio.gather(*(visit(client, number, path) for number, path in enumerate(paths)))
        return wrong

    assert asyncio.run(walk()) == []


def _faults(path: str, bodies: dict[str, bytes]) -> list[str]:
    """What is wrong with the documents about an IRI, given by media type."""
    faults = []
    told = {accept: _told(accept, body) for accept, body in bodies.items() if accept not in NOT_COMPARED}
    turtle = told["text/turtle"]
    if any(told.get(accept, turtle) != turtle for accept in TURNS[1]):
        faults.append("Turtle, N-Triples and RDF/XML differ")
    if told.get("application/trig") != told.get("application/n-quads"):
        faults.append("TriG and N-Quads differ")
    if not _is_graph(path) and not any(f"<{BASE}{path}>" in line for line in turtle):
        faults.append("says nothing")
    json_ld = bodies.get("application/ld+json")
    read = json.loads(json_ld) if json_ld else {}
    is_framed = not (_is_graph(path) or _is_file(path) or path == "catalogue")
    if json_ld and is_framed and not (isinstance(read, dict) and read.get("@context")):
        faults.append("JSON-LD without its context")
    if "text/html" in bodies:
        assert_sound(bodies["text/html"].decode())
    return faults


def _is_file(path: str) -> bool:
    """Whether it is a frozen release, which is as it was written."""
    return path.startswith("ontology/")


def _told(accept: str, body: bytes) -> set[str]:
    fmt = next(fmt for fmt in RDF_FORMATS if fmt.media_type == accept)
    return {str(quad) for quad in ox.parse(body, rdf_format(fmt))}


NOT_COMPARED = ("text/html", "application/ld+json")
TURNS = (
    ("text/html",),
    ("application/n-triples", "application/rdf+xml"),
    ("application/ld+json",),
    ("application/trig", "application/n-quads"),
)


def _is_graph(path: str) -> bool:
    """Whether Turtle at this address is the content of a source or a revision, which need not name itself."""
    return path.startswith("graph/") and (path.count("/") == 1 or "/revision/" in path)


# --- pages ------------------------------------------------------------------------------------------------------


def test_the_page_of_a_project(web: httpx.Client) -> None:
    found = web.get("/project/v4clusters", headers=PAGES)
    page = assert_sound(found.text)
    assert page.data["h1"] == ["V4Clusters"]
    text = found.text
    assert '<time datetime="2013-10">October 2013</time>' in text
    assert "Where sources differ" in text and "November 2013" in text
    assert "National Cluster Association" in text and "Czechia" in text
    assert "../organisation/nca" in page.all("a", "href")
    told = page.all("button", "popovertarget")
    assert "who-1" in told and set(told) <= {attrs["id"] for _, attrs in page.tags if "popover" in attrs}
    assert f"{BASE}id/project/v4clusters" in page.all("input", "value")
    [embedded] = page.data["script"]
    assert json.loads(embedded)["@type"] == "Project"
    policy = found.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_labels_are_in_the_language_asked_for(web: httpx.Client) -> None:
    czech = web.get("/project/v4clusters?lang=cs", headers=PAGES).text
    assert_sound(czech, "cs")
    assert "<dt>Začátek</dt>" in czech and "Kde se zdroje liší" in czech and "říjen 2013" in czech
    assert '"../organisation/nca?lang=cs"' in czech
    by_header = web.get("/project/v4clusters", headers=PAGES | {"accept-language": "pl-PL,cs;q=0.8,en;q=0.5"})
    assert_sound(by_header.text, "pl")
    assert "?lang=pl" not in by_header.text.split("<main")[1].split("<footer")[0]
    english = web.get("/project/v4clusters", headers=PAGES | {"accept-language": "fr, *;q=0.1"})
    assert "<dt>Start</dt>" in english.text
    assert len({r.headers["etag"] for r in (by_header, english)}) == 2


def test_start_page_lists_and_sources(web: httpx.Client, published_home: Path) -> None:
    start = web.get("/", headers=BROWSER)
    page = assert_sound(start.text)
    assert {"sources", "sparql", "ontology", "queries"} <= set(page.all("a", "href"))
    sources = web.get("/sources?q=nca", headers=PAGES).text
    assert_sound(sources)
    assert 'href="graph/nca-projects"' in sources and ">B<" in sources.replace(" ", "")
    for kind in portal.kinds(IRIS):
        listed = web.get(f"/{kind}", headers=PAGES)
        assert listed.status_code == 200, kind
        assert_sound(listed.text)
        rows = list(csv.DictReader(io.StringIO(web.get(f"/{kind}.csv").text)))
        assert all(row["id"].startswith(f"{BASE}id/") for row in rows)
        assert [item["id"] for item in web.get(f"/{kind}.jsonld").json()["@graph"]] == [row["id"] for row in rows]


def test_lists_are_sorted_and_paged(web: httpx.Client) -> None:
    whole = [row["id"] for row in csv.DictReader(io.StringIO(web.get("/organisation.csv?size=2000").text))]
    seen: list[str] = []
    address = "/organisation.csv?size=7"
    while address:
        answer = web.get(address)
        seen += [row["id"] for row in csv.DictReader(io.StringIO(answer.text))]
        following = [link for link in answer.headers.get_list("link", True) if 'rel="next"' in link]
        address = urljoin(address, following[0].split(">")[0].strip("<")) if following else ""
    assert seen == whole
    assert len(seen) == len(set(seen)) > 30
    assert web.get("/organisation?page=1000").status_code == 404


def test_the_page_of_a_source(web: httpx.Client) -> None:
    found = web.get("/graph/nca-projects", headers=BROWSER)
    assert found.headers["content-type"] == "text/html; charset=utf-8"
    page = assert_sound(found.text)
    assert "Projects of the National Cluster Association" in page.data["h1"][0]
    assert "../project/ketgate" in page.all("a", "href")
    assert web.get("/graph/nca-projects").headers["content-type"].startswith("text/turtle")
    assert web.get("/graph/nca-projects/revision/1", headers=PAGES).status_code == 200
    for graph in ("derived", "disagreements", "provenance"):
        assert web.get(f"/graph/{graph}", headers=PAGES).status_code == 200


def test_the_vocabulary_has_an_anchor_for_every_term(web: httpx.Client) -> None:
    page = assert_sound(web.get("/ontology", headers=PAGES).text)
    ids = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    assert {"Project", "startDate", "ClusterOrganisation", "mergePolicy", "Single"} <= ids
    body = web.get("/ontology", headers={"accept": "text/turtle"}).content
    terms = {q.subject.value for q in ox.parse(body, ox.RdfFormat.TURTLE) if isinstance(q.subject, ox.NamedNode)}
    assert {IRIS.term("Project"), IRIS.term("participant"), IRIS.ontology} <= terms
    frozen = web.get("/ontology/1.0.0", headers={"accept": "text/turtle"}).content
    released = {q.subject.value for q in ox.parse(frozen, ox.RdfFormat.TURTLE) if isinstance(q.subject, ox.NamedNode)}
    assert {iri for iri in released if iri.startswith(IRIS.term(""))} <= terms, "a release has no term that got lost"


def test_the_context_never_changes(web: httpx.Client) -> None:
    found = web.get("/context/v1.jsonld")
    assert found.content == portal.CONTEXT.read_bytes()
    assert found.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert found.headers["content-type"] == "application/ld+json"


def test_every_class_of_error_has_a_page(web: httpx.Client) -> None:
    def classes(error: type[V4GraphError]) -> list[type[V4GraphError]]:
        return [error, *(deeper for below in error.__subclasses__() for deeper in classes(below))]

    for error in classes(V4GraphError):
        found = web.get(f"/problems/{error.slug}")
        assert found.status_code == 200
        assert error.title in assert_sound(found.text).data["h1"][0].replace("’", "'")
    assert web.get("/problems/none").status_code == 404


def test_small_files(web: httpx.Client) -> None:
    assert "User-agent" in web.get("/robots.txt").text
    assert web.get("/favicon.ico", follow_redirects=True).headers["content-type"] == "image/svg+xml"
    assert web.get("/static/../pages.py").status_code == 404
    assert web.get("/static/%2e%2e/pages.py").status_code == 404


# --- data made to hurt ------------------------------------------------------------------------------------------

PREFIXES = f"""
@prefix id: <{BASE}id/> . @prefix v4: <{IRIS.term("")}> . @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> . @prefix dcterms: <http://purl.org/dc/terms/> .
@prefix schema: <https://schema.org/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
HOSTILE = (
    PREFIXES
    + r"""
<BASEid/project/evil> a v4:Project ; skos:prefLabel "</script><script>alert(1)</script>"@en, "<b>\"&'"@cs ;
  dcterms:description "<img src=x onerror=alert(2)>"@en ; v4:acronym "{{ 7*7 }}" ; v4:coversArea <BASEid/place/evil> ;
  schema:url <javascript:alert(3)>, <https://ok.example/?a=b&c=d> .
<BASEid/place/evil> a v4:Place ; skos:prefLabel "\" onmouseover=\"alert(4)"@en ;
  schema:latitude 49.8 ; schema:longitude 18.25 .
<BASEid/project/old> owl:deprecated true ; dcterms:isReplacedBy <BASEid/project/evil> ; skos:prefLabel "Old"@en .
<BASEid/project/gone> owl:deprecated true ; skos:prefLabel "Gone"@en ; skos:changeNote "It never existed."@en .
<BASEid/project/quiet> a v4:Project .
<BASEid/project/seat> a v4:Project ; schema:location <BASEid/place/evil> .
""".replace("BASE", BASE)
)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on hostile labels, moved and withdrawn things, and one that many refer to."""
    home = tmp_path_factory.mktemp("crowd")
    publish(home, HOSTILE + _followers(450))
    with running(create_app(Settings(home=home, readers=2))) as found:
        yield found


def _followers(count: int) -> str:
    return "".join(
        f"<{BASE}id/project/p{n}> <{IRIS.term('succeeds')}> <{BASE}id/project/quiet> .\n" for n in range(count)
    )


def test_hostile_text_stays_text(crowd: Server) -> None:
    for path in ("/project/evil", "/place/evil", "/project", "/", "/project/seat"):
        found = httpx.get(f"{crowd.url}{path}", headers=PAGES)
        assert found.status_code == 200
        page = assert_sound(found.text)
        assert "alert(1)</script>" not in found.text
        assert not [a for _, a in page.tags if "onerror" in a or "onmouseover" in a]
        for embedded in page.data.get("script", []):
            assert "<" not in embedded
            json.loads(embedded)
    page = Page(httpx.get(f"{crowd.url}/project/evil", headers=PAGES).text)
    assert page.data["h1"] == ["</script><script>alert(1)</script>"]
    assert "https://ok.example/?a=b&c=d" in page.all("a", "href")
    assert "{{ 7*7 }}" in httpx.get(f"{crowd.url}/project/evil", headers=PAGES).text


def test_merged_things_move_and_withdrawn_ones_are_gone(crowd: Server) -> None:
    moved = httpx.get(f"{crowd.url}/id/project/old")
    assert (moved.status_code, moved.headers["location"]) == (301, "../../id/project/evil")
    moved = httpx.get(f"{crowd.url}/project/old.ttl")
    assert (moved.status_code, moved.headers["location"]) == (301, "../project/evil.ttl")
    assert httpx.get(f"{crowd.url}/project/old", headers=PAGES, follow_redirects=True).status_code == 200
    for path in ("/id/project/gone", "/project/gone", "/project/gone.jsonld"):
        gone = httpx.get(f"{crowd.url}{path}")
        assert gone.status_code == 410
        assert "It never existed." in gone.text


def test_places_are_on_the_map(crowd: Server) -> None:
    own = httpx.get(f"{crowd.url}/place/evil.geojson")
    assert own.headers["content-type"] == "application/geo+json"
    assert own.json()["geometry"] == {"type": "Point", "coordinates": [18.25, 49.8]}
    venue = httpx.get(f"{crowd.url}/project/seat", headers={"accept": "application/geo+json"}).json()
    assert venue["id"] == f"{BASE}id/project/seat"
    assert venue["properties"]["place"] == f"{BASE}id/place/evil"


def test_what_refers_to_a_thing_comes_in_pages(crowd: Server) -> None:
    address = f"{crowd.url}/project/quiet.nt"
    seen: list[str] = []
    pages = 0
    while address:
        answer = httpx.get(address)
        pages += 1
        triples = [q for q in ox.parse(answer.content, ox.RdfFormat.N_TRIPLES)]
        seen += [q.subject.value for q in triples if q.predicate.value == IRIS.term("succeeds")]  # type: ignore[union-attr]
        following = [link for link in answer.headers.get_list("link", True) if 'rel="next"' in link]
        address = urljoin(address, following[0].split(">")[0].strip("<")) if following else ""
    assert pages == 3
    assert sorted(seen) == sorted(f"{BASE}id/project/p{n}" for n in range(450))
    page = httpx.get(f"{crowd.url}/project/quiet", headers=PAGES).text
    assert '<span class="count">450</span>' in page
    assert 'rel="next" href="?page=2&amp;size=200"' in page


def test_a_portal_gets_304_though_something_else_was_published(tmp_path: Path) -> None:
    publish(tmp_path, HOSTILE, token="one")
    with running(create_app(Settings(home=tmp_path, readers=2))) as server, httpx.Client(base_url=server.url) as web:
        tags = {p: web.get(p).headers["etag"] for p in ("/project/evil.jsonld", "/place/evil.ttl")}
        tags["/project/evil"] = web.get("/project/evil", headers=PAGES).headers["etag"]
        for tag in tags.values():
            assert not tag.startswith("W/")
        publish(tmp_path, HOSTILE + _followers(3), token="two")
        _wait(web, "/project/p1.ttl")
        for path, tag in tags.items():
            again = web.get(path, headers={"if-none-match": tag, "accept": "text/html" if "." not in path else "*/*"})
            assert (again.status_code, again.content) == (304, b""), path
            assert again.headers["etag"] == tag
        publish(tmp_path, HOSTILE.replace("{{ 7*7 }}", "changed") + _followers(4), token="three")
        _wait(web, "/project/p3.ttl")
        changed = web.get("/project/evil.jsonld", headers={"if-none-match": tags["/project/evil.jsonld"]})
        assert changed.status_code == 200
        assert changed.json()["acronym"] == ["changed"]
        assert web.get("/place/evil.ttl", headers={"if-none-match": "*"}).status_code == 304


def _wait(web: httpx.Client, path: str) -> None:
    deadline = time.monotonic() + 10
    while web.get(path).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_another_base_is_answered_for_on_this_host(tmp_path: Path) -> None:
    base = "https://data.example.org/clusters/"
    publish(tmp_path, HOSTILE.replace(BASE, base))
    settings = Settings(home=tmp_path, readers=2, base_iri=base)
    with running(create_app(settings)) as server, httpx.Client(base_url=server.url) as web:
        found = web.get("/project/evil", headers=PAGES)
        assert found.status_code == 200
        assert "../place/evil" in Page(found.text).all("a", "href")
        made = web.get("/project/evil.jsonld").json()
        assert made["@context"] == f"{base}context/v1.jsonld"
        assert made["id"] == f"{base}id/project/evil"
        assert base in web.get("/context/v1.jsonld").text
        assert BASE not in web.get("/context/v1.jsonld").text
