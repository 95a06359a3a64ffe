"""``/map``: where cluster organisations and partners are, as a page, as GeoJSON, as a table and as a drawing.

The same parameters everywhere: ``country region sector stage project label`` (the last part of an IRI or the IRI
itself, several times for any of them), ``q`` for names, ``layer`` for ``clusters`` and ``partners``.
"""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from fastapi import FastAPI
from starlette.datastructures import QueryParams, State
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from v4graph.atlas import FACETS, LAYERS, NUTS, Asked, Atlas, Spot, View, slug
from v4graph.errors import UnknownParameter
from v4graph.features import GEOJSON
from v4graph.rdf import CSV, Format
from v4graph.web import built, drawings, pages
from v4graph.web.choosing import OFFERED, chosen, offered
from v4graph.web.delivery import present_snapshot
from v4graph.web.guides import Guide, Guides, main_family
from v4graph.web.negotiation import HTML, accepts_gzip
from v4graph.web.replies import alternates, form_of, reply
from v4graph.web.sectors import FAMILIES, family_of
from v4graph.web.telling import Links, Text
from v4graph.web.words import sort_key

PATH = "/map"
SVG = Format("svg", ("image/svg+xml",), "", "SVG")
FORMATS = (HTML, GEOJSON, CSV, SVG)
LISTED = 200
"""Things that the page lists; the rest are in the data."""
LONGEST = 200
_NOBODY = "Nothing on the map has the {facet} “{value}”."
_FRESH = "public, max-age=60, stale-while-revalidate=600"
_SHORT = {
    "at": "aut", "be": "bel", "bg": "bgr", "ch": "che", "cz": "cze", "de": "deu", "dk": "dnk", "ee": "est", "es": "esp",
    "fi": "fin", "fr": "fra", "gr": "grc", "hr": "hrv", "hu": "hun", "ie": "irl", "it": "ita", "lt": "ltu", "lv": "lva",
    "nl": "nld", "no": "nor", "pl": "pol", "pt": "prt", "ro": "rou", "rs": "srb", "se": "swe", "si": "svn", "sk": "svk",
    "ua": "ukr", "gb": "gbr", "uk": "gbr",
}  # fmt: skip
"""Countries by two letters (ISO 3166-1), as the EU's list calls them."""


@dataclass(frozen=True, slots=True)
class Option:
    """A value of a facet as the form offers it."""

    slug: str
    name: Text
    count: int
    chosen: bool
    family: str = ""


def add_routes(app: FastAPI) -> None:
    """Put the map into an application."""
    app.state.guides = Guides()
    app.router.routes.append(Route(PATH, charted))
    app.router.routes.append(Route("/static/land-{name}.svg", land))
    for fmt in FORMATS[1:]:
        app.router.routes.append(Route(f"{PATH}.{fmt.ending}", partial(charted, fixed=fmt)))


def asked_of(params: QueryParams, atlas: Atlas) -> Asked:
    """What the parameters of an address ask to see.

    Raises:
        UnknownParameter: a value that nothing on the map has.
    """
    text = params.get("q", "")
    if len(text) > LONGEST:
        raise UnknownParameter(f"q has {len(text)} characters; search for at most {LONGEST}.", parameter="q")
    facets = chosen(params, FACETS, partial(_values, atlas), _NOBODY)
    layers = tuple(layer for layer in LAYERS if layer in params.getlist("layer"))
    unknown = [layer for layer in params.getlist("layer") if layer and layer not in LAYERS]
    if unknown:
        raise UnknownParameter(f"layer is {' or '.join(LAYERS)}.", parameter="layer")
    if not layers:  # who looks at a project wants to see all of its partners
        layers = LAYERS if "project" in facets else LAYERS[:1]
    return Asked(layers, facets, text)


def _values(atlas: Atlas, facet: str) -> Mapping[str, str]:
    known = atlas.values(facet)
    return (
        known if facet != "country" else {short: known[long] for short, long in _SHORT.items() if long in known} | known
    )


def address_of(asked: Asked) -> list[tuple[str, str]]:
    """The parameters that ask for the same, as short as they can be."""
    found = [("q", asked.text)] if asked.text else []
    found += [(facet, slug(value)) for facet in FACETS for value in asked.facets.get(facet, ())]
    usual = LAYERS if "project" in asked.facets else LAYERS[:1]
    return found if asked.layers == usual else [*found, *(("layer", layer) for layer in asked.layers)]


