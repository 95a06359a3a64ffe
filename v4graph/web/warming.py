"""What pages share, worked out after the start: without a hurry, one after the other, so that visitors rarely wait.

It is done by asking for the pages as a visitor would. Whoever comes before waits for the same work, or is told when to
come again; that work is not begun a second time.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from time import monotonic
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import State
from starlette.types import ASGIApp, Message

from v4graph.web.pages import environment
from v4graph.web.words import LANGUAGES

log = logging.getLogger(__name__)

PATHS = (
    "/", "/clusters", "/map", "/projects", "/partners", "/country", "/network", "/timeline", "/sectors", "/sources",
    "/changes", "/ontology", "/search", *(f"/?lang={language}" for language in LANGUAGES if language != "en"),
)  # fmt: skip
"""In the order in which visitors are likely to want them."""
AFTER = 1.0
"""Seconds after the start: those who wait for the start come first."""
ENOUGH = 10.0
"""Seconds of work after which nothing more is begun: in a large store the first visitor of the other pages waits."""
_TRIES = 10
_PAUSE = 0.2
_LONGEST = 30.0
"""Seconds that others go first."""


async def warm(app: FastAPI, front: ASGIApp) -> None:
    """Ask for the pages that most depends on; what goes wrong is for the visitor who asks for it."""
    await asyncio.sleep(AFTER)
    for language in LANGUAGES:
        await asyncio.to_thread(environment, language)
    pages, worked = 0, 0.0
    for path in PATHS:
        if worked > ENOUGH:
            break
        for _ in range(_TRIES):
            await _step_aside(app.state)
            began = monotonic()
            status = await ask(front, path)
            worked += monotonic() - began
            if status != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            await asyncio.sleep(_PAUSE)
        pages += 1
    log.info("ready for visitors", extra={"told": {"pages": pages, "seconds": round(worked, 1)}})


async def _step_aside(state: State) -> None:
    """Let visitors who are here go first."""
    until = monotonic() + _LONGEST
    while state.limits.under_way and monotonic() < until:
        await asyncio.sleep(_PAUSE)


async def ask(front: ASGIApp, path: str) -> int:
    """Ask for a page as a browser would; the status of the answer."""
    path, _, query = path.partition("?")
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "root_path": "", "query_string": query.encode(),
        "headers": [(b"host", b"localhost"), (b"accept", b"text/html"), (b"accept-encoding", b"gzip")],
        "client": None, "server": None,
    }  # fmt: skip
    statuses: list[int] = []

    async def receive() -> Message:
        await asyncio.Event().wait()  # a visitor who stays
        raise AssertionError

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    try:
        await front(scope, receive, send)
    except Exception as error:
        log.warning("%s could not be made ready: %s", path, error)
    return statuses[0] if statuses else int(HTTPStatus.INTERNAL_SERVER_ERROR)
