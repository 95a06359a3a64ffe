"""``/timeline`` over HTTP: the drawing, the table, the data, honest dates."""

from __future__ import annotations

import csv
import io
import re

import httpx

PAGE = {"accept": "text/html"}


def test_page_and_data_tell_the_same(web: httpx.Client) -> None:
    families = web.get("/timeline.json").json()["families"]
    projects = [p for f in families for p in f["projects"]]
    rows = list(csv.DictReader(io.StringIO(web.get("/timeline.csv").text)))
    assert [p["id"] for p in projects] == [r["id"] for r in rows]
    page = web.get("/timeline", headers=PAGE).text
    assert f'role="status">{len(projects)} projects<' in page and page.count("<caption>") == len(families)
    followed = [x for f in families for x in f["followed"]]
    assert page.count('class="followed"') == len(followed) + 1  # and the legend
    assert [r["follows"] for r in rows if r["follows"]] != []
    dated = [x for p in projects for x in p["marks"] if x["when"]]
    assert len(re.findall(r'<a class="mark-(?:event|output)', page)) == len(dated) > 10


def test_a_year_is_drawn_as_a_year(web: httpx.Client) -> None:
    projects = [p for f in web.get("/timeline.json").json()["families"] for p in f["projects"]]
    vague = next(p for p in projects if p["start"] and p["start"]["date"] == "2008")
    assert vague["start"]["first"] == "2008-01-01" and vague["start"]["last"] == "2008-12-31"
    page = web.get("/timeline", headers=PAGE).text
    [bar] = [a for a in re.findall(r"<a href=.*?</a>", page) if "(2008–2010)" in a]
    assert re.findall(r'width="([\d.]+)" height="16"( fill="url\(#fade)?', bar) == [
        ("66.0", ' fill="url(#fade'),
        ("66.0", ""),
        ("66.0", ' fill="url(#fade'),
    ]


def test_filters_are_a_form(web: httpx.Client) -> None:
    page = web.get("/timeline?family=visegrad-fund&lang=pl", headers=PAGE).text
    assert '<option value="visegrad-fund" selected' in page and page.count("<caption>") == 1
    assert '<html lang="pl"' in page and 'name="lang" value="pl"' in page
    told = web.get("/timeline.json?family=visegrad-fund").json()
    assert [f["id"].rpartition("/")[2] for f in told["families"]] == ["visegrad-fund"]
    assert web.get("/timeline.json?country=svk&partner=nca").json()["families"] != []


def test_bad_input(web: httpx.Client) -> None:
    got = web.get("/timeline.json?programme=none-such")
    assert (got.status_code, got.json()["parameter"]) == (400, "programme")
    assert web.get("/timeline", headers={"accept": "image/svg+xml"}).status_code == 406
