"""SPARQL 1.1 Graph Store HTTP Protocol: reading published graphs, writing in scratch mode.

https://www.w3.org/TR/sparql11-http-rdf-update/
"""

from __future__ import annotations

import gzip

import httpx
import pyoxigraph as ox
import pytest

from v4graph.rdf import RDF_FORMATS

from .conftest import BASE, WIDE_ROWS

TURTLE = {"Content-Type": "text/turtle"}
ONE = b"<http://e/s> <http://e/p> 'one' ."
TWO = b"<http://e/s> <http://e/p> 'two' ."
HERE = "http://example.org/here"
FORMATS = pytest.mark.parametrize("fmt", RDF_FORMATS, ids=lambda f: f.label)


def triples(answer: httpx.Response) -> frozenset[ox.Triple]:
    assert answer.status_code == 200, answer.text
    syntax = ox.RdfFormat.from_media_type(answer.headers["content-type"].split(";")[0])
    return frozenset(quad.triple for quad in ox.parse(answer.content, syntax))


def values(answer: httpx.Response) -> list[str]:
    return sorted(t.object.value for t in triples(answer))


# reading


@FORMATS
@pytest.mark.parametrize("path", ["/graph/second", f"/graph?graph={BASE}graph/second"])
def test_a_graph_in_every_format_directly_and_indirectly(client, fmt, path):
    answer = client.get(path, headers={"Accept": fmt.media_type})
    assert answer.headers["content-type"].split(";")[0] == fmt.media_type
    assert {t.subject.value for t in triples(answer)} == {"http://example.org/ostrava", "http://example.org/kosice"}
    assert answer.headers["v4graph-result"] == "complete"


def test_the_default_graph(client):
    assert len(triples(client.get("/graph?default"))) == 4
    assert len(triples(client.get("/graph", params={"default": "", "format": "nt"}))) == 4


def test_head_and_entity_tag_of_a_graph(client):
    got, head = client.get("/graph/first"), client.head("/graph/first")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]
    again = client.get("/graph/first", headers={"If-None-Match": got.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = {"If-None-Match": got.headers["etag"], "Accept": "application/n-triples"}
    assert client.get("/graph/first", headers=other).status_code == 200


def test_a_large_graph_is_streamed_and_compressed(client):
    headers = {"Accept": "application/n-triples", "Accept-Encoding": "gzip"}
    with client.stream("GET", "/graph/wide", headers=headers) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["v4graph-result"] == "streamed"
    assert gzip.decompress(raw).count(b"\n") == WIDE_ROWS


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/graph/nobody", 404),
        (f"/graph?graph={BASE}graph/nobody", 404),
        ("/graph?graph=relative", 400),
        ("/graph?graph=http%3A%2F%2Fe%2Fa%20b", 400),
        (f"/graph?graph={BASE}graph/first&graph={BASE}graph/second", 400),
        (f"/graph?graph={BASE}graph/first&default", 400),
        ("/graph", 400),
        ("/graph/first?format=csv", 406),
        ("/graph/first?format=xlsx", 406),
    ],
)
def test_graphs_that_cannot_be_had(client, path, status):
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert len(answer.json()["detail"]) > 20
    assert client.head(path).status_code == status


def test_an_unacceptable_type_is_406_with_the_list(client):
    answer = client.get("/graph/first", headers={"Accept": "image/png"})
    assert (answer.status_code, answer.json()["available"][0]) == (406, "text/turtle")


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["/graph/first", "/graph?default", "/graph"])
def test_the_published_graph_is_not_written_here(client, method, path):
    answer = client.request(method, path, content=ONE, headers=TURTLE)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "contribution" in answer.text
    assert len(triples(client.get("/graph/first"))) == 1


def test_options_and_other_methods(client, writer):
    allowed = "GET, HEAD, PUT, POST, DELETE, OPTIONS"
    assert client.options("/graph/first").headers["allow"] == allowed
    assert writer.options("/graph/x").headers["allow"] == allowed
    refused = writer.request("PATCH", "/graph?default", content=b"")
    assert (refused.status_code, refused.headers["allow"]) == (405, allowed)


# writing


@pytest.fixture(params=["direct", "indirect"])
def path(request: pytest.FixtureRequest) -> str:
    return "/graph/person/1.ttl" if request.param == "direct" else f"/graph?graph={HERE}"


def test_put_makes_and_replaces(writer, path):
    assert writer.put(path, content=ONE, headers=TURTLE).status_code == 201
    assert values(writer.get(path)) == ["one"]
    assert writer.put(path, content=TWO, headers=TURTLE).status_code == 204
    assert values(writer.get(path)) == ["two"]


