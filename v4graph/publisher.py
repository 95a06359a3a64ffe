"""The publisher of a server: one warm process that writes ledger and store, so that readers are never held up.

Calls wait for each other; several servers of one home wait for each other at the lock of the home. A process that
was killed is replaced; what it left half done heals before the next call.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from time import perf_counter
from typing import Any

from v4graph import contributions, derivation, litter
from v4graph.errors import StoreError, V4GraphError
from v4graph.iris import Iris
from v4graph.rules import load_rules
from v4graph.sandbox.confinement import die_with_parent, no_core_dumps
from v4graph.settings import Settings
from v4graph.store.primary import keep_open
from v4graph.workspace import Workspace

MEND_SECONDS = 20.0
"""How long after a failure, such as a full disk, the store is brought up to the ledger again."""


class Publisher:
    """Runs the methods of ``Workspace`` that write, in a process of its own."""

    def __init__(self, settings: Settings, *, took: Callable[[float], None] = lambda _: None) -> None:
        """Nothing is started yet: the first call starts the process. ``took`` hears the seconds of each call."""
        self._settings = settings
        self._took = took
        self._pool: ProcessPoolExecutor | None = None
        self._mending: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the process and make it warm, so that the first contribution is as quick as any."""
        await self._run(os.getpid)

    async def call(self, method: str, *args: Any, **options: Any) -> Any:
        """Call a method of the workspace.

        Raises:
            StoreError: the process ended in the middle; whether it was recorded, the ledger says.
            V4GraphError: as the method does.
        """
        began = perf_counter()
        try:
            return await self._run(_call, self._settings, method, args, options)
        except StoreError:
            if self._mending is None or self._mending.done():
                self._mending = asyncio.create_task(self._mend())
            raise
        finally:
            self._took(perf_counter() - began)

    async def _mend(self) -> None:
        """What is recorded and could not be shown is shown as soon as it can be, also when nobody publishes."""
        while True:
            await asyncio.sleep(MEND_SECONDS)
            with suppress(StoreError):
                await self._run(_call, self._settings, "heal", (), {})
                return

    async def close(self) -> None:
        """End the process after what it is doing."""
        if self._mending is not None:
            self._mending.cancel()
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await asyncio.to_thread(pool.shutdown, True, cancel_futures=True)

    @property
    def pids(self) -> list[int]:
        """The process, when it runs."""
        return list(self._pool._processes or ()) if self._pool is not None else []

    async def _run(self, function: Any, *args: Any) -> Any:
        try:
            future = self._pool_with_process().submit(function, *args)
        except BrokenProcessPool:  # it ended while it had nothing to do: the call has not begun
            self._pool = None
            future = self._pool_with_process().submit(function, *args)
        pool = self._pool
        try:
            # Shielded: a client that leaves does not leave a contribution half told.
            return await asyncio.shield(asyncio.wrap_future(future))
        except BrokenProcessPool:
            if self._pool is pool:
                self._pool = None
            raise StoreError(
                "The process that publishes ended in the middle. Look at your contributions, then try again."
            ) from None

    def _pool_with_process(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                1, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(self._settings, os.getpid())
            )
        return self._pool


def _begin(settings: Settings, parent: int) -> None:
    """Load what every call needs, and heal what a process before may have left."""
    die_with_parent(parent)
    os.nice(5)  # who reads comes first
    no_core_dumps()
    keep_open()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server decides when to end
    iris = Iris(settings.base_iri)
    load_rules(iris)
    derivation.load_rules(iris)
    contributions.rules_version()
    with suppress(V4GraphError):  # a full disk, a broken ledger: told to whoever calls
        Workspace(settings).heal()
    litter.keep()


def _call(settings: Settings, method: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    return getattr(Workspace(settings), method)(*args, **options)
