"""Two servers of one home, one restarted after the other under load: nobody is told that anything failed.

The proxy here does what ``operating/nginx.conf`` has nginx do: servers take turns; where one refuses the connection,
another one is asked. Nothing else is repeated, so it does not matter what a request does.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.small import CLEAN, SOUTH, project_lines, small, token
from v4graph import actors
from v4graph.web.gate import NOTICE
from v4graph.workspace import Workspace

ROOT = Path(__file__).parent.parent.parent
ASK = {"query": "SELECT ?o { ?s <http://www.w3.org/2004/02/skos/core#prefLabel> ?o }"}
SETTINGS = {"V4GRAPH_READERS": "1", "V4GRAPH_QUERY_SECONDS": "60"}
ROWS = 150_000
LONG = f"SELECT * {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }} LIMIT {ROWS}"
"""An answer larger than what fits between a server and a client that does not read."""


@dataclass(slots=True)
class Worker:
    """A server as an operator starts it, in a process of its own."""

    home: Path
    port: int = 0
    process: asyncio.subprocess.Process | None = None
    log: Path = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self.log = self.home.parent / f"{self.port}.log"
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "v4graph", "serve", "--port", str(self.port), cwd=ROOT,
                env={**os.environ, "V4GRAPH_HOME": str(self.home), **SETTINGS},
                stdout=subprocess.DEVNULL, stderr=log,
            )  # fmt: skip
        async with httpx.AsyncClient() as web, asyncio.timeout(60):
            while True:
                try:
                    if (await web.get(f"{self.url}/health/ready")).status_code == 200:
                        return
                except httpx.TransportError:
                    assert self.process.returncode is None, self.log.read_text()
                await asyncio.sleep(0.05)

    async def stop(self) -> float:
        """End it gently; the seconds that takes."""
        began = time.monotonic()
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            await self.process.wait()
        return time.monotonic() - began


class Proxy:
    """Round robin over workers, one connection per request, as nginx does."""

    def __init__(self, workers: list[Worker], web: httpx.AsyncClient) -> None:
        self._turns = itertools.cycle(range(len(workers)))
        self._workers = workers
        self._web = web
        self.refused = 0
        self.answered: Counter[int] = Counter()

    async def send(self, method: str, path: str, **what: object) -> httpx.Response:
        first = next(self._turns)
        for worker in (*self._workers[first:], *self._workers[:first]):
            try:
                answer = await self._web.request(method, f"{worker.url}{path}", **what)  # type: ignore[arg-type]
            except httpx.ConnectError:
                self.refused += 1
                continue
            self.answered[worker.port] += 1
            return answer
        raise AssertionError("no server could be reached")


def _free_ports(count: int) -> list[int]:
    import socket

    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = small(tmp_path / "home")
    lines = [line for n in range(60) for line in project_lines(f"p{n:02}", name=f"P {n}")]
    made.submit(SOUTH, "south", lines, report=CLEAN, checked_token=token(made))
    return made


@asynccontextmanager
async def _running(home: Path, count: int) -> AsyncIterator[list[Worker]]:
    workers = [Worker(home, port) for port in _free_ports(count)]
    try:
        await asyncio.gather(*(worker.start() for worker in workers))
        yield workers
    finally:
        for worker in workers:
            if worker.process is not None and worker.process.returncode is None:
                worker.process.kill()
                await worker.process.wait()


def test_no_request_fails_while_servers_are_restarted(workspace: Workspace) -> None:
    statuses: Counter[int] = Counter()
    proxy = asyncio.run(_restarted(workspace.home, statuses))
    assert set(statuses) == {200}, statuses
    assert statuses[200] > 100
    assert proxy.refused > 0, "nobody noticed the restart"
    assert len(proxy.answered) == 2


async def _restarted(home: Path, statuses: Counter[int]) -> Proxy:
    alone = httpx.Limits(max_keepalive_connections=0)
    async with _running(home, 2) as workers, httpx.AsyncClient(timeout=30, limits=alone) as web:
        proxy, over = Proxy(workers, web), asyncio.Event()

        async def client(number: int) -> None:
            for turn in itertools.count():
                if over.is_set():
                    return
                if turn % 2:
                    answer = await proxy.send("POST", "/sparql", data={"query": f"{ASK['query']} # {number} {turn}"})
                else:
                    answer = await proxy.send("GET", "/sparql", params=ASK)
                statuses[answer.status_code] += 1

        clients = [asyncio.create_task(client(number)) for number in range(4)]
        for worker in workers:
            await worker.stop()
            await worker.start()
        over.set()
        await asyncio.gather(*clients)
        return proxy


def test_what_is_under_way_finishes_and_what_comes_new_is_turned_away(workspace: Workspace) -> None:
    asyncio.run(_ended(workspace.home))


async def _ended(home: Path) -> None:
    async with _running(home, 1) as [worker]:
        limits = httpx.Limits(keepalive_expiry=120)
        web = [httpx.AsyncClient(base_url=worker.url, timeout=60, limits=limits) for _ in range(3)]
        busy, kept, probe = web
        for one in (kept, probe):  # whose connections are open when the end begins
            assert (await one.get("/health/ready")).status_code == 200
        async with busy.stream("POST", "/sparql", data={"query": LONG}, headers={"Accept": "text/csv"}) as answer:
            assert (answer.status_code, answer.headers["v4graph-result"]) == (200, "streamed")
            pieces = answer.aiter_bytes()
            body = [await anext(pieces)]  # and then this client takes its time
            ending = asyncio.create_task(worker.stop())
            await _until_refused(worker.url)
            ready = await probe.get("/health/ready")
            assert (ready.status_code, ready.headers["connection"]) == (503, "close")
            assert ready.json()["reason"] == "the server is ending"
            await asyncio.sleep(NOTICE + 0.1)
            refused = await kept.get("/sparql", params=ASK)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
            assert not ending.done()
            body += [piece async for piece in pieces]
        assert b"".join(body).count(b"\n") == ROWS + 1, "the answer under way is whole"
        assert await ending < 60
        assert worker.process is not None
        assert worker.process.returncode == -signal.SIGTERM
        assert "Traceback" not in worker.log.read_text()
        for one in web:
            await one.aclose()


async def _until_refused(url: str) -> None:
    while True:
        try:
            async with httpx.AsyncClient() as late:
                await late.get(f"{url}/health/live")
        except httpx.ConnectError:
            return


def test_two_servers_see_each_others_publications(workspace: Workspace) -> None:
    with workspace.writing() as ledger:
        secret = actors.add_token(ledger, "south", ("submit", "publish"))[1]
    asyncio.run(_seen(workspace.home, {"Authorization": f"Bearer {secret}", "Content-Type": "text/turtle"}))


async def _seen(home: Path, headers: dict[str, str]) -> None:
    async with _running(home, 2) as workers, httpx.AsyncClient(timeout=60) as web:
        for turn, (first, second) in enumerate((workers, workers[::-1])):
            document = "\n".join(project_lines("new", name=f"New {turn}"))
            wish = {"confirmed": "true", "note": "its partners are not known yet"}
            told = await web.put(f"{first.url}/graph/south", params=wish, content=document, headers=headers)
            assert told.status_code in (201, 204), told.text
            async with asyncio.timeout(5):  # each looks four times a second
                while f"New {turn}" not in (await web.get(f"{second.url}/sparql", params=ASK)).text:
                    await asyncio.sleep(0.02)
            told = await web.get(f"{first.url}/metrics")
            assert 'v4graph_publication_duration_seconds_bucket{le="+Inf"} 1.0' in told.text
            assert 'v4graph_memory_bytes{process="publisher"} 0.0' not in told.text
        both = [web.get(f"{worker.url}/sparql", params=ASK) for worker in workers]
        ours, theirs = await asyncio.gather(*both)
        assert ours.headers["v4graph-snapshot"] == theirs.headers["v4graph-snapshot"]
        assert ours.headers["etag"] == theirs.headers["etag"]