def test_post_adds(writer, path):
    assert writer.post(path, content=ONE, headers=TURTLE).status_code == 201
    added = writer.post(path, content=TWO, headers=TURTLE)
    assert (added.status_code, added.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert "added" in added.text
    assert writer.post(path, content=b"", headers=TURTLE).status_code == 204
    assert values(writer.get(path)) == ["one", "two"]


def test_delete_removes(writer, path):
    assert writer.delete(path).status_code == 404
    writer.put(path, content=ONE, headers=TURTLE)
    removed = writer.delete(path)
    assert (removed.status_code, removed.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert "removed" in removed.text
    assert writer.get(path).status_code == 404
    assert writer.head(path).status_code == 404
    assert writer.delete(path).status_code == 404


def test_head_after_put(writer, path):
    writer.put(path, content=ONE, headers=TURTLE)
    answer = writer.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == len(writer.get(path).content)


def test_the_address_of_a_graph_is_its_name(writer):
    writer.put("/graph/person/2.ttl", content=b"<> <http://e/p> <#me> .", headers=TURTLE)
    name = str(writer.base_url.join("/graph/person/2.ttl"))
    (triple,) = triples(writer.get("/graph", params={"graph": name}))
    assert (triple.subject.value, triple.object.value) == (name, f"{name}#me")


def test_an_empty_graph_exists(writer, path):
    assert writer.put(path, content=b"", headers=TURTLE).status_code == 201
    assert triples(writer.get(path)) == frozenset()
    assert writer.delete(path).status_code == 200


def test_the_default_graph_is_written_and_emptied(writer):
    assert writer.put("/graph?default", content=ONE, headers=TURTLE).status_code == 201
    assert writer.post("/graph?default", content=TWO, headers=TURTLE).status_code == 200
    assert values(writer.get("/graph?default")) == ["one", "two"]
    assert writer.put("/graph?default", content=TWO, headers=TURTLE).status_code == 204
    assert "emptied" in writer.delete("/graph?default").text
    assert values(writer.get("/graph?default")) == []


def test_post_to_the_store_names_a_new_graph(writer):
    answer = writer.post("/graph", content=ONE, headers=TURTLE)
    assert answer.status_code == 201
    location = answer.headers["location"]
    assert values(writer.get(location)) == ["one"]
    assert values(writer.get("/graph", params={"graph": location})) == ["one"]
    assert writer.post("/graph", content=ONE, headers=TURTLE).headers["location"] != location


def test_post_of_files_in_a_form(writer, path):
    files = [
        ("a", ("one.ttl", ONE, "text/turtle")),
        ("b", ("two.nt", b'<http://e/s> <http://e/p> "two" .\n', "application/octet-stream")),
    ]
    assert writer.post(path, files=files, data={"comment": "mine"}).status_code == 201
    assert values(writer.get(path)) == ["one", "two"]
    assert writer.post(path, files=[("c", ("c.exe", b"MZ", "application/octet-stream"))]).status_code == 415
    assert writer.put(path, files=files).status_code == 415
    assert values(writer.get(path)) == ["one", "two"]


def test_a_form_with_one_broken_file_changes_nothing(writer, path):
    files = [("a", ("one.ttl", ONE, "text/turtle")), ("b", ("two.ttl", b"<http://e/s> <http://e/p> .", "text/turtle"))]
    assert writer.post(path, files=files).status_code == 400
    assert writer.get(path).status_code == 404


@FORMATS
def test_every_format_is_read(writer, path, fmt):
    triple = ox.Triple(ox.NamedNode("http://e/s"), ox.NamedNode("http://e/p"), ox.Literal("Košice", language="sk"))
    body = ox.serialize([triple], format=getattr(ox.RdfFormat, fmt.engine))
    assert writer.put(path, content=body, headers={"Content-Type": fmt.media_type}).status_code == 201
    assert triples(writer.get(path)) == {triple}


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("text/turtle", b"<http://e/s> <http://e/p> .", 400),
        ("application/rdf+xml", ONE, 400),
        ("application/n-triples", b"<s> <p> <o> .", 400),
        ("application/ld+json", b'{"@context": "http://example.org/context"', 400),
        ("text/turtle", b"<http://e/s> <http://e/p> '\xff' .", 400),
        ("text/plain", ONE, 415),
        ("image/png", ONE, 415),
        (
            "application/trig",
            b"<http://e/s> <http://e/p> 'one' .\nGRAPH <http://e/g> { <http://e/s> <http://e/p> 2 }",
            400,
        ),
        ("application/trig", b"{ <http://e/s> <http://e/p> 'one' . } }", 400),
        ("application/n-quads", b"<http://e/s> <http://e/p> <http://e/o> <http://e/g> .", 400),
        ("application/n-quads", b"<http://e/s> <http://e/p> <http://e/o> _:g 'x' .", 400),
        ("", ONE, 415),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_document_that_is_refused_changes_nothing(writer, path, method, content_type, body, status):
    writer.put(path, content=TWO, headers=TURTLE)
    headers = {"Content-Type": content_type} if content_type else {}
    answer = writer.request(method, path, content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    if status == 400:
        assert answer.json()["line"] >= 1
        assert answer.json()["column"] >= 1
    assert values(writer.get(path)) == ["two"]
