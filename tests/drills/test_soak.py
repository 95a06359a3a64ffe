"""Half an hour of everything at once: memory and open files of all processes do not climb."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.drills.serving import FULL, Load, Serving, partnered, serving, tail

SECONDS = 1800.0 if FULL else 4.0
EVERY = 10.0 if FULL else 1.0
PAGES = (
    "/", "/project/v4clusters", "/project/v4clusters.jsonld", "/clusters?country=SVK", "/map", "/search?q=kosice",
    "/queries/clusters/list-clusters.csv", "/changes", "/graph/ontology", "/blame?iri=x", "/sectors", "/timeline",
    "/clusters.geojson", "/projects.csv", "/network", "/api", "/contributions/validate", "/nowhere", "/sparql?query=(",
)  # fmt: skip


def slope(samples: list[tuple[float, float]]) -> float:
    """How much a figure grows in a second: least squares, so that one odd sample says little."""
    n = len(samples)
    t, v = sum(x for x, _ in samples) / n, sum(y for _, y in samples) / n
    spread = sum((x - t) ** 2 for x, _ in samples)
    return sum((x - t) * (y - v) for x, y in samples) / spread if spread else 0.0


def browse(url: str, stop: threading.Event, statuses: list[int]) -> None:
    """Read pages, with and without a connection kept."""
    turn = 0
    while not stop.is_set():
        with httpx.Client(base_url=url, timeout=60, headers={"Accept": "text/html"}) as client:
            for path in PAGES:
                if stop.is_set():
                    return
                turn += 1
                joint = "&" if "?" in path else "?"
                statuses.append(client.get(f"{path}{joint}turn={turn}" if turn % 2 else path).status_code)


@pytest.mark.timeout(3600)
def test_nothing_climbs(published_home: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    secret = partnered(published_home, home)
    statuses: list[int] = []
    stop = threading.Event()
    with serving(home, readers=2) as server:
        load = Load(server.url, secret)
        load.start(writers=1, askers=2)
        reader = threading.Thread(target=browse, args=(server.url, stop, statuses), daemon=True)
        reader.start()
        deadline = time.monotonic() + 90
        while (len(statuses) < len(PAGES) or len(load.acknowledged) < 2) and time.monotonic() < deadline:
            time.sleep(0.1)  # whatever is started when it is first needed has been
        files, memory = sample(server)
        stop.set()
        load.stop()
        reader.join(60)
        assert not reader.is_alive()
        quiet = rest(server, files[0][1] + 10)
        held = server.held()
    assert all(status < 500 or status == 503 for status in [*statuses, *load.statuses]), set(statuses + load.statuses)
    assert len(load.acknowledged) >= 2
    late = memory[len(memory) // 3 :]  # the first third is warming up
    per_hour = slope(late) * 3600 / 2**20
    growth = (late[-1][1] - late[0][1]) / 2**20
    print(
        f"\n{SECONDS:.0f} s: {len(load.statuses)} queries and contributions ({len(load.acknowledged)} published, p99 "
        f"of queries {tail(load.seconds) * 1000:.0f} ms), {len(statuses)} pages; memory {memory[0][1] / 2**20:.0f} → "
        f"{memory[-1][1] / 2**20:.0f} MB, slope {per_hour:.1f} MB/h after a third; open files {files[0][1]:.0f} → "
        f"{files[-1][1]:.0f}, {quiet} at rest, slope {slope(files) * 3600:.1f}/h"
    )
    assert quiet <= files[0][1] + 25, "files stay open"
    assert held == 1, "somebody has a snapshot open that he has left"
    assert growth < 150
    if FULL:
        assert per_hour < 200


def sample(server: Serving) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Open files and memory over the time of the drill."""
    files, memory = [], []
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < SECONDS:
        files.append((passed, float(server.descriptors())))
        memory.append((passed, float(server.resident())))
        time.sleep(EVERY)
    return files, memory


def rest(server: Serving, most: float) -> int:
    """The open files when nobody asks any more."""
    deadline = time.monotonic() + 20
    while ((found := server.descriptors()) > most or server.held() > 1) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found
