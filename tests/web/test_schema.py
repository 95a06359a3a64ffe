"""What the query page asks for beside answers: terms with words and counts, names, and queries to fill in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from v4graph.iris import Iris
from v4graph.settings import Settings
from v4graph.web.app import create_app
from v4graph.web.schema import MOST_NAMES, short, without_header

from .conftest import running

BASE = "https://w3id.org/v4graph/"


@pytest.fixture(scope="module")
def portal(published_home: Path) -> Iterator[httpx.Client]:
    with (
        running(create_app(Settings(home=published_home, readers=2))) as server,
        httpx.Client(base_url=server.url, timeout=20) as client,
    ):
        yield client


def test_terms_have_label_comment_and_count(portal: httpx.Client) -> None:
    answer = portal.get("/sparql/schema.json", params={"lang": "cs"})
    assert answer.headers["content-type"] == "application/json"
    told = answer.json()
    assert told["prefixes"]["v4"] == f"{BASE}ontology#"
    projects = next(c for c in told["classes"] if c["name"] == "v4:Project")
    assert projects["label"] == "Projekt" and projects["comment"]
    query = f"SELECT (COUNT(DISTINCT ?x) AS ?n) {{ ?x a <{BASE}ontology#Project> }}"
    counted = portal.get("/sparql", params={"query": query, "format": "csv"}).text.split()[1]
    assert projects["count"] == int(counted) > 10
    counts = [p["count"] for p in told["properties"]]
    assert counts == sorted(counts, reverse=True) and counts[0] > 1000
    assert {"skos:prefLabel", "v4:leadPartner"} <= {p["name"] for p in told["properties"]}


def test_terms_are_kept_for_a_snapshot(portal: httpx.Client) -> None:
    first = portal.get("/sparql/schema.json", params={"lang": "pl"})
    again = portal.get("/sparql/schema.json", params={"lang": "pl"}, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    english = portal.get("/sparql/schema.json", params={"lang": "en"})
    assert english.headers["etag"] != first.headers["etag"]


def test_things_are_named_in_the_language_of_the_page(portal: httpx.Client) -> None:
    country = "http://publications.europa.eu/resource/authority/country/CZE"
    asked = [country, f"{BASE}id/project/ketgate", f"{BASE}id/project/nobody", "not an IRI"]
    told = portal.post("/sparql/labels.json", params={"lang": "de"}, json=asked).json()
    assert told[country] == ["Tschechien", "de"]
    assert told[asked[1]][0] == "KETGATE"
    assert set(told) == set(asked[:2])


@pytest.mark.parametrize(("body", "status"), [("{}", 400), ("[1]", 400), ("no JSON", 400)])
def test_what_is_no_list_of_things_is_refused(portal: httpx.Client, body: str, status: int) -> None:
    answer = portal.post("/sparql/labels.json", content=body)
    assert answer.status_code == status
    assert "JSON array" in answer.json()["detail"]


def test_too_many_things_are_refused(portal: httpx.Client) -> None:
    answer = portal.post("/sparql/labels.json", json=[f"urn:x:{n}" for n in range(MOST_NAMES + 1)])
    assert answer.status_code == 413


def test_a_query_is_filled_in(portal: httpx.Client) -> None:
    asked = {"name": "clusters/count-clusters", "lang": "sk", "country": "country:SVK"}
    told = portal.get("/sparql/query.json", params=asked).json()
    assert "VALUES ?country { <http://publications.europa.eu/resource/authority/country/SVK> }" in told["text"]
    assert 'VALUES ?lang { "sk" }' in told["text"]
    assert not told["text"].startswith("#")
    country = next(p for p in told["parameters"] if p["name"] == "country")
    assert country["type"] == "iri" and country["value"] == "country:SVK"
    assert ["Slovensko", "country:SVK"] in country["offers"]
    rows = portal.post("/sparql", content=told["text"], headers={"Content-Type": "application/sparql-query"}).json()
    assert rows["results"]["bindings"]


def test_a_wrong_value_names_its_field(portal: httpx.Client) -> None:
    answer = portal.get("/sparql/query.json", params={"name": "clusters/count-clusters", "country": "Slovakia"})
    assert answer.status_code == 400
    assert answer.json()["parameter"] == "country"
    assert portal.get("/sparql/query.json", params={"name": "platform/describe"}).status_code == 404


def test_short_names() -> None:
    iris = Iris()
    assert short(f"{BASE}ontology#Project", iris) == "v4:Project"
    assert short("http://www.w3.org/2004/02/skos/core#prefLabel", iris) == "skos:prefLabel"
    assert short("http://example.org/x", iris) is None
    assert short(f"{BASE}ontology#", iris) is None
    assert short(f"{BASE}ontology#a/b", iris) is None


def test_the_header_of_a_query_is_left_out() -> None:
    assert without_header("# title: x\n# more\nASK {} # stays\n") == "ASK {} # stays"
