"""Every IRI below the base answers: ``/id/...`` by 303, pages and RDF by ``Accept`` or by file ending.

Cool URIs (https://www.w3.org/TR/cooluris/ §4.2): what is asked for is a thing, what is sent is a document about it.
A document's strong entity tag is the hash of its content, so that a portal gets 304 although something else was
published in the meantime.
"""

from __future__ import annotations

import csv
import io
from collections import OrderedDict
from functools import partial
from http import HTTPStatus
from urllib.parse import quote

import pyoxigraph as ox
from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from v4graph import errors, features, portal, rdf
from v4graph.entities import describe, select
from v4graph.errors import Gone, NotFound, UnknownEntity, V4GraphError
from v4graph.iris import Iris
from v4graph.namespaces import prefixes
from v4graph.queries import bind, load_query, paged
from v4graph.rdf import CSV, JSON_LD, N_QUADS, N_TRIPLES, RDF_XML, TRIG, TURTLE, Format
from v4graph.statements import DCTERMS, LARGEST_PAGE, OWL, PAGE, RDFS, SKOS, TYPE, Document
from v4graph.web import collections, departed, home, pages
from v4graph.web.built import Built
from v4graph.web.concepts import schemes, tree
from v4graph.web.delivery import present_snapshot
from v4graph.web.mementos import original_links
from v4graph.web.negotiation import HTML, Choice, negotiate, not_acceptable
from v4graph.web.replies import alternates, links_of, number, path_of, redirect, reply
from v4graph.web.sights import Sights
from v4graph.web.telling import Links, Value, page_path, preferred_languages

FORMATS = (HTML, TURTLE, JSON_LD, N_TRIPLES, RDF_XML, TRIG, N_QUADS, CSV, features.GEOJSON)
_BY_ENDING = {fmt.ending: fmt for fmt in FORMATS}
_OWN = frozenset({"ontology", "scheme", "graph", "prefixes", ".well-known", "context", "problems", "shapes"})
"""First segments of paths that are their IRI's own; the page of ``id/x/y`` stands at ``x/y``."""
_KEPT_DOCUMENTS = 256
_WHOLE = 1000
"""The vocabulary is one document: all its terms are on its first page."""
_FOREVER = "public, max-age=31536000, immutable"


def add_routes(app: FastAPI) -> None:
    """Put pages and documents into an application; last, for the final route takes every path that is left."""
    app.state.documents = Documents()
    app.state.sights = Sights()
    routes = app.router.routes
    routes.append(Mount("/static", Built()))
    routes.append(Route("/favicon.ico", icon))
    routes.append(Route("/context/v1.jsonld", context))
    routes.append(Route("/problems/{slug}", problem))
    home.add_routes(app)
    collections.add_routes(app)
    routes.append(Route("/{path:path}", answer))


class Documents:
    """Documents of the present snapshot, the least recently used leaving first."""

    def __init__(self) -> None:
        """Start with none."""
        self._token = ""
        self._kept: OrderedDict[tuple[str, int, int], Document] = OrderedDict()

    async def of(self, state: State, iri: str, page: int = 1, size: int = PAGE) -> Document:
        """The document about an IRI."""
        token = present_snapshot(state).token
        if token != self._token:
            self._token = token
            self._kept.clear()
        key = (iri, page, size)
        document = self._kept.get(key)
        if document is None:
            seconds = state.settings.query_seconds
            document = await describe(state.sandbox, iri, state.iris, seconds, page=page, size=size)
            if document.token == self._token:
                self._kept[key] = document
                if len(self._kept) > _KEPT_DOCUMENTS:
                    self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return document


# --- which thing, and in which form -------------------------------------------------------------------------------


def iri_at(path: str, iris: Iris) -> str:
    """The IRI a path is about."""
    first = path.split("/")[0]
    return f"{iris.base}{path}" if first in _OWN or first == "id" else f"{iris.base}id/{path}"


def _split(path: str) -> tuple[str, Format | None]:
    stem, dot, ending = path.rpartition(".")
    return (stem, _BY_ENDING[ending]) if dot and stem and ending in _BY_ENDING and "/" not in ending else (path, None)


async def answer(request: Request) -> ASGIApp:
    """Whatever stands at a path that no other route knows."""
    path = path_of(request)
    if path != path.rstrip("/"):
        raise NotFound(f"Nothing is published at /{path}. Without the slash at its end there may be.")
    stem, fixed = _split(path)
    iris: Iris = request.app.state.iris
    try:
        if path.startswith("id/"):
            return await _see_other(request, path, iris)
        return await page_of(request, iri_at(stem, iris), fixed)
    except Gone as gone:
        return departed.answer(request, gone, fixed)


async def _see_other(request: Request, path: str, iris: Iris) -> ASGIApp:
    document = await _document(request, f"{iris.base}{path}")
    moved = await _fate(request, document)
    if moved is not None:
        return redirect(request, HTTPStatus.MOVED_PERMANENTLY, moved)
    choice = _chosen(request, _offered(document, iris))
    target = page_path(path) + ("" if choice.format is HTML else f".{choice.format.ending}")
    return redirect(request, HTTPStatus.SEE_OTHER, target)


