"""Requests meant to harm, over HTTP; after each, a polite query answers in its usual time.

Nobody may reach another address, memory may not grow, and no body shows the inside of the server.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from string import ascii_lowercase
from urllib.parse import quote, urlsplit

import httpx
import pytest

from v4graph.settings import Settings
from v4graph.web.app import create_app

from .conftest import SMALL, Server, publish, running, wide

POLITE = "SELECT ?l { <http://example.org/kosice> <http://www.w3.org/2004/02/skos/core#prefLabel> ?l }"
POLITE_SECONDS = 3.0
"""Point queries take a millisecond; the rest is for a machine that runs other things, too."""
MEGABYTE = 1 << 20


class Canary:
    """A listening socket that counts who comes."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.visits = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.visits += 1
            connection.close()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    found = Canary()
    yield found
    found.close()
    assert found.visits == 0


def resident(pid: int | str = "self") -> int:
    """Bytes of memory a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("hostile")
    publish(home, SMALL + wide())
    settings = Settings(home=home, readers=2, query_seconds=5, reader_memory_mb=256, result_mb=64, client_queries=32)
    with running(create_app(settings)) as server:
        httpx.get(f"{server.url}/sparql", params={"query": POLITE})
        own, readers = resident(), sum(map(resident, server.pids()))
        yield server
        time.sleep(1)
        assert resident() < own + 200 * MEGABYTE
        assert sum(map(resident, server.pids())) < readers + 300 * MEGABYTE


@pytest.fixture
def foe(target: Server) -> Iterator[httpx.Client]:
    """A hostile client; when it is done, a polite one is served as always."""
    with httpx.Client(base_url=target.url, timeout=30) as client:
        yield client
    be_polite(target)


def be_polite(target: Server) -> None:
    begun = time.monotonic()
    unheard = f"{POLITE} # {begun}"
    answer = httpx.get(f"{target.url}/sparql", params={"query": unheard}, timeout=20)
    assert answer.status_code == 200, answer.text
    assert answer.json()["results"]["bindings"][0]["l"]["value"] == "Košice"
    assert time.monotonic() - begun < POLITE_SECONDS


def harmless(answer: httpx.Response, *statuses: int) -> None:
    assert answer.status_code in statuses, answer.text[:300]
    assert "Traceback" not in answer.text
    assert "site-packages" not in answer.text
    if answer.status_code >= 400:
        assert answer.json()["status"] == answer.status_code


def bounded(foe: httpx.Client, query: str, seconds: float) -> None:
    """A query is answered, refused, or ended by its deadline: before its answer, or, seen by the client, within it."""
    begun = time.monotonic()
    try:
        harmless(foe.post("/sparql", data={"query": query, "timeout": f"{seconds:g}"}), 200, 400, 503)
    except httpx.RemoteProtocolError:
        assert time.monotonic() - begun > 0.9 * seconds, "broken off before its deadline"


DEPTH = 6000
NESTED = {
    "braces": "SELECT * WHERE " + "{" * DEPTH + "}" * DEPTH,
    "parentheses": "SELECT * WHERE { FILTER(" + "(" * DEPTH + "1" + ")" * DEPTH + ") }",
    "optionals": "SELECT * WHERE " + "{ OPTIONAL " * DEPTH + "{}" + "}" * DEPTH,
    "unions": "SELECT * WHERE { " + " UNION ".join(["{ ?s ?p ?o }"] * DEPTH) + " }",
    "path sequences": "SELECT * WHERE { ?s " + "/".join(["<http://e/p>"] * DEPTH) + " ?o }",
    "not": "SELECT * WHERE { FILTER(" + "!" * DEPTH + "true) }",
    "open braces": "SELECT * WHERE " + "{" * DEPTH,
    "quotes": "SELECT * WHERE { " + "'" * DEPTH,
    "angles": "SELECT * WHERE { " + "<" * 100_000,
    "escapes": "SELECT * WHERE { " + "\\u0041" * 30_000,
}


@pytest.mark.parametrize("name", NESTED)
def test_nesting(foe, name):
    for _ in range(2):
        bounded(foe, NESTED[name], 2)


ALL = "GRAPH <https://w3id.org/v4graph/graph/wide>"
BOMBS = {
    "cross product": f"SELECT * {{ {ALL} {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }} FILTER(?a = ?z) }}",
    "order by": f"SELECT * {{ {ALL} {{ ?a ?b ?c . ?d ?e ?f }} }} ORDER BY ?c ?f",
    "group_concat": f"SELECT (GROUP_CONCAT(?c) AS ?x) {{ {ALL} {{ ?a ?b ?c . ?d ?e ?f }} }}",
    "distinct": f"SELECT DISTINCT ?c ?f {{ {ALL} {{ ?a ?b ?c . ?d ?e ?f }} }} ORDER BY ?f",
    "doubling": "SELECT (STRLEN(?z) AS ?n) { VALUES ?a { '0123456789' } "
    + " ".join(f"BIND(CONCAT(?{a}, ?{a}, ?{a}, ?{a}) AS ?{b})" for a, b in pairwise(ascii_lowercase))
    + " }",
    "paths": "SELECT * { ?s (<http://e/a>|!<http://e/b>)* ?o . ?o (!<http://e/c>)+ ?x . "
    f"{ALL} {{ ?x ?y ?z . ?q ?r ?t }} }} ORDER BY ?z",
    "regular expression": f"SELECT * {{ {ALL} {{ ?s ?p ?o }} FILTER REGEX(?o, '(a*)*(b*)*(.*)*row{{1,500}}$') }}",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(foe, name):
    begun = time.monotonic()
    bounded(foe, BOMBS[name], 1)
    assert time.monotonic() - begun < 5


FEDERATED = {
    "plain": "SELECT * {{ SERVICE <{url}> {{ ?s ?p ?o }} }}",
    "silent": "SELECT * {{ SERVICE SILENT <{url}> {{ ?s ?p ?o }} }}",
    "mixed case": "SELECT * {{ sErViCe <{url}> {{ ?s ?p ?o }} }}",
    "a comment": "SELECT * {{ SERVICE#<\n<{url}> {{ ?s ?p ?o }} }}",
    "a silent comment": "SELECT * {{ SERVICE#\nSILENT#\n<{url}> {{ ?s ?p ?o }} }}",
    "a prefixed name": "PREFIX x: <{host}/> SELECT * {{ SERVICE x:sparql {{ ?s ?p ?o }} }}",
    "no space": "PREFIX x:<{host}/>SELECT*{{SERVICE x:sparql{{?s ?p ?o}}}}",
    "an escaped keyword": "SELECT * {{ \\u0053ERVICE <{url}> {{ ?s ?p ?o }} }}",
    "a long escape": "SELECT * {{ S\\U00000045RVICE SILENT <{url}> {{ ?s ?p ?o }} }}",
    "an escaped address": "SELECT * {{ SERVICE <\\u0068ttp://127.0.0.1:{port}/> {{ ?s ?p ?o }} }}",
    "a variable": "SELECT * {{ VALUES ?x {{ <{url}> }} SERVICE ?x {{ ?s ?p ?o }} }}",
    "a silent variable": "SELECT * {{ BIND(IRI('{url}') AS ?x) SERVICE SILENT ?x {{ ?s ?p ?o }} }}",
    "a sub-query": "SELECT * {{ {{ SELECT * {{ OPTIONAL {{ SERVICE SILENT <{url}> {{ ?s ?p ?o }} }} }} }} }}",
    "after a string": "SELECT * {{ BIND('''x'' \\' ''' AS ?x) SERVICE <{url}> {{ ?s ?p ?o }} }}",
    "exists": "SELECT * {{ ?a ?b ?c FILTER EXISTS {{ SERVICE SILENT <{url}> {{ ?s ?p ?o }} }} }}",
    "from": "SELECT * FROM <{url}> {{ ?s ?p ?o }}",
    "from named": "SELECT * FROM NAMED <{url}> {{ GRAPH ?g {{ ?s ?p ?o }} }}",
    "load as a query": "LOAD <{url}>",
}


@pytest.mark.parametrize("name", FEDERATED)
def test_no_query_reaches_another_address(foe, canary, name):
    host = f"http://127.0.0.1:{canary.port}"
    query = FEDERATED[name].format(url=f"{host}/sparql", host=host, port=canary.port)
    harmless(foe.get("/sparql", params={"query": query}), 200, 400, 403)
    harmless(foe.post("/sparql", data={"query": query, "timeout": "2"}), 200, 400, 403)
    assert canary.visits == 0


@pytest.mark.parametrize("parameter", ["default-graph-uri", "named-graph-uri"])
def test_no_dataset_is_fetched(foe, canary, parameter):
    url = f"http://127.0.0.1:{canary.port}/data.ttl"
    everything = "SELECT * { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }"
    answer = foe.get("/sparql", params={"query": everything, parameter: url})
    assert answer.json()["results"]["bindings"] == []
    assert canary.visits == 0


@pytest.mark.parametrize(
    "update",
    [
        "LOAD <{url}>",
        "LOAD SILENT <{url}> INTO GRAPH <http://e/g>",
        "lo\\u0061d silent <{url}>",
        "INSERT {{ ?s ?p ?o }} WHERE {{ SERVICE SILENT <{url}> {{ ?s ?p ?o }} }}",
        "INSERT {{ ?s ?p ?o }} USING <{url}> WHERE {{ ?s ?p ?o }}",
    ],
)
def test_no_update_reaches_another_address(foe, writer, canary, update):
    text = update.format(url=f"http://127.0.0.1:{canary.port}/data.ttl")
    harmless(foe.post("/sparql", data={"update": text}), 403)
    harmless(writer.post("/sparql", data={"update": text}), 204, 400, 403)
    context = f'{{"@context": "http://127.0.0.1:{canary.port}/c.jsonld", "name": "x"}}'
    written = writer.put("/graph?default", content=context, headers={"Content-Type": "application/ld+json"})
    harmless(written, 400)
    assert canary.visits == 0


LONG_ONES = {
    "a service that hides": "'service' (?a" + "<a" * 125_000,
    "open braces": "ASK " + "{" * 250_000,
    "open parentheses": "ASK { FILTER" + "(" * 250_000,
    "a prologue": "PREFIX a:<http://e/>\n" * 12_000,
    "escapes": "ASK { \\u0053ERVIC " + "\\u0041 " * 35_000,
    "an unknown function": "ASK { ?s ?p ?o FILTER(<http://e/none>(?o)) } #" + " (" * 120_000,
}


@pytest.mark.parametrize("name", LONG_ONES)
def test_nobody_waits_while_a_long_query_is_looked_at(foe, target, name):
    done = threading.Event()

    def be_hostile() -> None:
        with httpx.Client(base_url=target.url, timeout=30) as client:
            while not done.is_set():
                harmless(client.post("/sparql", data={"query": LONG_ONES[name], "timeout": "1"}), 400, 403, 503)

    with ThreadPoolExecutor(1) as pool:  # the other reader is free: what is measured is the server itself
        hostile = pool.submit(be_hostile)
        try:
            seconds = []
            for number in range(15):
                time.sleep(0.05)
                begun = time.monotonic()
                answer = foe.get("/sparql", params={"query": f"{POLITE} # {name} {number}"})
                seconds.append(time.monotonic() - begun)
                assert answer.json()["results"]["bindings"][0]["l"]["value"] == "Košice"
        finally:
            done.set()
        hostile.result()
    assert sorted(seconds)[len(seconds) // 2] < 0.3, seconds


def test_a_query_of_ten_megabytes(foe):
    text = "ASK { # " + "x" * (10 * MEGABYTE)
    harmless(foe.post("/sparql", content=text, headers={"Content-Type": "application/sparql-query"}), 413)
    harmless(foe.post("/sparql", data={"query": text}), 413)

    def pieces() -> Iterator[bytes]:
        for _ in range(160):
            yield b"x" * 65536

    answer = foe.post("/sparql", content=pieces(), headers={"Content-Type": "application/sparql-query"})
    harmless(answer, 413)


@pytest.mark.parametrize(
    ("query_string", "body", "content_type"),
    [
        ("query=%FF%FE", b"", ""),
        ("query=ASK%20%7B%7D%ED%A0%80", b"", ""),
        ("", b"query=\xff\xfe", "application/x-www-form-urlencoded"),
        ("", "ASK {}".encode("utf-16"), "application/sparql-query"),
        ("", "query=ASK {}".encode("utf-16"), "application/x-www-form-urlencoded"),
        ("", "ASK {}".encode("utf-32-le"), "application/sparql-query; charset=utf-32"),
        ("query=ASK{}&query=ASK{}", b"", ""),
        ("query=ASK{}&timeout=1&timeout=2", b"", ""),
        ("query=ASK%7B%7D%00", b"", ""),
        ("&".join(["x=1"] * 5000), b"", ""),
        ("query=ASK%7B%7D&timeout=1e999", b"", ""),
        ("query=ASK%7B%7D&timeout=-1", b"", ""),
        ("query=ASK%7B%7D&default-graph-uri=%3E%20%7D%20DROP%20ALL", b"", ""),
    ],
)
def test_requests_that_are_not_what_they_say(foe, query_string, body, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    harmless(foe.request("POST" if body else "GET", f"/sparql?{query_string}", content=body, headers=headers), 400)


STRANGE = ["x" * 20_000, "text/csv;q=" + "9" * 5000, "*/*," * 3000, "\xff\xfe;q=\xff", ";;;,,,/"]


@pytest.mark.parametrize("accept", STRANGE)
def test_strange_accept_headers(foe, accept):
    raw = accept.encode("latin-1")
    headers = {b"Accept": raw, b"Accept-Encoding": raw, b"If-None-Match": raw}
    harmless(foe.get("/sparql", params={"query": "ASK {}"}, headers=headers), 200, 304, 400, 406)


def test_the_reader_of_a_client_that_leaves_is_killed(foe, target):
    before = set(target.pids())
    address = urlsplit(target.url)
    connection = socket.create_connection((address.hostname, address.port))
    query = quote(f"SELECT (COUNT(*) AS ?n) {{ {ALL} {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }} }}")
    connection.sendall(f"GET /sparql?query={query}&timeout=5 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    time.sleep(0.5)
    assert target.app.state.limits.under_way == 1
    connection.close()
    deadline = time.monotonic() + 1
    while not before - set(target.pids()) and time.monotonic() < deadline:
        time.sleep(0.01)
    (gone,) = before - set(target.pids())
    assert not Path(f"/proc/{gone}").exists()
    assert target.app.state.limits.under_way == 0


def test_the_reader_of_a_client_that_leaves_a_stream_is_killed(foe, target):
    before = set(target.pids())
    query = f"SELECT * {{ {ALL} {{ ?a ?b ?c . ?d ?e ?f }} }}"
    with foe.stream("GET", "/sparql", params={"query": query}) as answer:
        assert answer.headers["v4graph-result"] == "streamed"
        next(answer.iter_raw())
    deadline = time.monotonic() + 2
    while not before - set(target.pids()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert before - set(target.pids())
    assert target.app.state.limits.under_way == 0


def test_two_hundred_clients_at_once(foe, target):
    def ask(number: int) -> int:
        with httpx.Client(base_url=target.url, timeout=30) as client:
            statuses = set()
            for turn in range(3):
                answer = client.get("/sparql", params={"query": f"{POLITE} # {number} {turn}"})
                harmless(answer, 200, 429, 503)
                if answer.status_code != 200:
                    assert int(answer.headers["retry-after"]) >= 1
                statuses.add(answer.status_code)
            return min(statuses)

    with ThreadPoolExecutor(200) as pool:
        best = list(pool.map(ask, range(200)))
    assert best.count(200) > 20
    assert target.app.state.limits.under_way == 0
