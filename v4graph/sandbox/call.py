"""A query on its way through the sandbox: the job, the call that carries it, the answer that comes back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol

from v4graph.errors import StoreError, TooLarge, V4GraphError
from v4graph.rdf import Format
from v4graph.sandbox import frames
from v4graph.store.embedded import Snapshot

Kind = Literal["solutions", "boolean", "graph"]
KINDS: tuple[Kind, ...] = ("solutions", "boolean", "graph")

_MOST_REPEATS = 2
"""How often a call is made again whose process was killed from outside before it said anything."""
BUFFER = 1024 * 1024
"""Bytes of one answer that wait in this process; beyond, its reader waits."""


@dataclass(frozen=True, slots=True)
class Job:
    """A query, the formats its answer may have, and how long it may take.

    ``results`` is for SELECT and ASK, ``graph`` for CONSTRUCT and DESCRIBE; None where the client takes none.
    """

    query: str
    results: Format | None
    graph: Format | None
    default_graphs: tuple[str, ...] | None
    named_graphs: tuple[str, ...] | None
    seconds: float
    union_default: bool = False
    base_iri: str | None = None

    def encode(self) -> bytes:
        """The frame that a reader takes."""
        terms = (
            self.results.engine if self.results is not None else None,
            self.graph.engine if self.graph is not None else None,
            self.default_graphs,
            self.named_graphs,
            self.union_default,
            self.base_iri,
        )
        plain = self.default_graphs is None and self.named_graphs is None
        packed = _plain_terms(terms) if plain else frames.pack_line(terms)
        return frames.pack(frames.JOB, packed + self.query.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=64)
def _plain_terms(terms: tuple[object, ...]) -> bytes:
    """What nearly all queries are asked with, packed before."""
    return frames.pack_line(terms)


class Worker(Protocol):
    """What a call needs of the process that works on it."""

    def kill(self) -> None:
        """Stop it."""

    def pause(self) -> None:
        """Read no more for now."""

    def resume(self) -> None:
        """Read on."""


class Answer:
    """The answer to a query: complete when it is small, otherwise arriving while it is read."""

    __slots__ = ("_call", "complete", "format", "kind", "snapshot")

    def __init__(self, call: Call, snapshot: Snapshot, complete: bytes | None) -> None:
        """Of a call whose form is known."""
        written = call.job.graph if call.form == 2 else call.job.results
        assert written is not None  # the reader refuses otherwise
        self.kind: Kind = KINDS[call.form]
        self.format: Format = written
        self.snapshot = snapshot
        self.complete = complete
        self._call = call

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes of the answer; raises when it breaks off in the middle.

        Raises:
            QueryTimeout: the engine was not done at the deadline.
            TooLarge: the answer is larger than the operator allows.
        """
        if self.complete is not None:
            yield self.complete
            return
        try:
            while (chunk := await self._call.next_chunk()) is not None:
                yield chunk
        finally:
            self._call.abandon()

    async def aclose(self) -> None:
        """Stop the query if it still runs; its reader is killed."""
        self._call.abandon()


class Call:
    """One job on its way; at most one task waits for it."""

    __slots__ = (
        "_again", "_chunks", "_limit", "_more", "_paused", "_streaming", "_total", "_waiting", "abandoned", "error",
        "finished", "form", "future", "job", "until", "worker",
    )  # fmt: skip

    def __init__(self, job: Job, limit: int, loop: asyncio.AbstractEventLoop) -> None:
        """Of a job whose answer may have ``limit`` bytes."""
        self.job = job
        self.future: asyncio.Future[Answer] = loop.create_future()
        self.worker: Worker | None = None
        self.until = loop.time() + job.seconds  # when it has waited, then when it was worked on for too long
        self.form = 0
        self.finished = False
        self.error: V4GraphError | None = None
        self.abandoned = False
        self._limit = limit
        self._again = 0
        self._chunks: deque[bytes] | None = None
        self._waiting = 0
        self._total = 0
        self._streaming = False
        self._paused = False
        self._more: asyncio.Future[None] | None = None

    @property
    def over(self) -> bool:
        """Nothing more will come, or nobody wants it."""
        return self.finished or self.error is not None

    def whole(self, body: bytes, snapshot: Snapshot) -> None:
        """The answer came in one piece."""
        if not self.over:
            self.finished = True
            self._settle(Answer(self, snapshot, body))

    def take(self, chunk: bytes, snapshot: Snapshot) -> None:
        """A piece of the answer came."""
        if self.over:
            return
        if self._chunks is None:
            self._chunks = deque()
        self._total += len(chunk)
        if self._total > self._limit:
            worker = self.worker
            self.fail(
                TooLarge(
                    f"The answer is larger than {self._limit // 2**20} MB. "
                    "Ask for fewer columns or rows, or page through it with ORDER BY, LIMIT and OFFSET."
                )
            )
            if worker is not None:
                worker.kill()
            return
        self._chunks.append(chunk)
        self._waiting += len(chunk)
        if self._waiting > BUFFER:
            if not self._streaming:
                self._streaming = True
                self._settle(Answer(self, snapshot, None))
            if self.worker is not None and not self._paused:
                self._paused = True
                self.worker.pause()
        self._wake()

    def end(self, snapshot: Snapshot) -> None:
        """The last piece has come."""
        if self.over:
            return
        self.finished = True
        if not self._streaming:
            body = b"".join(self._chunks or ())
            self._chunks = None
            self._settle(Answer(self, snapshot, body))
        self._wake()

    def fail(self, error: V4GraphError) -> None:
        """Tell whoever waits that there is no answer, or no more of it."""
        if self.over:
            return
        self.error = error
        if not self._streaming:
            self._chunks = None
            if not self.future.done():
                self.future.set_exception(error)
        self._wake()

    def abandon(self) -> None:
        """The client went away: the engine must not go on for nobody."""
        if self.over:
            return
        self.abandoned = True
        self.error = StoreError("The answer was given up.")
        self._chunks = None
        if self.worker is not None:
            self.worker.kill()

    def again(self) -> bool:
        """Whether to make the call once more, after its process went away for no reason of its own."""
        if self._again >= _MOST_REPEATS or self.over or self._total:
            return False
        self._again += 1
        return True

    async def next_chunk(self) -> bytes | None:
        """The next piece for the client, None at the end."""
        while not self._chunks:
            if self.error is not None:
                raise self.error
            if self.finished:
                return None
            self._more = self.future.get_loop().create_future()
            await self._more
        chunk = self._chunks.popleft()
        self._waiting -= len(chunk)
        if self._paused and self._waiting <= BUFFER // 2 and self.worker is not None:
            self._paused = False
            self.worker.resume()
        return chunk

    def _settle(self, answer: Answer) -> None:
        if not self.future.done():
            self.future.set_result(answer)

    def _wake(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)
