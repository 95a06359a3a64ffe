"""The plain lists of every kind that has a frame: IRIs and names, nothing else; and what is worked out once a snapshot.

``/project`` is the list of what has an IRI ``id/project/…``, for whoever walks over everything; ``/projects`` is the
collection for readers (``lists.py``), with facts, filters, counts and cursors. The list links to the collection.
"""

from __future__ import annotations

import csv
import io
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio.to_thread
import pyoxigraph as ox
from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from v4graph import portal, rdf
from v4graph.entities import select
from v4graph.errors import NotFound
from v4graph.iris import Iris
from v4graph.queries import bind, load_query
from v4graph.rdf import CSV, GRAPH_FORMATS, JSON_LD
from v4graph.statements import LABELS, LARGEST_PAGE, PAGE, PREF_LABEL, TYPE, Referring, Term
from v4graph.web import pages
from v4graph.web.delivery import present_snapshot
from v4graph.web.negotiation import HTML, Choice, negotiate, not_acceptable
from v4graph.web.replies import alternates, links_of, number, reply
from v4graph.web.telling import Text, Value
from v4graph.web.words import initial, ordered

FORMATS = (HTML, *GRAPH_FORMATS, CSV)
READABLE = {
    "organisation": "clusters", "project": "projects", "partnership": "partnerships", "event": "events",
    "output": "outputs",
}  # fmt: skip
"""Kinds that have a collection."""
Names = dict[str, dict[str, str]]
"""Thing -> language -> name."""


def add_routes(app: FastAPI) -> None:
    """Add a list per kind that has a frame."""
    app.state.overviews = Overviews()
    routes = app.router.routes
    for kind in portal.kinds(app.state.iris):
        routes.append(Route(f"/{kind}", partial(members, kind=kind)))
        for fmt in FORMATS[1:]:
            routes.append(Route(f"/{kind}.{fmt.ending}", partial(members, kind=kind, fixed=fmt)))


_KEPT_LISTINGS = 16


@dataclass(frozen=True, slots=True)
class Listing:
    """The things of a kind: their names and classes, and all of them in alphabetical order."""

    names: Names
    types: Mapping[str, set[str]]
    ordered: list[tuple[Text, str]]


class Overviews:
    """What is told about the whole graph: worked out once per snapshot."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._token = ""
        self._kept: dict[str, Any] = {}
        self._listings: OrderedDict[str, Listing] = OrderedDict()

    async def rows(self, state: State, name: str, key: str = "", **values: str | list[str]) -> list[dict[str, Term]]:
        """The answer to one of our queries."""
        token = present_snapshot(state).token
        if token != self._token:
            self._token = token
            self._kept.clear()
            self._listings.clear()
        place = f"{name} {key}"
        if place not in self._kept:
            query = bind(load_query(f"platform/{name}", state.iris), **values)
            rows = await select(state.sandbox, query, state.settings.query_seconds)
            if token != self._token:
                return rows
            self._kept[place] = rows
        found: list[dict[str, Term]] = self._kept[place]
        return found

    async def listing(self, state: State, kind: str, languages: tuple[str, ...], spoken: str) -> Listing:
        """The things of a kind by their names in languages."""
        classes = [rdf.iri_text(c) for c in portal.kinds(state.iris)[kind]]
        rows = await self.rows(state, "list-members", kind, **{"class": classes})
        key = f"{kind} {languages} {spoken}"
        found = self._listings.pop(key, None)
        if found is None:
            found = await anyio.to_thread.run_sync(_listing, rows, languages, spoken, state.iris)
        self._listings[key] = found
        if len(self._listings) > _KEPT_LISTINGS:
            self._listings.popitem(last=False)
        return found


def _listing(rows: Iterable[Mapping[str, Term]], languages: tuple[str, ...], spoken: str, iris: Iris) -> Listing:
    names: Names = {}
    types: dict[str, set[str]] = {}
    for row in rows:
        types.setdefault(row["thing"].value, set()).add(row["class"].value)
        by_language = names.setdefault(row["thing"].value, {})
        if "label" in row:
            by_language[getattr(row["label"], "language", None) or ""] = row["label"].value
    by_name = [(pages.name_of(iri, names[iri], languages, iris), iri) for iri in names]
    order = ordered([name.text for name, _ in by_name], [iri for _, iri in by_name], spoken)
    return Listing(names, types, [by_name[number] for number in order])


def names_of(rows: Iterable[Mapping[str, Term]]) -> Names:
    """Names by thing and language out of rows of subject, property and object; the best property wins."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for row in rows:
        value = row["object"]
        if row["property"].value in LABELS and isinstance(value, ox.Literal):
            by_property = found.setdefault(row["subject"].value, {})
            by_property.setdefault(row["property"].value, {})[value.language or ""] = value.value
    return {iri: next(by_property[p] for p in LABELS if p in by_property) for iri, by_property in found.items()}


