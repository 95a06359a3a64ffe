"""The page that asks: ``/sparql`` in a browser, a form and the answer as a table. Works without JavaScript."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from v4graph.errors import TooLarge, V4GraphError
from v4graph.queries import load_query
from v4graph.rdf import JSON, TURTLE
from v4graph.sandbox.pool import Job
from v4graph.web import pages
from v4graph.web.delivery import Watch
from v4graph.web.limits import seconds_asked
from v4graph.web.negotiation import prefers_html
from v4graph.web.operations import Operation
from v4graph.web.replies import links_of
from v4graph.web.telling import Links, Text, Value, page_path

FORMAT = "html"
"""The ``format`` that asks for a page."""
MOST_ROWS = 500
"""Rows a page shows; the downloads have all."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer as the page shows it: a table, a truth value, or Turtle."""

    columns: list[str]
    rows: list[list[Value | None]]
    more: int = 0
    boolean: bool | None = None
    turtle: str | None = None


def wanted(operation: Operation, accept: str) -> bool:
    """Whether a page is asked for: by ``format=html``, or by a browser that only comes to look."""
    if operation.kind == "update" or operation.format not in (None, FORMAT):
        return False
    return operation.format == FORMAT or (operation.kind == "description" and prefers_html(accept, TURTLE))


async def page(scope: Scope, receive: Receive, send: Send, operation: Operation) -> None:
    """The form, and the answer when it was sent; an error is told above the query, with its place."""
    request = Request(scope)
    state: State = scope["app"].state
    links, _ = links_of(request)
    asked = operation.kind == "query"
    text = operation.text if asked else load_query("platform/first-query", state.iris)
    shown, problem, status = None, None, 200
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
    body = pages.render("query.html", links, query=text, shown=shown, problem=problem, most=MOST_ROWS)
    headers = {**pages.HEADERS, "Vary": "Accept, Accept-Language", "Cache-Control": "no-store"}
    await Response(body, status, headers, "text/html")(scope, receive, send)


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
    rows = [[_cell(row.get(name), links) for name in columns] for row in found[:MOST_ROWS]]
    return Shown(columns, rows, more=max(0, len(found) - MOST_ROWS))


def _cell(term: dict[str, Any] | None, links: Links) -> Value | None:
    """A term of SPARQL JSON results as the table shows it: things of ours by their short name, linked."""
    if term is None:
        return None
    value: str = term["value"]
    if term["type"] != "uri":
        return Value(Text(value, term.get("xml:lang")))
    below = links.iris.path(value)
    return Value(Text(value if below is None else page_path(below)), links.of(value))
