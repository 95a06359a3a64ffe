"""What is worked out from the whole graph: kept as long as its snapshot is the present one, and worked out once.

After a publication it is worked out anew in the background; who asks waits a moment for it, then gets what was true
before. Whoever comes while the first one is being worked out waits for the same one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from typing import Generic, TypeVar

from starlette.datastructures import State

from v4graph.entities import select
from v4graph.errors import Overloaded
from v4graph.queries import load_query
from v4graph.statements import Term
from v4graph.store.embedded import Snapshot
from v4graph.web.delivery import present_snapshot

log = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds somebody waits for what is new when there is something older."""
IMPATIENCE = 0.05
"""The same where working it out took longer than that the last time: waiting would be for nothing."""
LONGEST = 60.0
"""Seconds somebody waits for the first."""
READING = 180.0
"""Seconds a query of ours over the whole graph may take; it asks for more than a visitor's query may."""
_TRIES = 3

Made = TypeVar("Made")


class Latest(Generic[Made]):
    """One thing that is worked out from the present snapshot."""

    def __init__(self, make: Callable[[State], Awaitable[Made]]) -> None:
        """Of what ``make`` works out."""
        self._make = make
        self._made: Made | None = None
        self.snapshot: Snapshot | None = None
        """The one it was worked out from."""
        self._task: asyncio.Task[None] | None = None
        self._took = 0.0

    async def of(self, state: State) -> Made:
        """The present one, or the one before while the present one is being worked out.

        Raises:
            Overloaded: the first one takes long.
        """
        if self.snapshot is None or self.snapshot.token != present_snapshot(state).token:
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._renew(state))
            done, _ = await asyncio.wait(
                {self._task}, timeout=patience(self._took) if self._made is not None else LONGEST
            )
            error = self._task.exception() if done else None
            if error is not None and self._made is None:
                raise error
            if error is not None:
                log.warning("what was true before is told on: %s", error)
        if self._made is None:
            raise Overloaded("This is being worked out from the whole graph. Try again.", headers={"Retry-After": "5"})
        return self._made

    @property
    def token(self) -> str:
        """What answers made of it depend on."""
        return self.snapshot.token if self.snapshot else ""

    async def close(self) -> None:
        """Stop what is being worked out."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._task

    async def _renew(self, state: State) -> None:
        began = monotonic()
        for _ in range(_TRIES):
            snapshot = present_snapshot(state)
            made = await self._make(state)
            if present_snapshot(state).token == snapshot.token:
                break
        self._made, self.snapshot, self._took = made, snapshot, monotonic() - began


def patience(took: float) -> float:
    """The seconds somebody waits for what is new, when the one before took so long."""
    return PATIENCE if took <= PATIENCE else min(IMPATIENCE, PATIENCE)


async def read(state: State, name: str) -> list[dict[str, Term]]:
    """The answer to a query of ours over the whole graph; it is not kept."""
    seconds = max(READING, state.settings.query_seconds)
    return await select(state.sandbox, load_query(f"platform/{name}", state.iris), seconds)