async def named(state: State, iris: Iterable[str], key: str) -> Names:
    """The names of things, asked for once per snapshot under a key."""
    wanted = [rdf.iri_text(iri) for iri in sorted(set(iris))]
    return names_of(await state.overviews.rows(state, "describe-mentioned", key, mentioned=wanted)) if wanted else {}


# --- things of a kind ---------------------------------------------------------------------------------------------


async def members(request: Request, kind: str, fixed: rdf.Format | None = None) -> ASGIApp:
    """The things of a kind by name, a page at a time."""
    state: State = request.app.state
    iris: Iris = state.iris
    links, languages = links_of(request)
    page, size = number(request, "page", 1, 1_000_000), number(request, "size", PAGE, LARGEST_PAGE)
    choice = Choice(fixed, fixed.media_type) if fixed else negotiate(request.headers.get("accept", ""), FORMATS)
    if choice is None:
        raise not_acceptable(FORMATS)
    classes = portal.kinds(iris)[kind]
    with state.limits.admit(request.scope):
        if choice.format is not HTML:
            languages = ("en",)  # data do not depend on who asks
        found = await state.overviews.listing(state, kind, languages, links.spoken)
        labels = await named(state, classes, f"classes {kind}")
    names, types, ordered = found.names, found.types, found.ordered
    shown = ordered[(page - 1) * size : page * size]
    if not shown and page > 1:
        raise NotFound(f"The list has no page {page}.")
    listed = Referring((), {kind: len(ordered)}, page, size, page * size < len(ordered))
    addresses = {f"{kind}.{f.ending}": f for f in FORMATS[1:]}
    linked = alternates(addresses)
    for relation, there, other in (("prev", page > 1, page - 1), ("next", listed.more, page + 1)):
        if there:
            linked.append(f'<?page={other}&size={size}>; rel="{relation}"')
    if kind in READABLE:
        linked.append(f'<{READABLE[kind]}>; rel="related"')
    content = [kind, shown, listed, [(names[iri], sorted(types[iri])) for _, iri in shown]]
    if choice.format is HTML:
        title = pages.name_of(classes[0], labels.get(classes[0], {}), languages, iris)
        values = [Value(text, links.of(iri)) for text, iri in shown]
        make = partial(
            pages.render, "collection.html", links, title=title, kind=kind, total=len(ordered), referring=listed,
            letters=_by_letter(values, links.spoken), formats=addresses, readable=READABLE.get(kind),
        )  # fmt: skip
        content += [links, languages, title]
    else:
        make = partial(_rendered, shown, names, types, choice.format, iris)
    location = f"{kind}.{choice.format.ending}" if fixed is None and choice.format is not HTML else None
    return await reply(request, choice, content, make, links=linked, location=location)


def _by_letter(values: list[Value], language: str) -> list[tuple[str, list[Value]]]:
    letters: dict[str, list[Value]] = {}
    for value in values:
        letters.setdefault(initial(value.text.text, language), []).append(value)
    return list(letters.items())


def _rendered(
    shown: list[tuple[Text, str]], names: Names, types: Mapping[str, set[str]], fmt: rdf.Format, iris: Iris
) -> bytes:
    if fmt is CSV:
        text = io.StringIO()
        write = csv.writer(text).writerow
        write(["id", "name", "language"])
        for name, iri in shown:
            write([iri, name.text, name.language or ""])
        return text.getvalue().encode()
    triples = [
        ox.Triple(ox.NamedNode(iri), ox.NamedNode(TYPE), ox.NamedNode(type_))
        for _, iri in shown
        for type_ in sorted(types[iri])
    ]
    triples += [
        ox.Triple(ox.NamedNode(iri), ox.NamedNode(PREF_LABEL), ox.Literal(name, language=language or None))
        for _, iri in shown
        for language, name in names[iri].items()
    ]
    if fmt is JSON_LD:
        return portal.rendered(portal.listed([iri for _, iri in shown], triples, iris))
    body = ox.serialize(triples, format=rdf.rdf_format(fmt), prefixes={"skos": PREF_LABEL[: -len("prefLabel")]})
    assert body is not None
    return body
