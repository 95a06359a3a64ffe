"""``/dumps/``: everything as files, made by a child process when somebody first asks for them in a snapshot."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from contextlib import suppress
from functools import partial
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from v4graph import dumps
from v4graph.errors import NotFound, Overloaded, StoreError
from v4graph.rdf import Format
from v4graph.store.embedded import Snapshot
from v4graph.web import pages
from v4graph.web.delivery import present_snapshot
from v4graph.web.negotiation import HTML, negotiate, none_match, not_acceptable
from v4graph.web.replies import links_of, reply

log = logging.getLogger(__name__)

JSON = Format("json", ("application/json",), "", "JSON")
PATIENCE = 20.0
"""Seconds a request waits for the files; a larger graph takes longer, and the client is told to come again."""


def add_routes(app: FastAPI) -> None:
    """Add the list of files and the files."""
    app.state.dumps = Dumps()
    app.router.routes.append(Route("/dumps/", index))
    app.router.routes.append(Route("/dumps/{name}", file))


class Dumps:
    """Sees to it that the files of the present snapshot are made, once."""

    def __init__(self) -> None:
        """Start with nothing under way."""
        self._token = ""
        self._task: asyncio.Task[None] | None = None

    async def index(self, state: State) -> dict[str, Any]:
        """What files there are of the present snapshot; makes them when need be."""
        if state.scratch is not None:
            raise NotFound("A scratch server has no dumps. Ask it for its graphs at /graph.")
        snapshot = present_snapshot(state)
        told = await asyncio.to_thread(dumps.read_index, state.settings.home, snapshot.token)
        if told is not None:
            return told
        if self._task is None or self._task.done() or self._token != snapshot.token:
            await self.close()
            self._token = snapshot.token
            self._task = asyncio.create_task(_make(state, snapshot))
        try:
            await asyncio.wait_for(asyncio.shield(self._task), PATIENCE)
        except TimeoutError:
            raise Overloaded("The dumps are being made. Try again.", headers={"Retry-After": "30"}) from None
        told = await asyncio.to_thread(dumps.read_index, state.settings.home, snapshot.token)
        if told is None:
            raise Overloaded("The graph was published anew. Try again.", headers={"Retry-After": "2"})
        return told

    async def close(self) -> None:
        """Stop what is under way."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError, StoreError):
                await self._task


async def _make(state: State, snapshot: Snapshot) -> None:
    settings = state.settings
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "v4graph.dumps", str(settings.home), settings.base_iri, str(snapshot.number),
        str(snapshot.path), snapshot.token, snapshot.created, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        _, complaint = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode:
        log.error("the dumps were not made: %s", complaint.decode(errors="replace")[-2000:])
        raise StoreError("The dumps could not be made.")


async def index(request: Request) -> ASGIApp:
    """The list of files, with sizes and hashes."""
    choice = negotiate(request.headers.get("accept", ""), (HTML, JSON))
    if choice is None:
        raise not_acceptable((HTML, JSON))
    state: State = request.app.state
    told = await state.dumps.index(state)
    links, _ = links_of(request)
    page = choice.format is HTML
    make = partial(pages.render, "dumps.html", links, told=told) if page else partial(_as_json, told)
    return await reply(request, choice, ["dumps", links if page else "", told], make)


def _as_json(told: dict[str, Any]) -> bytes:
    return json.dumps(told, indent=2).encode()


async def file(request: Request) -> Response:
    """One file; parts of it by ``Range`` (RFC 9110 §14)."""
    state: State = request.app.state
    name = request.path_params["name"]
    told = await state.dumps.index(state)
    known = {dump["name"]: dump for dump in told["files"]}
    folder = dumps.folder_of(state.settings.home, present_snapshot(state).token)
    if name == dumps.SUMS:
        return FileResponse(folder / name, media_type="text/plain; charset=utf-8", headers=_headers(state))
    if name not in known:
        raise NotFound(f"There is no dump {name}. All of them are listed at /dumps/.")
    tag = f'"{known[name]["sha256"]}"'
    headers = {**_headers(state), "ETag": tag, "X-Content-Type-Options": "nosniff"}
    if none_match(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    return FileResponse(folder / name, media_type="application/gzip", headers=headers)


def _headers(state: State) -> dict[str, str]:
    opened = {name.decode(): value.decode() for name, value in state.open_headers}
    return {**opened, "Cache-Control": "no-cache", "V4graph-Snapshot": str(present_snapshot(state).number)}
