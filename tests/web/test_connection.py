"""What is remembered is answered at once, what is written at one time leaves together, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, urlsplit

import httpx
import pytest
import uvloop
from starlette.types import Scope

from v4graph.settings import Settings
from v4graph.web.app import create_app
from v4graph.web.connection import Together
from v4graph.web.gate import Gate

from .conftest import SMALL, Server, publish, running, wide


def _between(use: Callable[[Together, socket.socket], Awaitable[None]]) -> None:
    async def main() -> None:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        with ours, theirs:
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
            await use(Together(transport, loop), theirs)

    uvloop.run(main())


async def _all(theirs: socket.socket) -> bytes:
    parts = []
    async with asyncio.timeout(10):
        while part := await asyncio.get_running_loop().sock_recv(theirs, 1 << 20):
            parts.append(part)
    return b"".join(parts)


def test_head_and_body_arrive_as_one() -> None:
    async def use(transport: Together, theirs: socket.socket) -> None:
        transport.write(b"head")
        transport.write(b"body")
        assert await asyncio.get_running_loop().sock_recv(theirs, 100) == b"headbody"
        transport.write(b"more")
        assert await asyncio.get_running_loop().sock_recv(theirs, 100) == b"more"
        transport.close()
        assert await _all(theirs) == b""

    _between(use)


def test_what_was_written_before_the_end_is_sent() -> None:
    async def use(transport: Together, theirs: socket.socket) -> None:
        written = [bytes([number]) * 30_000 for number in range(40)]
        for part in written:
            transport.write(part)
        transport.close()
        assert transport.is_closing()
        transport.write(b"too late")
        assert await _all(theirs) == b"".join(written)

    _between(use)


# answers that are remembered


KNOWN = f"/sparql?query={quote('SELECT * { ?s ?p ?o } ORDER BY ?s LIMIT 5')}"
LARGE = f"/sparql?query={quote('SELECT * { GRAPH ?g { ?s <http://example.org/says> ?o } } LIMIT 4000')}"
JSON = "application/sparql-results+json"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that remembers a few answers."""
    home: Path = tmp_path_factory.mktemp("remembering") / "home"
    publish(home, SMALL + wide())
    with running(create_app(Settings(home=home, readers=1))) as found:
        for target in (KNOWN, LARGE):
            assert httpx.get(f"{found.url}{target}", headers={"Accept": JSON}).status_code == 200
        yield found


def request(target: str, *headers: str) -> bytes:
    lines = (f"GET {target} HTTP/1.1", "Host: localhost", f"Accept: {JSON}", *headers, "", "")
    return "\r\n".join(lines).encode()


