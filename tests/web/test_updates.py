"""SPARQL Update held to one's own graph, rollback and withdrawal, over HTTP and at the rewriting itself."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from v4graph.errors import V4GraphError
from v4graph.rdf import normalise
from v4graph.sandbox import frames
from v4graph.sandbox.alone import alone
from v4graph.sandbox.child import Conversation
from v4graph.sandbox.revising import Revised, revise
from v4graph.settings import Settings

from .partners import PROJECT, TURTLE, Instance, instance, project

GRAPH = "https://w3id.org/v4graph/graph/river"
OTHER = "https://w3id.org/v4graph/graph/eccp-nca"
UPDATE = {"Content-Type": "application/sparql-update"}
PREFIX = "PREFIX v4: <https://w3id.org/v4graph/ontology#> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> "
MOVE_START = (
    PREFIX + "DELETE { ?p v4:startDate ?d } INSERT { ?p v4:startDate '2024-07'^^xsd:gYearMonth } "
    "WHERE { ?p v4:startDate ?d }"
)
STARTS = f"SELECT ?d {{ GRAPH <{GRAPH}> {{ <{PROJECT}> <https://w3id.org/v4graph/ontology#startDate> ?d }} }}"
XSD = "http://www.w3.org/2001/XMLSchema#"


@pytest.fixture(scope="module")
def river(published_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with instance(published_home, tmp_path_factory.mktemp("updates") / "home", query_seconds=5) as made:
        yield made


@pytest.fixture
def publisher(river: Instance) -> httpx.Client:
    client = river.client("publisher")
    assert client.put("/graph/river", content=project(), headers={"Content-Type": TURTLE}).status_code in (201, 204)
    return client


def update(client: httpx.Client, text: str, **params: str) -> httpx.Response:
    return client.post("/graph/river/update", content=text, headers=UPDATE, params=params)


# the rewriting and the copy

BEFORE = (
    f'<http://e/s> <http://e/p> "3.0"^^<{XSD}decimal> .',
    f'<http://e/s> <http://e/p> "5"^^<{XSD}int> .',
    '<http://e/s> <http://e/q> "kept" .',
)


def revised(text: str) -> Revised:
    return revise(BEFORE, text, GRAPH, f"{GRAPH}/genid/", Settings(), seconds=20)


def objects(lines: tuple[str, ...]) -> list[str]:
    return [line.split(" ", 2)[2].split('"')[1] for line in lines]


@pytest.mark.parametrize(
    ("text", "added", "removed"),
    [
        ("INSERT DATA { <a> <b> 'x' }", ["x"], []),
        ("INSERT DATA { GRAPH <> { <a> <b> 'x' } }", ["x"], []),
        (f"INSERT DATA {{ <a> <b> 1. GRAPH <{GRAPH}> {{ <a> <b> 2 }} . <a> <b> 3 }}", ["1", "2", "3"], []),
        ("INSERT DATA { GRAPH <> { <a> <b> 1 . } GRAPH <river> { <a> <b> 2 } <a> <b> 3 }", ["1", "2", "3"], []),
        ("INSERT DATA { GRAPH <> { } . <a> <b> 3 . GRAPH <> { } }", ["3"], []),
        ("PREFIX g: <https://w3id.org/v4graph/graph/> INSERT DATA { GRAPH g:river { <a> <b> 1 } }", ["1"], []),
        ("BASE <https://w3id.org/> INSERT DATA { GRAPH <v4graph/graph/river> { <a> <b> 1 } }", ["1"], []),
        (f"WITH <{GRAPH}> DELETE {{ ?s ?p 3.0 }} INSERT {{ ?s ?p 4 }} WHERE {{ ?s ?p 3.0 }}", ["4"], ["3.0"]),
        ("DELETE { GRAPH <> { ?s ?p ?o } } USING <> WHERE { GRAPH <> { ?s ?p ?o FILTER(?o < 4) } }", [], ["3.0"]),
        ("DELETE WHERE { GRAPH <> { ?s <http://e/q> ?o } }", [], ["kept"]),
        ("DELETE DATA { <http://e/s> <http://e/p> 5 }", [], ["5"]),
        ("CLEAR GRAPH <>", [], ["3.0", "5", "kept"]),
        ("DROP SILENT GRAPH <river> ; CREATE GRAPH <> ; INSERT DATA { <a> <b> 1 }", ["1"], ["3.0", "5", "kept"]),
        ("CLEAR ALL ; DROP DEFAULT", [], ["3.0", "5", "kept"]),
        ("INSERT { ?s <http://e/r> ?o } WHERE { ?s <http://e/q> ?o FILTER(?o<'z'&&?o>'a') }", ["kept"], []),
        ("INSERT DATA { <http://e/s> <http://e/q> 'kept' }", [], []),
        ("# GRAPH <http://e/x>\nINSERT DATA { <a> <b> 'GRAPH <http://e/x>' }", ["GRAPH <http://e/x>"], []),
    ],
)  # fmt: skip
def test_an_update_on_a_copy(text: str, added: list[str], removed: list[str]) -> None:
    found = revised(text)
    assert (objects(found.added), objects(found.removed)) == (added, removed)
    assert set(found.removed) <= set(BEFORE)


def test_blank_nodes_become_addresses_of_the_source() -> None:
    [line] = revised("INSERT DATA { _:a <b> 'x' }").added
    assert line.startswith(f"<{GRAPH}/genid/")
    assert revised("INSERT DATA { _:other <b> 'x' }").added == (line,)


def test_what_is_not_touched_keeps_its_spelling() -> None:
    assert normalise(BEFORE) != list(BEFORE)
    found = revised("INSERT DATA { <a> <b> 'x' }")
    assert found.removed == ()


@pytest.mark.parametrize(
    ("text", "slug", "word"),
    [
        (f"INSERT DATA {{ GRAPH <{OTHER}> {{ <a> <b> 1 }} }}", "update-refused", "GRAPH"),
        (f"DELETE WHERE {{ GRAPH <{OTHER}> {{ ?s ?p ?o }} }}", "update-refused", "GRAPH"),
        ("INSERT { ?s ?p ?o } WHERE { GRAPH ?g { ?s ?p ?o } }", "update-refused", "GRAPH ?g"),
        (f"WITH <{OTHER}> DELETE {{ ?s ?p ?o }} WHERE {{ ?s ?p ?o }}", "update-refused", "WITH"),
        (f"INSERT {{ ?s ?p ?o }} USING <{OTHER}> WHERE {{ ?s ?p ?o }}", "update-refused", "USING"),
        (f"INSERT {{ ?s ?p ?o }} USING NAMED <{OTHER}> WHERE {{ ?s ?p ?o }}", "update-refused", "USING"),
        (f"CLEAR GRAPH <{OTHER}>", "update-refused", "CLEAR"),
        (f"DROP SILENT GRAPH <{OTHER}>", "update-refused", "DROP"),
        (f"CREATE GRAPH <{OTHER}>", "update-refused", "CREATE"),
        (f"COPY <{OTHER}> TO DEFAULT", "update-refused", "COPY"),
        (f"MOVE DEFAULT TO <{OTHER}>", "update-refused", "MOVE"),
        (f"ADD SILENT <{OTHER}> TO DEFAULT", "update-refused", "ADD"),
        ("LOAD <http://127.0.0.1/x>", "update-refused", "LOAD"),
        ("LOAD SILENT <http://127.0.0.1/x>", "update-refused", "LOAD"),
        ("INSERT { ?s ?p ?o } WHERE { SERVICE <http://127.0.0.1/x> { ?s ?p ?o } }", "service-refused", "SERVICE"),
        ("INSERT DATA { <a> <b> }", "malformed-query", "Line 1, column 23"),
        ("INSERT DATA { GRAPH <> { <a> <b> } }", "malformed-query", "Line 1, column 34"),
        ("SELECT * { ?s ?p ?o }", "malformed-query", "This is a query"),
        ("INSERT { ?s ?p ?o } WHERE " + "{" * 3000 + "}" * 3000, "bad-request", "nested"),
    ],
)
def test_updates_that_are_refused(text: str, slug: str, word: str) -> None:
    with pytest.raises(V4GraphError) as told:
        revised(text)
    assert (told.value.slug, word in told.value.detail) == (slug, True), told.value.detail


def test_what_slips_through_the_rewriting_finds_nothing() -> None:
    """The engine needs no space after GRAPH: what is written elsewhere is refused when it was done."""
    text = "PREFIX GRAPHx: <http://e/> PREFIX x: <http://e/> INSERT DATA { GRAPHx:y { <http://e/a> <http://e/b> 1 } }"
    assert "GRAPHx:y" in alone(text, GRAPH)
    with pytest.raises(V4GraphError):
        revised(text)


def test_an_update_that_takes_too_long_is_stopped() -> None:
    many = "".join(f"?s{n} ?p{n} ?o{n} . " for n in range(24))
    text = f"INSERT {{ <a> <b> ?n }} WHERE {{ SELECT (COUNT(*) AS ?n) {{ {many} FILTER(?s0 != ?o23) }} }}"
    with pytest.raises(V4GraphError) as told:
        revise(BEFORE, text, GRAPH, f"{GRAPH}/genid/", Settings(), seconds=1)
    assert told.value.slug == "query-timeout"


# over HTTP


def test_an_update_is_a_contribution(river: Instance, publisher: httpx.Client) -> None:
    answer = update(publisher, MOVE_START, note="the start moved")
    assert (answer.status_code, answer.json()["mode"], answer.json()["note"]) == (200, "difference", "the start moved")
    assert river.select(STARTS) == [["2024-07"]]
    address = answer.headers["content-location"]
    assert publisher.get(address).json()["difference"]["words"] == ["River Links: start 2024-05 → 2024-07"]
    assert publisher.get(f"{address}/document").text == MOVE_START
    form = publisher.post("/graph/river/update", data={"update": MOVE_START.replace("2024-07", "2024-08")})
    assert form.status_code == 200
    assert river.select(STARTS) == [["2024-08"]]


def test_an_update_is_checked_like_everything(river: Instance, publisher: httpx.Client) -> None:
    broken = update(publisher, PREFIX + f"INSERT DATA {{ <{PROJECT}> v4:invented 'x' }}")
    assert (broken.status_code, broken.json()["state"]) == (422, "invalid")
    dry = update(publisher, MOVE_START, **{"dry-run": "1"})
    assert (dry.status_code, dry.json()["difference"]["words"]) == (200, ["River Links: start 2024-05 → 2024-07"])
    pending = update(river.client("submitter"), MOVE_START)
    assert (pending.status_code, pending.json()["needs"]) == (202, "review")
    assert river.select(STARTS) == [["2024-05"]]
    river.client("submitter").post(f"{pending.headers['location']}/withdraw")


@pytest.mark.parametrize(
    ("text", "params", "status"),
    [
        (f"INSERT DATA {{ GRAPH <{OTHER}> {{ <a> <b> 1 }} }}", {}, 403),
        ("LOAD <http://127.0.0.1:9/x>", {}, 403),
        ("INSERT { ?s ?p ?o } WHERE { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }", {}, 403),
        ("INSERT DATA { <a> <b> }", {}, 400),
        (MOVE_START, {"using-graph-uri": OTHER}, 403),
        (MOVE_START, {"using-graph-uri": GRAPH}, 200),
        (MOVE_START, {"timeout": "never"}, 400),
    ],
)
def test_refusals_over_http(
    river: Instance, publisher: httpx.Client, text: str, params: dict[str, str], status: int
) -> None:
    answer = update(publisher, text, **params)
    assert answer.status_code == status, answer.text
    if status == 400 and not params:
        assert (answer.json()["line"], answer.json()["column"]) == (1, 23)
    others = publisher.post("/graph/eccp-nca/update", content=MOVE_START, headers=UPDATE)
    assert others.status_code == 403
    assert publisher.post("/graph/river/update", content=MOVE_START).status_code == 415
    assert publisher.post("/graph/river/update", data={"query": "ASK {}"}).status_code == 400
    assert river.client().post("/graph/river/update", content=MOVE_START, headers=UPDATE).status_code == 401


def test_rollback_and_withdrawal_with_a_reason(river: Instance, publisher: httpx.Client) -> None:
    with river.workspace.ledger() as ledger:
        entry = ledger.current("revision", "river")
    assert entry is not None
    before = entry.revision or 0
    assert update(publisher, MOVE_START).status_code == 200
    back = publisher.post("/graph/river/rollback", json={"revision": before, "reason": "moved by mistake"})
    assert (back.status_code, back.json()["mode"], back.json()["note"]) == (200, "rollback", "moved by mistake")
    assert back.json()["revision"] == before + 2
    assert river.select(STARTS) == [["2024-05"]]
    for wrong, status in (
        ({"revision": before}, 400), ({"revision": 999, "reason": "x"}, 404), ({"revision": "x", "reason": "x"}, 400),
        ({"reason": "x"}, 400), ({"revision": before, "reason": "n" * 3000}, 400),
    ):  # fmt: skip
        assert publisher.post("/graph/river/rollback", json=wrong).status_code == status, wrong
    assert (
        publisher.post("/graph/river/rollback", content="{", headers={"Content-Type": "application/json"}).status_code
        == 400
    )
    assert publisher.post("/graph/river/withdraw", data={}).status_code == 400
    gone = publisher.post("/graph/river/withdraw", data={"reason": "the project was never ours"})
    assert (gone.status_code, gone.json()["mode"]) == (200, "withdrawal")
    answer = publisher.get("/graph/river")
    assert (answer.status_code, "withdrawn" in answer.json()["detail"]) == (404, True)
    returned = publisher.post("/graph/river/rollback", json={"revision": before, "reason": "it was ours"})
    assert (returned.status_code, river.select(STARTS)) == (200, [["2024-05"]])


def test_the_process_itself_reaches_nothing() -> None:
    """What the words refuse, the operating system refuses too: no connection, no file."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        port = listening.getsockname()[1]
        talk = Conversation("reviser", {"memory": 512 * 2**20}, largest=2**20)
        try:
            assert talk.confinement["memory"]
            for text in (
                f"LOAD <http://127.0.0.1:{port}/x>",
                "LOAD <file:///etc/hostname>",
                f"INSERT {{ ?s ?p ?o }} WHERE {{ SERVICE <http://127.0.0.1:{port}/> {{ ?s ?p ?o }} }}",
            ):
                talk.limit(20.0)
                told = {"base_iri": GRAPH, "asked": text, "genid_prefix": f"{GRAPH}/genid/"}
                talk.send(frames.pack_json(frames.JOB, told))
                talk.send(frames.pack(frames.BODY, BEFORE[2].encode()) + frames.pack(frames.BODY, text.encode()))
                kind, payload = talk.receive()
                assert kind == frames.FAILED, text
                assert b"/etc" not in payload
        finally:
            talk.child.close()
        with pytest.raises(TimeoutError):
            listening.accept()
