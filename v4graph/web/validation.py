"""``/contributions/validate``: what the rules say of a document, without an account and without any effect.

The document is the body, or a file in a form. It is read in one confined process and checked in another; this one
only carries bytes, and answers in the format the client accepts.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from v4graph.errors import BadRequest, UnknownParameter, UnsupportedMediaType, V4GraphError
from v4graph.iris import Iris
from v4graph.proposals import Concern
from v4graph.rdf import GRAPH_FORMATS, JSON_LD, N_TRIPLES, RDF_FORMATS, RDF_XML, TURTLE, Format
from v4graph.report import Report
from v4graph.reporting import LISTED, render_text, to_json, to_rdf
from v4graph.rules import load_rules
from v4graph.sandbox.documents import Document, Parsed, parse_documents
from v4graph.web import pages
from v4graph.web.delivery import Watch, header
from v4graph.web.graphs import format_of, parts_of
from v4graph.web.intake import checked_beside
from v4graph.web.limits import read_body
from v4graph.web.negotiation import HTML, Choice, negotiate, not_acceptable, prefers_html
from v4graph.web.operations import media_type_of
from v4graph.web.replies import links_of
from v4graph.web.telling import Links
from v4graph.web.words import LANGUAGES

PATH = "/contributions/validate"
JSON_REPORT = Format("json", ("application/json",), "", "JSON")
TEXT = Format("txt", ("text/plain",), "", "text")
FORMATS = (JSON_REPORT, HTML, TEXT, TURTLE, JSON_LD, N_TRIPLES, RDF_XML)
"""What a report may be answered in; the RDF formats hold a SHACL validation report."""
_SHORTCUTS = {fmt.ending: fmt for fmt in FORMATS if fmt.ending} | {"html": HTML, "text": TEXT}
_SOURCE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_ANYWHERE = "document"
"""The source of a document that names none: nobody's."""
_METHODS = "GET, HEAD, POST, OPTIONS"


def add_routes(app: FastAPI) -> None:
    """Put the address into an application."""
    app.router.routes.append(Route(PATH, _Endpoint()))


@dataclass(frozen=True, slots=True)
class _Submitted:
    """What was sent: the document, and what the form said besides."""

    content: bytes
    format: Format
    fields: dict[str, str]


