"""The front of the application: requests that need none of the framework's machinery are answered before it.

A GET that came before is answered from memory before anything is parsed, and ``/sparql`` is answered by its
endpoint directly: passing a request through the framework's layers costs about as much as asking a small query.
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from v4graph.errors import V4GraphError
from v4graph.web.answers import Kept
from v4graph.web.cors import CrossOrigin
from v4graph.web.delivery import worded
from v4graph.web.moments import asked
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
        """Answer from memory, by an endpoint, by the framework, or from a past state."""
        repeated = self.repeated(scope)
        if repeated is not None:
            kept, if_none_match = repeated
            await kept.send(send, if_none_match)
            return
        accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
        dated = next((value for name, value in scope["headers"] if name == b"accept-datetime"), None)
        looks_past = dated is not None or b"at=" in scope["query_string"] or b"snapshot=" in scope["query_string"]
        if looks_past and self._state.moments is not None and await self._past(scope, receive, send, dated, accept):
            return
        scope["app"] = self._app
        if scope["path"] not in self._endpoints:
            await self._framework(scope, receive, send)
        elif self._everyone and scope["method"] != "OPTIONS":
            await self._answer(scope, receive, send)
        else:
            await self._guarded(scope, receive, send)

    def repeated(self, scope: Scope) -> tuple[Kept, str | None] | None:
        """The answer to a GET which came just like this before, and what the client says it has, or None."""
        snapshot = self._state.sandbox.snapshot
        if scope["method"] != "GET" or not self._everyone or snapshot is None:
            return None
        accept = encoding = b""
        language = host = if_none_match = None
        for name, value in scope["headers"]:
            if name == b"accept":
                accept = value
            elif name == b"accept-encoding":
                encoding = value
            elif name == b"if-none-match":
                if_none_match = value
            elif name == b"accept-language" and language is None:
                language = value
            elif name == b"host" and host is None:
                host = value
            elif name == b"accept-datetime":
                return None
        # What asks for the past by its address is never remembered, so it is not found.
        key = scope["path"], scope["query_string"], accept, encoding
        kept: Kept | None = self._state.answers.repeated(key, snapshot.token)
        if kept is None and b"text/html" in accept:
            of_page = worded(key, (language or b"").decode("latin-1"), (host or b"").decode("latin-1"))
            kept = self._state.answers.repeated(of_page, snapshot.token)
        return (kept, if_none_match.decode("latin-1") if if_none_match else None) if kept else None

    async def _past(self, scope: Scope, receive: Receive, send: Send, dated: bytes | None, accept: bytes) -> bool:
        """Answer a request from the state it asks for; says whether it asked for one."""
        async with AsyncExitStack() as stack:
            try:
                wanted = asked(scope, dated)
                if wanted is None:
                    return False
                turned, send_marked = await stack.enter_async_context(self._state.moments.turn(scope, send, wanted))
            except Exception as error:
                await self._problem(error, accept, scope, receive, send)
                return True
            await turned["app"](turned, receive, send_marked)
            for name in ("route", "endpoint"):  # so that who stands before knows them, too
                if name in turned:
                    scope[name] = turned[name]
            return True

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._endpoints[scope["path"]](scope, receive, send)
        except Exception as error:
            accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
            await self._problem(error, accept, scope, receive, send)

    async def _problem(self, error: Exception, accept: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        told = error if isinstance(error, V4GraphError) else mistake(error, scope["method"], scope["path"])
        self._state.metrics.problem(told.slug)
        path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        response = problem_response(told, accept.decode("latin-1"), self._state.settings.base_iri, path)
        response.raw_headers.extend(self._state.open_headers)
        await response(scope, receive, send)
