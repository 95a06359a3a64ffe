"""``/blame``: who says a statement or whatever is said about a thing, since when, in which contribution."""

from __future__ import annotations

from functools import partial
from typing import Any

import pyoxigraph as ox
from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from v4graph import differences, rdf
from v4graph.blame import Publication, Said, blame
from v4graph.differences import Difference, Names
from v4graph.entities import select
from v4graph.errors import UnknownEntity, UnknownParameter
from v4graph.iris import Iris
from v4graph.ledger import Ledger
from v4graph.provenance import revision_iri
from v4graph.queries import bind, load_query
from v4graph.web import pages
from v4graph.web.actors import in_ledger
from v4graph.web.departed import departures_of
from v4graph.web.names import names_for
from v4graph.web.negotiation import HTML
from v4graph.web.replies import alternates, links_of, reply
from v4graph.web.revisions import JSON, as_json, chosen, formats_of
from v4graph.web.telling import Links


def add_routes(app: FastAPI) -> None:
    """Add the address."""
    if app.state.scratch is None:
        app.router.routes.append(Route("/blame", answer))


async def answer(request: Request) -> ASGIApp:
    """Every statement about a thing with the publication that brought it; ``former``: those that went, too."""
    state: State = request.app.state
    choice = chosen(request, (JSON, HTML))
    iri, property_, value = (_iri(request, "iri"), _iri(request, "property"), request.query_params.get("value"))
    former = request.query_params.get("former", "") not in ("", "0", "false")
    if iri is None:
        raise UnknownParameter("Say of which thing: /blame?iri= and its IRI.", parameter="iri")
    sources = await _sources(state, iri, former=former)

    def work(ledger: Ledger) -> list[Said]:
        return blame(ledger, sources, iri, property=property_, value=value, former=former)

    with state.limits.admit(request.scope):
        found: list[Said] = await in_ledger(state, work)
    if not found:
        hint = "" if former else " Ask with former=1 whether one did."
        raise UnknownEntity(f"No source says this of {iri}.{hint}", iri=iri)
    page_links, languages = links_of(request)
    lines = tuple(sorted({said.line for said in found}))
    names = await names_for(state, Difference(lines, ()), languages, more={_graph(said, state.iris) for said in found})
    links = alternates(formats_of(request, (JSON, HTML)))
    content = ["blame", iri, found, names.labels, languages]
    if choice.format is JSON:
        make = partial(_as_json, iri, found, names)
        return await reply(request, choice, content, make, links=links)
    values: dict[str, Any] = {
        "title": names.of(iri),
        "iri": iri,
        "href": page_links.of(iri),
        "rows": [_row(said, names, page_links) for said in found],
        "narrowed": property_ is not None or value is not None,
        "former": former,
    }
    make = partial(pages.render, "blame.html", page_links, **values)
    return await reply(request, choice, [*content, page_links, values], make, links=links, repeats=True)


def _iri(request: Request, name: str) -> str | None:
    value = request.query_params.get(name)
    if not value:
        return None
    try:
        return rdf.iri_text(value)[1:-1]
    except ValueError:
        raise UnknownParameter(f"{name} is an IRI; “{value}” is none.", parameter=name) from None


async def _sources(state: State, iri: str, *, former: bool) -> list[str]:
    """The sources to look into: those that speak of the thing, and (``former``) those that once did."""
    iris: Iris = state.iris
    query = bind(load_query("platform/describe", iris), subject=rdf.iri_text(iri))
    rows = await select(state.sandbox, query, state.settings.query_seconds)
    own = {iris.provenance, iris.disagreements, iris.derived}
    graphs = {row["graph"].value for row in rows if "graph" in row} - own
    took: list[str] = []
    if former:
        took = await in_ledger(state, lambda ledger: departures_of(state).sources(ledger, iri))
    return sorted({*took, *map(iris.source, graphs)})


def _graph(said: Said, iris: Iris) -> str:
    return iris.graph(said.by.source)


def _as_json(iri: str, found: list[Said], names: Names) -> bytes:
    def told(by: Publication) -> dict[str, Any]:
        return {
            "source": names.iris.graph(by.source),
            "revision": revision_iri(by.source, by.revision, names.iris),
            "time": by.time,
            "actor": by.actor,
            "contribution": by.contribution,
            "mode": by.mode,
            "note": by.note,
            "reviewer": by.reviewer,
            "checkedWith": by.checked_with,
        }

    statements = []
    for said in found:
        _, property_, value = rdf.split_line(said.line)
        statements.append(
            {
                "property": property_[1:-1],
                "propertyName": names.of(property_[1:-1]),
                "value": differences.json_value(value, names),
                "said": told(said.by),
                "removed": told(said.removed) if said.removed else None,
            }
        )
    return as_json({"iri": iri, "name": names.of(iri), "statements": statements})


def _row(said: Said, names: Names, links: Links) -> dict[str, Any]:
    _, property_, value = rdf.split_line(said.line)
    term = next(rdf.parse_lines([said.line])).object
    return {
        "property": names.of(property_[1:-1]),
        "value": differences.shown(value, names),
        "href": links.of(term.value) if isinstance(term, ox.NamedNode) else None,
        "source": names.of(names.iris.graph(said.by.source)),
        "by": said.by,
        "removed": said.removed,
    }