class _Endpoint:
    """The dry run as an ASGI application."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method: str = scope["method"]
        if method in ("GET", "HEAD"):
            links, preferred = links_of(Request(scope))
            await _page(links, None, preferred[0], 200)(scope, receive, send)
        elif method == "POST":
            await _validate(scope, receive, send)
        else:
            status = 204 if method == "OPTIONS" else 405
            await Response(status_code=status, headers={"Allow": _METHODS})(scope, receive, send)


async def _validate(scope: Scope, receive: Receive, send: Send) -> None:
    state: State = scope["app"].state
    request = Request(scope)
    accept = header(scope, b"accept") or ""
    choice = _choice(accept, request.query_params.get("format"))
    links, preferred = links_of(request)
    try:
        body = await read_body(scope, receive, state.settings.upload_mb << 20, "A document")
        with state.limits.admit(scope), Watch(receive) as watch:
            sent = await asyncio.to_thread(_submitted, header(scope, b"content-type"), body)
            language = _language(sent.fields.get("lang")) or preferred[0]
            source = _source(request.query_params.get("source") or sent.fields.get("source"))
            report = await _report(state, sent, source)
            answer = await asyncio.to_thread(_written, report, choice, language, links)
            watch.stop()
            await answer(scope, receive, send)
    except V4GraphError as error:
        if not prefers_html(accept):
            raise
        await _page(links, None, preferred[0], error.status, error)(scope, receive, send)


def _choice(accept: str, shortcut: str | None) -> Choice:
    """The format of the report, by ``?format=`` or by ``Accept``."""
    if shortcut is not None:
        fmt = _SHORTCUTS.get(shortcut.strip().lower())
        chosen = Choice(fmt, fmt.media_type) if fmt else None
    else:
        chosen = negotiate(accept, FORMATS)
    if chosen is None:
        raise not_acceptable(FORMATS)
    return chosen


def _language(asked: str | None) -> str | None:
    if asked and asked not in LANGUAGES:
        raise UnknownParameter(f"lang is one of {', '.join(LANGUAGES)}.", parameter="lang")
    return asked or None


def _source(asked: str | None) -> str | None:
    if asked and not _SOURCE.fullmatch(asked[:200]):
        raise UnknownParameter(
            "source is the name of a source, such as nca-projects: small letters, digits and hyphens.",
            parameter="source",
        )
    return asked or None


def _submitted(content_type: str | None, body: bytes) -> _Submitted:
    """The document of a request, and the fields of a form."""
    media_type, charset = media_type_of(content_type)
    if media_type != "multipart/form-data":
        if charset not in ("utf-8", "utf8", "us-ascii", ""):
            raise BadRequest(f'The body is in the charset "{charset[:40]}". Send it as UTF-8.')
        return _Submitted(body, format_of(content_type), {})
    try:
        files, fields = parts_of(content_type or "", body)
    except RecursionError:
        raise BadRequest("The form is nested too deeply.") from None
    if len(files) != 1:
        raise BadRequest(f"The form has {len(files)} files. Choose one file.")
    [(content, fmt)] = files
    if not content:
        raise BadRequest("The form has an empty file. Choose a file.")
    return _Submitted(content, fmt, fields)


async def _report(state: State, sent: _Submitted, source: str | None) -> Report:
    prefix = state.iris.genid(source or _ANYWHERE, "")
    document = Document(sent.content, sent.format, prefix, one_graph=True)
    [parsed] = await asyncio.to_thread(parse_documents, [document], state.settings, state.parsers)
    if not isinstance(parsed, Parsed):
        raise parsed
    return await checked_beside(state, Concern(parsed.lines), state.sandbox.snapshot, source)


def _written(report: Report, choice: Choice, language: str, links: Links) -> Response:
    if choice.format is HTML:
        return _page(links, report, language, 200)
    if choice.format is JSON_REPORT:
        body = json.dumps(to_json(report, language), ensure_ascii=False).encode()
    elif choice.format is TEXT:
        body = f"{render_text(report, language)}\n".encode()
    elif choice.format in GRAPH_FORMATS:
        body = to_rdf(report, choice.format)
    else:
        raise UnsupportedMediaType(f"{choice.media_type} is not written here.")
    headers = {"Content-Type": choice.content_type.decode(), **_headers(), "X-Content-Type-Options": "nosniff"}
    if choice.format in (JSON_REPORT, TEXT):
        headers["Content-Language"] = language
    return Response(body, 200, headers)


def report_page(report: Report, language: str, iris: Iris) -> bytes:
    """The page of a report, to be kept as a file: its links lead to the published site."""
    page = bytes(_page(Links(PATH.lstrip("/"), iris, language), report, language, 200).body)
    for name in ("href", "src"):
        page = page.replace(f'{name}="../'.encode(), f'{name}="{iris.base}'.encode())
    return page


def _headers() -> dict[str, str]:
    return {"Vary": "Accept, Accept-Language", "Cache-Control": "no-store"}


def _page(
    links: Links, report: Report | None, language: str, status: int, error: V4GraphError | None = None
) -> Response:
    phrases = load_rules(links.iris).phrases
    body = pages.render(
        "validate.html",
        links,
        report=report,
        report_language=language,
        phrases={name: texts.get(language, texts["en"]) for name, texts in phrases.items()},
        listed=LISTED * 10,
        problem=error.problem(links.iris.base) if error else None,
        formats=RDF_FORMATS,
    )
    headers = {**pages.HEADERS, **_headers(), **(error.headers if error else {})}
    return Response(body, status, headers, "text/html")
