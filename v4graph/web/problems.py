"""Errors as the client reads them: ``application/problem+json`` (RFC 9457), or the same words on a page."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from v4graph.errors import BadRequest, MethodNotAllowed, NotFound, V4GraphError
from v4graph.iris import PUBLIC_BASE, Iris
from v4graph.report import Report
from v4graph.reporting import to_json
from v4graph.web import pages
from v4graph.web.logs import REQUEST
from v4graph.web.negotiation import HTML, PROBLEM, Choice, prefers_html
from v4graph.web.telling import Links, preferred_languages
from v4graph.web.words import FALLBACK, LANGUAGES

log = logging.getLogger(__name__)


def problem_response(
    error: V4GraphError,
    accept: str,
    base_iri: str,
    path: str = "",
    *,
    language: str = FALLBACK,
    asked: str | None = None,
) -> Response:
    """An error as JSON, or as a page for a browser; ``path`` is where the page stands, for its links.

    The page is in ``language``; ``asked`` is the one the address asks for, which goes along with the links.
    """
    problem = error.problem(base_iri)
    if request := REQUEST.get():
        problem["request"] = request
    if isinstance(problem.get("report"), Report):
        problem["report"] = to_json(problem["report"])
    headers = {"Vary": "Accept, Accept-Language", "Cache-Control": "no-store", **error.headers}
    if prefers_html(accept):
        body, label = (
            pages.problem_page(problem, Links(path, Iris(base_iri), asked, language)),
            Choice(HTML, HTML.media_type),
        )
        headers |= pages.HEADERS
    else:
        body = json.dumps(problem, ensure_ascii=False, default=str).encode()
        label = Choice(PROBLEM, PROBLEM.media_type)
    return Response(body, error.status, {"Content-Type": label.content_type.decode(), **headers})


def add_error_handlers(app: FastAPI) -> None:
    """Answer every exception with a problem: ours, the framework's, and the ones nobody expected."""
    app.add_exception_handler(V4GraphError, _ours)
    app.add_exception_handler(HTTPException, _of_the_framework)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(Exception, _unexpected)


def _respond(request: Request, error: V4GraphError) -> Response:
    request.app.state.metrics.problem(error.slug)
    settings = getattr(request.app.state, "settings", None)
    base_iri = settings.base_iri if settings is not None else PUBLIC_BASE
    path = request.scope["path"].removeprefix(request.scope.get("root_path", "")).lstrip("/")
    preferred = preferred_languages(request.headers.get("accept-language", ""))
    asked = request.query_params.get("lang")
    asked = asked if asked in LANGUAGES else None
    accept = request.headers.get("accept", "")
    return problem_response(error, accept, base_iri, path, language=asked or preferred[0], asked=asked)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, V4GraphError)
    return _respond(request, error)


async def _of_the_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    told: V4GraphError
    if error.status_code == HTTPStatus.NOT_FOUND:
        told = NotFound(f"Nothing is published at {request.url.path}.", headers=headers)
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        told = MethodNotAllowed(f"{request.method} is not possible at {request.url.path}.", headers=headers)
    else:
        told = BadRequest(str(error.detail), headers=headers)
        told.status = error.status_code  # type: ignore[misc]  # one instance, one status
        told.title = HTTPStatus(error.status_code).phrase  # type: ignore[misc]
    return _respond(request, told)


async def _of_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    findings = [f"{'.'.join(str(part) for part in found['loc'])}: {found['msg']}" for found in error.errors()]
    return _respond(request, BadRequest("; ".join(findings) + "."))


async def _unexpected(request: Request, error: Exception) -> Response:
    return _respond(request, mistake(error, request.method, request.url.path))


def mistake(error: Exception, method: str, path: str) -> V4GraphError:
    """What is told about an error nobody expected: the id of the request, under which the log tells the rest."""
    log.error("a mistake at %s %s", method, path, exc_info=error)
    return V4GraphError(f"The server made a mistake. Its log tells more under the number {REQUEST.get()}.")
