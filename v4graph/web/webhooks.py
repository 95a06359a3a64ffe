"""The server tells webhooks soon after a publication, and tries again those that could not be told."""

from __future__ import annotations

import asyncio
import logging
import time

from starlette.datastructures import State

from v4graph import webhooks
from v4graph.errors import V4GraphError
from v4graph.workspace import Workspace

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0


async def keep_telling(state: State) -> None:
    """Tell webhooks for as long as the server runs."""
    workspace, told = Workspace(state.settings), None
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        snapshot = state.sandbox.snapshot
        waiting = any(about.failures for about in webhooks.progress(workspace.home).values())
        if snapshot is None or (snapshot.token == told and not waiting):
            continue
        try:
            for done in await webhooks.deliver(workspace, time.time()):
                if done.problem:
                    log.warning("webhook %s: %s", done.webhook, done.problem)
            told = snapshot.token
        except (V4GraphError, OSError) as error:
            log.error("webhooks cannot be told: %s", error)
