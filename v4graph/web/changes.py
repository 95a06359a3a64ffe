"""``/changes``: what changed since, for machines that keep a copy (LDES/TREE) and for feed readers (Atom)."""

from __future__ import annotations

from functools import partial
from typing import Any

import pyoxigraph as ox
from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from v4graph import changes, rdf
from v4graph.changes import Entrance, Page
from v4graph.differences import Difference
from v4graph.iris import Iris
from v4graph.ledger import Entry, Ledger
from v4graph.namespaces import prefixes
from v4graph.rdf import RDF_FORMATS, Format
from v4graph.web import pages
from v4graph.web.actors import in_ledger
from v4graph.web.names import names_for
from v4graph.web.negotiation import HTML, Choice
from v4graph.web.numbers import NUMBER
from v4graph.web.replies import alternates, links_of, reply
from v4graph.web.revisions import FOREVER, chosen, formats_of

ATOM = Format("atom", ("application/atom+xml", "application/xml"), "", "Atom")
_FORMATS = (*RDF_FORMATS, HTML)
_LATEST = 50
"""Entries of the Atom feed."""
_FEED = '<changes.atom>; rel="alternate"; type="application/atom+xml"'


def add_routes(app: FastAPI) -> None:
    """Add the feed."""
    if app.state.scratch is None:
        app.router.routes += [
            Route("/changes", entrance),
            Route("/changes.atom", atom),
            Route(f"/changes/{{number:{NUMBER}}}", page),
        ]


async def entrance(request: Request) -> ASGIApp:
    """The entrance of the stream, or the latest changes as a page."""
    state: State = request.app.state
    choice = chosen(request, _FORMATS)
    found: Entrance = await in_ledger(state, changes.read_entrance)
    links = [*alternates(formats_of(request, RDF_FORMATS)), _FEED]
    if choice.format is HTML:
        return await _page(request, choice, await in_ledger(state, _latest), links, entrance=found)
    make = partial(_rendered, changes.entrance_triples(found, state.iris), choice.format, state.iris)
    return await reply(request, choice, ["changes", found], make, links=links)


async def page(request: Request) -> ASGIApp:
    """One page of the stream; it never changes once it is full."""
    state: State = request.app.state
    wanted: int = request.path_params["number"]
    choice = chosen(request, _FORMATS)
    found: Page = await in_ledger(state, lambda ledger: changes.read_page(ledger, wanted))
    links = alternates(formats_of(request, RDF_FORMATS))
    links += [f'<{wanted - 1}>; rel="prev"'] if wanted > 1 else []
    links += [f'<{wanted + 1}>; rel="next"'] if found.full else []
    if choice.format is HTML:
        return await _page(request, choice, found, links)
    tag = ["changes", wanted, found.ends, [entry.hash for entry in found.entries]]
    make = partial(_rendered_page, found, choice.format, state.iris)
    cache = FOREVER if found.full else "no-cache"
    return await reply(request, choice, tag, make, links=links, vary="Accept, Accept-Encoding", cache=cache)


async def atom(request: Request) -> ASGIApp:
    """The latest changes for feed readers."""
    state: State = request.app.state
    found: list[Entry] = await in_ledger(state, lambda ledger: changes.newest(ledger, _LATEST))
    sizes = await in_ledger(state, partial(_sizes, entries=found))
    names = await _names(state, found, ("en",))
    make = partial(changes.atom, found, state.iris, names, sizes)
    choice = Choice(ATOM, ATOM.media_type)
    return await reply(request, choice, ["atom", [e.hash for e in found], names], make, vary="Accept-Encoding")


async def _page(
    request: Request, choice: Choice, found: Page, links: list[str], *, entrance: Entrance | None = None
) -> ASGIApp:
    state: State = request.app.state
    page_links, languages = links_of(request)
    sizes = await in_ledger(state, partial(_sizes, entries=list(found.entries)))
    names = await _names(state, found.entries, languages)
    values: dict[str, Any] = {
        "rows": [_row(entry, names, sizes) for entry in reversed(found.entries)],
        "page": found,
        "state": entrance.state if entrance else None,
        "formats": formats_of(request, RDF_FORMATS),
    }
    make = partial(pages.render, "changes.html", page_links, **values)
    return await reply(request, choice, ["changes", page_links, values], make, links=links, repeats=True)


def _latest(ledger: Ledger) -> Page:
    """The last page that says anything in public."""
    last = changes.newest(ledger, 1)
    return changes.read_page(ledger, changes.page_of(last[0].number) if last else 1)


def _sizes(ledger: Ledger, *, entries: list[Entry]) -> dict[str, int]:
    return ledger.triples(entry.detail.get(key, "") for entry in entries for key in ("added", "removed"))


async def _names(state: State, entries: list[Entry] | tuple[Entry, ...], languages: tuple[str, ...]) -> dict[str, str]:
    graphs = {entry.source: state.iris.graph(entry.source) for entry in entries}
    names = await names_for(state, Difference((), ()), languages, more=set(graphs.values()))
    return {source: names.label(graph) or source for source, graph in graphs.items()}


def _row(entry: Entry, names: dict[str, str], sizes: dict[str, int]) -> dict[str, Any]:
    return {
        "entry": entry,
        "name": names.get(entry.source, entry.source),
        "added": sizes.get(entry.detail.get("added", "")),
        "removed": sizes.get(entry.detail.get("removed", "")),
    }


def _rendered_page(found: Page, fmt: Format, iris: Iris) -> bytes:
    return _rendered(changes.page_triples(found, iris), fmt, iris)


def _rendered(triples: list[ox.Triple], fmt: Format, iris: Iris) -> bytes:
    known = {**changes.PREFIXES, "v4": iris.term(""), "xsd": prefixes(iris)["xsd"]}
    body = ox.serialize(triples, format=rdf.rdf_format(fmt), prefixes=known)
    assert body is not None  # it is, when no output is given
    return body