async def _document(request: Request, iri: str) -> Document:
    state: State = request.app.state
    page = number(request, "page", 1, 10_000_000)
    is_vocabulary = iri == state.iris.ontology
    size = number(request, "size", _WHOLE if is_vocabulary else PAGE, LARGEST_PAGE)
    with state.limits.admit(request.scope):
        try:
            document: Document = await state.documents.of(state, iri, page, size)
        except UnknownEntity:
            if page > 1 or iri not in await state.catalogue.names(state):
                await departed.refuse_if_departed(state, iri)
                raise
            return Document.nothing(iri, present_snapshot(state).token)  # a graph nobody described
        versions = [s.subject for s in document.referring.statements if s.property == f"{OWL}versionIRI"]
        if versions and iri.startswith(f"{versions[0]}/"):  # the version there is: the vocabulary itself
            document = await state.documents.of(state, versions[0], page, _WHOLE)
    return document


async def _fate(request: Request, document: Document) -> str | None:
    """Where a merged thing went, as a path; raises Gone when it was withdrawn."""
    state: State = request.app.state
    iri = document.iri
    iris: Iris = state.iris
    if not document.about and not document.unresolved:
        await departed.refuse_if_departed(state, iri)
    deprecated = [s for s in document.about if s.property == f"{OWL}deprecated" and s.object.value == "true"]
    if not deprecated:
        return None
    successor = document.value_of(iri, f"{DCTERMS}isReplacedBy")
    below = iris.path(successor) if successor else None
    if below is not None and successor != iri:
        return below
    if not iri.startswith(f"{iris.base}id/"):
        return None  # a term or concept out of use is still described
    languages = preferred_languages(request.headers.get("accept-language", ""))
    name = document.name(iri, languages)
    notes = document.values(iri, f"{SKOS}changeNote", f"{SKOS}historyNote", f"{RDFS}comment", f"{DCTERMS}description")
    by_language = {getattr(note, "language", None): note.value for note in reversed(notes)}
    why = next((by_language[x] for x in (*languages, *by_language) if x in by_language), None)
    by = next(iter(deprecated[0].sources), "")
    raise await departed.withdrawn(state, iri, name.value if name else iri, why, successor, by)


def _offered(document: Document, iris: Iris) -> tuple[Format, ...]:
    located = features.feature(document, iris) is not None
    return FORMATS if located else FORMATS[:-1]


def _chosen(request: Request, offered: tuple[Format, ...]) -> Choice:
    choice = negotiate(request.headers.get("accept", ""), offered)
    if choice is None:
        asked_for_map = negotiate(request.headers.get("accept", ""), (features.GEOJSON,)) is not None
        raise not_acceptable(offered, "This has no coordinates, so it is not on the map." if asked_for_map else "")
    return choice


async def page_of(request: Request, iri: str, fixed: Format | None = None) -> ASGIApp:
    """The document about an IRI, in the format of the file ending or else the best the client accepts."""
    state: State = request.app.state
    iris: Iris = state.iris
    document = await _document(request, iri)
    ending = f".{fixed.ending}" if fixed else ""
    moved = await _fate(request, document)
    if moved is not None:
        return redirect(request, HTTPStatus.MOVED_PERMANENTLY, page_path(moved) + ending)
    offered = _offered(document, iris)
    if fixed is not None and fixed not in offered:
        raise NotFound("This has no coordinates, so there is no GeoJSON of it.", iri=iri)
    choice = Choice(fixed, fixed.media_type) if fixed else _chosen(request, offered)
    below = page_path(iris.path(document.iri) or "")
    last = below.rpartition("/")[2]
    is_graph = document.iri.startswith(f"{iris.base}graph/")
    addresses = {
        (f"{last}?format={f.ending}" if is_graph else f"{last}.{f.ending}"): f
        for f in offered
        if f is not HTML and not (is_graph and f in (CSV, features.GEOJSON))
    }
    links = [f'<{document.iri}>; rel="canonical"', *alternates(addresses)]
    if state.moments is not None:
        links += original_links(path_of(request))
    if choice.format is not HTML:
        links.append(f'<{quote(last)}>; rel="alternate"; type="text/html"')
    links.append(f'<{quote(last)}>; rel="describedby"; anchor="{document.iri}"')
    referring = document.referring
    for relation, there, page in (("prev", referring.page > 1, -1), ("next", referring.more, 1)):
        if there:
            links.append(f'<?page={referring.page + page}&size={referring.size}>; rel="{relation}"')
    content: list[object] = [document.digest]
    if choice.format is HTML:
        told, languages = links_of(request)
        said = await _said(state, document, told, languages) if is_graph else None
        types = {v.value for v in document.values(document.iri, TYPE)}
        is_scheme = f"{SKOS}ConceptScheme" in types
        asked = request.query_params.get("q", "").strip() if is_scheme or f"{OWL}Ontology" in types else None
        branches = await tree(state, document.iri, told, languages, asked or "") if is_scheme else ()
        listed = await schemes(state, told, languages) if document.iri == iris.ontology else ()
        around = await state.sights.of(state, document)
        content += [told, languages, said, branches, asked, listed, around.document.digest]
        make = partial(
            pages.entity_page, around, told, languages, addresses, said=said, tree=branches, asked=asked,
            schemes=listed,
        )  # fmt: skip
    else:
        make = partial(_rendered, document, choice.format, iris)
    location = (
        f"{last}.{choice.format.ending}" if fixed is None and choice.format is not HTML and not is_graph else None
    )
    return await reply(request, choice, content, make, links=links, location=location)


