"""The query library: ``/queries`` lists it, ``/queries/{topic}/{name}`` answers a query with ``?parameter=value``.

An answer is delivered like one of ``/sparql``: from the same sandbox, with the same entity tags, limits and formats.
The library is also told as ``sh:SPARQLExecutable`` (https://www.w3.org/TR/shacl-sparql/ §7.1 names the parts).
"""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from v4graph.errors import UnknownParameter, V4GraphError
from v4graph.iris import Iris
from v4graph.queries import Query, bind_checked, find_in_library, list_library
from v4graph.rdf import JSON, RDF_FORMATS
from v4graph.web import pages
from v4graph.web.delivery import Question, Watch, deliver, deliver_document, header, present_snapshot, request_key
from v4graph.web.examples import examples
from v4graph.web.limits import seconds_asked
from v4graph.web.negotiation import HTML, PROBLEM, Choice, accepts_gzip, choose, choose_graph, prefers_html
from v4graph.web.operations import Operation
from v4graph.web.query_page import MOST_ROWS, Shown, ask
from v4graph.web.replies import links_of, path_of, remembered, reply
from v4graph.web.telling import Links

PATH = "/queries"
EXAMPLES_PATH = "/.well-known/sparql-examples"
_ENDINGS = {"json", "csv", "tsv", "xml", "srj", "srx", "ttl", "jsonld", "nt", "rdf", "trig", "nq", "html"}
_OWN = frozenset({"format", "lang", "timeout"})
"""Parameters of the address itself; ``lang`` is also given to a query that has it."""


def add_routes(app: FastAPI) -> None:
    """Add the list, the queries and the export."""
    routes = app.router.routes
    routes.append(Route(PATH, listing))
    routes += [Route(f"{PATH}.{ending}", listing) for ending in ("json", "html")]
    routes.append(Route(f"{PATH}/{{topic}}/{{name}}", answer))
    routes.append(Route(EXAMPLES_PATH, export))
    routes += [Route(f"{EXAMPLES_PATH}.{fmt.ending}", export) for fmt in RDF_FORMATS]


class _Delivered:
    """An answer that is sent as it comes from the sandbox."""

    def __init__(self, question: Question) -> None:
        self._question = question

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await deliver(scope, receive, send, self._question)


class _Document:
    """A document of the server's own."""

    def __init__(self, body: bytes, content_type: bytes) -> None:
        self._body, self._content_type = body, content_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await deliver_document(scope, send, self._body, self._content_type)


def told(query: Query, iris: Iris) -> dict[str, Any]:
    """A query as the list tells it in JSON."""
    return {
        "name": query.name,
        "topic": query.topic,
        "address": f"{iris.base}queries/{query.name}",
        "title": query.titles,
        "description": query.descriptions,
        "answeredOn": "invented data" if query.fixture else "packaged data",
        "keywords": list(query.keywords),
        "parameters": [{"name": p.name, "type": p.kind, "description": p.says} for p in query.parameters],
    }


async def listing(request: Request) -> ASGIApp:
    """All queries by topic, as a page or JSON."""
    iris: Iris = request.app.state.iris
    stem, ending = _split(path_of(request))
    form = _form(request, ending)
    found = list_library(iris)
    if form not in (None, "html", "json"):
        raise UnknownParameter("The list of queries is html or json.", parameter="format")
    if form == "json" or (form is None and not prefers_html(request.headers.get("accept", ""), PROBLEM)):
        body = json.dumps({"queries": [told(query, iris) for query in found]}, ensure_ascii=False, indent=1)
        return _Document(body.encode(), b"application/json")
    links, languages = links_of(request)
    topics: dict[str, list[tuple[Query, str, str, str]]] = {}
    for query in found:
        topics.setdefault(query.topic, []).append((query, *query.told_in(languages)))
    content = ("queries", stem, links.language or "", *languages, *(query.text for query in found))
    return await reply(
        request,
        Choice(HTML, HTML.media_type),
        content,
        lambda: pages.render("queries.html", links, topics=topics),
    )


async def answer(request: Request) -> ASGIApp:
    """The answer to a query, in the format asked for by ending, ``format=`` or ``Accept``."""
    state: State = request.app.state
    name, ending = _split(path_of(request).removeprefix(f"{PATH[1:]}/"))
    query = find_in_library(name, state.iris)
    form = _form(request, ending)
    accept = request.headers.get("accept", "")
    if form == "html" or (form is None and prefers_html(accept, JSON)):
        return await _page(request, query)
    return _Delivered(
        Question(
            query=bind_checked(query, _values(request, query), state.iris),
            choices=choose(accept, form),
            seconds=seconds_asked(request.query_params.get("timeout"), state.settings.query_seconds),
            gzip=accepts_gzip(header(request.scope, b"accept-encoding") or ""),
            request=request_key(request.scope) if state.scratch is None else None,
        )
    )


