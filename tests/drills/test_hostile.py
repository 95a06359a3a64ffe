"""The hostile corpus under polite load: how much longer do polite clients wait?"""

from __future__ import annotations

import threading
import time
from pathlib import Path

import httpx

from tests.drills.serving import FULL, tail
from tests.web.conftest import SMALL, publish, running, wide
from tests.web.test_hostile import BOMBS, FEDERATED, LONG_ONES, NESTED, POLITE
from v4graph.settings import Settings
from v4graph.web.app import create_app

CLIENTS = 16 if FULL else 4
SECONDS = 60.0 if FULL else 3.0
_FEDERATED = [query.format(url="http://127.0.0.1:9/", host="x", port=9) for query in FEDERATED.values()]
CORPUS = [*NESTED.values(), *BOMBS.values(), *LONG_ONES.values(), *_FEDERATED]


def be_polite(url: str, number: int, until: threading.Event, seconds: list[float], statuses: list[int]) -> None:
    with httpx.Client(base_url=url, timeout=30) as client:
        turn = 0
        while not until.is_set():
            turn += 1
            begun = time.monotonic()
            answer = client.get("/sparql", params={"query": f"{POLITE} # {number} {turn}"})
            seconds.append(time.monotonic() - begun)
            statuses.append(answer.status_code)
            time.sleep(0.02)


def be_hostile(url: str, until: threading.Event, statuses: list[int]) -> None:
    with httpx.Client(base_url=url, timeout=30) as client:
        while not until.is_set():
            for query in CORPUS:
                if until.is_set():
                    return
                statuses.append(client.post("/sparql", data={"query": query, "timeout": "1"}).status_code)


def measure(url: str, *, hostile: bool) -> tuple[list[float], list[int], list[int]]:
    until = threading.Event()
    seconds: list[float] = []
    polite: list[int] = []
    foes: list[int] = []
    works = [
        threading.Thread(target=be_polite, args=(url, n, until, seconds, polite), daemon=True) for n in range(CLIENTS)
    ]
    works += [threading.Thread(target=be_hostile, args=(url, until, foes), daemon=True)] if hostile else []
    for work in works:
        work.start()
    time.sleep(SECONDS)
    until.set()
    for work in works:
        work.join(60)
        assert not work.is_alive()
    return seconds, polite, foes


def test_polite_clients_beside_a_hostile_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    publish(home, SMALL + wide())
    settings = Settings(home=home, readers=2, reader_memory_mb=256, query_seconds=5)
    with running(create_app(settings)) as server:
        alone, statuses, _ = measure(server.url, hostile=False)
        beside, beset, foes = measure(server.url, hostile=True)
        assert set(statuses) == set(beset) == {200}
        assert foes and set(foes) <= {200, 400, 403, 413, 503}
        assert httpx.get(f"{server.url}/health").json()["ready"]
    print(
        f"\n{CLIENTS} polite clients: p99 {tail(alone) * 1000:.1f} ms alone, {tail(beside) * 1000:.1f} ms beside "
        f"{len(foes)} hostile requests: {tail(beside) / tail(alone):.2f} times"
    )
