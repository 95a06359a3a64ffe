"""Collections: filters, exact counts, orders, cursors, six formats, errors that say what is allowed."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import urljoin

import httpx
import openpyxl
import pyoxigraph as ox
import pytest

from tests.web.conftest import Server, publish, running
from tests.web.test_entities import PAGES, assert_sound
from v4graph import portal
from v4graph.collections import COLLECTIONS
from v4graph.iris import Iris
from v4graph.listing import HYDRA
from v4graph.settings import Settings
from v4graph.web.app import create_app
from v4graph.web.shelves import _mentioned, _rows

IRIS = Iris()
BASE = IRIS.base
V4 = IRIS.term("")
COUNTRY = "http://publications.europa.eu/resource/authority/country/"


@pytest.fixture(scope="module")
def atlas(published_home: Path) -> Iterator[Server]:
    """A server on the packaged data."""
    with running(create_app(Settings(home=published_home, readers=2, client_queries=64))) as found:
        yield found


@pytest.fixture
def web(atlas: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=atlas.url, timeout=60) as found:
        yield found


def counted(web: httpx.Client, pattern: str) -> int:
    query = f"PREFIX v4: <{V4}> SELECT (COUNT(DISTINCT ?thing) AS ?n) WHERE {{ {pattern} }}"
    found = web.get("/sparql", params={"query": query}, headers={"accept": "application/sparql-results+json"})
    return int(found.json()["results"]["bindings"][0]["n"]["value"])


# --- what is in them --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "pattern"),
    [
        ("clusters", "?thing a v4:ClusterOrganisation"),
        ("clusters?country=SVK", f"?thing a v4:ClusterOrganisation ; v4:country <{COUNTRY}SVK>"),
        (
            "clusters?country=SVK&country=CZE&sector=ict",
            f"VALUES ?c {{ <{COUNTRY}SVK> <{COUNTRY}CZE> }} ?thing a v4:ClusterOrganisation ; v4:country ?c ; "
            f"v4:inSector <{BASE}scheme/sector/ict>",
        ),
        ("projects", "?thing a v4:Project"),
        (
            "projects?from=2012&to=2013",
            "?thing a v4:Project ; v4:earliestStart ?s ; v4:latestEnd ?e FILTER(YEAR(?e) >= 2012 && YEAR(?s) <= 2013)",
        ),
        ("partners", "?project v4:involves ?thing"),
        ("partners?project=v4clusters", f"<{BASE}id/project/v4clusters> v4:involves ?thing"),
        ("events?project=v4clusters", f"?thing a v4:Event ; v4:partOfProject <{BASE}id/project/v4clusters>"),
        ("sectors", "?thing a v4:Sector"),
    ],
)
def test_counts_are_those_of_the_graph(web: httpx.Client, address: str, pattern: str) -> None:
    stem, _, query = address.partition("?")
    found = web.get(f"/{stem}.jsonld?{query}").json()
    expected = counted(web, pattern)
    assert found["hydra:totalItems"] == expected > 0
    whole = list(csv.DictReader(io.StringIO(web.get(f"/{stem}.csv?{query}").text)))
    assert len({row["id"] for row in whole}) == expected
    page = assert_sound(web.get(f"/{address}", headers=PAGES).text)
    assert page.data["h1"]


def test_every_collection_in_every_format(web: httpx.Client) -> None:
    for name, collection in COLLECTIONS.items():
        page = web.get(f"/{name}", headers=PAGES)
        assert {"Accept", "Accept-Encoding", "Accept-Language"} <= set(page.headers["vary"].split(", "))
        assert_sound(page.text)
        listed = web.get(f"/{name}.jsonld?limit=1000").json()
        total = listed["hydra:totalItems"]
        assert total == len(listed["hydra:member"]) > 0
        rows = list(csv.DictReader(io.StringIO(web.get(f"/{name}.csv").text)))
        assert [row["id"] for row in rows] == [member["id"] for member in listed["hydra:member"]]
        book = openpyxl.load_workbook(io.BytesIO(web.get(f"/{name}.xlsx").content))
        assert len(book.sheetnames) == 1
        cells = list(book.active.values)
        assert [row[0] for row in cells[1:]] == [row["id"] for row in rows]
        for ending, fmt in (("jsonld", "application/ld+json"), ("ttl", "text/turtle"), ("csv", "text/csv")):
            negotiated = web.get(f"/{name}", headers={"accept": fmt})
            assert negotiated.headers["content-location"] == f"{name}.{ending}"
            assert negotiated.content == web.get(f"/{name}.{ending}").content
            assert f'<{name}.{ending}>; rel="alternate"; type="{fmt}"' in negotiated.headers.get_list("link")
        geo = web.get(f"/{name}.geojson")
        assert geo.status_code == (200 if collection.has_places else 404)
        if collection.has_places:
            assert geo.json()["numberMatched"] == len(geo.json()["features"]) == total
    assert web.get("/clusters", headers={"accept": "image/png"}).status_code == 406


@pytest.mark.parametrize("name", COLLECTIONS)
def test_json_ld_and_turtle_say_the_same(web: httpx.Client, name: str) -> None:
    listed = web.get(f"/{name}.jsonld?limit=1000").json()
    assert listed["@context"] == [IRIS.context, HYDRA]
    flat = {"@context": IRIS.context, "@graph": listed["hydra:member"]}
    turtle = web.get(f"/{name}.ttl?limit=1000").content
    assert portal.triples_of(flat, IRIS) == {quad.triple for quad in ox.parse(turtle, ox.RdfFormat.TURTLE)}
    for member in listed["hydra:member"]:
        for property_ in ("prefLabel", "title"):
            assert isinstance(member.get(property_, {}), dict)
        for property_ in ("inSector", "involves", "url", "isAwardedToOf"):
            assert isinstance(member.get(property_, []), list)


def test_what_a_member_tells(web: httpx.Client) -> None:
    [cluster] = web.get("/clusters.jsonld?q=automotive+cluster+slovakia").json()["hydra:member"]
    assert cluster["id"] == f"{BASE}id/organisation/automotive-cluster-slovakia"
    assert cluster["country"]["prefLabel"]["sk"] == "Slovensko"
    assert cluster["seatPlace"]["prefLabel"] and float(cluster["seatPlace"]["latitude"])
    [label] = cluster["isAwardedToOf"]
    assert label["awardedLabel"]["prefLabel"]["en"]
    feature = web.get("/clusters.geojson?q=automotive+cluster+slovakia").json()["features"][0]
    assert feature["geometry"]["coordinates"] == [
        float(cluster["seatPlace"]["longitude"]), float(cluster["seatPlace"]["latitude"]),
    ]  # fmt: skip
    assert feature["properties"]["precision"] == "seat"


# --- order and pages --------------------------------------------------------------------------------------------


def walk(web: httpx.Client, address: str) -> list[str]:
    seen: list[str] = []
    while address:
        answer = web.get(address)
        assert answer.status_code == 200
        seen += [row["id"] for row in csv.DictReader(io.StringIO(answer.text))]
        following = [link for link in answer.headers.get_list("link", True) if 'rel="next"' in link]
        address = urljoin(address, following[0].split(">")[0].strip("<")) if following else ""
    return seen


def test_pages_hold_everything_once(web: httpx.Client) -> None:
    for query in ("sort=name", "sort=-founded", "country=POL&sort=members", "lang=cs"):
        whole = [row["id"] for row in csv.DictReader(io.StringIO(web.get(f"/clusters.csv?{query}").text))]
        assert walk(web, f"/clusters.csv?{query}&limit=23") == whole
        assert len(set(whole)) == len(whole)


def test_orders(web: httpx.Client) -> None:
    def column(name: str, address: str) -> list[str]:
        return [row[name] for row in csv.DictReader(io.StringIO(web.get(address).text))]

    founded = [year[:4] for year in column("founded", "/clusters.csv?sort=founded") if year]
    assert founded == sorted(founded) and len(founded) > 100
    down = column("members", "/clusters.csv?sort=-members")
    numbers = [int(n) for n in down if n]
    assert numbers == sorted(numbers, reverse=True) and not any(down[len(numbers) :])
    czech = column("name", "/clusters.csv?country=CZE&lang=cs")
    assert czech.index("CzechBio") < czech.index("Hradecký IT klastr") if "Hradecký IT klastr" in czech else czech
    assert column("name", "/clusters.csv?sort=-name") == column("name", "/clusters.csv")[::-1]


def test_previous_and_next(web: httpx.Client) -> None:
    first = web.get("/clusters.jsonld?limit=5&country=CZE").json()["hydra:view"]
    assert "hydra:previous" not in first
    second = web.get("/" + first["hydra:next"]).json()["hydra:view"]
    third = web.get("/" + second["hydra:next"]).json()["hydra:view"]
    back = web.get("/" + third["hydra:previous"])
    assert back.json()["hydra:view"] == second
    assert second["hydra:previous"] == second["hydra:first"] == first["id"]
    page = assert_sound(web.get("/clusters?limit=5", headers=PAGES).text)
    assert any("cursor=" in href for href in page.all("a", "href"))


def test_a_cursor_belongs_to_what_was_asked(web: httpx.Client) -> None:
    view = web.get("/clusters.jsonld?limit=5&country=CZE").json()["hydra:view"]
    cursor = view["hydra:next"].partition("cursor=")[2]
    for wrong in (f"country=POL&cursor={cursor}", f"country=CZE&sort=founded&cursor={cursor}", f"cursor={cursor}x"):
        found = web.get(f"/clusters.jsonld?{wrong}")
        assert (found.status_code, found.json()["parameter"]) == (400, "cursor")
    assert web.get("/clusters.jsonld?cursor=" + "A" * 40).status_code == 400


# --- errors, tags -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "parameter", "allowed"),
    [
        ("country=XX", "country", "SVK"),
        ("sort=age", "sort", "-founded"),
        ("colour=red", "colour", "sector"),
        ("limit=0", "limit", None),
        ("limit=100000", "limit", None),
        ("from=soon", "from", None),
        ("lang=xx", "lang", None),
        (f"q={'x' * 201}", "q", None),
        ("&".join(["country=SVK"] * 51), "country", None),
    ],
)
def test_errors_name_the_parameter(web: httpx.Client, query: str, parameter: str, allowed: str | None) -> None:
    found = web.get(f"/clusters.jsonld?{query}")
    assert found.status_code == 400
    assert found.headers["content-type"] == "application/problem+json"
    problem = found.json()
    assert problem["parameter"] == parameter and parameter in problem["detail"]
    assert allowed is None or (allowed in problem["allowed"] and allowed in problem["detail"])
    assert_sound(web.get(f"/clusters?{query}", headers=PAGES).text)


def test_an_iri_that_nothing_has_finds_nothing(web: httpx.Client) -> None:
    assert web.get(f"/clusters.jsonld?country={COUNTRY}USA").json()["hydra:totalItems"] == 0
    assert_sound(web.get(f"/clusters?country={COUNTRY}USA&q=zzz", headers=PAGES).text)
    assert web.get("/partnerships.jsonld?country=SVK").json()["hydra:totalItems"] == 0, "a country, but of none of them"
    by_notation = web.get("/clusters.jsonld?country=sk").json()["hydra:totalItems"]
    assert by_notation == web.get("/clusters.jsonld?country=SVK").json()["hydra:totalItems"] > 0


def test_tags_and_conditions(web: httpx.Client) -> None:
    for path in ("/clusters", "/clusters.jsonld", "/clusters.xlsx", "/clusters.csv?country=SVK"):
        first = web.get(path, headers=PAGES)
        again = web.get(path, headers=PAGES | {"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    languages = {web.get("/clusters", headers=PAGES | {"accept-language": x}).headers["etag"] for x in ("cs", "pl")}
    assert len(languages) == 2
    assert web.head("/clusters.jsonld").headers["etag"] == web.get("/clusters.jsonld").headers["etag"]


def test_the_page_offers_what_is_shown(web: httpx.Client) -> None:
    text = web.get("/clusters?country=SVK&sector=machinery&lang=cs&limit=7", headers=PAGES).text
    page = assert_sound(text, "cs")
    assert "clusters.xlsx?country=SVK&sector=machinery&lang=cs" in page.all("a", "href")
    assert "Slovensko" in text and "checked> <span>Slovensko" in text
    assert "?sector=machinery&limit=7&lang=cs" in page.all("a", "href")


def test_the_plain_lists_lead_to_the_collections(web: httpx.Client) -> None:
    answer = web.get("/project", headers=PAGES)
    assert '<projects>; rel="related"' in answer.headers.get_list("link")
    assert "projects" in assert_sound(answer.text).all("a", "href")


# --- data made to hurt, and a list that changes while it is read --------------------------------------------------

HOSTILE = f"""
@prefix skos: <http://www.w3.org/2004/02/skos/core#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix v4: <{V4}> .
<{BASE}id/organisation/formula> a v4:ClusterOrganisation ; skos:prefLabel "=HYPERLINK(\\"http://evil\\",\\"x\\")"@en ;
  v4:acronym "@SUM(1)" ; v4:foundedOn "2011-05-04"^^xsd:date .
