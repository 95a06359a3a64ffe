"""Run the web application with uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import uvicorn

from v4graph import litter
from v4graph.errors import BadRequest
from v4graph.iris import Iris
from v4graph.namespaces import prefixes
from v4graph.packaged import read_file
from v4graph.sandbox.documents import Document, Parsed, parse_documents
from v4graph.sandbox.scratch import ScratchStore
from v4graph.settings import Settings
from v4graph.web.app import Application, create_app
from v4graph.web.connection import Connection
from v4graph.web.logs import RequestLines, log_config

_FAREWELL_SECONDS = 5.0
"""What a server that ends waits for answers beyond the deadline of a query: for clients that read slowly."""
_LAST_SECONDS = 5
"""And then for connections to close."""
_NOT_STARTED = 3
_LITTER = 10_000
"""New objects after which is looked for those that only know each other; a request makes few."""


class _Server(uvicorn.Server):
    """Ends gently when it is told to by SIGTERM: shuts the door, waits, closes. SIGINT closes at once."""

    def __init__(self, config: uvicorn.Config, app: Application, seconds: float) -> None:
        """``seconds`` are waited for answers under way."""
        super().__init__(config)
        self._app, self._seconds = app, seconds
        self._gently = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note how to end; a second signal hurries."""
        self._gently = sig == signal.SIGTERM and not self.should_exit
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start; what is there then stays, and is not looked through for garbage again and again."""
        await super().startup(sockets)
        litter.keep()
        gc.set_threshold(_LITTER)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let answers under way finish, then close."""
        if self._gently and self._app.gate is not None:
            await self._shut_the_door()
            await self._app.gate.drain(self._seconds, lambda: not self._gently or self.force_exit)
        await super().shutdown(sockets)

    async def _shut_the_door(self) -> None:
        """Take no more connections, but every one that waits already: the system would break those off."""
        loop = asyncio.get_running_loop()
        taken: list[socket.socket] = []
        for server in self.servers:
            doors = [socket.socket(fileno=os.dup(listener.fileno())) for listener in server.sockets]
            server.close()
            for door in doors:
                door.setblocking(False)
                with door, contextlib.suppress(BlockingIOError):
                    while True:
                        taken.append(door.accept()[0])
        for connection in taken:
            connection.setblocking(False)
            await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        """What speaks HTTP on a connection; the server makes those of the others itself."""
        speaking: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return speaking


def run(settings: Settings, *, scratch_files: Sequence[Path] | None = None) -> None:
    """Serve until interrupted. With ``scratch_files`` (also an empty list) a temporary, writable store is served.

    Raises:
        BadRequest: scratch mode beyond loopback, or a file of no known syntax.
        MalformedData: a file of scratch mode cannot be read; nothing was started.
    """
    scratch = None
    quads: list[bytes] = []
    if scratch_files is not None:
        if not _is_loopback(settings.host):
            raise BadRequest("Scratch mode lets everybody write, so it serves on loopback only (HOST=127.0.0.1).")
        scratch = ScratchStore(settings, prefixes=prefixes(Iris(settings.base_iri)))
        quads = [_quads(path, settings) for path in scratch_files]
    app = create_app(settings, scratch=scratch, quads=quads)
    app.state.warms = True
    terminal = sys.stderr.isatty()
    lines = RequestLines(sys.stderr, settings.log_level, terminal=terminal)
    if app.gate is not None:
        app.gate.lines = lines
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=Connection,
        log_config=log_config(settings.log_level, terminal=terminal),
        access_log=False,
        server_header=False,
        date_header=True,
        h11_max_incomplete_event_size=None,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_LAST_SECONDS,
        backlog=1024,
    )
    server = _Server(config, app, settings.query_seconds + _FAREWELL_SECONDS)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    lines.flush()
    if not server.started:
        raise SystemExit(_NOT_STARTED)


def _quads(path: Path, settings: Settings) -> bytes:
    """A file as N-Quads."""
    document = Document(*read_file(path), genid_prefix="", name=str(path), dataset=True)
    [parsed] = parse_documents([document], settings)
    if not isinstance(parsed, Parsed):
        raise parsed
    return "\n".join(parsed.lines).encode()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
