"""Real servers on loopback ports: one with a published dataset, one in scratch mode."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pyoxigraph as ox
import pytest
import uvicorn
from fastapi import FastAPI

from v4graph.sandbox.scratch import ScratchStore
from v4graph.settings import Settings
from v4graph.store.embedded import current
from v4graph.store.primary import Primary, publishing
from v4graph.web.app import create_app
from v4graph.web.connection import Connection

BASE = "https://w3id.org/v4graph/"
SMALL = """
@prefix : <http://example.org/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
:ostrava skos:prefLabel "Ostrava"@cs ; :population 284765 .
:kosice skos:prefLabel "Košice"@sk ; :population 229040 .
GRAPH <https://w3id.org/v4graph/graph/first> { :ostrava :said "by the first" }
GRAPH <https://w3id.org/v4graph/graph/second> { :ostrava :said "by the second" . :kosice :said "by the second" }
"""
WIDE_ROWS = 20_000
"""Statements in the graph that makes answers long enough to be streamed."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it listens and its parts, for looking inside."""

    url: str
    app: FastAPI

    def pids(self) -> list[int]:
        """The processes of the readers."""
        return list(self.app.state.sandbox.pids)


class _Quiet(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the thread of a test is not the one that gets signals


@contextmanager
def running(app: FastAPI) -> Iterator[Server]:
    """Run an application on a free loopback port, in a thread with its own event loop."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    # as on the sockets the server opens itself; without it an answer in two pieces waits for an acknowledgement
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    port = listener.getsockname()[1]
    config = uvicorn.Config(app, log_level="critical", access_log=False, loop="uvloop", http=Connection, lifespan="on")
    server = _Quiet(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the server did not start")
        time.sleep(0.01)
    try:
        yield Server(f"http://127.0.0.1:{port}", app)
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


def publish(home: Path, trig: str, *, token: str = "first") -> None:
    """Make a store of a home hold exactly this dataset, and its snapshot."""
    before = current(home)
    with publishing(home):
        primary = Primary(home)
        primary.store.clear()
        primary.store.bulk_load(trig.encode(), ox.RdfFormat.TRIG)
        primary.checkpoint(entry=before.number + 1 if before else 1, token=token)
        primary.close()


def wide(rows: int = WIDE_ROWS) -> str:
    """A dataset of many statements in a graph of their own."""
    lines = (f'<http://example.org/n{i}> <http://example.org/says> "row number {i} of many" .' for i in range(rows))
    return "GRAPH <https://w3id.org/v4graph/graph/wide> {\n" + "\n".join(lines) + "\n}"


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in normal mode on a small dataset: two sources and a wide graph."""
    home = tmp_path_factory.mktemp("home")
    publish(home, SMALL + wide())
    settings = Settings(home=home, readers=2, query_seconds=10, client_queries=16)
    with running(create_app(settings)) as found:
        yield found


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in scratch mode, empty at first; of one reader, as every update starts them anew."""
    settings = Settings(home=tmp_path_factory.mktemp("scratch"), readers=1, query_seconds=10)
    with running(create_app(settings, scratch=ScratchStore(settings))) as server:
        yield server


@pytest.fixture
def client(small: Server) -> Iterator[httpx.Client]:
    """A client of the published dataset."""
    with httpx.Client(base_url=small.url, timeout=20) as found:
        yield found


@pytest.fixture
def writer(scratch: Server) -> Iterator[httpx.Client]:
    """A client of the scratch server, which is emptied first."""
    with httpx.Client(base_url=scratch.url, timeout=20) as found:
        answer = found.post("/sparql", data={"update": "DROP ALL"})
        assert answer.status_code == 204, answer.text
        yield found


@pytest.fixture(scope="module")
def server(published_home: Path) -> Iterator[Server]:
    """A server of the packaged data, for a file of tests."""
    with running(create_app(Settings(home=published_home, readers=2))) as found:
        yield found


@pytest.fixture
def web(server: Server) -> Iterator[httpx.Client]:
    """A client of that server."""
    with httpx.Client(base_url=server.url, timeout=60) as found:
        yield found
