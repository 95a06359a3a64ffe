"""What others embed, over HTTP: frames, the module, oEmbed, and that nothing else may be framed."""

from __future__ import annotations

import re

import httpx

from tests.web.conftest import Server
from v4graph.web import built

HTML = {"accept": "text/html"}


def test_only_embedded_pages_may_be_framed(web: httpx.Client) -> None:
    for path in ("/embed/map", "/embed/map?project=v4clusters", "/embed/entity/project/v4clusters"):
        for _ in range(2):  # made, and from memory
            policy = web.get(path, headers=HTML).headers["content-security-policy"]
            assert "frame-ancestors *" in policy and "script-src 'self'" in policy
    for path in ("/", "/map", "/embed", "/project/v4clusters"):
        assert "frame-ancestors 'self'" in web.get(path, headers=HTML).headers["content-security-policy"]


def test_the_module_leads_to_files_that_everyone_may_read(web: httpx.Client) -> None:
    got = web.get("/embed.js", headers={"origin": "https://example.org"})
    assert got.headers["content-type"].startswith("text/javascript")
    paths = re.findall(r'"(?:\./)?(static/[^"]+)"', got.text)
    assert len(paths) == 6
    worker = "static/maplibre-gl-6.17.0/maplibre-gl-worker.mjs"
    for path in ("embed.js", "embed/words.json?lang=cs", "map.geojson", *paths, worker):
        answer = web.get(f"/{path}", headers={"origin": "https://example.org"})
        assert answer.status_code == 200 and answer.headers["access-control-allow-origin"] == "*", path


def test_the_module_is_light() -> None:
    entry = built.STATIC / built.manifest()["embed.js"]
    seen, weight, todo = set(), 0, [entry]
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        weight += path.stat().st_size
        todo += [entry.parent / name for name in re.findall(r'from"\./([^"]+)"', path.read_text(encoding="utf-8"))]
    assert weight < 60_000


def test_words_are_there_in_every_language(web: httpx.Client) -> None:
    told = {x: web.get(f"/embed/words.json?lang={x}").json() for x in ("en", "cs", "sk", "pl", "hu", "de")}
    assert told["cs"]["close"] == "Zavřít" and told["pl"]["close"] == "Zamknij"
    assert all(set(said) == set(told["en"]) for said in told.values())
    assert len({said["whole"] for said in told.values()}) == 6


def test_a_card(web: httpx.Client) -> None:
    page = web.get("/embed/entity/organisation/automotive-cluster-slovakia?lang=sk&theme=dark", headers=HTML).text
    assert "Automobilový klaster Slovensko" in page and 'data-theme="dark"' in page
    assert 'href="../../../organisation/automotive-cluster-slovakia?lang=sk" target="_blank"' in page
    assert "Trnava" in page and "<svg" in page
    assert web.get("/embed/entity/organisation/nobody").status_code == 404
    assert web.get("/embed/map?theme=pink").status_code == 400


def test_oembed(web: httpx.Client, server: Server) -> None:
    asked = {"url": f"{server.url}/map?country=sk&sector=automotive", "maxwidth": "500"}
    told = web.get("/oembed", params=asked).json()
    assert told["type"] == "rich" and told["version"] == "1.0" and told["width"] == 500
    [address] = re.findall(r'src="([^"]+)"', told["html"])
    assert address == f"{server.url}/embed/map?country=svk&amp;sector=automotive"
    assert web.get(address.replace("&amp;", "&")).status_code == 200
    card = web.get("/oembed", params={"url": "https://w3id.org/v4graph/id/project/v4clusters"}).json()
    assert "/embed/entity/project/v4clusters" in card["html"] and card["title"] in card["html"]
    assert web.get("/oembed", params={"url": "https://example.org/map"}).status_code == 404
    assert web.get("/oembed", params={"url": f"{server.url}/sparql"}).status_code == 404
    assert web.get("/oembed").status_code == 400
    assert web.get("/oembed", params={**asked, "format": "xml"}).status_code == 501


def test_the_page_that_explains(web: httpx.Client, server: Server) -> None:
    entity = web.get("/project/v4clusters", headers=HTML).text
    assert 'href="../embed?of=project/v4clusters#card"' in entity
    of = web.get("/embed?of=project/v4clusters", headers=HTML).text
    assert f"{server.url}/embed/entity/project/v4clusters" in of
    assert web.get("/embed?of=project/nothing", headers=HTML).status_code == 404
    page = web.get("/embed?lang=de", headers=HTML).text
    assert f"{server.url}/embed.js" in page and "<v4-map country=" in page and "embed/map?project=v4clusters" in page
