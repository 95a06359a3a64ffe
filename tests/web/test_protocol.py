"""SPARQL 1.1 Protocol §2.1 and §2.2, request by request, against a server in scratch mode.

https://www.w3.org/TR/sparql11-protocol/
"""

from __future__ import annotations

from urllib.parse import quote, unquote_to_bytes, urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from v4graph.errors import BadRequest
from v4graph.web.operations import read_fields

QUERY = {"Content-Type": "application/sparql-query"}
UPDATE = {"Content-Type": "application/sparql-update"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
G = "http://example.org/g"


@pytest.fixture
def graphs(writer: httpx.Client) -> httpx.Client:
    """Three named graphs of one triple each, and one in the default graph."""
    text = "PREFIX : <http://example.org/> INSERT DATA { :s :p 'default' " + " ".join(
        f"GRAPH <{G}{n}> {{ :s :p '{n}' }}" for n in (1, 2, 3)
    )
    assert writer.post("/sparql", data={"update": text + "}"}).status_code == 204
    return writer


def values(answer: httpx.Response, name: str = "o") -> list[str]:
    assert answer.status_code == 200, answer.text
    return sorted(row[name]["value"] for row in answer.json()["results"]["bindings"])


def is_problem(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert len(answer.json()["detail"]) > 20
    assert "Traceback" not in answer.text


def test_query_by_get(writer):
    answer = writer.get("/sparql", params={"query": "ASK {}"})
    assert answer.json() == {"head": {}, "boolean": True}


def test_the_address_may_end_with_a_slash(writer, client):
    for server in (writer, client):
        assert server.get("/sparql/", params={"query": "ASK {}"}).json()["boolean"] is True
        assert server.post("/sparql/", content="ASK {}", headers=QUERY).json()["boolean"] is True
        assert "sparql/>" in server.get("/sparql/", headers={"Accept": "application/n-triples"}).text


def test_query_by_form(writer):
    assert writer.post("/sparql", data={"query": "ASK {}"}).json()["boolean"] is True


def test_query_by_direct_post(writer):
    assert writer.post("/sparql", content="ASK {}", headers=QUERY).json()["boolean"] is True


def test_direct_post_with_a_charset_parameter(writer):
    headers = {"Content-Type": "application/sparql-query; charset=UTF-8"}
    answer = writer.post("/sparql", content='SELECT ("Košice" AS ?o) {}'.encode(), headers=headers)
    assert values(answer) == ["Košice"]


@given(st.lists(st.sampled_from([*"%%%%\\+xuUN{}048aFz \n\"'", "%C3%A9", "é", "%5C", "\\x41", "%u0041"])).map("".join))
def test_percent_encoding_is_undone_as_by_the_standard_library(text):
    expected = unquote_to_bytes(text.replace("+", " "))
    try:
        wanted = expected.decode()
    except UnicodeDecodeError:
        with pytest.raises(BadRequest):
            read_fields(b"query=" + text.encode(), "the address")
    else:
        assert read_fields(b"query=" + text.encode(), "the address") == {"query": [wanted]}


def test_percent_encoding_is_undone_once(writer):
    text = "INSERT DATA { <http://e/a%20b> <http://e/p> 'a+b & 100%25' }"
    assert writer.post("/sparql", data={"update": text}).status_code == 204
    query = "SELECT ?o { <http://e/a%20b> <http://e/p> ?o }"
    assert values(writer.get("/sparql", params={"query": query})) == ["a+b & 100%25"]
    assert values(writer.post("/sparql", data={"query": query})) == ["a+b & 100%25"]
    assert values(writer.post("/sparql", content=query, headers=QUERY)) == ["a+b & 100%25"]


@pytest.mark.parametrize("how", ["get", "form", "direct"])
@pytest.mark.parametrize(
    ("parameters", "pattern", "expected"),
    [
        ([], "?s ?p ?o", ["default"]),
        ([("default-graph-uri", f"{G}1")], "?s ?p ?o", ["1"]),
        ([("default-graph-uri", f"{G}1"), ("default-graph-uri", f"{G}2")], "?s ?p ?o", ["1", "2"]),
        ([("default-graph-uri", f"{G}1")], "GRAPH ?g { ?s ?p ?o }", []),
        ([("default-graph-uri", "http://example.org/absent")], "?s ?p ?o", []),
        ([("named-graph-uri", f"{G}1"), ("named-graph-uri", f"{G}3")], "GRAPH ?g { ?s ?p ?o }", ["1", "3"]),
        ([("named-graph-uri", f"{G}1")], "?s ?p ?o", []),
        (
            [("default-graph-uri", f"{G}3"), ("named-graph-uri", f"{G}1"), ("named-graph-uri", f"{G}2")],
            "{ GRAPH ?g { ?s ?p ?o } } UNION { ?s ?p ?o }",
            ["1", "2", "3"],
        ),
        ([("default-graph-uri", "")], "?s ?p ?o", ["default"]),
    ],
)
def test_dataset_of_a_query(graphs, how, parameters, pattern, expected):
    query = f"SELECT ?o WHERE {{ {pattern} }}"
    if how == "get":
        answer = graphs.get("/sparql", params=[("query", query), *parameters])
    elif how == "form":
        answer = graphs.post("/sparql", content=urlencode([("query", query), *parameters]), headers=FORM)
    else:
        answer = graphs.post("/sparql", params=parameters, content=query, headers=QUERY)
    assert values(answer) == expected


def test_dataset_of_the_request_wins_over_from(graphs):
    query = f"SELECT ?o FROM <{G}1> FROM NAMED <{G}2> {{ {{ ?s ?p ?o }} UNION {{ GRAPH ?g {{ ?s ?p ?o }} }} }}"
    assert values(graphs.get("/sparql", params={"query": query})) == ["1", "2"]
    asked = {"query": query, "default-graph-uri": f"{G}3"}
    assert values(graphs.get("/sparql", params=asked)) == ["3"]
    assert values(graphs.post("/sparql", data=asked)) == ["3"]


@pytest.mark.parametrize(
    ("query", "accept", "content_type"),
    [
        ("SELECT (1 AS ?x) {}", "application/sparql-results+json", "application/sparql-results+json"),
        ("SELECT (1 AS ?x) {}", "application/sparql-results+xml", "application/sparql-results+xml"),
        ("SELECT (1 AS ?x) {}", "text/csv", "text/csv; charset=utf-8"),
        ("SELECT (1 AS ?x) {}", "text/tab-separated-values", "text/tab-separated-values; charset=utf-8"),
        ("ASK {}", "application/sparql-results+json", "application/sparql-results+json"),
        ("ASK {}", "application/sparql-results+xml", "application/sparql-results+xml"),
        ("DESCRIBE <http://e/x>", "text/turtle", "text/turtle; charset=utf-8"),
        ("DESCRIBE <http://e/x>", "application/rdf+xml", "application/rdf+xml"),
        ("CONSTRUCT { <http://e/s> <http://e/p> 1 } {}", "application/n-triples", "application/n-triples"),
        ("CONSTRUCT { <http://e/s> <http://e/p> 1 } {}", "application/ld+json", "application/ld+json"),
        ("CONSTRUCT { <http://e/s> <http://e/p> 1 } {}", "application/trig", "application/trig"),
        ("CONSTRUCT { <http://e/s> <http://e/p> 1 } {}", "application/n-quads", "application/n-quads"),
        ("CONSTRUCT { <http://e/s> <http://e/p> 1 } {}", "*/*", "text/turtle; charset=utf-8"),
    ],
)
def test_content_type_of_each_form(writer, query, accept, content_type):
    answer = writer.get("/sparql", params={"query": query}, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(writer, method):
    answer = writer.request(method, "/sparql?query=ASK%20%7B%7D")
    is_problem(answer, 405)
    assert answer.headers["allow"] == "GET, HEAD, POST, OPTIONS"


BAD = {
    "two queries by GET": ("GET", "query=ASK%20%7B%7D&query=SELECT%20%2A%20%7B%7D", b"", {}, 400),
    "two queries by form": ("POST", "", b"query=ASK%20%7B%7D&query=ASK%20%7B%7D", FORM, 400),
    "a query in the address and one in the body": ("POST", "query=ASK%20%7B%7D", b"ASK {}", QUERY, 400),
    "query and update": ("POST", "", b"query=ASK%20%7B%7D&update=CLEAR%20ALL", FORM, 400),
    "neither query nor update": ("POST", "", b"", FORM, 400),
    "a query as text/plain": ("POST", "", b"ASK {}", {"Content-Type": "text/plain"}, 415),
    "a form without its media type": ("POST", "", b"query=ASK%20%7B%7D", {}, 415),
    "a query without a media type": ("POST", "", b"ASK {}", {}, 415),
    "a query in UTF-16": ("POST", "", "ASK {}".encode("utf-16"), QUERY, 400),
    "a query that says UTF-16": (
        "POST",
        "",
        "ASK {}".encode("utf-16-le"),
        {"Content-Type": "application/sparql-query; charset=UTF-16"},
        400,
    ),
    "a form with bytes that are not UTF-8": ("POST", "", b"query=ASK%20%7B%7D%23%FF", FORM, 400),
    "an address with bytes that are not UTF-8": ("GET", "query=ASK%20%7B%7D%23%C3%28", b"", {}, 400),
    "a query that is not SPARQL": ("GET", "query=SELEKT", b"", {}, 400),
    "an empty query": ("GET", "query=", b"", {}, 400),
    "an update by GET": ("GET", "update=CLEAR%20ALL", b"", {}, 400),
    "an update as a query": ("GET", "query=CLEAR%20ALL", b"", {}, 400),
    "a query as an update": ("POST", "", b"update=ASK%20%7B%7D", FORM, 400),
    "two updates": ("POST", "", b"update=CLEAR%20ALL&update=CLEAR%20ALL", FORM, 400),
    "an update as text/plain": ("POST", "", b"CLEAR ALL", {"Content-Type": "text/plain"}, 415),
    "an update form without its media type": ("POST", "", b"update=CLEAR%20ALL", {}, 415),
    "an update in UTF-16": ("POST", "", "CLEAR ALL".encode("utf-16"), UPDATE, 400),
    "an update that is not SPARQL": ("POST", "", b"CLEAR EVERYTHING", UPDATE, 400),
    "a relative default graph": ("GET", "query=ASK%20%7B%7D&default-graph-uri=here", b"", {}, 400),
    "a timeout that is no number": ("GET", "query=ASK%20%7B%7D&timeout=soon", b"", {}, 400),
    "a timeout of nothing": ("GET", "query=ASK%20%7B%7D&timeout=0", b"", {}, 400),
    "a timeout of NaN": ("GET", "query=ASK%20%7B%7D&timeout=nan", b"", {}, 400),
    "two formats": ("GET", "query=ASK%20%7B%7D&format=json&format=xml", b"", {}, 400),
    "a format that does not exist": ("GET", "query=ASK%20%7B%7D&format=xlsx", b"", {}, 406),
    "a table as Turtle": ("GET", "query=ASK%20%7B%7D", b"", {"Accept": "text/turtle"}, 406),
    "a picture": ("GET", "query=ASK%20%7B%7D", b"", {"Accept": "image/png"}, 406),
}


@pytest.mark.parametrize("case", BAD)
def test_requests_that_break_a_rule(graphs, case):
    method, query_string, body, headers, status = BAD[case]
    is_problem(graphs.request(method, f"/sparql?{query_string}", content=body, headers=headers), status)
    still = graphs.get("/sparql", params={"query": "SELECT ?o { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }"})
    assert values(still) == ["1", "2", "3", "default"]


@pytest.mark.parametrize("path", ["/sparql", "/sparql/", "/sparql/update"])
def test_update_by_form_and_direct(writer, path):
    assert writer.post(path, data={"update": "INSERT DATA { <http://e/s> <http://e/p> 1 }"}).status_code == 204
    answer = writer.post(path, content="INSERT DATA { <http://e/s> <http://e/p> 2 }", headers=UPDATE)
    assert answer.status_code == 204
    assert values(writer.get("/sparql", params={"query": "SELECT ?o { ?s ?p ?o }"})) == ["1", "2"]


@pytest.mark.parametrize(
    ("parameters", "pattern", "expected"),
    [
        ([("using-graph-uri", f"{G}1")], "?s ?p ?o", ["1"]),
        ([("using-graph-uri", f"{G}1"), ("using-graph-uri", f"{G}2")], "?s ?p ?o", ["1", "2"]),
        ([("using-named-graph-uri", f"{G}1")], "GRAPH ?g { ?s ?p ?o }", ["1"]),
        (
            [("using-named-graph-uri", f"{G}1"), ("using-named-graph-uri", f"{G}2")],
            "GRAPH ?g { ?s ?p ?o }",
            ["1", "2"],
        ),
        (
            [("using-graph-uri", f"{G}1"), ("using-named-graph-uri", f"{G}2")],
            "{ ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } }",
            ["1", "2"],
        ),
    ],
)
@pytest.mark.parametrize("direct", [False, True])
def test_dataset_of_an_update(graphs, parameters, pattern, expected, direct):
    update = f"INSERT {{ GRAPH <{G}out> {{ ?s ?p ?o }} }} WHERE {{ {pattern} }}"
    if direct:
        answer = graphs.post("/sparql", params=parameters, content=update, headers=UPDATE)
    else:
        answer = graphs.post("/sparql", content=urlencode([("update", update), *parameters]), headers=FORM)
    assert answer.status_code == 204, answer.text
    out = graphs.get("/sparql", params={"query": f"SELECT ?o {{ GRAPH <{G}out> {{ ?s ?p ?o }} }}"})
    assert values(out) == expected


def test_a_dataset_named_twice_is_refused(graphs):
    update = f"INSERT {{ ?s ?p 'x' }} USING <{G}1> WHERE {{ ?s ?p ?o }}"
    is_problem(graphs.post("/sparql", data={"update": update, "using-graph-uri": f"{G}2"}), 400)
    with_graph = f"WITH <{G}1> DELETE {{ ?s ?p ?o }} WHERE {{ ?s ?p ?o }}"
    is_problem(graphs.post("/sparql", data={"update": with_graph, "using-named-graph-uri": f"{G}2"}), 400)
    assert values(graphs.get("/sparql", params={"query": f"SELECT ?o {{ GRAPH <{G}1> {{ ?s ?p ?o }} }}"})) == ["1"]


def test_relative_iris_resolve_against_the_address(writer):
    update = "INSERT DATA { <http://e/s> <http://e/p> <thing> }"
    assert writer.post("/sparql", content=update, headers=UPDATE).status_code == 204
    expected = str(writer.base_url.join("/thing"))
    assert values(writer.get("/sparql", params={"query": "SELECT ?o { ?s ?p ?o }"})) == [expected]
    assert writer.get("/sparql", params={"query": "ASK { ?s ?p <thing> }"}).json()["boolean"] is True
    other = writer.get("/sparql", params={"query": "ASK { ?s ?p <thing> }"}, headers={"Host": "other.example"})
    assert other.json()["boolean"] is False


def test_a_graph_may_be_cleared_before_there_is_one(writer):
    update = f"CLEAR GRAPH <{G}1> ; INSERT DATA {{ GRAPH <{G}1> {{ <http://e/s> <http://e/p> 1 }} }}"
    assert writer.post("/sparql", content=update, headers=UPDATE).status_code == 204
    assert values(writer.get("/sparql", params={"query": "SELECT ?o { GRAPH ?g { ?s ?p ?o } }"})) == ["1"]


def test_a_failing_update_changes_nothing(graphs):
    update = f"CLEAR ALL ; CREATE GRAPH <{G}new> ; CREATE GRAPH <{G}new>"
    is_problem(graphs.post("/sparql", data={"update": update}), 400)
    assert values(graphs.get("/sparql", params={"query": "SELECT ?o { ?s ?p ?o }"})) == ["default"]


def test_an_update_is_seen_by_the_next_query(writer):
    for number in range(5):
        writer.post("/sparql", data={"update": f"INSERT DATA {{ <http://e/s> <http://e/p> {number} }}"})
        answer = writer.get("/sparql", params={"query": "SELECT (COUNT(*) AS ?o) { ?s ?p ?o }"})
        assert values(answer) == [str(number + 1)]


def test_unknown_parameters_are_ignored(writer):
    answer = writer.get(f"/sparql?{quote('quelle')}=x&query=ASK%20%7B%7D&utm=1&utm=2")
    assert answer.json()["boolean"] is True
