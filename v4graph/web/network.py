"""``/network``: organisations linked by projects or cooperation, as a page, GraphML, CSV, JSON and a drawing.

Parameters, the same for every form: ``country sector project`` (the last part of an IRI or the IRI itself, several
times for any of them), ``kind`` (``project`` or ``cooperation``), ``least`` shared projects, ``near`` an organisation
with ``depth`` 1 or 2, ``colour`` by ``country`` or ``sector``.

The JSON has ``total`` (organisations that fit), ``shown``, ``nodes`` (``id page name language country sector
degree strength x y``) and ``links`` (``source target weight projects kinds``; source and target are IRIs).
"""

from __future__ import annotations

import csv
import io
import json
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape as plain
from xml.sax.saxutils import quoteattr

import anyio.to_thread
from fastapi import FastAPI
from starlette.datastructures import QueryParams, State
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from v4graph.atlas import slug
from v4graph.errors import UnknownParameter
from v4graph.network import FACETS, KINDS, MOST, Asked, Layout, Link, Network, View, laid_out
from v4graph.rdf import CSV, Format
from v4graph.web import collections, pages
from v4graph.web.choosing import chosen, one, options
from v4graph.web.delivery import present_snapshot
from v4graph.web.latest import Latest, read
from v4graph.web.negotiation import HTML
from v4graph.web.replies import alternates, form_of, number, reply
from v4graph.web.scenes import Scene, drawn, picture
from v4graph.web.telling import Links, Text
from v4graph.web.words import sort_key

PATH = "/network"
GRAPHML = Format("graphml", ("application/graphml+xml",), "", "GraphML")
JSON = Format("json", ("application/json",), "", "JSON")
SVG = Format("svg", ("image/svg+xml",), "", "SVG")
FORMATS = (HTML, GRAPHML, CSV, JSON, SVG)
COLOURED = ("country", "sector")
_FRESH = "public, max-age=60, stale-while-revalidate=600"
_NOBODY = "Nothing in the network has the {facet} “{value}”."
_KEPT = 64


class Networks:
    """The network of the present snapshot, and what was looked at; the least recently used leaves first."""

    def __init__(self) -> None:
        """Start with none."""
        self.latest = Latest(_network)
        self._network = Network(())
        self._looks: OrderedDict[str, tuple[View, Layout]] = OrderedDict()
        self.acronyms: dict[str, str] = {}
        self.names: collections.Names = {}

    async def of(self, state: State) -> Network:
        """All organisations and links."""
        network, self.names, self.acronyms = await self.latest.of(state)
        if network is not self._network:
            self._network = network
            self._looks.clear()
        return network

    async def look(self, network: Network, asked: Asked) -> tuple[View, Layout]:
        """What is seen, and where."""
        key = repr(asked)
        found = self._looks.pop(key, None)
        if found is None:
            view = network.look(asked)
            found = view, await anyio.to_thread.run_sync(lambda: laid_out(view))
        if network is self._network:
            self._looks[key] = found
            if len(self._looks) > _KEPT:
                self._looks.popitem(last=False)
        return found


async def _network(state: State) -> tuple[Network, collections.Names, dict[str, str]]:
    things, projects = await read(state, "network-things"), await read(state, "network-projects")
    made = await anyio.to_thread.run_sync(lambda: Network(things))
    mentioned = {value for facet in FACETS for value in made.values(facet)}
    names = await collections.named(state, mentioned, "network")
    return made, names, {row["thing"].value: row["value"].value for row in projects}


def add_routes(app: FastAPI) -> None:
    """Put the network into an application."""
    app.state.networks = Networks()
    app.router.routes.append(Route(PATH, shown))
    for fmt in FORMATS[1:]:
        app.router.routes.append(Route(f"{PATH}.{fmt.ending}", partial(shown, fixed=fmt)))


def asked_of(request: Request, network: Network) -> tuple[Asked, str]:
    """What an address asks to see, and the colours it wants.

    Raises:
        UnknownParameter: a value that nothing in the network has.
    """
    params: QueryParams = request.query_params
    facets = chosen(params, FACETS, lambda facet: {slug(v): v for v in network.values(facet)}, _NOBODY)
    kind, coloured, near = params.get("kind", ""), params.get("colour") or "country", params.get("near", "").strip()
    if kind and kind not in KINDS:
        raise UnknownParameter(f"kind is {' or '.join(KINDS)}.", parameter="kind")
    if coloured not in COLOURED:
        raise UnknownParameter(f"colour is {' or '.join(COLOURED)}.", parameter="colour")
    if near:
        near = one("near", near, {slug(o.iri): o.iri for o in network.organisations}, _NOBODY)
    least, depth = number(request, "least", 1, 1000), number(request, "depth", 1, 2)
    return Asked(facets, kind, least, near, depth if near else 1), coloured


def address_of(asked: Asked, coloured: str) -> str:
    """The parameters that ask for the same, as short as they can be."""
    found = [(facet, slug(value)) for facet in FACETS for value in asked.facets.get(facet, ())]
    found += [("kind", asked.kind)] if asked.kind else []
    found += [("least", str(asked.least))] if asked.least > 1 else []
    found += [("near", slug(asked.near))] if asked.near else []
    found += [("depth", str(asked.depth))] if asked.depth > 1 else []
    return urlencode(found + ([("colour", coloured)] if coloured != "country" else []))


