"""The gate before the application: every request gets an id, is counted and written down, or is turned away at the end.

A server that ends has shut its door: a proxy is refused the connection and asks another server, whatever the method.
Who is inside already is answered for a moment, and told to leave; then what comes new is turned away with 503 and
``Retry-After``, while the answers under way finish. https://www.rfc-editor.org/rfc/rfc9110#section-15.6.4
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Callable, Iterable
from http import HTTPStatus
from time import monotonic, perf_counter
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import State
from starlette.routing import Match, Mount, Route
from starlette.types import Message, Receive, Scope, Send

from v4graph.errors import Overloaded
from v4graph.web.front import Front
from v4graph.web.logs import POLLED, REQUEST, RequestLines
from v4graph.web.metrics import Metrics
from v4graph.web.problems import problem_response

log = logging.getLogger(__name__)

NOTICE = 0.5
"""Seconds for which a server that ends still answers those whose connection it has taken."""
CLIENT_LEFT = 499
"""The status that is written down when the client did not wait for one."""
_SANE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{3,127}")
"""What is taken over of an ``X-Request-Id``."""
_MOST_KNOWN, _LONGEST_PATH = 4096, 256


class Gate:
    """ASGI application around the front."""

    def __init__(self, front: Front, app: FastAPI, endpoints: Iterable[str]) -> None:
        """Before the front of an application, which answers ``endpoints`` without a route."""
        self._front = front
        self._state: State = app.state
        self._metrics: Metrics = app.state.metrics
        self._endpoints = frozenset(endpoints)
        self._known: dict[str, str] = {}
        self._routes: dict[Any, list[Route | Mount]] = {}
        for route in app.routes:
            if isinstance(route, Route | Mount):
                self._routes.setdefault(route.app if isinstance(route, Mount) else route.endpoint, []).append(route)
        self._prefix, self._count = secrets.token_hex(4), 0
        self.lines: RequestLines | None = None
        self.draining = self.refusing = False
        self.under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or turn it away; write down what came of it."""
        began = perf_counter()
        path: str = scope["path"]
        name = self._name(scope)
        header = (b"x-request-id", name.encode())
        token = REQUEST.set(name)
        status = size = 0
        complete = False
        snapshot: bytes | None = None

        async def send_named(message: Message) -> None:
            nonlocal status, size, complete, snapshot
            if message["type"] == "http.response.start":
                status = message["status"]
                for key, value in message["headers"]:
                    if key == b"v4graph-snapshot":
                        snapshot = value
                named = [*message["headers"], header]
                if self.draining:
                    named.append((b"connection", b"close"))
                message = {**message, "headers": named}
            else:
                size += len(message.get("body", b""))
                complete = not message.get("more_body", False)
            await send(message)

        watched = path in POLLED  # answered to the last
        self.under_way += not watched
        try:
            if self.refusing and not watched:
                await self._turn_away(scope, receive, send_named)
            else:
                await self._front(scope, receive, send_named)
        except Exception:
            if not complete:  # the server breaks the connection, and logs why
                status = status or HTTPStatus.INTERNAL_SERVER_ERROR
                raise
        finally:
            self.under_way -= not watched
            cut = status != 0 and not complete
            status = status or CLIENT_LEFT
            self._note(scope, name, status, perf_counter() - began, size, snapshot, cut=cut)
            REQUEST.reset(token)

    def at_once(self, scope: Scope) -> tuple[int, bytes, bytes] | None:
        """The status, headers and body of what is remembered: the quickest way, for what is asked most. Or None."""
        if self.draining:
            return None
        began = perf_counter()
        repeated = self._front.repeated(scope)
        if repeated is None:
            return None
        kept, if_none_match = repeated
        status, head, body = kept.written(if_none_match)
        name = self._name(scope)
        number = b"%d" % self._state.sandbox.snapshot.number
        self._note(scope, name, status, perf_counter() - began, len(body), number)
        return status, b"%bx-request-id: %b\r\n" % (head, name.encode()), body

    async def drain(self, seconds: float, hurry: Callable[[], bool]) -> int:
        """The door is shut: wait for what is under way, but not for ever; how much was left."""
        self.draining = True
        until = monotonic() + seconds
        log.info("ending", extra={"told": {"under_way": self.under_way}})
        await asyncio.sleep(NOTICE)
        self.refusing = True
        while self.under_way and monotonic() < until and not hurry():
            await asyncio.sleep(0.02)
        return self.under_way

    def _name(self, scope: Scope) -> str:
        """The id of a request: that of a proxy, or a new one."""
        given = b""
        for key, value in scope["headers"]:
            if key == b"x-request-id":
                given = value
        if given and _SANE.fullmatch(given):
            return given.decode()
        self._count += 1
        return f"{self._prefix}{self._count:08x}"

    def _note(
        self,
        scope: Scope,
        name: str,
        status: int,
        seconds: float,
        size: int,
        snapshot: bytes | None,
        *,
        cut: bool = False,
    ) -> None:
        """Count a request and write it down."""
        route = self._route(scope, scope["path"])
        self._metrics.answered(route, scope["method"], status, seconds, size, cut=cut)
        if self.lines is not None:
            self.lines.add(scope, name, route, status, seconds, size, snapshot, cut=cut)

    async def _turn_away(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = Overloaded(
            "This server is ending. Ask again in a moment: another one answers, or this one will be back.",
            headers={"Retry-After": "2"},
        )
        accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
        path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        response = problem_response(error, accept.decode("latin-1"), self._state.settings.base_iri, path)
        response.raw_headers.extend(self._state.open_headers)
        self._metrics.problem(error.slug)
        await response(scope, receive, send)

    def _route(self, scope: Scope, path: str) -> str:
        """The template of the route that answered. What is answered from memory passed a route before."""
        if path in self._endpoints:
            return path
        known = self._known.get(path)
        if known is not None:
            return known
        route: str | None = getattr(scope.get("route"), "path", None)
        if route is None:
            among = self._routes.get(scope.get("endpoint"), ())
            found = (r.path for r in among if len(among) == 1 or r.matches(scope)[0] is not Match.NONE)
            route = next(found, None)
        if route is None:
            return "unknown"
        if len(path) > _LONGEST_PATH:
            return route
        while len(self._known) >= _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[path] = route
        return route
