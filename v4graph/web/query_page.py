"""The page that asks: ``/sparql`` in a browser, a form and the answer as a table. Works without JavaScript."""

from __future__ import annotations

import gzip
import json
import secrets
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from v4graph.errors import (
    MalformedQuery,
    NotFound,
    Overloaded,
    QueryTimeout,
    QueryTooBig,
    ServiceRefused,
    TooLarge,
    UnknownParameter,
    UpdateRefused,
    V4GraphError,
)
from v4graph.iris import Iris
from v4graph.queries import list_library, load_query
from v4graph.rdf import JSON, TURTLE
from v4graph.sandbox.pool import Job
from v4graph.web import pages, schema
from v4graph.web.collections import Names
from v4graph.web.delivery import COMPRESS_FROM, Watch, header
from v4graph.web.limits import seconds_asked
from v4graph.web.negotiation import accepts_gzip, prefers_html
from v4graph.web.operations import Operation
from v4graph.web.replies import links_of, off_the_loop
from v4graph.web.telling import Links, Text, Value, page_path, preferred_languages
from v4graph.web.words import sort_key, words

FORMAT = "html"
"""The ``format`` that asks for a page."""
MOST_ROWS = 500
"""Rows a page shows; the downloads have all."""
_MOST_DATA = 200_000
"""Bytes of an answer that go along for the scripts of the page; they ask again for a longer one."""
_LEVEL = 5
_MAY_HAPPEN = (
    MalformedQuery, NotFound, Overloaded, QueryTimeout, QueryTooBig, ServiceRefused, TooLarge, UnknownParameter,
    UpdateRefused,
)  # fmt: skip
"""What the scripts of the page may have to tell, in its language."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer as the page shows it: a table, a truth value, or Turtle."""

    columns: list[str]
    rows: list[list[Value | None]]
    more: int = 0
    boolean: bool | None = None
    turtle: str | None = None
    solutions: dict[str, Any] | None = None
    """The answer as it came, for scripts; None when it is long."""


def wanted(operation: Operation, accept: str) -> bool:
    """Whether a page is asked for: by ``format=html``, or by a browser that only comes to look."""
    if operation.kind == "update" or operation.format not in (None, FORMAT):
        return False
    return operation.format == FORMAT or (operation.kind == "description" and prefers_html(accept, TURTLE))


async def page(scope: Scope, receive: Receive, send: Send, operation: Operation) -> None:
    """The form, and the answer when it was sent; an error is told above the query, with its place."""
    request = Request(scope)
    state: State = scope["app"].state
    links, languages = links_of(request)
    asked = operation.kind == "query"
    text = operation.text if asked else schema.without_header(load_query("platform/first-query", state.iris))
    shown, problem, status, begun = None, None, 200, time.perf_counter()
    if asked:
        try:
            with state.limits.admit(scope), Watch(receive) as watch:
                shown = await ask(state, operation, links)
                watch.stop()
        except V4GraphError as error:
            problem, status = error.problem(state.settings.base_iri), error.status
        else:
            if shown is None:
                return  # the client left
    # the editor writes style elements, which only a nonce of this very answer allows
    nonce = secrets.token_urlsafe(12)
    snapshot = state.sandbox.snapshot
    values = {
        "query": text,
        "shown": shown,
        "problem": problem,
        "most": MOST_ROWS,
        "solutions": pages.script_json(shown.solutions) if shown and shown.solutions else None,
        "milliseconds": round((time.perf_counter() - begun) * 1000) if asked else None,
        "graphs": [("default-graph-uri", iri) for iri in operation.default_graphs or ()]
        + [("named-graph-uri", iri) for iri in operation.named_graphs or ()],
        "topics": topics(state.iris, languages),
        "snapshot": (snapshot.number, snapshot.created) if snapshot else None,
        "endpoint": f"{state.settings.base_iri}sparql",
        "base": state.settings.base_iri,
        "titles": {error.title: words(links.spoken).gettext(error.title) for error in _MAY_HAPPEN},
    }
    zipped = accepts_gzip(header(scope, b"accept-encoding") or "")
    body, packed = await off_the_loop(
        state, lambda: _packed(pages.render("query.html", links, nonce=nonce, **values), zipped)
    )
    headers = {
        **pages.headers(nonce=nonce),
        "Vary": "Accept, Accept-Encoding, Accept-Language",
        "Cache-Control": "no-store",
        **({"Content-Encoding": "gzip"} if packed else {}),
    }
    await Response(body, status, headers, "text/html")(scope, receive, send)


def _packed(body: bytes, zipped: bool) -> tuple[bytes, bool]:
    if zipped and len(body) >= COMPRESS_FROM:
        return gzip.compress(body, _LEVEL, mtime=0), True
    return body, False


@lru_cache(maxsize=64)
def topics(iris: Iris, languages: tuple[str, ...]) -> dict[str, list[dict[str, str]]]:
    """The query library by topic, told in the first of the languages there is."""
    found: dict[str, list[dict[str, str]]] = {}
    for query in list_library(iris):
        found.setdefault(query.topic, []).append(schema.told(query, languages))
    return {topic: sorted(found[topic], key=lambda q: sort_key(q["title"], languages[0])) for topic in sorted(found)}


async def ask(state: State, operation: Operation, links: Links) -> Shown:
    """Ask the present snapshot, for a page."""
    job = Job(
        query=operation.text,
        results=JSON,
        graph=TURTLE,
        default_graphs=operation.default_graphs,
        named_graphs=operation.named_graphs,
        seconds=seconds_asked(operation.timeout, state.settings.query_seconds),
        base_iri=f"{state.settings.base_iri}sparql",
    )
    answer = await state.sandbox.query(job)
    if answer.complete is None:
        await answer.aclose()
        raise TooLarge("The answer is too long for a page. Add a LIMIT, or download it as CSV.")
    if answer.kind == "graph":
        return Shown([], [], turtle=answer.complete.decode())
    told = json.loads(answer.complete)
    if answer.kind == "boolean":
        return Shown([], [], boolean=told["boolean"])
    columns = told["head"]["vars"]
    found = told["results"]["bindings"]
    cells = [[row.get(name) for name in columns] for row in found[:MOST_ROWS]]
    things = dict.fromkeys(cell["value"] for row in cells for cell in row if cell and cell["type"] == "uri")
    names = await schema.names(state, list(things)[: schema.MOST_NAMES])
    languages = preferred_languages(links.spoken)
    rows = [[_cell(cell, links, names, languages) for cell in row] for row in cells]
    solutions = told if len(answer.complete) <= _MOST_DATA else None
    return Shown(columns, rows, more=max(0, len(found) - MOST_ROWS), solutions=solutions)


def _cell(term: dict[str, Any] | None, links: Links, names: Names, languages: tuple[str, ...]) -> Value | None:
    """A term of SPARQL JSON results as the table shows it: things by their names, linked."""
    if term is None:
        return None
    value: str = term["value"]
    if term["type"] != "uri":
        return Value(Text(value, term.get("xml:lang")))
    if value in names:
        return Value(pages.name_of(value, names[value], languages, links.iris), links.of(value))
    below = links.iris.path(value)
    shown = schema.short(value, links.iris) or (value if below is None else page_path(below))
    return Value(Text(shown), links.of(value))
