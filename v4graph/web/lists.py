"""``/clusters``, ``/projects`` and the other collections: narrowed, sorted, counted, a page at a time, in six formats.

What is asked for stands in the address alone. A page after the first is asked for by a cursor that belongs to an
edition of the collection: it answers as long as this server holds that edition, whatever is published meanwhile, and
410 with the way to start anew afterwards. Formats that are files (CSV, XLSX, GeoJSON) hold the whole selection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pyoxigraph as ox
from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from v4graph import portal
from v4graph.collections import COLLECTIONS, Collection
from v4graph.errors import Gone, UnknownParameter
from v4graph.features import GEOJSON
from v4graph.listing import HYDRA, Shaper, columns, local, row
from v4graph.rdf import CSV, JSON_LD, TURTLE, Format, rdf_format
from v4graph.selections import Asked, Cursor, Listed, Selection, Shelf
from v4graph.web import list_page
from v4graph.web.list_page import address_of, whole
from v4graph.web.negotiation import HTML, Choice, negotiate, not_acceptable
from v4graph.web.replies import alternates, links_of, number, reply
from v4graph.web.shelves import Choices, Shelves
from v4graph.web.telling import Links
from v4graph.web.words import FALLBACK, ordered
from v4graph.workbooks import csv_bytes, xlsx_bytes

XLSX = Format("xlsx", ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",), "", "XLSX")
FORMATS = (HTML, JSON_LD, GEOJSON, CSV, XLSX, TURTLE)
LIMITS = {"html": (50, 200), "jsonld": (100, 1000), "ttl": (100, 1000)}
"""How many members an answer has, and how many it may have; files hold everything up to ``WHOLE``."""
WHOLE = 10_000
LONGEST = 200
_MOST = 50
"""Values of one filter."""
YEARS = (1000, 2999)


def add_routes(app: FastAPI) -> None:
    """Add the collections, each by itself and with the ending of each format."""
    app.state.shelves = Shelves()
    for collection in COLLECTIONS.values():
        app.router.routes.append(Route(f"/{collection.name}", partial(answer, collection=collection)))
        for fmt in formats_of(collection)[1:]:
            path = f"/{collection.name}.{fmt.ending}"
            app.router.routes.append(Route(path, partial(answer, collection=collection, fixed=fmt)))


def formats_of(collection: Collection) -> tuple[Format, ...]:
    """The formats a collection has: GeoJSON only where things have a place."""
    return tuple(fmt for fmt in FORMATS if fmt is not GEOJSON or collection.has_places)


async def answer(request: Request, collection: Collection, fixed: Format | None = None) -> ASGIApp:
    """A page of a collection, in the format asked for by ending or ``Accept``."""
    state: State = request.app.state
    offered = formats_of(collection)
    choice = Choice(fixed, fixed.media_type) if fixed else negotiate(request.headers.get("accept", ""), offered)
    if choice is None:
        raise not_acceptable(offered)
    links, languages = links_of(request)
    fmt = choice.format
    language = links.spoken if fmt is HTML else links.language or FALLBACK
    usual, most = LIMITS.get("html" if fmt is HTML else fmt.ending, (WHOLE, WHOLE))
    limit = number(request, "limit", usual, most)
    with state.limits.admit(request.scope):
        shelf = await state.shelves.of(state, collection)
        text = request.query_params.get("cursor")
        cursor = Cursor.parse(text) if text else None
        if cursor is not None and cursor.edition != shelf.content.edition:
            shelf = _older(state, collection, cursor, request)
        asked = asked_of(request, shelf, await state.shelves.choices(state))
        make = partial(shelf.select, asked, language, partial(ordered, language=language))
        selection = await _in_thread(shelf, make)
    if cursor is not None and cursor.selection != asked.digest(language):
        sentence = "cursor belongs to other filters, another order or language. Leave it out to start anew."
        raise UnknownParameter(sentence, parameter="cursor")
    listed = Listed(shelf, asked, selection, cursor.offset if cursor else 0, limit, language)
    stem = f"{collection.name}.{fmt.ending}" if fixed else collection.name
    others = parameters(request)
    linked = [
        *(f'<{address_of(stem, others, c)}>; rel="{relation}"' for relation, c in listed.turns().items()),
        *alternates({address_of(f"{collection.name}.{f.ending}", whole(others)): f for f in offered[1:]}),
    ]
    content = [
        collection.name,
        shelf.content.edition,
        asked.digest(language),
        listed.offset,
        limit,
        str(request.url.query),
    ]
    content.append(links if fmt is HTML else links.kept)
    location = None
    if fmt is HTML:
        body = partial(list_page.page, listed, links, languages, others, offered[1:])
        content += [languages]
    else:
        body = partial(rendered, listed, fmt, links, others)
        if fixed is None:
            location = address_of(f"{collection.name}.{fmt.ending}", others, text)
    fresh = state.shelves.is_present(state, collection)
    return await reply(request, choice, content, body, links=linked, location=location, fresh=fresh)


async def _in_thread(shelf: Shelf, make: Callable[[], Selection]) -> Selection:
    if shelf.size < 2000:
        return make()
    return await asyncio.to_thread(make)


def _older(state: State, collection: Collection, cursor: Cursor, request: Request) -> Shelf:
    shelf: Shelf | None = state.shelves.edition(collection, cursor.edition)
    if shelf is None:
        start = address_of(request.url.path.rpartition("/")[2], parameters(request))
        raise Gone(
            "The list has changed since this page was linked, and the edition you were reading is not held any more. "
            f"Start anew at {start}.",
            headers={"Link": f'<{start}>; rel="first"'},
            parameter="cursor",
            start=start,
        )
    return shelf


# --- what is asked for --------------------------------------------------------------------------------------------


def parameters_of(collection: Collection) -> tuple[str, ...]:
    """The names of the parameters of a collection."""
    years = ("from", "to") if collection.period else ()
    return (*collection.filters, *years, "q", "sort", "limit", "cursor", "lang")


def parameters(request: Request) -> list[tuple[str, str]]:
    """What the address asks for, without the cursor."""
    return [(n, v) for n, v in request.query_params.multi_items() if n != "cursor" and v]


def asked_of(request: Request, shelf: Shelf, choices: Choices) -> Asked:
    """What the parameters ask for.

    Raises:
        UnknownParameter: a parameter or its value does not exist; it says which do.
    """
    collection = shelf.content.collection
    allowed = parameters_of(collection)
    for name in request.query_params:
        if name not in allowed:
            sentence = f"{collection.name} has no parameter {name[:60]}. It has: {', '.join(allowed)}."
            raise UnknownParameter(sentence, parameter=name[:60], allowed=list(allowed))
    text = request.query_params.get("q", "")
    if len(text) > LONGEST:
        raise UnknownParameter(f"q has {len(text)} characters; search for at most {LONGEST}.", parameter="q")
    sort = request.query_params.get("sort") or collection.sorts[0]
    if sort.removeprefix("-") not in collection.sorts:
        orders = [order for name in collection.sorts for order in (name, f"-{name}")]
        sentence = f"sort is one of {', '.join(orders)}."
        raise UnknownParameter(sentence, parameter="sort", allowed=orders)
    filters = {}
    for name in collection.filters:
        given = [value for value in request.query_params.getlist(name) if value]
        if len(given) > _MOST:
            raise UnknownParameter(f"{name} takes up to {_MOST} values.", parameter=name)
        if given:
            filters[name] = tuple(
                dict.fromkeys(v for value in given for v in _values(name, value, shelf, choices.get(name, {})))
            )
    return Asked(filters, (_year(request, "from"), _year(request, "to")), text, sort)


def _values(name: str, given: str, shelf: Shelf, choices: Mapping[str, str]) -> list[str]:
    """The IRIs of a value of a filter: given whole, or by the end of it; that nobody has it is no mistake."""
    if "://" in given:
        return [given]
    known = list(shelf.values(name))
    short = given.strip().lower()
    found = [iri for iri in known if local(iri).lower() == short]
    if not found and short in choices:
        return [choices[short]]
    if not found:
        allowed = sorted({local(iri) for iri in known})
        some = ", ".join(allowed[:30]) + (f" and {len(allowed) - 30} more" if len(allowed) > 30 else "")
        sentence = f"{name} knows no {given[:60]!r}. It is an IRI, or the end of one: {some or 'there are none yet'}."
        raise UnknownParameter(sentence, parameter=name, allowed=allowed[:1000])
    return found


def _year(request: Request, name: str) -> int | None:
    value = request.query_params.get(name)
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and len(value) == 4 and YEARS[0] <= int(value) <= YEARS[1]):
        raise UnknownParameter(f"{name} is a year of four digits, {YEARS[0]} to {YEARS[1]}.", parameter=name)
    return int(value)


# --- formats ------------------------------------------------------------------------------------------------------


def rendered(listed: Listed, fmt: Format, links: Links, others: list[tuple[str, str]]) -> bytes:
    """The page in a format for programs."""
    content, members = listed.shelf.content, listed.members
    if fmt in (CSV, XLSX):
        rows = [row(member, content, listed.language) for member in members]
        names = [name for name, _ in columns(listed.collection)]
        if fmt is CSV:
            return csv_bytes(names, rows)
        labels = list_page.labels(listed.collection, listed.language)
        return xlsx_bytes(list_page.titles(listed.language)[listed.collection.name], labels, rows)
    shaper = Shaper(content, links.iris)
    if fmt is GEOJSON:
        features = [shaper.feature(member) for member in members]
        return portal.rendered(
            {"type": "FeatureCollection", "numberMatched": listed.selection.total, "features": features}
        )
    if fmt is JSON_LD:
        return portal.rendered(_hydra(listed, shaper, links, others))
    used = {"v4", "skos", "schema", "dcterms", "org", "xsd", "rdf"}
    spaces = {name: space for name, space in shaper.spaces.items() if name in used}
    body = ox.serialize(shaper.triples(members), format=rdf_format(TURTLE), prefixes=spaces)
    assert body is not None
    return body


def _hydra(listed: Listed, shaper: Shaper, links: Links, others: list[tuple[str, str]]) -> dict[str, Any]:
    """The page as a Hydra collection (https://www.hydra-cg.com/spec/latest/core/#collections)."""
    stem = f"{listed.collection.name}.jsonld"
    here = listed.cursor(listed.offset) if listed.offset else None
    view: dict[str, Any] = {"id": links.beside(address_of(stem, others, here)), "type": ["hydra:PartialCollectionView"]}
    for relation, cursor in listed.turns().items():
        name = {"prev": "previous"}.get(relation, relation)
        view[f"hydra:{name}"] = links.beside(address_of(stem, others, cursor))
    return {
        "@context": [links.iris.context, HYDRA],
        "id": links.iris.base + address_of(listed.collection.name, whole(others)),
        "type": ["hydra:Collection"],
        "hydra:totalItems": listed.selection.total,
        "hydra:view": view,
        "hydra:member": [shaper.node(member) for member in listed.members],
    }
