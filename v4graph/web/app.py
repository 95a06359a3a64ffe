"""The application: what is set up at start, what runs beside the requests, and which routes there are."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from v4graph.checking import Checkers
from v4graph.errors import V4GraphError
from v4graph.iris import Iris
from v4graph.namespaces import prefixes
from v4graph.publisher import Publisher
from v4graph.rdf import N_QUADS
from v4graph.sandbox.pool import Sandbox
from v4graph.sandbox.standby import Standby
from v4graph.settings import Settings
from v4graph.store import embedded
from v4graph.store.embedded import Snapshot
from v4graph.web import (
    actors,
    api,
    areas,
    blame,
    catalogue,
    changes,
    contributions,
    dumps,
    embeds,
    entities,
    graphs,
    health,
    lists,
    map,
    mementos,
    metrics,
    network,
    openapi,
    queries,
    releases,
    revisions,
    schema,
    search,
    sparql,
    timeline,
    updates,
    validation,
)
from v4graph.web.answers import Answers
from v4graph.web.cors import open_headers
from v4graph.web.description import Catalogue
from v4graph.web.front import Front
from v4graph.web.gate import Gate
from v4graph.web.intake import catch_up
from v4graph.web.limits import Limits
from v4graph.web.metrics import Metrics
from v4graph.web.moments import Moments
from v4graph.web.problems import add_error_handlers
from v4graph.web.warming import warm
from v4graph.web.webhooks import keep_telling

if TYPE_CHECKING:
    from v4graph.sandbox.scratch import ScratchStore

log = logging.getLogger(__name__)

POLL_SECONDS = 0.25
"""How often the server looks whether something was published."""


class Application(FastAPI):
    """The framework's application, with a front before it."""

    front: Front
    gate: Gate | None = None

    def openapi(self) -> dict[str, Any]:
        """The description of the service, with the queries of the library."""
        if self.openapi_schema is None:
            schema = super().openapi()
            schema["paths"] |= (
                queries.described(self.state.iris) | api.described(self.state.iris) | openapi.described(self.state.iris)
            )
            components = schema.setdefault("components", {})
            for kind, named in openapi.COMPONENTS.items():
                components[kind] = components.get(kind, {}) | named
        return super().openapi()

    async def framework(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What the framework does with a request."""
        await super().__call__(scope, receive, send)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the gate, where there is one, and the front see requests first."""
        await (self.gate or self.front if scope["type"] == "http" else self.framework)(scope, receive, send)


def create_app(
    settings: Settings,
    *,
    scratch: ScratchStore | None = None,
    quads: Sequence[bytes] = (),
    past: Snapshot | None = None,
) -> Application:
    """The application of one instance; with ``scratch``, a writable playground instead of the published graph.

    ``quads`` are N-Quads documents that a playground holds from the start. With ``past``, it tells of that state for
    ever, only reads, and is opened and closed by the ``Moments`` of another application.
    """
    app = Application(title="v4graph", lifespan=_life, docs_url=None, redoc_url=None)
    app.state.settings = settings
    app.state.iris = Iris(settings.base_iri)
    app.state.scratch = scratch
    app.state.quads = quads
    app.state.parsers = Standby("parser", 1)
    app.state.sandbox = Sandbox(settings, prefixes=prefixes(app.state.iris))
    app.state.checkers = Checkers(settings)
    app.state.answers = Answers(settings.cache_mb)
    app.state.open_headers = open_headers(settings.cors_origins)
    app.state.limits = Limits(settings)
    app.state.catalogue = Catalogue()
    app.state.past = past
    app.state.warms = False  # whoever serves it to others lets it warm up
    app.state.moments = None
    if past is None and scratch is None:
        app.state.moments = Moments(settings, partial(_past_app, app))
    app.state.metrics = Metrics()
    app.state.publisher = Publisher(settings, took=app.state.metrics.published)
    app.state.catching_up = asyncio.Lock()
    add_error_handlers(app)
    if scratch is None:
        updates.add_routes(app)
    revisions.add_routes(app)  # before the graph store, which takes everything below /graph
    graphs.add_routes(app)
    actors.add_routes(app)
    validation.add_routes(app)
    contributions.add_routes(app)
    health.add_routes(app)
    metrics.add_routes(app)
    catalogue.add_routes(app)
    dumps.add_routes(app)
    releases.add_routes(app)
    mementos.add_routes(app)
    blame.add_routes(app)
    changes.add_routes(app)
    queries.add_routes(app)
    schema.add_routes(app)
    search.add_routes(app)
    map.add_routes(app)
    embeds.add_routes(app)
    areas.add_routes(app)
    network.add_routes(app)
    timeline.add_routes(app)
    lists.add_routes(app)
    api.add_routes(app)
    entities.add_routes(app)  # last: it takes every path that is left
    endpoints = sparql.endpoints()
    app.front = Front(app, app.framework, endpoints)
    if past is None:
        app.gate = Gate(app.front, app, endpoints)
    return app


_PAST_READERS = 2
_PAST_CACHE_MB = 8


def _past_app(present: FastAPI, snapshot: Snapshot) -> FastAPI:
    """The application of a past state: as the present one, but smaller, and within the same limits."""
    settings: Settings = present.state.settings
    smaller = {"readers": min(_PAST_READERS, settings.readers), "cache_mb": min(_PAST_CACHE_MB, settings.cache_mb)}
    app = create_app(settings.model_copy(update=smaller), past=snapshot)
    app.state.limits, app.state.metrics = present.state.limits, present.state.metrics
    app.state.sandbox.killed = present.state.sandbox.killed
    return app


@asynccontextmanager
async def _life(app: Application) -> AsyncIterator[None]:
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
            state.parsers.close()
            await state.sandbox.close()
        return
    snapshot = embedded.current(state.settings.home)
    if snapshot is not None:
        await state.sandbox.open(snapshot)
    beside = [asyncio.create_task(_follow(app)), asyncio.create_task(keep_telling(state))]
    if state.warms and snapshot is not None:
        beside.append(asyncio.create_task(warm(app, app.front)))
    try:
        yield
    finally:
        for task in beside:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await state.moments.close()
        await state.dumps.close()
        await state.searching.close()
        await state.shelves.close()
        for kept in (state.guides, state.networks, state.timelines):
            await kept.latest.close()
        await state.publisher.close()
        actors.close_ledger(state)
        await state.checkers.close()
        state.parsers.close()
        await state.sandbox.close()


async def _follow(app: FastAPI) -> None:
    """Open each new snapshot as it is published."""
    while True:
        await asyncio.sleep(POLL_SECONDS)
        try:
            await catch_up(app.state)
        except V4GraphError as error:
            log.error("the present snapshot does not open: %s", error)
