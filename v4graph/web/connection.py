"""A connection to a client: what is remembered is answered at once, what is written at one time leaves together.

The server writes the head of an answer and its body apart, and each write costs a call of the system, a packet and the
waking of whoever waits for it: more than reading the request. A task, its events and messages for each request cost as
much again; an answer that is there needs none of them.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

_TOGETHER = 64 * 1024
"""Bytes that wait for what follows; beyond, they leave at once, so that the system can say that a client is slow."""
_OF_BODIES = frozenset({b"content-length", b"transfer-encoding", b"expect"})
"""Headers that announce a body."""


class Connection(HttpToolsProtocol):
    """The server's protocol, on such a transport."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Ask the gate of the application, where it has one, before the application itself."""
        super().__init__(*args, **kwargs)
        self._fresh = self._answered = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Talk through it."""
        super().connection_made(Together(transport, self.loop))

    def data_received(self, data: bytes) -> None:
        """Read on. Of requests that came together one is answered at once: nobody has to keep answers to thousands."""
        self._fresh = True
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Answer what is remembered; hand everything else to the application."""
        self._answered = self._at_once()
        if not self._answered:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Be ready for the next request."""
        if self._answered:
            self.on_response_complete()
        else:
            super().on_message_complete()

    def _at_once(self) -> bool:
        """Whether the request was answered. Not while another one is, nor when the client is slow to read."""
        fresh, self._fresh = self._fresh, False
        gate = getattr(self.config.app, "gate", None)
        if (
            not fresh
            or gate is None
            or self.parser.get_method() != b"GET"
            or self.parser.get_http_version() != "1.1"
            or not self.parser.should_keep_alive()
            or self.parser.should_upgrade()
            or not (self.cycle is None or self.cycle.response_complete)
            or self.flow.write_paused
            or not _OF_BODIES.isdisjoint([name for name, _ in self.headers])
        ):
            return False
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        self.scope["method"] = "GET"
        self.scope["path"] = self.root_path + (unquote(path) if "%" in path else path)
        self.scope["query_string"] = url.query or b""
        answer = gate.at_once(self.scope)
        if answer is None:
            return False
        status, head, body = answer
        common = b"".join([b"%b: %b\r\n" % header for header in self.server_state.default_headers])
        self.transport.write(b"".join((STATUS_LINE[status], common, head, b"\r\n", body)))
        return True


class Together(asyncio.Transport):
    """A transport that sends what was written at the end of the turn of the event loop."""

    __slots__ = ("_loop", "_parts", "_size", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        """On top of another one."""
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes | bytearray | memoryview[Any]] = []
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send something soon."""
        self._parts.append(data)
        self._size += len(data)
        if self._size > _TOGETHER:
            self._flush()
        elif len(self._parts) == 1:
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self._parts:
            data = b"".join(self._parts) if len(self._parts) > 1 else self._parts[0]
            self._parts.clear()
            self._size = 0
            if not self._transport.is_closing():
                self._transport.write(data)

    def close(self) -> None:
        """Send what was written, then close."""
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether it closes."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport tells of itself."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Read no more for now."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self._transport.resume_reading()