async def _page(request: Request, query: Query) -> ASGIApp:
    """The form of the parameters, and the answer as a table."""
    state: State = request.app.state
    links, languages = links_of(request)
    values = _values(request, query)
    shown: Shown | None = None
    problem: dict[str, Any] | None = None
    status = 200
    text = query.text
    try:
        given = {"lang": languages[0], **values} if _has(query, "lang") else values
        text = bind_checked(query, given, state.iris)
        content = (present_snapshot(state).token, query.name, text, links, *languages)
        known = remembered(request, Choice(HTML, HTML.media_type), content)
        if known is not None:
            return known
        operation = Operation("query", text, timeout=request.query_params.get("timeout"))
        with state.limits.admit(request.scope), Watch(request.receive) as watch:
            shown = await ask(state, operation, links)
            watch.stop()
    except V4GraphError as error:
        problem, status = error.problem(state.settings.base_iri), error.status
    else:
        if shown is None:
            return Response(status_code=204)  # the client left
    filled = _filled(links, query, values, languages, text)
    if problem is not None:
        body = pages.render("library-query.html", links, shown=None, problem=problem, **filled)
        headers = {**pages.HEADERS, "Vary": "Accept, Accept-Language", "Cache-Control": "no-store"}
        return Response(body, status, headers, "text/html")
    return await reply(
        request,
        Choice(HTML, HTML.media_type),
        content,
        lambda: pages.render("library-query.html", links, shown=shown, problem=None, **filled),
    )


def _filled(
    links: Links, query: Query, values: dict[str, str], languages: tuple[str, ...], text: str
) -> dict[str, Any]:
    language, title, description = query.told_in(languages)
    return {
        "query": query,
        "title": title,
        "description": description,
        "told_in": language,
        "values": values,
        "chosen": values.get("lang") or languages[0],
        "text": text,
        "most": MOST_ROWS,
    }


async def export(request: Request) -> ASGIApp:
    """The library as SPARQL examples in RDF."""
    state: State = request.app.state
    _, ending = _split(path_of(request))
    chosen = choose_graph(request.headers.get("accept", ""), _form(request, ending), RDF_FORMATS)
    return _Document(examples(state.iris, chosen.format), chosen.content_type)


def _split(path: str) -> tuple[str, str | None]:
    stem, dot, ending = path.rpartition(".")
    return (stem, ending) if dot and stem and ending in _ENDINGS else (path, None)


def _form(request: Request, ending: str | None) -> str | None:
    asked = request.query_params.get("format")
    return ending if ending is not None else asked.strip().lower() if asked is not None else None


def _has(query: Query, name: str) -> bool:
    return any(parameter.name == name for parameter in query.parameters)


def _values(request: Request, query: Query) -> dict[str, str]:
    """What the address gives to the parameters of the query; each may be given once."""
    values: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in _OWN and not _has(query, name):
            continue
        if name in values:
            raise UnknownParameter(f"{name} is given twice; give it once.", parameter=name)
        values[name] = value
    return values


def described(iris: Iris) -> dict[str, Any]:
    """The paths of the library for the OpenAPI description."""
    problem = {"description": "A problem", "content": {"application/problem+json": {}}}
    paths: dict[str, Any] = {
        PATH: _operation("All queries of the library", "queries", [], ["application/json", "text/html"], problem),
        EXAMPLES_PATH: _operation(
            "The library as SPARQL examples", "examples", [], [f.media_type for f in RDF_FORMATS], problem
        ),
    }
    for query in list_library(iris):
        graph = "CONSTRUCT" in query.text
        types = ["text/turtle", "application/ld+json"] if graph else [JSON.media_type, "text/csv"]
        given = [
            {"name": p.name, "in": "query", "description": p.says, "required": False, "schema": _SCHEMAS[p.kind]}
            for p in query.parameters
        ]
        paths[f"{PATH}/{query.name}"] = _operation(
            query.titles.get("en", query.name), query.name.replace("/", "-"), given, [*types, "text/html"], problem
        )
        paths[f"{PATH}/{query.name}"]["get"]["description"] = query.description
    return paths


_SCHEMAS = {
    "iri": {"type": "string", "format": "iri"},
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "date": {"type": "string", "format": "date"},
    "lang": {"type": "string", "enum": ["en", "cs", "sk", "pl", "hu", "de"]},
}


def _operation(summary: str, name: str, given: list[Any], types: list[str], problem: dict[str, Any]) -> dict[str, Any]:
    form = {"name": "format", "in": "query", "description": "Instead of Accept", "schema": {"type": "string"}}
    answers = {"200": {"description": "The answer", "content": {x: {} for x in types}}, "4XX": problem}
    told = {"summary": summary, "operationId": name, "tags": ["queries"], "parameters": [*given, form]}
    return {"get": {**told, "responses": answers}}
