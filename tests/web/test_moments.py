"""As of then, over HTTP: the past on every path, its headers (RFC 7089), and the present none the slower for it."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.test_projection import PROJECTS, TYPE, V4, project, revise, start
from tests.web.conftest import Server, running
from v4graph import past
from v4graph.ledger import Ledger
from v4graph.settings import Settings
from v4graph.web import mementos, moments
from v4graph.web.app import create_app

NAME = "SELECT ?n { <https://w3id.org/v4graph/id/project/one> <http://www.w3.org/2004/02/skos/core#prefLabel> ?n }"
PREF = "<http://www.w3.org/2004/02/skos/core#prefLabel>"
CSV = {"accept": "text/csv"}
HTML = {"accept": "text/html"}
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class History:
    """A home whose project was called One, Two, Three …, each name published in a second of its own."""

    home: Path
    ledger: Ledger
    numbers: list[int]
    times: list[str]

    def publish(self, name: str) -> int:
        lines = frozenset({f"{PROJECTS[0]} {TYPE} <{V4}Project> .", f'{PROJECTS[0]} {PREF} "{name}"@en .'})
        self.ledger.append(revise(self.ledger, "a-page", lines))
        snapshot = project(self.ledger, self.home)
        self.numbers.append(snapshot.number)
        self.times.append(snapshot.created)
        return snapshot.number


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    home = tmp_path_factory.mktemp("history") / "home"
    found = History(home, start(home), [], [])
    for number, name in enumerate(("One", "Two", "Three", "Four", "Five")):
        if number:
            time.sleep(1.0)  # the ledger counts seconds
        found.publish(name)
    past.release(found.ledger, "founding", "curator", until=found.numbers[1])
    return found


@pytest.fixture(scope="module")
def server(history: History) -> Iterator[Server]:
    with running(create_app(Settings(home=history.home, readers=2))) as found:
        yield found


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30) as found:
        yield found


def named(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.text.split()[-1]


def links(answer: httpx.Response, relation: str) -> list[str]:
    """The addresses linked by a relation, resolved like a client does."""
    every = ", ".join(answer.headers.get_list("link"))
    found = [(target, parameters) for target, parameters in re.findall(r"<([^>]*)>((?:; \w+=\"[^\"]*\")*)", every)]
    return [str(answer.url.join(t)) for t, p in found if relation in re.findall(r'rel="([^"]*)"', p)[0].split()]


def test_every_snapshot_answers_as_it_was(client: httpx.Client, history: History) -> None:
    for number, moment, name in zip(
        history.numbers, history.times, ("One", "Two", "Three", "Four", "Five"), strict=True
    ):
        for asked in ({"snapshot": number}, {"at": moment}):
            answer = client.get("/sparql", params={"query": NAME, **asked}, headers=CSV)
            assert named(answer) == name
            assert answer.headers["v4graph-snapshot"] == str(number)
    assert named(client.get("/sparql", params={"query": NAME}, headers=CSV)) == "Five"
    assert named(client.get("/sparql", params={"query": NAME, "snapshot": "founding"}, headers=CSV)) == "Two"
    today = history.times[-1][:10]
    assert named(client.get("/sparql", params={"query": NAME, "at": today}, headers=CSV)) == "Five"


def test_by_post_too(client: httpx.Client, history: History) -> None:
    number = str(history.numbers[1])
    form = client.post("/sparql", data={"query": NAME, "snapshot": number}, headers=CSV)
    assert (named(form), form.headers["v4graph-snapshot"]) == ("Two", number)
    direct = {"content-type": "application/sparql-query", **CSV}
    assert named(client.post(f"/sparql?snapshot={number}", content=NAME, headers=direct)) == "Two"
    then = {**direct, "accept-datetime": moments_date(history.times[0])}
    assert named(client.post("/sparql", content=NAME, headers=then)) == "One"


def moments_date(moment: str) -> str:
    return mementos.http_date(moment)


def test_a_memento_says_what_it_is(client: httpx.Client, history: History) -> None:
    number, moment = history.numbers[1], history.times[1]
    answer = client.get(f"/project/one.ttl?snapshot={number}")
    assert '"Two"@en' in answer.text
    assert answer.headers["memento-datetime"] == moments_date(moment)
    assert answer.headers["cache-control"] == FOREVER
    assert answer.headers["vary"].split(", ").count("Accept-Datetime") == 1
    assert links(answer, "original") == links(answer, "timegate") == [f"{client.base_url}/project/one.ttl"]
    assert links(answer, "memento") == [f"{client.base_url}/project/one.ttl?snapshot={number}"]
    assert links(answer, "timemap") == [f"{client.base_url}/timemap/project/one.ttl"]
    assert all(target.endswith(f"?snapshot={number}") for target in links(answer, "alternate"))
    assert links(answer, "canonical") == ["https://w3id.org/v4graph/id/project/one"]
    again = client.get(f"/project/one.ttl?snapshot={number}", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.headers["cache-control"]) == (304, FOREVER)
    dated = client.get(f"/project/one.ttl?at={moment}")
    assert (dated.text, dated.headers["cache-control"]) == (answer.text, "no-cache")


def test_negotiation_in_time(client: httpx.Client, history: History) -> None:
    """RFC 7089 §4.1.2: the address itself is the time gate, and answers 200 with the address of the memento."""
    present = client.get("/project/one", headers={"accept": "text/turtle"})
    assert "Accept-Datetime" in present.headers["vary"]
    assert "memento-datetime" not in present.headers
    gate = links(present, "timegate")
    assert gate == [f"{client.base_url}/project/one"]
    then = {"accept": "text/turtle", "accept-datetime": moments_date(history.times[2])}
    answer = client.get(gate[0], headers=then)
    assert '"Three"@en' in answer.text
    memento = answer.url.join(answer.headers["content-location"])
    assert client.get(memento).content == answer.content
    assert answer.headers["cache-control"] == "no-cache"
    before = {**then, "accept-datetime": "Thu, 01 Jan 1998 00:00:00 GMT"}
    first = client.get("/project/one.ttl", headers=before)
    begun = history.ledger.entries(limit=1)[0].time
    assert first.headers["memento-datetime"] == moments_date(begun), "the earliest there is"
    after = {**then, "accept-datetime": "Fri, 01 Jan 2100 00:00:00 GMT"}
    assert '"Five"@en' in client.get("/project/one", headers=after).text
    wrong = client.get("/project/one", headers={"accept-datetime": "yesterday"})
    assert wrong.status_code == 400 and "Accept-Datetime is a date like" in wrong.json()["detail"]


def test_a_time_map_lists_the_mementos(client: httpx.Client, history: History) -> None:
    answer = client.get("/timemap/project/one")
    assert answer.headers["content-type"] == "application/link-format"
    lines = answer.text.split(",\n")
    assert lines[0] == f'<{client.base_url}/project/one>; rel="original timegate"'
    assert 'rel="self"' in lines[1]
    addresses = re.findall(r'<([^>]*)>; rel="(?:first |last )*memento"', answer.text)
    numbers = [int(address.rpartition("=")[2]) for address in addresses]
    assert numbers[-5:] == history.numbers
    assert '"Two"@en' in client.get(addresses[-4], headers={"accept": "text/turtle"}).text
    graph = client.get("/timemap/graph/a-page")
    assert re.findall(r"snapshot=(\d+)", graph.text) == [str(n) for n in history.numbers]
    assert client.get("/timemap/graph/nobody").status_code == 404
    assert client.get("/timemap/sparql").status_code == 404


def test_links_of_a_past_page_stay_in_the_past(client: httpx.Client, history: History) -> None:
    number = history.numbers[1]
    page = client.get(f"/project/one?snapshot={number}&lang=cs", headers=HTML)
    assert "Toto je graf, jak byl zveřejněn" in page.text and f"snímek {number}" in page.text
    hrefs = re.findall(r'href="([^"]*)"', page.text)
    inside = [h for h in hrefs if not h.startswith(("#", "http")) and "static/" not in h]
    today = [h for h in inside if "snapshot=" not in h]
    assert today == ["one?lang=cs"], "the way back"
    assert len(inside) > 15
    for href in {h for h in inside if "query=" not in h}:
        address = page.url.join(href.replace("&amp;", "&"))
        if not mementos.is_timeless(address.path) and ("project" in href or "graph" in href):
            followed = client.get(address, headers=HTML)
            assert followed.headers.get("v4graph-snapshot") == str(number), href
    redirected = client.get(f"/id/project/one?snapshot={number}", headers=HTML)
    assert (redirected.status_code, redirected.headers["location"]) == (303, f"../../project/one?snapshot={number}")
    asked = client.get("/sparql", params={"query": NAME, "snapshot": number, "format": "html"})
    assert f'<input type="hidden" name="snapshot" value="{number}">' in asked.text
    assert "Two" in asked.text
    listed = client.get(f"/project?at={history.times[1]}", headers=HTML)
    assert "Two" in listed.text and f"one?at={history.times[1].replace(':', '%3A')}" in listed.text


def test_queries_of_the_library(client: httpx.Client, history: History) -> None:
    every = [query["name"] for query in client.get("/queries.json").json()["queries"]]
    free = next(name for name in every if client.get(f"/queries/{name}.json").status_code == 200)
    answer = client.get(f"/queries/{free}.json", params={"snapshot": history.numbers[2]})
    assert answer.status_code == 200, answer.text
    assert answer.headers["v4graph-snapshot"] == str(history.numbers[2])


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ("at=tomorrow", "is no moment"),
        ("at=2999-01-01", "has not come yet"),
        ("at=1998-01-01", "Nothing was published at 1998-01-01T23:59:59Z"),
        ("snapshot=999999", "There is no snapshot 999999"),
        ("snapshot=unknown", "There is no snapshot “unknown”"),
        ("snapshot=1&at=2026-01-01", "not both"),
        ("snapshot=1&snapshot=2", "given 2 times"),
        ("at=%FF", "is not UTF-8"),
        ("snapshot=", "There is no snapshot"),
        ("at=", "is no moment"),
    ],
)
@pytest.mark.parametrize("path", ["/sparql?query=ASK{}&", "/project/one.ttl?", "/project?", "/?"])
def test_moments_that_are_none(client: httpx.Client, path: str, parameters: str, words: str) -> None:
    answer = client.get(path + parameters)
    assert answer.status_code == 400
    assert words in answer.json()["detail"]


def test_the_past_is_only_read(client: httpx.Client, history: History) -> None:
    number = history.numbers[0]
    answer = client.put(f"/graph/a-page?snapshot={number}", content=b"", headers={"content-type": "text/turtle"})
    assert answer.status_code == 400 and "The past is only read" in answer.json()["detail"]
    update = client.post(f"/sparql?snapshot={number}", data={"update": "CLEAR ALL"})
    assert update.status_code == 403


def test_what_has_no_past_ignores_it(client: httpx.Client, history: History) -> None:
    for path in ("/health", "/static/icon.svg", "/releases", "/context/v1.jsonld"):
        answer = client.get(f"{path}?snapshot={history.numbers[0]}")
        assert answer.status_code == 200
        assert "memento-datetime" not in answer.headers
    assert client.get("/health?snapshot=1").json()["snapshot"] == history.numbers[-1]


def test_what_only_looks_like_a_moment(client: httpx.Client) -> None:
    answer = client.get("/sparql", params={"query": NAME, "format": "csv"})
    assert named(answer) == "Five"
    assert "memento-datetime" not in answer.headers


def test_releases_are_listed(client: httpx.Client, history: History) -> None:
    told = client.get("/releases", headers={"accept": "application/json"}).json()
    assert told["present"]["snapshot"] == history.numbers[-1]
    [release] = told["releases"]
    assert (release["name"], release["snapshot"]) == ("founding", history.numbers[1])
    page = client.get("/releases", headers=HTML)
    assert "founding" in page.text and "./?snapshot=founding" in page.text
    assert client.get("/?snapshot=founding", headers=HTML).status_code == 200


def test_a_past_that_takes_long_is_ready_at_the_next_try(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "PATIENCE", 0.01)
    past.prune(history.home, set())
    with running(create_app(Settings(home=history.home, readers=1))) as server:
        address = f"{server.url}/sparql?query=ASK%7B%7D&snapshot={history.numbers[0]}"
        first = httpx.get(address)
        assert (first.status_code, first.headers["retry-after"]) == (503, "10")
        assert first.json()["progress"]
        assert httpx.get(f"{server.url}/sparql?query=ASK%7B%7D").status_code == 200, "the present does not wait"
        deadline = time.monotonic() + 60
        while (answer := httpx.get(address)).status_code == 503 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert answer.status_code == 200
        assert server.app.state.moments.open == [history.numbers[0]]


def test_few_states_are_open_and_idle_ones_close(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "MOST_OPEN", 2)
    monkeypatch.setattr(moments, "IDLE_SECONDS", 1.0)
    with running(create_app(Settings(home=history.home, readers=1))) as server:
        for number in history.numbers[:3]:
            assert httpx.get(f"{server.url}/sparql?query=ASK%7B%7D&snapshot={number}", timeout=30).status_code == 200
            assert len(server.app.state.moments.open) <= 2
        deadline = time.monotonic() + 10
        while server.app.state.moments.open and time.monotonic() < deadline:
            time.sleep(0.1)
        assert server.app.state.moments.open == []


def test_many_ask_for_many_pasts_at_once(server: Server, history: History) -> None:
    answers: list[tuple[int, int, str]] = []

    async def ask(client: httpx.AsyncClient, number: int, name: str) -> None:
        answer = await client.get("/sparql", params={"query": NAME, "snapshot": number}, headers=CSV)
        answers.append((answer.status_code, number, answer.text.split()[-1]))
        assert name in answer.text or answer.status_code == 503

    async def run() -> None:
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            pairs = list(zip(history.numbers, ("One", "Two", "Three", "Four", "Five"), strict=True))
            await asyncio.gather(*(ask(client, number, name) for number, name in pairs * 6))

    asyncio.run(run())
    good = [answer for answer in answers if answer[0] == 200]
    assert len(answers) == 30 and len(good) > 20
    assert threading.active_count() < 50
