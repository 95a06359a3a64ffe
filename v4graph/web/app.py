"""The application: what is set up at start, what runs beside the requests, and which routes there are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from v4graph.checking import Checkers
from v4graph.errors import V4GraphError
from v4graph.iris import Iris
from v4graph.namespaces import prefixes
from v4graph.rdf import N_QUADS
from v4graph.sandbox.pool import Sandbox
from v4graph.settings import Settings
from v4graph.store import embedded
from v4graph.web import (
    api,
    catalogue,
    dumps,
    embeds,
    entities,
    graphs,
    health,
    lists,
    map,
    queries,
    releases,
    schema,
    search,
    sparql,
    validation,
)
from v4graph.web.answers import Answers
from v4graph.web.cors import open_headers
from v4graph.web.description import Catalogue
from v4graph.web.front import Front
from v4graph.web.limits import Limits
from v4graph.web.problems import add_error_handlers

if TYPE_CHECKING:
    from v4graph.sandbox.scratch import ScratchStore

log = logging.getLogger(__name__)

POLL_SECONDS = 0.25
"""How often the server looks whether something was published."""


class Application(FastAPI):
    """The framework's application, with a front before it."""

    front: Front

    def openapi(self) -> dict[str, Any]:
        """The description of the service, with the queries of the library."""
        if self.openapi_schema is None:
            schema = super().openapi()
            schema["paths"] |= queries.described(self.state.iris) | api.described(self.state.iris)
        return super().openapi()

    async def framework(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What the framework does with a request."""
        await super().__call__(scope, receive, send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the front see requests first."""
        await (self.front if scope["type"] == "http" else self.framework)(scope, receive, send)


def create_app(settings: Settings, *, scratch: ScratchStore | None = None, quads: Sequence[bytes] = ()) -> FastAPI:
    """The application of one instance; with ``scratch``, a writable playground instead of the published graph.

    ``quads`` are N-Quads documents that a playground holds from the start.
    """
    app = Application(title="v4graph", lifespan=_life, docs_url=None, redoc_url=None)
    app.state.settings = settings
    app.state.iris = Iris(settings.base_iri)
    app.state.scratch = scratch
    app.state.quads = quads
    app.state.sandbox = Sandbox(settings, prefixes=prefixes(app.state.iris))
    app.state.checkers = Checkers(settings)
    app.state.answers = Answers(settings.cache_mb)
    app.state.open_headers = open_headers(settings.cors_origins)
    app.state.limits = Limits(settings)
    app.state.catalogue = Catalogue()
    add_error_handlers(app)
    graphs.add_routes(app)
    validation.add_routes(app)
    health.add_routes(app)
    catalogue.add_routes(app)
    dumps.add_routes(app)
    releases.add_routes(app)
    queries.add_routes(app)
    schema.add_routes(app)
    search.add_routes(app)
    map.add_routes(app)
    embeds.add_routes(app)
    lists.add_routes(app)
    api.add_routes(app)
    entities.add_routes(app)  # last: it takes every path that is left
    app.front = Front(app, app.framework, sparql.endpoints())
    return app


@asynccontextmanager
async def _life(app: FastAPI) -> AsyncIterator[None]:
    state = app.state
    if state.scratch is not None:
        await state.scratch.start(state.sandbox)
        try:
            for document in state.quads:
                await state.scratch.load(document, N_QUADS)
            yield
        finally:
            await state.scratch.close()
            await state.checkers.close()
            await state.sandbox.close()
        return
    snapshot = embedded.current(state.settings.home)
    if snapshot is not None:
        await state.sandbox.open(snapshot)
    follower = asyncio.create_task(_follow(app))
    try:
        yield
    finally:
        follower.cancel()
        with suppress(asyncio.CancelledError):
            await follower
        await state.dumps.close()
        await state.searching.close()
        await state.shelves.close()
        await state.checkers.close()
        await state.sandbox.close()


async def _follow(app: FastAPI) -> None:
    """Open each new snapshot as it is published."""
    sandbox: Sandbox = app.state.sandbox
    while True:
        await asyncio.sleep(POLL_SECONDS)
        found = embedded.current(app.state.settings.home)
        if found is not None and (sandbox.snapshot is None or found.number != sandbox.snapshot.number):
            try:
                await sandbox.open(found)
            except V4GraphError as error:
                log.error("snapshot %d does not open: %s", found.number, error)