<{BASE}id/organisation/script> a v4:ClusterOrganisation ; skos:prefLabel "</script><script>alert(1)</script>"@en ;
  v4:acronym "+1" ; v4:foundedOn "2012"^^xsd:gYear .
<{BASE}id/organisation/minus> a v4:ClusterOrganisation ; skos:prefLabel "-2+3\\u0001\\u202Etxt"@en .
<{BASE}id/organisation/nameless> a v4:ClusterOrganisation .
<{BASE}id/organisation/long> a v4:ClusterOrganisation ; skos:prefLabel "{"x" * 10_000}"@en .
"""


def more(count: int) -> str:
    return "".join(
        f"<{BASE}id/organisation/c{n}> a <{V4}ClusterOrganisation> ;"
        f' <http://www.w3.org/2004/02/skos/core#prefLabel> "C {n:03}"@en .\n'
        for n in range(count)
    )


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    publish(tmp_path, HOSTILE + more(20))
    with running(create_app(Settings(home=tmp_path, readers=2))) as found:
        yield found, tmp_path


def test_nothing_is_a_formula_and_text_stays_text(own: tuple[Server, Path]) -> None:
    with httpx.Client(base_url=own[0].url, timeout=20) as web:
        page = web.get("/clusters", headers=PAGES)
        assert_sound(page.text)
        assert "alert(1)</script>" not in page.text
        rows = {row["id"].rpartition("/")[2]: row for row in csv.DictReader(io.StringIO(web.get("/clusters.csv").text))}
        assert rows["formula"]["name"].startswith("'=HYPERLINK") and rows["formula"]["acronym"] == "'@SUM(1)"
        assert rows["minus"]["name"].startswith("'-2+3") and rows["script"]["acronym"] == "'+1"
        book = openpyxl.load_workbook(io.BytesIO(web.get("/clusters.xlsx").content))
        head, *cells = list(book.active.iter_rows())
        names = [cell.value for cell in head]
        table = {row[0].value.rpartition("/")[2]: dict(zip(names, row, strict=True)) for row in cells}
        assert table["formula"]["Name"].data_type == "s" and table["formula"]["Name"].value.startswith("=HYPERLINK")
        assert table["formula"]["Founded"].value.date() == date(2011, 5, 4)
        assert table["script"]["Founded"].value == 2012
        assert (
            web.get("/clusters.xlsx").content
            == web.get("/clusters.xlsx", headers={"accept-encoding": "identity"}).content
        )
        json.loads(web.get("/clusters.jsonld").text)


def test_a_list_that_changes_goes_on_and_then_is_gone(own: tuple[Server, Path]) -> None:
    server, home = own
    with httpx.Client(base_url=server.url, timeout=20) as web:
        first = web.get("/clusters.csv?limit=10")
        link = next(x for x in first.headers.get_list("link", True) if 'rel="next"' in x).split(">")[0].strip("<")
        before = web.get(f"/{link}").text

        def wait_for(total: int, name: str = "clusters") -> None:
            deadline = time.monotonic() + 20
            while web.get(f"/{name}.jsonld?limit=1").json()["hydra:totalItems"] != total:
                assert time.monotonic() < deadline, "the publication does not show"
                time.sleep(0.05)

        publish(home, HOSTILE + more(20) + f"<{BASE}id/project/new> a <{V4}Project> .", token="second")
        wait_for(1, "projects")
        assert web.get("/clusters.csv?limit=10").headers["etag"] == first.headers["etag"], "nothing in it changed"
        publish(home, HOSTILE + more(21), token="third")
        wait_for(26)
        assert web.get(f"/{link}").text == before, "who is paging goes on in the edition that was begun"
        for number in range(22, 25):
            publish(home, HOSTILE + more(number), token=f"t{number}")
            wait_for(5 + number)
        gone = web.get(f"/{link}")
        assert gone.status_code == 410
        assert gone.json()["start"] == "clusters.csv?limit=10"
        assert '<clusters.csv?limit=10>; rel="first"' in gone.headers.get_list("link")
        assert web.get("/" + gone.json()["start"]).status_code == 200
        page = web.get(f"/{link}".replace(".csv", ""), headers=PAGES)
        assert page.status_code == 410 and "Start anew" in page.text
        assert_sound(page.text)


def test_what_rows_mention_is_read_from_the_lines_as_from_the_terms() -> None:
    """Literals that look like things, tabs and line ends within them, letters beyond ASCII, nothing at all."""
    odd = ['"<urn:no>"', '"a\\tb\\n<urn:no>\\r"@en', '"7"^^<urn:no>', "<urn:č/ř>", "<urn:ascii>", "UNDEF"]
    region = "<http://data.europa.eu/nuts/code/CZ080>"
    values = " ".join(f'(<urn:t{n}> "what" {value} {odd[-n - 1]} {region})' for n, value in enumerate(odd))
    names = "?thing ?what ?value ?node ?extra"
    values += f" (<urn:t> 'w' {region} UNDEF UNDEF)"
    found = ox.Store().query(f"SELECT {names} {{ VALUES ({names}) {{ {values} }} }}")
    assert isinstance(found, ox.QuerySolutions)
    body = found.serialize(format=ox.QueryResultsFormat.TSV)
    assert body is not None
    terms = {term.value for row in _rows(body) for term in row[2:4] if isinstance(term, ox.NamedNode)}
    assert len(terms) == 3
    assert _mentioned(body) == sorted(terms | {"http://data.europa.eu/nuts/code/CZ08"})
