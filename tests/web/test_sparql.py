"""Answers of ``/sparql``: formats, caching, compression, streaming, limits, refusals, and real clients."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pyoxigraph as ox
import pytest
import rdflib
from rdflib.plugins.stores.sparqlstore import SPARQLStore, SPARQLUpdateStore
from SPARQLWrapper import CSV, GET, JSON, POST, TURTLE, XML, SPARQLWrapper

from v4graph.settings import Settings
from v4graph.web.answers import Answers, entity_tag
from v4graph.web.app import create_app

from .conftest import BASE, SMALL, WIDE_ROWS, Server, publish, running, wide

LABELS = "SELECT ?s ?l { ?s <http://www.w3.org/2004/02/skos/core#prefLabel> ?l } ORDER BY ?l"
WIDE = f"SELECT * {{ GRAPH <{BASE}graph/wide> {{ ?s ?p ?o }} }}"
COPY = "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o }"
GRAPH = ox.parse(SMALL.split("GRAPH")[0], ox.RdfFormat.TURTLE)
DEFAULT_GRAPH = frozenset(GRAPH)


def ask(client: httpx.Client, query: str, accept: str = "", **parameters: str) -> httpx.Response:
    return client.get("/sparql", params={"query": query, **parameters}, headers={"Accept": accept})


def test_solutions_in_all_formats_say_the_same(client):
    answer = ask(client, LABELS, "application/sparql-results+json").json()
    assert answer["head"]["vars"] == ["s", "l"]
    assert [row["l"] for row in answer["results"]["bindings"]] == [
        {"type": "literal", "value": "Košice", "xml:lang": "sk"},
        {"type": "literal", "value": "Ostrava", "xml:lang": "cs"},
    ]
    rows = list(csv.reader(io.StringIO(ask(client, LABELS, "text/csv").text)))
    assert rows == [["s", "l"], ["http://example.org/kosice", "Košice"], ["http://example.org/ostrava", "Ostrava"]]
    tsv = ask(client, LABELS, "text/tab-separated-values").text.splitlines()
    assert tsv[:2] == ["?s\t?l", '<http://example.org/kosice>\t"Košice"@sk']
    xml = rdflib.query.Result.parse(
        io.BytesIO(ask(client, LABELS, "application/sparql-results+xml").content), format="xml"
    )
    assert [str(row.l) for row in xml] == ["Košice", "Ostrava"]


@pytest.mark.parametrize("name", ["ttl", "nt", "rdf", "jsonld", "trig", "nq"])
def test_a_graph_is_the_same_in_every_format(client, name):
    answer = ask(client, COPY, "text/csv", format=name)
    media_type = answer.headers["content-type"].split(";")[0]
    parsed = ox.parse(answer.content, ox.RdfFormat.from_media_type(media_type))
    assert frozenset(parsed) == DEFAULT_GRAPH


@pytest.mark.parametrize(
    ("parameter", "value", "query", "media_type"),
    [
        ("format", "csv", LABELS, "text/csv"),
        ("output", "xml", LABELS, "application/sparql-results+xml"),
        ("format", "xml", COPY, "application/rdf+xml"),
        ("format", "json", COPY, "application/ld+json"),
        ("format", "json", "ASK {}", "application/sparql-results+json"),
    ],
)
def test_shortcuts_win_over_accept(client, parameter, value, query, media_type):
    answer = client.get(
        "/sparql", params={"query": query, parameter: value}, headers={"Accept": "text/tab-separated-values"}
    )
    assert answer.headers["content-type"].split(";")[0] == media_type


def test_a_format_that_does_not_fit_the_form_is_406(client):
    answer = ask(client, LABELS, format="ttl")
    assert answer.status_code == 406
    assert "application/sparql-results+json" in answer.json()["available"]
    assert ask(client, COPY, "text/csv").status_code == 406


def test_headers_of_a_complete_answer(client):
    answer = ask(client, LABELS)
    assert answer.headers["v4graph-result"] == "complete"
    assert answer.headers["v4graph-snapshot"] == "1"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["vary"] == "Accept, Accept-Encoding, Accept-Datetime"
    assert answer.headers["etag"].startswith('"')
    assert answer.headers["access-control-allow-origin"] == "*"


def test_head_is_get_without_the_body(client):
    parameters = {"query": LABELS}
    got, head = client.get("/sparql", params=parameters), client.head("/sparql", params=parameters)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length", "etag", "v4graph-result"):
        assert head.headers[name] == got.headers[name]
    assert client.head("/sparql", params={"query": "SELEKT"}).status_code == 400
    assert client.head("/sparql", params={"query": WIDE}).content == b""


def test_options_and_preflight(client):
    answer = client.options("/sparql")
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, POST, OPTIONS")
    preflight = client.options(
        "/sparql",
        headers={
            "Origin": "https://portal.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-allow-headers"] == "content-type"
    assert "ETag" in client.get("/sparql?query=ASK{}").headers["access-control-expose-headers"]
    assert client.get("/graph/none").headers["access-control-allow-origin"] == "*"


def test_only_listed_origins_may_read(tmp_path):
    publish(tmp_path, SMALL)
    settings = Settings(home=tmp_path, readers=1, cors_origins="https://a.example https://b.example")
    with running(create_app(settings)) as server, httpx.Client(base_url=server.url) as client:
        for _ in range(2):
            good = client.get("/sparql?query=ASK{}", headers={"Origin": "https://b.example"})
            assert good.headers["access-control-allow-origin"] == "https://b.example"
            bad = client.get("/sparql?query=ASK{}", headers={"Origin": "https://c.example"})
            assert "access-control-allow-origin" not in bad.headers
            assert "Origin" in bad.headers["vary"]


@pytest.mark.parametrize("condition", ["{tag}", "W/{tag}", '"other", {tag}', "*"], ids=["tag", "weak", "list", "any"])
def test_an_unchanged_answer_is_304(client, condition):
    first = ask(client, LABELS)
    headers = {"If-None-Match": condition.format(tag=first.headers["etag"])}
    for query in (LABELS, LABELS + f" # {condition}"):
        answer = client.get("/sparql", params={"query": query}, headers={**headers, "Accept": ""})
        if query == LABELS or condition == "*":
            assert (answer.status_code, answer.content) == (304, b"")
            assert "content-length" not in answer.headers
        else:
            assert answer.status_code == 200
    assert client.get("/sparql", params={"query": LABELS}, headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_tag_depends_on_everything_the_bytes_depend_on(client):
    def tag(accept: str = "", encoding: str = "identity", **parameters: str) -> str:
        headers = {"Accept": accept, "Accept-Encoding": encoding}
        return client.get("/sparql", params={"query": LABELS, **parameters}, headers=headers).headers["etag"]

    tags = [
        tag(),
        tag("text/csv"),
        tag(encoding="gzip"),
        tag(**{"default-graph-uri": f"{BASE}graph/first"}),
        tag(**{"named-graph-uri": f"{BASE}graph/first"}),
    ]
    assert len(set(tags)) == len(tags)
    assert tag() == tags[0] == tag("*/*") == tag(timeout="3")


@pytest.mark.parametrize("function", ["rand", "NOW", "struuid"])
def test_answers_that_change_are_not_kept(client, function):
    query = f"SELECT ({function}() AS ?x) {{}}"
    first, second = ask(client, query), ask(client, query)
    assert "etag" not in first.headers
    assert first.headers["cache-control"] == "no-store"
    assert first.content != second.content
    again = client.get("/sparql", params={"query": query}, headers={"If-None-Match": "*"})
    assert again.status_code == 200


def test_a_failed_query_gets_no_tag_and_no_304(client):
    query = "SELECT * { ?s ?p"
    for _ in range(2):
        answer = client.get("/sparql", params={"query": query}, headers={"If-None-Match": "*"})
        assert answer.status_code == 400
        assert "etag" not in answer.headers


def test_a_new_snapshot_gives_new_answers(tmp_path):
    publish(tmp_path, SMALL, token="one")
    count = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
    with running(create_app(Settings(home=tmp_path, readers=1))) as server, httpx.Client(base_url=server.url) as client:
        first = ask(client, count)
        publish(tmp_path, SMALL + " :new :thing 1 .", token="two")
        deadline = time.monotonic() + 10
        while ask(client, count).headers["v4graph-snapshot"] == "1" and time.monotonic() < deadline:
            time.sleep(0.05)
        second = client.get("/sparql", params={"query": count}, headers={"If-None-Match": first.headers["etag"]})
        assert second.status_code == 200
        assert second.json()["results"]["bindings"][0]["n"]["value"] == "5"
        assert second.headers["v4graph-snapshot"] == "2"


def test_compression_above_a_kilobyte_only(client):
    headers = {"Accept-Encoding": "gzip"}
    small = client.get("/sparql", params={"query": "ASK {}"}, headers=headers)
    assert "content-encoding" not in small.headers
    query = WIDE + " LIMIT 100"
    plain = client.get("/sparql", params={"query": query}, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with client.stream("GET", "/sparql", params={"query": query}, headers=headers) as zipped:
        raw = b"".join(zipped.iter_raw())
    assert zipped.headers["content-encoding"] == "gzip"
    assert int(zipped.headers["content-length"]) == len(raw) < len(plain.content) / 5
    assert gzip.decompress(raw) == plain.content
    never = client.get("/sparql", params={"query": query}, headers={"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in never.headers


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_long_answer_is_streamed_whole(client, encoding):
    answer = client.get("/sparql", params={"query": WIDE}, headers={"Accept-Encoding": encoding})
    assert answer.headers["v4graph-result"] == "streamed"
    assert answer.headers["transfer-encoding"] == "chunked"
    assert len(answer.json()["results"]["bindings"]) == WIDE_ROWS
    again = client.get(
        "/sparql",
        params={"query": WIDE},
        headers={"Accept-Encoding": encoding, "If-None-Match": answer.headers["etag"]},
    )
    assert again.status_code == 304


def test_an_answer_that_is_cut_does_not_look_complete(tmp_path):
    publish(tmp_path, wide(30_000))
    settings = Settings(home=tmp_path, readers=1, result_mb=2)
    with running(create_app(settings)) as server, httpx.Client(base_url=server.url, timeout=20) as client:
        for encoding in ("identity", "gzip"):
            headers = {"Accept-Encoding": encoding}
            with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
                client.get("/sparql", params={"query": WIDE}, headers=headers)
        tag = "*"
        with (
            pytest.raises(httpx.RemoteProtocolError),
            client.stream("GET", "/sparql", params={"query": WIDE}, headers={"Accept-Encoding": "identity"}) as answer,
        ):
            tag = answer.headers["etag"]
            answer.read()
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/sparql", params={"query": WIDE}, headers={"If-None-Match": tag, "Accept-Encoding": "identity"})
        assert client.get("/sparql?query=ASK{}").json()["boolean"] is True


def test_a_syntax_error_says_where_and_how_to_mend_it(client):
    answer = ask(client, "PREFIX ex: <http://e/>\nSELECT ?s WHERE {\n  ?s skos:prefLabel ?l\n}")
    problem = answer.json()
    assert (answer.status_code, problem["line"], problem["column"]) == (400, 3, 6)
    assert problem["type"] == f"{BASE}problems/malformed-query"
    assert "PREFIX skos: <http://www.w3.org/2004/02/skos/core#>" in problem["hint"]


def test_a_browser_reads_the_same_words_on_a_page(client):
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    answer = client.get("/sparql", params={"query": "SELECT <b>"}, headers={"Accept": accept})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "The query is not valid SPARQL" in answer.text
    assert "<b>" not in answer.text
    assert "Line 1, column" in answer.text


def test_updates_are_refused_with_a_way_to_contribute(client):
    body = "INSERT DATA { <http://e/s> <http://e/p> 1 }"
    direct = client.post("/sparql", content=body, headers={"Content-Type": "application/sparql-update"})
    form = client.post("/sparql", data={"update": body})
    for answer in (direct, form):
        assert answer.status_code == 403
        assert answer.json()["type"] == f"{BASE}problems/update-refused"
        assert "contributions" in answer.json()["detail"]
    as_query = ask(client, f"# no\nPREFIX : <http://e/>\n{body}")
    assert as_query.status_code == 400
    assert "contributions" in as_query.json()["hint"]
    assert client.get("/sparql", params={"update": body}).status_code in (400, 403)
    assert client.post("/sparql/update", data={"update": body}).status_code == 403


def test_a_query_stops_at_the_deadline_it_asked_for(client):
    bomb = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n1 ?o FILTER(?a = ?z) }"
    bomb = bomb.replace("?a ?b ?c", f"GRAPH <{BASE}graph/wide> {{ ?a ?b ?c . ?x ?y ?w }}")
    begun = time.monotonic()
    answer = ask(client, bomb, timeout="0.5")
    assert answer.status_code == 503
    assert answer.json()["type"] == f"{BASE}problems/query-timeout"
    assert "0.5 seconds" in answer.json()["detail"]
    assert 0.4 < time.monotonic() - begun < 3
    assert ask(client, LABELS, timeout="100000").status_code == 200


def test_the_longest_query(client):
    fits = "ASK {} #" + "x" * (256 * 1024 - 20)
    assert client.post("/sparql", data={"query": fits}).json()["boolean"] is True
    for answer in (
        client.post("/sparql", data={"query": fits + "x" * 40}),
        client.post("/sparql", content=fits + "x" * 40, headers={"Content-Type": "application/sparql-query"}),
    ):
        assert (answer.status_code, answer.json()["limit"]) == (413, 256 * 1024)


def slow_request(server: Server, text: str) -> socket.socket:
    """Send a query and do not wait for its answer."""
    address = urlsplit(server.url)
    found = socket.create_connection((address.hostname, address.port))
    found.sendall(f"GET /sparql?query={quote(text)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return found


@pytest.mark.parametrize(("one", "all_", "status"), [(2, 100, 429), (100, 2, 503)])
def test_too_many_queries_at_once(tmp_path, one, all_, status):
    publish(tmp_path, wide(5_000))
    settings = Settings(home=tmp_path, readers=1, client_queries=one, total_queries=all_, query_seconds=3)
    product = f"SELECT (COUNT(*) AS ?n) {{ GRAPH <{BASE}graph/wide> {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }} }}"
    with running(create_app(settings)) as server, httpx.Client(base_url=server.url) as client:
        held = [slow_request(server, product) for _ in range(2)]
        time.sleep(0.5)
        answer = client.get("/sparql?query=ASK{}")
        assert answer.status_code == status
        assert int(answer.headers["retry-after"]) >= 1
        assert "again" in answer.json()["detail"]
        for connection in held:
            connection.close()
        deadline = time.monotonic() + 5
        while client.get("/sparql?query=ASK{}").status_code != 200 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert client.get("/sparql?query=ASK{}").status_code == 200


def test_the_memory_for_answers_is_bounded():
    answers = Answers(1)
    answers.turn("t")
    for number in range(40):
        request = ("/sparql", b"q%d" % number, b"", b"")
        answers.keep(f'"{number}"', "t", [], b"x" * 100_000, request)
    assert 5 < len(answers) <= 10
    assert answers.find('"39"') is not None
    assert answers.find('"0"') is None
    assert answers.repeated(("/sparql", b"q0", b"", b""), "t") is None
    assert answers.repeated(("/sparql", b"q39", b"", b""), "t").body["body"] == b"x" * 100_000
    assert answers.repeated(("/sparql", b"q39", b"", b""), "other") is None
    answers.keep('"old"', "gone", [], b"x", None)
    assert answers.find('"old"') is None
    answers.turn("next")
    assert len(answers) == 0


def test_tags_of_different_parts_differ():
    assert entity_tag("a", "b") != entity_tag("ab") != entity_tag("a", "b", None)
    assert entity_tag("a", None) != entity_tag("a", "None")


# clients


@pytest.fixture
def endpoint(small: Server) -> str:
    return f"{small.url}/sparql"


@pytest.mark.parametrize("method", [GET, POST])
def test_sparqlwrapper(endpoint, method):
    wrapper = SPARQLWrapper(endpoint)
    wrapper.setMethod(method)
    wrapper.setQuery(LABELS)
    wrapper.setReturnFormat(JSON)
    bindings = wrapper.queryAndConvert()["results"]["bindings"]
    assert [row["l"]["value"] for row in bindings] == ["Košice", "Ostrava"]
    wrapper.setReturnFormat(XML)
    assert "Košice" in wrapper.queryAndConvert().toxml()
    wrapper.setReturnFormat(CSV)
    assert "Košice" in wrapper.queryAndConvert().decode()
    wrapper.setQuery(COPY)
    wrapper.setReturnFormat(TURTLE)
    graph = rdflib.Graph().parse(data=wrapper.queryAndConvert(), format="turtle")
    assert len(graph) == len(DEFAULT_GRAPH)
    wrapper.setQuery("ASK { ?s ?p 284765 }")
    wrapper.setReturnFormat(JSON)
    assert wrapper.queryAndConvert()["boolean"] is True


@pytest.mark.parametrize("method", ["GET", "POST", "POST_FORM"])
def test_rdflib_store(endpoint, method):
    graph = rdflib.Graph(SPARQLStore(endpoint, method=method, returnFormat="json"))
    labels = [str(row.l) for row in graph.query(LABELS)]
    assert labels == ["Košice", "Ostrava"]
    subject = rdflib.URIRef("http://example.org/ostrava")
    assert len(list(graph.triples((subject, None, None)))) == 2


def test_rdflib_update_store(writer):
    address = f"{str(writer.base_url).rstrip('/')}/sparql"
    store = SPARQLUpdateStore(address, address, autocommit=True)
    graph = rdflib.Graph(store, identifier=rdflib.URIRef("http://example.org/g"))
    triple = rdflib.URIRef("http://e/s"), rdflib.URIRef("http://e/p"), rdflib.Literal("é")
    graph.add(triple)
    assert list(graph) == [triple]
    graph.remove(triple)
    assert len(graph) == 0


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl(endpoint, tmp_path):
    def curl(*words: str) -> str:
        done = subprocess.run(["curl", "-sS", "--fail", *words], capture_output=True, text=True, check=True, timeout=20)
        return done.stdout

    assert json.loads(curl(endpoint, "--data-urlencode", "query=ASK { ?s ?p 284765 }"))["boolean"] is True
    table = curl("-G", endpoint, "--data-urlencode", f"query={LABELS}", "-H", "Accept: text/csv", "--compressed")
    assert "Košice" in table
    file = Path(tmp_path) / "query.rq"
    file.write_text(LABELS, encoding="utf-8")
    direct = curl(endpoint, "-H", "Content-Type: application/sparql-query", "--data-binary", f"@{file}")
    assert len(json.loads(direct)["results"]["bindings"]) == 2
    assert "HTTP/1.1 200" in curl("-I", f"{endpoint}?query=ASK%7B%7D")
