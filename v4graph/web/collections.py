"""The start page and the plain lists: things of a kind, and sources."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import pyoxigraph as ox
from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from v4graph import portal, rdf
from v4graph.entities import is_part, select
from v4graph.errors import NotFound
from v4graph.iris import Iris
from v4graph.queries import bind, load_query
from v4graph.rdf import CSV, GRAPH_FORMATS, JSON_LD
from v4graph.statements import DCTERMS, LABELS, LARGEST_PAGE, PAGE, PREF_LABEL, TYPE, Referring, Term
from v4graph.web import pages
from v4graph.web.delivery import present_snapshot
from v4graph.web.negotiation import HTML, Choice, negotiate, not_acceptable
from v4graph.web.replies import alternates, links_of, number, reply
from v4graph.web.telling import Links, Text, Value

FORMATS = (HTML, *GRAPH_FORMATS, CSV)
Names = dict[str, dict[str, str]]
"""Thing -> language -> name."""

_FIGURES = ("organisation", "project", "partnership", "event", "output")


def add_routes(app: FastAPI) -> None:
    """Add the start page, a list per kind that has a frame, and the sources."""
    app.state.overviews = Overviews()
    routes = app.router.routes
    routes.append(Route("/", home))
    routes.append(Route("/sources", sources))
    for kind in portal.kinds(app.state.iris):
        routes.append(Route(f"/{kind}", partial(members, kind=kind)))
        for fmt in FORMATS[1:]:
            routes.append(Route(f"/{kind}.{fmt.ending}", partial(members, kind=kind, fixed=fmt)))


class Overviews:
    """What is told about the whole graph: worked out once per snapshot."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._token = ""
        self._kept: dict[str, Any] = {}

    async def rows(self, state: State, name: str, key: str = "", **values: str | list[str]) -> list[dict[str, Term]]:
        """The answer to one of our queries."""
        token = present_snapshot(state).token
        if token != self._token:
            self._token = token
            self._kept.clear()
        place = f"{name} {key}"
        if place not in self._kept:
            query = bind(load_query(f"platform/{name}", state.iris), **values)
            rows = await select(state.sandbox, query, state.settings.query_seconds)
            if token != self._token:
                return rows
            self._kept[place] = rows
        found: list[dict[str, Term]] = self._kept[place]
        return found


