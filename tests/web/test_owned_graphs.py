"""The graphs of partners by the Graph Store Protocol: the cases of the W3C's suite, with data that the rules like."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from v4graph.actors import COMMAND_LINE
from v4graph.rdf import RDF_FORMATS

from .conftest import BASE
from .partners import BROKEN, CLUSTER, PARTICIPATION, PROJECT, UNREADABLE, Instance, cluster, instance, project
from .test_graph_store import TURTLE, triples, values


@pytest.fixture(scope="module")
def river(published_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with instance(published_home, tmp_path_factory.mktemp("graph-store") / "home") as made:
        yield made


@pytest.fixture
def owner(river: Instance) -> httpx.Client:
    """The owner of a graph that was withdrawn, as far as it was there."""
    client = river.client("publisher")
    assert client.delete("/graph/river").status_code in (200, 404)
    return client


@pytest.fixture(params=["direct", "indirect"])
def own(request: pytest.FixtureRequest) -> str:
    return "/graph/river" if request.param == "direct" else f"/graph?graph={BASE}graph/river"


def subjects(answer: httpx.Response) -> set[str]:
    return {t.subject.value for t in triples(answer)} - {PARTICIPATION}


def put(client: httpx.Client, path: str, document: str, **headers: str) -> httpx.Response:
    return client.put(path, content=document.encode(), headers={**TURTLE, **headers})


def test_w3c_put_initial_state_and_get(owner, own):
    assert put(owner, own, project()).status_code == 201
    assert subjects(owner.get(own)) == {PROJECT}


def test_w3c_put_graph_already_in_store_and_get(owner, own):
    put(owner, own, project())
    assert put(owner, own, cluster()).status_code == 204
    assert subjects(owner.get(own)) == {CLUSTER}


def test_w3c_put_default_graph(owner):
    """Contradicts the design: the default graph is worked out from all sources, so nobody writes to it."""
    answer = put(owner, "/graph?default", project())
    assert (answer.status_code, "all sources" in answer.json()["detail"]) == (403, True)


def test_w3c_put_mismatched_payload(owner, own):
    answer = owner.put(own, content=project().encode(), headers={"Content-Type": "application/rdf+xml"})
    assert (answer.status_code, answer.json()["line"] >= 1) == (400, True)
    assert owner.get(own).status_code == 404


def test_w3c_put_empty_graph_get_and_replace(river):
    river.workspace.add_source(COMMAND_LINE, "river-empty", "Nothing yet", "river")
    client, path = river.client("publisher"), "/graph/river-empty"
    assert put(client, path, "").status_code == 201
    assert triples(client.get(path)) == frozenset()
    assert put(client, path, project()).status_code == 204
    assert subjects(client.get(path)) == {PROJECT}
    assert client.delete(path).status_code == 200


def test_w3c_delete_existing_graph_and_get(owner, own):
    put(owner, own, project())
    assert owner.delete(own).status_code == 200
    gone = owner.get(own)
    assert (gone.status_code, "withdrawn" in gone.json()["detail"]) == (404, True)


def test_w3c_delete_non_existent_graph(owner, own):
    assert owner.delete(own).status_code == 404


def test_w3c_post_existing_graph_and_get(owner, own):
    put(owner, own, project())
    added = owner.post(own, content=cluster().encode(), headers=TURTLE)
    assert (added.status_code, added.json()["mode"]) == (200, "difference")
    assert subjects(owner.get(own)) == {PROJECT, CLUSTER}


def test_w3c_post_multipart_form_data_and_get(owner, own):
    put(owner, own, project())
    files = [
        ("a", ("a.ttl", cluster().encode(), "text/turtle")),
        (
            "b",
            ("b.ttl", cluster().replace("River Cluster", "Zhluk rieky").replace("@en", "@sk").encode(), "text/turtle"),
        ),
    ]
    assert owner.post(own, files=files).status_code == 200
    assert subjects(owner.get(own)) == {PROJECT, CLUSTER}
    assert {"River Cluster", "Zhluk rieky"} <= set(values(owner.get(own)))


def test_w3c_post_create_new_graph(owner):
    """Contradicts the design: a graph is a source, which somebody registers, so the server names none."""
    answer = owner.post("/graph", content=project().encode(), headers=TURTLE)
    assert (answer.status_code, "belongs to a source" in answer.json()["detail"]) == (403, True)


def test_w3c_post_empty_graph_to_existing_graph_and_get(owner, own):
    put(owner, own, project())
    assert owner.post(own, content=b"", headers=TURTLE).status_code == 204
    assert subjects(owner.get(own)) == {PROJECT}


def test_w3c_head_on_an_existing_and_a_non_existing_graph(owner, own):
    put(owner, own, project())
    head = owner.head(own)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) > 0
    owner.delete(own)
    assert owner.head(own).status_code == 404


# an owner's graph: what the protocol leaves open


def test_an_entity_tag_changes_with_the_graphs_own_revisions_only(river, owner):
    put(owner, "/graph/river", project())
    formats = {
        fmt: owner.get("/graph/river", headers={"Accept": fmt.media_type}).headers["etag"] for fmt in RDF_FORMATS
    }
    assert len(set(formats.values())) == len(RDF_FORMATS)
    lake = river.client("other")
    assert put(lake, "/graph/lake", cluster().replace("river", "lake")).status_code == 201
    for fmt, tag in formats.items():
        again = owner.get("/graph/river", headers={"Accept": fmt.media_type, "If-None-Match": tag})
        assert (again.status_code, again.headers["etag"]) == (304, tag)
        assert owner.head("/graph/river", headers={"Accept": fmt.media_type}).headers["etag"] == tag
    put(owner, "/graph/river", project("Other"))
    changed = owner.get("/graph/river", headers={"If-None-Match": formats[RDF_FORMATS[0]]})
    assert changed.status_code == 200
    put(owner, "/graph/river", project())
    assert owner.get("/graph/river").headers["etag"].replace("-gzip", "") == formats[RDF_FORMATS[0]].replace(
        "-gzip", ""
    )
    assert lake.delete("/graph/lake").status_code == 200


def test_two_editors_cannot_overwrite_each_other(river, owner):
    put(owner, "/graph/river", project("First"))
    seen = owner.get("/graph/river", headers={"Accept": "application/n-triples"}).headers["etag"]
    assert put(owner, "/graph/river", project("Second"), **{"If-Match": seen}).status_code == 204
    late = put(owner, "/graph/river", project("Third"), **{"If-Match": seen})
    assert (late.status_code, late.json()["type"].rpartition("/")[2]) == (412, "precondition-failed")
    difference = late.json()["difference"]
    assert difference["revision"] == difference["base"] + 1
    assert ["First" in line for line in difference["removed"]] == [True]
    assert ["Second" in line for line in difference["added"]] == [True]
    assert values(owner.get("/graph/river")).count("Second") == 1
    strange = put(owner, "/graph/river", project("Third"), **{"If-Match": '"strange"'})
    assert (strange.status_code, "never was" in strange.json()["detail"]) == (412, True)
    for headers, status in (
        ({"If-None-Match": "*"}, 412), ({"If-None-Match": seen}, 204), ({"If-Match": "*"}, 204),
    ):  # fmt: skip
        assert put(owner, "/graph/river", project("Fourth"), **headers).status_code == status, headers
    assert owner.delete("/graph/river", headers={"If-Match": seen}).status_code == 412
    assert owner.delete("/graph/river", headers={"If-Match": "*"}).status_code == 200
    assert put(owner, "/graph/river", project(), **{"If-Match": "*"}).status_code == 412
    assert put(owner, "/graph/river", project(), **{"If-None-Match": "*"}).status_code == 201


def test_what_does_not_go_through_changes_nothing(owner):
    put(owner, "/graph/river", project())
    before = owner.get("/graph/river")
    for document, status in ((BROKEN, 422), (UNREADABLE, 400)):
        for method in ("PUT", "POST"):
            answer = owner.request(method, "/graph/river", content=document.encode(), headers=TURTLE)
            assert answer.status_code == status
            assert answer.headers["location"].startswith("/contributions/")
    dry = owner.put("/graph/river?dry-run", content=cluster().encode(), headers=TURTLE)
    assert (dry.status_code, dry.json()["difference"]["added"] > 0) == (200, True)
    assert owner.delete("/graph/river?dry-run").status_code == 200
    after = owner.get("/graph/river")
    assert (after.content, after.headers["etag"]) == (before.content, before.headers["etag"])


def test_who_may_not_publish_alone_waits(river, owner):
    put(owner, "/graph/river", project())
    submitter = river.client("submitter")
    for method, document in (("PUT", project("New")), ("POST", cluster()), ("DELETE", "")):
        answer = submitter.request(method, "/graph/river", content=document.encode(), headers=TURTLE)
        assert (answer.status_code, answer.json()["needs"]) == (202, "review")
    assert subjects(owner.get("/graph/river")) == {PROJECT}


def test_a_request_that_comes_twice_counts_once(owner):
    put(owner, "/graph/river", project("Once"))
    first = put(owner, "/graph/river", project("Twice"), **{"Idempotency-Key": '"k-1"'})
    put(owner, "/graph/river", project("Later"))
    again = put(owner, "/graph/river", project("Twice"), **{"Idempotency-Key": '"k-1"'})
    assert (first.status_code, again.status_code) == (204, 204)
    assert again.headers["content-location"] == first.headers["content-location"]
    assert "Later" in values(owner.get("/graph/river"))
