"""From a question to bytes on the wire: entity tag, memory, sandbox, compression, streaming, and nobody listening."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import zlib
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import State
from starlette.types import Receive, Scope, Send

from v4graph.errors import Overloaded, V4GraphError
from v4graph.rdf import JSON
from v4graph.sandbox.pool import Answer, Job, Sandbox
from v4graph.sandbox.tokens import is_repeatable
from v4graph.store.embedded import Snapshot
from v4graph.web.answers import Headers, RequestKey, entity_tag, graph_tag, unchanged
from v4graph.web.negotiation import Choices, accepts_gzip, none_match

log = logging.getLogger(__name__)

COMPRESS_FROM = 1024
"""Shorter bodies are sent as they are: compressing them saves nothing."""
_IN_THREAD_FROM = 32 * 1024
"""Longer pieces are compressed in a thread (zlib lets go of the GIL), so that other clients do not wait."""
_LEVEL = 5
_LONG = 16 * 1024
"""Characters of a query above which its answer is not kept: looking through the query would hold up others."""
_WATCH_AFTER = 0.05
"""Seconds before a running query is watched for a client that leaves; most are answered sooner."""


@dataclass(frozen=True, slots=True)
class Question:
    """A query with everything its answer depends on.

    ``edition`` is what the answer depends on in place of the snapshot: the hash of the one graph it is about.
    """

    query: str
    choices: Choices
    seconds: float
    gzip: bool = False
    default_graphs: tuple[str, ...] | None = None
    named_graphs: tuple[str, ...] | None = None
    base_iri: str | None = None
    request: RequestKey | None = None
    edition: str | None = None

    def tag(self, token: str) -> str:
        """The entity tag of the answer in a snapshot."""
        if self.edition is not None and self.choices.graph is not None:
            return graph_tag(self.edition, self.choices.graph.media_type, self.gzip)
        return entity_tag(
            token,
            self.query,
            self.default_graphs,
            self.named_graphs,
            self.choices.results.media_type if self.choices.results else None,
            self.choices.graph.media_type if self.choices.graph else None,
            self.gzip,
            self.base_iri,
        )

    def job(self) -> Job:
        """The work for a reader."""
        return Job(
            query=self.query,
            results=self.choices.results.format if self.choices.results else None,
            graph=self.choices.graph.format if self.choices.graph else None,
            default_graphs=self.default_graphs,
            named_graphs=self.named_graphs,
            seconds=self.seconds,
            base_iri=self.base_iri,
        )


def header(scope: Scope, name: bytes) -> str | None:
    """A request header; several lines of it are one list (RFC 9110 §5.3)."""
    values = [value for key, value in scope["headers"] if key == name]
    return b", ".join(values).decode("latin-1") if values else None


def request_key(scope: Scope) -> RequestKey | None:
    """What a repeated GET is recognised by, or None when it cannot be."""
    if scope["method"] != "GET":
        return None
    accept = encoding = None
    for name, value in scope["headers"]:
        if name == b"accept":
            if accept is not None:
                return None
            accept = value
        elif name == b"accept-encoding":
            if encoding is not None:
                return None
            encoding = value
    return scope["path"], scope["query_string"], accept or b"", encoding or b""


def page_key(scope: Scope) -> RequestKey | None:
    """What a repeated GET of a page is recognised by: also by the languages it is wanted in, and the host."""
    key = request_key(scope)
    return key and worded(key, header(scope, b"accept-language") or "", header(scope, b"host") or "")


def worded(key: RequestKey, languages: str, host: str) -> RequestKey:
    """The key of a request for a page."""
    path, query, accept, encoding = key
    return path, query, b"\n".join((accept, languages.encode("latin-1"), host.encode("latin-1"))), encoding


def present_snapshot(state: State) -> Snapshot:
    """The snapshot queries are answered from; also lets the memory turn to it."""
    sandbox: Sandbox = state.sandbox
    if sandbox.snapshot is None:
        raise Overloaded("Nothing was published yet, or the store is opening.", headers={"Retry-After": "2"})
    state.answers.turn(sandbox.snapshot.token)
    return sandbox.snapshot


class Watch:
    """Runs a block only as long as the client is there: when it leaves, the block is cancelled and left quietly.

    Whoever uses it stops the watch before the last byte is sent: the server reports that as a departure, too.
    """

    __slots__ = ("_gone", "_listener", "_loop", "_receive", "_task", "_timer")

    def __init__(self, receive: Receive) -> None:
        """Watch for the departure that ``receive`` reports."""
        self._receive = receive
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(_WATCH_AFTER, self._start)
        self._listener: asyncio.Task[None] | None = None
        self._gone: asyncio.Task[object] | None = None

    def _start(self) -> None:
        self._listener = self._loop.create_task(self._listen())

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._task is not None:
            self._gone = self._task
            self._task.cancel()

    def stop(self) -> None:
        """Watch no more."""
        self._task = None
        self._timer.cancel()
        if self._listener is not None:
            self._listener.cancel()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self.stop()
        if self._gone is None or kind is None or not issubclass(kind, asyncio.CancelledError):
            return False
        self._gone.uncancel()
        log.info("a client left before its answer")
        return True


async def deliver(scope: Scope, receive: Receive, send: Send, question: Question) -> None:
    """Answer a question: not modified, from memory, or from the sandbox, whole or as a stream."""
    state: State = scope["app"].state
    snapshot = present_snapshot(state)
    may_repeat = len(question.query) <= _LONG and is_repeatable(question.query)
    tag = question.tag(snapshot.token) if may_repeat else None
    reading = scope["method"] in ("GET", "HEAD")
    head = scope["method"] == "HEAD"
    condition = header(scope, b"if-none-match") if reading else None
    if tag is not None:
        kept = state.answers.find(tag, question.request)
        if kept is not None:
            await kept.send(send, condition, head=head)
            return
        known = question.edition is not None or state.answers.is_good(tag)
        if condition is not None and known and none_match(condition, tag):
            await _send_unchanged(send, _headers(state, tag, None, snapshot))
            return
    with state.limits.admit(scope), Watch(receive) as watch:
        answer: Answer = await state.sandbox.query(question.job())
        if may_repeat and answer.snapshot.token != snapshot.token:
            tag = question.tag(answer.snapshot.token) if question.edition is None else None
        headers = _headers(state, tag, question.choices.label(answer.kind).content_type, answer.snapshot)
        if answer.complete is None:
            whole = await _send_stream(send, answer, headers, question.gzip, watch, head=head)
            if whole and tag is not None:
                state.answers.vouch(tag, answer.snapshot.token)
            return
        body = answer.complete
        if question.gzip and len(body) >= COMPRESS_FROM:
            body = await _compressed(body)
            headers.append((b"content-encoding", b"gzip"))
        watch.stop()
        headers += [(b"v4graph-result", b"complete"), (b"content-length", str(len(body)).encode())]
        if tag is not None:
            state.answers.vouch(tag, answer.snapshot.token)
            state.answers.keep(tag, answer.snapshot.token, headers, body, question.request)
            if condition is not None and none_match(condition, tag):
                await _send_unchanged(send, headers)
                return
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else body, "more_body": False})


def _headers(state: State, tag: str | None, content_type: bytes | None, snapshot: Snapshot) -> Headers:
    headers: Headers = [
        *state.open_headers,
        (b"vary", b"Accept, Accept-Encoding, Accept-Datetime"),
        (b"v4graph-snapshot", str(snapshot.number).encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    if content_type is not None:
        headers.append((b"content-type", content_type))
    if tag is None:
        headers.append((b"cache-control", b"no-store"))
    else:
        headers += [(b"etag", tag.encode()), (b"cache-control", b"no-cache")]
    return headers


async def _send_unchanged(send: Send, headers: Headers) -> None:
    await send(unchanged(headers))
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _compressed(body: bytes) -> bytes:
    if len(body) < _IN_THREAD_FROM:
        return gzip.compress(body, _LEVEL, mtime=0)
    return await asyncio.to_thread(gzip.compress, body, _LEVEL, mtime=0)


async def _send_stream(send: Send, answer: Answer, headers: Headers, zipped: bool, watch: Watch, *, head: bool) -> bool:
    """Send a long answer piece by piece; says whether all of it was sent.

    An error on the way leaves the response without its last chunk, and the server breaks the connection:
    what was cut must not look complete.
    """
    headers.append((b"v4graph-result", b"streamed"))
    if zipped:
        headers.append((b"content-encoding", b"gzip"))
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31) if zipped else None
    try:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if not head:
            async for piece in answer.chunks():
                if compressor is not None:
                    piece = (
                        await asyncio.to_thread(compressor.compress, piece)
                        if len(piece) >= _IN_THREAD_FROM
                        else compressor.compress(piece)
                    )
                if piece:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        watch.stop()
    except V4GraphError as error:
        log.warning("an answer was cut: %s", error)
        return False
    finally:
        await answer.aclose()
    rest = compressor.flush() if compressor is not None and not head else b""
    await send({"type": "http.response.body", "body": rest, "more_body": False})
    return not head


async def deliver_document(scope: Scope, send: Send, body: bytes, content_type: bytes) -> None:
    """Send a document the server made itself: tagged, compressed."""
    zipped = len(body) >= COMPRESS_FROM and accepts_gzip(header(scope, b"accept-encoding") or "")
    tag = entity_tag(body.decode(), content_type.decode(), "gzip" if zipped else None)
    state: State = scope["app"].state
    headers = _headers(state, tag, content_type, present_snapshot(state))
    condition = header(scope, b"if-none-match")
    if condition is not None and none_match(condition, tag):
        await _send_unchanged(send, headers)
        return
    if zipped:
        body = await _compressed(body)
        headers.append((b"content-encoding", b"gzip"))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


async def solve(state: State, query: str) -> list[dict[str, Any]]:
    """The solutions of one of our own SELECT queries, in the JSON of SPARQL results."""
    job = Job(
        query=query,
        results=JSON,
        graph=None,
        default_graphs=None,
        named_graphs=None,
        seconds=state.settings.query_seconds,
    )
    answer: Answer = await state.sandbox.query(job)
    body = answer.complete
    if body is None:
        body = b"".join([piece async for piece in answer.chunks()])
    found: list[dict[str, Any]] = json.loads(body)["results"]["bindings"]
    return found