async def shown(request: Request, fixed: Format | None = None) -> ASGIApp:
    """The network, in the form that is wanted."""
    state: State = request.app.state
    choice, links, languages = form_of(request, fixed, FORMATS)
    with state.limits.admit(request.scope):
        network = await state.networks.of(state)
        asked, coloured = asked_of(request, network)
        view, layout = await state.networks.look(network, asked)
    snapshot = state.networks.latest.snapshot
    scene = Scene(
        asked,
        coloured,
        view,
        layout,
        network,
        state.networks.names,
        state.networks.acronyms,
        languages,
        state.iris,
        snapshot.number,
    )
    key = [snapshot.token, "network", choice.format.ending, languages, asked, coloured]
    if choice.format is not HTML:
        make = {GRAPHML: graphml, CSV: table, JSON: told, SVG: picture_file}[choice.format]
        location = f"network.{choice.format.ending}" if fixed is None else None
        fresh = snapshot.token == present_snapshot(state).token
        made = partial(make, scene)
        return await reply(request, choice, key, made, location=location, cache=_FRESH, fresh=fresh)
    query = address_of(asked, coloured)
    formats = {links.to(f"network.{f.ending}" + (f"?{query}" if query else "")): f for f in FORMATS[1:]}
    return await reply(request, choice, [*key, links], partial(_page, scene, links, formats), links=alternates(formats))


def _page(scene: Scene, links: Links, formats: dict[str, Format]) -> bytes:
    nodes = scene.nodes()
    content: dict[str, Any] = {
        "asked": scene.asked,
        "coloured": scene.coloured,
        "nodes": nodes,
        "drawn": drawn(scene.view),
        "view": scene.view,
        "most": MOST,
        "options": {
            facet: options(scene.network.values(facet), scene.asked.facets.get(facet, ()), scene.name, links.spoken)
            for facet in FACETS
        },
        "organisations": _organisations(scene, links.spoken),
        "near": scene.named(scene.network.numbers[scene.asked.near]) if scene.asked.near else None,
        "legend": scene.legend(nodes),
        "picture": picture(scene, nodes, links),
        "formats": formats,
        "asked_for": address_of(scene.asked, scene.coloured),
    }
    return pages.render("network.html", links, **content)


def _organisations(scene: Scene, language: str) -> list[tuple[str, Text, bool]]:
    """Those that one may look around, by name."""
    near = scene.network.numbers.get(scene.asked.near)
    members = {*scene.network.strongest, *((near,) if near is not None else ())}
    organisations = scene.network.organisations
    made = [(slug(organisations[n].iri), scene.named(n), n == near) for n in members]
    return sorted(made, key=lambda o: (sort_key(o[1].text, language), o[0]))


def picture_file(scene: Scene) -> bytes:
    """The drawing as a file."""
    return picture(scene, scene.nodes(), None).encode()


# --- data -----------------------------------------------------------------------------------------------------------


def _kinds(link: Link) -> list[str]:
    return [kind for kind, is_so in zip(KINDS, (link.together, link.cooperates), strict=True) if is_so]


def told(scene: Scene) -> bytes:
    """The network for programs."""
    organisations = scene.network.organisations
    nodes = [
        {
            "id": n.iri,
            "page": n.page,
            "name": n.name.text,
            "language": n.name.language,
            **{f: [{"id": v, "name": scene.name(v).text} for v in organisations[n.number].facets[f]] for f in COLOURED},
            "degree": n.degree,
            "strength": n.strength,
            "x": n.x,
            "y": n.y,
        }
        for n in scene.nodes()
    ]
    links = [
        {
            "source": organisations[x.one].iri,
            "target": organisations[x.other].iri,
            "weight": x.weight,
            "projects": list(x.projects),
            "kinds": _kinds(x),
        }
        for x in scene.view.links
    ]
    whole = {"snapshot": scene.snapshot, "total": scene.view.total, "shown": len(nodes), "nodes": nodes, "links": links}
    return json.dumps(whole, ensure_ascii=False).encode() + b"\n"


def table(scene: Scene) -> bytes:
    """The links as a table (RFC 4180)."""
    text = io.StringIO()
    write = csv.writer(text).writerow
    write(["source", "sourceName", "target", "targetName", "weight", "kinds", "projects"])
    for x in scene.view.links:
        ends = [t for n in (x.one, x.other) for t in (scene.network.organisations[n].iri, scene.named(n).text)]
        write([*ends, x.weight, "; ".join(_kinds(x)), "; ".join(x.projects)])
    return text.getvalue().encode()


def graphml(scene: Scene) -> bytes:
    """The network as GraphML, for Gephi, Cytoscape, igraph and NetworkX."""
    keys = [("node", "label", "string"), ("node", "country", "string"), ("node", "sector", "string")]
    keys += [("node", "x", "double"), ("node", "y", "double"), ("edge", "weight", "int"), ("edge", "kinds", "string")]
    made = ['<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n']
    made += [f'<key id="{k}" for="{of}" attr.name="{k}" attr.type="{kind}"/>\n' for of, k, kind in keys]
    made.append('<graph id="network" edgedefault="undirected">\n')
    for n in scene.nodes():
        facets = scene.network.organisations[n.number].facets
        values = {"label": n.name.text, **{f: "; ".join(scene.name(v).text for v in facets[f]) for f in COLOURED}}
        data = _data(values | {"x": str(n.x), "y": str(n.y)})
        made.append(f"<node id={quoteattr(n.iri)}>{data}</node>\n")
    for x in scene.view.links:
        ends = [quoteattr(scene.network.organisations[n].iri) for n in (x.one, x.other)]
        data = _data({"weight": str(x.weight), "kinds": "; ".join(_kinds(x))})
        made.append(f"<edge source={ends[0]} target={ends[1]}>{data}</edge>\n")
    return "".join([*made, "</graph>\n</graphml>\n"]).encode()


def _data(values: Mapping[str, str]) -> str:
    return "".join(f'<data key="{key}">{plain(value)}</data>' for key, value in values.items() if value)
