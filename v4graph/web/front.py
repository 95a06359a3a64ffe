"""The front of the application: requests that need none of the framework's machinery are answered before it.

A GET that came before is answered from memory before anything is parsed, and ``/sparql`` is answered by its
endpoint directly: passing a request through the framework's layers costs about as much as asking a small query.
"""

from __future__ import annotations

import logging

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from v4graph.errors import V4GraphError
from v4graph.web.cors import CrossOrigin
from v4graph.web.problems import mistake, problem_response

log = logging.getLogger(__name__)


class Front:
    """ASGI application around the framework's own."""

    def __init__(self, app: FastAPI, framework: ASGIApp, endpoints: dict[str, ASGIApp]) -> None:
        """``endpoints`` are answered here, by path; everything else by ``framework``."""
        self._app = app
        self._state = app.state
        self._endpoints = endpoints
        origins = app.state.settings.cors_origins
        self._everyone = "*" in origins.split()
        self._guarded = CrossOrigin(self._answer, origins)
        self._framework = CrossOrigin(framework, origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from memory, by an endpoint, or by the framework."""
        method: str = scope["method"]
        if method == "GET" and self._everyone:
            snapshot = self._state.sandbox.snapshot
            if snapshot is not None:
                accept = encoding = b""
                if_none_match = None
                for name, value in scope["headers"]:
                    if name == b"accept":
                        accept = value
                    elif name == b"accept-encoding":
                        encoding = value
                    elif name == b"if-none-match":
                        if_none_match = value.decode("latin-1")
                request = scope["path"], scope["query_string"], accept, encoding
                kept = self._state.answers.repeated(request, snapshot.token)
                if kept is not None:
                    await kept.send(send, if_none_match)
                    return
        scope["app"] = self._app
        if scope["path"] not in self._endpoints:
            await self._framework(scope, receive, send)
        elif self._everyone and method != "OPTIONS":
            await self._answer(scope, receive, send)
        else:
            await self._guarded(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._endpoints[scope["path"]](scope, receive, send)
        except Exception as error:
            told = error if isinstance(error, V4GraphError) else mistake(error, scope["method"], scope["path"])
            accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
            response = problem_response(told, accept.decode("latin-1"), self._state.settings.base_iri)
            response.raw_headers.extend(self._state.open_headers)
            await response(scope, receive, send)
