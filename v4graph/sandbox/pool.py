"""The pool of readers: every query runs in a process that can be killed.

A call goes to an idle reader or waits in line; a reader that finishes takes the next call within the same callback,
so readers rest only when there is nothing to do. What a small answer costs on this side is one send, one receive
and one future. A reader that was killed, died or grew is replaced in the background; beside one that works
on something long, which others go before, a spare is started.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import Counter, deque
from collections.abc import Mapping
from typing import Self

from v4graph.errors import (
    MalformedQuery,
    NotAcceptable,
    Overloaded,
    QueryTimeout,
    QueryTooBig,
    ServiceRefused,
    StoreError,
    TooLarge,
    V4GraphError,
)
from v4graph.rdf import GRAPH_FORMATS, JSON, RESULT_FORMATS
from v4graph.sandbox import tokens
from v4graph.sandbox.call import Answer, Call, Job
from v4graph.sandbox.complaints import query_error
from v4graph.sandbox.process import ReaderProcess
from v4graph.sandbox.standby import Standby
from v4graph.settings import Settings
from v4graph.store.embedded import Snapshot
from v4graph.store.faults import damaged

__all__ = ["Answer", "Job", "Sandbox"]

log = logging.getLogger(__name__)

_START_SECONDS = 30.0
_LONGEST_PAUSE = 5.0
_PROBE_SECONDS = 2.0
_LOOK_SECONDS = 0.02
"""How often is looked for deadlines that have passed: a timer for each query costs more than the looking."""
_SPARE = 1
"""Readers beyond those of the settings, for as long as a query takes long: the short ones must not wait for it."""
_SLOW = 0.1
"""The part of the longest deadline from which a query is written down as slow."""
_REASONS: tuple[tuple[type[V4GraphError], str], ...] = (
    (QueryTimeout, "deadline"),
    (QueryTooBig, "memory"),
    (TooLarge, "size"),
    (MalformedQuery, "nesting"),
    (Overloaded, "shutdown"),
)


class Sandbox:
    """Readers on the current snapshot. Belongs to the event loop that opens it."""

    def __init__(self, settings: Settings, *, prefixes: Mapping[str, str] | None = None) -> None:
        """``prefixes`` are those a hint may propose when a query forgets to declare one."""
        self.snapshot: Snapshot | None = None
        self.killed: Counter[str] = Counter(dict.fromkeys((*(reason for _, reason in _REASONS), "client", "crash"), 0))
        self.slow = 0
        self._slow = settings.query_seconds * _SLOW
        self._settings = settings
        self._prefixes: Mapping[str, str] = prefixes or {}
        self._limit = settings.result_mb * 2**20
        self._readers: set[ReaderProcess] = set()
        self._idle: deque[ReaderProcess] = deque()
        self._waiting: deque[Call] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening = asyncio.Lock()
        self._looking = asyncio.Lock()
        self.standby = Standby("reader", settings.readers)
        self._starting = 0
        self._watch: asyncio.TimerHandle | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        """Nothing yet; ``open`` starts the readers."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.close()

    @property
    def confinement(self) -> Mapping[str, object]:
        """Which measures of the operating system hold in the readers: ``seccomp``, ``files``, ``memory``."""
        return next((reader.confinement for reader in self._readers if reader.confinement), {})

    @property
    def pids(self) -> list[int]:
        """The process ids of the readers."""
        return [reader.pid for reader in self._readers]

    @property
    def busy(self) -> int:
        """How many readers work on a query."""
        return sum(reader.call is not None for reader in self._readers)

    @property
    def idle(self) -> int:
        """How many readers wait for one."""
        return len(self._idle)

    @property
    def waiting(self) -> int:
        """How many queries wait for a reader."""
        return sum(not call.over for call in self._waiting)

    async def answers(self) -> bool:
        """Whether a reader answers. Where all are at work, their deadlines see to it that one will."""
        if not self._idle:
            return self.snapshot is not None and self.busy > 0
        probe = Job("ASK {}", JSON, None, None, None, _PROBE_SECONDS)
        try:
            await self.query(probe)
        except V4GraphError:
            return False
        return True

    async def open(self, snapshot: Snapshot) -> None:
        """Start readers on a snapshot, then use them; former readers finish what they have begun.

        Raises:
            StoreError: the snapshot cannot be opened; the former one stays in use.
        """
        async with self._opening:
            if self._closed:
                raise StoreError("The sandbox is closed.")
            begun = [await self._begin(snapshot) for _ in range(self._settings.readers)]
            try:
                async with asyncio.timeout(_START_SECONDS):
                    await asyncio.gather(*(reader.opened for reader in begun))
            except BaseException as error:
                for reader in begun:
                    reader.kill()
                await asyncio.gather(*(reader.ended for reader in begun))
                if isinstance(error, TimeoutError):
                    raise StoreError(f"Snapshot {snapshot.number} did not open in time.") from None
                raise
            if self.snapshot is not None:  # where something is published, more will be
                self.standby.fill_soon()
            self.snapshot = snapshot
            self._idle.clear()
            for reader in self._readers.difference(begun):
                reader.retired = True
                if reader.call is None:
                    reader.kill()
            for reader in begun:
                self._freed(reader)

    async def query(self, job: Job) -> Answer:
        """Evaluate a query.

        Raises:
            MalformedQuery: it is not SPARQL; with line, column and a hint.
            ServiceRefused: it asks another server.
            NotAcceptable: its answer has no format the client takes.
            QueryTimeout: it was stopped at its deadline.
            QueryTooBig: it was stopped for its need of memory.
            TooLarge: the answer is larger than the operator allows.
            Overloaded: no reader came free in time.
        """
        if tokens.uses_service(job.query) if len(job.query) <= tokens.LONG else await self._uses_service(job.query):
            raise service_refused()
        if self._closed or self.snapshot is None:
            raise Overloaded("There is nothing to query yet. Try again in a moment.", headers={"Retry-After": "5"})
        loop = asyncio.get_running_loop()
        call = Call(job, self._limit, loop)
        if not self._start(call):
            self._waiting.append(call)
        if self._watch is None:
            self._watch = loop.call_later(_LOOK_SECONDS, self._look)
        began = loop.time()
        try:
            return await call.future
        except asyncio.CancelledError:
            call.abandon()
            raise
        finally:
            if loop.time() - began >= self._slow:
                self._write_down(call, loop.time() - began)

    async def close(self) -> None:
        """Stop all readers and wait until they are gone."""
        self._closed = True
        stopping = Overloaded("The server is stopping.", headers={"Retry-After": "10"})
        for call in self._waiting:
            call.fail(stopping)
        self._waiting.clear()
        if self._watch is not None:
            self._watch.cancel()
        self.standby.close()
        for task in self._tasks:
            task.cancel()
        readers = list(self._readers)
        for reader in readers:
            reader.kill(stopping)
        for reader in readers:
            await reader.ended
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _uses_service(self, query: str) -> bool:
        if not tokens.mentions_service(query):
            return False
        async with self._looking:  # one at a time: they hold the interpreter, and more would only take turns
            return await asyncio.to_thread(tokens.uses_service, query)

    def _start(self, call: Call) -> bool:
        while self._idle:
            if self._idle.popleft().start(call):
                return True
        return False

    def _look(self) -> None:
        """Stop what has taken or waited too long, and make room beside what takes long."""
        now = asyncio.get_running_loop().time()
        for reader in tuple(self._readers):
            reader.look(now)
        for call in self._waiting:
            if now >= call.until and not call.over:
                call.fail(_waited_too_long(call))
        self._fill()
        going = self._waiting or any(reader.call is not None for reader in self._readers)
        self._watch = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look) if going else None

    async def _begin(self, snapshot: Snapshot) -> ReaderProcess:
        memory = self._settings.reader_memory_mb
        reader = ReaderProcess(
            snapshot, memory, freed=self._freed, lost=self._lost, explain=self._explain, child=self.standby.take()
        )
        self._readers.add(reader)
        await asyncio.sleep(0)  # a start takes a millisecond or two: let others in between
        return reader

    def _freed(self, reader: ReaderProcess) -> None:
        """A reader has nothing to do: end it, or give it the next call."""
        if reader.retired or self._closed:
            reader.kill()
            return
        while self._waiting:
            call = self._waiting.popleft()
            if call.over:
                continue
            if not reader.start(call):
                self._waiting.appendleft(call)  # the process is dead; the next one takes it
            return
        self._idle.append(reader)

    def _lost(self, reader: ReaderProcess, again: Call | None) -> None:
        """A reader has ended: forget it, give the call it left to another, and fill its place."""
        self._readers.discard(reader)
        if reader.left is not None:
            self.killed[_reason(reader.left)] += 1
        if reader in self._idle:
            self._idle.remove(reader)
        if again is not None and not self._start(again):
            again.until = asyncio.get_running_loop().time() + again.job.seconds
            self._waiting.appendleft(again)
        self._fill()

    def _fill(self) -> None:
        """Start readers until there are as many for short queries as the settings say."""
        if self._closed or self.snapshot is None:
            return
        usable = [r for r in self._readers if r.snapshot is self.snapshot and r.confinement and not r.dead]
        most = self._settings.readers + _SPARE - len(usable)
        missing = self._settings.readers - sum(not reader.long for reader in usable)
        for _ in range(min(missing, most) - self._starting):
            self._starting += 1
            task = asyncio.get_running_loop().create_task(self._replace(self.snapshot))
            self._tasks.add(task)
            task.add_done_callback(self._started)

    def _started(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._starting -= 1
        self._fill()

    async def _replace(self, snapshot: Snapshot) -> None:
        pause = 0.05
        while not self._closed and self.snapshot is snapshot:
            try:
                reader = await self._begin(snapshot)
                try:
                    async with asyncio.timeout(_START_SECONDS):
                        await asyncio.shield(reader.opened)
                except BaseException:
                    reader.kill()
                    raise
            except (StoreError, TimeoutError, OSError):
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            if self.snapshot is not snapshot:
                reader.retired = True
            self._freed(reader)
            return

    def _write_down(self, call: Call, seconds: float) -> None:
        """Tell the log of a slow query: by its hash, for its text may say what somebody looks for."""
        self.slow += 1
        query = call.job.query
        outcome = "client left" if call.abandoned else call.error.slug if call.error else "answered"
        digest = hashlib.sha256(query.encode("utf-8", "replace")).hexdigest()[:16]
        told = {"seconds": round(seconds, 3), "outcome": outcome, "hash": digest, "characters": len(query)}
        if log.isEnabledFor(logging.DEBUG):
            told["query"] = query
        log.warning("slow query, until its answer began", extra={"told": told})

    def _explain(self, job: Job, name: str, message: str) -> V4GraphError:
        """What a reader's complaint means."""
        if name == "NotAcceptable":
            available = [f.media_type for f in (GRAPH_FORMATS if message == "graph" else RESULT_FORMATS)]
            answer = {"graph": "a graph", "boolean": "yes or no"}.get(message, "a table")
            return NotAcceptable(
                f"The answer to this query is {answer}; it can be sent as {', '.join(available)}.",
                available=available,
            )
        if message.startswith("Corruption") and name in ("OSError", "RuntimeError") and self.snapshot is not None:
            log.error("snapshot %s: %s", self.snapshot.path, message)
            return damaged(self.snapshot.path.parents[2], message)
        if name == "OSError":
            # in confinement nothing but SERVICE fails like this, however it was spelt
            if tokens.mentions_service(job.query):
                return service_refused()
            return StoreError(f"The store cannot be read: {message}")
        if name == "MemoryError":
            self.killed["memory"] += 1
            return QueryTooBig("The query needed too much memory and was stopped.")
        return query_error(job.query, message, self._prefixes)


def _reason(call: Call) -> str:
    """Why a call came to no answer."""
    if call.abandoned:
        return "client"
    return next((reason for kind, reason in _REASONS if isinstance(call.error, kind)), "crash")


def _waited_too_long(call: Call) -> Overloaded:
    return Overloaded(
        f"No reader came free within {call.job.seconds:g} seconds. Try again in a moment.",
        headers={"Retry-After": "2"},
    )


def service_refused() -> ServiceRefused:
    """The refusal of federated queries."""
    return ServiceRefused(
        "SERVICE is not evaluated here: this server calls no other server. "
        "Ask the other endpoint yourself and pass its answer in a VALUES block."
    )
