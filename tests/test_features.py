"""The atlas (who is where, filters, counts), outlines and their projection: on small graphs made here."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pyoxigraph as ox
import pytest

from v4graph.atlas import FACETS, NUTS, Asked, Atlas, region_of, slug
from v4graph.outlines import Frame, Outlines, drawn, project
from v4graph.statements import Term

BASE = "https://w3id.org/v4graph/"
COUNTRY = "http://publications.europa.eu/resource/authority/country/"
CENTRES = {"SK031": (19.1, 49.2), "PL9": (21.1, 52.3)}
Row = Mapping[str, Term]


def thing(slug_: str) -> str:
    return f"{BASE}id/organisation/{slug_}"


def row(name: str, what: str, value: str, language: str | None = None) -> Row:
    term: Term = ox.Literal(value, language=language) if what in ("name", "alias") else ox.NamedNode(value)
    return {"thing": ox.NamedNode(thing(name)), "what": ox.Literal(what), "value": term}


def place(name: str, longitude: str, latitude: str, region: str = "") -> Row:
    found: dict[str, Term] = {
        "place": ox.NamedNode(f"{BASE}id/place/{name}"),
        "longitude": ox.Literal(longitude),
        "latitude": ox.Literal(latitude),
    }
    return found | ({"region": ox.NamedNode(NUTS + region)} if region else {})


@pytest.fixture
def atlas() -> Atlas:
    things = [
        row("auto", "cluster", BASE), row("auto", "name", "Automobilový klaster", "sk"),
        row("auto", "alias", "ACS"), row("auto", "country", f"{COUNTRY}SVK"),
        row("auto", "sector", f"{BASE}scheme/sector/automotive"), row("auto", "seat", f"{BASE}id/place/trnava"),
        row("auto", "origin", f"{BASE}id/place/zilina"), row("auto", "project", f"{BASE}id/project/one"),
        row("wood", "cluster", BASE), row("wood", "name", "Klaster Drzewny", "pl"),
        row("wood", "country", f"{COUNTRY}POL"), row("wood", "region", f"{NUTS}PL913"),
        row("wood", "sector", f"{BASE}scheme/sector/wood"),
        row("lost", "cluster", BASE), row("lost", "name", "Lost", "en"), row("lost", "country", f"{COUNTRY}POL"),
        row("lead", "name", "Leader", "en"), row("lead", "project", f"{BASE}id/project/one"),
        row("lead", "lead", f"{BASE}id/project/one"), row("lead", "origin", f"{BASE}id/place/zilina"),
    ]  # fmt: skip
    return Atlas(
        things, [place("trnava", "17.58", "48.37", "SK021"), place("zilina", "18.7", "49.2", "SK031")], CENTRES
    )


def names(atlas: Atlas, asked: Asked) -> list[str]:
    return [slug(atlas.spots[number].iri) for number in atlas.look(asked).spots]


def test_the_best_known_place_counts(atlas: Atlas) -> None:
    auto, wood, lost, lead = (atlas.of(thing(x)) for x in ("auto", "wood", "lost", "lead"))
    assert auto and auto.point and (auto.point.precision, auto.point.longitude) == ("seat", 17.58)
    assert wood and wood.point and (wood.point.precision, wood.point.latitude) == ("region", 52.3)
    assert lost and lost.point is None
    assert lead and lead.point and lead.point.precision == "origin"
    assert atlas.of(thing("nobody")) is None


def test_regions_are_those_the_map_draws(atlas: Atlas) -> None:
    auto, wood, lead = (atlas.of(thing(x)) for x in ("auto", "wood", "lead"))
    assert wood and wood.facets["region"] == (f"{NUTS}PL9",)
    assert auto and auto.facets["region"] == (f"{NUTS}SK021",)
    assert lead and lead.facets["region"] == (), "where something came from is not its region"
    assert region_of("SK031", CENTRES) == "SK031"
    assert region_of("PL911", CENTRES) == "PL9"
    assert region_of("CZ080", CENTRES) is None


def test_filters_and_counts(atlas: Atlas) -> None:
    poland, wood = f"{COUNTRY}POL", f"{BASE}scheme/sector/wood"
    assert names(atlas, Asked()) == ["auto", "lost", "wood"]
    assert names(atlas, Asked(facets={"country": (poland,)})) == ["lost", "wood"]
    assert names(atlas, Asked(facets={"country": (poland,), "sector": (wood,)})) == ["wood"]
    assert names(atlas, Asked(("partners",))) == ["auto", "lead"]
    view = atlas.look(Asked(facets={"country": (poland,)}))
    assert view.counts["country"] == {poland: 2, f"{COUNTRY}SVK": 1}, "the counted facet stays open"
    assert view.counts["sector"] == {wood: 1, f"{BASE}scheme/sector/automotive": 0}
    assert view.off == 1
    assert atlas.look(Asked()).layers == {"clusters": 3, "partners": 2}


@pytest.mark.parametrize("text", ["automobilovy", "ACS", "klaster auto", "  AUTOMOBIL  "])
def test_names_are_found_without_accents_and_by_parts(atlas: Atlas, text: str) -> None:
    assert names(atlas, Asked(text=text)) == ["auto"]


def test_nothing_is_found(atlas: Atlas) -> None:
    view = atlas.look(Asked(text="zzz"))
    assert view.spots == () and view.off == 0


def test_ten_thousand_are_narrowed_quickly() -> None:
    things = []
    for n in range(10_000):
        things += [
            row(f"c{n}", "cluster", BASE), row(f"c{n}", "name", f"Klaster číslo {n}", "cs"),
            row(f"c{n}", "country", f"{COUNTRY}{('CZE', 'SVK', 'POL', 'HUN')[n % 4]}"),
            row(f"c{n}", "sector", f"{BASE}scheme/sector/s{n % 60}"), row(f"c{n}", "region", f"{NUTS}SK0{n % 80}"),
        ]  # fmt: skip
    atlas = Atlas(things, [], CENTRES)
    asked = Asked(facets={"country": (f"{COUNTRY}CZE",), "sector": (f"{BASE}scheme/sector/s0",)}, text="cislo")
    best = 1.0
    for _ in range(5):
        before = time.process_time()
        view = atlas.look(asked)
        best = min(best, time.process_time() - before)
    assert len(view.spots) == 167 and set(view.counts) == set(FACETS)
    assert best < 0.05, f"{best * 1000:.1f} ms"


# --- outlines -----------------------------------------------------------------------------------------------------

SQUARE = {
    "type": "Topology",
    "transform": {"scale": [0.01, 0.01], "translate": [10, 48]},
    "arcs": [[[0, 0], [200, 0]], [[200, 0], [0, 200], [-200, 0], [0, -200]]],
    "objects": {
        "countries": {
            "type": "GeometryCollection",
            "geometries": [{"type": "Polygon", "arcs": [[0, 1]], "properties": {"code": "CZ"}}],
        },
        "regions": {
            "type": "GeometryCollection",
            "geometries": [{"type": "MultiPolygon", "arcs": [[[0, 1]]], "properties": {"code": "CZ010"}}],
        },
    },
}  # fmt: skip


def test_the_projection_keeps_areas() -> None:
    def area(longitude: float, latitude: float) -> float:
        (x1, y1), (x2, y2) = project(longitude, latitude), project(longitude + 0.01, latitude)
        (x3, y3) = project(longitude, latitude + 0.01)
        return abs((x2 - x1) * (y3 - y1) - (x3 - x1) * (y2 - y1))

    assert project(10, 52) == pytest.approx((0, 0))
    # at 60° N a square degree is half as large as at the equator
    assert area(25, 60) / area(10, 45) == pytest.approx(0.5 / 0.70711, rel=1e-3)


def test_shapes_are_drawn_inside_the_frame() -> None:
    outlines = Outlines(SQUARE)
    assert outlines.centres["CZ010"] == pytest.approx((11.0, 49.0))
    [(code, rings)] = outlines.countries
    assert code == "CZ" and rings[0][0] == (10.0, 48.0) and rings[0][2] == pytest.approx((12.0, 50.0))
    whole, half, away = (
        Frame.around(*degrees, 400) for degrees in ((9, 47, 13, 51), (11, 47, 13, 51), (20, 47, 24, 51))
    )
    assert drawn(rings, whole).startswith("M") and drawn(rings, whole).endswith("z")
    assert drawn(rings, half) not in ("", drawn(rings, whole))
    assert drawn(rings, away) == ""
    assert whole.shows(*whole.at(11, 49)) and not whole.shows(*whole.at(30, 49))
