"""``/catalogue`` and ``/.well-known/void``: what is here, for catalogues and people; the map of the site."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

import pyoxigraph as ox
from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from v4graph import catalogue
from v4graph.catalogue import Figures
from v4graph.collections import COLLECTIONS
from v4graph.entities import select
from v4graph.errors import NotFound, Overloaded
from v4graph.iris import Iris
from v4graph.queries import bind, load_query
from v4graph.rdf import RDF_FORMATS, Format
from v4graph.statements import DCTERMS, Term
from v4graph.web import pages
from v4graph.web.delivery import present_snapshot
from v4graph.web.entities import as_rdf
from v4graph.web.negotiation import HTML, Choice, negotiate, not_acceptable
from v4graph.web.numbers import NUMBER
from v4graph.web.replies import alternates, links_of, reply
from v4graph.web.telling import Text, page_path

log = logging.getLogger(__name__)

SITEMAP_SIZE = 50_000
"""Addresses in one sitemap (https://www.sitemaps.org/protocol.html)."""


def add_routes(app: FastAPI) -> None:
    """Add the two descriptions in all formats, the sitemap and the robots' file."""
    app.state.statistics = Statistics()
    routes = app.router.routes
    routes.append(Route("/catalogue", described))
    for fmt in RDF_FORMATS:
        routes.append(Route(f"/catalogue.{fmt.ending}", partial(described, fixed=fmt)))
    routes.append(Route("/.well-known/void", counted))
    routes.append(Route("/sitemap.xml", sitemap))
    routes.append(Route(f"/sitemap-{{number:{NUMBER}}}.xml", sitemap))
    routes.append(Route("/robots.txt", robots))


class Statistics:
    """The figures of a snapshot, counted when somebody first asks for them."""

    def __init__(self) -> None:
        """Start with nothing counted."""
        self._lock = asyncio.Lock()
        self._token = ""
        self._figures: Figures | None = None

    async def of(self, state: State) -> Figures:
        """The figures of the present snapshot; what takes too long to count is left out."""
        async with self._lock:
            for _ in range(3):
                token = present_snapshot(state).token
                if token == self._token and self._figures is not None:
                    break
                figures = catalogue.figures(await _answers(state))
                if token == present_snapshot(state).token:  # all of them were counted in one snapshot
                    self._token, self._figures = token, figures
                    break
            else:
                raise Overloaded(
                    "The graph is being changed faster than it can be counted.", headers={"Retry-After": "9"}
                )
        return self._figures


async def _answers(state: State) -> dict[str, list[dict[str, Term]] | None]:
    answers: dict[str, list[dict[str, Term]] | None] = {}
    for name in catalogue.QUERIES:
        query = bind(load_query(f"platform/{name}", state.iris), **catalogue.values(state.iris))
        try:
            answers[name] = await select(state.sandbox, query, state.settings.query_seconds)
        except Overloaded as error:
            log.warning("%s was not counted: %s", name, error)
            answers[name] = None
    return answers


async def described(request: Request, fixed: Format | None = None) -> ASGIApp:
    """The catalogue in DCAT-AP, or its page."""
    return await _answer(request, (HTML, *RDF_FORMATS), "catalogue", fixed)


async def counted(request: Request) -> ASGIApp:
    """The description in VoID, or the page of the catalogue."""
    return await _answer(request, (*RDF_FORMATS, HTML), "void")


async def _answer(request: Request, offered: tuple[Format, ...], what: str, fixed: Format | None = None) -> ASGIApp:
    state: State = request.app.state
    iris: Iris = state.iris
    choice = Choice(fixed, fixed.media_type) if fixed else negotiate(request.headers.get("accept", ""), offered)
    if choice is None:
        raise not_acceptable(offered)
    with state.limits.admit(request.scope):
        figures = None if what == "catalogue" and choice.format is not HTML else await state.statistics.of(state)
    snapshot = present_snapshot(state)
    addresses = {f"catalogue.{fmt.ending}": fmt for fmt in RDF_FORMATS} if what == "catalogue" else {}
    if choice.format is HTML:
        links, languages = links_of(request)
        page = _told(iris, languages)
        make = partial(
            pages.render,
            "catalogue.html",
            links,
            told=page,
            figures=figures,
            formats=addresses,
            created=snapshot.created,
        )
        content: list[object] = [what, links, languages, figures, snapshot.created]
    else:
        if figures is None:
            triples = catalogue.description(iris, snapshot.created, str(snapshot.number))
        else:
            triples = catalogue.statistics(iris, figures, snapshot.created)
        make = partial(as_rdf, triples, choice.format, iris)
        content = [what, snapshot.created, snapshot.number, figures]
    location = (
        f"catalogue.{choice.format.ending}" if addresses and fixed is None and choice.format is not HTML else None
    )
    return await reply(request, choice, content, make, links=alternates(addresses), location=location)


def _told(iris: Iris, languages: tuple[str, ...]) -> dict[str, Any]:
    """What the page says, in the reader's language."""
    said: dict[tuple[str, str], dict[str, str]] = {}
    for triple in catalogue.texts(iris):
        if isinstance(triple.object, ox.Literal) and isinstance(triple.subject, ox.NamedNode):
            by_language = said.setdefault((triple.subject.value, triple.predicate.value), {})
            by_language[triple.object.language or ""] = triple.object.value

    def text(name: str, property_: str) -> Text:
        return pages.name_of("", said[f"{iris.base}catalogue#{name}", f"{DCTERMS}{property_}"], languages, iris)

    return {
        "title": text("dataset", "title"),
        "description": text("dataset", "description"),
        "resolved": text("resolved", "title"),
        "sparql": text("sparql", "title"),
        "files": [("dumps/v4graph.nq.gz", text("n-quads", "title")), ("dumps/v4graph.trig.gz", text("trig", "title"))],
    }


# --- for search engines -------------------------------------------------------------------------------------------


async def sitemap(request: Request) -> Response:
    """The pages there are: a list of them, or of lists when they are more than one list may hold."""
    state: State = request.app.state
    with state.limits.admit(request.scope):
        things = await state.overviews.rows(state, "list-pages")
        graphs = await state.overviews.rows(state, "graph-names")
        atlas = await state.guides.atlas(state)
    root = str(request.base_url)
    iris: Iris = state.iris
    paths = {"", "catalogue", "ontology", "dumps/", "map", "network", "timeline", "country", *COLLECTIONS}
    paths |= {f"{facet}/{code}" for facet in ("country", "region") for code in atlas.values(facet)}
    for iri in {row["thing"].value for row in things} | {row["graph"].value for row in graphs}:
        below = iris.path(iri)
        if below:
            paths.add(page_path(below))
    ordered = sorted(paths)
    number = request.path_params.get("number")
    lists = range(0, len(ordered), SITEMAP_SIZE)
    if number is None and len(lists) > 1:
        addresses = [f"{root}sitemap-{place + 1}.xml" for place in range(len(lists))]
        return _xml("sitemapindex", "sitemap", addresses)
    if number is not None and not 1 <= number <= len(lists):
        raise NotFound(f"There is no sitemap {number}.")
    start = lists[(number or 1) - 1]
    return _xml("urlset", "url", [root + quote(path) for path in ordered[start : start + SITEMAP_SIZE]])


def _xml(outer: str, inner: str, addresses: list[str]) -> Response:
    entries = "".join(f"<{inner}><loc>{escape(address)}</loc></{inner}>\n" for address in addresses)
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<{outer} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{entries}</{outer}>\n'
    )
    # The addresses are those of the host that was asked, so nobody may keep this for another.
    return Response(text, media_type="application/xml", headers={"Vary": "Host", "Cache-Control": "no-cache"})


async def robots(request: Request) -> Response:
    """Everything may be read; the query endpoint is for people and programs that have a question."""
    text = f"User-agent: *\nDisallow: /sparql\nAllow: /\n\nSitemap: {request.base_url}sitemap.xml\n"
    return Response(text, media_type="text/plain; charset=utf-8", headers={"Vary": "Host"})
