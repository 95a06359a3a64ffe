"""``/graph``: the Graph Store HTTP Protocol (https://www.w3.org/TR/sparql11-http-rdf-update/).

A named graph is read at its own address, ``/graph/{source}``, or as ``/graph?graph={iri}``; the default graph as
``/graph?default``. What the owner of a source writes is a contribution (``intake``); in scratch mode everybody writes
everywhere.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Iterator
from email.parser import BytesParser
from email.policy import HTTP

from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from v4graph.errors import (
    BadRequest,
    MethodNotAllowed,
    PreconditionFailed,
    UnknownGraph,
    UnknownParameter,
    UnsupportedMediaType,
    UpdateRefused,
)
from v4graph.ledger import Entry
from v4graph.queries import load_query
from v4graph.rdf import N_TRIPLES, RDF_FORMATS, TURTLE, Format, format_of_ending, format_of_media_type
from v4graph.sandbox.documents import Document, Parsed, parse_documents
from v4graph.web import entities, outcomes
from v4graph.web.actors import check_form, in_ledger, require_caller
from v4graph.web.answers import graph_tag, same_graph
from v4graph.web.delivery import Question, deliver, header, present_snapshot, request_key
from v4graph.web.intake import Submission, act, require_owner, take, wish_of
from v4graph.web.limits import read_body
from v4graph.web.negotiation import Choices, accepts_gzip, choose_graph, prefers_html
from v4graph.web.operations import absolute_iri, media_type_of, one, read_fields
from v4graph.web.sparql import request_url

PATH = "/graph"
WHAT = "A graph is changed by a contribution of its owner"
_METHODS = "GET, HEAD, PUT, POST, DELETE, OPTIONS"
_MULTIPART = "multipart/form-data"


def add_routes(app: FastAPI) -> None:
    """Put the graph store into an application."""
    endpoint = _Endpoint()
    app.state.editions = Editions()
    app.router.routes.append(Route(PATH, endpoint))
    app.router.routes.append(Route(f"{PATH}/{{name:path}}", endpoint))


class _Endpoint:
    """The protocol as an ASGI application."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state: State = scope["app"].state
        method: str = scope["method"]
        if method == "OPTIONS":
            await Response(status_code=204, headers={"Allow": _METHODS})(scope, receive, send)
        elif method in ("GET", "HEAD"):
            await _read(scope, receive, send)
        elif method not in ("PUT", "POST", "DELETE"):
            raise MethodNotAllowed(f"{method} is not possible here. Use {_METHODS}.", headers={"Allow": _METHODS})
        else:
            write = _write if state.scratch is not None else _contribute
            await (await write(scope, receive))(scope, receive, send)


def _graph(scope: Scope) -> str | None:
    """The IRI of the graph a request is about, None for the default graph (§4.1, §4.2)."""
    state: State = scope["app"].state
    name: str = scope["path_params"].get("name", "")
    if name:
        # a graph of a scratch store is named by its own address; a published one by its source
        iri: str = request_url(scope) if state.scratch is not None else state.iris.graph(name)
        return absolute_iri(iri, "the address")
    fields = read_fields(scope["query_string"], "the address")
    graph, default = one(fields, "graph"), one(fields, "default")
    if (graph is None) == (default is None):
        raise UnknownParameter(
            f"Say which graph: {PATH}/ and the name of a source, {PATH}?graph= and its IRI, or {PATH}?default.",
            parameter="graph",
        )
    return None if graph is None else absolute_iri(graph, "graph")


async def _read(scope: Scope, receive: Receive, send: Send) -> None:
    state: State = scope["app"].state
    fields = read_fields(scope["query_string"], "the address")
    name: str = scope["path_params"].get("name", "")
    wants_page = one(fields, "format") is None and prefers_html(header(scope, b"accept") or "", TURTLE)
    if state.scratch is None and name and (wants_page or "/" in name):
        # the page of a source, or a thing named below it (a revision), which is no graph
        await (await entities.answer(Request(scope, receive)))(scope, receive, send)
        return
    graph = _graph(scope)
    chosen = choose_graph(header(scope, b"accept") or "", one(fields, "format") or one(fields, "output"), RDF_FORMATS)
    edition = await _edition(state, graph)
    await _require(state, graph, edition)
    question = Question(
        query=load_query("platform/graph-content", state.iris),
        choices=Choices(None, chosen),
        seconds=state.settings.query_seconds,
        gzip=accepts_gzip(header(scope, b"accept-encoding") or ""),
        default_graphs=None if graph is None else (graph,),
        named_graphs=None if graph is None else (),
        request=request_key(scope) if state.scratch is None else None,
        edition=edition.content if edition else None,
    )
    await deliver(scope, receive, send, question)


