"""``/country/{code}`` and ``/region/{code}``: the clusters, sectors, projects and partners of a country or a region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from math import ceil, floor
from typing import Any

from fastapi import FastAPI
from markupsafe import Markup
from starlette.datastructures import State
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from v4graph.atlas import LAYERS, NUTS, Asked, Spot, View, region_of, slug
from v4graph.errors import NotFound
from v4graph.web import collections, drawings, pages
from v4graph.web.guides import Guide
from v4graph.web.negotiation import HTML, Choice
from v4graph.web.replies import links_of, reply
from v4graph.web.sectors import family_of
from v4graph.web.telling import Links, Text
from v4graph.web.words import sort_key

_LISTED = 150
"""Clusters and partners that the page lists; all are in the collections."""
_PROJECTS = 40
_LEAST = 1.2
"""Degrees that the drawing shows around things at the least."""
Counted = tuple[str, str, Text, int]
"""What an address calls it, its IRI, its name, how many."""


def add_routes(app: FastAPI) -> None:
    """Add the list of countries, and a page for each country and region."""
    app.router.routes += [
        Route("/country", countries),
        Route("/country/{code}", partial(area, facet="country")),
        Route("/region/{code}", partial(area, facet="region")),
    ]


async def countries(request: Request) -> ASGIApp:
    """All countries that something here is in."""
    state: State = request.app.state
    links, languages = links_of(request)
    with state.limits.admit(request.scope):
        guide = await state.guides.of(state, languages)
    make = partial(_countries, guide, links)
    return await reply(request, Choice(HTML, HTML.media_type), [guide.token, "countries", languages, links], make)


def _countries(guide: Guide, links: Links) -> bytes:
    clusters = guide.atlas.look(Asked()).counts["country"]
    partners = guide.atlas.look(Asked(LAYERS[1:])).counts["country"]
    found = [
        (slug(iri), guide.name(iri), clusters.get(iri, 0), partners.get(iri, 0))
        for iri in guide.atlas.values("country").values()
    ]
    found.sort(key=lambda row: (sort_key(row[1].text, links.spoken), row[0]))
    return pages.render("countries.html", links, countries=found)


async def area(request: Request, facet: str) -> ASGIApp:
    """A country or a region."""
    state: State = request.app.state
    links, languages = links_of(request)
    code: str = request.path_params["code"]
    with state.limits.admit(request.scope):
        choices = await state.shelves.choices(state)
        iri = choices.get(facet, {}).get(code.lower())
        if iri is None:
            raise NotFound(f"There is no {facet} called {code[:20]} here.")
        guide = await state.guides.of(state, languages)
        names = await collections.named(state, [iri], f"area {iri}")
    title = pages.name_of(iri, names.get(iri, {}), languages, state.iris)
    key = [guide.token, facet, iri, title, languages, links]
    return await reply(request, Choice(HTML, HTML.media_type), key, partial(_page, guide, facet, iri, title, links))


def _page(guide: Guide, facet: str, iri: str, title: Text, links: Links) -> bytes:
    inside = _inside(guide, facet, iri)
    clusters = guide.atlas.look(Asked(LAYERS[:1], {facet: inside})) if inside else _NOTHING
    partners = guide.atlas.look(Asked(LAYERS[1:], {facet: inside})) if inside else _NOTHING
    spots = guide.atlas.spots
    here = [spots[n] for n in clusters.spots]
    besides = [spots[n] for n in partners.spots if not spots[n].is_cluster]
    beside = replace(partners, spots=tuple(n for n in partners.spots if not spots[n].is_cluster))
    projects = _counted(guide, partners.counts.get("project", {}))
    country = next((c for spot in (*here, *besides) for c in spot.facets["country"]), "")
    content: dict[str, Any] = {
        "facet": facet,
        "code": slug(iri),
        "iri": iri,
        "title": title,
        "country": (slug(country), guide.name(country)) if country and facet == "region" else None,
        "clusters": guide.listed(clusters, _LISTED),
        "total": len(here),
        "others": guide.listed(beside, _LISTED),
        "partners": len(besides),
        "sectors": [(*row, family_of(row[1])) for row in _counted(guide, clusters.counts.get("sector", {}))],
        "regions": _counted(guide, clusters.counts.get("region", {})) if facet == "country" else [],
        "projects": projects[:_PROJECTS],
        "taken_part": len(projects),
        "picture": _picture([*here, *besides], guide, links),
        "query": "&".join(f"{facet}={slug(value)}" for value in inside),
    }
    return pages.render("area.html", links, **content)


_NOTHING = View((), {}, {}, 0)


def _inside(guide: Guide, facet: str, iri: str) -> tuple[str, ...]:
    """The values of the map that lie in an area: a region may have smaller ones, or be told by the one around it."""
    values = guide.atlas.values(facet).values()
    if facet == "country":
        return tuple(value for value in values if value == iri)
    code, known = iri.removeprefix(NUTS), {value.removeprefix(NUTS): value for value in values}
    found = tuple(value for name, value in sorted(known.items()) if name.startswith(code))
    around = region_of(code, known)
    return found or ((known[around],) if around else ())


def _counted(guide: Guide, counts: Mapping[str, int]) -> list[Counted]:
    """Values that something has, those with most things first."""
    found = [(slug(iri), iri, guide.name(iri), count) for iri, count in counts.items() if count]
    return sorted(found, key=lambda row: (-row[3], row[2].text, row[0]))


def _picture(things: list[Spot], guide: Guide, links: Links) -> Markup | None:
    """Where they are, as near as all of them can be seen."""
    points = [thing.point for thing in things if thing.point]
    if not points:
        return None
    west, east = min(p.longitude for p in points), max(p.longitude for p in points)
    south, north = min(p.latitude for p in points), max(p.latitude for p in points)
    beside, above = max(_LEAST - (east - west) / 2, 0.5), max(_LEAST * 0.6 - (north - south) / 2, 0.3)
    around = (floor(west - beside), floor(south - above), ceil(east + beside), ceil(north + above))
    return drawings.picture(things, guide.shown, links=links, around=around)
