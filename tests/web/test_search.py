"""``/search`` over HTTP: the page, its facets without JavaScript, JSON for programs, and what bad input gets."""

from __future__ import annotations

import re

import httpx
import pytest


def test_json_for_programs(web: httpx.Client) -> None:
    got = web.get("/search.json", params={"q": "slovak automotive", "lang": "sk"})
    assert got.status_code == 200 and got.headers["content-type"] == "application/json"
    told = got.json()
    first = told["results"][0]
    assert first["id"].endswith("id/organisation/automotive-cluster-slovakia")
    assert first["name"] == "Automobilový klaster Slovensko" and first["language"] == "sk"
    assert [c["name"] for c in first["country"]] == ["Slovensko"]
    assert told["total"] == sum(f["count"] for f in told["facets"]["kind"])
    assert web.get(f"/{first['page']}").status_code == 200
    assert (
        web.get("/search.json?q=slovak+automotive&lang=sk", headers={"if-none-match": got.headers["etag"]}).status_code
        == 304
    )


def test_the_page_in_another_language(web: httpx.Client) -> None:
    page = web.get("/search", params={"q": "energi", "lang": "pl"}, headers={"accept": "text/html"}).text
    assert '<html lang="pl"' in page and re.search(r"\d+ wynik(i|ów)<", page)
    assert re.search(r'href="[^"]*scheme/sector/energy\?lang=pl"', page)
    assert 'name="lang" value="pl"' in page


def test_facets_are_a_form(web: httpx.Client) -> None:
    everything = web.get("/search.json", params={"q": "cluster"}).json()
    country = everything["facets"]["country"][0]
    page = web.get(
        "/search", params={"q": "cluster", "country": country["value"]}, headers={"accept": "text/html"}
    ).text
    assert f"{country['count']} results" in page
    assert re.search(rf'name="country" value="{re.escape(country["value"])}" checked', page)


def test_pages_lead_on_and_keep_what_was_asked(web: httpx.Client) -> None:
    page = web.get(
        "/search", params={"q": "cluster", "kind": "cluster-organisation"}, headers={"accept": "text/html"}
    ).text
    [following] = re.findall(r'rel="next" href="([^"]+)"', page)
    second = web.get(f"/{following.replace('&amp;', '&')}", headers={"accept": "text/html"}).text
    first_names = re.findall(r'<h3>.*?<a href="([^"]+)"', page)
    assert len(first_names) == 20 and not set(first_names) & set(re.findall(r'<h3>.*?<a href="([^"]+)"', second))
    assert "cluster-organisation" in second


def test_markup_is_text(web: httpx.Client) -> None:
    page = web.get("/search", params={"q": "<script>alert(1)</script>"}, headers={"accept": "text/html"}).text
    assert "<script>alert" not in page and "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("q=" + "x" * 201, "q"),
        ("page=0", "page"),
        ("limit=101", "limit"),
        ("lang=xx", "lang"),
        ("kind=" + "x" * 301, "kind"),
    ],
)
def test_bad_input(web: httpx.Client, query: str, parameter: str) -> None:
    got = web.get(f"/search.json?{query}")
    assert got.status_code == 400
    assert got.json()["parameter"] == parameter


def test_other_formats_are_not_there(web: httpx.Client) -> None:
    assert web.get("/search?q=a", headers={"accept": "text/turtle"}).status_code == 406
