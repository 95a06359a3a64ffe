"""Contributions over HTTP: every way in, every answer, review, and what nobody else may see."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyoxigraph as ox
import pytest

from v4graph.web.limits import Rate

from .partners import BROKEN, CLUSTER, PREFIXES, PROJECT, TURTLE, UNREADABLE, Instance, cluster, instance, project

PATH = "/contributions"
WARNED = project("Blue") + f'<{PROJECT}> <http://example.org/colour> "blue" .\n'
"""A document with a property nobody knows: the rules warn of it."""


@pytest.fixture(scope="module")
def river(published_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with instance(published_home, tmp_path_factory.mktemp("contributions") / "home", upload_mb=1) as made:
        yield made


@pytest.fixture
def publisher(river: Instance) -> httpx.Client:
    return river.client("publisher")


@pytest.fixture
def submitter(river: Instance) -> httpx.Client:
    return river.client("submitter")


@pytest.fixture
def reviewer(river: Instance) -> httpx.Client:
    return river.client("reviewer")


def post(client: httpx.Client, document: str, media_type: str = TURTLE, **params: str) -> httpx.Response:
    headers = {"Content-Type": media_type}
    headers |= {"Idempotency-Key": params.pop("key")} if "key" in params else {}
    return client.post(PATH, content=document.encode(), headers=headers, params=params)


def revision(river: Instance, source: str = "river") -> int:
    with river.workspace.ledger() as ledger:
        entry = ledger.current("revision", source)
        return (entry.revision or 0) if entry else 0


# submitting


def test_what_is_published_answers_at_once(river: Instance, publisher: httpx.Client) -> None:
    for number in range(2):
        answer = post(publisher, cluster(f"River {number}"))
        assert answer.status_code == 201, answer.text
        assert river.names_of(CLUSTER) == [f"River {number}"]
        told = answer.json()
        assert (told["state"], told["source"], told["revision"]) == ("published", "river", revision(river))
        assert answer.headers["location"] == f"{PATH}/{told['contribution']}"
        assert int(answer.headers["v4graph-snapshot"]) > told["contribution"]
        assert publisher.get(answer.headers["location"]).json()["state"] == "published"


def test_json_ld_and_the_file_of_a_form(river: Instance, publisher: httpx.Client) -> None:
    [graph] = [ox.parse(project("Written in JSON-LD").encode(), ox.RdfFormat.TURTLE)]
    document = ox.serialize(graph, format=ox.RdfFormat.JSON_LD)
    assert document is not None
    assert post(publisher, document.decode(), "application/ld+json").status_code == 201
    assert river.names_of(PROJECT) == ["Written in JSON-LD"]
    files = {"document": ("river.ttl", project("Sent in a form").encode(), "application/octet-stream")}
    answer = publisher.post(PATH, files=files, data={"source": "river", "note": "by form"})
    assert (answer.status_code, answer.json()["note"]) == (201, "by form")
    assert river.names_of(PROJECT) == ["Sent in a form"]
    pasted = {"text": (None, project("Pasted")), "syntax": (None, TURTLE), "source": (None, "river")}
    assert publisher.post(PATH, files=pasted).status_code == 201
    assert river.names_of(PROJECT) == ["Pasted"]


def test_a_patch_replaces_what_it_speaks_of(river: Instance, publisher: httpx.Client) -> None:
    assert post(publisher, cluster() + project()).status_code == 201
    assert post(publisher, project("Renamed"), mode="patch").status_code == 201
    assert (river.names_of(PROJECT), river.names_of(CLUSTER)) == (["Renamed"], ["River Cluster"])
    assert post(publisher, cluster(), mode="replacement").status_code == 201
    assert river.names_of(PROJECT) == []
    assert post(publisher, cluster(), mode="rollback").status_code == 400


def test_what_says_nothing_new_makes_no_revision(river: Instance, publisher: httpx.Client) -> None:
    post(publisher, cluster("Same"))
    before = revision(river)
    answer = post(publisher, cluster("Same"))
    assert (answer.status_code, answer.json()["state"]) == (201, "published")
    assert revision(river) == before


def test_a_dry_run_stores_nothing(river: Instance, publisher: httpx.Client, submitter: httpx.Client) -> None:
    before = revision(river), len(publisher.get(PATH, params={"size": "500"}).json()["contributions"])
    answer = publisher.post(f"{PATH}?dry-run", content=project("Dry").encode(), headers={"Content-Type": TURTLE})
    assert (answer.status_code, answer.json()["state"], answer.json()["dry-run"]) == (200, "published", True)
    assert "location" not in answer.headers
    assert post(submitter, project("Dry"), **{"dry-run": "true"}).json()["needs"] == "review"
    broken = post(publisher, BROKEN, **{"dry-run": "1"})
    assert (broken.status_code, broken.json()["report"]["blocks"]) == (422, True)
    assert post(publisher, UNREADABLE, **{"dry-run": "1"}).status_code == 400
    assert post(publisher, project(), **{"dry-run": "perhaps"}).status_code == 400
    after = revision(river), len(publisher.get(PATH, params={"size": "500"}).json()["contributions"])
    assert after == before


def test_an_idempotency_key_counts_once(river: Instance, publisher: httpx.Client) -> None:
    first = post(publisher, project("Once"), key="abc")
    before = revision(river)
    again = post(publisher, project("Once"), key="abc")
    assert (again.status_code, again.headers["location"]) == (first.status_code, first.headers["location"])
    assert revision(river) == before
    other = post(publisher, project("Twice"), key="abc")
    assert (other.status_code, other.json()["type"].rpartition("/")[2]) == (409, "wrong-state")
    assert river.names_of(PROJECT) == ["Once"]


def test_the_source_is_named_where_there_are_several(river: Instance, publisher: httpx.Client) -> None:
    from v4graph.actors import COMMAND_LINE

    lake = river.client("other")
    assert post(lake, project("Of the lake")).status_code == 201
    river.workspace.add_source(COMMAND_LINE, "lake-events", "Events of the lake", "lake")
    unnamed = post(lake, project("Of the lake"))
    assert (unnamed.status_code, "lake-events" in unnamed.json()["detail"]) == (400, True)
    assert post(lake, project("Of the lake"), source="lake-events").status_code == 201
    assert river.client("publisher").delete("/graph/river").status_code in (200, 404)
    assert lake.delete("/graph/lake").status_code == 200
    assert lake.delete("/graph/lake-events").status_code == 200


# bad input


def test_violations_are_told_and_kept(river: Instance, publisher: httpx.Client) -> None:
    post(publisher, project("Good"))
    before = revision(river)
    answer = post(publisher, BROKEN)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    told = answer.json()
    assert (told["status"], told["state"], told["report"]["counts"]["violation"] >= 1) == (422, "invalid", True)
    [group] = [g for g in told["report"]["groups"] if g["shape"].endswith("#Project-startDate")]
    assert group["findings"][0]["record"] == PROJECT
    kept = publisher.get(answer.headers["location"])
    assert (kept.json()["state"], kept.json()["report"]) == ("invalid", told["report"])
    assert publisher.get(f"{answer.headers['location']}/document").text == BROKEN
    assert (revision(river), river.names_of(PROJECT)) == (before, ["Good"])


def test_the_report_comes_in_the_language_and_format_asked_for(publisher: httpx.Client) -> None:
    headers = {"Content-Type": TURTLE, "Accept-Language": "sk"}
    slovak = publisher.post(PATH, content=BROKEN, headers=headers)
    english = post(publisher, BROKEN)
    assert slovak.headers["content-language"] == "sk"
    assert slovak.json()["report"]["groups"][0]["message"] != english.json()["report"]["groups"][0]["message"]
    shacl = publisher.post(PATH, content=BROKEN, headers={"Content-Type": TURTLE, "Accept": TURTLE})
    assert (shacl.status_code, shacl.headers["content-type"]) == (422, "text/turtle; charset=utf-8")
    said = {q.predicate.value.rpartition("#")[2] for q in ox.parse(shacl.content, ox.RdfFormat.TURTLE)}
    assert {"conforms", "focusNode", "sourceShape"} <= said
    page = publisher.post(PATH, content=BROKEN, headers={"Content-Type": TURTLE, "Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (422, "text/html; charset=utf-8")
    assert "against the rules" in page.text


def test_what_cannot_be_read_is_400_with_its_place_and_kept(river: Instance, publisher: httpx.Client) -> None:
    before = revision(river)
    answer = post(publisher, UNREADABLE)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    told = answer.json()
    assert (told["line"], told["column"] >= 1) == (UNREADABLE.count("\n"), True)
    kept = publisher.get(answer.headers["location"]).json()
    assert (kept["contribution"], kept["state"]) == (told["contribution"], "invalid")
    assert publisher.get(f"{answer.headers['location']}/document").content == UNREADABLE.encode()
    assert revision(river) == before


@pytest.mark.parametrize(
    ("document", "media_type", "params", "status"),
    [
        (project(), "text/plain", {}, 415),
        (project(), "", {}, 415),
        (project(), "text/turtle; charset=latin-1", {}, 400),
        ("#" * (1 << 20) + project(), TURTLE, {}, 413),
        (project(), TURTLE, {"source": "lake"}, 403),
        (project(), TURTLE, {"source": "nobody"}, 403),
        (project(), TURTLE, {"source": "eccp-nca"}, 403),
        (project(), TURTLE, {"source": "../x"}, 400),
        (project(), TURTLE, {"note": "n" * 3000}, 400),
        ("<html>", "application/rdf+xml", {}, 400),
    ],
)
def test_bad_input(
    river: Instance, publisher: httpx.Client, document: str, media_type: str, params: dict[str, str], status: int
) -> None:
    before = revision(river)
    answer = post(publisher, document, media_type, **params)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert len(answer.json()["detail"]) > 20
    assert revision(river) == before


def test_nothing_tells_whether_another_graph_exists(publisher: httpx.Client) -> None:
    told = {source: post(publisher, project(), source=source).json() for source in ("nobody", "dry")}
    assert told["nobody"]["detail"].replace("nobody", "dry") == told["dry"]["detail"]


def test_whoever_sends_too_much_waits(river: Instance, publisher: httpx.Client) -> None:
    limits = river.server.app.state.limits
    kept, limits.contributions = limits.contributions, Rate(2, 60.0, "sent contributions")
    try:
        answers = [post(publisher, project(), **{"dry-run": "1"}) for _ in range(3)]
    finally:
        limits.contributions = kept
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60


@pytest.mark.parametrize(
    ("statement", "shape"),
    [
        ('<http://example.org/elsewhere> v4:startDate "2020"^^xsd:gYear .', "Contribution-foreignSubject"),
        (f'<{PROJECT}> v4:invented "x"@en .', "Contribution-unknownTerm"),
        (f"<{PROJECT}> <http://www.w3.org/2002/07/owl#sameAs> <http://example.org/x> .", "sameAs"),
        (
            "v4:Project <http://www.w3.org/2000/01/rdf-schema#subClassOf> skos:Concept .",
            "Contribution-platformSubject",
        ),
        (f"<{PROJECT}> <http://www.w3.org/ns/shacl#targetClass> v4:Project .", "Contribution-shapeInData"),
    ],
)
def test_what_a_source_may_not_say(publisher: httpx.Client, statement: str, shape: str) -> None:
    answer = post(publisher, project() + statement, **{"dry-run": "1"})
    assert answer.status_code == 422, answer.text
    shapes = [group["shape"] for group in answer.json()["report"]["groups"] if group["severity"] == "violation"]
    assert f"https://w3id.org/v4graph/shapes#{shape}" in shapes


# review


def test_review_from_submission_to_publication(
    river: Instance, publisher: httpx.Client, submitter: httpx.Client, reviewer: httpx.Client
) -> None:
    post(publisher, project("Before", "2024-05"))
    sent = post(submitter, project("Before", "2024-06"), note="the start was wrong")
    assert (sent.status_code, sent.json()["state"], sent.json()["needs"]) == (202, "pending", "review")
    address = sent.headers["location"]
    assert river.select(f"ASK {{ <{PROJECT}> ?p ?o FILTER(STR(?o) = '2024-06') }}") == []

    seen = reviewer.get(address).json()
    assert (seen["note"], seen["actions"]) == ("the start was wrong", ["accept", "decline"])
    assert seen["difference"]["words"] == ["Before: start 2024-05 → 2024-06"]
    assert seen["effects"]["words"] == ["Before: start 2024-05 → 2024-06"]
    assert "effects" not in sent.json()

    assert submitter.post(f"{address}/accept").status_code == 403
    accepted = reviewer.post(f"{address}/accept", json={"note": "seen in the contract"})
    assert (accepted.status_code, accepted.json()["state"]) == (200, "published"), accepted.text
    assert accepted.json()["remark"] == "seen in the contract"
    query = f"SELECT ?d {{ <{PROJECT}> <https://w3id.org/v4graph/ontology#startDate> ?d }}"
    assert river.select(query) == [["2024-06"]]
    assert reviewer.post(f"{address}/accept").status_code == 409


def test_warnings_are_confirmed_with_a_note(river: Instance, publisher: httpx.Client, submitter: httpx.Client) -> None:
    post(publisher, project("Before"))
    sent = post(publisher, WARNED)
    assert (sent.status_code, sent.json()["needs"]) == (202, "confirmation")
    assert sent.json()["report"]["counts"]["warning"] == 1
    assert river.names_of(PROJECT) == ["Before"]
    address = sent.headers["location"]
    assert publisher.get(address).json()["actions"] == ["confirm", "withdraw"]
    confirmed = publisher.post(f"{address}/confirm", json={"note": "the colour is meant"})
    assert (confirmed.status_code, confirmed.json()["state"]) == (200, "published")
    assert river.names_of(PROJECT) == ["Blue"]
    post(publisher, project("Before"))
    at_once = post(publisher, WARNED, confirmed="true", note="the colour is meant")
    assert (at_once.status_code, at_once.json()["state"]) == (201, "published")
    waiting = post(submitter, WARNED + "# again", confirmed="true", note="meant")
    assert (waiting.status_code, waiting.json()["needs"]) == (202, "review")
    assert submitter.post(f"{waiting.headers['location']}/withdraw").status_code == 200


def test_decline_and_withdraw(submitter: httpx.Client, reviewer: httpx.Client, river: Instance) -> None:
    before = revision(river)
    address = post(submitter, project("Declined")).headers["location"]
    assert reviewer.post(f"{address}/decline").status_code == 400
    declined = reviewer.post(f"{address}/decline", data={"note": "no source for it"})
    assert (declined.status_code, declined.json()["state"]) == (200, "declined")
    address = post(submitter, project("Withdrawn")).headers["location"]
    later = post(submitter, project("Later")).headers["location"]
    assert submitter.get(address).json()["state"] == "superseded"
    assert submitter.post(f"{later}/withdraw").json()["state"] == "withdrawn"
    assert submitter.post(f"{later}/withdraw").status_code == 409
    assert revision(river) == before


def test_an_address_stays_with_who_took_it_back(river: Instance, publisher: httpx.Client) -> None:
    """The lake may not use again what the river withdrew; the river may."""
    other, thing = river.client("other"), "https://w3id.org/v4graph/id/project/dried-up"
    said = f'{PREFIXES}<{thing}> a v4:Project ; skos:prefLabel "Dried up"@en .'
    assert post(publisher, said, confirmed="1", note="it is small").json()["state"] == "published"
    assert post(publisher, project()).json()["state"] == "published"
    refused = other.post("/contributions?source=lake", content=said, headers={"Content-Type": TURTLE})
    assert refused.status_code == 422
    blocking = [g["shape"] for g in refused.json()["report"]["groups"] if g["severity"] == "violation"]
    assert blocking == ["https://w3id.org/v4graph/shapes#Contribution-withdrawn"]
    dry = other.post("/contributions/validate?source=lake", content=said, headers={"Content-Type": TURTLE})
    assert "Contribution-withdrawn" in dry.text
    assert post(publisher, said, confirmed="1", note="it is small").json()["state"] == "published", (
        "and back, by whose it was"
    )
    assert post(publisher, project()).json()["state"] == "published"


def test_what_a_pending_one_was_made_against_has_moved(
    publisher: httpx.Client, submitter: httpx.Client, reviewer: httpx.Client
) -> None:
    address = post(submitter, project("Too late")).headers["location"]
    assert post(publisher, project("In between")).status_code == 201
    answer = reviewer.post(f"{address}/accept")
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (409, "wrong-state")


def test_the_list(publisher: httpx.Client, submitter: httpx.Client, reviewer: httpx.Client, river: Instance) -> None:
    number = post(submitter, project("Listed")).json()["contribution"]
    pending = reviewer.get(PATH, params={"state": "pending", "source": "river"}).json()["contributions"]
    assert number in [c["contribution"] for c in pending]
    assert {c["state"] for c in pending} == {"pending"}
    first = publisher.get(PATH, params={"size": "2"})
    assert len(first.json()["contributions"]) == 2
    second = publisher.get(f"{PATH}{first.json()['next']}")
    numbers = [c["contribution"] for page in (first, second) for c in page.json()["contributions"]]
    assert numbers == sorted(set(numbers), reverse=True)
    assert {c["partner"] for c in second.json()["contributions"]} == {"river"}
    assert publisher.get(PATH, params={"state": "nonsense"}).status_code == 400
    assert publisher.get(PATH, params={"size": "0"}).status_code == 400


def test_what_others_submitted_is_not_there(river: Instance, submitter: httpx.Client) -> None:
    address = post(submitter, project("Secret")).headers["location"]
    other = river.client("other")
    missing = other.get(f"{PATH}/999999999")
    for path in (address, f"{address}/document"):
        answer = other.get(path)
        number = address.rpartition("/")[2]
        assert (answer.status_code, missing.status_code) == (404, 404)
        assert answer.json()["detail"].replace(number, "") == missing.json()["detail"].replace("999999999", "")
    for decision in ("accept", "decline", "withdraw", "confirm"):
        assert other.post(f"{address}/{decision}").status_code == 404
    listed = other.get(PATH).json()["contributions"]
    assert address not in [c["address"] for c in listed]
    assert "Secret" not in json.dumps(listed)
    assert river.client().get(address).status_code == 401
    for path in ("/sparql?query=SELECT+*+{?s+?p+'Secret'@en}&format=csv", "/graph/river?format=nt"):
        assert "Secret" not in river.client().get(path).text.replace("%27Secret", "")
    assert submitter.post(f"{address}/withdraw").status_code == 200
