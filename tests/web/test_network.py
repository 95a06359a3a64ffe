"""``/network`` over HTTP: the page with its drawing and table, the data, what bad input gets."""

from __future__ import annotations

import csv
import io
import re
import time
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import httpx
import pytest

from tests.web.conftest import running
from v4graph.settings import Settings
from v4graph.web import latest
from v4graph.web.app import create_app

PAGE = {"accept": "text/html"}
GRAPHML = "{http://graphml.graphdrawing.org/xmlns}"


def test_all_forms_tell_the_same(web: httpx.Client) -> None:
    told = web.get("/network.json?country=pol&country=cze").json()
    rows = list(csv.DictReader(io.StringIO(web.get("/network.csv?country=pol&country=cze").text)))
    graph = ElementTree.fromstring(web.get("/network.graphml?country=pol&country=cze").content)
    assert told["total"] == told["shown"] == len(told["nodes"]) == len(graph.findall(f".//{GRAPHML}node")) > 3
    assert len(told["links"]) == len(rows) == len(graph.findall(f".//{GRAPHML}edge")) > 3
    assert {c["id"][-3:] for n in told["nodes"] for c in n["country"]} == {"POL", "CZE"}
    assert [x["weight"] for x in told["links"]] == [int(r["weight"]) for r in rows]
    ends = {end for x in told["links"] for end in (x["source"], x["target"])}
    assert ends == {n["id"] for n in told["nodes"]}
    page = web.get("/network?country=pol&country=cze", headers=PAGE).text
    assert page.count("data-n=") == 2 * told["total"] and page.count('<line class="w') == len(rows)
    drawing = ElementTree.fromstring(web.get("/network.svg?country=pol&country=cze").content)
    assert len(drawing.findall(".//{http://www.w3.org/2000/svg}circle")) == told["total"]


def test_weights_are_shared_projects(web: httpx.Client) -> None:
    strong = web.get("/network.json?least=2").json()["links"]
    assert strong and all(x["weight"] == len(x["projects"]) >= 2 for x in strong)
    assert web.get("/network.json?least=1000").json()["nodes"] == []
    assert "Nobody is linked like this" in web.get("/network?least=1000", headers=PAGE).text


def test_around_one(web: httpx.Client) -> None:
    one = web.get("/network.json?near=nca").json()
    two = web.get("/network.json?near=nca&depth=2").json()
    assert one["nodes"][0]["id"].endswith("/nca") and one["nodes"][0]["degree"] == one["total"] - 1
    assert {n["id"] for n in one["nodes"]} < {n["id"] for n in two["nodes"]}


def test_the_page_in_another_language(web: httpx.Client) -> None:
    page = web.get("/network?lang=cs&colour=sector", headers=PAGE).text
    assert '<html lang="cs"' in page and "Kdo s kým spolupracuje" in page
    assert re.search(r"<span role=\"status\">\d+ organizací</span>", page)
    assert 'href="network.graphml?colour=sector&amp;lang=cs"' in page
    assert re.search(r'<a transform="[^"]+" data-n="\d+" href="organisation/[^"]+\?lang=cs" tabindex="-1">', page)


def test_an_unchanged_answer_is_not_sent_again(web: httpx.Client) -> None:
    first = web.get("/network.graphml")
    assert first.headers["content-type"].startswith("application/graphml+xml")
    assert web.get("/network.graphml", headers={"if-none-match": first.headers["etag"]}).status_code == 304
    assert web.get("/network", headers={"accept": "text/turtle"}).status_code == 406


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("country=atlantis", "country"),
        ("kind=love", "kind"),
        ("least=0", "least"),
        ("near=nobody", "near"),
        ("depth=3", "depth"),
        ("colour=red", "colour"),
        ("&".join(["sector=energy"] * 51), "sector"),
    ],
)
def test_bad_input(web: httpx.Client, query: str, parameter: str) -> None:
    got = web.get(f"/network.json?{query}")
    assert (got.status_code, got.json()["parameter"]) == (400, parameter)


def test_what_is_stale_is_not_remembered(published_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(Settings(home=published_home, readers=2))
    with running(app) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        fresh = client.get("/network.json?country=svk")
        kept = app.state.networks.latest
        before = kept.snapshot
        app.state.answers.turn("another")
        app.state.answers.turn(before.token)
        monkeypatch.setattr(latest, "PATIENCE", 0.0)
        kept.snapshot = replace(before, token="an earlier one")
        stale = client.get("/network.json?country=svk")
        assert stale.json()["nodes"] == fresh.json()["nodes"]
        headers = [(name.lower().encode(), value.encode()) for name, value in stale.request.headers.items()]
        scope = {"method": "GET", "path": "/network.json", "query_string": b"country=svk", "headers": headers}
        assert app.front.repeated(scope) is None
        until = time.monotonic() + 30
        while kept.snapshot.token != before.token and time.monotonic() < until:
            time.sleep(0.05)
        client.get("/network.json?country=svk")
        assert app.front.repeated(scope) is not None
