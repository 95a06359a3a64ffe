"""Five hundred slow clients: headers that never end, bodies that trickle, answers that nobody reads.

Polite clients are answered all the while, and when the slow ones are gone their files are, too.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.drills.serving import FULL, POINT, Serving, serving, tail
from tests.web.conftest import SMALL, publish, wide

CLIENTS = 500 if FULL else 120
POLITE = 200 if FULL else 40
WIDE = "SELECT%20%2A%20%7B%20GRAPH%20%3Fg%20%7B%20%3Fs%20%3Fp%20%3Fo%20%7D%20%7D"


def _headers(number: int) -> bytes:
    return f"GET /sparql?query=ASK%7B%7D HTTP/1.1\r\nHost: x\r\nX-{number}: ".encode()


def _body(number: int) -> bytes:
    head = "POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\nContent-Length: 5000\r\n\r\n"
    return f"{head}ASK {{ # {number}".encode()


def _unread(number: int) -> bytes:
    return f"GET /sparql?query={WIDE}%23{number}&timeout=2 HTTP/1.1\r\nHost: x\r\n\r\n".encode()


KINDS: tuple[Callable[[int], bytes], ...] = (_headers, _body, _headers, _body, _unread)


def ask(client: httpx.Client, times: int) -> tuple[list[float], list[int]]:
    seconds, statuses = [], []
    for number in range(times):
        begun = time.monotonic()
        answer = client.get("/sparql", params={"query": f"{POINT}{begun} {number}"})
        seconds.append(time.monotonic() - begun)
        statuses.append(answer.status_code)
    return seconds, statuses


def slow(server: Serving, number: int) -> socket.socket:
    address = urlsplit(server.url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(10)
    connection.connect((address.hostname, address.port))
    connection.sendall(KINDS[number % len(KINDS)](number))
    return connection


def settled(server: Serving, most: int, seconds: float) -> int:
    """The open files of a server, once they are few enough or it has had its time."""
    deadline = time.monotonic() + seconds
    while (found := server.descriptors()) > most and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def test_slow_clients_keep_nobody_else_waiting(published_home: Path, tmp_path: Path) -> None:
    import shutil

    home = tmp_path / "home"
    shutil.copytree(published_home, home)
    # The slow ones come from the same address as the polite ones, and shall not use up what one client may ask.
    with serving(home, readers=2, client_queries=200, total_queries=300) as server:
        with httpx.Client(base_url=server.url, timeout=30) as client:
            ask(client, 5)
            before, descriptors = ask(client, POLITE)[0], server.descriptors()
            connections = [slow(server, number) for number in range(CLIENTS)]
            time.sleep(3)  # the queries whose answers nobody reads meet their deadline
            for number, connection in enumerate(connections):
                with suppress(OSError):  # one byte now and then keeps them open
                    connection.sendall(b"x" if number % 5 < 4 else b"")
            seconds, statuses = ask(client, POLITE)
            held = server.descriptors()
            for connection in connections:
                connection.close()
            after = settled(server, descriptors + 5, 20)
        assert statuses == [200] * POLITE
        assert held > descriptors + CLIENTS / 2, "they were there all the while"
        assert after <= descriptors + 5, (descriptors, held, after)
        assert tail(seconds) < 3
        print(
            f"\n{CLIENTS} slow clients: p99 of polite ones {tail(seconds) * 1000:.1f} ms "
            f"(before {tail(before) * 1000:.1f} ms); open files {descriptors}, {held}, {after}"
        )


def test_an_answer_that_nobody_reads_holds_no_reader(tmp_path: Path) -> None:
    """Its query ends at its deadline, and the next one is answered."""
    publish(tmp_path / "home", SMALL + wide())
    from tests.web.conftest import running
    from v4graph.settings import Settings
    from v4graph.web.app import create_app

    settings = Settings(home=tmp_path / "home", readers=1, query_seconds=2)
    with running(create_app(settings)) as server:
        address = urlsplit(server.url)
        connections = []
        for number in range(4):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect((address.hostname, address.port))
            connection.sendall(_unread(number))
            connections.append(connection)
        begun = time.monotonic()
        with httpx.Client(base_url=server.url, timeout=30) as client:
            while True:
                answer = client.get("/sparql", params={"query": f"ASK {{}} # {time.monotonic()}"})
                if answer.status_code == 200:
                    break
                assert answer.status_code == 503, answer.text
                assert time.monotonic() - begun < 15
        for connection in connections:
            connection.close()
        deadline = time.monotonic() + 10
        while server.app.state.limits.under_way and time.monotonic() < deadline:
            time.sleep(0.05)
        assert server.app.state.limits.under_way == 0