async def _edition(state: State, graph: str | None) -> Entry | None:
    """The revision of a source's graph, None for a graph that is no source's."""
    if graph is None or state.scratch is not None:
        return None
    editions: Editions = state.editions
    return (await editions.of(state)).get(state.iris.source(graph))


class Editions:
    """The revision of every source's graph in a snapshot, looked up once for each."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._known: tuple[str, dict[str, Entry]] = ("", {})

    async def of(self, state: State) -> dict[str, Entry]:
        """The revisions, by source."""
        snapshot = present_snapshot(state)
        if self._known[0] != snapshot.token:
            found = await in_ledger(state, lambda ledger: ledger.latest("revision", until=snapshot.number))
            self._known = snapshot.token, found
        return self._known[1]


async def _require(state: State, graph: str | None, edition: Entry | None = None) -> None:
    if edition is not None and edition.detail.get("mode") != "withdrawal":
        return  # also an empty one
    if edition is not None:
        raise UnknownGraph(
            f"The graph {graph} was withdrawn by its owner. {graph}/history tells when and why, and what it held."
        )
    if graph is not None and graph not in await state.catalogue.names(state):
        raise UnknownGraph(f"There is no graph {graph}. The description of {state.iris.base}sparql lists all graphs.")


async def _write(scope: Scope, receive: Receive) -> Response:
    state: State = scope["app"].state
    method: str = scope["method"]
    base = request_url(scope)
    named_by_server = method == "POST" and not scope["path_params"].get("name") and not scope["query_string"]
    graph = f"{base.rstrip('/')}/{secrets.token_hex(8)}" if named_by_server else _graph(scope)
    if method == "DELETE":
        await _require(state, graph)
        with state.limits.admit(scope):
            await state.scratch.delete(graph)
        return _done("The default graph was emptied." if graph is None else f"The graph {graph} was removed.")
    body = await read_body(scope, receive, state.settings.upload_mb << 20, "A document")
    content_type = header(scope, b"content-type")
    is_form = media_type_of(content_type)[0] == _MULTIPART
    if is_form and method != "POST":
        raise UnsupportedMediaType(f"{_MULTIPART} is for POST; send one document.")
    write = state.scratch.put if method == "PUT" else state.scratch.post
    with state.limits.admit(scope):
        if is_form:
            content, fmt = await _united(_documents_of(content_type or "", body), graph or base, state), N_TRIPLES
        else:
            content, fmt = body, format_of(content_type)
        created = await write(graph, content, fmt, graph or base)
    if created or named_by_server:
        return Response(status_code=201, headers={"Location": graph} if named_by_server and graph is not None else None)
    if method == "PUT" or not body:
        return Response(status_code=204)
    return _done(f"The document was added to {'the default graph' if graph is None else f'the graph {graph}'}.")


async def _contribute(scope: Scope, receive: Receive) -> Response:
    """What the owner of a source writes: PUT its whole graph, POST more into it, DELETE it (§5.3, §5.5, §5.4)."""
    request = Request(scope, receive)
    method: str = scope["method"]
    await require_caller(request, WHAT)
    source = _own_source(scope)
    caller = await require_owner(request, source, WHAT)
    content_type = header(scope, b"content-type")
    fields: dict[str, str] = {}
    if method != "DELETE":
        body = await read_body(scope, receive, request.app.state.settings.upload_mb << 20, "A document")
        documents, fields = await asyncio.to_thread(_written, method, content_type, body)
    check_form(request, caller, fields)
    before, base = await condition(request, source)
    wish = wish_of(request, fields, base=base)
    if method == "DELETE":
        if not before:
            raise UnknownGraph(f"There is no graph {request.app.state.iris.graph(source)}: it holds nothing.")
        note = wish.note or "Withdrawn by DELETE at the address of the graph."
        outcome = await act(request, caller, "withdraw", source, note, key=wish.key, base=base, dry_run=wish.dry_run)
        return await outcomes.answer(request, caller, outcome, status=200, wish=wish)
    mode = "replacement" if method == "PUT" else "difference"
    sent = Submission(source, mode, tuple(documents), media_type_of(content_type)[0])
    outcome = await take(request, caller, sent, wish)
    status = 201 if not before else 204 if method == "PUT" or not sent.payload.strip() else 200
    return await outcomes.answer(request, caller, outcome, status=status, wish=wish)


def _own_source(scope: Scope) -> str:
    """The source whose graph is written.

    Raises:
        UpdateRefused: the graph is none that somebody owns.
    """
    state: State = scope["app"].state
    name: str = scope["path_params"].get("name", "")
    if not name and not scope["query_string"]:
        raise UpdateRefused("A graph here belongs to a source, so it cannot be named by the server. Use your source's.")
    graph = state.iris.graph(name) if name else _graph(scope)
    if graph is None:
        raise UpdateRefused(
            "The default graph is worked out from what all sources say. Write to the graph of your source: it is "
            "changed by a contribution."
        )
    return str(state.iris.source(graph))


def _written(method: str, content_type: str | None, body: bytes) -> tuple[list[tuple[bytes, Format]], dict[str, str]]:
    """The documents of a request that writes, and the fields of its form."""
    if media_type_of(content_type)[0] != _MULTIPART:
        return [(body, format_of(content_type))], {}
    if method != "POST":
        raise UnsupportedMediaType(f"{_MULTIPART} is for POST; send one document.")
    documents, fields = parts_of(content_type or "", body)
    if not documents:
        raise BadRequest("The form has no file. Send each document as a part with a file name.")
    return documents, fields


async def condition(request: Request, source: str) -> tuple[bool, int | None]:
    """Whether a source's graph holds anything, and the revision that a change is made against, when it says so.

    Raises:
        PreconditionFailed: the graph is not as ``If-Match`` or ``If-None-Match`` wants it (RFC 9110 §13.1).
    """
    state: State = request.app.state
    entry = await in_ledger(state, lambda ledger: ledger.current("revision", source))
    exists = entry is not None and entry.detail.get("mode") != "withdrawal"
    revision = (entry.revision or 0) if entry else 0
    unless, only = request.headers.get("if-none-match"), request.headers.get("if-match")
    if unless is not None and (exists and (unless.strip() == "*" or _names(unless, entry))):
        raise PreconditionFailed(f"The graph “{source}” is there already, at revision {revision}.", revision=revision)
    if only is None:
        return exists, revision if unless is not None else None
    if only.strip() == "*":
        if not exists:
            raise PreconditionFailed(f"The graph “{source}” holds nothing yet.", revision=revision)
        return exists, None
    if exists and _names(only, entry):
        return exists, revision
    earlier = await in_ledger(state, lambda ledger: ledger.entries(source=source, kind="revision", backwards=True))
    known = next((found.revision for found in earlier if _names(only, found)), None)
    if known is None:
        raise PreconditionFailed(
            f"The graph “{source}” is at revision {revision}, and never was what If-Match names. Fetch it again.",
            revision=revision,
        )
    return exists, known  # where it is too late, the difference is told


def _names(condition: str, entry: Entry | None) -> bool:
    """Whether a list of entity tags has one of a revision, in whichever format and compression it was fetched."""
    given = {same_graph(tag) for tag in condition.split(",")}
    return entry is not None and any(
        graph_tag(entry.content or "", fmt.media_type, False) in given for fmt in RDF_FORMATS
    )


def _done(sentence: str) -> Response:
    """What was done, in words: with 200 there has to be an entity (§5.4, §5.5)."""
    return Response(f"{sentence}\n", media_type="text/plain")


def format_of(content_type: str | None) -> Format:
    """The RDF syntax of a ``Content-Type``; raises UnsupportedMediaType."""
    media_type, _ = media_type_of(content_type)
    found = format_of_media_type(media_type)
    if found is None:
        said = f"{media_type} is not read here" if media_type else "The document has no Content-Type"
        accepted = ", ".join(f.media_type for f in RDF_FORMATS)
        raise UnsupportedMediaType(f"{said}. Send a graph as {accepted}.")
    return found


async def _united(documents: Iterable[tuple[bytes, Format]], base: str, state: State) -> bytes:
    """Several documents as one, so that all are stored or none."""
    read = [Document(content, fmt, "", base) for content, fmt in documents]
    lines: list[str] = []
    for parsed in await asyncio.to_thread(parse_documents, read, state.settings, state.parsers):
        if not isinstance(parsed, Parsed):
            raise parsed
        lines += parsed.lines
    return "".join(f"{line}\n" for line in lines).encode()


def _documents_of(content_type: str, body: bytes) -> Iterator[tuple[bytes, Format]]:
    """The documents of a form with files."""
    documents, _ = parts_of(content_type, body)
    if not documents:
        raise BadRequest("The form has no file. Send each document as a part with a file name.")
    yield from documents


def parts_of(content_type: str, body: bytes) -> tuple[list[tuple[bytes, Format]], dict[str, str]]:
    """The documents and the fields of a form (RFC 7578); a text without a file name is a field."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    form = BytesParser(policy=HTTP).parsebytes(head + body)
    documents: list[tuple[bytes, Format]] = []
    fields: dict[str, str] = {}
    for part in form.iter_parts() if form.is_multipart() else ():
        name = part.get_filename()
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes) or (name == "" and not content):  # a browser sends the file nobody chose
            continue
        if name is None and part.get_content_type() == "text/plain":
            field = part.get_param("name", header="content-disposition")
            fields[str(field)] = content.decode(errors="replace").strip()
            continue
        by_name = format_of_ending(name.rpartition(".")[2]) if name else None
        documents.append(
            (content, format_of_media_type(part.get_content_type()) or by_name or format_of(part.get_content_type()))
        )
    return documents, fields