def spoken(server: Server, *sent: bytes, count: int) -> list[tuple[int, dict[str, str], bytes]]:
    """So many answers to what is sent over one connection; a request each waits for the answer to the one before."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), 20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = connection.makefile("rb")
        got = []
        for part in sent:
            connection.sendall(part)
            if len(sent) == count:
                got.append(answer(received))
        return [*got, *(answer(received) for _ in range(count - len(got)))]


def answer(received: BinaryIO) -> tuple[int, dict[str, str], bytes]:
    lines = iter(received.readline, b"\r\n")
    status = int(next(lines).split()[1])
    headers = dict(line.decode().rstrip("\r\n").split(": ", 1) for line in lines)
    return status, headers, received.read(int(headers.get("content-length", 0)))


def counted(server: Server) -> int:
    """How many answers were found in memory."""
    return int(server.app.state.answers.hits)


def test_what_is_remembered_is_answered_as_it_was_before(own: Server) -> None:
    """By the application, whose part the wish to end the connection is; and without it."""
    [(status, slow, body)] = spoken(own, request(KNOWN, "Connection: close"), count=1)
    [(again, quick, same)] = spoken(own, request(KNOWN), count=1)
    assert (status, again) == (200, 200)
    assert json.loads(body)["results"]["bindings"]
    assert body == same
    assert slow.pop("connection") == "close"
    for told in (slow, quick):
        assert re.fullmatch(r"[0-9a-f]{16}", told.pop("x-request-id"))
        assert told.pop("date").endswith("GMT")
    assert slow == quick
    assert set(quick) >= {"etag", "vary", "content-type", "v4graph-snapshot", "access-control-allow-origin"}


@pytest.mark.parametrize("had", ["{}", "*", "W/{}", '"other", {}'], ids=["the same", "any", "weak", "one of two"])
def test_what_the_client_has_is_not_sent_again(own: Server, had: str) -> None:
    [(_, full, _)] = spoken(own, request(KNOWN), count=1)
    asked = request(KNOWN, f"If-None-Match: {had.format(full['etag'])}")
    first, second = spoken(own, asked, request(KNOWN), count=2)
    assert (first[0], second[0]) == (304, 200)
    assert first[2] == b""
    assert first[1].keys() == full.keys() - {"content-length", "content-type", "v4graph-result"}
    assert first[1]["etag"] == full["etag"]


def test_the_id_of_a_proxy_is_kept_and_an_odd_one_is_not(own: Server) -> None:
    kept, odd = spoken(own, request(KNOWN, "X-Request-Id: proxy-77"), request(KNOWN, "X-Request-Id: a\tb"), count=2)
    assert kept[1]["x-request-id"] == "proxy-77"
    assert re.fullmatch(r"[0-9a-f]{16}", odd[1]["x-request-id"])


def test_answers_come_in_the_order_of_requests(own: Server) -> None:
    """Remembered or not, together or one by one."""
    targets = [KNOWN, f"/sparql?query={quote('ASK {} # in order')}", KNOWN, "/health/live", "/nowhere", KNOWN, LARGE]
    alone = [spoken(own, request(target), count=1)[0] for target in targets]
    for parts in ([b"".join(map(request, targets))], [request(target) for target in targets]):
        got = spoken(own, *parts, count=len(targets))
        assert [status for status, _, _ in got] == [200, 200, 200, 200, 404, 200, 200]
        for (_, _, one), (_, _, other), target in zip(alone, got, targets, strict=True):
            assert target == "/nowhere" or one == other


def test_a_body_where_none_belongs_is_not_taken_for_a_request(own: Server) -> None:
    hidden = request("/nowhere")
    smuggling = request(KNOWN, f"Content-Length: {len(hidden)}") + hidden
    chunked = request(KNOWN, "Transfer-Encoding: chunked") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(hidden), hidden)
    got = spoken(own, smuggling, chunked, request("/health/live"), count=3)
    assert [status for status, _, _ in got] == [200, 200, 200]
    assert json.loads(got[2][2]).keys() != json.loads(got[0][2]).keys()


def test_it_is_counted_and_written_down(own: Server) -> None:
    def requests() -> float:
        text = httpx.get(f"{own.url}/metrics").text
        found = re.search(r'v4graph_requests_total\{method="GET",route="/sparql",status="2xx"\} (\S+)', text)
        assert found, text
        return float(found[1])

    before, hits = requests(), counted(own)
    spoken(own, *[request(KNOWN)] * 5, count=5)
    assert (requests() - before, counted(own) - hits) == (5, 5)


def test_who_asks_much_together_does_not_keep_others_waiting(own: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of it is answered at once, the others take their turn."""
    gate = own.app.gate
    at_once: list[bool] = []

    def counting(scope: Scope) -> tuple[int, bytes, bytes] | None:
        found: tuple[int, bytes, bytes] | None = Gate.at_once(gate, scope)
        at_once.append(found is not None)
        return found

    monkeypatch.setattr(gate, "at_once", counting)
    spoken(own, *[request(KNOWN)] * 3, count=3)
    assert at_once == [True] * 3
    at_once.clear()
    assert len(spoken(own, request(KNOWN) * 50, count=50)) == 50
    assert at_once == [True]


def test_who_does_not_read_fills_no_memory(own: Server) -> None:
    """Hundreds of requests for a large answer, one by one, and nobody who takes the answers."""
    address = urlsplit(own.url)
    size = int(spoken(own, request(LARGE), count=1)[0][1]["content-length"])
    assert size > 500_000
    before, hits = resident(), counted(own)
    with socket.create_connection((address.hostname, address.port), 20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(300):
            connection.sendall(request(LARGE))
            time.sleep(0.005)  # so that each arrives alone
        assert httpx.get(f"{own.url}/health/live", timeout=20).status_code == 200
        assert resident() - before < 64 << 20, "what nobody reads is kept"
        assert counted(own) - hits < 100


def resident() -> int:
    """Bytes of memory of this process, in which the server is a thread."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