async def _said(state: State, source: Document, links: Links, languages: tuple[str, ...]) -> tuple[list[Value], bool]:
    """The first things a source speaks of, by name."""
    query = bind(load_query("platform/list-subjects", state.iris), graph=rdf.iri_text(source.iri))
    rows = await select(state.sandbox, paged(query, PAGE + 1, 0), state.settings.query_seconds)
    subjects = sorted({row["subject"].value for row in rows[:PAGE]})
    if not subjects:
        return [], False
    query = bind(load_query("platform/describe-mentioned", state.iris), mentioned=[rdf.iri_text(x) for x in subjects])
    names = collections.names_of(await select(state.sandbox, query, state.settings.query_seconds))
    values = [
        Value(pages.name_of(iri, names[iri], languages, state.iris), links.of(iri)) for iri in subjects if iri in names
    ]
    return sorted(values, key=lambda v: v.text.text.casefold()), len(rows) > PAGE


# --- renderings ---------------------------------------------------------------------------------------------------


def _rendered(document: Document, fmt: Format, iris: Iris) -> bytes:
    if fmt is JSON_LD:
        return portal.rendered(portal.framed(document, iris))
    if fmt is CSV:
        return as_csv(document, iris)
    if fmt is features.GEOJSON:
        return portal.rendered(features.feature(document, iris))
    found = document.quads(iris) if fmt in rdf.DATASET_FORMATS else document.triples(iris)
    return as_rdf(found, fmt, iris)


def as_rdf(found: list[ox.Triple] | list[ox.Quad], fmt: Format, iris: Iris) -> bytes:
    """Triples or quads in an RDF format, with the prefixes that are used."""
    spaces = {
        term.value[: max(term.value.rfind("#"), term.value.rfind("/")) + 1]
        for statement in found
        for term in (
            statement.subject,
            statement.predicate,
            statement.object,
            getattr(statement.object, "datatype", None),
        )
        if isinstance(term, ox.NamedNode)
    }
    used = {name: space for name, space in prefixes(iris).items() if space in spaces}
    body = ox.serialize(found, format=rdf.rdf_format(fmt), prefixes=used)
    assert body is not None
    return body


def as_csv(document: Document, iris: Iris) -> bytes:
    """What is said about the thing, a row per statement (RFC 4180)."""
    text = io.StringIO()
    write = csv.writer(text).writerow
    write(["property", "property_name", "value", "value_name", "language", "datatype", "sources"])
    for s in document.about:
        name, value_name = document.name(s.property, ("en",)), document.name(s.object.value, ("en",))
        is_text = isinstance(s.object, ox.Literal)
        write(
            [
                s.property,
                name.value if name else "",
                s.object.value,
                value_name.value if value_name and not is_text else "",
                (s.object.language or "") if isinstance(s.object, ox.Literal) else "",
                s.object.datatype.value if isinstance(s.object, ox.Literal) and not s.object.language else "",
                " ".join([*s.sources, *([iris.derived] if s.derived else [])]),
            ]
        )
    return text.getvalue().encode()


# --- beside the things --------------------------------------------------------------------------------------------


async def context(request: Request) -> Response:
    """The JSON-LD context: never changes under its name."""
    body = portal.context_bytes(request.app.state.iris)
    return Response(body, media_type=JSON_LD.media_type, headers={"Cache-Control": _FOREVER})


async def icon(request: Request) -> Response:
    """Browsers ask for this name whatever the page says."""
    return RedirectResponse("static/icon.svg", HTTPStatus.PERMANENT_REDIRECT)


def _classes(error: type[V4GraphError]) -> list[type[V4GraphError]]:
    return [error, *(deeper for below in error.__subclasses__() for deeper in _classes(below))]


async def problem(request: Request) -> ASGIApp:
    """What a class of errors means: the page its ``type`` leads to (RFC 9457 §3.1.1)."""
    slug = request.path_params["slug"]
    error = next((e for e in _classes(errors.V4GraphError) if e.slug == slug), None)
    if error is None:
        raise NotFound(f"There is no problem called {slug}.")
    links, _ = links_of(request)
    meaning = (error.__doc__ or "").split("\n")[0].replace("``", "")
    told = {"status": error.status, "title": error.title, "detail": meaning}
    make = partial(pages.problem_page, told, links)
    return await reply(request, Choice(HTML, HTML.media_type), [slug, links], make)