def names_of(rows: Iterable[Mapping[str, Term]]) -> Names:
    """Names by thing and language out of rows of subject, property and object; the best property wins."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for row in rows:
        value = row["object"]
        if row["property"].value in LABELS and isinstance(value, ox.Literal):
            by_property = found.setdefault(row["subject"].value, {})
            by_property.setdefault(row["property"].value, {})[value.language or ""] = value.value
    return {iri: next(by_property[p] for p in LABELS if p in by_property) for iri, by_property in found.items()}


async def _names(state: State, iris: Iterable[str], key: str) -> Names:
    wanted = [rdf.iri_text(iri) for iri in sorted(set(iris))]
    return names_of(await state.overviews.rows(state, "describe-mentioned", key, mentioned=wanted)) if wanted else {}


# --- the start page -----------------------------------------------------------------------------------------------


async def home(request: Request) -> ASGIApp:
    """What this is, and what is in it."""
    state: State = request.app.state
    iris: Iris = state.iris
    links, languages = links_of(request)
    kinds = portal.kinds(iris)
    with state.limits.admit(request.scope):
        pairs = [f"{rdf.literal_text(kind)} {rdf.iri_text(c)}" for kind, classes in kinds.items() for c in classes]
        counted = await state.overviews.rows(state, "count-kinds", kind_class=pairs)
        differing = await state.overviews.rows(state, "count-disagreements")
        told = await state.overviews.rows(state, "list-sources")
        sampled = await state.overviews.rows(state, "sample-disagreements")
        mentioned = {c for classes in kinds.values() for c in classes}
        mentioned |= {t.value for row in sampled for t in row.values() if isinstance(t, ox.NamedNode)}
        nodes = [
            rdf.iri_text(s)
            for s in sorted({r["subject"].value for r in sampled if is_part(r["subject"].value, "", iris)})
        ]
        parts = await state.overviews.rows(state, "describe", "start", subject=nodes) if nodes else []
        related = {r["subject"].value: r["object"].value for r in parts if _is_thing(r["object"], iris)}
        names = await _names(state, mentioned | set(related.values()), "start")
    counts = {row["kind"].value: int(row["count"].value) for row in counted}
    figures = [(kind, counts.get(kind, 0), links.to(kind)) for kind in _FIGURES if counts.get(kind)]
    figures.append(("source", len({row["source"].value for row in told}), links.to("sources")))
    if sampled:
        figures.append(("disagreement", int(differing[0]["count"].value), "#differ"))

    def name(iri: str) -> Text:
        return pages.name_of(iri, names.get(iri) or names.get(related.get(iri, ""), {}), languages, iris)

    content = {
        "figures": figures,
        "kinds": [(kind, name(classes[0]), counts.get(kind, 0), links.to(kind)) for kind, classes in kinds.items()],
        "disagreements": _sample(sampled, links, name),
    }
    make = partial(pages.render, "home.html", links, **content)
    choice = negotiate(request.headers.get("accept", ""), (HTML,))
    if choice is None:
        raise not_acceptable((HTML,))
    return await reply(request, choice, ["home", links, languages, content], make)


def _is_thing(term: Term, iris: Iris) -> bool:
    return isinstance(term, ox.NamedNode) and term.value.startswith(f"{iris.base}id/")


def _sample(rows: list[dict[str, Term]], links: Links, name: Any) -> list[dict[str, Any]]:
    found: dict[str, list[dict[str, Term]]] = {}
    for row in rows:
        found.setdefault(row["disagreement"].value, []).append(row)
    made = []
    for claims in found.values():
        subject = claims[0]["subject"].value
        values = [pages.plain_value(row["value"], links, name) for row in claims]
        made.append(
            {
                "subject": name(subject),
                "href": f"{links.of(subject)}#disagreements",
                "property": name(claims[0]["disputed"].value),
                "values": sorted(values, key=lambda v: str(v.datetime or v.text.text)),
            }
        )
    return sorted(made, key=lambda d: (d["subject"].text.casefold(), d["property"].text))


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
        rows = await state.overviews.rows(state, "list-members", kind, **{"class": [rdf.iri_text(c) for c in classes]})
        labels = await _names(state, classes, f"classes {kind}")
    if choice.format is not HTML:
        languages = ("en",)  # data do not depend on who asks
    names: Names = {}
    types: dict[str, set[str]] = {}
    for row in rows:
        types.setdefault(row["thing"].value, set()).add(row["class"].value)
        by_language = names.setdefault(row["thing"].value, {})
        if "label" in row:
            by_language[getattr(row["label"], "language", None) or ""] = row["label"].value
    named = [(pages.name_of(iri, names[iri], languages, iris), iri) for iri in names]
    ordered = sorted(named, key=lambda pair: (_plain(pair[0].text), pair[1]))
    shown = ordered[(page - 1) * size : page * size]
    if not shown and page > 1:
        raise NotFound(f"The list has no page {page}.")
    listed = Referring((), {kind: len(ordered)}, page, size, page * size < len(ordered))
    addresses = {f"{kind}.{f.ending}": f for f in FORMATS[1:]}
    linked = alternates(addresses)
    for relation, there, other in (("prev", page > 1, page - 1), ("next", listed.more, page + 1)):
        if there:
            linked.append(f'<?page={other}&size={size}>; rel="{relation}"')
    content = [kind, shown, listed, [(names[iri], sorted(types[iri])) for _, iri in shown]]
    if choice.format is HTML:
        title = pages.name_of(classes[0], labels.get(classes[0], {}), languages, iris)
        values = [Value(text, links.of(iri)) for text, iri in shown]
        make = partial(
            pages.render, "collection.html", links, title=title, kind=kind, total=len(ordered), referring=listed,
            letters=_by_letter(values), formats=addresses,
        )  # fmt: skip
        content += [links, languages, title]
    else:
        make = partial(_rendered, shown, names, types, choice.format, iris)
    location = f"{kind}.{choice.format.ending}" if fixed is None and choice.format is not HTML else None
    return await reply(request, choice, content, make, links=linked, location=location)


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def _by_letter(values: list[Value]) -> list[tuple[str, list[Value]]]:
    letters: dict[str, list[Value]] = {}
    for value in values:
        first = _plain(value.text.text)[:1].upper()
        letters.setdefault(first if first.isalpha() else "#", []).append(value)
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


# --- sources ------------------------------------------------------------------------------------------------------


async def sources(request: Request) -> ASGIApp:
    """All sources with their rank and size."""
    state: State = request.app.state
    iris: Iris = state.iris
    links, languages = links_of(request)
    choice = negotiate(request.headers.get("accept", ""), (HTML,))
    if choice is None:
        raise not_acceptable((HTML,))
    with state.limits.admit(request.scope):
        rows = await state.overviews.rows(state, "list-sources")
    names = names_of(rows)
    facts: dict[str, dict[str, str]] = {row["source"].value: {} for row in rows}
    for row in rows:
        if row["subject"] == row["source"]:
            facts[row["source"].value][row["property"].value] = row["object"].value

    def name(iri: str) -> Text:
        return pages.name_of(iri, names.get(iri, {}), languages, iris)

    listed = []
    for iri, fact in facts.items():
        rank, publisher = fact.get(iris.term("rank")), fact.get(f"{DCTERMS}publisher")
        address = fact.get(f"{DCTERMS}source", "")
        listed.append(
            {
                "name": name(iri),
                "href": links.of(iri),
                "publisher": name(publisher) if publisher else fact.get(iris.term("publisherName")),
                "rank": (rank.rpartition("/")[2].upper(), name(rank)) if rank else None,
                "size": fact.get("http://rdfs.org/ns/void#triples"),
                "address": address if address.startswith(("http://", "https://")) else None,
                "retrieved": fact.get(iris.term("retrievedOn")),
            }
        )
    listed.sort(key=lambda s: (s["rank"][0] if s["rank"] else "Z", s["name"].text.casefold()))  # type: ignore[index,union-attr]
    make = partial(pages.render, "sources.html", links, sources=listed)
    return await reply(request, choice, ["sources", links, languages, listed], make)
