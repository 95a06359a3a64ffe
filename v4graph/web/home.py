"""The start page: what this is in a sentence, what is in it, what came lately, and where sources differ."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyoxigraph as ox
from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from v4graph import portal, rdf
from v4graph.entities import is_part
from v4graph.iris import Iris
from v4graph.statements import Term
from v4graph.web import collections, map, pages
from v4graph.web.negotiation import HTML, negotiate, not_acceptable
from v4graph.web.replies import links_of, reply
from v4graph.web.telling import Links, Text, Value
from v4graph.web.words import shown_date, sort_key

Rows = list[dict[str, Term]]


@dataclass(frozen=True, slots=True)
class Differing:
    """A disagreement in a line."""

    subject: Text
    href: str
    property: Text
    claims: tuple[Value, ...]


def add_routes(app: FastAPI) -> None:
    """Add the start page."""
    app.router.routes.append(Route("/", home))


async def home(request: Request) -> ASGIApp:
    """What this is, and what is in it."""
    state: State = request.app.state
    iris: Iris = state.iris
    links, languages = links_of(request)
    choice = negotiate(request.headers.get("accept", ""), (HTML,))
    if choice is None:
        raise not_acceptable((HTML,))
    kinds = portal.kinds(iris)
    with state.limits.admit(request.scope):
        pairs = [f"{rdf.literal_text(kind)} {rdf.iri_text(c)}" for kind, classes in kinds.items() for c in classes]
        counted = await state.overviews.rows(state, "count-kinds", kind_class=pairs)
        differing = await state.overviews.rows(state, "count-disagreements")
        rows = await state.overviews.rows(state, "list-home")
        sampled = await state.overviews.rows(state, "sample-disagreements")
        nodes = sorted({r["subject"].value for r in sampled if is_part(r["subject"].value, "", iris)})
        parts = await _parts(state, nodes)
        related = {r["subject"].value: r["object"].value for r in parts if _is_thing(r["object"], iris)}
        mentioned = {c for classes in kinds.values() for c in classes} | set(related.values())
        mentioned |= {t.value for row in (*sampled, *rows) for t in row.values() if isinstance(t, ox.NamedNode)}
        names = await collections.named(state, mentioned, "start")

    def name(iri: str) -> Text:
        return pages.name_of(iri, names.get(iri) or names.get(related.get(iri, ""), {}), languages, iris)

    counts = {row["kind"].value: int(row["count"].value) for row in counted}
    content: dict[str, Any] = {
        "figures": _figures(rows),
        "kinds": [(kind, name(classes[0]), counts.get(kind, 0), links.to(kind)) for kind, classes in kinds.items()],
        "sectors": _sectors(rows, links, name),
        "published": _published(rows, links, name),
        "differing": int(differing[0]["count"].value) if differing else 0,
        "disagreements": _sample(sampled, links, name),
        "home_map": await map.for_home(state, links, languages),
    }
    make = partial(pages.render, "home.html", links, **content)
    return await reply(request, choice, ["home", links, languages, content], make)


async def _parts(state: State, nodes: list[str]) -> Rows:
    if not nodes:
        return []
    found: Rows = await state.overviews.rows(state, "describe", "start", subject=[rdf.iri_text(s) for s in nodes])
    return found


def _is_thing(term: Term, iris: Iris) -> bool:
    return isinstance(term, ox.NamedNode) and term.value.startswith(f"{iris.base}id/")


def _of(rows: Rows, what: str) -> Rows:
    return [row for row in rows if "what" in row and row["what"].value == what]


def _figures(rows: Rows) -> dict[str, int]:
    return {
        what: int(row["count"].value)
        for what in ("clusters", "projects", "partners", "countries")
        for row in _of(rows, what)
    }


def _sectors(rows: Rows, links: Links, name: Callable[[str], Text]) -> list[tuple[str, Value, int, float]]:
    """The largest sectors: IRI, name, how many, and that in hundredths of the largest."""
    found = [(row["thing"].value, int(row["count"].value)) for row in _of(rows, "sector") if "thing" in row]
    largest = max((count for _, count in found), default=1)
    return [(iri, Value(name(iri), links.of(iri)), n, round(100 * n / largest, 1)) for iri, n in found]


def _published(rows: Rows, links: Links, name: Callable[[str], Text]) -> list[tuple[Value, str, str, str]]:
    """What was published last: the source, what its page is about, the moment, and the day in words."""
    made = []
    for row in _of(rows, "published"):
        if "thing" in row:
            title, about = _apart(name(row["thing"].value))
            when = row["when"].value
            made.append((Value(title, links.of(row["thing"].value)), about, when, shown_date(when[:10], links.spoken)))
    return made


_FROM_ADDRESS = re.compile(r"([a-z0-9-]+(?:\.[a-z0-9-]+)+): ([a-z0-9 .]+)")


def _apart(title: Text) -> tuple[Text, str]:
    """A title that was made of an address (a page without one of its own) as the host and the words of the path."""
    found = _FROM_ADDRESS.fullmatch(title.text)
    return (Text(found[1]), found[2]) if found else (title, "")


def _sample(rows: Rows, links: Links, name: Callable[[str], Text]) -> list[Differing]:
    found: dict[str, Rows] = {}
    for row in rows:
        found.setdefault(row["disagreement"].value, []).append(row)
    made = []
    for claims in found.values():
        subject = claims[0]["subject"].value
        values = [pages.plain_value(row["value"], links, name) for row in claims]
        made.append(
            Differing(
                name(subject),
                f"{links.of(subject)}#disagreements",
                name(claims[0]["disputed"].value),
                tuple(sorted(values, key=lambda v: str(v.datetime or v.text.text))),
            )
        )
    return sorted(made, key=lambda d: (sort_key(d.subject.text, links.spoken), d.property.text))