async def land(request: Request) -> Response:
    """The land below the points of drawings, which every page uses from here."""
    packed = drawings.land_files().get(f"land-{request.path_params['name']}.svg")
    if packed is None:
        raise HTTPException(404)
    headers = {"Cache-Control": built.FOREVER, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
    if accepts_gzip(request.headers.get("accept-encoding", "")):
        return Response(packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=SVG.media_type)
    return Response(gzip.decompress(packed), headers=headers, media_type=SVG.media_type)


async def charted(request: Request, fixed: Format | None = None) -> ASGIApp:
    """The map, in the form that is wanted."""
    state: State = request.app.state
    choice, links, languages = form_of(request, fixed, FORMATS)
    with state.limits.admit(request.scope):
        guide = await state.guides.of(state, languages)
        asked = asked_of(request.query_params, guide.atlas)
    shade = "region" in request.query_params.getlist("shade")
    key = [guide.token, "map", choice.format.ending, languages, asked, shade]
    if choice.format is not HTML:
        make = partial(_data, choice.format, guide, asked, shade)
        location = f"map.{choice.format.ending}" if fixed is None else None
        fresh = guide.token == present_snapshot(state).token
        return await reply(request, choice, key, make, location=location, cache=_FRESH, fresh=fresh)
    home = home_of(request)
    make = partial(_page, guide, asked, links, shade, home)
    return await reply(request, choice, [*key, links, home], make, links=alternates(data_addresses(asked, links)))


def data_addresses(asked: Asked, links: Links, shade: bool = False) -> dict[str, Format]:
    """Where the same is as data."""
    params = address_of(asked) + ([("shade", "region")] if shade else [])
    query = urlencode(params)
    return {
        links.to(f"map.{fmt.ending}" + (f"?{query}" if query else "")): fmt for fmt in FORMATS[1:]
    }  # fmt: skip


def _data(fmt: Format, guide: Guide, asked: Asked, shade: bool) -> bytes:
    view = guide.atlas.look(asked)
    if fmt is GEOJSON:
        return guide.geojson(view)
    if fmt is CSV:
        return guide.table(view)
    return drawing(guide, asked, view, None, shade=shade, alone=True).encode()


def drawing(
    guide: Guide, asked: Asked, view: View, links: Links | None, *, shade: bool = False, alone: bool = False
) -> str:
    """What is seen as a drawing of the server's own."""
    things = [guide.atlas.spots[number] for number in view.spots]
    leads = leads_of(guide.atlas, asked)
    shades = drawings.shaded(things, regions_of(guide.atlas)) if shade else None
    style = drawings.file_style(drawings.COLOURS) if alone else ""
    marked = (
        None
        if asked != Asked()
        else guide.once("marks of the whole", lambda: drawings.marks(things, drawings.framing(things)))
    )
    return drawings.picture(things, guide.shown, links=links, leads=leads, shades=shades, alone=style, marked=marked)


def leads_of(atlas: Atlas, asked: Asked) -> tuple[str, ...]:
    """Who led the chosen project; lines are only drawn for one."""
    projects = asked.facets.get("project", ())
    if len(projects) != 1:
        return ()
    return tuple(spot.iri for spot in atlas.spots if projects[0] in spot.leads)


def regions_of(atlas: Atlas) -> Mapping[str, tuple[str, ...]]:
    """The codes of the regions of all spots."""
    return {spot.iri: tuple(x.removeprefix(NUTS) for x in spot.facets["region"]) for spot in atlas.spots}


def options(guide: Guide, asked: Asked, view: View, language: str) -> dict[str, list[Option]]:
    """What the form offers, in alphabetical order."""
    found = {}
    for facet in FACETS:
        wanted = asked.facets.get(facet, ())
        counts = offered(view.counts[facet], wanted)
        made = [
            Option(
                slug(iri), _told(guide, facet, iri), count, iri in wanted, family_of(iri) if facet == "sector" else ""
            )
            for iri, count in counts.items()
        ]
        found[facet] = sorted(
            made, key=lambda o: (o.slug[:2] if facet == "region" else "", sort_key(o.name.text, language), o.slug)
        )
    return found


def _told(guide: Guide, facet: str, iri: str) -> Text:
    name = guide.name(iri)
    return Text(f"{name.text} ({iri.removeprefix(NUTS)[:2]})", name.language) if facet == "region" else name


def legend(things: Iterable[Spot]) -> list[tuple[str, int]]:
    """The families of sectors that are seen, with their numbers."""
    counts = Counter(main_family(thing.facets["sector"]) for thing in things if thing.point)
    return [(family, counts[family]) for family in FAMILIES if counts[family]]


def content_of(guide: Guide, asked: Asked, links: Links, shade: bool) -> dict[str, Any]:
    """What the map's templates show."""
    view = guide.atlas.look(asked)
    return {
        "q": asked.text,
        "asked": asked,
        "layers": {layer: (view.layers[layer], layer in asked.layers) for layer in LAYERS},
        "options": options(guide, asked, view, links.spoken),
        "offered": OFFERED,
        "total": len(view.spots),
        "off": view.off,
        "things": guide.listed(view, LISTED),
        "legend": legend(guide.atlas.spots[number] for number in view.spots),
        "shade": shade,
        "picture": drawing(guide, asked, view, links, shade=shade),
        "formats": data_addresses(asked, links, shade),
        "query": urlencode(address_of(asked)),
        "attributes": attributes_of(asked, links),
        "regions": {slug(x): guide.name(x).text for x in guide.atlas.values("region").values()},
    }


async def for_home(state: State, links: Links, languages: tuple[str, ...]) -> dict[str, Any]:
    """The map on the start page: a drawing without links, and its sums."""
    guide = await state.guides.of(state, languages)
    view = guide.atlas.look(Asked())
    if "home" not in guide.pictures:
        things = [guide.atlas.spots[number] for number in view.spots]
        marked = guide.once("marks of the home", lambda: drawings.marks(things, drawings.frame(*drawings.BROAD)))
        guide.pictures["home"] = drawings.picture(
            things, guide.shown, links=links, linked=False, around=drawings.BROAD, marked=marked
        )
    return {"picture": guide.pictures["home"], "placed": len(view.spots) - view.off, "off": view.off}


def _page(guide: Guide, asked: Asked, links: Links, shade: bool, home: str) -> bytes:
    return pages.render("map.html", links, home=home, **content_of(guide, asked, links, shade))


def home_of(request: Request) -> str:
    """The address of the start page, as others reach it."""
    return str(request.base_url)


def attributes_of(asked: Asked, links: Links) -> dict[str, str]:
    """The attributes of an embedded map that shows the same."""
    told: dict[str, str] = {}
    for name, value in address_of(asked):
        told[name] = f"{told[name]} {value}" if name in told else value
    return told | ({"lang": links.language} if links.language else {})
