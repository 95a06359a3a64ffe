"""Pages of countries and regions, and what the page of an organisation says of its partners by country."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.web.conftest import running
from v4graph.settings import Settings
from v4graph.web.app import create_app


@pytest.fixture(scope="module")
def web(published_home: Path) -> Iterator[httpx.Client]:
    """A client of the packaged data that asks for pages."""
    with (
        running(create_app(Settings(home=published_home, readers=2))) as server,
        httpx.Client(base_url=server.url, headers={"Accept": "text/html"}, timeout=30) as client,
    ):
        yield client


def figures(text: str) -> list[int]:
    return [int(x) for x in re.findall(r"<dd>(\d+)</dd>", text)[:3]]


def test_a_country_counts_what_its_lists_count(web: httpx.Client) -> None:
    text = web.get("/country/svk").text
    clusters, others, projects = figures(text)
    listed = web.get("/clusters.csv", params={"country": "SVK"}).text.splitlines()
    assert clusters == len(listed) - 1 > 20
    assert projects == len(web.get("/projects.csv", params={"country": "SVK"}).text.splitlines()) - 1
    partners = web.get("/partners.csv", params={"country": "SVK"}).text
    both = {line.split(",")[0] for line in listed[1:]} & {line.split(",")[0] for line in partners.splitlines()[1:]}
    assert others == len(partners.splitlines()) - 1 - len(both)
    assert "<h1>Slovakia</h1>" in text and 'href="../region/sk021"' in text
    assert 'href="../clusters?country=svk&amp;sector=automotive"' in text
    assert text.count('class="drawn-map"') == 1


def test_a_region_lies_in_its_country_and_holds_smaller_ones(web: httpx.Client) -> None:
    text = web.get("/region/sk021", params={"lang": "sk"}).text
    assert "Trnavský kraj</h1>" in text and "../country/svk?lang=sk" in text
    assert "automotive-cluster-slovakia" in text
    whole, part = figures(web.get("/region/sk0").text)[0], figures(web.get("/region/sk021").text)[0]
    assert whole >= part > 0


@pytest.mark.parametrize("path", ["/country/xyz", "/region/zz9", "/country/cz%22%3E", "/region/trnava"])
def test_what_is_no_country_or_region(web: httpx.Client, path: str) -> None:
    assert web.get(path).status_code == 404


def test_all_countries_are_listed(web: httpx.Client) -> None:
    rows = re.findall(r'href="country/(\w+)"', web.get("/country").text)
    assert len(rows) == len(set(rows)) > 8 and {"cze", "svk", "pol", "hun"} <= set(rows)
    for code in rows:
        assert web.get(f"/country/{code}").status_code == 200


def test_partners_of_a_cluster_by_country_with_what_they_share(web: httpx.Client) -> None:
    text = web.get("/organisation/cluster-at-r").text
    polish = next(part for part in text.split("<details")[1:] if "<summary>Poland" in part).split("</details>")[0]
    assert "3 partners" in polish and polish.count("../project/clustrat") == 3
    assert "../network?near=cluster-at-r&amp;country=pol" in polish
    network = web.get("/network.json", params={"near": "cluster-at-r", "country": "pol"}).json()
    assert network["shown"] == 4


def test_a_cluster_without_projects_says_so_and_shows_where_others_are(web: httpx.Client) -> None:
    text = web.get("/organisation/automotive-cluster-slovakia").text
    assert "None of the sources here names a project of this cluster." in text
    found = re.search(r'href="\.\./(clusters\?country=pol&amp;sector=automotive)">Poland <span class="dim">(\d+)', text)
    assert found
    listed = web.get(f"/{found[1].replace('&amp;', '&')}&limit=100").text
    assert len(re.findall("<h2", listed.split("<main")[1])) >= int(found[2]) == 5
    assert 'type="application/json+oembed"' in text


def test_a_figure_of_several_years_is_drawn(web: httpx.Client) -> None:
    text = web.get("/organisation/moravian-aerospace-cluster").text
    drawing = text.split('class="course"')[1].split("</svg>")[0]
    assert drawing.count("<circle") == 2 and ">51<" in drawing and ">2023<" in drawing
    assert 'class="course"' not in web.get("/organisation/automotive-cluster-slovakia").text
