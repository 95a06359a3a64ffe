"""``/sparql``: the SPARQL 1.1 Protocol (https://www.w3.org/TR/sparql11-protocol/).

Plain ASGI, because the framework's parameter machinery cannot see what the protocol is about: doubled parameters,
the charset of a body, a media type that is missing.
"""

from __future__ import annotations

from typing import NoReturn

from starlette.datastructures import State
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from v4graph.errors import MalformedQuery, MethodNotAllowed, TooLarge, UpdateRefused
from v4graph.rdf import RDF_FORMATS
from v4graph.sandbox.tokens import form_of
from v4graph.web import moments, query_page
from v4graph.web.delivery import Question, Watch, deliver, deliver_document, header, request_key
from v4graph.web.description import service_description
from v4graph.web.limits import read_body, seconds_asked
from v4graph.web.negotiation import accepts_gzip, choose, choose_graph
from v4graph.web.operations import FORM, Operation, media_type_of, read_operation

PATH = "/sparql"
UPDATE_PATH = "/sparql/update"
_METHODS = "GET, HEAD, POST, OPTIONS"
_FORM_OVERHEAD = 64 * 1024
"""Bytes a form or an address may have beside the query: graph names, other parameters."""


def endpoints() -> dict[str, ASGIApp]:
    """The endpoint by its paths; the one for updates says, where there are none, how to contribute."""
    endpoint = _Endpoint()
    return {PATH: endpoint, f"{PATH}/": endpoint, UPDATE_PATH: endpoint}


class _Endpoint:
    """The protocol as an ASGI application."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method: str = scope["method"]
        if method == "OPTIONS":
            await Response(status_code=204, headers={"Allow": _METHODS})(scope, receive, send)
            return
        if method not in ("GET", "HEAD", "POST"):
            raise MethodNotAllowed(f"{method} is not possible here. Use {_METHODS}.", headers={"Allow": _METHODS})
        state: State = scope["app"].state
        operation = await _read(scope, receive, state)
        wanted = moments.asked_by(operation.at, operation.snapshot)
        if wanted is None or state.moments is None:
            await self._answer(scope, receive, send, operation)
            return
        async with state.moments.turn(scope, send, wanted) as (turned, send_marked):  # a form asks for the past
            await self._answer(turned, receive, send_marked, operation)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, operation: Operation) -> None:
        if query_page.wanted(operation, header(scope, b"accept") or ""):
            await query_page.page(scope, receive, send, operation)
        elif operation.kind == "description":
            await _describe(scope, send, operation)
        elif operation.kind == "update":
            await _update(scope, receive, send, operation)
        else:
            await _query(scope, receive, send, operation)


async def _read(scope: Scope, receive: Receive, state: State) -> Operation:
    """Read the request, holding it to the longest query before anything is decoded."""
    longest: int = state.settings.query_kb * 1024
    if state.scratch is not None and scope["method"] == "POST":
        longest = max(longest, state.settings.upload_mb << 20)
    content_type = header(scope, b"content-type")
    body = b""
    if len(scope["query_string"]) > 3 * longest + _FORM_OVERHEAD:
        _refuse_length(longest)
    if scope["method"] == "POST":
        encoded = media_type_of(content_type)[0] == FORM
        body = await read_body(scope, receive, 3 * longest + _FORM_OVERHEAD if encoded else longest, "A query")
    operation = read_operation(scope["method"], scope["query_string"], content_type, body)
    if len(operation.text.encode("utf-8", "replace")) > longest:
        _refuse_length(longest)
    return operation


def _refuse_length(longest: int) -> NoReturn:
    raise TooLarge(f"A query may have at most {longest} bytes.", limit=longest)


async def _query(scope: Scope, receive: Receive, send: Send, operation: Operation) -> None:
    state: State = scope["app"].state
    question = Question(
        query=operation.text,
        choices=choose(header(scope, b"accept") or "", operation.format),
        seconds=seconds_asked(operation.timeout, state.settings.query_seconds),
        gzip=accepts_gzip(header(scope, b"accept-encoding") or ""),
        default_graphs=operation.default_graphs,
        named_graphs=operation.named_graphs,
        base_iri=base_of(scope),
        request=request_key(scope) if state.scratch is None else None,
    )
    try:
        await deliver(scope, receive, send, question)
    except MalformedQuery as error:
        if form_of(operation.text) == "update":
            error.extras["hint"] = f"This is an update, not a query. {_how_to_change(state)}"
        raise


async def _update(scope: Scope, receive: Receive, send: Send, operation: Operation) -> None:
    state: State = scope["app"].state
    if state.scratch is None:
        raise UpdateRefused(f"The public graph cannot be updated. {_how_to_change(state)}")
    seconds = seconds_asked(operation.timeout, state.settings.query_seconds)
    with state.limits.admit(scope), Watch(receive) as watch:
        await state.scratch.update(
            operation.text,
            using_default=operation.default_graphs or (),
            using_named=operation.named_graphs or (),
            seconds=seconds,
            base_iri=base_of(scope),
        )
        watch.stop()
        await Response(status_code=204)(scope, receive, send)


def _how_to_change(state: State) -> str:
    if state.scratch is not None:
        return f"Send it by POST, as the form field update or as application/sparql-update, to {PATH} or {UPDATE_PATH}."
    base = state.settings.base_iri
    return (
        f"Data come in as contributions: send them by PUT to {base}graph/ and the name of your source, "
        f"or use the form at {base}contributions."
    )


def request_url(scope: Scope) -> str:
    """The address of the request, without its query."""
    host = header(scope, b"host")
    if not host:
        address, port = scope.get("server") or ("localhost", None)
        host = f"{address}:{port}" if port else str(address)
    return f"{scope['scheme']}://{host}{scope['raw_path'].decode('ascii')}"


def base_of(scope: Scope) -> str:
    """What relative IRIs in a query are resolved against (RFC 3986 §5.1.3).

    The public server stands for its base, whatever host it runs on, so that an answer does not depend on the host.
    """
    state: State = scope["app"].state
    if state.scratch is not None:
        return request_url(scope)
    return f"{state.settings.base_iri}{PATH.removeprefix('/')}"


async def _describe(scope: Scope, send: Send, operation: Operation) -> None:
    accept = header(scope, b"accept") or ""
    chosen = choose_graph(accept, operation.format, RDF_FORMATS)
    state: State = scope["app"].state
    body = await service_description(state, request_url(scope), chosen.format)
    await deliver_document(scope, send, body, chosen.content_type)
